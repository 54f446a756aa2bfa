"""A sharper bound where clients weigh minutes: whole clients in every room, and prices on the clients instead of the rooms.

With a price on each client what remains is one knapsack for every representative, solved in whole clients, and the choice of who may
be paid for under the nested tickets. Prices on rooms alone let a room be filled with a piece of a client; here none can.

Sources: Fisher, Jaikumar, Van Wassenhove (1986), multiplier adjustment for the generalised assignment problem; Posta, Ferland,
Michelon (2012), fixing by the knapsacks' own values; Held, Wolfe, Crowder (1974), steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from .ceilings import STEPS
from .facts import Array
from .problem import Problem

CELLS = 4_000  # units of a room are counted together so that none has more of them
STALL = 8  # rounds without a better bound before steps are halved
DEFLECTION = 0.3  # of the last direction in the next
LEAST_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Sharpened:
    """``bound`` in cents and the ``price`` (n_clients,) of each client it stands on. ``share`` (n_clients, width): how often the
    knapsacks of the last rounds took each cell."""

    sacks: Knapsacks
    bound: float
    price: Array
    share: NDArray[np.float64]

    def could(self, floor: float) -> NDArray[np.bool_]:
        """Cells (n_clients, width) that an assignment worth at least ``floor`` may use."""
        return self.sacks.could(self.price, floor)


class Knapsacks:
    """One knapsack a representative over the cells in ``keep`` (n_clients, width); ``seat_price`` and its yield stay as given."""

    def __init__(self, problem: Problem, keep: Array, place_price: Array) -> None:
        p, self.problem = problem, problem
        self.client, self.column = np.nonzero(keep)
        order = np.argsort(p.place[self.client, self.column], kind="stable")
        self.client, self.column = self.client[order], self.column[order]
        at = p.place[self.client, self.column]
        self.begin = np.searchsorted(at, np.arange(p.m + 1)).tolist()
        self.worth = p.net(np.zeros(p.m + 1), place_price)[self.client, self.column]
        self.fixed = float(place_price @ p.places)
        # units rounded down on either side: what fits still fits, so the bound stands
        unit = np.maximum(-(-p.room[: p.m] // CELLS), 1)
        self.unit = unit
        self.weight = p.weight[self.client, self.column] // unit[at]
        self.room = (p.room[: p.m] // unit).tolist()
        self.lost = [self._penalty(j) for j in range(p.m)] if p.ceilings.step_cost else None

    def _penalty(self, j: int) -> NDArray[np.float64]:
        """Cents of fairness steps at each load of one representative, at most what they cost."""
        p = self.problem
        size = float(p.room[j]) / STEPS
        load = np.arange(self.room[j] + 1) * float(self.unit[j])
        filled = np.clip(load[:, None] - size * np.arange(STEPS), 0, size)
        made: NDArray[np.float64] = filled @ p.step[j]
        return made

    def tickets(self, price: Array) -> tuple[float, NDArray[np.float64]]:
        """What may be paid for clients under the nested tickets, and who they are."""
        p = self.problem
        chosen = np.zeros(p.n)
        taken = p.ticketed(price)
        chosen[taken] = 1.0
        return float(price[taken].sum()), chosen

    def fill(self, j: int, gain: Array) -> tuple[float, list[int], NDArray[np.float64]]:
        """The best of one room: its value, the entries taken, and the best value at each load (or at most that, without steps)."""
        first, room = self.begin[j], self.room[j]
        own = slice(first, self.begin[j + 1])
        weight = self.weight[own]
        wanted = np.flatnonzero((gain[own] > 0) & (weight <= room))
        best = np.zeros(room + 1)
        if self.lost is not None:
            best[1:] = -np.inf
        steps: list[tuple[int, int, NDArray[np.bool_]]] = []
        for k in wanted.tolist():
            w, v = int(weight[k]), float(gain[first + k])
            with_it = best[: room + 1 - w] + v
            better = with_it > best[w:]
            np.copyto(best[w:], with_it, where=better)
            steps.append((first + k, w, better))
        final = best if self.lost is None else best - self.lost[j]
        load = room if self.lost is None else int(final.argmax())
        worth, taken = float(final[load]), []
        for k, w, better in reversed(steps):
            if load >= w and better[load - w]:
                taken.append(k)
                load -= w
        return worth, taken, best

    def round(self, price: Array) -> tuple[float, NDArray[np.float64], list[int]]:
        """Bound at these prices, how much more each client is paid for than taken, and the entries taken."""
        gain = self.worth - price[self.client]
        paid, chosen = self.tickets(price)
        bound, taken = self.fixed + paid, []
        for j in range(self.problem.m):
            worth, entries, _ = self.fill(j, gain)
            bound += worth
            taken += entries
        return bound, chosen - np.bincount(self.client[taken], minlength=self.problem.n), taken

    def cells(self, entries: Array) -> Array:
        """The entries as a table (n_clients, width) of the problem's cells."""
        table = np.zeros(self.problem.real.shape, entries.dtype)
        table[self.client, self.column] = entries
        return table

    def could(self, price: Array, floor: float) -> NDArray[np.bool_]:
        """Cells an assignment worth at least ``floor`` may use: forcing any other leaves less, at these prices."""
        gain = self.worth - price[self.client]
        rooms = [self.fill(j, gain) for j in range(self.problem.m)]
        bound = self.fixed + self.tickets(price)[0] + sum(worth for worth, _, _ in rooms)
        able = np.zeros(len(self.client), bool)
        floor -= 1e-6 * max(1.0, abs(bound) * 1e-6)
        for j, (worth, _, best) in enumerate(rooms):
            for k in range(self.begin[j], self.begin[j + 1]):
                w = int(self.weight[k])
                if w > self.room[j]:
                    continue
                rest = best[: self.room[j] + 1 - w]
                beside = rest[-1] if self.lost is None else (rest - self.lost[j][w:]).max()
                able[k] = bound - worth + beside + gain[k] >= floor
        return self.cells(able)


def sharpen(
    problem: Problem, keep: Array, place_price: Array, price: Array, *, floor: float, lower: float, rounds: int, seconds: float
) -> Sharpened:
    """Lower the bound by steps of the clients' prices.

    Parameters
    ----------
    keep : shape (n_clients, width), cells that may be used at all
    place_price : cents a place, which stay as they are
    price : shape (n_clients,), cents a client, to begin with
    floor : value of the least assignment worth looking for; a bound below it ends the search
    lower : value towards which steps are reckoned
    rounds, seconds : limits; the first stops alike on every machine
    """
    sacks = Knapsacks(problem, keep, place_price)
    until = monotonic() + seconds
    best, best_price = np.inf, price
    theta, stalled = 1.0, 0
    direction = np.zeros(problem.n)
    often = np.zeros(len(sacks.client))
    for _ in range(rounds):
        bound, over, taken = sacks.round(price)
        often *= 0.95
        often[taken] += 0.05
        if bound < best - 1e-9 * abs(bound):
            best, best_price, stalled = bound, price, 0
        else:
            stalled += 1
            if stalled >= STALL:
                theta, stalled, direction = theta / 2, 0, np.zeros(problem.n)
                price = best_price
                bound, over, taken = sacks.round(price)
        if theta < LEAST_STEP or best < floor or monotonic() > until:
            break
        direction = over + DEFLECTION * direction
        size = float(direction @ direction)
        if size < 1e-12:
            break
        price = price - theta * max(bound - lower, 1e-9) / size * direction
        if not problem.everyone:
            price = np.maximum(price, 0)
    return Sharpened(sacks, best, best_price, sacks.cells(often))
