"""First stage of a prediction: the mixture asked about clients on one day, with the seasonal clock where it is earned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .history import OrderHistory
from .models import Clock, Fit, NextOrder, Purchases, Rhythm, dates, fit, seasonal_clock, segment_prior
from .models.clock import WEEKS
from .models.timing import WITHIN_DAYS

Floats = NDArray[np.float64]
SEGMENT_FROM = 50  # clients with an order: below that a segment's own fit would say nothing of its own
CALENDAR = Clock(0, np.ones(WEEKS))  # the clock in which a day is a day


def shifted(p: Array, log_odds: Array | float) -> Floats:
    """The chance whose log odds are greater by ``log_odds``; 0 and 1 stay what they are; shapes broadcast."""
    # from whichever side does not overflow
    ratio = np.exp(-np.abs(log_odds))
    up = p / (p + (1.0 - p) * ratio)
    down = p * ratio / (1.0 - p + p * ratio)
    return np.where(np.asarray(log_odds) >= 0, up, down)


@dataclass(frozen=True, eq=False)
class Silence:
    """The mixture, fitted on one day, asked about clients on the day ``as_of``.

    ``clients`` are their statistics in the time of ``clock``. ``parts`` are fits of single segments, by code; everybody
    else is answered by ``whole``. ``shift`` (n,) is what a second voice adds to the log odds of silence, at every horizon.
    """

    as_of: int
    clients: Purchases
    clock: Clock
    whole: Fit
    parts: dict[int, Fit] = field(default_factory=dict)
    segment: Array | None = None
    shift: Array | None = None

    @classmethod
    def fitted(cls, history: OrderHistory, as_of: int, segment: Array | None = None, at_most: int | None = None) -> Silence:
        """Fit to what was known on ``as_of``; later order days in the history are not looked at.

        Parameters
        ----------
        segment : shape (n,), a code for each client, or None; -1 is no segment
        at_most : clients to fit, chosen by their ids, where fewer will do

        Raises
        ------
        TooFewClients
            Fewer than ``models.MIN_CLIENTS`` clients had ordered by then.
        """
        return cls._in(seasonal_clock(history.day, as_of) or CALENDAR, history, as_of, segment, at_most)

    @classmethod
    def in_days(cls, history: OrderHistory, as_of: int) -> Silence:
        """As ``fitted``, without the season: what the clock is measured against."""
        return cls._in(CALENDAR, history, as_of)

    @classmethod
    def _in(cls, clock: Clock, history: OrderHistory, as_of: int, segment: Array | None = None, at_most: int | None = None) -> Silence:
        clients = clock.purchases(as_of, history.start, history.day, history.client_id)
        whole = fit(clients if at_most is None else clients.fitting_rows(at_most))
        parts: dict[int, Fit] = {}
        if segment is not None:
            segment = np.asarray(segment, np.int64)
            codes, count = np.unique(segment[(clients.x >= 0) & (segment >= 0)], return_counts=True)
            if len(codes) > 1:
                large = codes[count >= SEGMENT_FROM]
                parts = {int(code): fit(clients.take(segment == code), prior=segment_prior(whole)) for code in large}
        return cls(as_of, clients, clock, whole, parts, segment)

    @property
    def seasonal(self) -> bool:
        """Whether days are counted by the organization's season."""
        return self.clock is not CALENDAR

    def about(self, history: OrderHistory, as_of: int) -> Silence:
        """The same fit, in the same clock, asked about other clients or on another day; segments are not told apart."""
        clients = self.clock.purchases(as_of, history.start, history.day, history.client_id)
        return replace(self, as_of=as_of, clients=clients, parts={}, segment=None, shift=None)

    def elapsed(self, days: Array | float) -> Floats:
        """``days`` (whole, any shape) after ``as_of`` in the time of the clock."""
        return self.clock.horizon(self.as_of, np.asarray(days, np.int64))

    def p_silent(self, days: Array | int) -> Floats:
        """Chance of no valid order in the ``days`` after ``as_of``: a number, or shape (n,)."""
        far = np.broadcast_to(self.elapsed(days), len(self.clients))
        said = self.ask(lambda fitted, clients, rows: fitted.p_silent(clients, far[rows]))
        return said if self.shift is None else shifted(said, self.shift)

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
            goal = np.full(len(self.clients), silent)
            if self.shift is not None:
                goal = shifted(goal, -self.shift)

            def question(fitted: Fit, clients: Purchases, rows: Array) -> Floats:
                return fitted.days_until_order(clients, goal[rows], WITHIN_DAYS, self.elapsed)

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
