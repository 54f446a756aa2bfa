"""What became of those a rule would have flagged: false alarms, the missed, the days of warning (ENGINE.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .facts import NO_DAY, Array
from .past import FOREVER, Past

EPOCH = date(1970, 1, 1)
_SHIFT, _ZERO = 32, 2**31


@dataclass(frozen=True, eq=False)
class Flags:
    """One row a flag, in order of cut-off, then client. A client is flagged once for each silence.

    ``client`` and ``owner`` (-1 none) are rows of the tables; ``cutoff`` a position in the cut-offs; ``last_on`` the last
    order day known then (NO_DAY for a prospect); ``stake_cents`` float64, the year's margin times the chance of silence.
    """

    client: Array
    cutoff: Array
    last_on: Array
    owner: Array
    stake_cents: Array

    def __len__(self) -> int:
        return len(self.client)

    @classmethod
    def of(cls, rows: list[tuple[Array, int, Array, Array, Array]]) -> Flags:
        """From (client, cut-off, last_on, owner, stake_cents) of each cut-off."""
        if not rows:
            return cls(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.int64, np.int64, np.float64)))
        cutoff = np.concatenate([np.full(len(each[0]), each[1], np.int64) for each in rows])
        client, last_on, owner, stake = (np.concatenate([each[i] for each in rows]) for i in (0, 2, 3, 4))
        return cls(client.astype(np.int64), cutoff, last_on.astype(np.int64), owner.astype(np.int64), stake.astype(np.float64))

    def before(self, cutoff: int) -> Flags:
        """Those of the first ``cutoff`` cut-offs."""
        end = int(np.searchsorted(self.cutoff, cutoff))
        return Flags(*(getattr(self, name)[:end] for name in ("client", "cutoff", "last_on", "owner", "stake_cents")))

    def key(self) -> NDArray[np.int64]:
        """One number a silence: the client and the order day it began on."""
        return _key(self.client, self.last_on)


@dataclass(frozen=True, eq=False)
class Silences:
    """Silences that reached the inactivity limit inside the cut-offs, in order of the first cut-off at or after that day.

    ``inactive_on`` is the day of the limit. ``watched`` were in the rule's population when it came, ``held`` were kept by a
    guard then.
    """

    client: Array
    last_on: Array
    inactive_on: Array
    cutoff: Array
    watched: NDArray[np.bool_]
    held: NDArray[np.bool_]

    @classmethod
    def reached(cls, past: Past, inactive_days: Array, cutoffs: Array) -> Silences:
        """All of them, whoever answers for the client; ``watched`` and ``held`` are still to be filled in."""
        valid = past.order_cents > 0
        client, last = past.order_client[valid].astype(np.int64), past.order_day[valid].astype(np.int64)
        following = np.full(len(client), FOREVER, np.int64)
        same = client[1:] == client[:-1]
        following[:-1][same] = last[1:][same]
        limit = last + np.broadcast_to(np.asarray(inactive_days, np.int64), len(past))[client]
        rows = (
            np.flatnonzero((following > limit) & (limit > cutoffs[0]) & (limit <= cutoffs[-1])) if len(cutoffs) else np.empty(0, np.int64)
        )
        at = np.searchsorted(cutoffs, limit[rows], side="left")
        rows, at = rows[np.argsort(at, kind="stable")], np.sort(at, kind="stable")
        none = np.zeros(len(rows), bool)
        return cls(client[rows], last[rows], limit[rows], at, none, none.copy())


@dataclass(frozen=True, eq=False)
class Judged:
    """Flags with what came of them, and the silences that became inactivity with whether they had been flagged.

    ``ordered`` (n_flags,): a valid order within the horizon came by itself, a false alarm. ``lost`` are the watched
    silences; ``warned_on`` (n_lost,) the day of their flag where it came no later than the first cut-off at or after
    the limit, NO_DAY where they were missed; ``lead_days`` from flag to limit, below zero where a cut-off came after it.
    """

    cutoffs: Array
    flags: Flags
    ordered: NDArray[np.bool_]
    lost_client: Array
    lost_cutoff: Array
    lost_held: NDArray[np.bool_]
    warned_on: Array
    lead_days: Array

    @property
    def missed(self) -> NDArray[np.bool_]:
        return self.warned_on == NO_DAY


class Fate(IntEnum):
    """What came of a flag."""

    SILENT = 0
    ORDERED = 1  # within the horizon, by itself: a false alarm
    OPEN = 2  # the horizon had not closed yet


class Alone(IntEnum):
    """Which of two rules flagged a silence."""

    BOTH = 0  # or there was one rule only
    NEW = 1
    OLD = 2


@dataclass(frozen=True, eq=False)
class FlagColumns:
    """One row a flag, those with most at stake first, then by client; all int64.

    ``client`` are ids; days count from 1970. ``last_on`` is the last order day known on ``flagged_on`` (NO_DAY for a prospect),
    ``then_on`` the next one (``FOREVER`` where none is known up to now); ``fate`` a ``Fate``, ``alone`` an ``Alone``.
    """

    client: Array
    flagged_on: Array
    last_on: Array
    then_on: Array
    stake_cents: Array
    fate: Array
    alone: Array

    def __len__(self) -> int:
        return len(self.client)

    def where(self, mask: Array) -> FlagColumns:
        """The rows of a mask or of positions, in their order."""
        return FlagColumns(*(getattr(self, each.name)[mask] for each in fields(self)))


def judge(past: Past, cutoffs: Array, horizon: int, flags: Flags, silences: Silences) -> Judged:
    """Look at what came after each flag.

    Parameters
    ----------
    cutoffs : those whose windows of ``horizon`` days have closed; flags of later ones are left out
    """
    flags = flags.before(len(cutoffs))
    day = cutoffs[flags.cutoff] if len(flags) else np.empty(0, np.int64)
    following = next_order_on(past, flags.client, day)
    watched = silences.watched & (silences.cutoff < len(cutoffs))
    client, limit, at = silences.client[watched], silences.inactive_on[watched], silences.cutoff[watched]
    warned = np.full(len(client), NO_DAY, np.int64)
    if len(flags):
        key, order = flags.key(), np.argsort(flags.key())
        wanted = _key(client, silences.last_on[watched])
        place = np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)
        found = order[place]
        known = (key[found] == wanted) & (flags.cutoff[found] <= at)
        warned[known] = day[found[known]]
    lead = np.where(warned == NO_DAY, 0, limit - warned)
    return Judged(cutoffs, flags, following <= day + horizon, client, at, silences.held[watched], warned, lead)


def next_order_on(past: Past, client: Array, day: Array) -> NDArray[np.int64]:
    """The first valid order day after ``day`` of each client named; ``FOREVER`` where none is known."""
    valid = past.order_cents > 0
    key = _key(past.order_client[valid], past.order_day[valid])
    if not len(key):
        return np.full(len(client), FOREVER, np.int64)
    place = np.searchsorted(key, _key(client, day), side="right")
    inside = np.minimum(place, len(key) - 1)
    mine = (place < len(key)) & (past.order_client[valid][inside] == client)
    return np.where(mine, past.order_day[valid][inside], FOREVER).astype(np.int64)


def _key(client: Array, day: Array) -> NDArray[np.int64]:
    return (np.asarray(client, np.int64) << _SHIFT) + np.asarray(day, np.int64) + _ZERO


def numbers(judged: Judged, part: Array | None = None, lost: Array | None = None) -> dict[str, Any]:
    """Counts of all, or of the flags and losses in two masks, as plain JSON; ``lead_days`` is the median, None for none."""
    part = np.ones(len(judged.flags), bool) if part is None else part
    lost = np.ones(len(judged.warned_on), bool) if lost is None else lost
    flagged, alarms = int(part.sum()), int((judged.ordered & part).sum())
    stopped, missed = int(lost.sum()), int((judged.missed & lost).sum())
    lead = judged.lead_days[lost & ~judged.missed]
    return {
        "flagged": flagged,
        "false_alarms": alarms,
        "silent": flagged - alarms,
        "stopped": stopped,
        "missed": missed,
        "missed_held": int((judged.missed & lost & judged.lost_held).sum()),
        "lead_days": _plain(np.median(lead)) if len(lead) else None,
    }


def totals(judged: Judged, margin_lift: float) -> dict[str, Any]:
    """All of it as plain JSON: counts, rates (None where nothing to divide by), lead time's quarters, money in cents.

    ``upper_bound_cents`` is what the assumed lift would bring of what was at stake with the truly silent: an upper bound,
    for not each of them can be moved, and none of them was.
    """
    made = numbers(judged)
    lead = judged.lead_days[~judged.missed]
    stake = float(judged.flags.stake_cents[~judged.ordered].sum())
    return {
        **made,
        "false_alarm_rate": _share(made["false_alarms"], made["flagged"]),
        "precision": _share(made["silent"], made["flagged"]),
        "coverage": _share(made["stopped"] - made["missed"], made["stopped"]),
        "warned_before": int((lead > 0).sum()),
        "lead_quarters": [_plain(each) for each in np.quantile(lead, (0.25, 0.75))] if len(lead) else None,
        "at_stake_cents": round(stake),
        "lift": margin_lift,
        "upper_bound_cents": round(stake * margin_lift),
    }


def by_cutoff(judged: Judged) -> list[dict[str, Any]]:
    """The numbers of each cut-off; losses stand with the first cut-off at or after the day they came."""
    k = len(judged.cutoffs)
    flags, lost = judged.flags, judged.lost_cutoff
    leads: list[list[float]] = [[] for _ in range(k)]
    for at, lead, missed in zip(lost.tolist(), judged.lead_days.tolist(), judged.missed.tolist(), strict=True):
        if not missed:
            leads[at].append(lead)
    flagged, alarms = np.bincount(flags.cutoff, minlength=k), np.bincount(flags.cutoff[judged.ordered], minlength=k)
    stopped, missed_ = np.bincount(lost, minlength=k), np.bincount(lost[judged.missed], minlength=k)
    return [
        {
            "cutoff": (EPOCH + timedelta(days=int(day))).isoformat(),
            "flagged": int(flagged[i]),
            "false_alarms": int(alarms[i]),
            "silent": int(flagged[i] - alarms[i]),
            "stopped": int(stopped[i]),
            "missed": int(missed_[i]),
            "lead_days": _plain(np.median(leads[i])) if leads[i] else None,
        }
        for i, day in enumerate(judged.cutoffs)
    ]


def by_month(judged: Judged) -> list[dict[str, Any]]:
    """The numbers of the cut-offs of each calendar month, blanks included."""
    months = np.array([(EPOCH + timedelta(days=int(day))).strftime("%Y-%m") for day in judged.cutoffs])
    made = []
    for month in dict.fromkeys(months.tolist()):
        inside = months == month
        made.append({"month": month, **numbers(judged, inside[judged.flags.cutoff], inside[judged.lost_cutoff])})
    return made


def by_owner(judged: Judged, n_representatives: int) -> list[dict[str, Any]]:
    """Load of each representative that had someone flagged, the heaviest first; ``representative`` -1 is nobody.

    ``most`` is the largest number in one cut-off after the first, which brings in all who were silent already.
    """
    flags = judged.flags
    width = n_representatives + 1
    place = np.where(flags.owner < 0, n_representatives, flags.owner)
    flagged, alarms = np.bincount(place, minlength=width), np.bincount(place[judged.ordered], minlength=width)
    stake = np.bincount(place[~judged.ordered], flags.stake_cents[~judged.ordered], minlength=width)
    later = flags.cutoff > 0
    pairs, counts = np.unique(flags.cutoff[later] * width + place[later], return_counts=True)
    most = np.zeros(width, np.int64)
    np.maximum.at(most, pairs % width, counts)
    rows = np.flatnonzero(flagged)
    rows = rows[np.argsort(-flagged[rows], kind="stable")]
    return [
        {
            "representative": int(row) if row < n_representatives else -1,
            "flagged": int(flagged[row]),
            "false_alarms": int(alarms[row]),
            "most": int(most[row]),
            "at_stake_cents": round(float(stake[row])),
        }
        for row in rows
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _plain(value: Any) -> float | int:
    number = float(value)
    return int(number) if number.is_integer() else round(number, 2)
