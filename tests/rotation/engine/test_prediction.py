"""What is said of each client: who answers and why, that it is a chance, and that the future never speaks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.errors import FactsError
from rotation.engine.facts import NO_DAY
from rotation.engine.prediction import OrderHistory, Predictor
from rotation.engine.prediction import predict as predict_whole

from .histories import TODAY, history, wholesaler

COLUMNS = ("p_silent", "p_cross", "p_alive", "ticket_cents", "year_cents")


def predict(*args, **options):
    """Without the comparison with the past, which test_learning.py looks at and which takes most of the time."""
    return predict_whole(*args, calibrate=False, **options)


def same(one, other):
    """Equal to the last bit, NaN where NaN."""
    dates = all(np.array_equal(getattr(one.next_order, d), getattr(other.next_order, d)) for d in ("early", "likely", "late", "regular"))
    return dates and one.basis == other.basis and all(np.array_equal(getattr(one, c), getattr(other, c), equal_nan=True) for c in COLUMNS)


@pytest.fixture(scope="module")
def shop():
    return wholesaler()


def test_below_ten_clients_the_day_rule_answers_and_says_why():
    made = predict(history([45], [0], [200, 100], [], *[[30]] * 5), TODAY, inactive_days=90)
    assert (made.method, made.basis["reason"], made.basis["clients_with_order"], made.basis["clients_needed"]) == (
        "day_rule", "few_clients", 8, 10,
    )  # fmt: skip
    assert made.p_silent[:4] == pytest.approx([0.5, 0.0, 1.0, np.nan], nan_ok=True)
    assert np.array_equal(made.p_silent, made.p_cross, equal_nan=True)
    few = history([45], [0], [200, 100], [], *[[30]] * 5)
    assert np.array_equal(Predictor(few).risk(TODAY, inactive_days=90)[1], made.p_cross, equal_nan=True)
    assert np.isnan(made.p_alive).all() and (made.next_order.likely == NO_DAY).all()
    assert made.ticket_cents[:4] == pytest.approx([10_000, 10_000, 10_000, np.nan], nan_ok=True)
    assert made.year_cents[:4] == pytest.approx([10_000, 10_000, 20_000, 0])


def test_the_clock_is_used_from_420_days_of_orders_on(shop):
    young = shop.until(TODAY - 281)
    assert predict(young, TODAY - 281, inactive_days=90).method == "mixture"
    assert predict(shop, TODAY, inactive_days=90).method == "mixture_clock"


def test_every_answer_is_a_chance_or_a_sum_and_its_basis_is_json(shop):
    made = predict(shop, TODAY, inactive_days=90)
    for column in (made.p_silent, made.p_cross, made.p_alive):
        assert ((column >= 0) & (column <= 1)).all()
    assert (made.ticket_cents > 0).all() and (made.year_cents > 0).all()
    told = made.next_order.late != NO_DAY
    assert (made.next_order.early[told] > TODAY).all()
    assert (made.next_order.early[told] <= made.next_order.likely[told]).all()
    assert (made.next_order.likely[told] <= made.next_order.late[told]).all()
    assert json.loads(json.dumps(made.basis)) == made.basis
    since = TODAY - shop.day[shop.start[1:] - 1]
    assert ((made.p_cross == 1) == (since >= 90)).all() and (since >= 90).any()


def test_a_client_is_worth_its_pace_and_its_ticket(shop):
    made = predict(shop, TODAY, inactive_days=90)
    seen = shop.statistics(TODAY)
    lived = (seen.last_on - seen.first_on + 1) / 365
    pace = seen.net_total / lived
    steady = seen.x >= 20
    assert made.year_cents[steady].sum() == pytest.approx(pace[steady].sum(), rel=0.1)


def test_prospects_get_nothing_and_change_nothing(shop):
    empty = OrderHistory(np.arange(len(shop) + 3), np.r_[0, 0, shop.start, shop.start[-1]], shop.day, shop.net_cents)
    made, without = predict(empty, TODAY, inactive_days=90), predict(shop, TODAY, inactive_days=90)
    for column in COLUMNS[:4]:
        assert np.isnan(getattr(made, column)[[0, 1, -1]]).all()
        assert getattr(made, column)[2:-1] == pytest.approx(getattr(without, column), rel=1e-9)
    assert made.year_cents[[0, 1, -1]].tolist() == [0, 0, 0]
    assert (made.next_order.late[[0, 1, -1]] == NO_DAY).all()


def test_nobody_at_all_is_no_error():
    for clients in (history(), history([], [])):
        made = predict(clients, TODAY, inactive_days=90)
        assert made.method == "day_rule" and len(made.p_silent) == len(clients)


def test_nothing_after_the_day_is_seen(shop):
    as_of = TODAY - 150
    assert same(predict(shop, as_of, inactive_days=90), predict(shop.until(as_of), as_of, inactive_days=90))


def test_shuffled_clients_get_the_same_answers(shop):
    order = np.random.default_rng(1).permutation(len(shop))
    made, shuffled = predict(shop, TODAY, inactive_days=60), predict(shop.take(order), TODAY, inactive_days=60)
    for column in COLUMNS:
        assert getattr(shuffled, column) == pytest.approx(getattr(made, column)[order], rel=1e-9)


def test_each_client_has_its_own_limit(shop):
    limit = np.where(np.arange(len(shop)) % 2, 30, 120)
    made = predict(shop, TODAY, inactive_days=limit)
    for days in (30, 120):
        of = limit == days
        assert np.array_equal(made.p_cross[of], predict(shop, TODAY, inactive_days=days).p_cross[of])


def test_a_large_segment_is_fitted_apart_and_a_small_one_is_not(shop):
    segment = np.where(np.arange(len(shop)) < 80, 4, np.where(np.arange(len(shop)) < 110, 7, -1))
    apart, together = predict(shop, TODAY, inactive_days=90, segment=segment), predict(shop, TODAY, inactive_days=90)
    assert apart.basis["mixture"]["segments_fitted"] == [4]
    assert np.array_equal(apart.p_silent[80:], together.p_silent[80:])
    assert not np.array_equal(apart.p_silent[:80], together.p_silent[:80])
    assert apart.p_silent[:80] == pytest.approx(together.p_silent[:80], abs=0.1)


@pytest.mark.parametrize("change", [{"horizon": 0}, {"horizon": 401}, {"inactive_days": [90, 90]}, {"segment": [1]}])
def test_what_cannot_be_asked_is_refused(shop, change):
    with pytest.raises(FactsError):
        predict(shop, TODAY, **{"inactive_days": 90, **change})


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(-30, 300), st.integers(-900, 1000), st.integers(0, 9)), max_size=25),
    st.integers(0, 60),
)
def test_order_days_are_summed_by_day_and_only_those_above_zero_stand(orders, back):
    client, ago, cents, products = (np.array(column, np.int64) for column in zip(*orders, strict=True)) if orders else np.empty((4, 0), int)
    made = OrderHistory.of_orders(np.arange(5) + 1, client, TODAY - ago, cents, products)
    for i in range(5):
        by_day: dict[int, list[int]] = {}
        for c, a, v, p in orders:
            if c == i:
                by_day.setdefault(TODAY - a, [0, 0])
                by_day[TODAY - a] = [by_day[TODAY - a][0] + v, by_day[TODAY - a][1] + p]
        expected = [(d, v, p) for d, (v, p) in sorted(by_day.items()) if v > 0]
        rows = slice(made.start[i], made.start[i + 1])
        assert list(zip(made.day[rows], made.net_cents[rows], made.products[rows], strict=True)) == expected
    known, days = made.until(TODAY - back), made.day[made.day <= TODAY - back]
    assert known.day.tolist() == days.tolist()
    whole = made.take(np.arange(5))
    assert (whole.start.tolist(), whole.day.tolist()) == (made.start.tolist(), made.day.tolist())
    waiting = [any(TODAY - back < d <= TODAY - back + 20 for d in made.day[made.start[i] : made.start[i + 1]]) for i in range(5)]
    assert made.ordered_within(TODAY - back, 20).tolist() == waiting


def test_days_out_of_order_or_columns_that_do_not_fit_are_refused():
    for bad in (
        {"start": [0, 2], "day": [5, 5], "net_cents": [1, 1]},
        {"start": [0, 1], "day": [5, 6], "net_cents": [1, 1]},
        {"start": [0, 1, 1], "day": [5], "net_cents": [1]},
        {"start": [0, 1], "day": [5], "net_cents": [1, 2]},
        {"start": [1, 1], "day": [5], "net_cents": [1]},
    ):
        with pytest.raises(FactsError):
            OrderHistory([1], **bad)
