"""Prices on clients: never below the best assignment, never ruling out one of its cells."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.ceilings import Ceilings
from rotation.engine.knapsacks import sharpen
from rotation.engine.packing import Packing
from rotation.engine.problem import Problem, Workload

from .builders import pairs as dense


def small(seed, everyone):
    r = np.random.default_rng(seed)
    n, m = 5, 3
    pairs = dense(r.integers(1, 60, (n, m)))
    step = 0 if everyone else int(r.integers(0, 3))
    ceilings = Ceilings(r.integers(1, n + 1, m), r.integers(-1, 2, n), r.integers(1, 4, 2), run=int(r.integers(2, n + 1)), step_cost=step)
    workload = Workload(r.integers(0, 12, len(pairs)), r.integers(5, 30, m))
    return Problem(pairs, workload, ceilings, everyone=everyone)


def best_of_all(problem):
    """Every assignment within the ceilings, and the best of them."""
    best = None
    for way in product(*([-1, *np.flatnonzero(row)] for row in problem.real)):
        if problem.everyone and min(way) < 0:
            continue
        packing = Packing(problem)
        for client, column in enumerate(way):
            if column >= 0 and packing.fits(client, column):
                packing.put(client, column)
        if (packing.column == way).all() and (best is None or packing.objective > best.objective):
            best = packing
    return best


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_the_bound_stands_and_no_cell_of_the_optimum_is_ruled_out(seed, everyone):
    problem = small(seed, everyone)
    best = best_of_all(problem)
    if best is None:
        return
    places = np.zeros(len(problem.places))
    start = np.full(problem.n, 20.0)
    found = sharpen(problem, problem.real, places, start, floor=-np.inf, lower=best.objective, rounds=30, seconds=60)
    assert found.bound >= best.objective - 1e-6
    could = found.could(best.objective)
    placed = np.flatnonzero(best.column >= 0)
    assert could[placed, best.column[placed]].all()
    assert not could[~problem.real].any()
