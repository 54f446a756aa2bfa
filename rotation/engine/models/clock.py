"""The seasonal clock: days counted by how much the organization usually sells in them (ENGINE.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..facts import Array
from .purchases import Purchases

Floats = NDArray[np.float64]
WEEKS, YEAR = 52, 364
DAYS_NEEDED = 420
BELIEVED_FROM = 20.0  # orders a week at which half of a season is believed
LEAST, MOST = 0.25, 4.0
_SMOOTH = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0


@dataclass(frozen=True, eq=False)
class Clock:
    """Expected activity passed by the end of a day. ``index`` (52,) has mean 1: a year of 364 days takes 364.

    Week 0 begins on day ``origin``; the weeks repeat every 364 days, so the weeks to come have last year's index.
    """

    origin: int
    index: Floats

    def at(self, day: Array) -> Floats:
        """Activity from the origin to the end of ``day`` (integer days since 1970-01-01, any shape); rises with the day."""
        passed = np.concatenate(([0.0], np.cumsum(np.repeat(self.index, 7))))
        days = np.asarray(day, np.int64) - self.origin + 1
        return np.asarray(days // YEAR * float(YEAR) + passed[days % YEAR], np.float64)

    def horizon(self, as_of: int, days: Array) -> Floats:
        """Activity expected in the ``days`` (integers, any shape) after ``as_of``: what to ask a fit in this clock about."""
        return self.at(as_of + np.asarray(days, np.int64)) - self.at(np.asarray(as_of))

    def purchases(self, as_of: int, start: Array, day: Array, client_id: Array | None = None) -> Purchases:
        """Statistics in this clock's time. Order days as in ``features.order_statistics``; later ones are not looked at."""
        n = len(start) - 1
        client = np.repeat(np.arange(n), np.diff(start))
        known = np.asarray(day) <= as_of
        client, when = client[known], self.at(np.asarray(day)[known])
        x = np.bincount(client, minlength=n) - 1
        bounds = np.concatenate(([0], np.cumsum(x + 1)))
        now = float(self.at(np.asarray(as_of)))
        first, last = np.full(n, now), np.full(n, now)
        ordered = x >= 0
        first[ordered], last[ordered] = when[bounds[:-1][ordered]], when[bounds[1:][ordered] - 1]
        same = client[1:] == client[:-1]
        log_gaps = np.bincount(client[1:][same], np.log(np.diff(when)[same]), minlength=n)
        return Purchases(x, last - first, now - first, log_gaps, client_id)


def seasonal_clock(day: Array, as_of: int) -> Clock | None:
    """The clock of an organization from all its order days, or None below ``DAYS_NEEDED`` days of them.

    Parameters
    ----------
    day : shape (n_order_days,), days since 1970-01-01, any order, one entry a client's order day
    as_of : days; what lies after it is not looked at

    The index is last year's orders by week, or the mean of two years where there are two; smoothed over five weeks
    around the year; drawn towards 1 where orders are few, and half the way where only one year shows the season.
    """
    days = np.asarray(day, np.int64)
    days = days[days <= as_of]
    if not len(days) or as_of - int(days.min()) + 1 < DAYS_NEEDED:
        return None
    years = 2 if as_of - int(days.min()) + 1 >= 2 * YEAR else 1
    origin = as_of - YEAR + 1
    recent = days[days > as_of - years * YEAR]
    week = (recent - origin) % YEAR // 7
    orders = np.bincount(week, minlength=WEEKS) / years
    mean = float(orders.mean())
    if mean == 0:
        return None
    around = np.concatenate((orders[-2:], orders, orders[:2]))
    season = np.convolve(around, _SMOOTH, mode="valid") / mean
    strength = mean / (mean + BELIEVED_FROM) * (1.0 if years == 2 else 0.5)
    index = np.clip(1.0 + strength * (season - 1.0), LEAST, MOST)
    return Clock(origin, index / index.mean())
