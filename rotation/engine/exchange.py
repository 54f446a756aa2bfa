"""The last step to the optimum: exchanges of clients between representatives, as cycles in a small graph.

An assignment is optimal exactly when no cycle of exchanges gains (Klein 1967). Clients are contracted into arcs
between representatives, owners' tickets, the run's tickets, the idle places and the teams that have a ceiling, so the graph has
only as many nodes as there are people and teams, and the shortest distances of a graph without gaining cycles are optimal
prices: the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array
from .pairs import Pairs
from .teams import Teams

NO_ARC, NO_CODE = 2**60, 2**62
BUDGET = 100_000_000  # cells looked at: about half a second


@dataclass(eq=False)
class Graph:
    """Arc costs in cents, shape (nodes, nodes): representatives, then owners, then the run, then the idle places, then teams.

    A place left at a representative is an arc to the idle places, through its team where that has a ceiling.
    """

    pairs: Pairs
    ceilings: Ceilings
    pair_of: Array

    def __post_init__(self) -> None:
        self.m, self.s = len(self.ceilings.room), len(self.ceilings.give)
        self.run, self.idle = self.m + self.s, self.m + self.s + 1
        self.teams = Teams(self.ceilings)
        self.size = self.idle + 1 + len(self.teams)
        # where a place left at each representative is found
        self.place = np.where(self.teams.of < 0, self.idle, self.idle + 1 + self.teams.of)
        self.ticket = np.where(self.ceilings.owner < 0, self.run, self.m + self.ceilings.owner)
        # where each client is, the ticket of its owner when nobody has it, and what choosing a pair instead would give up: in one
        # number with the client, so that the least of an arc says who it is; the auction saw to it that 64 bits hold them
        self.source = np.empty(self.pairs.n_clients, np.int64)
        self.loss = np.empty(len(self.pairs), np.int64)
        self.least = np.full((self.size, self.size), NO_CODE, np.int64)
        everyone = np.arange(self.pairs.n_clients)
        self._look_at(everyone)
        # clients at each node, and those placed of each ticket; counted once, then kept as they move
        self.load, self.used = np.zeros(self.size, np.int64), np.zeros(self.size, np.int64)
        self._count(everyone, 1)
        self.cost = np.full((self.size, self.size), NO_ARC, np.int64)
        self._draw(np.ones(self.size, bool))

    def _rows(self, clients: Array) -> Array:
        """The pairs of these clients, one client after the other. All of a client come from one place: going through clients,
        a handful of which an exchange touches, spares looking at every pair for each exchange.
        """
        first = self.pairs.start.take(clients)
        length = self.pairs.start.take(clients + 1) - first
        through = np.cumsum(length)
        return np.repeat(first - through + length, length) + np.arange(int(through[-1]) if len(through) else 0)

    def _look_at(self, clients: Array) -> None:
        """Source and loss of these clients' pairs, from where they are now."""
        chosen = self.pair_of[clients]
        placed = chosen >= 0
        source, held = self.ticket[clients], np.zeros(len(clients), np.int64)
        source[placed] = self.pairs.representative[chosen[placed]]
        held[placed] = self.pairs.value[chosen[placed]]
        self.source[clients] = source
        rows = self._rows(clients)
        held, n = held * self.pairs.n_clients + clients, self.pairs.n_clients
        self.loss[rows] = np.repeat(held, self.pairs.start[clients + 1] - self.pairs.start[clients]) - self.pairs.value[rows] * n

    def _count(self, clients: Array, by: int) -> None:
        """Add ``by`` for each of these distinct clients where it is."""
        source = self.source[clients]
        self.load += by * np.bincount(source, minlength=self.size)
        self.used += by * np.bincount(self.ticket[clients[source < self.m]], minlength=self.size)

    def _draw(self, touched: Array) -> None:
        """The arcs that leave the nodes in ``touched`` (nodes,) anew; the few of tickets and idle places always."""
        pairs, c, cost = self.pairs, self.ceilings, self.cost
        load, n_placed = self.load[: self.m], int(self.load[: self.m].sum())
        self.least[touched] = NO_CODE
        # one index instead of two: numpy then takes its fast path, a tenth of the time
        flat, size = self.least.reshape(-1), self.size
        near = np.flatnonzero(touched.take(self.source))
        rows = self._rows(near)
        begin = np.repeat(self.source.take(near) * size, pairs.start.take(near + 1) - pairs.start.take(near))
        np.minimum.at(flat, begin + pairs.representative.take(rows), self.loss.take(rows))
        leaving = near[self.source.take(near) < self.m]
        lost = pairs.value.take(self.pair_of.take(leaving)) * pairs.n_clients + leaving
        np.minimum.at(flat, self.source.take(leaving) * size + self.ticket.take(leaving), lost)
        here = self.least[touched]
        cost[touched] = np.where(here < NO_CODE, here // max(pairs.n_clients, 1), NO_ARC)
        reps = np.arange(self.m)
        free, some = load < c.room, load > 0
        cost[:, self.idle :] = NO_ARC
        cost[self.idle :] = NO_ARC
        cost[reps[free], self.place[free]] = c.reserve(reps[free], load[free])
        cost[self.place[some], reps[some]] = -c.reserve(reps[some], load[some] - 1)
        received = self.teams.received(load)
        cost[self.idle + 1 :, self.idle] = np.where(received < self.teams.most, 0, NO_ARC)
        cost[self.idle, self.idle + 1 :] = np.where(received > 0, 0, NO_ARC)
        owners = self.m + np.arange(self.s)
        used = self.used[owners]
        cost[self.run, owners] = np.where(used < c.give, 0, NO_ARC)
        cost[owners, self.run] = np.where(used > 0, 0, NO_ARC)
        cost[self.idle, self.run] = 0 if n_placed < c.run else NO_ARC
        cost[self.run, self.idle] = 0 if n_placed > 0 else NO_ARC
        np.fill_diagonal(cost, 0)

    def apply(self, cycles: list[list[int]]) -> None:
        """Push one client along each arc of the cycles, no two of which share a node."""
        changes: list[tuple[int, int]] = []
        for a, b in (arc for cycle in cycles for arc in zip(cycle, cycle[1:] + cycle[:1], strict=True)):
            client = int(self.least[a, b]) % max(self.pairs.n_clients, 1)
            if b < self.m and a < self.idle:
                first = int(self.pairs.start[client])
                among = self.pairs.representative[first : int(self.pairs.start[client + 1])]
                changes.append((client, first + int(np.argmax(among == b))))
            elif a < self.m and b < self.idle:
                changes.append((client, -1))
        moved = np.unique([client for client, _row in changes])
        touched = np.zeros(self.size, bool)
        touched[self.source[moved]] = True
        self._count(moved, -1)
        for client, row in changes:
            self.pair_of[client] = row
        self._look_at(moved)
        self._count(moved, 1)
        touched[self.source[moved]] = True
        self._draw(touched)


def improve(pairs: Pairs, ceilings: Ceilings, pair_of: Array, prices: Array) -> tuple[Array, Array | None]:
    """Exchange until nothing gains, within a fixed amount of work.

    Parameters
    ----------
    pair_of : shape (n_clients,), row among the pairs or -1; must respect every ceiling
    prices : shape (n_representatives,), float64 cents, a start for the search

    Returns
    -------
    pair_of, prices
        Prices are int64 cents and optimal; None when the work ran out first (the assignment is still no worse).
    """
    graph = Graph(pairs, ceilings, pair_of.copy())
    size = len(graph.cost)
    work = 0
    distance = np.zeros(size, np.int64)
    known = np.isfinite(prices)
    distance[: graph.m][known] = -np.rint(prices[known]).astype(np.int64)
    parents = np.full(size, -1)
    # by where arcs arrive: the least of a row is found at once, that of a column is not
    arriving = np.ascontiguousarray(graph.cost.T)
    first_of = np.arange(0, size * size, size)
    while work < BUDGET:
        through = arriving + distance
        parent = through.argmin(axis=1)
        shorter = through.reshape(-1).take(first_of + parent)
        work += size * size
        if (shorter >= distance).all():
            first = ceilings.reserve(np.arange(graph.m), np.zeros(graph.m, np.int64))
            ceiling = np.maximum(distance[graph.idle] - distance[graph.idle + 1 :], 0)
            first = first + np.append(ceiling, 0)[graph.teams.of]
            return graph.pair_of, np.maximum(distance[graph.idle] - distance[: graph.m], first)
        # a node keeps the parent of its last improvement: a cycle of parents is a cycle that gains
        parents = np.where(shorter < distance, parent, parents)
        distance = np.minimum(distance, shorter)
        cycles = _cycles(parents)
        if cycles:
            graph.apply(cycles)
            arriving = np.ascontiguousarray(graph.cost.T)
            work += len(pairs)
            parents = np.full(size, -1)
    return graph.pair_of, None


def worth_of_one_more(pairs: Pairs, ceilings: Ceilings, pair_of: Array) -> NDArray[np.int64]:
    """Cents the optimum gains where a team may take one client more, (n_teams,); 0 where it has places left.

    ``pair_of`` (n_clients,) must be an optimum. One more place at a team is one more arc from it to the idle places, so what
    it gains is the shortest way back.
    """
    graph = Graph(pairs, ceilings, np.asarray(pair_of, np.int64).copy())
    distance = np.full(graph.size, NO_ARC, np.int64)
    distance[graph.idle] = 0
    for _ in range(graph.size):
        shorter = np.minimum(distance, (distance[:, None] + graph.cost).min(axis=0))
        if (shorter == distance).all():
            break
        distance = shorter
    return np.maximum(-distance[graph.idle + 1 :], 0)


def _cycles(parents: Array) -> list[list[int]]:
    """Every cycle of parents, in the direction of the arcs."""
    parent: list[int] = parents.tolist()
    seen, found = [-1] * len(parent), []
    for start in range(len(parent)):
        node = start
        while node >= 0 and seen[node] < 0:
            seen[node] = start
            node = parent[node]
        if node >= 0 and seen[node] == start:
            cycle = [node]
            while parent[cycle[-1]] != node:
                cycle.append(parent[cycle[-1]])
            found.append(cycle[::-1])
    return found
