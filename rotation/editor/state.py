"""A rule as its form holds it: text in every place, also text that is no rule yet. Read from a definition or from a POST.

Names of controls: ``trigger.kind`` is how the conditions at the top are joined, ``trigger-1-0.field`` the field of the first
condition inside the second; ``receivers.max_km`` a key of a section; ``guards-2.days`` the days of the third protection.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from rotation.editor.numbers import PLAIN, read, scale_of_field, scale_of_key, written
from rotation.engine.schema import FIELDS, GUARDS, MAX_DEPTH, SECTIONS

TREES = ("population", "trigger")
EXEMPT = ("abc", "segment")
MOST_NODES = 250  # beyond what a rule may hold, so that the engine is who refuses it
DEFAULT_OP = {"number": ">=", "tags": "in", "choice": "in", "text": "in", "id": "in", "flag": "="}
# What a condition begins with when its field is chosen; a person changes it, or takes it as it is.
DEFAULT_VALUES = {"days": 60, "probability": 0.5, "cents": 500_000, "cycles": 3, "order days": 3, "share": 1, "points": 500, "visits": 1}
_NODE = re.compile(r"^(population|trigger)((?:-\d{1,3})*)\.(kind|field|op|value|more|was)$")
_GUARD = re.compile(r"^guards-(\d{1,3})\.name$")


@dataclass
class Leaf:
    """One condition; ``values`` are what its control holds: one text, two limits, or the words chosen."""

    field: str
    op: str
    values: list[str] = field(default_factory=list)


@dataclass
class Group:
    """Conditions joined: all, any, not (none of them), or ``one``, a single condition that stands without a group."""

    kind: str
    children: list["Leaf | Group"] = field(default_factory=list)


Node = Leaf | Group


@dataclass
class GuardRow:
    name: str
    days: str = ""


@dataclass
class RuleState:
    """The whole form. ``keys`` holds each key of the sections by its name, as text; lists and exemptions beside them."""

    name: str
    population: Group
    trigger: Group
    guards: list[GuardRow]
    keys: dict[str, str]
    lists: dict[str, list[str]]
    exempt: dict[str, list[str]]

    def at(self, key: str) -> Node:
        """The node a name speaks of (``trigger-1-0``).

        Raises
        ------
        KeyError
            There is none.
        """
        tree, *places = key.split("-")
        node: Node = {"population": self.population, "trigger": self.trigger}[tree]
        for place in places:
            if not isinstance(node, Group) or not place.isdigit() or int(place) >= len(node.children):
                raise KeyError(key)
            node = node.children[int(place)]
        return node

    def leaves(self) -> Iterator[Leaf]:
        waiting: list[Node] = [self.population, self.trigger]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, Leaf):
                yield node
            else:
                waiting.extend(node.children)


def state_of(definition: Mapping[str, Any]) -> RuleState:
    """The form of a definition that the engine has read (every default filled in)."""
    keys: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for section, wanted in SECTIONS.items():
        for name, key in wanted.items():
            value, full = definition[section].get(name), f"{section}.{name}"
            if key.kind == "list":
                lists[full] = list(value)
            elif key.kind == "bool":
                keys[full] = "on" if value else ""
            elif key.kind in ("int", "float"):
                keys[full] = "" if value is None else written(value, scale_of_key(full))
            elif key.kind != "exempt":
                keys[full] = value or ""
    return RuleState(
        name=definition["name"],
        population=_root(definition["population"]),
        trigger=_root(definition["trigger"]),
        guards=[GuardRow(*guard.partition(":")[::2]) for guard in definition["guards"]],
        keys=keys,
        lists=lists,
        exempt={name: list(words) for name, words in definition["experiment"]["exempt"].items()},
    )


def _root(condition: Mapping[str, Any]) -> Group:
    node = _node(condition)
    return node if isinstance(node, Group) else Group("one", [node])


def _node(condition: Mapping[str, Any]) -> Node:
    if "field" in condition:
        return _leaf(condition["field"], condition["op"], condition.get("value", True))
    kind = next(iter(condition))
    inside = [condition["not"]] if kind == "not" else condition[kind]
    return Group(kind, [_node(child) for child in inside])


def _leaf(name: str, op: str, value: Any) -> Leaf:
    def one(item: Any) -> str:
        if isinstance(item, bool):
            return "true" if item else "false"
        return written(item, scale_of_field(name)) if FIELDS[name].kind == "number" else str(item)

    if op in ("in", "not_in") and FIELDS[name].kind == "number":
        return Leaf(name, op, ["; ".join(one(item) for item in value)])
    return Leaf(name, op, [one(item) for item in value] if isinstance(value, list | tuple) else [one(value)])


def control_of(name: str, op: str) -> str:
    """Which control takes the value: number, between, numbers, yesno, known, choice, choices, text, texts, id or ids."""
    kind = FIELDS[name].kind
    if op == "is_null":
        return "known"
    many = op in ("in", "not_in")
    if kind == "number":
        return "between" if op == "between" else "numbers" if many else "number"
    if kind == "flag":
        return "yesno"
    single = "text" if kind == "tags" else kind
    return f"{single}s" if many else single


def fresh_leaf(name: str = "days_since_visit", op: str = "") -> Leaf:
    """A condition as it begins when somebody adds it or chooses its field."""
    kind = FIELDS[name].kind
    op = op if op in FIELDS[name].ops else DEFAULT_OP[kind]
    control = control_of(name, op)
    if control in ("number", "numbers", "between"):
        first = written(DEFAULT_VALUES[FIELDS[name].unit], scale_of_field(name))
        return Leaf(name, op, [first, written(2 * DEFAULT_VALUES[FIELDS[name].unit], scale_of_field(name))][: 1 + (control == "between")])
    if control in ("yesno", "known"):
        return Leaf(name, op, ["true"])
    return Leaf(name, op, list(FIELDS[name].choices[:1]))


def state_from(post: QueryDict) -> RuleState:
    """The form as it was sent. What names nothing is left out; what is no rule yet is kept as it was typed."""
    found: dict[tuple[str, tuple[int, ...]], dict[str, list[str]]] = {}
    for name in post:
        if match := _NODE.match(name):
            tree, places, part = match.groups()
            place = tuple(int(each) for each in places.split("-")[1:])
            if len(place) <= MAX_DEPTH + 1 and len(found) <= MOST_NODES:
                found.setdefault((tree, place), {})[part] = post.getlist(name)
    keys: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for section, wanted in SECTIONS.items():
        for name, key in wanted.items():
            full = f"{section}.{name}"
            if key.kind == "list":
                lists[full] = post.getlist(full)
            elif key.kind != "exempt":
                keys[full] = post.get(full, "").strip()
    rows = sorted(int(match.group(1)) for name in post if (match := _GUARD.match(name)))
    return RuleState(
        name=post.get("name", "").strip(),
        population=_posted(found, "population"),
        trigger=_posted(found, "trigger"),
        guards=[GuardRow(post[f"guards-{i}.name"], post.get(f"guards-{i}.days", "").strip()) for i in rows[: 2 * len(GUARDS)]],
        keys=keys,
        lists=lists,
        exempt=_posted_exempt(post),
    )


def _posted(found: Mapping[tuple[str, tuple[int, ...]], Mapping[str, list[str]]], tree: str) -> Group:
    children: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for kept, place in sorted(found):
        if kept == tree and place:
            children.setdefault(place[:-1], []).append(place)

    def made(place: tuple[int, ...]) -> Node:
        parts = found[tree, place]
        if "kind" in parts:
            return Group(parts["kind"][-1], [made(each) for each in children.get(place, [])])
        return _posted_leaf(parts)

    root = found.get((tree, ()), {})
    return Group(root.get("kind", ["all"])[-1], [made(each) for each in children.get((), [])])


def _posted_leaf(parts: Mapping[str, list[str]]) -> Leaf:
    """A condition as posted; where its field or comparison was just changed, with values that fit the new one."""
    name = parts.get("field", [""])[0]
    if name not in FIELDS:
        return fresh_leaf()
    op = parts.get("op", [""])[0]
    before, _space, before_op = parts.get("was", [f"{name} {op}"])[0].partition(" ")
    if before != name or op not in FIELDS[name].ops:
        return fresh_leaf(name, op if before == name else "")
    # a word may end in a space; a number may not
    values = [value for value in parts.get("value", []) if value.strip() or FIELDS[name].kind == "number"]
    control = control_of(name, op)
    if before_op != op and before_op in FIELDS[name].ops and control_of(name, before_op) != control:
        values = _moved(name, values, control_of(name, before_op), control)
    if control.endswith("s") and control != "numbers":
        more = [word.strip() for text in parts.get("more", []) for word in text.split(";") if word.strip()]
        values = list(dict.fromkeys([*values, *more]))
    return Leaf(name, op, values)


def _moved(name: str, values: list[str], before: str, after: str) -> list[str]:
    """The values of one control in another one of the same field."""
    if "known" in (before, after):
        return fresh_leaf(name, "is_null").values if after == "known" else fresh_leaf(name).values
    if before == "numbers":
        values = values[0].split(";") if values else []
    values = [value.strip() for value in values]
    if after == "numbers":
        return ["; ".join(value for value in values if value)]
    if after == "between":
        return [*values[:2], *[""] * (2 - len(values))]
    return values if after.endswith("s") else values[:1]


def _posted_exempt(post: QueryDict) -> dict[str, list[str]]:
    exempt = {}
    for name in EXEMPT:
        full = f"experiment.exempt.{name}"
        words = list(post.getlist(full))
        words += [word.strip() for word in post.get(f"{full}.more", "").split(";") if word.strip() and word.strip() not in words]
        if words or f"{full}.stated" in post:
            exempt[name] = words
    return exempt


def number_of(text: str, name: str) -> int | float:
    """The number in the control of a field (``net_12m_cents``) or of a key of a section.

    Raises
    ------
    ValueError
    """
    return read(text, scale_of_field(name) if name in FIELDS else scale_of_key(name) if name else PLAIN)
