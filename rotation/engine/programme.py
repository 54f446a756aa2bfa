"""The same problem told to HiGHS: its linear programme for prices and bound, its integer programme for the last step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from .ceilings import STEPS
from .facts import Array
from .problem import Problem

OPTIMAL, LIMIT = 0, 1


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The linear programme's answer: prices a unit (n_representatives + 1,) and a place, what forcing each cell would at least
    cost in cents (n_clients, width), and the share of the client in each cell."""

    price: Array
    place_price: Array
    loss: Array
    share: Array


@dataclass(frozen=True, eq=False)
class Proved:
    """The integer programme's answer: a better assignment or None, a bound for the cells it was given, and what stopped it
    (``proved``, ``nodes`` or ``time``)."""

    column: Array | None
    bound: float
    stopped: str
    nodes: int


class Programme:
    """Rows of the programme over some cells of the problem; minimises minus value, plus the steps of fairness."""

    def __init__(self, problem: Problem, keep: Array) -> None:
        self.problem = problem
        self.client, self.column = np.nonzero(keep)
        p, cells = problem, (self.client, self.column)
        self.at, value, weight = p.place[cells], p.value[cells], p.weight[cells].astype(float)
        k, m = len(self.client), p.m
        # the solver's tolerances are absolute
        largest = float(np.abs(value).max(initial=0.0))
        self.scale = largest / 1e4 if largest > 1e5 else 1.0
        self.cost = -value / self.scale
        asked = np.unique(self.client)
        self.once = self._rows(np.searchsorted(asked, self.client), np.ones(k), len(asked))
        room = self._rows(self.at, weight, m)
        limits = [p.room[:m].astype(float)]
        rows = [room]
        self.crowded = np.flatnonzero(p.places_bind)
        heads = self._rows(self.at, np.ones(k), len(p.places)) + self._rows(p.beside[self.at], np.ones(k), len(p.places))
        rows.append(heads[self.crowded])
        limits.append(p.places[self.crowded].astype(float))
        tight = np.flatnonzero(p.tickets_bind)
        rows.append(self._rows(p.owner[self.client], np.ones(k), len(p.give))[tight])
        limits.append(p.give[tight].astype(float))
        if p.run_binds:
            rows.append(sp.sparse.csr_matrix(np.ones((1, k))))
            limits.append(np.array([float(p.run)]))
        self.upper, self.limit = sp.sparse.vstack(rows, format="csr"), np.concatenate(limits)
        self.steps = 0
        self.high = np.ones(k)
        if p.ceilings.step_cost:
            self._add_steps(rows)

    @staticmethod
    def _matrix(at: Array, value: Array, columns: Array, shape: tuple[int, int]) -> sp.sparse.csr_matrix:
        return sp.sparse.coo_matrix((value, (at, columns)), shape=shape).tocsr()

    def _rows(self, at: Array, value: Array, height: int) -> sp.sparse.csr_matrix:
        return self._matrix(at, value, np.arange(len(at)), (height, len(at)))

    def _add_steps(self, rows: list[sp.sparse.csr_matrix]) -> None:
        """The units of each twelfth of the rooms as columns: load may not pass what they hold together."""
        p = self.problem
        m, k = p.m, len(self.client)
        self.steps = m * STEPS
        size = np.repeat(p.room[:m] / STEPS, STEPS)
        # in typical clients, so that the columns are of a size with the others
        holds = self._matrix(np.repeat(np.arange(m), STEPS), np.full(self.steps, -p.typical), np.arange(self.steps), (m, self.steps))
        blank = sp.sparse.csr_matrix((self.upper.shape[0] - m, self.steps))
        self.upper = sp.sparse.hstack((self.upper, sp.sparse.vstack((holds, blank))), format="csr")
        self.limit[:m] = 0.0
        self.once = sp.sparse.hstack((self.once, sp.sparse.csr_matrix((self.once.shape[0], self.steps))), format="csr")
        self.cost = np.concatenate((self.cost, p.step[:m].ravel() * p.typical / self.scale))
        self.high = np.concatenate((np.ones(k), size / p.typical))

    def relax(self) -> Relaxed | None:
        """Solve the linear programme over these cells; None where nobody can place everyone."""
        p, k = self.problem, len(self.client)
        each = (self.once, np.ones(self.once.shape[0]))
        once: tuple[sp.sparse.csr_matrix | None, Array | None] = (None, None)
        upper, limit = self.upper, self.limit
        if p.everyone:
            once = each
        else:
            upper, limit = sp.sparse.vstack((upper, each[0]), format="csr"), np.concatenate((limit, each[1]))
        high = self.high.copy()
        high[:k] = np.inf  # "once" says it already, and leaves clean reduced costs
        bounds = np.column_stack((np.zeros(len(high)), high))
        found = sp.optimize.linprog(self.cost, A_ub=upper, b_ub=limit, A_eq=once[0], b_eq=once[1], bounds=bounds, method="highs")
        if found.status != OPTIMAL:
            return None
        dual = -found.ineqlin.marginals * self.scale
        price, place_price = np.zeros(p.m + 1), np.zeros(len(p.places))
        price[: p.m] = np.maximum(dual[: p.m], 0)
        place_price[self.crowded] = np.maximum(dual[p.m : p.m + len(self.crowded)], 0)
        loss, share = np.zeros(p.value.shape), np.zeros(p.value.shape)
        loss[self.client, self.column] = np.maximum(found.lower.marginals[:k] * self.scale, 0)
        share[self.client, self.column] = found.x[:k]
        return Relaxed(price, place_price, loss, share)

    def solve(self, *, nodes: int, seconds: float) -> Proved:
        """Look for the best assignment of these cells.

        No row says that it must be worth more than the one at hand: the cells left out say that, and such a row makes the
        solver's own rounding blind (measured: nothing found in five seconds where it otherwise takes two).

        ``nodes`` stops the search alike on every machine; ``seconds`` is the emergency brake and then decides what is found.
        """
        p, k = self.problem, len(self.client)
        rows = [
            sp.optimize.LinearConstraint(self.once, 1.0 if p.everyone else -np.inf, 1.0),
            sp.optimize.LinearConstraint(self.upper, -np.inf, self.limit),
        ]
        found = sp.optimize.milp(
            self.cost,
            constraints=rows,
            integrality=np.concatenate((np.ones(k), np.zeros(self.steps))),
            bounds=sp.optimize.Bounds(np.zeros(len(self.high)), self.high),
            options={"node_limit": nodes, "time_limit": seconds, "mip_rel_gap": 0.0},
        )
        infeasible = found.status == 2
        stopped = "proved" if found.status == OPTIMAL or infeasible else ("nodes" if (found.mip_node_count or 0) >= nodes else "time")
        bound = np.inf
        if infeasible:
            bound = -np.inf
        elif found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound):
            bound = -float(found.mip_dual_bound) * self.scale
        column = self._columns(found.x) if found.x is not None else None
        return Proved(column, bound, stopped, int(found.mip_node_count or 0))

    def _columns(self, x: Array) -> NDArray[np.int64] | None:
        """The assignment in whole numbers, or None where rounding breaks a ceiling."""
        p = self.problem
        chosen = np.flatnonzero(x[: len(self.client)] > 0.5)
        column = np.full(p.n, -1, np.int64)
        column[self.client[chosen]] = self.column[chosen]
        if len(np.unique(self.client[chosen])) != len(chosen):
            return None
        cells = (self.client[chosen], self.column[chosen])
        load = np.bincount(p.place[cells], p.weight[cells], minlength=p.m + 1)
        lost = np.bincount(p.owner[self.client[chosen]], minlength=len(p.give))
        within = (load <= p.room).all() and (p.heads(p.place[cells]) <= p.places).all()
        return column if within and (lost <= p.give).all() and len(chosen) <= p.run else None
