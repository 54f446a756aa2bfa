"""Dividing given clients over chosen people: as good as trying everything, within every room."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.ceilings import STEPS
from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.splitting import client_load, split, split_rule
from rotation.engine.workload import minutes_held

AS_OF = 20_000


def tables(values, capacity, places, minutes=None):
    n, m = len(values), len(capacity)
    unknown = np.full(n, NO_DAY)
    facts = Facts(
        client_id=np.arange(1, n + 1),
        owner=np.zeros(n),
        seq=np.ones(n),
        x=np.ones(n),
        first_on=unknown,
        last_on=unknown,
        net_12m=np.array(values),
        lat=np.zeros(n),
        lon=np.array(places, float),
        uf=np.zeros(n),
        city=np.full(n, -1),
        segment=np.full(n, -1),
        discarded=np.zeros(n, bool),
        minutes=np.full(n, 60.0),
        ufs=("SP",),
    )
    reps = Representatives(
        id=np.arange(10, 10 + m),
        team=np.ones(m),
        active=np.ones(m, bool),
        autonomous=np.zeros(m, bool),
        capacity=np.array(capacity),
        holds=np.zeros(m),
        lat=np.zeros(m),
        lon=np.arange(m, dtype=float) / 2,
        city=np.full(m, -1),
    )
    if minutes is not None:
        reps = reps.with_columns(capacity_minutes=np.array(minutes, float), minutes_held=np.zeros(m))
    return facts, reps


def best_of_all(values, capacity, places, receivers):
    """Every assignment tried: the most clients placed, and of those the greatest value less steps, as the engine counts them."""
    m = len(capacity)
    kms = [[abs(place - j / 2) * 111.195 for j in range(m)] for place in places]
    worth = np.array([[round(max(value, 100) * np.exp(-km / 100)) for km in row] for value, row in zip(values, kms, strict=True)])
    open_ = [j for j in range(1, m) if receivers[j] and capacity[j] > 0]
    cells = [worth[i, j] for i in range(len(values)) for j in open_]
    step = round(0.2 * float(np.median(cells))) if cells else 0
    best = (0, 0)
    for chosen in itertools.product([*open_, None], repeat=len(values)):
        loads = [chosen.count(j) for j in range(m)]
        if any(loads[j] > capacity[j] for j in range(m)):
            continue
        value = sum(int(worth[i, j]) for i, j in enumerate(chosen) if j is not None)
        value -= sum(step * min(STEPS * at // max(capacity[j], 1), STEPS - 1) for j in range(m) for at in range(loads[j]))
        best = max(best, (sum(loads), value))
    return best


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 2)), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=2, max_size=3),
    st.integers(0, 7),
)
def test_it_places_as_many_and_is_worth_as_much_as_the_best_of_all(clients, capacity, mask):
    values, places = [value for value, _ in clients], [round(place, 2) for _, place in clients]
    receivers = np.array([False, *(bool(mask >> j & 1) for j in range(len(capacity)))])
    capacity = [9, *capacity]
    facts, reps = tables(values, capacity, places)

    found = split(facts, reps, np.arange(len(values)), receivers, split_rule(minutes=False), AS_OF, seed=3)

    placed, value = best_of_all(values, capacity, places, receivers)
    loads = np.bincount(found.to[found.to >= 0], minlength=len(capacity))
    assert (loads <= capacity).all() and not loads[~receivers].any()
    assert int((found.to >= 0).sum()) == placed
    assert abs(found.objective_cents - value) <= len(values)  # the distances of the two differ in the last cent
    assert ((found.why >= 0) == (found.to < 0)).all() and found.bound_cents >= found.objective_cents


def test_choices_by_hand_stand_and_take_their_room_first():
    facts, reps = tables([500, 400, 300], [9, 1, 5], [0.5, 0.5, 0.5])

    found = split(
        facts, reps, np.arange(3), np.array([False, True, True]), split_rule(minutes=False), AS_OF, seed=3, placed=np.array([-1, -1, 1])
    )

    assert found.to.tolist() == [2, 2, 1] and found.km[2] < 1


def test_minutes_are_a_ceiling_where_they_are_counted():
    # Sixty minutes a quarter each, and the road: of three clients only one fits the near one's hundred minutes.
    facts, reps = tables([500, 400, 300], [9, 9, 9], [0.5, 0.5, 0.5], minutes=[np.inf, 100, 10_000])

    found = split(facts, reps, np.arange(3), np.array([False, True, True]), split_rule(minutes=True), AS_OF, seed=3)

    near = np.flatnonzero(found.to == 1)
    assert len(near) == 1 and (found.to >= 0).all()
    assert client_load(facts, reps, near, found.to[near]).sum() <= 100
    assert minutes_held(facts, reps)[0] > 0


def test_the_bound_holds_where_somebody_must_be_left_out():
    # sixty minutes a client, and twice that where the road is long: of five, one each; nothing better can be done with two places
    facts, reps = tables([500, 400, 300, 200, 100], [9, 9, 9], [0.5] * 5, minutes=[np.inf, 100, 200])
    found = split(facts, reps, np.arange(5), np.array([False, True, True]), split_rule(minutes=True), AS_OF, seed=3)
    assert sorted(found.to.tolist()) == [-1, -1, -1, 1, 2]
    placed = found.objective_cents
    assert placed <= found.bound_cents <= sum(v for v in (500, 400, 300, 200, 100)) and 0 <= found.gap < 1


def test_many_clients_are_divided_by_minutes_near_the_bound():
    r = np.random.default_rng(2)
    n, m = 800, 5
    places = r.uniform(0, 2, n)
    facts, reps = tables(r.integers(1_000, 900_000, n), [n] * m, places, minutes=[np.inf, *r.uniform(24_000, 30_000, m - 1)])
    found = split(facts, reps, np.arange(n), np.arange(m) > 0, split_rule(minutes=True), AS_OF, seed=3)
    placed = found.to >= 0
    load = np.bincount(found.to[placed], client_load(facts, reps, np.flatnonzero(placed), found.to[placed]), minlength=m)
    assert placed.all() and (load[1:] <= reps.capacity_minutes[1:]).all()
    assert 0 <= found.gap < 0.001 and found.objective_cents > found.round_robin_cents


def test_at_most_so_many_move_and_nobody_goes_back_to_their_owner():
    facts, reps = tables([500, 400, 300], [9, 9], [0.5, 0.5, 0.5])

    found = split(facts, reps, np.arange(3), np.array([True, True]), split_rule(minutes=False), AS_OF, seed=3, most=2)

    assert found.to.tolist() == [1, 1, -1]


def test_where_the_nearest_twenty_are_full_the_next_one_takes_the_client():
    facts, reps = tables([500] * 25, [9, *[1] * 25], [0.0] * 25)

    found = split(facts, reps, np.arange(25), np.array([False, *[True] * 25]), split_rule(minutes=False), AS_OF, seed=3)

    assert sorted(found.to.tolist()) == list(range(1, 26))
