"""Ceilings of receiving teams: the auction and the exchanges against exhaustive search and the LP, and what one more is worth.

The problems of test_assignment draw teams too, so everything proved there holds under them; here is what only they have.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine import auction
from rotation.engine.assignment import assign
from rotation.engine.ceilings import tie_hash
from rotation.engine.explain import UNASSIGNED
from rotation.engine.minutes import Effort, assign_minutes
from rotation.engine.pipeline import propose, propose_many
from rotation.engine.problem import Workload
from rotation.engine.strategies import distribute

from .builders import TODAY, facts, representatives, rule
from .builders import pairs as dense
from .test_assignment import ceilings, exhaustive, feasible, large, lp_optimum, problems

WIDE = {"give_share": 1.0, "receive_share": 1.0}


def test_a_full_team_sends_the_client_that_loses_least_to_another():
    #          Ana  Bruno  Carla: Ana and Bruno are one team, which may take two
    value = [[100, 90, 20], [95, 80, 60], [70, 75, 10]]
    c = ceilings([2, 2, 2], n=3, team=[0, 0, -1], team_room=[2])
    found = assign(dense(value), c)
    # without the ceiling 100 + 95 + 75; leaving out of the team costs 80, 35 or 65: the second goes to Carla
    assert found.representative_of.tolist() == [0, 2, 1]
    assert (found.value_cents, found.bound_cents, found.exact) == (235, 235, True)
    # three of them in the team would be worth 270
    assert found.team_prices.tolist() == [35.0]


def test_a_team_with_places_left_changes_nothing_and_its_next_place_is_worth_nothing():
    value = [[100, 90, 20], [95, 80, 60]]
    free = assign(dense(value), ceilings([2, 2, 2], n=2))
    found = assign(dense(value), ceilings([2, 2, 2], n=2, team=[0, 0, 1], team_room=[3, 1]))
    assert found.representative_of.tolist() == free.representative_of.tolist() == [0, 0]
    assert found.team_prices.tolist() == [0.0, 0.0]


def test_a_team_that_may_take_nobody_takes_nobody_and_says_what_one_would_be_worth():
    found = assign(dense([[100, 30], [60, 50]]), ceilings([2, 1], n=2, team=[0, -1], team_room=[0]))
    assert found.representative_of.tolist() == [-1, 1]
    assert (found.value_cents, found.team_prices.tolist()) == (50, [100.0])


def test_a_better_bid_puts_a_client_of_a_colleague_out_of_a_full_team():
    value = [[40, -1, -1], [-1, 90, -1], [-1, 80, 70]]
    found = assign(dense(value), ceilings([1, 2, 1], n=3, team=[0, 0, 0], team_room=[2]))
    assert found.representative_of.tolist() == [-1, 1, 1]
    assert found.team_prices.tolist() == [40.0]


@given(problems())
@settings(max_examples=40, deadline=None)
def test_what_one_more_client_a_team_would_be_worth_is_what_the_best_of_every_way_gains(problem):
    value, c = problem
    found = assign(dense(value), c)
    for team in range(len(c.team_room)):
        raised = c.team_room.copy()
        raised[team] += 1
        assert exhaustive(value, replace(c, team_room=raised)) - found.objective_cents == found.team_prices[team]


@pytest.mark.parametrize("fairness", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_middling_teams_equal_the_linear_programme_whatever_order_rows_come_in(seed, fairness):
    made, c = large(seed, 250, 18, fairness)
    c = replace(c, team_room=np.array([30, 12, 0]), run=10**9)
    ties = tie_hash(made.client + 1, made.representative + 1, seed)
    found, again = assign(made, c, ties), assign(made, c, ties)
    assert feasible(found.pair_of, made, c)
    assert found.objective_cents == lp_optimum(made, c) == found.bound_cents
    assert found.pair_of.tolist() == again.pair_of.tolist()
    order = np.random.default_rng(seed).permutation(len(c.room))
    turned = np.full((made.n_clients, len(order)), -1)
    turned[made.client, np.argsort(order)[made.representative]] = made.value
    other = assign(
        dense(turned), replace(c, room=c.room[order], team=c.team[order]), tie_hash_of(dense(turned), order, seed)
    ).representative_of
    assert np.where(other >= 0, order[other], -1).tolist() == found.representative_of.tolist()


def tie_hash_of(made, order, seed):
    return tie_hash(made.client + 1, order[made.representative] + 1, seed)


@pytest.mark.parametrize("seed", range(3))
def test_coarse_increments_under_teams_never_cross_the_bound(seed, monkeypatch):
    monkeypatch.setattr(auction, "BUDGET", 0)
    monkeypatch.setattr(auction, "LARGE", 0)
    made, c = large(seed, 600, 30, 0.05)
    c = replace(c, team_room=np.array([60, 40, 20]), run=10**9)
    found = assign(made, c, tie_hash(made.client + 1, made.representative + 1, seed))
    assert feasible(found.pair_of, made, c)
    assert found.objective_cents <= lp_optimum(made, c) <= found.bound_cents
    assert found.gap <= auction.GOOD_GAP


@given(problems(max_clients=12, max_reps=5, top=60), st.sampled_from(["greedy", "round_robin", "weighted", "least_loaded"]))
@settings(max_examples=25, deadline=None)
def test_other_ways_of_handing_out_obey_the_teams_too(problem, kind):
    value, c = problem
    made = dense(value)
    m = len(c.room)
    assert feasible(distribute(kind, made, c, holds=np.zeros(m), capacity=np.full(m, 9)), made, c)


def test_equal_values_in_full_teams_end_and_stay_within_the_promised_gap():
    made = dense(np.full((300, 12), 1000))
    c = ceilings(np.full(12, 20), n=300, team=np.repeat([0, 1, 2], 4), team_room=[50, 40, 10])
    found = assign(made, c, tie_hash(made.client + 1, made.representative + 1, 3))
    assert (found.representative_of >= 0).sum() == 100
    assert found.gap <= 1e-4


def test_minutes_obey_the_teams_as_well_and_the_bound_stays_close():
    r = np.random.default_rng(5)
    n, m = 120, 10
    made = dense(r.integers(1_000, 60_000, (n, m)))
    work = Workload(r.integers(40, 160, len(made)), np.full(m, 1_500))
    c = ceilings(np.full(m, n), n=n, team=np.repeat([0, 1, -1], [4, 4, 2]), team_room=[15, 30])
    free = assign_minutes(made, work, replace(c, team=np.full(m, -1)), effort=Effort(seconds=30, nodes=0))
    found = assign_minutes(made, work, c, effort=Effort(seconds=30, nodes=0))
    assert feasible(found.pair_of, made, c)
    took = np.bincount(c.team[found.representative_of[found.representative_of >= 0]] + 1, minlength=3)
    assert took[1:].tolist() == [15, 30]
    assert found.objective_cents <= found.bound_cents < free.bound_cents
    assert found.gap < 0.02
    assert (found.team_prices > 0).all()


def test_a_full_team_is_the_reason_and_the_run_says_what_one_more_would_be_worth():
    clients = facts(3, net_12m=[300_000, 200_000, 100_000])
    reps = representatives(2, team=[7, 7])
    outcome = propose(rule(limits=WIDE | {"team_max": 2}), clients, reps, TODAY, seed="s", rule_version_id=1)
    third = round(10_000 * np.exp(-1))  # a tenth of what is at stake, reckoned as 100 km away
    assert outcome.proposals.client.tolist() == [0, 1]
    assert outcome.summary["team_max"] == 2
    assert outcome.summary["full_teams"] == [{"team": 7, "counts": [7], "received": 2, "price_cents": third}]
    assert [UNASSIGNED[code] for code in outcome.unassigned_why] == ["team_ceiling"]
    assert outcome.unassigned_price_cents.tolist() == [third]
    # one more place at either of them alone would be worth nothing
    assert outcome.proposals.price_cents.tolist() == [0, 0]


def test_who_stands_in_no_team_is_held_by_none_and_rules_of_one_run_count_together():
    clients = facts(6, net_12m=np.arange(6) * 100_000 + 100_000, x=[3, 3, 3, 9, 9, 9])
    reps = representatives(3, team=[7, 7, -1], capacity=[10, 10, 1])
    few = rule(population={"all": [{"field": "orders", "op": ">", "value": 5}]}, limits=WIDE | {"team_max": 2})
    rest = rule(limits=WIDE | {"team_max": 3})
    first, second = propose_many([(few, 1), (rest, 2)], clients, reps, TODAY, seed="s")
    assert sorted(first.proposals.to_representative.tolist())[-1] == 2 and len(first.proposals) == 3
    # two of the team's three places are gone, and so is the place of who is in none
    assert second.proposals.client.tolist() == [2]
    assert second.summary["full_teams"] == [{"team": 7, "counts": [7], "received": 1, "price_cents": round(20_000 * np.exp(-1))}]


def test_a_team_counts_those_below_it_whatever_their_depth():
    clients = facts(6, net_12m=np.arange(6) * 100_000 + 100_000)
    # 8 and 9 stand under 7, 10 under 9; 20 is a branch of its own
    reps = representatives(5, team=[7, 8, 9, 10, 20], top_team=[7, 7, 7, 7, 20], lat=[-23.0] * 4 + [-24.0], lon=[-46.0] * 5)
    made = facts(6, net_12m=clients.net_12m, lat=np.full(6, -23.0), lon=np.full(6, -46.0))
    outcome = propose(rule(limits=WIDE | {"team_max": 2}), made, reps, TODAY, seed="s", rule_version_id=1)
    received = np.bincount(outcome.proposals.to_representative, minlength=5)
    assert (received[:4].sum(), received[4]) == (2, 2)
    assert {(each["team"], tuple(each["counts"])) for each in outcome.summary["full_teams"]} == {(7, (7, 8, 9, 10)), (20, (20,))}
    # every team alone would have let nearly all of them in
    alone = propose(rule(limits=WIDE | {"team_max": 2}), made, replace(reps, top_team=None), TODAY, seed="s", rule_version_id=1)
    assert len(alone.proposals) == 6


def test_a_rule_without_the_ceiling_says_nothing_about_teams():
    outcome = propose(rule(), facts(1), representatives(1), TODAY, seed="s", rule_version_id=1)
    assert "team_max" not in outcome.summary and "full_teams" not in outcome.summary


def test_the_best_of_a_client_may_all_be_of_one_team_and_it_still_reaches_another():
    reps = representatives(31, team=[1] * 30 + [2], lat=[-23.0] * 31, lon=[-46.0] * 30 + [-46.5])
    clients = facts(3, lat=np.full(3, -23.0), lon=np.full(3, -46.0))
    outcome = propose(rule(limits=WIDE | {"team_max": 2}), clients, reps, TODAY, seed="s", rule_version_id=1)
    assert (outcome.proposals.to_representative == 30).sum() == 1


@pytest.mark.parametrize("capacity", ["clients", "minutes"])
def test_minutes_and_heads_name_the_team_alike(capacity):
    reps = representatives(2, team=[7, 7], capacity_minutes=np.full(2, 1e6), minutes_held=np.zeros(2))
    made = rule(
        receivers={"same_region": False, "same_segment": False, "not_former_within_days": 0, "capacity": capacity},
        limits=WIDE | {"team_max": 2},
    )
    outcome = propose(made, facts(3, minutes=np.full(3, 90.0)), reps, TODAY, seed="s", rule_version_id=1)
    assert len(outcome.proposals) == 2
    assert [UNASSIGNED[code] for code in outcome.unassigned_why] == ["team_ceiling"]


def test_clients_nobody_answers_for_come_first_into_a_full_team_too():
    clients = facts(3, owner=[1, -1, -1], seq=[1, 0, 0], net_12m=[900_000, 100_000, 50_000])
    reps = representatives(2, team=[7, -1], capacity=[5, 1], holds=[0, 1])
    leaver = rule(
        trigger={"any": [{"field": "owner_status", "op": "=", "value": "none"}, {"field": "days_since_last", "op": ">=", "value": 90}]},
        limits=WIDE | {"team_max": 1},
    )
    outcome = propose(leaver, clients, reps, TODAY, seed="s", rule_version_id=1)
    assert outcome.proposals.client.tolist() == [1]
    [team] = outcome.summary["full_teams"]
    # the second orphan's own worth, without what it comes first by
    assert 0 < team["price_cents"] < 100_000
