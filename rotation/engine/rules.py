"""A rule version: "carteira.rule/1" JSON read, checked, filled with defaults, hashed (ENGINE.md section 4)."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import Condition, Group, Leaf, check_size, kind_of, leaves, parse_condition, whole
from .contradictions import check_contradictions, check_escape
from .errors import RuleError
from .schema import ABC, GUARDS, MAX_DAYS, SCHEMA, SECTIONS, TOP, Key

TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


@dataclass(frozen=True)
class Guard:
    """One named protection; ``days`` is None for those that take none. ``text`` is the form written in the rule."""

    name: str
    days: int | None = None

    @property
    def text(self) -> str:
        return self.name if self.days is None else f"{self.name}:{self.days}"


@dataclass(frozen=True)
class Receivers:
    same_region: bool
    same_segment: bool
    max_km: float | None
    not_former_within_days: int
    prefer_team: bool
    capacity: str


@dataclass(frozen=True)
class Value:
    horizon_days: int
    margin_rate: float
    lift: float


@dataclass(frozen=True)
class Strategy:
    kind: str
    fairness: float


@dataclass(frozen=True)
class Limits:
    run_share: float | None
    give_share: float
    receive_share: float
    run_max: int | None
    team_max: int | None = None


@dataclass(frozen=True)
class Experiment:
    share: float
    stratify_by: tuple[str, ...]
    exempt: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Approval:
    mode: str
    expires_after_business_days: int


@dataclass(frozen=True)
class Schedule:
    cadence: str
    weekday: str | None
    day: int | None
    at: str
    event: str | None


@dataclass(frozen=True)
class Quality:
    max_feed_age_hours: int
    max_refused_share: float


SECTION_TYPES = {
    "receivers": Receivers,
    "value": Value,
    "strategy": Strategy,
    "limits": Limits,
    "experiment": Experiment,
    "approval": Approval,
    "schedule": Schedule,
    "quality": Quality,
}


@dataclass(frozen=True)
class Rule:
    """A checked rule version. ``definition`` is the whole JSON with defaults filled in; ``hash`` its SHA-256, hex."""

    name: str
    population: Condition
    trigger: Condition
    guards: tuple[Guard, ...]
    receivers: Receivers
    value: Value
    strategy: Strategy
    limits: Limits
    experiment: Experiment
    approval: Approval
    schedule: Schedule
    quality: Quality
    definition: Mapping[str, Any]
    hash: str


def parse_rule(data: Mapping[str, Any], *, accepted: bool = False) -> Rule:
    """Read and check one rule.

    Parameters
    ----------
    data : the JSON object of a rule version, as ENGINE.md section 4 writes it; only name and trigger are required
    accepted : the definition was checked when it was written; what cannot be true is not looked for again, so that a
        published version still runs after the checks have learnt more

    Returns
    -------
    Rule
        Every default filled in. Two texts that mean the same JSON (key order, 90 or 90.0) give the same ``hash``.

    Raises
    ------
    RuleError
        The first thing wrong: unknown key, field, operator or guard, a value of the wrong type or out of range,
        contradictory conditions, a guard that would hold everyone flagged, fairness above 0.5; ``path`` names the place.
    """
    if not isinstance(data, Mapping):
        raise RuleError("not_an_object", "", found=kind_of(data))
    for key in data:
        if key not in TOP:
            raise RuleError("unknown_key", str(key), known=", ".join(TOP))
    schema = data.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise RuleError("wrong_schema", "schema", found=schema, known=SCHEMA)
    for key in ("name", "trigger"):
        if key not in data:
            raise RuleError("missing_key", key)
    name = data["name"]
    if not isinstance(name, str) or not name.strip():
        raise RuleError("wrong_type", "name", expected="a name", found=kind_of(name))
    if len(name) > 120:
        raise RuleError("out_of_range", "name", value=len(name), low=1, high=120)
    population = parse_condition(data.get("population", {"all": []}), "population")
    trigger = parse_condition(data["trigger"], "trigger")
    for condition, path in ((population, "population"), (trigger, "trigger")):
        check_size(condition, path)
    if isinstance(trigger, Group) and not any(True for _ in leaves(trigger)):
        raise RuleError("trigger_empty", "trigger")
    if not accepted:
        check_contradictions(population, trigger)
    guards = _parse_guards(data.get("guards", []))
    sections = {section: _parse_section(data.get(section, {}), section) for section in SECTIONS}
    _check_schedule(sections["schedule"])
    if not accepted:
        _check_someone_is_left(population, trigger, guards, sections["experiment"])
    definition: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name.strip(),
        "population": population.as_json(),
        "trigger": trigger.as_json(),
        "guards": [guard.text for guard in guards],
        **sections,
    }
    frozen = {key: SECTION_TYPES[key](**_frozen(values)) for key, values in sections.items()}
    return Rule(
        name=name.strip(),
        population=population,
        trigger=trigger,
        guards=guards,
        definition=definition,
        hash=hashlib.sha256(canonical_json(definition)).hexdigest(),
        **frozen,
    )


def canonical_json(definition: Mapping[str, Any]) -> bytes:
    """The one text of a definition: keys sorted, no spaces, UTF-8. What is hashed and what is stored are these bytes."""
    return json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def fields_used(rule: Rule) -> frozenset[str]:
    """Names of the fields population and trigger look at."""
    return frozenset(leaf.field for condition in (rule.population, rule.trigger) for leaf in leaves(condition))


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    made = {}
    for key, value in values.items():
        if isinstance(value, list):
            value = tuple(value)
        elif isinstance(value, dict):
            value = {inner: tuple(items) for inner, items in value.items()}
        made[key] = value
    return made


def _parse_guards(data: object) -> tuple[Guard, ...]:
    if not isinstance(data, list | tuple):
        raise RuleError("not_a_list", "guards", found=kind_of(data))
    guards: list[Guard] = []
    for i, item in enumerate(data):
        path = f"guards[{i}]"
        if not isinstance(item, str):
            raise RuleError("wrong_type", path, expected="text", found=kind_of(item))
        name, colon, number = item.partition(":")
        if name not in GUARDS:
            raise RuleError("unknown_guard", path, guard=name, known=", ".join(GUARDS))
        if not GUARDS[name]:
            if colon:
                raise RuleError("guard_takes_no_days", path, guard=name)
            guard = Guard(name)
        else:
            # int() would also take "+7", " 7", "1_0" and digits of other scripts
            if not (number.isascii() and number.isdigit()):
                raise RuleError("guard_needs_days", path, guard=name)
            if not 1 <= int(number) <= MAX_DAYS:
                raise RuleError("out_of_range", path, value=int(number), low=1, high=MAX_DAYS)
            guard = Guard(name, int(number))
        if any(guard.name == other.name for other in guards):
            raise RuleError("duplicate", path, value=guard.name)
        guards.append(guard)
    return tuple(guards)


def limits_of(definition: Mapping[str, Any]) -> Limits:
    """The ceilings of a definition, without reading the rest of it; ``RuleError`` as ``parse_rule``."""
    return Limits(**_parse_section(definition.get("limits", {}), "limits"))


def _parse_section(data: object, section: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise RuleError("not_an_object", section, found=kind_of(data))
    keys = SECTIONS[section]
    for key in data:
        if key not in keys:
            raise RuleError("unknown_key", f"{section}.{key}", known=", ".join(keys))
    parsed = {}
    for name, key in keys.items():
        given = data.get(name, key.default)
        value = _parse_key(key, given, f"{section}.{name}")
        if value is not None or not key.silent:
            parsed[name] = value
    return parsed


def _parse_key(key: Key, value: Any, path: str) -> Any:
    if value is None and key.optional:
        return None
    if key.kind == "bool":
        if not isinstance(value, bool):
            raise RuleError("wrong_type", path, expected="true or false", found=kind_of(value))
        return value
    if key.kind in ("int", "float"):
        number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
        if not number or (key.kind == "int" and value != int(value)):
            expected = "a whole number" if key.kind == "int" else "a number"
            raise RuleError("wrong_type", path, expected=expected, found=kind_of(value))
        if not key.low <= value <= key.high:
            raise RuleError("out_of_range", path, value=value, low=key.low, high=key.high)
        return whole(value)
    if key.kind == "choice":
        if not isinstance(value, str) or value not in key.choices:
            raise RuleError("unknown_choice", path, value=value, known=", ".join(key.choices))
        return value
    if key.kind == "time":
        if not isinstance(value, str) or not TIME.match(value):
            raise RuleError("bad_time", path, value=value)
        return value
    if key.kind == "list":
        return _parse_words(value, path, key.choices)
    return _parse_exempt(value, path)


def _parse_words(value: Any, path: str, choices: tuple[str, ...] | None) -> list[str]:
    if not isinstance(value, list | tuple):
        raise RuleError("not_a_list", path, found=kind_of(value))
    for i, item in enumerate(value):
        if not isinstance(item, str) or not item:
            raise RuleError("wrong_type", f"{path}[{i}]", expected="text", found=kind_of(item))
        if choices and item not in choices:
            raise RuleError("unknown_choice", f"{path}[{i}]", value=item, known=", ".join(choices))
        if item in value[:i]:
            raise RuleError("duplicate", f"{path}[{i}]", value=item)
    return list(value)


def _parse_exempt(value: Any, path: str) -> dict[str, list[str]]:
    """Who is never drawn into the control group: ``{"abc": ["A"], "segment": ["hospital"]}``."""
    if not isinstance(value, Mapping):
        raise RuleError("not_an_object", path, found=kind_of(value))
    parsed = {}
    for key, words in value.items():
        if key not in ("abc", "segment"):
            raise RuleError("unknown_key", f"{path}.{key}", known="abc, segment")
        parsed[key] = _parse_words(words, f"{path}.{key}", ABC if key == "abc" else None)
    return parsed


# What is true of exactly the clients a guard holds, where conditions can say it.
_HELD_BY: dict[str, tuple[str, str, Any]] = {
    "key_account": ("key_account", "=", True),
    "discarded": ("state", "=", "discarded"),
    "owner_absent": ("owner_status", "=", "absent"),
    "contact_within": ("days_since_contact", "<", None),
    "visit_within": ("days_since_visit", "<", None),
    "owned_less_than": ("days_owned", "<", None),
}


def _check_someone_is_left(population: Condition, trigger: Condition, guards: tuple[Guard, ...], experiment: Mapping[str, Any]) -> None:
    """Refuse a guard that would hold everyone the rule flags, and a control group nobody could be drawn into."""
    asked = (population, trigger)
    for i, guard in enumerate(guards):
        if guard.name in _HELD_BY:
            field, op, value = _HELD_BY[guard.name]
            held = Leaf(field, op, guard.days if value is None else value, f"guards[{i}]")
            check_escape(asked, held, "always_held", guard=guard.text)
    if not any(guard.name == "discarded" for guard in guards):
        # without the guard they leave the population before any condition is looked at
        check_escape(asked, Leaf("state", "=", "discarded", ""), "discarded_left_out")
    if experiment["share"] > 0:
        for key, words in experiment["exempt"].items():
            if words:
                check_escape(asked, Leaf(key, "in", tuple(words), f"experiment.exempt.{key}"), "nobody_drawn")


def _check_schedule(schedule: dict[str, Any]) -> None:
    cadence = schedule["cadence"]
    if cadence == "weekly":
        schedule["weekday"] = schedule["weekday"] or "mon"
    elif schedule["weekday"] is not None:
        raise RuleError("weekday_not_for_cadence", "schedule.weekday")
    if cadence == "monthly":
        schedule["day"] = schedule["day"] or 1
    elif schedule["day"] is not None:
        raise RuleError("day_not_for_cadence", "schedule.day")
    if (cadence == "on_event") != (schedule["event"] is not None):
        raise RuleError("event_not_for_cadence", "schedule.event")
