"""The facts of earlier days: what was known of each client at one cut-off after another (ENGINE.md section 8).

Everything dated is sorted by day once and then added as the cut-offs pass over it, so that a hundred cut-offs cost
little more than one. What no date is kept of cannot be replayed: ``REPLAYED_GUARDS`` and ``REPLAYED_FIELDS`` name what can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .conditions import Leaf, leaves
from .errors import FactsError
from .facts import NO_DAY, Array, Facts, Representatives
from .features import abc_classes
from .medians import running_medians
from .past import Past
from .rules import Guard, Rule, fields_used

REPLAYED_GUARDS = frozenset(
    {
        "discarded",
        "owner_absent",
        "representative_contract",
        "contact_within",
        "visit_within",
        "new_within",
        "owned_less_than",
        "moved_within",
    }
)
REPLAYED_FIELDS = frozenset(
    {
        "days_since_last",
        "p_silent",
        "p_cross",
        "lateness",
        "orders",
        "state",
        "net_12m_cents",
        "net_total_cents",
        "abc",
        "days_since_contact",
        "days_since_visit",
        "days_owned",
        "owner_status",
        "owner",
        "owner_load",
        "median_gap",
        "orders_30d",
        "orders_90d",
        "orders_180d",
        "orders_365d",
    }
)
_ANSWER = b"with limits"  # what a back-test tells has grown: an answer of before is not the same
_OWNER_FIELDS = frozenset({"owner_status", "owner", "owner_load", "team", "days_owned"})
_COMMISSION_DAYS = 180  # the six months over which an autonomous representative's commission is averaged
_WINDOWS = {"orders_30d": ("n30", 30), "orders_90d": ("n90", 90), "orders_180d": ("n180", 180), "orders_365d": ("n365", 365)}
# Columns of Facts that change with the days. A replay sets them itself or does without; none may come from the present.
_DATED_COLUMNS = frozenset(
    {
        *("p_silent", "p_cross", "p_alive", "year_cents", "ticket_cents", "net_total", "sum_log_gap", "median_gap", "mean_gap"),
        *("n30", "n90", "n180", "n365", "n_same_season", "abc", "last_contact_on", "last_visit_on", "owned_since_on"),
        *("registered_on", "moved_on", "warned_on", "hold_until_on", "withheld_until_on", "open_proposal", "open_order"),
        *("open_opportunity", "discarded", "lost_by_hand", "consent", "commission_6m_cents", "minutes"),
        *("former_start", "former_representative", "former_ended_on"),
    }
)


@dataclass(frozen=True, eq=False)
class Moment:
    """One cut-off: the tables as they stood, and which clients ``exist`` (n,), that is, could be looked at."""

    as_of: int
    facts: Facts
    representatives: Representatives
    exist: NDArray[np.bool_]


def not_replayed(rule: Rule) -> tuple[list[str], list[str]]:
    """Guards of the rule that no date is kept of (left out), and fields taken as they are today."""
    guards = [guard.text for guard in rule.guards if guard.name not in REPLAYED_GUARDS]
    return guards, sorted(fields_used(rule) - REPLAYED_FIELDS)


def replayed_guards(rule: Rule) -> tuple[Guard, ...]:
    """Those of the rule's guards whose past is known, in their order."""
    return tuple(guard for guard in rule.guards if guard.name in REPLAYED_GUARDS)


def uses_probabilities(rule: Rule) -> bool:
    """Whether the rule's answer depends on a model: it names a probability, or a state that one decides."""
    if fields_used(rule) & {"p_silent", "p_cross"}:
        return True
    states = [leaf for condition in (rule.population, rule.trigger) for leaf in leaves(condition) if leaf.field == "state"]
    return any(_includes(leaf, "active") != _includes(leaf, "at_risk") for leaf in states)


def _includes(leaf: Leaf, state: str) -> bool:
    if leaf.op == "is_null":
        return False
    named = state in leaf.value if isinstance(leaf.value, tuple) else state == leaf.value
    return named == (leaf.op in ("=", "in"))


def undated(facts: Facts) -> Facts:
    """The facts without whatever changes with the days: what a replay takes from the present."""
    n = len(facts)
    never, none = np.full(n, NO_DAY, np.int32), np.full(n, -1, np.int32)
    required = {
        "owner": none,
        "seq": np.zeros(n, np.int64),
        "x": none,
        "first_on": never,
        "last_on": never,
        "net_12m": np.zeros(n, np.int64),
    }
    return facts.with_columns(**dict.fromkeys(_DATED_COLUMNS & vars(facts).keys()), **required)


def _undated_people(table: Representatives) -> Representatives:
    m = len(table)
    away = {name: np.zeros(m, bool) for name in ("active", "absent", "absent_now")}
    return table.with_columns(regions=(), segments=(), holds=np.zeros(m, np.int32), **away)


def digest(past: Past, facts: Facts, representatives: Representatives) -> str:
    """SHA-256, hex, over all that a back-test computes from, rules and days aside."""
    made = hashlib.sha256(_ANSWER + undated(facts).digest() + _undated_people(representatives).digest())
    for spec in dataclass_fields(past):
        column = np.ascontiguousarray(getattr(past, spec.name))
        made.update(f"{spec.name}{column.dtype}{column.shape}".encode())
        made.update(column.data)
    return made.hexdigest()


class Replay:
    """Facts at rising cut-offs. ``advance`` gives the next one.

    Parameters
    ----------
    past : may reach beyond the last cut-off; nothing after a cut-off is looked at on it
    facts, representatives : the present tables, for what has no date (segment, place, teams)
    cutoffs : rising days
    rules : decide which of the dearer columns are made
    """

    def __init__(self, past: Past, facts: Facts, representatives: Representatives, cutoffs: Array, rules: list[Rule]) -> None:
        if len(past) != len(facts) or (past.client_id != facts.client_id).any():
            raise FactsError("wrong_shape", column="client_id", found=past.client_id.shape, expected=facts.client_id.shape)
        self.past, self.cutoffs = past, np.asarray(cutoffs, np.int64)
        self.used = frozenset[str]().union(*(fields_used(rule) for rule in rules))
        self.guards = {guard.name for rule in rules for guard in replayed_guards(rule)}
        self.needs_abc = "abc" in self.used
        self._base, self._people = undated(facts), _undated_people(representatives)
        self._place = 0
        n = len(past)
        self._x = np.full(n, -1, np.int32)
        self._first, self._last = np.full(n, NO_DAY, np.int32), np.full(n, NO_DAY, np.int32)
        self._net_total = np.zeros(n, np.int64)
        self._visit, self._contact = np.full(n, NO_DAY, np.int32), np.full(n, NO_DAY, np.int32)
        self._ledger_row = np.full(n, -1, np.int64)
        self._moved = np.full(n, NO_DAY, np.int32)
        self._median = np.full(n, np.nan)
        self._sort(past)

    def _sort(self, past: Past) -> None:
        orders = _Stream(past.order_day, self.cutoffs)
        self._orders = orders
        self._order_client, self._order_day = past.order_client[orders.order], past.order_day[orders.order]
        self._order_cents = past.order_cents[orders.order]
        self._year = _Window(orders, 365)
        self._windows = {column: _Window(orders, days) for name, (column, days) in _WINDOWS.items() if name in self.used}
        self._counts = {column: np.zeros(len(past), np.int32) for column in self._windows}
        self._net_12m = np.zeros(len(past), np.int64)
        self._half_year = _Window(orders, _COMMISSION_DAYS) if "representative_contract" in self.guards else None
        self._net_6m = np.zeros(len(past), np.int64)
        self._median_after: Array | None = None
        if self.used & {"median_gap", "lateness"}:
            start, day, _ = past.order_days()
            medians = np.full(len(past.order_day), np.nan)
            medians[past.order_cents > 0] = running_medians(start, day)
            self._median_after = medians[orders.order]
        self._visits, self._contacts = _Stream(past.visit_day, self.cutoffs), _Stream(past.contact_day, self.cutoffs)
        self._owners = _Stream(past.owner_from, self.cutoffs)

    def advance(self) -> Moment:
        """The next cut-off.

        Raises
        ------
        StopIteration
            There is none left.
        """
        if self._place >= len(self.cutoffs):
            raise StopIteration
        k, as_of = self._place, int(self.cutoffs[self._place])
        self._place += 1
        self._add_orders(k)
        for stream, client, column in (
            (self._visits, self.past.visit_client, self._visit),
            (self._contacts, self.past.contact_client, self._contact),
        ):
            rows = stream.new(k)
            np.maximum.at(column, client[rows], stream.day[rows])
        return self._moment(as_of, *self._owners_on(k, as_of))

    def _add_orders(self, k: int) -> None:
        fresh = self._orders.slice(k)
        client, day, cents = self._order_client[fresh], self._order_day[fresh], self._order_cents[fresh]
        np.add.at(self._net_total, client, cents)
        for sign, passed in ((1, fresh), (-1, self._year.leaving(k))):
            np.add.at(self._net_12m, self._order_client[passed], sign * self._order_cents[passed])
        if self._half_year is not None:
            for sign, passed in ((1, fresh), (-1, self._half_year.leaving(k))):
                np.add.at(self._net_6m, self._order_client[passed], sign * self._order_cents[passed])
        valid = cents > 0
        client, day = client[valid], day[valid]
        newcomers = self._x[client] < 0
        # in order of day: the earliest is written last where the order is turned around, the latest where it is not
        self._first[client[newcomers][::-1]] = day[newcomers][::-1]
        self._last[client] = day
        self._x += np.bincount(client, minlength=len(self._x)).astype(np.int32)
        if self._median_after is not None:
            self._median[client] = self._median_after[fresh][valid]
        for column, window in self._windows.items():
            for sign, passed in ((1, fresh), (-1, window.leaving(k))):
                counted = self._order_client[passed][self._order_cents[passed] > 0]
                self._counts[column] += sign * np.bincount(counted, minlength=len(self._x)).astype(np.int32)

    def _owners_on(self, k: int, as_of: int) -> tuple[Array, Array, Array]:
        """Owner, day it began, and whether the ledger knew of the client at all."""
        past, rows = self.past, self._owners.new(k)
        np.maximum.at(self._ledger_row, past.owner_client[rows], rows)
        moved = rows[past.owner_moved[rows]]
        np.maximum.at(self._moved, past.owner_client[moved], past.owner_from[moved].astype(np.int32))
        row = self._ledger_row
        known = row >= 0
        if not len(past.owner_client):
            return np.full(len(row), -1, np.int32), np.full(len(row), NO_DAY, np.int32), known
        holds = known & (past.owner_until[row] > as_of)
        return (
            np.where(holds, past.owner_representative[row], -1).astype(np.int32),
            np.where(holds, past.owner_from[row], NO_DAY).astype(np.int32),
            known,
        )

    def _lost_by_hand(self, as_of: int) -> NDArray[np.bool_]:
        """Whether a person had declared each client lost by then, and no order came after the silence that was about."""
        past = self.past
        lost = np.zeros(len(past), bool)
        holds = (past.lost_from <= as_of) & (as_of < past.lost_until) & (self._last[past.lost_client] <= past.lost_silence)
        lost[past.lost_client[holds]] = True
        return lost

    def _moment(self, as_of: int, owner: Array, since: Array, known: Array) -> Moment:
        past = self.past
        registered = np.where(past.registered_on <= as_of, past.registered_on, NO_DAY)
        # who was registered later but had ordered by then was there from the first order on
        later = past.registered_on > as_of
        exist = ~later | (self._x >= 0)
        if self.used & _OWNER_FIELDS:
            # before the ledger begins nobody is known to answer for the client, which is not the same as nobody
            exist &= known
        columns: dict[str, Any] = {
            "owner": owner,
            "seq": np.zeros(len(past), np.int64),
            "x": self._x.copy(),
            "first_on": self._first.copy(),
            "last_on": self._last.copy(),
            "net_12m": self._net_12m.copy(),
            "net_total": self._net_total.copy(),
            "last_visit_on": self._visit.copy(),
            "last_contact_on": self._contact.copy(),
            "owned_since_on": since,
            "moved_on": self._moved.copy(),
            "registered_on": np.where(later, self._first, registered),
            "discarded": (past.discarded_on != NO_DAY) & (past.discarded_on <= as_of),
            "lost_by_hand": self._lost_by_hand(as_of),
            **{name: count.copy() for name, count in self._counts.items()},
        }
        if self._median_after is not None:
            columns["median_gap"] = self._median.copy()
        if self.needs_abc:
            columns["abc"] = abc_classes(self._net_12m, past.abc_cuts)
        if "representative_contract" in self.guards:
            consented = (past.consent_on != NO_DAY) & (past.consent_on <= as_of)
            columns["consent"] = np.append(consented, False)[owner]
            # the guard asks only whether the client still feeds the average, which any net above zero does
            columns["commission_6m_cents"] = np.maximum(self._net_6m, 0)
        if self._base.credit_event_on is not None:
            known_event = self._base.credit_event_on <= as_of
            columns["credit_event_on"] = np.where(known_event, self._base.credit_event_on, NO_DAY)
        away = (past.absent_from <= as_of) & (past.absent_until > as_of)
        absent = np.zeros(len(past.active_from), bool)
        absent[past.absent_representative[away]] = True
        active = (past.active_from <= as_of) & (past.active_until > as_of)
        holds = np.bincount(owner[owner >= 0], minlength=len(active)).astype(np.int32)
        people = self._people.with_columns(active=active, absent=absent, absent_now=absent, holds=holds)
        return Moment(as_of, self._base.with_columns(**columns), people, exist)


class _Stream:
    """Dated rows in order of day, and which of them each cut-off is the first to see."""

    def __init__(self, day: Array, cutoffs: Array) -> None:
        self.day, self.cutoffs = day, cutoffs
        self.order = np.argsort(day, kind="stable")
        self.sorted = day[self.order]
        self.ends = np.searchsorted(self.sorted, cutoffs, side="right")

    def slice(self, k: int) -> slice:
        """Positions in the sorted rows that come in with cut-off ``k``."""
        return slice(int(self.ends[k - 1]) if k else 0, int(self.ends[k]))

    def new(self, k: int) -> Array:
        """The rows themselves that come in with cut-off ``k``."""
        return self.order[self.slice(k)]


class _Window:
    """Rows that fall out of the last ``days`` as the cut-offs pass."""

    def __init__(self, stream: _Stream, days: int) -> None:
        self.ends = np.searchsorted(stream.sorted, stream.cutoffs - days, side="right")

    def leaving(self, k: int) -> slice:
        return slice(int(self.ends[k - 1]) if k else 0, int(self.ends[k]))


def last_orders(past: Past, cutoffs: Array) -> Iterator[NDArray[np.int64]]:
    """The last valid order day of each client on one cut-off after another, NO_DAY for none yet; shape (n,)."""
    valid = past.order_cents > 0
    stream = _Stream(past.order_day[valid], cutoffs)
    client = past.order_client[valid][stream.order]
    last = np.full(len(past), NO_DAY, np.int64)
    for k in range(len(cutoffs)):
        fresh = stream.slice(k)
        last[client[fresh]] = stream.sorted[fresh]
        yield last.copy()
