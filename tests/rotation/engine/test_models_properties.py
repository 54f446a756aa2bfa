"""What must hold for any parameters and any history (ENGINE.md section 11, 5, 6 and 8), and the edges of section 10."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.models import BG, CLASSES, MBG, Fit, Purchases
from rotation.engine.prediction import OrderHistory

from .histories import TODAY, history
from .test_prediction import COLUMNS, predict, same


@st.composite
def fits(draw):
    """Any mixture: parameters over four orders of magnitude, any shares."""
    span = {"r": (0.02, 50), "alpha": (0.05, 2000), "a": (0.02, 20), "b": (0.05, 50)}
    rows = [[np.exp(draw(st.floats(*np.log(ends)))) for ends in span.values()] for _ in CLASSES]
    share = np.array([draw(st.floats(0.01, 1)) for _ in CLASSES])
    return Fit(CLASSES, np.array(rows), share / share.sum(), 0.0, 0, 0, 0, draw(st.sampled_from([MBG, BG])))


@st.composite
def clients(draw, most=6):
    """Any histories of whole days: one-time buyers, orders today, long silences."""
    rows = []
    for _ in range(draw(st.integers(1, most))):
        gaps = draw(st.lists(st.integers(1, 400), max_size=30))
        rows.append((len(gaps), float(sum(gaps)), float(draw(st.integers(0, 900))), float(np.log(gaps).sum()) if gaps else 0.0))
    x, t, silent, log_gaps = (np.array(column) for column in zip(*rows, strict=True))
    return Purchases(x, t, t + silent, log_gaps)


@settings(max_examples=60, deadline=None)
@given(fits(), clients(), st.lists(st.integers(1, 700), min_size=1, max_size=4))
def test_silence_is_certain_at_once_falls_and_ends_with_those_gone(made, some, steps):
    reach = np.cumsum([0, *steps])
    ladder = np.array([made.p_silent(some, h) for h in reach])
    assert (ladder[0] == 1).all() and ((ladder >= 0) & (ladder <= 1)).all()
    assert (np.diff(ladder, axis=0) <= 1e-9).all()
    gone = 1 - made.p_alive(some)
    assert (ladder >= gone - 1e-9).all()
    # how fast the rest falls depends on the least rate a client may have; with a shape this small, never within a float
    quick = made.parameters[:, 0].min() > 0.5
    if quick:
        assert made.p_silent(some, 1e12) == pytest.approx(gone, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(fits(), clients(), st.integers(1, 500), st.integers(1, 500))
def test_two_silences_are_one_after_the_other(made, some, first, second):
    together = made.p_silent(some, first + second)
    assert together == pytest.approx(made.p_silent(some, first) * made.p_silent(some.later(first), second), rel=1e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(fits(), clients(), st.integers(0, 900))
def test_the_limit_is_certain_once_reached(made, some, limit):
    since = some.T - some.t
    crossed = made.p_cross(some, limit)
    assert (crossed[since >= limit] == 1).all()
    left = np.maximum(limit - since, 0)
    assert crossed == pytest.approx(made.p_silent(some, left))


@settings(max_examples=60, deadline=None)
@given(fits(), clients(), st.floats(0.01, 100), st.integers(1, 400))
def test_another_unit_of_time_changes_no_chance(made, some, unit, horizon):
    scaled = Purchases(some.x, some.t * unit, some.T * unit, some.sum_log_gap + some.x * np.log(unit))
    parameters = made.parameters * [1, unit, 1, 1]
    other = Fit(made.classes, parameters, made.weights, 0.0, 0, 0, 0, made.drop_out)
    assert other.p_silent(scaled, horizon * unit) == pytest.approx(made.p_silent(some, horizon), rel=1e-6, abs=1e-9)
    assert other.p_alive(scaled) == pytest.approx(made.p_alive(some), rel=1e-6, abs=1e-9)
    assert other.class_weights(scaled) == pytest.approx(made.class_weights(some), rel=1e-6, abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.lists(st.integers(-120, 500), min_size=1, max_size=12, unique=True), min_size=12, max_size=20),
    st.integers(0, 200),
    st.integers(1, 120),
)
def test_nothing_dated_after_the_day_changes_any_answer(days, back, horizon):
    whole, as_of = history(*days), TODAY - back
    answers = [predict(known, as_of, horizon=horizon, inactive_days=90) for known in (whole, whole.until(as_of))]
    assert same(*answers)


def finite(made, rows=slice(None)):
    return all(np.isfinite(getattr(made, column)[rows]).all() for column in COLUMNS)


def test_a_history_loaded_under_one_date_is_answered():
    for back in (0, 1, 400):
        made = predict(history(*[[back]] * 40), TODAY, inactive_days=90)
        assert made.method == "mixture" and finite(made)
        assert np.ptp(made.p_silent) == 0 and 0 < made.p_silent[0] < 1


def test_first_order_today_two_orders_a_day_and_one_refunded_away():
    client = np.array([*range(12), 0, 1, 2])
    day = np.array([TODAY, TODAY - 40, TODAY - 40, *range(TODAY - 90, TODAY - 81), TODAY, TODAY - 40, TODAY - 40])
    cents = np.array([*[5000] * 12, 2500, -5000, -1000])
    shop = OrderHistory.of_orders(np.arange(12), client, day, cents)
    made = predict(shop, TODAY, inactive_days=90)
    known = shop.statistics(TODAY)
    assert known.x[:3].tolist() == [0, -1, 0]  # two orders of a day are one order day, and the refunded day is none
    assert np.isnan(made.p_silent[1]) and made.year_cents[1] == 0
    assert finite(made, [0, *range(2, 12)])
    assert known.net_total[[0, 2]].tolist() == [7500, 4000]
    assert made.p_cross[0] < made.p_cross[2]
