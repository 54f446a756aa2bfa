"""The last step to the optimum: exchanges of clients between representatives, as cycles in a small graph.

An assignment is optimal exactly when no cycle of exchanges gains (Klein 1967). Clients are contracted into arcs
between representatives, owners' tickets, the run's tickets and the idle places, so the graph has only as many nodes as
there are people, and the shortest distances of a graph without gaining cycles are optimal prices: the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array
from .pairs import Pairs

NO_ARC = 2**60
BUDGET = 100_000_000  # cells looked at: about half a second


@dataclass(eq=False)
class _Graph:
    """Arc costs in cents, shape (nodes, nodes): representatives, then owners, then the run, then the idle places."""

    pairs: Pairs
    ceilings: Ceilings
    pair_of: Array

    def __post_init__(self) -> None:
        self.m, self.s = len(self.ceilings.room), len(self.ceilings.give)
        self.run, self.idle = self.m + self.s, self.m + self.s + 1
        self.ticket = np.where(self.ceilings.owner < 0, self.run, self.m + self.ceilings.owner)
        # where each pair's client would come from if the pair were chosen, and what that gives up
        self.cost = self._build()

    def _build(self) -> NDArray[np.int64]:
        pairs, c = self.pairs, self.ceilings
        placed = self.pair_of >= 0
        # row -1, nobody, is the one appended
        at = np.append(pairs.representative, -1).astype(np.int64)[self.pair_of]
        held = np.append(pairs.value, 0)[self.pair_of]
        self.source = np.where(placed, at, self.ticket)[pairs.client]
        self.loss = held[pairs.client] - pairs.value
        cost = np.full((self.idle + 1, self.idle + 1), NO_ARC, np.int64)
        np.minimum.at(cost, (self.source, pairs.representative), self.loss)
        clients = np.flatnonzero(placed)
        np.minimum.at(cost, (at[clients], self.ticket[clients]), held[clients])
        reps = np.arange(self.m)
        load = np.bincount(at[clients], minlength=self.m)
        free, some = load < c.room, load > 0
        cost[reps[free], self.idle] = c.reserve(reps[free], load[free])
        cost[self.idle, reps[some]] = -c.reserve(reps[some], load[some] - 1)
        used = np.bincount(c.owner[clients][c.owner[clients] >= 0], minlength=self.s)
        owners = self.m + np.arange(self.s)
        cost[self.run, owners[used < c.give]] = 0
        cost[owners[used > 0], self.run] = 0
        if len(clients) < c.run:
            cost[self.idle, self.run] = 0
        if len(clients) > 0:
            cost[self.run, self.idle] = 0
        np.fill_diagonal(cost, 0)
        return cost

    def apply(self, cycle: list[int]) -> None:
        """Push one client along each arc of the cycle."""
        changes: list[tuple[int, int]] = []
        for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            if b < self.m and a != self.idle:
                rows = np.flatnonzero((self.source == a) & (self.pairs.representative == b))
                row = int(rows[np.argmin(self.loss[rows])])
                changes.append((int(self.pairs.client[row]), row))
            elif a < self.m and b != self.idle:
                here = np.flatnonzero((self.pair_of >= 0) & (self.ticket == b))
                here = here[self.pairs.representative[self.pair_of[here]] == a]
                changes.append((int(here[np.argmin(self.pairs.value[self.pair_of[here]])]), -1))
        for client, row in changes:
            self.pair_of[client] = row
        self.cost = self._build()


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
    graph = _Graph(pairs, ceilings, pair_of.copy())
    size = len(graph.cost)
    work = 0
    distance = np.zeros(size, np.int64)
    known = np.isfinite(prices)
    distance[: graph.m][known] = -np.rint(prices[known]).astype(np.int64)
    parents = np.full(size, -1)
    while work < BUDGET:
        through = distance[:, None] + graph.cost
        parent = through.argmin(axis=0)
        shorter = through[parent, np.arange(size)]
        work += size * size
        if (shorter >= distance).all():
            first = ceilings.reserve(np.arange(graph.m), np.zeros(graph.m, np.int64))
            return graph.pair_of, np.maximum(distance[graph.idle] - distance[: graph.m], first)
        # a node keeps the parent of its last improvement: a cycle of parents is a cycle that gains
        parents = np.where(shorter < distance, parent, parents)
        distance = np.minimum(distance, shorter)
        cycle = _cycle(parents)
        if cycle:
            graph.apply(cycle)
            work += len(pairs)
            parents = np.full(size, -1)
    return graph.pair_of, None


def _cycle(parent: Array) -> list[int]:
    """A cycle of parents, in the direction of the arcs; empty if there is none."""
    seen = np.full(len(parent), -1)
    for start in range(len(parent)):
        node = start
        while node >= 0 and seen[node] < 0:
            seen[node] = start
            node = int(parent[node])
        if node >= 0 and seen[node] == start:
            cycle = [node]
            while int(parent[cycle[-1]]) != node:
                cycle.append(int(parent[cycle[-1]]))
            return cycle[::-1]
    return []
