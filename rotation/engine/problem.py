"""Clients that weigh differently by representative: the problem and its price bound.

maximise  sum of v_ij over moves, less the fairness steps of each load
subject   client <= 1, minutes of representative <= room, heads of representative <= places, heads of team <= places,
          owner's give, run

A generalised assignment problem: with prices on rooms and places what remains is the best net value of each client
under the nested tickets, which is sorting. Any prices give a bound (Fisher 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import STEPS, UNLIMITED, Ceilings
from .facts import Array
from .pairs import Pairs
from .ranking import rank_within

STALL = 10  # rounds without a better bound before the steps of the prices are halved
NOWHERE = -(2.0**60)


@dataclass(frozen=True, eq=False)
class Workload:
    """``weight`` (n_pairs,) whole units that each pair costs the representative, at least 0; ``room`` (n_representatives,) units free.

    A unit is a second in the engine's runs, whatever the file counts in published problems.
    """

    weight: Array
    room: Array

    def __post_init__(self) -> None:
        for name in ("weight", "room"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(np.int64))


class Problem:
    """The pairs that fit by themselves, as rows of equal width; empty cells point to a representative that does not exist.

    ``everyone``: every client must be placed and neither tickets nor teams count.

    ``places`` holds the heads each representative may take, 0 for the one that does not exist, then those of each team with a
    ceiling, then those of no team, without end; ``beside`` (n_representatives + 1,) says which of them counts beside one's own.
    Prices of places have the same shape.
    """

    def __init__(self, pairs: Pairs, workload: Workload, ceilings: Ceilings, *, everyone: bool = False) -> None:
        self.pairs, self.ceilings, self.everyone = pairs, ceilings, everyone
        self.n, self.m = pairs.n_clients, len(ceilings.room)
        self.room = np.append(np.maximum(workload.room, 0), 0)
        teams = np.full(len(ceilings.team_room), self.n) if everyone else np.clip(ceilings.team_room, 0, self.n)
        self.n_teams = len(teams)
        self.places = np.concatenate((np.clip(ceilings.room, 0, self.n), [0], teams, [UNLIMITED]))
        teamless = self.m + 1 + self.n_teams
        self.beside = np.append(np.where(ceilings.team < 0, teamless, self.m + 1 + ceilings.team), teamless)
        open_ = (self.places[: self.m + 1] > 0) & (self.places[self.beside] > 0)
        fits = (workload.weight <= self.room[pairs.representative]) & open_[pairs.representative]
        fits &= (pairs.value > 0) | everyone
        rows = np.flatnonzero(fits)
        self.n_pairs = len(rows)
        count = np.bincount(pairs.client[rows], minlength=self.n)
        begin = np.concatenate(([0], np.cumsum(count)))
        width = max(int(count.max(initial=0)), 1)
        client = pairs.client[rows]
        column = np.arange(len(rows)) - begin[client]
        self.place = np.full((self.n, width), self.m, np.int64)
        self.value = np.full((self.n, width), NOWHERE)
        self.weight = np.zeros((self.n, width), np.int64)
        self.row = np.full((self.n, width), -1, np.int64)
        self.place[client, column] = pairs.representative[rows]
        self.value[client, column] = pairs.value[rows]
        self.weight[client, column] = workload.weight[rows]
        self.row[client, column] = rows
        self.real = self.row >= 0
        self.cells = (client, column)
        self.typical = max(float(np.median(workload.weight[rows])), 1.0) if len(rows) else 1.0
        self.owner = np.where(ceilings.owner < 0, len(ceilings.give), ceilings.owner)
        self.give = np.append(ceilings.give, UNLIMITED)
        self.run = UNLIMITED if everyone else int(ceilings.run)
        if everyone:
            self.give = np.full_like(self.give, UNLIMITED)
        # a client asks a team once, however many of its people it may go to
        asks = np.unique(np.repeat(np.arange(self.n), count) * len(self.places) + self.beside[self.place[self.real]])
        wanted = np.bincount(asks % len(self.places), minlength=len(self.places))
        self.places_bind = wanted + np.bincount(self.place[self.real], minlength=len(self.places)) > self.places
        asking = np.bincount(self.owner[count > 0], minlength=len(self.give))
        self.tickets_bind = asking > self.give
        self.run_binds = int((count > 0).sum()) > self.run
        self.step = self._steps()

    def _steps(self) -> NDArray[np.float64]:
        """Cents a unit in each twelfth of the room, (n_representatives + 1, 12); what a typical client pays by heads."""
        step = np.broadcast_to(np.arange(STEPS), (self.m, STEPS))
        if self.ceilings.shift is not None:
            step = np.clip(step + self.ceilings.shift[:, None], 0, STEPS - 1)
        return np.vstack((step * (self.ceilings.step_cost / self.typical), np.zeros(STEPS)))

    def penalty(self, load: Array) -> NDArray[np.int64]:
        """Cents of fairness steps at each load (n_representatives,) or at one column of them, whole cents upwards."""
        if self.ceilings.step_cost == 0:
            return np.zeros(len(load), np.int64)
        room = self.room[: self.m]
        filled = np.clip(load[:, None] - room[:, None] * np.arange(STEPS) / STEPS, 0, room[:, None] / STEPS)
        return np.ceil((filled * self.step[: self.m]).sum(axis=1) - 1e-9).astype(np.int64)

    def penalty_of(self, j: int, load: int) -> int:
        if self.ceilings.step_cost == 0:
            return 0
        size = float(self.room[j]) / STEPS
        filled = np.clip(load - size * np.arange(STEPS), 0, size)
        return int(np.ceil(float(filled @ self.step[j]) - 1e-9))

    def net(self, price: Array, place_price: Array) -> NDArray[np.float64]:
        """Net value of every cell at cents a unit (n_representatives + 1,) and cents a place."""
        net: NDArray[np.float64] = self.value - price[self.place] * self.weight
        return net - self.seat_price(place_price)[self.place] if place_price.any() else net

    def seat_price(self, place_price: Array) -> NDArray[np.float64]:
        """What a place at each representative costs, its team's included, (n_representatives + 1,)."""
        price: NDArray[np.float64] = place_price[: self.m + 1] + place_price[self.beside]
        return price

    def heads(self, at: Array) -> NDArray[np.int64]:
        """How many of the places are taken by clients at these representatives."""
        size = len(self.places)
        return np.bincount(at, minlength=size) + np.bincount(self.beside[at], minlength=size)

    def dual(self, price: Array, place_price: Array) -> tuple[float, NDArray[np.int64], NDArray[np.float64]]:
        """Bound in cents of any assignment's value less penalty, the column each client takes (-1 none), and the units each room yields."""
        net = self.net(price, place_price)
        column = net.argmax(axis=1)
        best = net[np.arange(self.n), column]
        chosen = np.full(self.n, -1, np.int64)
        taken = self.ticketed(best)
        chosen[taken] = column[taken]
        size = self.room[:, None] / STEPS
        over = price[:, None] > self.step
        yields = (size * over).sum(axis=1)
        bound = float(best[taken].sum()) + float((size * np.where(over, price[:, None] - self.step, 0)).sum())
        return bound + float(place_price @ self.places), chosen, yields

    def ticketed(self, worth: Array) -> NDArray[np.int64]:
        """The best clients by ``worth`` (n_clients,) cents that the nested tickets let go, where it gains; everyone where all must."""
        if self.everyone:
            return np.arange(self.n)
        taken = np.flatnonzero(worth > 0)
        if self.run_binds or self.tickets_bind.any():
            taken = taken[np.argsort(-worth[taken], kind="stable")]
            taken = taken[rank_within(self.owner[taken]) < self.give[self.owner[taken]]][: self.run]
        return taken

    def whole_bound(self, bound: float) -> int:
        """Values are whole: the bound may be cut to cents, with room for rounding in its sum."""
        return int(np.floor(bound + max(1e-6, 1e-12 * abs(bound))))


def subgradient(problem: Problem, lower: float, steps: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Best bound in cents within ``steps`` rounds, and its prices a unit (n_representatives + 1,) and a place.

    ``lower`` is the value of some assignment; Polyak steps towards it. Prices of rooms are counted a typical client, so that
    minutes and places weigh alike.
    """
    m, typical = problem.m, problem.typical
    price, place_price = np.zeros(m + 1), np.zeros(len(problem.places))
    best = (np.inf, price, place_price)
    here = np.arange(problem.n)
    theta, stalled = 1.0, 0
    for _ in range(steps):
        bound, chosen, yields = problem.dual(price, place_price)
        if bound < best[0] - 1e-9 * abs(best[0] if np.isfinite(best[0]) else 1.0):
            best, stalled = (bound, price, place_price), 0
        else:
            stalled += 1
            if stalled >= STALL:
                theta, stalled = theta / 2, 0
                bound, price, place_price = best
                bound, chosen, yields = problem.dual(price, place_price)
        taken = np.flatnonzero(chosen >= 0)
        at = problem.place[here[taken], chosen[taken]]
        over = (np.bincount(at, problem.weight[taken, chosen[taken]], minlength=m + 1) - yields) / typical
        crowd = np.where(problem.places_bind, problem.heads(at) - problem.places, 0).astype(float)
        over[(price <= 0) & (over < 0)] = 0
        crowd[(place_price <= 0) & (crowd < 0)] = 0
        size = float(over @ over + crowd @ crowd)
        if size < 1e-12 or bound - lower < 0.5:
            break
        step = theta * (bound - lower) / size
        price = np.maximum(price + step * over / typical, 0)
        place_price = np.maximum(place_price + step * crowd, 0)
    return best
