"""First stage of a prediction: the mixture asked about clients on one day, with the seasonal clock where it is earned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .features import OrderStatistics
from .history import OrderHistory
from .models import Clock, Fit, NextOrder, Purchases, Rhythm, dates, fit, seasonal_clock, segment_prior
from .models.timing import WITHIN_DAYS

Floats = NDArray[np.float64]
SEGMENT_FROM = 50  # clients with an order: below that a segment's own fit would say nothing of its own


@dataclass(frozen=True, eq=False)
class Silence:
    """The mixture, fitted on the day ``as_of``, and the clients it was fitted to.

    ``clients`` are statistics in the clock's time where there is a ``clock``, in days without one. ``parts`` are fits
    of single segments, by code; everybody else is answered by ``whole``.
    """

    as_of: int
    clients: Purchases
    clock: Clock | None
    whole: Fit
    parts: dict[int, Fit] = field(default_factory=dict)
    segment: Array | None = None

    @classmethod
    def fitted(cls, history: OrderHistory, known: OrderStatistics, as_of: int, segment: Array | None = None) -> Silence:
        """Fit to what was known on ``as_of``.

        Parameters
        ----------
        known : the history's statistics on that day
        segment : shape (n,), a code for each client, or None; -1 is no segment

        Raises
        ------
        TooFewClients
            Fewer than ``models.MIN_CLIENTS`` clients had ordered by then.
        """
        clock = seasonal_clock(history.day, as_of)
        clients = statistics_on(history, known, as_of, clock)
        whole = fit(clients)
        parts: dict[int, Fit] = {}
        if segment is not None:
            segment = np.asarray(segment, np.int64)
            codes, count = np.unique(segment[(known.x >= 0) & (segment >= 0)], return_counts=True)
            large = codes[count >= SEGMENT_FROM]
            if len(codes) > 1:
                parts = {int(code): fit(clients.take(segment == code), prior=segment_prior(whole)) for code in large}
        return cls(as_of, clients, clock, whole, parts, segment)

    def elapsed(self, days: Array | float) -> Floats:
        """``days`` after ``as_of`` in the unit of the fit; any shape, whole days."""
        if self.clock is None:
            return np.asarray(days, np.float64)
        return self.clock.horizon(self.as_of, np.asarray(days, np.int64))

    def p_silent(self, days: Array | int) -> Floats:
        """Chance of no valid order in the ``days`` after ``as_of``: a number, or shape (n,)."""
        far = np.broadcast_to(self.elapsed(days), len(self.clients))
        return self.ask(lambda fitted, clients, rows: fitted.p_silent(clients, far[rows]))

    def p_alive(self) -> Floats:
        """Chance of not having left for good; shape (n,)."""
        return self.ask(lambda fitted, clients, rows: fitted.p_alive(clients))

    def orders_a_year(self) -> Floats:
        """Expected order days in a year while the client buys; shape (n,)."""
        # the clock's year of 364 days takes 364: one factor serves both
        return 365.0 * self.ask(lambda fitted, clients, rows: fitted.order_rate(clients))

    def next_order(self, rhythm: Rhythm | None = None) -> NextOrder:
        """Dates of the next order; where the client's own rhythm is due, ``likely`` is that day."""

        def days_until(silent: float) -> Floats:
            def question(fitted: Fit, clients: Purchases, rows: Array) -> Floats:
                return fitted.days_until_order(clients, silent, WITHIN_DAYS, self.elapsed)

            return self.ask(question)

        return dates(days_until, self.as_of, rhythm)

    def ask(self, question: Callable[[Fit, Purchases, Array], Floats]) -> Floats:
        """The question put to each client's own fit; the rows given to it are positions in ``clients``; shape (n,)."""
        if not self.parts or self.segment is None:
            return question(self.whole, self.clients, np.arange(len(self.clients)))
        made = np.full(len(self.clients), np.nan)
        own = np.where(np.isin(self.segment, list(self.parts)), self.segment, -1)
        for code in [-1, *self.parts]:
            rows = np.flatnonzero(own == code)
            made[rows] = question(self.parts.get(code, self.whole), self.clients.take(rows), rows)
        return made


def statistics_on(history: OrderHistory, known: OrderStatistics, as_of: int, clock: Clock | None) -> Purchases:
    """What the mixture reads of each client, in the clock's time where there is one."""
    if clock is not None:
        return clock.purchases(as_of, history.start, history.day, history.client_id)
    return Purchases.on(
        as_of,
        x=known.x,
        first_on=known.first_on,
        last_on=known.last_on,
        sum_log_gap=known.sum_log_gap,
        client_id=history.client_id,
    )
