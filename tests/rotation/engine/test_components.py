"""Parts that nothing links are solved apart, and together are worth what the whole is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine import components
from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings, tie_hash
from rotation.engine.components import part_of, parts
from rotation.engine.pairs import Pairs

from .test_assignment import feasible


def regions(seed, step_cost=7):
    """Three regions with people of their own, in no order; some clients nobody owns, some without a pair."""
    r = np.random.default_rng(seed)
    n, m = 40, 9
    home = r.permutation(np.arange(m) % 3)
    owner = r.integers(-1, m, n)
    region = np.where(owner >= 0, home[owner], r.integers(0, 3, n))
    value = r.integers(0, 60, (n, m))
    allowed = (home == region[:, None]) & (np.arange(m) != owner[:, None]) & (r.random((n, 1)) < 0.9)
    client, representative = np.nonzero(allowed)
    pairs = Pairs(
        start=np.concatenate(([0], np.cumsum(allowed.sum(axis=1)))),
        client=client.astype(np.int32),
        representative=representative.astype(np.int32),
        value=value[allowed],
        km=np.zeros(len(client), np.float32),
        why=np.full(n, -1, np.int8),
    )
    shift = r.integers(-2, 3, m)
    return pairs, Ceilings(r.integers(0, 4, m), owner, r.integers(0, 4, m), step_cost=step_cost, shift=shift), region


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_parts_solved_apart_are_worth_what_the_whole_is(seed):
    pairs, ceilings, _region = regions(seed)
    ties = tie_hash(pairs.client, pairs.representative, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "LEAST", 10**6)
        whole = assign(pairs, ceilings, ties)
        patch.setattr(components, "LEAST", 0)
        apart = assign(pairs, ceilings, ties)
        assert part_of(pairs, ceilings) is not None
    assert feasible(apart.pair_of, pairs, ceilings)
    assert (apart.objective_cents, apart.bound_cents, apart.exact) == (whole.objective_cents, whole.bound_cents, True)
    assert (np.isinf(apart.prices) == (ceilings.room == 0)).all()
    placed = apart.pair_of >= 0
    assert (apart.representative_of[placed] == pairs.representative[apart.pair_of[placed]]).all()
    assert (apart.representative_of[~placed] == -1).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_teams_ceiling_keeps_its_people_in_one_part(seed):
    pairs, ceilings, _region = regions(seed)
    r = np.random.default_rng(seed)
    ceilings = replace(ceilings, team=r.integers(-1, 3, len(ceilings.room)), team_room=r.integers(0, 4, 3))
    ties = tie_hash(pairs.client, pairs.representative, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "LEAST", 10**6)
        whole = assign(pairs, ceilings, ties)
        patch.setattr(components, "LEAST", 0)
        apart = assign(pairs, ceilings, ties)
        found = part_of(pairs, ceilings)
    assert feasible(apart.pair_of, pairs, ceilings)
    assert (apart.objective_cents, apart.bound_cents, apart.exact) == (whole.objective_cents, whole.bound_cents, True)
    assert apart.team_prices.tolist() == whole.team_prices.tolist()  # what one more place is worth: exact in both
    if found is not None:
        for team in range(3):
            assert len(set(found[1][ceilings.team == team])) <= 1


def test_a_part_holds_one_region_and_every_pair_is_in_one(monkeypatch):
    monkeypatch.setattr(components, "LEAST", 0)
    pairs, ceilings, region = regions(3)
    found = list(parts(pairs, ceilings, *part_of(pairs, ceilings)))
    assert [len(np.unique(region[part.clients])) for part in found] == [1] * len(found)
    assert sorted(np.concatenate([part.rows for part in found])) == list(range(len(pairs)))
    for part in found:
        assert (part.representatives[part.pairs.representative] == pairs.representative[part.rows]).all()
        assert (part.clients[part.pairs.client] == pairs.client[part.rows]).all()


def test_a_ceiling_of_the_run_that_counts_links_everybody(monkeypatch):
    monkeypatch.setattr(components, "LEAST", 0)
    pairs, ceilings, _region = regions(3)
    moved = int((assign(pairs, ceilings).pair_of >= 0).sum())
    assert part_of(pairs, replace(ceilings, run=moved - 1)) is None
    assert part_of(pairs, replace(ceilings, run=len(pairs))) is not None


def test_a_client_nobody_owns_links_the_representatives_it_may_go_to(monkeypatch):
    monkeypatch.setattr(components, "LEAST", 0)
    pairs = Pairs(
        start=np.array([0, 1, 2, 4]),
        client=np.array([0, 1, 2, 2], np.int32),
        representative=np.array([0, 1, 0, 1], np.int32),
        value=np.array([5, 6, 7, 8]),
        km=np.zeros(4, np.float32),
        why=np.full(3, -1, np.int8),
    )
    ceilings = Ceilings(np.array([1, 1]), np.array([-1, -1, -1]), np.empty(0))
    assert part_of(pairs, ceilings) is None
