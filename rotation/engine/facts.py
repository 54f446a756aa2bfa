"""The columns the engine reads: one row a client, one row a representative (ENGINE.md section 1).

Days are int32 days since 1970-01-01, money is int64 cents, words are codes into a vocabulary (-1 unknown). A column
that was not given is None; a rule that needs it is refused by name.
"""

# ruff: noqa: RUF009  (_column returns dataclasses.field; each call is a new one)
from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError, MissingColumn

Array = NDArray[Any]

# "never": far enough back that any "days since" is large, near enough that int32 differences cannot overflow
NO_DAY = -(2**30)

DAYS, CENTS, COUNT, CODE, REAL, FLAG = np.int32, np.int64, np.int32, np.int32, np.float64, np.bool_
_LISTS = {"former_start", "former_representative", "former_ended_on", "tags_start", "tags_code"}


def _column(kind: type, default: Any = None) -> Any:
    return field(default=default, metadata={"kind": kind})


@dataclass(frozen=True, eq=False)
class Facts:
    """One row a client, sorted by client id. Shape (n,) unless said otherwise.

    ``owner`` is the row of the representative in ``Representatives``, -1 for none. ``seq`` is the sequence number of
    the ownership the facts were read from; it travels untouched to the proposals. ``x`` is repeat order days, -1 for
    a client that never ordered. NaN coordinates are unknown. ``former_*`` and ``tags_*`` are ragged: the entries of
    client i are ``[start[i]:start[i + 1]]``. ``region`` falls back to ``uf``. ``group_last_on`` is
    the last order day of another client of the same root of CNPJ. ``warn_days``, ``inactive_days`` and
    ``lost_days`` (None: four times inactive) may be one number for all or one per client. ``p_silent``, ``p_cross``, ``p_alive``
    and ``year_cents`` are scores made elsewhere, NaN for a client that never ordered.
    """

    client_id: Array = _column(np.int64)
    owner: Array = _column(np.int32)
    seq: Array = _column(np.int64)
    x: Array = _column(COUNT)
    first_on: Array = _column(DAYS)
    last_on: Array = _column(DAYS)
    net_12m: Array = _column(CENTS)

    net_total: Array | None = _column(CENTS)
    sum_log_gap: Array | None = _column(REAL)
    median_gap: Array | None = _column(REAL)
    mean_gap: Array | None = _column(REAL)
    n30: Array | None = _column(COUNT)
    n90: Array | None = _column(COUNT)
    n180: Array | None = _column(COUNT)
    n365: Array | None = _column(COUNT)
    n_same_season: Array | None = _column(COUNT)

    lat: Array | None = _column(REAL)
    lon: Array | None = _column(REAL)
    region: Array | None = _column(CODE)
    uf: Array | None = _column(CODE)
    city: Array | None = _column(CODE)
    segment: Array | None = _column(CODE)
    size: Array | None = _column(CODE)
    tags_start: Array | None = _column(np.int64)
    tags_code: Array | None = _column(CODE)
    abc: Array | None = _column(np.int8)

    contract_ends_on: Array | None = _column(DAYS)
    contract_only: Array | None = _column(FLAG)
    last_contact_on: Array | None = _column(DAYS)
    last_visit_on: Array | None = _column(DAYS)
    owned_since_on: Array | None = _column(DAYS)
    registered_on: Array | None = _column(DAYS)
    moved_on: Array | None = _column(DAYS)
    warned_on: Array | None = _column(DAYS)
    group_last_on: Array | None = _column(DAYS)
    credit_event_on: Array | None = _column(DAYS)
    missed_visits: Array | None = _column(COUNT)
    hold_until_on: Array | None = _column(DAYS)
    withheld_until_on: Array | None = _column(DAYS)
    drawn_until_on: Array | None = _column(DAYS)  # last day of the window of a client drawn to treatment before
    open_proposal: Array | None = _column(FLAG)
    open_order: Array | None = _column(FLAG)
    open_opportunity: Array | None = _column(FLAG)
    blocked: Array | None = _column(FLAG)
    never_rotate: Array | None = _column(FLAG)
    discarded: Array | None = _column(FLAG)
    lost_by_hand: Array | None = _column(FLAG)
    key_account: Array | None = _column(FLAG)
    consent: Array | None = _column(FLAG)
    commission_6m_cents: Array | None = _column(CENTS)
    overdue_cents: Array | None = _column(CENTS)
    credit_score: Array | None = _column(REAL)
    minutes: Array | None = _column(REAL)
    p_silent: Array | None = _column(REAL)
    p_cross: Array | None = _column(REAL)
    p_alive: Array | None = _column(REAL)
    year_cents: Array | None = _column(REAL)

    former_start: Array | None = _column(np.int64)
    former_representative: Array | None = _column(np.int32)
    former_ended_on: Array | None = _column(DAYS)

    warn_days: Array | int = 60
    inactive_days: Array | int = 90
    lost_days: Array | int | None = None

    regions: tuple[str, ...] = ()
    ufs: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = np.shape(self.client_id)[:1]
        for spec in fields(self):
            kind = spec.metadata.get("kind")
            given = getattr(self, spec.name)
            if kind is None or (given is None and spec.name not in REQUIRED):
                continue
            if given is None:
                raise MissingColumn(spec.name, "every rule")
            array = np.ascontiguousarray(given, dtype=kind)
            object.__setattr__(self, spec.name, array)
            expected = {"former_start": (size[0] + 1,), "tags_start": (size[0] + 1,)}.get(spec.name, size)
            if spec.name in _LISTS - {"former_start", "tags_start"}:
                expected = array.shape[:1]
            if array.shape != expected:
                raise FactsError("wrong_shape", column=spec.name, found=array.shape, expected=expected)
        for name in ("warn_days", "inactive_days", "lost_days"):
            if getattr(self, name) is None:
                continue
            days = np.asarray(getattr(self, name), dtype=np.int32)
            if days.shape not in ((), size):
                raise FactsError("wrong_shape", column=name, found=days.shape, expected=size)
            object.__setattr__(self, name, days)
        _check_sorted("client_id", self.client_id)
        for a, b, c in (("former_start", "former_representative", "former_ended_on"), ("tags_start", "tags_code", "tags_code")):
            if getattr(self, a) is not None:
                _check_ragged(a, getattr(self, a), self.need(b, a), self.need(c, a))

    def __len__(self) -> int:
        return len(self.client_id)

    def need(self, column: str, needed_by: str) -> Array:
        """The column, or MissingColumn naming who asked."""
        found = getattr(self, column)
        if found is None:
            raise MissingColumn(column, needed_by)
        return found

    def region_codes(self, needed_by: str) -> tuple[Array, tuple[str, ...]]:
        """Region of each client and its vocabulary; organizations without zones use the state (UF)."""
        if self.region is not None:
            return self.region, self.regions
        if self.uf is None:
            raise MissingColumn("region", needed_by)
        return self.uf, self.ufs

    def digest(self) -> bytes:
        """SHA-256 over names and bytes of every given column and vocabulary, in a fixed order."""
        return _digest(self)

    def with_columns(self, **columns: Any) -> Facts:
        """The same clients with some columns replaced or added."""
        return replace(self, **columns)

    def take(self, rows: Array) -> Facts:
        """The given rows only, kept in order of client id; ragged columns follow."""
        rows = np.sort(np.asarray(rows))
        made: dict[str, Any] = {}
        for spec in fields(self):
            given = getattr(self, spec.name)
            if spec.name in _LISTS or given is None or isinstance(given, tuple):
                continue
            made[spec.name] = given if np.ndim(given) == 0 else given[rows]
        for start, *values in (("former_start", "former_representative", "former_ended_on"), ("tags_start", "tags_code")):
            bounds = getattr(self, start)
            if bounds is None:
                continue
            made[start], inside = take_ragged(bounds, rows)
            for name in values:
                made[name] = getattr(self, name)[inside]
        return replace(self, **made)


REQUIRED = frozenset({"client_id", "owner", "seq", "x", "first_on", "last_on", "net_12m"})


@dataclass(frozen=True, eq=False)
class Representatives:
    """One row a representative, sorted by id; former ones stay in the table with ``active`` False.

    ``regions`` and ``segments`` hold, for each, the codes served, in the vocabulary of ``Facts``; an empty set means
    no restriction. ``holds`` is clients held now. ``absent`` is "absent on as_of or within the next 14 days" and
    ``absent_now`` "absent on as_of". Ceilings of -1 mean none beyond the rule's own. ``balance`` is the fairness ledger of
    the last four runs in steps, positive for those who received more than their share. ``capacity_minutes`` and
    ``minutes_held`` are minutes a quarter, infinite capacity where none was written down. ``top_team`` is the team at the top of
    the branch ``team`` stands in, -1 where there is none; left out, no team is under another.
    """

    id: Array = _column(np.int64)
    team: Array = _column(np.int64)
    active: Array = _column(FLAG)
    autonomous: Array = _column(FLAG)
    capacity: Array = _column(COUNT)
    holds: Array = _column(COUNT)
    absent: Array | None = _column(FLAG)
    absent_now: Array | None = _column(FLAG)
    lat: Array | None = _column(REAL)
    lon: Array | None = _column(REAL)
    city: Array | None = _column(CODE)
    capacity_minutes: Array | None = _column(REAL)
    minutes_held: Array | None = _column(REAL)
    receive_ceiling: Array | None = _column(COUNT)
    give_ceiling: Array | None = _column(COUNT)
    received: Array | None = _column(COUNT)
    recovered: Array | None = _column(COUNT)
    balance: Array | None = _column(REAL)
    top_team: Array | None = _column(np.int64)
    regions: tuple[frozenset[int], ...] = ()
    segments: tuple[frozenset[int], ...] = ()

    def __post_init__(self) -> None:
        size = np.shape(self.id)[:1]
        for spec in fields(self):
            kind = spec.metadata.get("kind")
            given = getattr(self, spec.name)
            if kind is None:
                continue
            if given is None:
                if spec.name in ("id", "team", "active", "autonomous", "capacity", "holds"):
                    raise MissingColumn(spec.name, "every rule")
                continue
            array = np.ascontiguousarray(given, dtype=kind)
            if array.shape != size:
                raise FactsError("wrong_shape", column=spec.name, found=array.shape, expected=size)
            object.__setattr__(self, spec.name, array)
        for name in ("regions", "segments"):
            sets = tuple(frozenset(int(code) for code in codes) for codes in getattr(self, name)) or (frozenset(),) * size[0]
            if len(sets) != size[0]:
                raise FactsError("wrong_shape", column=name, found=(len(sets),), expected=size)
            object.__setattr__(self, name, sets)
        _check_sorted("id", self.id)

    def __len__(self) -> int:
        return len(self.id)

    def need(self, column: str, needed_by: str) -> Array:
        """The column, or MissingColumn naming who asked."""
        found: Array | None = getattr(self, column)
        if found is None:
            raise MissingColumn(column, needed_by)
        return found

    def digest(self) -> bytes:
        """SHA-256 over names and bytes of every given column, in a fixed order."""
        return _digest(self)

    def with_columns(self, **columns: Any) -> Representatives:
        """The same representatives with some columns replaced or added."""
        return replace(self, **columns)


def check_owners(facts: Facts, representatives: Representatives) -> None:
    """Every owner and former owner is a row of ``representatives`` (or -1)."""
    for name in ("owner", "former_representative"):
        column = getattr(facts, name)
        if column is None or not len(column):
            continue
        wrong = (column < -1) | (column >= len(representatives))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FactsError("not_a_position", column=name, row=row, value=int(column[row]), size=len(representatives))


def take_ragged(start: Array, rows: Array) -> tuple[Array, Array]:
    """New bounds for ``rows``, and the positions of their entries in the old values."""
    lengths = start[rows + 1] - start[rows]
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    inside = np.repeat(start[rows] - bounds[:-1], lengths) + np.arange(bounds[-1])
    return bounds, inside


def _check_sorted(name: str, ids: Array) -> None:
    if len(ids) > 1:
        wrong = ids[1:] <= ids[:-1]
        if wrong.any():
            raise FactsError("not_sorted", column=name, row=int(np.argmax(wrong)) + 1)


def _check_ragged(name: str, start: Array, *values: Array) -> None:
    size = int(start[-1])
    if start[0] != 0 or (np.diff(start) < 0).any():
        raise FactsError("not_sorted", column=name, row=int(np.argmax(np.diff(start) < 0)) + 1)
    for column in values:
        if len(column) != size:
            raise FactsError("wrong_shape", column=name, found=(len(column),), expected=(size,))


def _digest(table: Facts | Representatives) -> bytes:
    digest = hashlib.sha256()
    for spec in fields(table):
        value = getattr(table, spec.name)
        if value is None:
            continue
        digest.update(spec.name.encode() + b"\0")
        if isinstance(value, tuple):
            digest.update(repr([sorted(item) if isinstance(item, frozenset) else item for item in value]).encode())
        else:
            digest.update(str(value.dtype).encode() + str(value.shape).encode())
            digest.update(np.ascontiguousarray(value).data)
    return digest.digest()
