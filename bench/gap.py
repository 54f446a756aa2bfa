"""Generalised assignment problems in the OR-Library's format, through the engine's solver for capacity in minutes.

A file is either the number of problems and then the problems, or one problem alone. Each problem is ``m n``, m x n costs
(agent by job), m x n resources, m capacities. Every job goes to exactly one agent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rotation.engine.ceilings import Ceilings
from rotation.engine.minutes import Effort, MinutesAssignment, assign_minutes
from rotation.engine.pairs import Pairs
from rotation.engine.problem import Workload


@dataclass(frozen=True, eq=False)
class Gap:
    """``cost`` and ``resource`` (n_agents, n_jobs), ``capacity`` (n_agents,)."""

    cost: np.ndarray
    resource: np.ndarray
    capacity: np.ndarray


@dataclass(frozen=True, eq=False)
class Solved:
    """``agent_of`` (n_jobs,); ``objective`` None where no way to place every job was found; ``bound`` in the file's money."""

    agent_of: np.ndarray
    objective: int | None
    bound: int
    gap: float | None
    stopped: str


def read_gap(numbers: np.ndarray) -> list[Gap]:
    """The problems of one file, given its numbers.

    Raises
    ------
    ValueError
        There are too few numbers or some left over, or a capacity or resource is negative; the problem is named.
    """
    try:
        return _problems(numbers, header=True)
    except ValueError as refused:
        try:
            return _problems(numbers, header=False)
        except ValueError:
            # the reading by the format's own rule is the one to complain about
            raise refused from None


def _problems(numbers: np.ndarray, header: bool) -> list[Gap]:
    if len(numbers) < 3:
        raise ValueError("the file is empty or ends in its first line")
    count, at = (int(numbers[0]), 1) if header else (1, 0)
    found = []
    for k in range(1, count + 1):
        m, n = (int(each) for each in numbers[at : at + 2]) if at + 2 <= len(numbers) else (0, 0)
        size = 2 * m * n + m
        if m < 1 or n < 1 or at + 2 + size > len(numbers):
            raise ValueError(f"problem {k} of {count} ends early, or its line of agents and jobs is wrong")
        body = numbers[at + 2 : at + 2 + size]
        cost, resource = body[: m * n].reshape(m, n), body[m * n : 2 * m * n].reshape(m, n)
        if (body[m * n :] < 0).any():
            raise ValueError(f"problem {k} of {count} has a negative resource or capacity")
        found.append(Gap(cost, resource, body[2 * m * n :]))
        at += 2 + size
    if at != len(numbers):
        raise ValueError(f"{len(numbers) - at} numbers are left over after problem {count}")
    return found


def solve_gap(gap: Gap, sense: str, effort: Effort) -> Solved:
    """Place every job; ``sense`` is ``min`` or ``max`` of the costs."""
    m, n = gap.cost.shape
    # whole positive values, the greatest the best: their sum is the objective but for a constant
    low, high = int(gap.cost.min()), int(gap.cost.max())
    # costs may be negative; the shift is the same for every job
    value = gap.cost - low + 1 if sense == "max" else high + 1 - gap.cost
    pairs = Pairs(
        start=np.arange(n + 1) * m,
        client=np.repeat(np.arange(n), m),
        representative=np.tile(np.arange(m), n),
        value=value.T.ravel(),
        km=np.zeros(m * n, np.float32),
        why=np.full(n, -1, np.int8),
    )
    ceilings = Ceilings(np.full(m, n), np.full(n, -1), np.empty(0))
    found = assign_minutes(pairs, Workload(gap.resource.T.ravel(), gap.capacity), ceilings, everyone=True, effort=effort)
    return _in_the_files_money(gap, found, sense, (low - 1) if sense == "max" else -(high + 1))


def _in_the_files_money(gap: Gap, found: MinutesAssignment, sense: str, shift: int) -> Solved:
    n = gap.cost.shape[1]
    sign = 1 if sense == "max" else -1
    bound = sign * (found.bound_cents + n * shift)
    if not found.complete:
        return Solved(found.representative_of, None, bound, None, found.stopped)
    agent_of = found.representative_of
    # counted from the file, not from the solver's own sums
    load = np.bincount(agent_of, gap.resource[agent_of, np.arange(n)], minlength=len(gap.capacity))
    if (load > gap.capacity).any():
        raise AssertionError("the solver passed a capacity")
    objective = int(gap.cost[agent_of, np.arange(n)].sum())
    return Solved(agent_of, objective, bound, abs(bound - objective) / max(abs(objective), 1), found.stopped)
