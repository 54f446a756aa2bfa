"""Conditions as a tree: parsed, checked for contradictions, walked. Evaluation on columns is in evaluate.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import RuleError
from .schema import FIELDS, MAX_CONDITIONS, MAX_DEPTH, OPS, Field


@dataclass(frozen=True)
class Leaf:
    """``field op value`` at ``path``; a list is held as a tuple."""

    field: str
    op: str
    value: Any
    path: str

    def as_json(self) -> dict[str, Any]:
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"field": self.field, "op": self.op, "value": value}


@dataclass(frozen=True)
class Group:
    """``all``, ``any`` or ``not`` of its children; an empty ``all`` holds for everyone."""

    kind: str
    children: tuple[Condition, ...]
    path: str

    def as_json(self) -> dict[str, Any]:
        if self.kind == "not":
            return {"not": self.children[0].as_json()}
        return {self.kind: [child.as_json() for child in self.children]}


Condition = Leaf | Group


def kind_of(value: object) -> str:
    """The JSON name of a value's type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", tuple: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def whole(value: float) -> int | float:
    """90.0 and 90 are one value and must hash alike."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def parse_condition(data: object, path: str, depth: int = 1) -> Condition:
    """Read one condition.

    Raises
    ------
    RuleError
        Unknown key, field or operator, wrong type of value, limits in the wrong order, nesting too deep.
    """
    if not isinstance(data, dict):
        raise RuleError("not_an_object", path, found=kind_of(data))
    if depth > MAX_DEPTH:
        raise RuleError("too_deep", path, limit=MAX_DEPTH)
    groups = [key for key in ("all", "any", "not") if key in data]
    if groups:
        kind = groups[0]
        for key in data:
            if key != kind:
                raise RuleError("unknown_key", f"{path}.{key}", known=kind)
        inside = f"{path}.{kind}"
        if kind == "not":
            return Group("not", (parse_condition(data["not"], inside, depth + 1),), path)
        if not isinstance(data[kind], list | tuple):
            raise RuleError("not_a_list", inside, found=kind_of(data[kind]))
        if kind == "any" and not data[kind]:
            raise RuleError("empty_list", inside)
        return Group(kind, tuple(parse_condition(child, f"{inside}[{i}]", depth + 1) for i, child in enumerate(data[kind])), path)
    return _parse_leaf(data, path)


def _parse_leaf(data: dict[str, Any], path: str) -> Leaf:
    for key in data:
        if key not in ("field", "op", "value"):
            raise RuleError("unknown_key", f"{path}.{key}", known="field, op, value, all, any, not")
    for key in ("field", "op"):
        if key not in data:
            raise RuleError("missing_key", f"{path}.{key}")
    name, op = data["field"], data["op"]
    if not isinstance(name, str) or name not in FIELDS:
        raise RuleError("unknown_field", f"{path}.field", field=name, known=", ".join(FIELDS))
    if not isinstance(op, str) or op not in OPS:
        raise RuleError("unknown_op", f"{path}.op", op=op, known=" ".join(OPS))
    field = FIELDS[name]
    if op not in field.ops:
        raise RuleError("op_not_for_field", f"{path}.op", op=op, field=name, known=" ".join(field.ops))
    if op != "is_null" and "value" not in data:
        raise RuleError("missing_key", f"{path}.value")
    return Leaf(name, op, _parse_value(field, op, data.get("value", True), f"{path}.value"), path)


def _parse_value(field: Field, op: str, value: object, path: str) -> Any:
    if op == "is_null":
        if not isinstance(value, bool):
            raise RuleError("wrong_type", path, expected="true or false", found=kind_of(value))
        return value
    if op in ("in", "not_in"):
        if not isinstance(value, list | tuple):
            raise RuleError("not_a_list", path, found=kind_of(value))
        if not value:
            raise RuleError("empty_list", path)
        parsed = [_parse_one(field, item, f"{path}[{i}]") for i, item in enumerate(value)]
        for i, item in enumerate(parsed):
            if item in parsed[:i]:
                raise RuleError("duplicate", f"{path}[{i}]", value=item)
        return tuple(parsed)
    if op == "between":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise RuleError("wrong_type", path, expected="a list of two limits", found=kind_of(value))
        low, high = (_parse_one(field, item, f"{path}[{i}]") for i, item in enumerate(value))
        if low > high:
            raise RuleError("between_reversed", path, low=low, high=high)
        return (low, high)
    return _parse_one(field, value, path)


def _parse_one(field: Field, value: object, path: str) -> Any:
    if field.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RuleError("wrong_type", path, expected="a number", found=kind_of(value))
        if not field.low <= value <= field.high:
            raise RuleError("out_of_range", path, value=value, low=field.low, high=field.high)
        return whole(value)
    if field.kind == "flag":
        if not isinstance(value, bool):
            raise RuleError("wrong_type", path, expected="true or false", found=kind_of(value))
        return value
    if field.kind == "id":
        if isinstance(value, bool) or not isinstance(value, int):
            raise RuleError("wrong_type", path, expected="an id", found=kind_of(value))
        return value
    if not isinstance(value, str) or not value:
        raise RuleError("wrong_type", path, expected="text", found=kind_of(value))
    if field.kind == "choice" and value not in field.choices:
        raise RuleError("unknown_choice", path, value=value, known=", ".join(field.choices))
    return value


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every leaf, in the order written."""
    if isinstance(condition, Leaf):
        yield condition
        return
    for child in condition.children:
        yield from leaves(child)


def check_size(condition: Condition, path: str) -> None:
    """Refuse a tree too large to read or to evaluate a million times."""
    if sum(1 for _ in leaves(condition)) > MAX_CONDITIONS:
        raise RuleError("too_many", path, limit=MAX_CONDITIONS)
