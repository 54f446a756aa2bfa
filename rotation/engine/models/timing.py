"""When the next order is due: three dates, or nothing where the model expects none soon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..facts import NO_DAY, Array
from .mixture import Fit
from .purchases import Purchases

WITHIN_DAYS = 400
REGULAR_FROM = 6  # repeat orders
REGULAR_BELOW = 0.35  # spread of the gaps over their mean


@dataclass(frozen=True, eq=False)
class NextOrder:
    """Days since 1970-01-01, int32, shape (n,); NO_DAY where the chance does not get that far in ``WITHIN_DAYS``.

    By ``early``, ``likely`` and ``late`` the next order has come with 25%, 50% and 75%. ``regular`` marks the clients
    whose ``likely`` is their own rhythm and not the model's.
    """

    early: NDArray[np.int32]
    likely: NDArray[np.int32]
    late: NDArray[np.int32]
    regular: NDArray[np.bool_]


def next_order(
    fitted: Fit,
    clients: Purchases,
    as_of: int,
    *,
    median_gap: Array | None = None,
    mean_gap: Array | None = None,
    gap_spread: Array | None = None,
) -> NextOrder:
    """Dates of the next order of each client.

    Parameters
    ----------
    clients : statistics on the day ``as_of``, in days
    median_gap, mean_gap, gap_spread : shape (n,), days, NaN unknown
        As in ``dates``; without all three the model alone answers.
    """
    rhythm = None
    if median_gap is not None and mean_gap is not None and gap_spread is not None:
        rhythm = Rhythm(clients.x, clients.T - clients.t, median_gap, mean_gap, gap_spread)
    return dates(lambda silent: fitted.days_until_order(clients, silent, WITHIN_DAYS), as_of, rhythm)


@dataclass(frozen=True, eq=False)
class Rhythm:
    """A client's own gaps: repeat orders, days since the last order, median, mean and standard deviation (days, NaN unknown); all (n,)."""

    x: Array
    since: Array
    median_gap: Array
    mean_gap: Array
    gap_spread: Array

    def due_in(self) -> NDArray[np.float64]:
        """Days until one median gap has passed since the last order, for regular clients not yet late; NaN for others, shape (n,).

        Regular is: at least ``REGULAR_FROM`` repeat orders, spread / mean below ``REGULAR_BELOW``. Once the day is past the
        rhythm has nothing left to say.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            steady = (self.x >= REGULAR_FROM) & (self.gap_spread / self.mean_gap < REGULAR_BELOW)
            due = np.asarray(self.median_gap - self.since, np.float64)
            return np.where(steady & (due > 0), due, np.nan)


def dates(days_until: Callable[[float], Array], as_of: int, rhythm: Rhythm | None = None) -> NextOrder:
    """The three dates, from a model's answer and the client's own rhythm.

    Parameters
    ----------
    days_until : chance of silence -> days (n,) until it has fallen that far, NaN where it does not in ``WITHIN_DAYS``
    rhythm : where it is due, ``likely`` is the client's own day
    """

    def day(silent: float) -> NDArray[np.int32]:
        days = days_until(silent)
        return np.where(np.isnan(days), NO_DAY, as_of + np.nan_to_num(days)).astype(np.int32)

    early, likely, late = day(0.75), day(0.5), day(0.25)
    if rhythm is None:
        return NextOrder(early, likely, late, np.zeros(len(likely), bool))
    due = rhythm.due_in()
    regular = np.isfinite(due)
    own = as_of + np.ceil(np.nan_to_num(due)).astype(np.int64)
    likely = np.where(regular, own, likely).astype(np.int32)
    # three dates in order, whichever of them is the client's own
    early = np.where(regular & (early != NO_DAY), np.minimum(early, likely), early).astype(np.int32)
    late = np.where(regular & (late != NO_DAY), np.maximum(late, likely), late).astype(np.int32)
    return NextOrder(early, likely, late, regular)
