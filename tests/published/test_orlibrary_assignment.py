"""Beasley's OR-Library assignment problems: every job to one agent at least cost, through the solver that rotates clients."""

import gzip

import numpy as np
import pytest

from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings
from rotation.engine.pairs import Pairs

from .shared import published

OPTIMA = {"assign100": 305, "assign200": 475, "assign300": 626, "assign400": 804}


@pytest.mark.parametrize(("name", "optimum"), OPTIMA.items())
def test_published_optimum_is_reached_and_proven(name, optimum):
    numbers = np.array(gzip.decompress(published(f"assignment/{name}.txt.gz").read_bytes()).split(), np.int64)
    n, cost = int(numbers[0]), numbers[1:].reshape(int(numbers[0]), -1)
    # large enough that leaving anybody out never pays
    big = int(cost.max()) * (n + 1)
    pairs = Pairs(
        start=np.arange(n + 1) * n,
        client=np.repeat(np.arange(n), n),
        representative=np.tile(np.arange(n), n),
        value=(big - cost).ravel(),
        km=np.zeros(n * n, np.float32),
        why=np.full(n, -1, np.int8),
    )
    found = assign(pairs, Ceilings(np.ones(n), np.full(n, -1), np.empty(0)))
    assert sorted(found.representative_of.tolist()) == list(range(n))
    assert (big * n - found.value_cents, found.bound_cents, found.exact) == (optimum, found.value_cents, True)
