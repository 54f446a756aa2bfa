"""What to expect of each client: chance of silence, next order, money; and what the answer rests on (ENGINE.md section 3).

What a caller uses::

    history = OrderHistory(client_id, start, day, net_cents)      # or OrderHistory.of_orders(...)
    made = predict(history, as_of, horizon=90, inactive_days=90)
    made.p_silent, made.p_cross, made.next_order.likely, made.year_cents, made.method, made.basis

``method`` says who answered: ``day_rule`` (too few clients for a model), ``mixture``, ``mixture_clock`` (with the seasonal
clock), or ``blend`` (either of them together with what this organization's own closed windows taught). ``basis`` is plain
JSON: why this one answered and not another, with its counts and parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError
from .facts import NO_DAY, Array
from .features import OrderStatistics
from .history import OrderHistory
from .learning import Past, SecondVoice
from .logistic import logit
from .models import MIN_CLIENTS, NextOrder, Rhythm, TooFewClients, fit_tickets
from .models.clock import DAYS_NEEDED
from .models.timing import WITHIN_DAYS
from .silence import Silence

__all__ = ["BLEND", "DAY_RULE", "MIXTURE", "MIXTURE_CLOCK", "OrderHistory", "Prediction", "Predictor", "predict"]

Floats = NDArray[np.float64]
ROWS_AT_A_TIME = 50_000  # clients whose features are held at once
DAY_RULE, MIXTURE, MIXTURE_CLOCK, BLEND = "day_rule", "mixture", "mixture_clock", "blend"


@dataclass(frozen=True, eq=False)
class Prediction:
    """One answer a client, in the order of the history's clients; arrays of shape (n,).

    Parameters
    ----------
    as_of, horizon : days
    method : "day_rule", "mixture", "mixture_clock" or "blend"
    basis : plain JSON: why this method answered, its counts and parameters
    p_silent : chance of no valid order in (as_of, as_of + horizon]; NaN for a client that never ordered
    p_cross : chance of reaching the inactivity limit without an order, exactly 1 once it is reached; NaN likewise
    p_alive : chance of not having left for good, shown and never used as the risk; NaN likewise, and all NaN by the day rule
    next_order : the days by which an order has come with 25%, 50% and 75%
    ticket_cents : float64 cents of one order day, the client's own drawn towards everybody's; NaN for a prospect
    year_cents : float64 cents of twelve months of order days if the client stays; 0 for a prospect
    calibration : None, or ten groups of what was predicted and what came, on this organization's own closed windows
    """

    as_of: int
    horizon: int
    method: str
    basis: dict[str, Any]
    p_silent: Floats
    p_cross: Floats
    p_alive: Floats
    next_order: NextOrder
    ticket_cents: Floats
    year_cents: Floats
    calibration: dict[str, Any] | None = None


class Predictor:
    """One history asked about many days, as a back-test does: what past windows taught is worked out once.

    Whatever was asked before, a day's answer is that of ``predict``, to the last bit.

    Parameters
    ----------
    horizon : whole days, 1 to ``WITHIN_DAYS``
    segment : shape (n,), a code for each client (-1 none): segments with enough clients are fitted apart, held closely
        to the organization's fit

    Raises
    ------
    FactsError
        A horizon out of range, or a column of another length.
    """

    def __init__(self, history: OrderHistory, *, horizon: int = 90, segment: Array | None = None) -> None:
        if not 1 <= horizon <= WITHIN_DAYS:
            raise FactsError("out_of_range", path="horizon", value=horizon, low=1, high=WITHIN_DAYS)
        self.history, self.horizon = history, horizon
        self.segment = None if segment is None else _column("segment", segment, len(history))

    def on(self, as_of: int, *, inactive_days: Array | int, calibrate: bool = True) -> Prediction:
        """What to expect of each client after ``as_of``; parameters as in ``predict``."""
        limit = _column("inactive_days", inactive_days, len(self.history))
        history = self.history.until(as_of)
        known = history.statistics(as_of, self.horizon)
        basis = _counts(history, known, as_of)
        ticket, basis["tickets"] = _tickets(known)
        try:
            silence, method, voice = self._speaker(as_of)
        except TooFewClients:
            return _by_days(known, as_of, self.horizon, limit, ticket, basis)
        basis |= {"method": method, "mixture": _of_fit(silence), "second_voice": voice.basis}
        return Prediction(
            as_of=as_of,
            horizon=self.horizon,
            method=method,
            basis=basis,
            p_silent=silence.p_silent(self.horizon),
            p_cross=silence.p_silent(days_left(known, as_of, limit)),
            p_alive=silence.p_alive(),
            next_order=silence.next_order(rhythm(history, known, as_of)),
            ticket_cents=ticket,
            year_cents=np.nan_to_num(ticket * silence.orders_a_year()),
            calibration=self.past.calibration(as_of, limit) if calibrate else None,
        )

    def risk(self, as_of: int, *, inactive_days: Array | int) -> tuple[Floats, Floats, str]:
        """``p_silent``, ``p_cross`` and ``method`` of ``on``, the same to the last bit, without dates, money and past: for replays."""
        limit = _column("inactive_days", inactive_days, len(self.history))
        known = self.history.statistics(as_of, self.horizon)
        try:
            silence, method, _ = self._speaker(as_of)
        except TooFewClients:
            share = by_days(known, as_of, limit)
            return share, share.copy(), DAY_RULE
        return silence.p_silent(self.horizon), silence.p_silent(days_left(known, as_of, limit)), method

    @cached_property
    def past(self) -> Past:
        """The closed windows, worked out as they are needed."""
        return Past(self.history, self.horizon)

    def _speaker(self, as_of: int) -> tuple[Silence, str, SecondVoice]:
        """Who answers on a day, its method's name, and what the second voice rests on; raises TooFewClients."""
        silence = Silence.fitted(self.history, as_of, self.segment)
        voice = self.past.learn(as_of)
        if voice.model is None:
            return silence, MIXTURE_CLOCK if silence.seasonal else MIXTURE, voice
        return self._with(voice, silence, as_of), BLEND, voice

    def _with(self, voice: SecondVoice, silence: Silence, as_of: int) -> Silence:
        """The mixture with what the second voice adds to it; segments speak in the mixture alone."""
        said = logit(silence.p_silent(self.horizon))
        shift = np.zeros(len(self.history))
        for begin in range(0, len(self.history), ROWS_AT_A_TIME):
            rows = np.arange(begin, min(begin + ROWS_AT_A_TIME, len(self.history)))
            view = self.past.timeline.on(as_of, self.horizon, rows=rows)
            few = replace(silence, clients=silence.clients.take(view.rows), parts={}, segment=None)
            columns, _ = self.past.columns(view, few)
            shift[view.rows] = voice.log_odds(columns, said[view.rows]) - said[view.rows]
        return replace(silence, shift=shift)


def predict(
    history: OrderHistory,
    as_of: int,
    *,
    horizon: int = 90,
    inactive_days: Array | int,
    segment: Array | None = None,
    calibrate: bool = True,
) -> Prediction:
    """What to expect of each client after the day ``as_of``, from its orders up to that day and no later ones.

    Parameters
    ----------
    history : later order days may be in it; they are not looked at
    horizon : whole days, 1 to ``WITHIN_DAYS``
    inactive_days : one number or shape (n,), days of silence after which a client counts as inactive
    segment : shape (n,), a code for each client (-1 none)
    calibrate : whether to compare past answers with what came, which takes as long as the rest

    Raises
    ------
    FactsError
        A horizon out of range, or a column of another length.

    Source: ENGINE.md section 3. For many days of one history, ``Predictor``.
    """
    return Predictor(history, horizon=horizon, segment=segment).on(as_of, inactive_days=inactive_days, calibrate=calibrate)


def days_left(known: OrderStatistics, as_of: int, limit: Array) -> NDArray[np.int64]:
    """Days until each client reaches its limit, 0 once it has (and for a prospect, who is not asked); shape (n,)."""
    since = as_of - known.last_on.astype(np.int64)
    return np.where(known.x >= 0, np.maximum(limit - since, 0), 0)


def rhythm(history: OrderHistory, known: OrderStatistics, as_of: int) -> Rhythm:
    """Each client's own gaps on the day ``as_of``."""
    since = np.where(known.x >= 0, as_of - known.last_on.astype(np.int64), 0)
    return Rhythm(known.x, since, known.median_gap, known.mean_gap, gap_spread(history))


def gap_spread(history: OrderHistory) -> Floats:
    """Standard deviation of each client's gaps, days; NaN below two gaps; shape (n,)."""
    client = history.client_of_day()
    same = client[1:] == client[:-1]
    gap, of = np.diff(history.day)[same].astype(np.float64), client[1:][same]
    count = np.bincount(of, minlength=len(history))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of, gap, minlength=len(history)) / count
        squares = np.bincount(of, (gap - mean[of]) ** 2, minlength=len(history))
        return np.where(count >= 2, np.sqrt(squares / (count - 1)), np.nan)


def by_days(known: OrderStatistics, as_of: int, limit: Array) -> Floats:
    """Days gone by over the limit, at most 1; NaN for a prospect; shape (n,)."""
    since = np.where(known.x >= 0, as_of - known.last_on.astype(np.int64), 0)
    return np.where(known.x >= 0, np.clip(since / np.maximum(limit, 1), 0.0, 1.0), np.nan)


def _by_days(known: OrderStatistics, as_of: int, horizon: int, limit: Array, ticket: Floats, basis: dict[str, Any]) -> Prediction:
    """The day rule: silence in proportion to the days gone by, certain at the limit. It orders clients and claims no more."""
    n = len(known.x)
    ordered = known.x >= 0
    share = by_days(known, as_of, limit)
    # the pace between first and last order, a first year counting whole
    years = np.maximum(known.last_on.astype(np.int64) - known.first_on + 1, 365) / 365.0
    year = np.where(ordered, np.maximum(known.net_total, 0) / years, 0.0)
    basis["method"] = DAY_RULE
    basis["reason"] = "few_clients"
    never = np.full(n, NO_DAY, np.int32)
    silent = NextOrder(never, never, never, np.zeros(n, bool))
    return Prediction(as_of, horizon, DAY_RULE, basis, share, share.copy(), np.full(n, np.nan), silent, ticket, year)


def _tickets(known: OrderStatistics) -> tuple[Floats, dict[str, Any]]:
    """Expected value of one order day of each client, and what it rests on.

    Its own mean is that of the last twelve months, of all its orders where those saw none: prices move, and so the year
    told the next half-year better than all repeat orders did (mean distance of the logarithm .15 against .19 on a
    wholesaler's nine years, .36 against .40 on a shop's single one).
    """
    recent = known.n365 > 0
    orders = np.where(recent, known.n365, known.x + 1)
    ordered = orders > 0
    own = np.where(ordered, np.where(recent, known.net_12m, known.net_total) / np.maximum(orders, 1), np.nan)
    try:
        fitted = fit_tickets(orders, np.nan_to_num(own))
    except TooFewClients as few:
        # so few clients have no common ticket worth the name: each its own mean
        return own, {"method": "own_mean", "clients": few.found, "needed": few.needed}
    made = np.where(ordered, fitted.ticket(orders, np.nan_to_num(own)), np.nan)
    return made, {"method": "gamma_gamma", "clients": fitted.n, "p": fitted.p, "q": fitted.q, "v_cents": fitted.v}


def _counts(history: OrderHistory, known: OrderStatistics, as_of: int) -> dict[str, Any]:
    days = as_of - int(history.day.min()) + 1 if len(history.day) else 0
    return {
        "clients": len(history),
        "clients_with_order": int((known.x >= 0).sum()),
        "clients_needed": MIN_CLIENTS,
        "order_days": len(history.day),
        "days_of_orders": days,
        "days_needed_for_clock": DAYS_NEEDED,
    }


def _of_fit(silence: Silence) -> dict[str, Any]:
    whole = silence.whole
    return {
        "classes": list(whole.classes),
        "weights": whole.weights.tolist(),
        "parameters": whole.parameters.tolist(),
        "log_likelihood": whole.log_likelihood,
        "clients_fitted": whole.n,
        "segments_fitted": sorted(silence.parts),
    }


def _column(name: str, given: Array | int, n: int) -> NDArray[np.int64]:
    column = np.asarray(given, np.int64)
    if column.shape not in ((), (n,)):
        raise FactsError("wrong_shape", column=name, found=column.shape, expected=(n,))
    return np.broadcast_to(column, n)
