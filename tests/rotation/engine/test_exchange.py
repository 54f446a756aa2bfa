"""Exchanges alone, from a poor start, reach the optimum and prove it with their prices."""

import numpy as np
from hypothesis import given

from rotation.engine.exchange import improve
from tests.draws import drawn

from .builders import pairs as dense
from .test_assignment import ceilings, exhaustive, feasible, problems


def test_two_clients_in_each_others_place_change_over():
    made, c = dense([[1, 10], [10, 1]]), ceilings([1, 1], n=2)
    # client 0 holds pair 0 (representative 0), client 1 pair 3 (representative 1)
    chosen, prices = improve(made, c, np.array([0, 3]), np.zeros(2))
    assert chosen.tolist() == [1, 2]
    assert prices is not None


def test_the_price_of_a_place_is_what_one_more_place_would_be_worth():
    value = [[100, 40], [80, 30], [60, 20]]
    made, c = dense(value), ceilings([1, 1], n=3)
    chosen, prices = improve(made, c, np.array([-1, -1, -1]), np.zeros(2))
    worth = int(made.value[chosen[chosen >= 0]].sum())
    assert worth == 130
    for rep in range(2):
        room = np.array([1, 1])
        room[rep] += 1
        assert exhaustive(np.array(value), ceilings(room, n=3)) - worth <= prices[rep]


def test_nothing_to_exchange_is_an_answer():
    made, c = dense([[-1], [-1]]), ceilings([3], n=2)
    chosen, prices = improve(made, c, np.array([-1, -1]), np.zeros(1))
    assert (chosen.tolist(), prices.tolist()) == ([-1, -1], [0])


@given(problems())
@drawn(60, long=500)
def test_from_nobody_placed_exchanges_reach_the_best_of_every_possible_way(problem):
    value, c = problem
    made = dense(value)
    chosen, prices = improve(made, c, np.full(len(value), -1), np.zeros(len(c.room)))
    assert feasible(chosen, made, c)
    load = np.bincount(made.representative[chosen[chosen >= 0]], minlength=len(c.room))
    assert int(made.value[chosen[chosen >= 0]].sum()) - c.penalty(load) == exhaustive(value, c)
    assert prices is not None and (prices >= 0).all()
