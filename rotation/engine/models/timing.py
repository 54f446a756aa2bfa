"""When the next order is due: three dates, or nothing where the model expects none soon."""

from __future__ import annotations

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
        Median, mean and standard deviation of the client's gaps. With all three given, a client with at least
        ``REGULAR_FROM`` repeat orders and spread / mean below ``REGULAR_BELOW`` is expected one median gap after its last
        order. Once that day is past the rhythm has nothing left to say and the model answers.
    """

    def day(silent: float) -> NDArray[np.int32]:
        days = fitted.days_until_order(clients, silent, WITHIN_DAYS)
        return np.where(np.isnan(days), NO_DAY, as_of + np.nan_to_num(days)).astype(np.int32)

    early, likely, late = day(0.75), day(0.5), day(0.25)
    regular = np.zeros(len(clients), bool)
    if median_gap is not None and mean_gap is not None and gap_spread is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            steady = (clients.x >= REGULAR_FROM) & (gap_spread / mean_gap < REGULAR_BELOW)
            due = clients.t - clients.T + median_gap
            regular = steady & (due > 0)
        own = as_of + np.ceil(np.where(regular, due, 0.0)).astype(np.int64)
        likely = np.where(regular, own, likely).astype(np.int32)
        # three dates in order, whichever of them is the client's own
        early = np.where(regular & (early != NO_DAY), np.minimum(early, likely), early).astype(np.int32)
        late = np.where(regular & (late != NO_DAY), np.maximum(late, likely), late).astype(np.int32)
    return NextOrder(early, likely, late, regular)
