"""Why one client was proposed, and what would have kept it: from the proposal's own facts and its rule version."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil, floor, inf
from typing import Any

from django.utils.translation import gettext as _

from rotation.models import Proposal
from rotation.wording import condition_text, fact_text

ACTS = {"days_since_last": "order", "days_since_contact": "contact", "days_since_visit": "visit"}
GUARD_ACTS = {"contact_within": "contact", "visit_within": "visit"}

# As the engine reads them: who was never visited satisfies "not visited for 45 days".
NEVER_IS_LONG_AGO = frozenset({"days_since_contact", "days_since_visit"})


@dataclass(frozen=True)
class Reason:
    """One condition of the rule, in words, with the value the client had; ``holds`` is False in a branch not taken."""

    text: str
    value: str
    holds: bool = True


@dataclass(frozen=True)
class Explanation:
    """The card of reasons: conditions with values, how many protections were free, acts that would have avoided it."""

    reasons: list[Reason] = field(default_factory=list)
    n_guards: int = 0
    avoided_by: list[tuple[str, date]] = field(default_factory=list)


def explanation(proposal: Proposal, as_of: date, currency: str) -> Explanation:
    """The reasons of one proposal of the run of ``as_of``; needs its ``rule_version``. Empty where no rule moved it."""
    if proposal.rule_version is None:
        return Explanation()
    definition: Mapping[str, Any] = proposal.rule_version.definition
    facts = facts_of(proposal)
    reasons = [
        Reason(leaf_text(leaf, asked, currency), _value_text(leaf["field"], facts, currency), _holds(leaf, facts) == asked)
        for section in ("trigger", "population")
        for leaf, asked in asked_leaves(definition.get(section, {}))
    ]
    return Explanation(reasons, len(definition.get("guards", [])), list(_preventions(definition, as_of)))


def facts_of(proposal: Proposal) -> dict[str, Any]:
    """The values the run saw, those kept in columns included."""
    columns = {
        "days_since_last": proposal.days_since_last,
        "lateness": proposal.lateness,
        "net_12m_cents": proposal.net_12m_cents,
        "median_gap": proposal.cycle_days,
    }
    return columns | proposal.facts


def leaves(condition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every condition of a tree, in the order written."""
    if "field" in condition:
        yield condition
        return
    for kind in ("all", "any"):
        for child in condition.get(kind, []):
            yield from leaves(child)
    if "not" in condition:
        yield from leaves(condition["not"])


def asked_leaves(condition: Mapping[str, Any], asked: bool = True) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Every condition of a tree, in the order written, and whether it must hold; False inside "none of"."""
    if "not" in condition:
        yield from asked_leaves(condition["not"], not asked)
    elif "field" in condition:
        yield condition, asked
    for child in (*condition.get("all", ()), *condition.get("any", ())):
        yield from asked_leaves(child, asked)


def leaf_text(leaf: Mapping[str, Any], asked: bool, currency: str) -> str:
    """The condition in short, said the other way round where it must not hold."""
    text = condition_text(leaf, currency)
    return text if asked else _("não: %(condition)s") % {"condition": text}


def _value_text(field: str, facts: Mapping[str, Any], currency: str) -> str:
    if facts.get(field) is None and field in NEVER_IS_LONG_AGO:
        return _("nunca")
    return fact_text(field, facts.get(field), currency)


def _holds(leaf: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    value, limit = facts.get(leaf["field"]), leaf.get("value", True)
    if leaf["op"] == "is_null":
        return (value is None) == limit
    if value is None and leaf["field"] in NEVER_IS_LONG_AGO:
        value = inf
    if value is None:
        return False
    return {
        "<": lambda: value < limit,
        "<=": lambda: value <= limit,
        ">": lambda: value > limit,
        ">=": lambda: value >= limit,
        "=": lambda: value == limit,
        "!=": lambda: value != limit,
        "in": lambda: bool(set(value) & set(limit)) if isinstance(value, list) else value in limit,
        "not_in": lambda: not set(value) & set(limit) if isinstance(value, list) else value not in limit,
        "between": lambda: limit[0] <= value <= limit[1],
    }[leaf["op"]]()


def _preventions(definition: Mapping[str, Any], as_of: date) -> Iterator[tuple[str, date]]:
    """Acts, each with the day from which it would have counted. Under ``any`` no single act is sure, so none is named."""
    words = {"order": _("um pedido"), "contact": _("um contato"), "visit": _("uma visita")}
    trigger = definition.get("trigger", {})
    days: dict[str, int] = {}
    for leaf in trigger.get("all", [trigger]):
        limit = _lowest_that_flags(leaf)
        act = ACTS.get(leaf.get("field", ""))
        if act and limit is not None:
            days[act] = max(days.get(act, 0), limit)
    for guard in definition.get("guards", []):
        name, _colon, number = guard.partition(":")
        if name in GUARD_ACTS and number.isdigit():
            act = GUARD_ACTS[name]
            days[act] = max(days.get(act, 0), int(number))
    for act, number in days.items():
        yield words[act], as_of - timedelta(days=number - 1)


def _lowest_that_flags(leaf: Mapping[str, Any]) -> int | None:
    value = leaf.get("value")
    if leaf.get("op") in (">=", "="):
        return ceil(value)  # type: ignore[arg-type]
    if leaf.get("op") == ">":
        return floor(value) + 1  # type: ignore[arg-type]
    return ceil(value[0]) if leaf.get("op") == "between" else None  # type: ignore[index]
