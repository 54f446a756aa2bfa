"""Chance of silence on many cut-offs of one past: the first-stage model, fitted now and then and asked each time.

A run asks a fit made that very day. A back-test of a hundred cut-offs fits every ``EVERY_DAYS`` on a sample of at most
``FIT_AT_MOST`` clients, chosen by their ids, and asks that fit about each client's statistics of the cut-off itself:
parameters drift slowly, statistics do not. What is fitted and asked never reaches beyond the cut-off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .backtest import Risk
from .facts import Array
from .models import Clock, Fit, Purchases, TooFewClients, fit, seasonal_clock
from .models.purchases import mix
from .past import Past
from .prediction import OrderHistory, Predictor
from .replay import Moment
from .scoring import DAY_RULE

EVERY_DAYS = 91
FIT_AT_MOST = 2_000
FIXED_POINT = 2.0**36
MIXTURE, MIXTURE_CLOCK = "mixture", "mixture_clock"


class Forecaster:
    """A ``Predictor`` for ``Backtest``.

    Parameters
    ----------
    past : may reach beyond the cut-offs asked about
    inactive_days : one number or shape (n,)
    """

    def __init__(self, past: Past, inactive_days: Array | int, *, every_days: int = EVERY_DAYS, fit_at_most: int = FIT_AT_MOST) -> None:
        self.start, self.day, _ = past.order_days()
        self.client_id = past.client_id
        self.inactive_days = np.asarray(inactive_days, np.int64)
        self.every_days, self.fit_at_most = every_days, fit_at_most
        self.fits = 0
        self._fitted_on: int | None = None
        self._fit: Fit | None = None
        self._clock: Clock | None = None
        self._log_gaps: NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, moment: Moment, horizon: int) -> Risk | None:
        """What the model says on that cut-off; None while too few clients have ordered for one, and the day rule answers.

        Cut-offs are asked about in rising order.
        """
        as_of = moment.as_of
        if self._fitted_on is None or as_of - self._fitted_on >= self.every_days:
            self._refit(moment)
        if self._fit is None:
            return None
        clients = self._purchases(moment)
        facts = moment.facts
        left = np.where(facts.x >= 0, np.maximum(self.inactive_days - (as_of - facts.last_on.astype(np.int64)), 0), 0)
        return Risk(
            p_silent=self._fit.p_silent(clients, self._ahead(as_of, np.asarray(horizon))),
            p_cross=self._fit.p_silent(clients, self._ahead(as_of, left)),
            method=MIXTURE if self._clock is None else MIXTURE_CLOCK,
        )

    def _refit(self, moment: Moment) -> None:
        as_of = moment.as_of
        self._clock = seasonal_clock(self.day, as_of)  # looks at nothing after as_of
        when = self.day.astype(np.float64) if self._clock is None else self._clock.at(self.day)
        gap = np.diff(when, prepend=0.0)
        # a client's first day has no gap; sums run on across clients and are taken off where a client begins. Whole
        # numbers, so that what is taken off leaves no trace of the clients before
        gap[self.start[:-1][np.diff(self.start) > 0]] = 1.0
        self._log_gaps = np.cumsum(np.rint(np.log(gap) * FIXED_POINT).astype(np.int64))
        clients = self._purchases(moment)
        rows = np.flatnonzero(clients.x >= 0)
        if len(rows) > self.fit_at_most:
            rows = np.sort(rows[np.argpartition(mix(self.client_id[rows]), self.fit_at_most)[: self.fit_at_most]])
        try:
            self._fit = fit(clients.take(rows))
        except TooFewClients:
            self._fit = None
            return  # asked again at the next cut-off
        self._fitted_on = as_of
        self.fits += 1

    def _purchases(self, moment: Moment) -> Purchases:
        """The statistics of the cut-off, in the clock's time where there is one."""
        facts, as_of = moment.facts, moment.as_of
        ordered = facts.x >= 0
        first, last = np.where(ordered, facts.first_on, as_of), np.where(ordered, facts.last_on, as_of)
        if self._clock is None:
            begin, end, now = first.astype(np.float64), last.astype(np.float64), float(as_of)
        else:
            begin, end, now = self._clock.at(first), self._clock.at(last), float(self._clock.at(np.asarray(as_of)))
        sums = np.zeros(len(facts))
        at = self.start[:-1][ordered]
        sums[ordered] = (self._log_gaps[at + facts.x[ordered]] - self._log_gaps[at]) / FIXED_POINT
        return Purchases(facts.x, end - begin, now - begin, sums, self.client_id)

    def _ahead(self, as_of: int, days: Array) -> Array:
        return days.astype(np.float64) if self._clock is None else self._clock.horizon(as_of, days)


class LiveForecaster:
    """A ``Predictor`` for ``Backtest`` that says on each cut-off what a run of that day would have been told, to the last bit.

    A fit a cut-off and the second voice besides: what a hundred cut-offs cost is a hundred nights.

    Parameters
    ----------
    past, inactive_days : as ``Forecaster``
    """

    def __init__(self, past: Past, inactive_days: Array | int) -> None:
        start, day, net_cents = past.order_days()
        self.history = OrderHistory(past.client_id, start, day, net_cents)
        self.inactive_days = inactive_days
        self._by_horizon: dict[int, Predictor] = {}

    def __call__(self, moment: Moment, horizon: int) -> Risk | None:
        """As ``Forecaster``."""
        if horizon not in self._by_horizon:
            self._by_horizon[horizon] = Predictor(self.history, horizon=horizon)
        silent, cross, method = self._by_horizon[horizon].risk(moment.as_of, inactive_days=self.inactive_days)
        return None if method == DAY_RULE else Risk(p_silent=silent, p_cross=cross, method=method)
