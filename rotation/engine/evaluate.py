"""Conditions evaluated on columns: three-valued like SQL at the leaves, where an unknown value satisfies nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .conditions import Condition, Leaf
from .facts import NO_DAY, Array, Facts, Representatives
from .features import days_since, lateness, lifecycle_states
from .rules import Rule
from .schema import ABC, FIELDS, OWNER_STATUSES, STATES
from .scoring import Scores

ACTIVE, ABSENT, LEAVER, NONE = range(len(OWNER_STATUSES))


@dataclass(eq=False)
class Columns:
    """Field name -> values and their null mask, computed once each. Silence is unknown for contract-only clients."""

    facts: Facts
    representatives: Representatives
    scores: Scores
    as_of: int
    _made: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def get(self, name: str) -> tuple[Array, Array]:
        """Values and null mask of one field, each of shape (n_clients,); words are codes."""
        if name not in self._made:
            self._made[name] = self._compute(name)
        return self._made[name]

    def _compute(self, name: str) -> tuple[Array, Array]:
        facts = self.facts
        by = f"field {name}"
        if name in ("days_since_last", "lateness", "p_silent", "p_cross"):
            values = {
                "days_since_last": lambda: self.as_of - facts.last_on.astype(np.int64),
                "lateness": lambda: lateness(facts, self.as_of),
                "p_silent": lambda: self.scores.p_silent,
                "p_cross": lambda: self.scores.p_cross,
            }[name]()
            null = (facts.x < 0) | np.isnan(values)
            if facts.contract_only is not None:
                null = null | facts.contract_only
            return values, null
        if name in _DAYS_SINCE:
            day = facts.need(_DAYS_SINCE[name], by)
            return days_since(day, self.as_of), day == NO_DAY
        if name in _PLAIN:
            values = facts.need(_PLAIN[name], by)
            return values, np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(facts), bool)
        if name in _WORDS:
            codes = facts.need(name, by)
            return codes, codes < 0
        return _SPECIAL[name](self)

    def vocabulary(self, name: str) -> tuple[str, ...]:
        """The words a field's codes stand for."""
        fixed = {"state": STATES, "abc": ABC, "owner_status": OWNER_STATUSES}
        if name in fixed:
            return fixed[name]
        if name == "region":
            return self.facts.region_codes("field region")[1]
        return getattr(self.facts, _WORDS[name])


_DAYS_SINCE = {
    "days_since_contact": "last_contact_on",
    "days_since_visit": "last_visit_on",
    "days_owned": "owned_since_on",
    "days_since_credit_event": "credit_event_on",
}
_PLAIN = {
    "net_12m_cents": "net_12m",
    "net_total_cents": "net_total",
    "overdue_cents": "overdue_cents",
    "missed_visits_90d": "missed_visits",
    "credit_score": "credit_score",
    "median_gap": "median_gap",
    "orders_30d": "n30",
    "orders_90d": "n90",
    "orders_180d": "n180",
    "orders_365d": "n365",
    "key_account": "key_account",
    "contract_only": "contract_only",
}
_WORDS = {"uf": "ufs", "city": "cities", "segment": "segments", "size": "sizes", "abc": "abc"}


def _orders(columns: Columns) -> tuple[Array, Array]:
    return columns.facts.x + 1, np.zeros(len(columns.facts), bool)


def _state(columns: Columns) -> tuple[Array, Array]:
    return lifecycle_states(columns.facts, columns.as_of), np.zeros(len(columns.facts), bool)


def _region(columns: Columns) -> tuple[Array, Array]:
    codes, _ = columns.facts.region_codes("field region")
    return codes, codes < 0


def _contract_days_left(columns: Columns) -> tuple[Array, Array]:
    ends = columns.facts.need("contract_ends_on", "field contract_days_left")
    return ends.astype(np.int64) - columns.as_of, ends == NO_DAY


def _owner_load(columns: Columns) -> tuple[Array, Array]:
    """Clients held over capacity; nobody's clients have no load."""
    reps = columns.representatives
    return _of_owner(columns, reps.holds / np.maximum(reps.capacity, 1))


def _owner_status(columns: Columns) -> tuple[Array, Array]:
    return owner_status(columns.facts, columns.representatives), np.zeros(len(columns.facts), bool)


def _owner(columns: Columns) -> tuple[Array, Array]:
    return _of_owner(columns, columns.representatives.id)


def _team(columns: Columns) -> tuple[Array, Array]:
    return _of_owner(columns, columns.representatives.team)


def _of_owner(columns: Columns, table: Array) -> tuple[Array, Array]:
    owner = columns.facts.owner
    return np.append(table, -1)[owner], owner < 0


_SPECIAL: dict[str, Callable[[Columns], tuple[Array, Array]]] = {
    "orders": _orders,
    "state": _state,
    "region": _region,
    "contract_days_left": _contract_days_left,
    "owner_status": _owner_status,
    "owner_load": _owner_load,
    "owner": _owner,
    "team": _team,
}


def owner_status(facts: Facts, representatives: Representatives) -> Array:
    """Position in ``schema.OWNER_STATUSES`` of each client's owner."""
    status = np.full(len(representatives) + 1, ACTIVE, np.int8)
    if representatives.absent_now is not None:
        status[:-1][representatives.absent_now] = ABSENT
    status[:-1][~representatives.active] = LEAVER
    status[-1] = NONE
    return status[facts.owner]


def population_and_flags(rule: Rule, columns: Columns) -> tuple[Array, Array]:
    """Whom the rule looks at, and whom of them its trigger flags, guards aside; two masks of shape (n_clients,)."""
    facts = columns.facts
    population = evaluate(rule.population, columns)
    if facts.discarded is not None and not any(guard.name == "discarded" for guard in rule.guards):
        # a discarded client leaves rules and denominators, unless the rule wants to count them as held
        population = population & ~facts.discarded
    return population, population & evaluate(rule.trigger, columns)


def evaluate(condition: Condition, columns: Columns) -> Array:
    """Which clients satisfy the condition, shape (n_clients,).

    An unknown value satisfies no leaf but ``is_null``; never contacted or visited counts as endlessly long ago. ``not``
    turns the answer around, unknown or not.
    """
    if isinstance(condition, Leaf):
        return evaluate_leaf(condition, columns)
    answers = [evaluate(child, columns) for child in condition.children]
    if condition.kind == "not":
        return ~answers[0]
    joined = np.full(len(columns.facts), condition.kind == "all")
    for answer in answers:
        joined = joined & answer if condition.kind == "all" else joined | answer
    return joined


def evaluate_leaf(leaf: Leaf, columns: Columns) -> Array:
    """Which clients satisfy one leaf."""
    if leaf.field == "tags":
        return _evaluate_tags(leaf, columns.facts)
    values, null = columns.get(leaf.field)
    if leaf.op == "is_null":
        return null if leaf.value else ~null
    answer = _compare(values, leaf.op, _coded(leaf, columns))
    # never contacted is longer ago than any limit, not unknown
    return answer if leaf.field in ("days_since_contact", "days_since_visit") else answer & ~null


def _coded(leaf: Leaf, columns: Columns) -> Any:
    """The leaf's value in the terms of the column; a word nobody has becomes a code nobody has."""
    if FIELDS[leaf.field].kind not in ("choice", "text"):
        return leaf.value
    codes = {word: code for code, word in enumerate(columns.vocabulary(leaf.field))}
    if isinstance(leaf.value, tuple):
        return tuple(codes.get(word, -2) for word in leaf.value)
    return codes.get(leaf.value, -2)


def _compare(values: Array, op: str, limit: Any) -> Array:
    with np.errstate(invalid="ignore"):
        if op == "<":
            return values < limit
        if op == "<=":
            return values <= limit
        if op == ">":
            return values > limit
        if op == ">=":
            return values >= limit
        if op == "=":
            return values == limit
        if op == "!=":
            return values != limit
        if op == "between":
            return (values >= limit[0]) & (values <= limit[1])
        found = np.isin(values, np.asarray(limit))
        return found if op == "in" else ~found


def _evaluate_tags(leaf: Leaf, facts: Facts) -> Array:
    start, code = facts.need("tags_start", "field tags"), facts.need("tags_code", "field tags")
    if leaf.op == "is_null":
        none = np.diff(start) == 0
        return none if leaf.value else ~none
    codes = {word: i for i, word in enumerate(facts.tags)}
    wanted = np.isin(code, [codes.get(word, -2) for word in leaf.value])
    running = np.concatenate(([0], np.cumsum(wanted)))
    found = running[start[1:]] > running[start[:-1]]
    return found if leaf.op == "in" else ~found
