"""What no client can satisfy: found before a rule runs for months and proposes nobody.

A condition is true of a client field by field, so one field at a time is decided exactly, by trying a point in every
stretch between the limits named (and "unknown", where the field may be). Between fields only what holds of every
client counts: who never ordered has no days since an order, thirty days hold no more orders than ninety. Several
``any`` are each held against what surrounds them and not against one another, so a contradiction spread over two of
them goes unseen; what is refused is impossible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .conditions import Condition, Leaf
from .errors import RuleError
from .features import AT_RISK_FROM
from .schema import FIELDS

# A comparison that must hold, or (False) must not.
Literal = tuple[Leaf, bool]
Clash = tuple[str, list[Leaf]]  # path of the last of the leaves, and the earlier ones it cannot go with

_REAL = frozenset({"p_silent", "p_cross", "lateness", "owner_load", "credit_score", "median_gap"})
_ALWAYS_KNOWN = frozenset(
    {
        *("orders", "orders_30d", "orders_90d", "orders_180d", "orders_365d", "net_12m_cents", "net_total_cents", "overdue_cents"),
        *("missed_visits_90d", "state", "abc", "owner_status", "key_account", "contract_only"),
    }
)
_NEVER_IS_LONG_AGO = frozenset({"days_since_contact", "days_since_visit"})
_SILENCE = ("days_since_last", "lateness", "p_silent", "p_cross")
_ORDERED = {"days_since_last": 1, "p_silent": 1, "p_cross": 1, "median_gap": 2, "lateness": 4}  # order days it takes to know it
_COUNTS = (("orders_30d", 30), ("orders_90d", 90), ("orders_180d", 180), ("orders_365d", 365), ("orders", math.inf))
_OF_OWNER = ("owner", "team", "days_owned", "owner_load")
_BOUGHT = frozenset({"active", "at_risk", "near_inactive", "inactive"})
_OTHER = "\0"  # a word nobody named


def check_contradictions(*conditions: Condition) -> None:
    """Refuse conditions that must hold together and that no client can satisfy, here and inside every nested group.

    Raises
    ------
    RuleError
        ``contradiction`` at the last of the leaves; ``params["other"]`` holds the paths of those it cannot go with,
        joined by ", ". ``never_true`` at a leaf no client satisfies whatever surrounds it.
    """
    if clash := _clash([(condition, True) for condition in conditions]):
        path, others = clash
        if not others:
            raise RuleError("never_true", path)
        raise RuleError("contradiction", path, other=", ".join(other.path for other in others))
    for child in _alternatives(conditions):
        # a branch that contradicts only what surrounds it is dead weight, not an error: another branch may hold
        check_contradictions(child)


def check_escape(conditions: Sequence[Condition], held: Leaf, code: str, **params: object) -> None:
    """Refuse what would catch everyone the conditions let through.

    Parameters
    ----------
    held : true of exactly those who are caught; its path is where the refusal points, "" for the last of the conditions

    Raises
    ------
    RuleError
        ``code``; ``params["other"]`` holds the paths of the conditions that leave nobody else.
    """
    if clash := _clash([*((condition, True) for condition in conditions), (held, False)]):
        paths = [other.path for other in clash[1]]
        raise RuleError(code, held.path or paths[-1], other=", ".join(paths), **params)


@dataclass(frozen=True)
class _Joined:
    """What must hold at once: comparisons, and choices of which one must hold."""

    literals: list[Literal]
    choices: list[tuple[str, list[tuple[Condition, bool]]]]  # with the path of the group


def _join(nodes: Iterable[tuple[Condition, bool]]) -> _Joined:
    joined = _Joined([], [])
    waiting = list(nodes)
    while waiting:
        node, holds = waiting.pop(0)
        if isinstance(node, Leaf):
            joined.literals.append((node, holds))
        elif node.kind == "not":
            waiting.insert(0, (node.children[0], not holds))
        elif (node.kind == "all") == holds:
            waiting = [(child, holds) for child in node.children] + waiting
        else:
            joined.choices.append((node.path, [(child, holds) for child in node.children]))
    return joined


def _clash(nodes: Sequence[tuple[Condition, bool]], given: Sequence[Literal] = ()) -> Clash | None:
    joined = _join(nodes)
    literals = [*given]
    for literal in joined.literals:
        literals.append(literal)
        if not _possible(literals):
            return literal[0].path, [leaf for leaf, _ in _needed(literals)]
    for path, choice in joined.choices:
        clash: Clash | None = (path, [])  # none of nothing: "not all of an empty group"
        for each in choice:
            clash = _clash([each], literals)
            if clash is None:
                break
        if clash is not None:
            return clash
    return None


def _needed(literals: list[Literal]) -> list[Literal]:
    """The earlier literals without which the last one would be possible: as few as give the clash."""
    kept, last = literals[:-1], literals[-1]
    for literal in literals[:-1]:
        fewer = [each for each in kept if each is not literal]
        if not _possible([*fewer, last]):
            kept = fewer
    return kept


def _alternatives(conditions: Sequence[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        if isinstance(condition, Leaf):
            continue
        if condition.kind == "all":
            yield from _alternatives(condition.children)
        elif condition.kind == "any":
            yield from condition.children
        elif not isinstance(condition.children[0], Leaf):
            yield condition.children[0]


def _possible(literals: Sequence[Literal]) -> bool:
    by_field: dict[str, list[Literal]] = {}
    for literal in literals:
        by_field.setdefault(literal[0].field, []).append(literal)
    if "tags" in by_field and not _tags_possible(by_field.pop("tags")):
        return False
    left = {name: _values(name, of_field) for name, of_field in by_field.items()}
    return all(left.values()) and _agree(_Left(left))


def _values(name: str, literals: Sequence[Literal]) -> list[Any]:
    """Points of the field at which every literal is as it must be, None for unknown; one from each stretch, rising."""
    return [value for value in _points(name, literals) if all(_holds(leaf, value) == holds for leaf, holds in literals)]


def _points(name: str, literals: Sequence[Literal]) -> list[Any]:
    field = FIELDS[name]
    unknown: list[Any] = [] if name in _ALWAYS_KNOWN else [None]
    if field.kind == "flag":
        return [False, True]
    if field.kind == "choice":
        return [*field.choices, *unknown]
    named = [value for leaf, _ in literals if leaf.op != "is_null" for value in _listed(leaf.value)]
    if field.kind != "number":
        return [*dict.fromkeys(named), _OTHER, *unknown]
    ends = [value for value in (field.low, field.high) if math.isfinite(value)]
    limits = sorted({*named, *ends} or {0})
    if name in _REAL:
        between = [(a + b) / 2 for a, b in pairwise(limits)]
        points = {*limits, *between, limits[0] - 1, limits[-1] + 1}
    else:
        points = {whole + step for limit in limits for whole in (math.floor(limit), math.ceil(limit)) for step in (-1, 0, 1)}
    # where nothing ends the field, what holds beyond every limit named holds for ever
    points |= {end for end in (field.low, field.high) if math.isinf(end)}
    return [*sorted(point for point in points if field.low <= point <= field.high), *unknown]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def _holds(leaf: Leaf, value: Any) -> bool:
    if leaf.op == "is_null":
        return (value is None) == leaf.value
    if value is None:
        if leaf.field not in _NEVER_IS_LONG_AGO:
            return False
        value = math.inf
    return _COMPARE[leaf.op](value, leaf.value)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "=": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    "in": lambda value, limit: value in limit,
    "not_in": lambda value, limit: value not in limit,
    "between": lambda value, limit: limit[0] <= value <= limit[1],
}


def _tags_possible(literals: Sequence[Literal]) -> bool:
    """A client has any number of tags: one of each ``in`` must be left when all that must be absent are."""
    absent: set[str] = set()
    one_of: list[set[str]] = []
    tagged: set[bool] = set()
    for leaf, holds in literals:
        if leaf.op == "is_null":
            tagged.add(leaf.value != holds)
        elif (leaf.op == "in") == holds:
            one_of.append(set(leaf.value))
            tagged.add(True)
        else:
            absent |= set(leaf.value)
    return tagged != {False, True} and all(words - absent for words in one_of)


class _Left:
    """What the fields named may still be; fields nobody named may be anything."""

    def __init__(self, values: dict[str, list[Any]]) -> None:
        self.values = values

    def known(self, name: str) -> bool:
        """Whether the field must be known."""
        return name in self.values and None not in self.values[name]

    def unknown(self, name: str) -> bool:
        """Whether the field must be unknown."""
        return self.values.get(name) == [None]

    def least(self, name: str) -> float:
        return min((value for value in self.values.get(name, ()) if value is not None), default=FIELDS[name].low)

    def most(self, name: str) -> float:
        return max((value for value in self.values.get(name, ()) if value is not None), default=FIELDS[name].high)

    def only(self, name: str, words: Iterable[Any]) -> bool:
        """Whether the field must be one of these."""
        return name in self.values and set(self.values[name]) <= set(words)

    def never(self, name: str, words: Iterable[Any]) -> bool:
        """Whether the field can be none of these."""
        return name in self.values and not set(self.values[name]) & set(words)


def _agree(left: _Left) -> bool:
    """What holds between the fields of every client."""
    for name, orders in _ORDERED.items():
        if left.known(name) and (left.most("orders") < orders or left.only("state", ["prospect"])):
            return False
    if left.only("state", _BOUGHT) and left.most("orders") < 1:
        return False
    if left.only("state", ["prospect"]) and left.least("orders") > 0:
        return False
    if left.only("state", ["at_risk"]) and left.known("p_cross") and left.most("p_cross") < AT_RISK_FROM:
        return False
    for i, (fewer, days) in enumerate(_COUNTS):
        if any(left.least(fewer) > left.most(more) for more, _ in _COUNTS[i + 1 :]):
            return False
        if left.known("days_since_last") and days < math.inf:
            # ordered within the last n days or not: the number of days and the count must say the same
            if left.least(fewer) >= 1 and left.least("days_since_last") >= days:
                return False
            if left.most(fewer) < 1 and left.most("days_since_last") < days:
                return False
    if left.only("contract_only", [True]) and (any(map(left.known, _SILENCE)) or left.most("contract_days_left") < 0):
        return False
    if left.only("contract_only", [True]) and left.unknown("contract_days_left"):
        return False
    if left.only("owner_status", ["none"]) and any(map(left.known, _OF_OWNER)):
        return False
    return not (left.never("owner_status", ["none"]) and any(map(left.unknown, _OF_OWNER)))
