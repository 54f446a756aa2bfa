"""The fairness ledger's balance: worked by hand, and what must hold whatever the past was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.ceilings import MAX_SHIFT, ledger_shift
from rotation.engine.ledger import balance
from rotation.engine.pairs import recovery_factors
from rotation.engine.pipeline import propose

from .builders import TODAY, facts, representatives, rule

YES = np.ones(2, bool)


def test_twice_ones_share_is_two_steps_up_and_nothing_at_all_two_down():
    found = balance(np.array([8, 0]), np.array([800, 0]), np.array([50, 50]), YES)
    assert found.tolist() == [2.0, -2.0]
    assert ledger_shift(found).tolist() == [2, -2]
    # all the clients but half of the money: one step for each half of it
    assert balance(np.array([8, 0]), np.array([400, 400]), np.array([50, 50]), YES).tolist() == [1.0, -1.0]
    # three times the capacity is three times the share
    assert balance(np.array([6, 2]), np.array([600, 200]), np.array([75, 25]), YES).tolist() == [0.0, 0.0]


def test_nothing_handed_out_and_people_who_left_are_owed_nothing():
    assert balance(np.zeros(2), np.zeros(2), np.array([9, 9]), YES).tolist() == [0.0, 0.0]
    assert balance(np.array([5, 5]), np.array([5, 5]), np.array([0, 0]), YES).tolist() == [0.0, 0.0]
    assert balance(np.array([4, 9]), np.array([4, 9]), np.array([9, 9]), np.array([True, False])).tolist() == [0.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**9), st.integers(0, 300), st.booleans()), min_size=1, max_size=8), st.data()
)
def test_the_balance_is_relative_to_shares_and_rises_with_what_one_received(rows, data):
    clients, cents, capacity, active = (np.array(column) for column in zip(*rows, strict=True))
    found = balance(clients, cents, capacity, active)
    assert np.isfinite(found).all()
    assert (found[~active] == 0).all()
    able = np.where(active, capacity, 0)
    # weighed by capacity the excesses cancel: what one is ahead the others are behind
    assert float(found @ able) == pytest.approx(0, abs=1e-6 * max(float(able.sum()), 1))
    assert balance(clients * 7, cents * 7, capacity, active) == pytest.approx(found)
    assert (np.abs(ledger_shift(found)) <= MAX_SHIFT).all()
    j = data.draw(st.integers(0, len(rows) - 1))
    more = clients.copy()
    more[j] += 5
    assert balance(more, cents, capacity, active)[j] >= found[j] - 1e-9 or not active[j]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6))
def test_recoveries_lift_or_lower_within_half_and_double(rows):
    received, recovered = np.array(rows).T
    received = np.maximum(received, recovered)
    factor = recovery_factors(received, recovered)
    assert ((factor >= 0.5) & (factor <= 2)).all()
    if recovered.sum():
        rate = recovered.sum() / received.sum()
        assert ((factor >= 1 - 1e-9) == (recovered >= received * rate - 1e-9)).all()


def test_who_received_more_before_comes_after_an_equal_who_did_not():
    world, team = facts(2), representatives(2, capacity=[60, 60], balance=[2.0, -2.0])
    found = propose(rule(strategy={"kind": "optimal", "fairness": 0.2}), world, team, TODAY, seed="s", rule_version_id=1)
    assert found.proposals.to_representative.tolist() == [1, 1]
    turned = propose(
        rule(strategy={"kind": "optimal", "fairness": 0.2}),
        world,
        team.with_columns(balance=np.array([-2.0, 2.0])),
        TODAY,
        seed="s",
        rule_version_id=1,
    )
    assert turned.proposals.to_representative.tolist() == [0, 0]
