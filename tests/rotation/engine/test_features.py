"""Statistics from order days, states and classes, each worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.engine.errors import FactsError
from rotation.engine.facts import NO_DAY
from rotation.engine.features import abc_classes, inactive_on, lateness, lifecycle_states, order_statistics
from rotation.engine.schema import STATES

from .builders import TODAY, facts


def test_statistics_of_three_clients_worked_by_hand():
    # client 0 never ordered; 1 ordered once and once in the future; 2 ordered on days 0, 10, 16, 36
    made = order_statistics(
        start=[0, 0, 2, 6],
        day=[TODAY - 7, TODAY + 1, TODAY - 400, TODAY - 390, TODAY - 384, TODAY - 364],
        net_cents=[500, 999, 100, 200, 300, 400],
        as_of=TODAY,
        horizon=90,
    )
    assert made.x.tolist() == [-1, 0, 3]
    assert made.first_on.tolist() == [NO_DAY, TODAY - 7, TODAY - 400]
    assert made.last_on.tolist() == [NO_DAY, TODAY - 7, TODAY - 364]
    assert made.sum_log_gap.tolist() == pytest.approx([0, 0, np.log(10 * 6 * 20)])
    assert made.median_gap.tolist()[2:] == [10] and np.isnan(made.median_gap[:2]).all()
    assert made.mean_gap.tolist()[2:] == [12]
    assert (made.net_12m.tolist(), made.net_total.tolist()) == ([0, 500, 400], [0, 500, 1000])
    assert (made.n30.tolist(), made.n365.tolist(), made.n_same_season.tolist()) == ([0, 1, 0], [0, 1, 1], [0, 0, 1])


def test_days_out_of_order_are_refused():
    with pytest.raises(FactsError) as refused:
        order_statistics([0, 2], [5, 5], [1, 1], as_of=9)
    assert (refused.value.code, refused.value.params["row"]) == ("not_sorted", 1)


@given(st.lists(st.lists(st.tuples(st.integers(0, 800), st.integers(-50, 1000)), max_size=9, unique_by=lambda pair: pair[0]), max_size=6))
def test_statistics_equal_a_plain_count_and_never_see_the_future(clients):
    clients = [sorted(days) for days in clients]
    as_of = 500
    start = np.cumsum([0, *(len(days) for days in clients)])
    made = order_statistics(start, [d for c in clients for d, _ in c], [v for c in clients for _, v in c], as_of=as_of)
    for i, days in enumerate(clients):
        seen = [(d, v) for d, v in days if d <= as_of]
        assert made.x[i] == len(seen) - 1
        assert made.net_total[i] == sum(v for _, v in seen)
        assert made.net_12m[i] == sum(v for d, v in seen if d > as_of - 365)
        assert made.n90[i] == sum(d > as_of - 90 for d, _ in seen)
        gaps = np.diff([d for d, _ in seen])
        if len(gaps):
            assert made.median_gap[i] == np.median(gaps) and made.sum_log_gap[i] == pytest.approx(np.log(gaps).sum())


def test_each_client_is_in_exactly_one_state_and_moves_on_the_exact_day():
    days = [0, 59, 60, 89, 90, 359, 360, 5, 5, 5, 5]
    clients = facts(
        11,
        last_on=[TODAY - d for d in days],
        x=[3] * 7 + [-1, 3, 3, 3],
        discarded=[False] * 8 + [True, False, False],
        lost_by_hand=[False] * 9 + [True, False],
        p_cross=[0.4] * 10 + [0.5],
    )
    named = [STATES[i] for i in lifecycle_states(clients, TODAY)]
    assert named[:7] == ["active", "active", "near_inactive", "near_inactive", "inactive", "inactive", "lost"]
    assert named[7:] == ["prospect", "discarded", "lost", "at_risk"]
    assert inactive_on(clients)[[0, 7]].tolist() == [TODAY + 90, NO_DAY]


def test_limits_may_differ_by_client_and_contract_clients_do_not_go_silent():
    clients = facts(2, inactive_days=[60, 365], warn_days=[30, 300])
    assert [STATES[i] for i in lifecycle_states(clients, TODAY)] == ["inactive", "active"]
    assert [STATES[i] for i in lifecycle_states(facts(1, contract_only=[True]), TODAY)] == ["active"]


def test_lateness_is_shown_from_four_order_days_on():
    clients = facts(3, x=[3, 2, 3], median_gap=[25.0, 25.0, np.nan])
    assert np.array_equal(lateness(clients, TODAY), [4.0, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        ([80, 15, 5], [0, 1, 2]),
        ([50, 50], [0, 0]),
        ([100], [0]),
        ([0, 0], [2, 2]),
        ([-5, 10], [2, 0]),
        ([], []),
        ([40, 40, 10, 6, 4], [0, 0, 1, 1, 2]),
    ],
)
def test_abc_by_cumulative_share(value, classes):
    assert abc_classes(np.array(value, np.int64)).tolist() == classes
