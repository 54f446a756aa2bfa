"""Other ways to hand out clients, under the same pairs and ceilings: what people are used to, and what it costs.

Each walks the clients one by one; ``ladder`` steps are not reckoned with, only rooms and tickets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array, take_ragged
from .pairs import Pairs
from .problem import Workload
from .teams import Teams

CHUNK = 4096  # clients whose best pair is looked up together
Pick = Callable[[int], int]


def distribute(
    kind: str, pairs: Pairs, ceilings: Ceilings, holds: Array, capacity: Array, workload: Workload | None = None
) -> NDArray[np.int64]:
    """Row among the pairs that each client gets, shape (n_clients,), -1 for none.

    Parameters
    ----------
    kind
        ``greedy``: clients in falling order of their best pair, each to the best place left. ``round_robin``: clients
        by id, representatives in turn. ``weighted``: in turn, in proportion to room. ``least_loaded``: to whoever has
        the least of its capacity in use.
    holds, capacity : shape (n_representatives,), clients
    workload : where the rule counts minutes, what each pair weighs and the room for it

    Raises
    ------
    ValueError
        Unknown kind.
    """
    if kind not in ("greedy", "round_robin", "weighted", "least_loaded"):
        raise ValueError(f"unknown strategy {kind}")
    has = np.flatnonzero(np.diff(pairs.start) > 0)
    if len(has) == 0:
        return np.full(pairs.n_clients, -1, np.int64)
    walk = _Walk(pairs, ceilings, workload)
    if kind == "greedy":
        order = has[np.argsort(-np.maximum.reduceat(pairs.value, pairs.start[:-1][has]), kind="stable")]
        for first in range(0, len(order), CHUNK):
            some = walk.with_ticket(order[first : first + CHUNK])
            if len(some):
                walk.through(some, _BestLeft(walk, some))
        return walk.chosen
    if kind == "round_robin":
        for first in range(0, len(has), CHUNK):
            walk.through(walk.with_ticket(has[first : first + CHUNK]), walk.next_in_turn)
        return walk.chosen
    walk.through(has, _fewest_for_weight(walk) if kind == "weighted" else _least_used(walk, holds, capacity))
    return walk.chosen


class _Walk:
    """Clients one after the other, each to a place still free while tickets last.

    Memory views instead of lists: millions of pairs would be millions of Python numbers.
    """

    def __init__(self, pairs: Pairs, ceilings: Ceilings, workload: Workload | None) -> None:
        self.pairs, self.workload = pairs, workload
        self.left = np.zeros(0) if workload is None else workload.room.copy()
        self.room = ceilings.room.astype(np.int64).tolist()
        self.free = ceilings.room > 0
        self.places = sum(self.room)
        self.teams = Teams(ceilings)
        self.team, self.seats = self.teams.of.tolist(), [*self.teams.most.tolist(), self.places]
        for team in range(len(self.teams)):
            self._close(team)
        self.start, self.representative = pairs.start.data, pairs.representative.data
        self.owner = ceilings.owner
        self.give = [*ceilings.give.tolist(), np.iinfo(np.int64).max]
        self.run = int(ceilings.run)
        self.turn = 0
        self.chosen = np.full(pairs.n_clients, -1, np.int64)

    def through(self, clients: Array, pick: Pick) -> None:
        """Place these clients in their order; ``pick`` gives the row of a client's pair, -1 where no place is left."""
        room, give, representative = self.room, self.give, self.representative
        for client, owner in zip(clients.tolist(), self.owner[clients].tolist(), strict=True):
            if self.run <= 0 or self.places <= 0:
                return
            if give[owner] <= 0 or (row := pick(client)) < 0:
                continue
            j = representative[row]
            self.chosen[client] = row
            room[j] -= 1
            if room[j] == 0:
                self.free[j] = False
            if self.workload is not None:
                self.left[j] -= self.workload.weight[row]
            give[owner] -= 1
            self.run -= 1
            self.places -= 1
            self.turn = j + 1
            self.seats[self.team[j]] -= 1
            self._close(self.team[j])

    def _close(self, team: int) -> None:
        """Take the places left at a team's representatives away once the team has taken all it may."""
        if team >= 0 and self.seats[team] <= 0:
            for j in np.flatnonzero(self.teams.of == team).tolist():
                self.places -= self.room[j]
                self.room[j], self.free[j] = 0, False

    def with_ticket(self, clients: Array) -> Array:
        """Those whose owner may still lose one: the others need not be looked at one by one."""
        return clients[np.array(self.give)[self.owner[clients]] > 0]

    def fits(self, row: int) -> bool:
        """Whether the pair's representative has a place left, and minutes where they count."""
        j = self.representative[row]
        return self.room[j] > 0 and (self.workload is None or bool(self.workload.weight[row] <= self.left[j]))

    def fit(self, rows: Array | slice) -> NDArray[np.bool_]:
        """The same of many pairs at once."""
        at = self.pairs.representative[rows]
        return self.free[at] if self.workload is None else self.free[at] & (self.workload.weight[rows] <= self.left[at])

    def open_rows(self, client: int) -> list[int]:
        """The client's pairs that fit."""
        return [row for row in range(self.start[client], self.start[client + 1]) if self.fits(row)]

    def next_in_turn(self, client: int) -> int:
        """The client's first representative from the turn on, begun again after the last."""
        first, end = self.start[client], self.start[client + 1]
        middle = bisect_left(self.representative, self.turn, first, end)
        for row in range(middle, end):
            if self.fits(row):
                return row
        for row in range(first, middle):
            if self.fits(row):
                return row
        return -1


class _BestLeft:
    """Each client's best pair with a place left: looked up for a whole chunk, again for those whose place went meanwhile."""

    def __init__(self, walk: _Walk, clients: Array) -> None:
        self.walk = walk
        pairs = walk.pairs
        bounds, inside = take_ragged(pairs.start, clients)
        value = np.where(walk.fit(inside), pairs.value[inside], -1)
        best = np.maximum.reduceat(value, bounds[:-1])
        at = np.flatnonzero(value == np.repeat(best, np.diff(bounds)))
        # of equal pairs the first, as one who looks from left to right would take it
        at = at[np.searchsorted(at, bounds[:-1])]
        self.row = dict(zip(clients.tolist(), np.where(best >= 0, inside[at], -1).tolist(), strict=True))

    def __call__(self, client: int) -> int:
        row = self.row[client]
        if row < 0 or self.walk.fits(row):
            return row
        first, end = self.walk.start[client], self.walk.start[client + 1]
        value = np.where(self.walk.fit(slice(first, end)), self.walk.pairs.value[first:end], -1)
        at = int(value.argmax())
        return first + at if value[at] >= 0 else -1


def _fewest_for_weight(walk: _Walk) -> Pick:
    size, m = walk.room.copy(), len(walk.room)

    def used(row: int) -> tuple[float, int]:
        j = walk.representative[row]
        return (size[j] - walk.room[j] + 1) / size[j], (j - walk.turn) % m

    return lambda client: min(walk.open_rows(client), key=used, default=-1)


def _least_used(walk: _Walk, holds: Array, capacity: Array) -> Pick:
    size, load, first = np.maximum(capacity, 1).astype(np.int64).tolist(), holds.astype(np.int64).tolist(), walk.room.copy()

    def used(row: int) -> float:
        j = walk.representative[row]
        return (load[j] + first[j] - walk.room[j] + 1) / size[j]

    return lambda client: min(walk.open_rows(client), key=used, default=-1)


def worth(chosen: Array, pairs: Pairs, ceilings: Ceilings) -> int:
    """Cents of the pairs chosen less the steps of fairness their loads cost: the measure the assignment maximises.

    Without the steps a strategy that crowds one representative would look better than the optimum.
    """
    rows = chosen[chosen >= 0]
    load = np.bincount(pairs.representative[rows], minlength=len(ceilings.room))
    return int(pairs.value[rows].sum()) - ceilings.penalty(load)
