"""The auction against exhaustive search, against the LP, and against its own certificate."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, vstack

from rotation.engine import auction, strategies
from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings, fairness_cost, tie_hash
from rotation.engine.errors import FactsError
from rotation.engine.strategies import distribute, worth
from tests.draws import drawn

from .builders import pairs as dense


def ceilings(room, owner=None, give=(), run=10**9, step_cost=0, shift=None, n=None, team=(), team_room=()):
    owner = np.full(n, -1) if owner is None else np.asarray(owner)
    return Ceilings(np.asarray(room), owner, np.asarray(give, dtype=np.int64), run, step_cost, shift, team, team_room)


def feasible(chosen, pairs, c):
    """Every ceiling, checked apart from the solver."""
    placed = chosen[chosen >= 0]
    clients = np.flatnonzero(chosen >= 0)
    assert (pairs.client[placed] == clients).all()
    assert (np.bincount(pairs.representative[placed], minlength=len(c.room)) <= c.room).all()
    owner = c.owner[clients]
    assert (np.bincount(owner[owner >= 0], minlength=len(c.give)) <= c.give).all()
    team = c.team[pairs.representative[placed]]
    assert (np.bincount(team[team >= 0], minlength=len(c.team_room)) <= c.team_room).all()
    return len(placed) <= c.run


def lp_optimum(pairs, c):
    """HiGHS on the same problem, steps of fairness as convex places: independent of the auction."""
    n_pairs, m = len(pairs), len(c.room)
    places = [(j, load) for j in range(m) for load in range(int(c.room[j]))]
    reserve = [int(c.reserve(np.array([j]), np.array([load]))[0]) for j, load in places]
    cost = np.concatenate((-pairs.value.astype(float), np.array(reserve, float)))
    if not len(cost):
        return 0
    width = n_pairs + len(places)
    column = np.arange(n_pairs)
    once = coo_matrix((np.ones(n_pairs), (pairs.client, column)), shape=(pairs.n_clients, width))
    owned = c.owner[pairs.client] >= 0
    give = coo_matrix((np.ones(owned.sum()), (c.owner[pairs.client][owned], column[owned])), shape=(len(c.give), width))
    run = coo_matrix((np.ones(n_pairs), (np.zeros(n_pairs, int), column)), shape=(1, width))
    load = coo_matrix((np.ones(n_pairs), (pairs.representative, column)), shape=(m, width))
    at = np.array([j for j, _ in places], int)
    filled = coo_matrix((np.ones(len(places)), (at, n_pairs + np.arange(len(places)))), shape=(m, width))
    in_team = c.team[pairs.representative] >= 0
    team = coo_matrix((np.ones(in_team.sum()), (c.team[pairs.representative][in_team], column[in_team])), shape=(len(c.team_room), width))
    limit = np.concatenate((np.ones(pairs.n_clients), np.asarray(c.give, float), [min(c.run, 10**9)], np.asarray(c.team_room, float)))
    found = linprog(
        cost,
        A_ub=vstack([once, give, run, team]),
        b_ub=limit,
        A_eq=(load - filled).tocsr(),
        b_eq=np.zeros(m),
        bounds=(0, 1),
        method="highs",
    )
    assert found.status == 0
    return round(-found.fun)


def exhaustive(value, c):
    """Best objective over every way to place every client."""
    n, m = value.shape
    best = 0
    for way in product(range(-1, m), repeat=n):
        load = np.bincount([j for j in way if j >= 0], minlength=m)
        lost = np.bincount([c.owner[i] for i, j in enumerate(way) if j >= 0 and c.owner[i] >= 0], minlength=len(c.give))
        if (load > c.room).any() or (lost > c.give).any() or load.sum() > c.run:
            continue
        if any(load[c.team == team].sum() > most for team, most in enumerate(c.team_room)):
            continue
        if any(j >= 0 and value[i, j] < 0 for i, j in enumerate(way)):
            continue
        best = max(best, sum(int(value[i, j]) for i, j in enumerate(way) if j >= 0) - c.penalty(load))
    return best


def test_two_clients_want_the_one_place_and_the_loser_takes_its_second_choice():
    #            Ana  Bruno
    value = [[100, 90], [80, 10]]
    found = assign(dense(value), ceilings([1, 1], n=2))
    # 100 + 10 = 110 the greedy way; 90 + 80 = 170 is best
    assert found.representative_of.tolist() == [1, 0]
    assert (found.value_cents, found.bound_cents, found.gap, found.exact) == (170, 170, 0.0, True)


def test_a_fairness_step_sends_the_second_client_to_the_idle_representative():
    value = [[100, 95], [100, 95]]
    alone = assign(dense(value), ceilings([2, 2], n=2))
    shared = assign(dense(value), ceilings([2, 2], n=2, step_cost=1))
    assert alone.representative_of.tolist() == [0, 0]
    # the second of two places is six of twelve steps up: 6 cents against the 5 lost by going elsewhere
    assert sorted(shared.representative_of.tolist()) == [0, 1]
    assert (shared.value_cents, shared.penalty_cents, shared.bound_cents) == (195, 0, 195)


def test_the_ledger_begins_the_ladder_higher_for_who_received_more():
    found = assign(dense([[100, 99]]), ceilings([12, 12], n=1, step_cost=1, shift=np.array([2, -2])))
    assert found.representative_of.tolist() == [1]


def test_owner_ticket_goes_to_the_client_worth_most_and_the_run_ceiling_cuts_across_owners():
    value = [[50], [70], [60], [10]]
    c = ceilings([4], owner=[0, 0, 1, -1], give=[1, 1], run=2)
    found = assign(dense(value), c)
    assert found.representative_of.tolist() == [-1, 0, 0, -1]
    assert (found.value_cents, found.exact) == (130, True)


def test_nobody_to_place_and_nowhere_to_place_are_answers_not_errors():
    nobody = assign(dense(np.empty((0, 3), int)), ceilings([1, 1, 1], n=0))
    assert (nobody.value_cents, nobody.gap, nobody.exact) == (0, 0.0, True)
    full = assign(dense([[10, 20]]), ceilings([0, 0], n=1))
    assert (full.representative_of.tolist(), full.gap) == ([-1], 0.0)
    worthless = assign(dense([[0]]), ceilings([1], n=1))
    assert worthless.representative_of.tolist() == [-1]


@pytest.mark.parametrize(
    ("value", "owner", "code"),
    [([[5]], [3], "not_a_position"), ([[5]], [0, 0], "wrong_shape")],
)
def test_what_does_not_fit_is_refused_by_name(value, owner, code):
    with pytest.raises(FactsError) as refused:
        assign(dense(value), ceilings([1], owner=owner, give=[1]))
    assert refused.value.code == code


def test_a_negative_value_is_refused_with_its_row():
    made = dense([[5, 7]])
    made.value[1] = -3
    with pytest.raises(FactsError) as refused:
        assign(made, ceilings([1, 1], n=1))
    assert (refused.value.code, refused.value.params["row"]) == ("negative_value", 1)


@st.composite
def problems(draw, max_clients=5, max_reps=3, top=12):
    n, m = draw(st.integers(0, max_clients)), draw(st.integers(1, max_reps))
    value = np.array(draw(st.lists(st.lists(st.integers(-2, top), min_size=m, max_size=m), min_size=n, max_size=n)), np.int64)
    value = value.reshape(n, m)
    s = draw(st.integers(1, 3))
    c = ceilings(
        draw(st.lists(st.integers(0, 3), min_size=m, max_size=m)),
        owner=draw(st.lists(st.integers(-1, s - 1), min_size=n, max_size=n)),
        give=draw(st.lists(st.integers(0, 3), min_size=s, max_size=s)),
        run=draw(st.integers(0, 6)),
        step_cost=draw(st.integers(0, 2)),
        **draw(teams(m)),
    )
    return value, c


@st.composite
def teams(draw, m, top=4):
    """Ceilings of receiving teams: in half of the draws none."""
    count = draw(st.integers(0, 2))
    if not count:
        return {}
    team = draw(st.lists(st.integers(-1, count - 1), min_size=m, max_size=m))
    return {"team": team, "team_room": draw(st.lists(st.integers(0, top), min_size=count, max_size=count))}


@given(problems())
@drawn(120, long=1000)
def test_small_problems_reach_the_best_of_every_possible_way(problem):
    value, c = problem
    made = dense(value)
    ties = tie_hash(made.client + 1, made.representative + 1, 7)
    found = assign(made, c, ties)
    assert feasible(found.pair_of, made, c)
    best = exhaustive(value, c)
    assert (found.objective_cents, found.bound_cents, found.exact) == (best, best, True)


@given(problems(max_clients=30, max_reps=8, top=1000))
@settings(max_examples=60, deadline=None)
def test_middling_problems_equal_the_linear_programme_and_the_bound_holds(problem):
    value, c = problem
    made = dense(value)
    found = assign(made, c, tie_hash(made.client + 1, made.representative + 1, 7))
    assert feasible(found.pair_of, made, c)
    best = lp_optimum(made, c)
    assert found.objective_cents == best <= found.bound_cents
    assert found.exact and found.gap == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.05, 0.5]))
@settings(max_examples=12, deadline=None)
def test_larger_problems_equal_the_linear_programme(seed, fairness):
    made, c = large(seed, 300, 20, fairness)
    found = assign(made, c, tie_hash(made.client + 1, made.representative + 1, seed))
    assert feasible(found.pair_of, made, c)
    assert found.objective_cents == lp_optimum(made, c) == found.bound_cents


@pytest.mark.parametrize("seed", range(4))
def test_coarse_increments_alone_stay_within_the_promised_gap(seed, monkeypatch):
    # the way of problems too large for exchanges, on one small enough for the LP
    monkeypatch.setattr(auction, "BUDGET", 0)
    monkeypatch.setattr(auction, "LARGE", 0)
    made, c = large(seed, 600, 30, 0.05)
    found = assign(made, c, tie_hash(made.client + 1, made.representative + 1, seed))
    assert feasible(found.pair_of, made, c)
    assert found.objective_cents <= lp_optimum(made, c) <= found.bound_cents
    assert found.gap <= auction.GOOD_GAP


def large(seed, n, m, fairness):
    r = np.random.default_rng(seed)
    value = np.rint(np.exp(r.normal(9, 1, (n, 1)) - r.random((n, m)))).astype(np.int64)
    value[r.random((n, m)) < 0.5] = -1
    made = dense(value)
    return made, ceilings(
        r.integers(0, max(2 * n // (3 * m), 2), m),
        owner=r.integers(-1, m, n),
        give=r.integers(0, max(n // m, 2), m),
        run=int(r.integers(0, n)),
        step_cost=fairness_cost(made, fairness),
        team=r.integers(-1, 3, m),
        team_room=r.integers(0, n // 4, 3),
    )


@given(problems(max_clients=12, max_reps=5, top=60), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_raising_a_ceiling_never_lowers_the_optimum_and_removing_a_pair_never_raises_it(problem, random):
    value, c = problem
    before = assign(dense(value), c).objective_cents
    room = c.room.copy()
    room[random.randrange(len(room))] += 1
    # fairness steps are fractions of the room: raising the room changes the ladder, so only bare rooms compare
    if c.step_cost == 0:
        assert assign(dense(value), replace(c, room=room)).objective_cents >= before
    assert assign(dense(value), replace(c, give=c.give + 1)).objective_cents >= before
    assert assign(dense(value), replace(c, run=c.run + 1)).objective_cents >= before
    assert assign(dense(value), replace(c, team_room=c.team_room + 1)).objective_cents >= before
    if value.size:
        fewer = value.copy()
        fewer.flat[random.randrange(value.size)] = -1
        assert assign(dense(fewer), c).objective_cents <= before


@pytest.mark.parametrize("kind", ["greedy", "round_robin", "weighted", "least_loaded"])
@pytest.mark.parametrize("seed", range(5))
def test_other_strategies_obey_the_same_ceilings_and_never_beat_the_optimum(kind, seed):
    made, c = large(seed, 200, 12, 0.0)
    chosen = distribute(kind, made, c, holds=np.arange(12), capacity=np.full(12, 40))
    assert feasible(chosen, made, c)
    solved = assign(made, c)
    assert worth(chosen, made, c) <= solved.objective_cents


def one_by_one(kind, pairs, c):
    """Greedy and round robin as anyone would write them."""
    room, give, run, turn = c.room.tolist(), c.give.tolist(), c.run, 0
    left = [*c.team_room.tolist(), 10**9]
    chosen = np.full(pairs.n_clients, -1)
    rows_of = [list(range(pairs.start[i], pairs.start[i + 1])) for i in range(pairs.n_clients)]
    order = [i for i in range(pairs.n_clients) if rows_of[i]]
    if kind == "greedy":
        order.sort(key=lambda i: -max(pairs.value[row] for row in rows_of[i]))
    for i in order:
        rows = [row for row in rows_of[i] if room[pairs.representative[row]] > 0 and left[c.team[pairs.representative[row]]] > 0]
        owner = c.owner[i]
        if not rows or run <= 0 or (owner >= 0 and give[owner] <= 0):
            continue
        ranks = {row: -pairs.value[row] if kind == "greedy" else (pairs.representative[row] - turn) % len(room) for row in rows}
        row = min(rows, key=ranks.__getitem__)
        chosen[i] = row
        room[pairs.representative[row]] -= 1
        left[c.team[pairs.representative[row]]] -= 1
        turn = pairs.representative[row] + 1
        run -= 1
        if owner >= 0:
            give[owner] -= 1
    return chosen


@pytest.mark.parametrize("kind", ["greedy", "round_robin"])
@pytest.mark.parametrize("seed", range(6))
def test_handing_out_in_chunks_is_handing_out_one_by_one(kind, seed, monkeypatch):
    monkeypatch.setattr(strategies, "CHUNK", 32)
    made, c = large(seed, 200, 12, 0.0)
    made = replace(made, value=made.value // 3_000)  # many are worth the same
    chosen = distribute(kind, made, c, holds=np.zeros(12), capacity=np.full(12, 40))
    assert (chosen >= 0).any()
    assert chosen.tolist() == one_by_one(kind, made, c).tolist()


def test_each_strategy_hands_out_in_its_own_order():
    value = [[10, 90, 50]] * 3
    c = ceilings([2, 2, 2], n=3)
    ways = {
        kind: dense(value).representative[distribute(kind, dense(value), c, holds=np.array([5, 0, 9]), capacity=np.full(3, 10))].tolist()
        for kind in ("greedy", "round_robin", "weighted", "least_loaded")
    }
    assert ways == {"greedy": [1, 1, 2], "round_robin": [0, 1, 2], "weighted": [0, 1, 2], "least_loaded": [1, 1, 0]}


def test_a_million_equal_values_end_and_stay_within_the_promised_gap():
    # every client values every place alike: the longest price war there is
    made = dense(np.full((400, 12), 1000))
    found = assign(made, ceilings(np.full(12, 20), n=400), tie_hash(made.client + 1, made.representative + 1, 3))
    assert (found.representative_of >= 0).sum() == 240
    assert found.gap <= 1e-4
