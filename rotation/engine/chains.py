"""Tabu search with ejection chains for problems in which everyone must be placed and room is tight.

Moves are shifts, swaps and chains of two (one goes in, the one put out goes on), all judged at once; overfull rooms are
allowed at a price that rises while they are and falls while they are not, so the search walks along the edge of what
fits, where good assignments lie.

Source: Yagiura, Ibaraki, Glover (2004, 2006), ejection chains and adaptive penalties for the generalised assignment problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .problem import Problem

KEEP = 8  # representatives looked at for each client: the best by the prices
ROWS = 256  # clients tried in one step where there are more
DEAREST, CHEAPEST = 100.0, 0.05
RISES, FALLS = 1.01, 0.9985
TENURE = 5
FORBIDDEN = 2.0**40


@dataclass(frozen=True, eq=False)
class Chained:
    """The best assignment found (columns of the problem's rows), None where nothing fitted; the steps made."""

    column: Array | None
    steps: int


def search(problem: Problem, price: Array, start: Array, *, steps: int, seconds: float, seed: int = 0, enough: float = np.inf) -> Chained:
    """Look for a dearer assignment of everyone from ``start`` (n_clients,) columns, -1 allowed.

    Parameters
    ----------
    price : shape (n_representatives + 1,), cents a unit; the penalty of overfull rooms begins there
    steps : steps at most, the same on every machine
    seconds : after which it stops all the same
    seed : of tenures and samples
    enough : cents of value at which there is nothing left to find
    """
    return _Walk(problem, price, start, seed).run(steps, seconds, enough)


class _Walk:
    def __init__(self, problem: Problem, price: Array, start: Array, seed: int) -> None:
        p, self.problem = problem, problem
        n, m = p.n, p.m
        self.n, self.m, self.here = n, m, np.arange(n)
        self.room = p.room[:m].astype(float)
        self.cost = np.full((n, m), FORBIDDEN)
        self.weight = np.zeros((n, m))
        self.column = np.full((n, m), -1)
        client, column = p.cells
        at = p.place[client, column]
        self.top = top = float(p.value[p.real].max(initial=0))
        self.cost[client, at] = top - p.value[client, column]
        self.weight[client, at] = p.weight[client, column]
        self.column[client, at] = column
        known = price[price > 0]
        self.usual = float(np.median(known)) if len(known) else max(top / max(p.typical, 1.0), 1e-6)
        self.alpha = np.maximum(price[:m], self.usual / 2)
        priced = self.cost + price[:m] * self.weight
        self.far = self.cost >= FORBIDDEN
        if m > KEEP:
            self.far |= priced > np.partition(priced, KEEP - 1, axis=1)[:, KEEP - 1 : KEEP]
        begin = np.where(start >= 0, p.place[self.here, np.maximum(start, 0)], priced.argmin(axis=1))
        self.at = begin.astype(np.int64)
        self.open = np.where(self.far, FORBIDDEN, self.cost)
        self.slack = self.room - np.bincount(self.at, self.weight[self.here, self.at], minlength=m)
        self.open_at, self.weight_at = self.open[:, self.at], self.weight[:, self.at]
        self.waiting: dict[int, list[tuple[int, int]]] = {}
        # tenures and samples: fixed, so the same problem is walked the same way everywhere
        self.random = np.random.default_rng(seed)
        self.best = np.inf
        self.best_at: Array | None = None

    def run(self, steps: int, seconds: float, enough: float) -> Chained:
        until, enough = monotonic() + seconds, self.n * self.top - enough
        step = 0
        self._look()
        while step < steps and self.best > enough and monotonic() < until:
            step += 1
            for client, rep in self.waiting.pop(step, ()):
                if not self.far[client, rep]:
                    self.open[client, rep] = self.cost[client, rep]
                    self.open_at[client, self.at == rep] = self.cost[client, rep]
            self._move(self._best_moves(), step)
            self._look()
            self.alpha = np.clip(self.alpha * np.where(self.slack < 0, RISES, FALLS), self.usual * CHEAPEST, self.usual * DEAREST)
        column = None if self.best_at is None else self.column[self.here, self.best_at]
        return Chained(column, step)

    def _look(self) -> None:
        if (self.slack >= 0).all():
            cost = float(self.cost[self.here, self.at].sum())
            if cost < self.best:
                self.best, self.best_at = cost, self.at.copy()

    def _entering(self, rows: Array, columns: Array, own: Array, spare: Array) -> NDArray[np.float64]:
        """Cost of each of ``rows`` going where each of ``columns`` is, which goes out."""
        if len(rows) == self.n and len(columns) == self.n:
            cost, weight = self.open_at, self.weight_at
        elif len(columns) == self.n:
            cost, weight = self.open_at[rows], self.weight_at[rows]
        else:
            cost, weight = self.open_at[:, columns], self.weight_at[:, columns]
        alpha = self.alpha[self.at[columns]]
        made = weight - spare[columns]
        np.maximum(made, 0, out=made)
        made *= alpha
        made += cost
        made -= own[columns]
        return made

    def _best_moves(self) -> list[tuple[int, int]]:
        n, m, at, here = self.n, self.m, self.at, self.here
        excess = np.maximum(-self.slack, 0)
        weight, cost, alpha = self.weight[here, at], self.cost[here, at], self.alpha[at]
        own = cost + alpha * excess[at]
        leave = alpha * np.maximum(-(self.slack[at] + weight), 0) - own
        enter = self.open + self.alpha * (np.maximum(self.weight - self.slack, 0) - excess)
        enter[here, at] = 2 * FORBIDDEN
        shift = leave[:, None] + enter
        first = enter.argmin(axis=1)
        first_cost = enter[here, first]
        rest = enter.copy()
        rest[here, first] = 2 * FORBIDDEN
        second = rest.argmin(axis=1)
        second_cost = rest[here, second]

        rows = here if n <= ROWS else np.sort(self.random.choice(n, ROWS, replace=False))
        spare = weight + self.slack[at]
        into = self._entering(rows, here, own, spare)
        back = into.T if len(rows) == n else self._entering(here, rows, own, spare).T
        same = at[rows][:, None] == at
        chain = into + leave[rows][:, None] + np.where(first == at[rows][:, None], second_cost, first_cost)
        chain[same] = 3 * FORBIDDEN
        swap = into + back
        swap[same] = 3 * FORBIDDEN
        best = (int(shift.argmin()), int(chain.argmin()), int(swap.argmin()))
        worth = (shift.flat[best[0]], chain.flat[best[1]], swap.flat[best[2]])
        kind = int(np.argmin(worth))
        if worth[kind] >= FORBIDDEN / 2:
            return []
        if kind == 0:
            client, to = divmod(best[0], m)
            return [(client, to)]
        row, rival = divmod(best[kind], n)
        client = int(rows[row])
        if kind == 2:
            return [(client, int(at[rival])), (rival, int(at[client]))]
        away = second if first[rival] == at[client] else first
        return [(client, int(at[rival])), (rival, int(away[rival]))]

    def _move(self, moves: list[tuple[int, int]], step: int) -> None:
        for client, to in moves:
            was = int(self.at[client])
            self.slack[was] += self.weight[client, was]
            self.slack[to] -= self.weight[client, to]
            self.at[client] = to
            until = step + TENURE + int(self.random.integers(0, TENURE))
            self.open[client, was] = FORBIDDEN
            self.waiting.setdefault(until, []).append((client, was))
        for client, to in moves:
            self.open_at[:, client], self.weight_at[:, client] = self.open[:, to], self.weight[:, to]
        for client, _ in moves:
            self.open_at[client] = self.open[client, self.at]
