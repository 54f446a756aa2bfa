"""Protections that keep a flagged client where it is; the first that holds is recorded (ENGINE.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .facts import NO_DAY, Array, Facts, Representatives
from .rules import Guard

# checked before the rule's own guards whenever their column is given: no rule may switch them off
ALWAYS = (Guard("withheld"), Guard("open_proposal"))

COMMISSION_DAYS = 180


@dataclass(frozen=True, eq=False)
class Guarded:
    """``code`` (k,): position in ``names`` of the first guard that holds each looked-at client, -1 where none does.

    ``value`` (k,) is what the guard saw: days since, days left of a hold, cents of commission, 1 for plain flags.
    ``until_on`` (k,) is the first day the guard no longer holds if nothing else happens, NO_DAY where time alone
    will not lift it.
    """

    code: Array
    names: tuple[str, ...]
    value: Array
    until_on: Array


def check_guards(guards: tuple[Guard, ...], facts: Facts, representatives: Representatives, rows: Array, as_of: int) -> Guarded:
    """Find the first guard that holds each client of ``rows``.

    Parameters
    ----------
    guards : the rule's, in the rule's order
    rows : shape (k,), positions in ``facts``
    as_of : day

    Raises
    ------
    MissingColumn
        A guard of the rule looks at a column that was not given.
    """
    builtin = tuple(guard for guard in ALWAYS if getattr(facts, _COLUMN[guard.name]) is not None)
    checked = builtin + guards
    code = np.full(len(rows), -1, np.int16)
    value = np.zeros(len(rows), np.int64)
    until = np.full(len(rows), NO_DAY, np.int32)
    for position, guard in enumerate(checked):
        holds, seen, ends = _look(guard, facts, representatives, rows, as_of)
        first = holds & (code < 0)
        code[first] = position
        value[first] = np.broadcast_to(seen, holds.shape)[first]
        until[first] = np.broadcast_to(ends, holds.shape)[first]
    return Guarded(code, tuple(guard.text for guard in checked), value, until)


_COLUMN = {
    "withheld": "withheld_until_on",
    "open_proposal": "open_proposal",
    "hold": "hold_until_on",
    "never_rotate": "never_rotate",
    "blocked": "blocked",
    "discarded": "discarded",
    "key_account": "key_account",
    "open_order": "open_order",
    "open_opportunity": "open_opportunity",
    "contact_within": "last_contact_on",
    "visit_within": "last_visit_on",
    "owned_less_than": "owned_since_on",
    "moved_within": "moved_on",
    "save_window": "warned_on",
    "group_within": "group_last_on",
}


def _look(guard: Guard, facts: Facts, representatives: Representatives, rows: Array, as_of: int) -> tuple[Array, Array, Array]:
    """Holds, value seen, first day it no longer holds."""
    by = f"guard {guard.text}"
    never = np.full(len(rows), NO_DAY, np.int32)
    if guard.name == "owner_absent":
        absent = representatives.absent_now if representatives.absent_now is not None else np.zeros(len(representatives), bool)
        holds = np.append(absent & representatives.active, False)[facts.owner[rows]]
        return holds, holds.astype(np.int64), never
    if guard.name == "representative_contract":
        holds, cents = _commission_falls(facts, representatives, rows, as_of)
        return holds, cents, never
    if guard.name == "new_within":
        day = (facts.registered_on if facts.registered_on is not None else facts.first_on)[rows]
        return _recent(day, as_of, guard.days or 0)
    column = facts.need(_COLUMN[guard.name], by)[rows]
    if guard.name in ("hold", "withheld"):
        # the last day of a hold still holds
        holds = (column != NO_DAY) & (column >= as_of)
        return holds, column.astype(np.int64) - as_of, column + 1
    if guard.name == "save_window":
        # counted from the warning: n days to act, and unwarned clients have had no chance yet
        # nobody to warn where no active representative answers for the client
        someone = np.append(representatives.active, False)[facts.owner[rows]]
        unwarned = (column == NO_DAY) & someone
        holds, seen, ends = _recent(column, as_of, guard.days or 0)
        answered = _acted_since(facts, rows, column)
        return holds | unwarned | answered, np.where(unwarned, -1, seen), np.where(unwarned | answered, NO_DAY, ends)
    if guard.days is not None:
        return _recent(column, as_of, guard.days)
    return column, column.astype(np.int64), never


def _recent(day: Array, as_of: int, days: int) -> tuple[Array, Array, Array]:
    """Happened fewer than ``days`` days ago: on the n-th day after, the client is free again."""
    since = as_of - day.astype(np.int64)
    holds = (day != NO_DAY) & (since < days)
    return holds, since, np.where(holds, day + days, NO_DAY)


def _acted_since(facts: Facts, rows: Array, warned_on: Array) -> Array:
    """A visit, contact or order on or after the warning closes the window in the owner's favour."""
    acted = np.zeros(len(rows), bool)
    for column in (facts.last_contact_on, facts.last_visit_on, facts.last_on):
        if column is not None:
            acted |= (column[rows] != NO_DAY) & (column[rows] >= warned_on)
    return acted & (warned_on != NO_DAY)


def _commission_falls(facts: Facts, representatives: Representatives, rows: Array, as_of: int) -> tuple[Array, Array]:
    """Autonomous owner without recorded consent, whose six-month average commission this client still feeds.

    With no commission column a client that ordered within six months feeds it: its value is then the days since.
    """
    autonomous = np.append(representatives.autonomous & representatives.active, False)[facts.owner[rows]]
    if facts.consent is not None:
        autonomous = autonomous & ~facts.consent[rows]
    if facts.commission_6m_cents is not None:
        cents = facts.commission_6m_cents[rows]
        return autonomous & (cents > 0), cents
    since = as_of - facts.last_on[rows].astype(np.int64)
    return autonomous & (facts.x[rows] >= 0) & (since <= COMMISSION_DAYS), since
