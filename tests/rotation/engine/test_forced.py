"""What forcing another receiver costs, against every possible way; and what more room, a lost pair or a new client does."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.assignment import assign
from rotation.engine.explain import runner_ups
from rotation.engine.forced import forced_costs

from .builders import pairs as dense
from .test_assignment import ceilings, exhaustive, problems


def forced_optimum(value, c, client, rep):
    """Best objective of every way in which that client goes there: its other pairs are gone and it comes before all else."""
    bonus = int(np.abs(value).sum()) + 1000
    only = np.full_like(value, -1)
    only[np.arange(len(value)) != client] = value[np.arange(len(value)) != client]
    only[client, rep] = value[client, rep] + bonus
    return exhaustive(only, c) - bonus


def test_the_runner_up_of_a_pushed_chain_costs_what_the_chain_loses():
    #                 Ana Bruno Caio
    value = np.array([[90, 85, -1], [-1, 80, 60]])
    made, c = dense(value), ceilings([1, 1, 1], n=2)
    found = assign(made, c)
    assert found.representative_of.tolist() == [0, 1]
    # client 0 to Bruno pushes client 1 to Caio: 90 + 80 less 85 + 60
    row = int(np.flatnonzero((made.client == 0) & (made.representative == 1))[0])
    assert forced_costs(made, c, found.pair_of, np.array([row])).tolist() == [25]
    assert runner_ups(found, made, np.array([0]), c).cost_cents.tolist() == [[0, 25, 0, 0]]


@given(problems())
@settings(max_examples=25, deadline=None)
def test_forced_costs_are_those_of_every_possible_way_and_never_below_the_reduced_cost(problem):
    value, c = problem
    made = dense(value)
    found = assign(made, c)
    assert found.exact
    rows = np.flatnonzero(found.pair_of[made.client] >= 0)
    costs = forced_costs(made, c, found.pair_of, rows)
    for row, cost in zip(rows.tolist(), costs.tolist(), strict=True):
        client, rep = int(made.client[row]), int(made.representative[row])
        if c.room[rep] <= 0 or (c.team[rep] >= 0 and c.team_room[c.team[rep]] <= 0):
            continue
        assert found.objective_cents - cost == forced_optimum(value, c, client, rep)
        own = found.pair_of[client]
        net = [made.value[r] - found.prices[made.representative[r]] for r in (own, row)]
        assert cost >= net[0] - net[1] - 0.5  # prices hold ties and increments below a cent


@given(problems(), st.data())
@settings(max_examples=15, deadline=None)
def test_more_room_never_lowers_the_optimum_a_lost_pair_never_raises_it_a_new_client_never_lowers_it(problem, data):
    value, c = problem
    best = assign(dense(value), c).objective_cents
    # steps of fairness are twelfths of the room: with another room they are another problem
    flat = replace(c, step_cost=0)
    bare = assign(dense(value), flat).objective_cents
    for more in (replace(flat, room=c.room + 1), replace(flat, give=c.give + 1), replace(flat, run=c.run + 1)):
        assert assign(dense(value), more).objective_cents >= bare
    if value.size:
        lost = value.copy()
        lost.flat[data.draw(st.integers(0, value.size - 1))] = -1
        assert assign(dense(lost), c).objective_cents <= best
    one = np.array([data.draw(st.lists(st.integers(-1, 30), min_size=value.shape[1], max_size=value.shape[1]))])
    added = replace(c, owner=np.append(c.owner, -1))
    assert assign(dense(np.vstack((value, one))), added).objective_cents >= best
