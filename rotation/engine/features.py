"""Sufficient statistics of a client's order days, lifecycle states, ABC classes (ENGINE.md sections 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError
from .facts import NO_DAY, Array, Facts
from .schema import STATES

PROSPECT, ACTIVE, AT_RISK, NEAR_INACTIVE, INACTIVE, LOST, DISCARDED = range(len(STATES))
AT_RISK_FROM = 0.5
LOST_AFTER = 4  # times the inactive limit, where the organization says nothing else
LATENESS_FROM_ORDERS = 4
ABC_CUTS = (0.80, 0.95)  # where the organization says nothing else


@dataclass(frozen=True, eq=False)
class OrderStatistics:
    """The columns of Facts that come from orders; all of shape (n_clients,), units as there."""

    x: Array
    first_on: Array
    last_on: Array
    sum_log_gap: Array
    median_gap: Array
    mean_gap: Array
    net_12m: Array
    net_total: Array
    n30: Array
    n90: Array
    n180: Array
    n365: Array
    n_same_season: Array


def order_statistics(start: Array, day: Array, net_cents: Array, *, as_of: int, horizon: int = 90) -> OrderStatistics:
    """Statistics of each client from its valid order days; what lies after ``as_of`` is not looked at.

    Parameters
    ----------
    start : shape (n_clients + 1,)
        The order days of client i are ``[start[i]:start[i + 1]]``.
    day : shape (n_days,), days
        Strictly rising inside a client: several orders of one day are one order day, summed before they come here.
    net_cents : shape (n_days,), cents
        Net of returns credited to that day's orders.
    as_of, horizon : days

    Returns
    -------
    OrderStatistics
        ``x`` is -1 and the days NO_DAY for a client that never ordered; gaps are NaN (their log sum 0) below one gap.

    Raises
    ------
    FactsError
        Days of a client out of order, or bounds that do not fit.
    """
    start = np.asarray(start, np.int64)
    day = np.asarray(day, np.int32)
    net = np.asarray(net_cents, np.int64)
    n = len(start) - 1
    if start[-1] != len(day) or len(day) != len(net):
        raise FactsError("wrong_shape", column="day", found=(len(day),), expected=(int(start[-1]),))
    client = np.repeat(np.arange(n), np.diff(start))
    same = client[1:] == client[:-1]
    backwards = same & (day[1:] <= day[:-1])
    if backwards.any():
        raise FactsError("not_sorted", column="day", row=int(np.argmax(backwards)) + 1)
    known = day <= as_of
    client, day, net = client[known], day[known], net[known]
    count = np.bincount(client, minlength=n)
    bounds = np.concatenate(([0], np.cumsum(count)))
    has = count > 0
    first, last = np.full(n, NO_DAY, np.int32), np.full(n, NO_DAY, np.int32)
    first[has], last[has] = day[bounds[:-1][has]], day[bounds[1:][has] - 1]

    inside = client[1:] == client[:-1]
    gap = np.diff(day)[inside].astype(np.float64)
    gap_client = client[1:][inside]
    gaps = np.bincount(gap_client, minlength=n)
    mean, median = np.full(n, np.nan), np.full(n, np.nan)
    some = gaps > 0
    mean[some] = np.bincount(gap_client, gap, minlength=n)[some] / gaps[some]
    order = np.lexsort((gap, gap_client))
    ordered = gap[order]
    begin = np.concatenate(([0], np.cumsum(gaps)))[:-1][some]
    size = gaps[some]
    median[some] = (ordered[begin + (size - 1) // 2] + ordered[begin + size // 2]) / 2

    def days_in(low: int, high: int) -> NDArray[np.int32]:
        return np.bincount(client[(day > low) & (day <= high)], minlength=n).astype(np.int32)

    def cents(mask: Array) -> NDArray[np.int64]:
        # bincount would sum in float64; money stays whole
        total = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.where(mask, net, 0))))
        return total[bounds[1:]] - total[bounds[:-1]]

    return OrderStatistics(
        x=(count - 1).astype(np.int32),
        first_on=first,
        last_on=last,
        sum_log_gap=np.bincount(gap_client, np.log(gap), minlength=n),
        median_gap=median,
        mean_gap=mean,
        net_12m=cents(day > as_of - 365),
        net_total=cents(np.ones(len(day), bool)),
        n30=days_in(as_of - 30, as_of),
        n90=days_in(as_of - 90, as_of),
        n180=days_in(as_of - 180, as_of),
        n365=days_in(as_of - 365, as_of),
        n_same_season=days_in(as_of - 365, as_of - 365 + horizon),
    )


def days_since(day: Array, as_of: int) -> NDArray[np.float64]:
    """Days from ``day`` to ``as_of``; infinity where it never happened."""
    return np.where(day == NO_DAY, np.inf, as_of - day.astype(np.float64))


def abc_classes(net_12m: Array, cuts: tuple[float, float] = ABC_CUTS) -> NDArray[np.int8]:
    """0, 1, 2 for A, B, C: falling net value until the share before a client passes the first cut, then the second.

    The client that crosses a cut still belongs to the class it began in, so there is an A whenever anyone sold. No
    sales at all, or nothing left to share, is C. Equal values are split by row, that is by client id.
    """
    value = np.maximum(net_12m, 0)
    order = np.argsort(-value, kind="stable")
    total = int(value.sum())
    classes = np.full(len(value), 2, np.int8)
    if total <= 0:
        return classes
    before = np.cumsum(value[order]) - value[order]
    share = before / total
    classes[order] = np.where(share < cuts[0], 0, np.where(share < cuts[1], 1, 2))
    classes[value <= 0] = 2
    return classes


def lifecycle_states(facts: Facts, as_of: int) -> NDArray[np.int8]:
    """The one state of each client, as a position in ``schema.STATES``; ``at_risk`` only where ``p_cross`` is given."""
    since = as_of - facts.last_on.astype(np.int64)
    warn, inactive = np.asarray(facts.warn_days), np.asarray(facts.inactive_days)
    lost = LOST_AFTER * inactive if facts.lost_days is None else np.asarray(facts.lost_days)
    state = np.full(len(facts), ACTIVE, np.int8)
    if facts.p_cross is not None:
        state[facts.p_cross >= AT_RISK_FROM] = AT_RISK
    state[since >= warn] = NEAR_INACTIVE
    state[since >= inactive] = INACTIVE
    state[since >= lost] = LOST
    if facts.contract_only is not None:
        # no order is expected of them: silence says nothing
        state[facts.contract_only & (facts.x >= 0)] = ACTIVE
    if facts.lost_by_hand is not None:
        state[facts.lost_by_hand] = LOST
    state[facts.x < 0] = PROSPECT
    if facts.discarded is not None:
        state[facts.discarded] = DISCARDED
    return state


def inactive_on(facts: Facts) -> NDArray[np.int32]:
    """The day each client turns inactive if it stays silent; NO_DAY for one that never ordered."""
    return np.where(facts.x < 0, NO_DAY, facts.last_on + np.asarray(facts.inactive_days)).astype(np.int32)


def lateness(facts: Facts, as_of: int) -> NDArray[np.float64]:
    """Days since the last order divided by the client's own median gap; NaN below 4 order days."""
    gap = facts.need("median_gap", "lateness")
    since = as_of - facts.last_on.astype(np.float64)
    known = (facts.x + 1 >= LATENESS_FROM_ORDERS) & (gap > 0)
    return np.divide(since, gap, out=np.full(len(facts), np.nan), where=known)
