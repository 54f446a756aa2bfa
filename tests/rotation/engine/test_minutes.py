"""The minutes solver against exhaustive search and its own bound; what a client weighs; a run that counts minutes."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.ceilings import Ceilings
from rotation.engine.errors import FactsError
from rotation.engine.inserting import insert
from rotation.engine.minutes import Effort, assign_minutes
from rotation.engine.packing import Packing, build, improve
from rotation.engine.pipeline import propose, propose_many
from rotation.engine.problem import Problem, Workload, subgradient
from rotation.engine.strategies import distribute
from rotation.engine.workload import SECONDS, client_minutes, minutes_held, with_travel

from .builders import TODAY, facts, representatives, rule
from .builders import pairs as dense
from .test_assignment import teams


@st.composite
def problems(draw, tickets=True, steps=True):
    """Pairs, what they weigh, and ceilings that may bind or shut everything out."""
    n, m = draw(st.integers(0, 5)), draw(st.integers(1, 3))
    table = st.lists(st.lists(st.integers(-5, 40), min_size=m, max_size=m), min_size=n, max_size=n)
    made = dense(np.array(draw(table), int).reshape(n, m))
    weight = draw(st.lists(st.integers(0, 9), min_size=len(made), max_size=len(made)))
    room = draw(st.lists(st.integers(0, 14), min_size=m, max_size=m))
    places = draw(st.lists(st.integers(0, n), min_size=m, max_size=m)) if tickets else [n] * m
    owners = draw(st.integers(0, 2)) if tickets else 0
    owner = draw(st.lists(st.integers(-1, owners - 1), min_size=n, max_size=n))
    give = draw(st.lists(st.integers(0, 3), min_size=owners, max_size=owners))
    run = draw(st.integers(0, n)) if tickets else 10**9
    cost = draw(st.sampled_from([0, 0, 1, 3])) if steps else 0
    shift = np.array(draw(st.lists(st.integers(-2, 2), min_size=m, max_size=m)))
    limits = draw(teams(m)) if tickets else {}
    ceilings = Ceilings(np.array(places), np.array(owner, int), np.array(give, int), run, cost, shift, **limits)
    return made, Workload(np.array(weight), np.array(room)), ceilings


def load_of(chosen, pairs, workload):
    rows = chosen[chosen >= 0]
    return np.bincount(pairs.representative[rows], workload.weight[rows], minlength=len(workload.room)).astype(int)


def within(chosen, pairs, workload, c):
    """Every ceiling, checked apart from the solver."""
    rows, clients = chosen[chosen >= 0], np.flatnonzero(chosen >= 0)
    owner = c.owner[clients]
    team = c.team[pairs.representative[rows]]
    return (
        (pairs.client[rows] == clients).all()
        and (load_of(chosen, pairs, workload) <= np.maximum(workload.room, 0)).all()
        and (np.bincount(pairs.representative[rows], minlength=len(c.room)) <= c.room).all()
        and (np.bincount(owner[owner >= 0], minlength=len(c.give)) <= c.give).all()
        and (np.bincount(team[team >= 0], minlength=len(c.team_room)) <= c.team_room).all()
        and len(rows) <= c.run
    )


def ways(pairs):
    return product(*([-1, *range(pairs.start[i], pairs.start[i + 1])] for i in range(pairs.n_clients)))


def exhaustive(pairs, workload, c):
    """Best objective over every way to place every client."""
    problem = Problem(pairs, workload, c)
    best = 0
    for way in ways(pairs):
        chosen = np.array(way, int)
        if within(chosen, pairs, workload, c):
            worth = int(pairs.value[chosen[chosen >= 0]].sum()) - int(problem.penalty(load_of(chosen, pairs, workload)).sum())
            best = max(best, worth)
    return best


@settings(max_examples=15, deadline=None)
@given(problems())
def test_it_reaches_the_exhaustive_optimum_within_every_ceiling_and_below_its_bound(problem):
    pairs, workload, c = problem
    found = assign_minutes(pairs, workload, c)
    best = exhaustive(pairs, workload, c)
    assert within(found.pair_of, pairs, workload, c)
    assert found.load.tolist() == load_of(found.pair_of, pairs, workload).tolist()
    # steps of fairness are rounded to cents room by room
    assert best - (len(c.room) if c.step_cost else 0) <= found.objective_cents <= best <= found.bound_cents
    assert found.gap >= 0
    again = assign_minutes(pairs, workload, c)
    assert again.pair_of.tolist() == found.pair_of.tolist()


@settings(max_examples=25, deadline=None)
@given(problems())
def test_the_quick_way_keeps_every_ceiling_and_its_bound_holds(problem):
    pairs, workload, c = problem
    found = assign_minutes(pairs, workload, c, effort=Effort(quick=True))
    best = exhaustive(pairs, workload, c)
    assert within(found.pair_of, pairs, workload, c)
    assert found.objective_cents <= best <= found.bound_cents and found.stopped == "none"


def test_the_quick_way_comes_near_its_bound_and_is_the_same_each_time():
    r = np.random.default_rng(11)
    n, m = 200, 6
    made = dense((np.exp(r.normal(0, 1, (n, 1))) * r.uniform(2_000, 60_000, (n, m))).astype(int))
    work = Workload(r.integers(60, 400, len(made)), np.full(m, 4_500))
    c = Ceilings(np.full(m, n), np.full(n, -1), np.zeros(0, int), step_cost=300)
    found = assign_minutes(made, work, c, effort=Effort(quick=True))
    assert within(found.pair_of, made, work, c) and (found.pair_of < 0).any()
    assert 0 <= found.gap < 0.01
    again = assign_minutes(made, work, c, effort=Effort(quick=True))
    assert again.pair_of.tolist() == found.pair_of.tolist()


def test_a_client_left_out_comes_in_where_another_moves_on():
    """Room for one each; the dear one fits the first alone, where the cheap one sits that the second would take too."""
    made = dense(np.array([[50, 40], [90, -1]]))
    problem = Problem(made, Workload(np.full(len(made), 7), np.array([7, 7])), Ceilings(np.array([2, 2]), np.full(2, -1), np.zeros(0, int)))
    packing = Packing(problem)
    packing.put(0, int(np.flatnonzero(problem.place[0] == 0)[0]))
    assert insert(packing) == 80
    assert packing.at.tolist() == [1, 0]
    # nobody could move on: nothing is done
    full = Packing(replace_room(problem, made, [7, 0]))
    full.put(0, 0)
    assert insert(full) == 0 and full.at.tolist() == [0, full.problem.m]


def replace_room(problem, made, room):
    return Problem(made, Workload(np.full(len(made), 7), np.array(room)), problem.ceilings)


@settings(max_examples=12, deadline=None)
@given(problems(), st.data())
def test_any_line_may_be_struck(problem, data):
    pairs, workload, c = problem
    chosen = assign_minutes(pairs, workload, c).pair_of
    struck = data.draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen)))
    assert within(np.where(struck, -1, chosen), pairs, workload, c)


@settings(max_examples=15, deadline=None)
@given(problems(steps=False), st.data())
def test_more_room_never_lowers_the_optimum_and_a_lost_pair_never_raises_it(problem, data):
    pairs, workload, c = problem
    found = assign_minutes(pairs, workload, c).objective_cents
    wider = Workload(workload.weight, workload.room + data.draw(st.integers(0, 5)))
    assert assign_minutes(pairs, wider, c).objective_cents >= found
    more = replace(c, room=c.room + 1, give=c.give + 1, run=c.run + 1, team_room=c.team_room + 1)
    assert assign_minutes(pairs, workload, more).objective_cents >= found
    if len(pairs):
        lost = data.draw(st.integers(0, len(pairs) - 1))
        heavy = workload.weight.copy()
        heavy[lost] = 1000
        assert assign_minutes(pairs, Workload(heavy, workload.room), c).objective_cents <= found


@settings(max_examples=20, deadline=None)
@given(problems())
def test_what_is_built_and_mended_by_hand_stays_within_the_ceilings_and_any_prices_bound_it(problem):
    pairs, workload, c = problem
    p = Problem(pairs, workload, c)
    bound, price, place_price = subgradient(p, 0, 40)
    made = build(p, p.net(price, place_price), "regret")
    before = made.objective
    gained = improve(made, p.net(price, place_price))
    placed = np.flatnonzero(made.column >= 0)
    chosen = np.full(p.n, -1)
    chosen[placed] = p.row[placed, made.column[placed]]
    assert within(chosen, pairs, workload, c)
    assert made.objective == before + gained <= p.whole_bound(bound)
    copy = Packing.of(p, made.column)
    assert (copy.left, copy.seats, copy.tickets, copy.run) == (made.left, made.seats, made.tickets, made.run)


@settings(max_examples=12, deadline=None)
@given(problems(tickets=False, steps=False))
def test_where_everyone_must_be_placed_it_finds_the_best_such_way_or_says_so(problem):
    pairs, workload, c = problem
    whole = [way for way in ways(pairs) if -1 not in way and within(np.array(way, int), pairs, workload, c)]
    found = assign_minutes(pairs, workload, c, everyone=True, effort=Effort(seconds=30, chains=30))
    if whole:
        best = max(int(pairs.value[np.array(way, int)].sum()) for way in whole)
        assert (found.complete, found.value_cents) == (True, best)
        assert found.bound_cents >= best
    else:
        assert not found.complete


def test_two_light_clients_beat_the_heavy_one_that_is_worth_more():
    # 100 for ten hours, or 70 + 60 for five each: room for ten
    pairs = dense([[100], [70], [60]])
    found = assign_minutes(pairs, Workload([10, 5, 5], [10]), Ceilings([3], np.full(3, -1), []))
    assert found.representative_of.tolist() == [-1, 0, 0]
    assert (found.value_cents, found.bound_cents, found.exact, found.load.tolist()) == (130, 130, True, [10])
    # by heads the heavy one goes in as well
    assert assign_minutes(pairs, Workload([0, 0, 0], [0]), Ceilings([3], np.full(3, -1), [])).value_cents == 230


def test_a_middle_sized_problem_is_the_same_twice_and_within_a_percent_of_its_bound():
    r = np.random.default_rng(5)
    n, m = 120, 8
    pairs = dense(np.rint(np.exp(r.normal(9, 1, (n, 1))) * np.exp(-r.random((n, m)))).astype(int))
    workload = Workload(r.integers(50, 400, len(pairs)), r.integers(500, 2000, m))
    c = Ceilings(np.full(m, n), r.integers(0, m, n), np.full(m, 12), 80)
    found, again = (assign_minutes(pairs, workload, c, effort=Effort(seconds=60, nodes=0)) for _ in range(2))
    assert found.pair_of.tolist() == again.pair_of.tolist()
    assert within(found.pair_of, pairs, workload, c)
    assert found.gap < 0.02
    greedy = distribute("greedy", pairs, c, np.zeros(m), np.full(m, 99), workload)
    assert within(greedy, pairs, workload, c)
    assert int(pairs.value[greedy[greedy >= 0]].sum()) < found.value_cents


def test_wrong_input_is_refused_by_name():
    pairs = dense([[5]])
    none = Ceilings([1], [-1], [])
    for workload, code in ((Workload([-1], [1]), "negative_value"), (Workload([], [1]), "wrong_shape"), (Workload([1], []), "wrong_shape")):
        with pytest.raises(FactsError) as refused:
            assign_minutes(pairs, workload, none)
        assert refused.value.code == code


def test_a_client_weighs_its_visits_and_the_way_there():
    # A every 14 days: 6.5 visits of 30 minutes; each visit's share of the trip at 50 km is 2 x 50 / 4 / 50 h = 30 minutes
    assert client_minutes(np.array([0, 1, 2, -1])) == pytest.approx([195, 97.5, 45.5, 45.5])
    assert with_travel(np.array([195.0]), np.array([50.0])) == pytest.approx([390])
    here = {"lat": [0.0, 0.0, 0.0], "lon": [0.0, 0.0, np.nan]}
    world = facts(3, minutes=[195.0, 45.5, 45.5], owner=[0, 1, 1], **here)
    team = representatives(2, lat=[0.0, 0.0], lon=[0.0, 0.0])
    # an unknown way counts 100 km: twice the visit's half hour
    assert minutes_held(world, team) == pytest.approx([195, 45.5 + 3 * 45.5])


def in_minutes(n, capacity, held=0.0, **changes):
    m = len(capacity)
    team = representatives(m, capacity_minutes=capacity, minutes_held=np.full(m, held), lat=np.zeros(m), lon=np.zeros(m))
    return facts(n, minutes=np.full(n, 100.0), lat=np.zeros(n), lon=np.zeros(n), **changes), team


def counting_minutes(**changes):
    wants = {"same_region": False, "same_segment": False, "not_former_within_days": 0, "capacity": "minutes"}
    return rule(receivers=wants, **changes)


def test_a_rule_in_minutes_fills_the_minutes_and_no_more():
    world, team = in_minutes(5, [250.0, 120.0])
    found = propose(counting_minutes(), world, team, TODAY, seed="s", rule_version_id=1)
    assert np.bincount(found.proposals.to_representative, minlength=2).tolist() == [2, 1]
    assert found.summary["capacity"] == "minutes"
    assert found.summary["minutes"] == 300
    assert (found.summary["gap"], found.summary["bound_cents"]) == (0.0, found.summary["objective_cents"])
    assert found.summary["unassigned"] == 2
    # heads hold as well
    few = team.with_columns(capacity=np.array([1, 10]))
    assert len(propose(counting_minutes(), world, few, TODAY, seed="s", rule_version_id=1).proposals) == 2


def test_minutes_already_taken_the_rules_share_and_earlier_rules_of_the_run_leave_less():
    world, team = in_minutes(6, [1000.0], held=750.0)
    one = counting_minutes()
    assert len(propose(one, world, team, TODAY, seed="s", rule_version_id=1).proposals) == 2
    share = counting_minutes(limits={"give_share": 1.0, "receive_share": 0.1})
    assert len(propose(share, world, team, TODAY, seed="s", rule_version_id=1).proposals) == 1
    world = world.with_columns(net_12m=np.array([1, 1, 1, 1, 1, 9]) * 100_000)
    dear = counting_minutes(trigger={"all": [{"field": "net_12m_cents", "op": ">=", "value": 500_000}]})
    first, second = propose_many([(dear, 1), (one, 2)], world, team, TODAY, seed="s")
    assert (len(first.proposals), len(second.proposals)) == (1, 1)


@pytest.mark.parametrize("kind", ["greedy", "round_robin", "weighted", "least_loaded"])
def test_other_strategies_keep_to_the_minutes_too(kind):
    world, team = in_minutes(5, [250.0, 120.0])
    found = propose(counting_minutes(strategy={"kind": kind, "fairness": 0}), world, team, TODAY, seed="s", rule_version_id=1)
    assert np.bincount(found.proposals.to_representative, minlength=2).tolist() == [2, 1]
    assert found.summary["bound_cents"] >= found.summary["objective_cents"]


def test_steps_of_fairness_are_paid_by_the_minute():
    world, team = in_minutes(4, [1200.0, 1200.0])
    even = propose(counting_minutes(strategy={"kind": "optimal", "fairness": 0.5}), world, team, TODAY, seed="s", rule_version_id=1)
    assert np.bincount(even.proposals.to_representative, minlength=2).tolist() == [2, 2]
    assert even.summary["objective_cents"] == even.summary["value_cents"] - even.summary["penalty_cents"]
    assert SECONDS == 60
