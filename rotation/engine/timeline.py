"""What a client's orders looked like on any past day: the second stage's features, many days from one pass over the orders.

Running sums over all order days are made once; the view of a day then costs a search a client, however long the
history is. A view reads nothing later than its day, except what came within its horizon, which only ``came_silent`` tells.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .history import OrderHistory
from .models.purchases import sample

Floats = NDArray[np.float64]
LAST_GAPS = 12  # the median of older gaps describes another time
FEW_GAPS = 3
_DAYS = 1 << 24  # more than any day: client and day in one number


@dataclass(frozen=True, eq=False)
class View:
    """Clients that had ordered by one day; arrays of shape (m,), ``rows`` their positions in the history.

    ``x`` repeat order days, ``since`` days since the last one, ``features`` (m, len(FEATURES)) as they enter a model: log1p
    of non-negative numbers, NaN where a client has too few orders to tell.
    """

    as_of: int
    rows: NDArray[np.int64]
    x: NDArray[np.int64]
    since: NDArray[np.int64]
    features: Floats


FEATURES = (
    "orders", "since", "age", "mean_gap", "median_gap", "last_gap", "longest_gap", "recent_gap", "gap_spread",
    "since_by_mean", "since_by_median", "since_by_last", "since_by_longest", "since_by_recent", "since_by_spread",
    "n30", "n90", "n180", "n365", "n_same_season", "net_12m", "mean_value", "last_value", "last_products", "mean_products",
)  # fmt: skip


class Timeline:
    """An organization's order days, ready to be looked at as of any day."""

    def __init__(self, history: OrderHistory) -> None:
        self.history = history
        client = history.client_of_day()
        day = history.day
        gap = np.zeros(len(day), np.int32)
        same = client[1:] == client[:-1]
        gap[1:][same] = np.diff(day)[same]
        self._key = client * _DAYS + day
        self._gap = gap
        # whole numbers: what a sum over two clients' days rounds to would depend on days that are not looked at
        self._squares = _running(gap.astype(np.int64) ** 2)
        self._net = _running(history.net_cents)
        # a client's number lifts its gaps above those of all clients before it, so that one running maximum serves all
        lifted = client * _DAYS
        self._longest = (np.maximum.accumulate(gap + lifted) - lifted).astype(np.int32)
        self._products = None if history.products is None else _running(history.products)

    def _count(self, rows: Array, day: int) -> NDArray[np.int64]:
        """Position after the last order day of each client up to ``day``."""
        return np.searchsorted(self._key, rows * _DAYS + day, side="right")

    def on(self, as_of: int, horizon: int, within: int | None = None, at_most: int | None = None, rows: Array | None = None) -> View:
        """The view of the day ``as_of``.

        Parameters
        ----------
        horizon : days, of which the same season a year before is counted
        within : days; clients silent for longer are left out
        at_most : clients, chosen by their ids
        rows : rising positions in the history; everybody where None
        """
        day = self.history.day
        rows = np.arange(len(self.history), dtype=np.int64) if rows is None else rows
        end = self._count(rows, as_of)
        kept = end > self.history.start[rows]
        if within is not None:
            kept[kept] = as_of - day[end[kept] - 1] <= within
        rows = rows[kept]
        if at_most is not None:
            rows = np.sort(sample(rows, self.history.client_id[rows], at_most))
        end, begin = self._count(rows, as_of), self.history.start[rows]
        orders = end - begin
        last = end - 1
        x = orders - 1
        since = as_of - day[last].astype(np.int64)
        span = (day[last] - day[begin]).astype(np.float64)
        back = last[:, None] - np.arange(LAST_GAPS)
        gaps = np.where(np.arange(LAST_GAPS) < x[:, None], self._gap[np.maximum(back, 0)], np.nan)
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # no gaps at all is NaN, as it should be
            median, recent = np.nanmedian(gaps, axis=1), np.nanmean(gaps[:, :FEW_GAPS], axis=1)
            mean = np.where(x > 0, span / x, np.nan)
            variance = (self._squares[end] - self._squares[begin + 1] - x * mean**2) / (x - 1)
            spread = np.where(x > 1, np.sqrt(np.maximum(variance, 0.0)), np.nan)
        latest = np.where(x > 0, self._gap[last], np.nan)
        longest = np.where(x > 0, self._longest[last], np.nan)
        years = {days: self._count(rows, as_of - days) for days in (30, 90, 180, 365)}
        season = self._count(rows, as_of - 365 + horizon) - years[365]
        value = (self._net[end] - self._net[begin]) / 100.0
        made = [orders, since, as_of - day[begin], mean, median, latest, longest, recent, spread]
        made += [since / divisor for divisor in (mean, median, latest, longest, recent, np.maximum(spread, 0.5))]
        made += [end - years[days] for days in (30, 90, 180, 365)]
        made += [season, (self._net[end] - self._net[years[365]]) / 100.0, value / orders, (self._net[end] - self._net[last]) / 100.0]
        if self._products is None:
            made += [np.zeros(len(rows))] * 2
        else:
            made += [self._products[end] - self._products[last], (self._products[end] - self._products[begin]) / orders]
        features = np.log1p(np.maximum(np.column_stack(made), 0.0))
        return View(as_of, rows, x, since, features)

    def came_silent(self, view: View, horizon: int) -> NDArray[np.bool_]:
        """Whether each client of the view did not order within ``horizon`` days of it; shape (m,)."""
        return self._count(view.rows, view.as_of + horizon) == self._count(view.rows, view.as_of)


def _running(values: Array) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
