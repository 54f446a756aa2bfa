"""The models: what is planted is found, slopes are slopes, and the answers are probabilities (ENGINE.md section 11, 5 and 6)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln, xlogy

from rotation.engine.errors import FactsError
from rotation.engine.models import (
    BG,
    CLASSES,
    MBG,
    Fit,
    Purchases,
    TooFewClients,
    expected_orders,
    fit,
    fit_single,
    orders_to_come,
    organization_prior,
    segment_prior,
)
from rotation.engine.models.likelihood import log_likelihood
from rotation.engine.models.mixture import _Posterior
from rotation.engine.models.purchases import FIT_AT_MOST, Compressed

from .simulated import shop, simulate


@pytest.fixture(scope="module")
def clients():
    return shop()


@pytest.fixture(scope="module")
def fitted(clients):
    return fit(clients)


def one(k=1, r=0.8, alpha=30.0, a=0.5, b=3.0, drop_out=MBG):
    return Fit((k,), np.array([[r, alpha, a, b]]), np.ones(1), 0.0, 0, 0, 0, drop_out)


def test_simulated_clients_give_back_their_regularity_parameters_and_silence():
    truth = {"r": 0.85, "alpha": 1.45, "a": 0.79, "b": 2.42}
    # the sampling error of b alone is 5% at this size: nearly every seed passes, not every one
    clients, until = simulate(8000, k=3, **truth, T=np.random.default_rng(0).uniform(12, 96, 8000), seed=100)
    fits = {k: fit_single(clients, k=k) for k in (1, 2, 3, 4, 5)}
    assert max(fits, key=lambda k: fits[k].log_likelihood) == 3
    assert fits[3].parameters[0] == pytest.approx(list(truth.values()), rel=0.10)
    assert fits[3].p_silent(clients, 13).mean() == pytest.approx((until > 13).mean(), abs=0.01)


def test_each_client_is_put_in_its_own_class(clients, fitted):
    assert fitted.classes == CLASSES and fitted.weights.sum() == pytest.approx(1)
    weights = fitted.class_weights(clients)
    assert weights.sum(axis=1) == pytest.approx(np.ones(len(clients)))
    many = clients.x >= 12
    third = len(clients) // 3
    assert weights[:third][many[:third]][:, :2].sum(axis=1).mean() > 0.8
    assert weights[2 * third :][many[2 * third :]][:, 3:].sum(axis=1).mean() > 0.9


def numbers_at_random(seed, n=60):
    luck = np.random.default_rng(seed)
    x = luck.integers(0, 40, n)
    T = luck.integers(1, 900, n).astype(float)
    t = np.where(x > 0, np.maximum(np.floor(T * luck.random(n)), 1.0), 0.0)
    return Purchases(x, t, T, np.where(x > 0, x * 2.0, 0.0))


@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize("drop_out", [MBG, BG], ids=["MBG", "BG"])
def test_gradient_of_a_class_equals_finite_differences(k, drop_out):
    rows = Compressed.of(numbers_at_random(k).fitting_rows())
    weight = np.random.default_rng(1).random(len(rows))
    theta = np.array([0.3, 3.1, -0.8, 0.9])
    slope = log_likelihood(theta, rows, k, drop_out)[1](weight)
    step = 1e-5
    by_hand = [
        weight
        @ (log_likelihood(theta + step * d, rows, k, drop_out)[0] - log_likelihood(theta - step * d, rows, k, drop_out)[0])
        / 2
        / step
        for d in np.eye(4)
    ]
    assert slope == pytest.approx(by_hand, rel=1e-5, abs=1e-5)


def test_gradient_of_the_whole_posterior_equals_finite_differences():
    clients = numbers_at_random(3).fitting_rows()
    posterior = _Posterior(clients, CLASSES, organization_prior(clients), MBG)
    away = np.random.default_rng(2).normal(0, 0.4, 25)
    step = 1e-5
    by_hand = [(posterior._loss(away + step * d)[0] - posterior._loss(away - step * d)[0]) / 2 / step for d in np.eye(25)]
    assert posterior._loss(away)[1] == pytest.approx(by_hand, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("x", "t", "T"), [(0, 0.0, 20.0), (3, 12.0, 20.0), (3, 20.0, 20.0)])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_likelihood_equals_the_integral_over_rates_and_chances_of_leaving(k, x, t, T):
    r, alpha, a, b = 1.3, 5.0, 0.7, 2.1
    rows = Compressed.of(Purchases([x], [t], [T], [0.0]))

    def of_rate(rate):
        density = np.exp(xlogy(r - 1, rate) - alpha * rate + r * np.log(alpha) - gammaln(r) + xlogy(k * x, rate))
        silent = sum((rate * (T - t)) ** j / np.exp(gammaln(j + 1)) for j in range(k)) * np.exp(-rate * T)
        return density * (silent * stayed + np.exp(-rate * t) * left)

    def over_p(power, times):
        return (
            quad(lambda p: p ** (a - 1 + times) * (1 - p) ** (b - 1 + power), 0, 1)[0]
            / quad(lambda p: p ** (a - 1) * (1 - p) ** (b - 1), 0, 1)[0]
        )

    stayed, left = over_p(x + 1, 0), over_p(x, 1)
    whole = quad(of_rate, 0, 1)[0] + quad(of_rate, 1, np.inf)[0]
    assert log_likelihood(np.log([r, alpha, a, b]), rows, k)[0] == pytest.approx([np.log(whole)], abs=1e-6)


def test_p_silent_is_a_chance_that_falls_towards_having_left(clients, fitted):
    ladder = np.array([fitted.p_silent(clients, h) for h in (0, 1, 7, 30, 90, 365, 2000, 1e9)])
    assert (ladder[0] == 1).all()
    assert ((ladder >= 0) & (ladder <= 1)).all()
    assert (np.diff(ladder, axis=0) <= 1e-12).all()
    assert ladder[-1] == pytest.approx(1 - fitted.p_alive(clients), abs=1e-6)


def test_silence_of_two_spells_is_silence_of_one_then_of_the_other(clients, fitted):
    together = fitted.p_silent(clients, 75)
    apart = fitted.p_silent(clients, 45) * fitted.p_silent(clients.later(45), 30)
    assert together == pytest.approx(apart, rel=1e-9)


def test_p_cross_is_certain_once_the_limit_is_reached_and_p_silent_before(clients, fitted):
    silent_days = clients.T - clients.t
    limit = np.where(np.arange(len(clients)) % 2, 45.0, 90.0)
    crossed = fitted.p_cross(clients, limit)
    past = silent_days >= limit
    assert past.any() and (crossed[past] == 1).all()
    before = clients.take(~past)
    assert crossed[~past] == pytest.approx(fitted.p_silent(before, (limit - silent_days)[~past]))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 60),
    st.floats(0.1, 20),
    st.floats(1, 500),
    st.floats(0.05, 5),
    st.floats(0.1, 20),
    st.integers(1, 900),
    st.lists(st.integers(0, 400), min_size=2, max_size=4),
    st.integers(1, 200),
)
def test_with_exponential_gaps_more_silence_never_lowers_the_risk(x, r, alpha, a, b, t, silences, horizon):
    silences = np.sort(silences).astype(float)
    t = float(t) if x else 0.0
    many = Purchases(np.full(len(silences), x), np.full(len(silences), t), t + silences)
    assert (np.diff(one(1, r, alpha, a, b).p_silent(many, horizon)) >= -1e-12).all()


def test_another_unit_of_time_scales_alpha_and_changes_no_chance(clients, fitted):
    weeks = Purchases(clients.x, clients.t / 7, clients.T / 7, clients.sum_log_gap - clients.x * np.log(7), clients.client_id)
    in_weeks = fit(weeks)
    assert in_weeks.parameters * [1, 7, 1, 1] == pytest.approx(fitted.parameters, rel=1e-4)
    assert in_weeks.weights == pytest.approx(fitted.weights, abs=1e-5)
    assert in_weeks.p_silent(weeks, 90 / 7) == pytest.approx(fitted.p_silent(clients, 90), abs=1e-5)


def test_shuffled_rows_give_the_same_parameters_and_the_same_answers(clients, fitted):
    order = np.random.default_rng(0).permutation(len(clients))
    shuffled = clients.take(order)
    again = fit(shuffled)
    assert (again.parameters == fitted.parameters).all() and (again.weights == fitted.weights).all()
    assert (again.p_silent(shuffled, 90) == fitted.p_silent(clients, 90)[order]).all()


def test_no_answer_is_nan_for_very_long_and_very_busy_histories(fitted):
    x, T, part = (grid.ravel() for grid in np.meshgrid([0, 1, 7, 500, 5000], [0.0, 1.0, 400.0, 20000.0], [0.0, 0.5, 1.0]))
    t = np.where(x > 0, np.maximum(T * part, 1.0), 0.0)
    T = np.maximum(T, t)
    clients = Purchases(x, t, T, np.where(x > 0, x * np.log(np.maximum(t, 1) / np.maximum(x, 1)), 0.0))
    for parameters in (fitted, replace(fitted, parameters=np.tile([0.05, 0.5, 0.05, 0.1], (5, 1)))):
        for answer in (
            parameters.p_silent(clients, 90),
            parameters.p_silent(clients, 1e6),
            parameters.p_alive(clients),
            parameters.order_rate(clients),
            parameters.class_weights(clients),
        ):
            assert np.isfinite(answer).all() and (answer >= 0).all()
    refit = fit(clients)
    assert np.isfinite(refit.parameters).all() and np.isfinite(refit.p_silent(clients, 90)).all()


def test_one_order_today_is_scored_and_a_prospect_is_not(fitted):
    clients = Purchases.on(
        20000, x=[0, -1, 2], first_on=[20000, -(2**30), 19900], last_on=[20000, -(2**30), 19990], sum_log_gap=[0, 0, 7.6]
    )
    assert (clients.T[[0, 2]].tolist(), clients.t[[0, 2]].tolist()) == ([0, 100], [0, 90])
    for answer in (fitted.p_silent(clients, 30), fitted.p_alive(clients), fitted.order_rate(clients), fitted.p_cross(clients, 90)):
        assert np.isnan(answer).tolist() == [False, True, False]


def test_ten_clients_suffice_and_nine_do_not(clients):
    few = clients.take(slice(0, 10))
    made = fit(few)
    assert made.n == 10 and ((made.p_silent(few, 90) > 0) & (made.p_silent(few, 90) < 1)).all()
    prospects = Purchases([-1] * 30 + few.x[:9].tolist(), np.r_[np.zeros(30), few.t[:9]], np.r_[np.zeros(30), few.T[:9]], np.zeros(39))
    with pytest.raises(TooFewClients) as refused:
        fit(prospects)
    assert (refused.value.found, refused.value.needed) == (9, 10)


def test_a_segment_leans_on_the_whole(clients, fitted):
    few = clients.take(slice(0, 12))
    apart, alone = fit(few, prior=segment_prior(fitted)), fit(few)
    distance = [np.abs(np.log(made.parameters / fitted.parameters)).max() for made in (apart, alone)]
    assert distance[0] < 0.5 < distance[1]


def test_above_fifty_thousand_the_ids_decide_who_is_fitted():
    n = FIT_AT_MOST + 2000
    luck = np.random.default_rng(4)
    clients = Purchases(np.zeros(n, int), np.zeros(n), luck.integers(0, 10**6, n).astype(float), np.zeros(n), np.arange(n))
    chosen = clients.fitting_rows()
    order = luck.permutation(n)
    assert len(chosen) == FIT_AT_MOST
    assert set(chosen.client_id) == set(clients.take(order).fitting_rows().client_id)
    # no stretch of ids is favoured
    assert np.bincount(chosen.client_id * 10 // n).min() > 0.98 * FIT_AT_MOST / 10


def test_a_start_found_on_a_few_ends_where_the_whole_does(monkeypatch):
    clients = shop(2_700)
    direct = fit(clients)
    monkeypatch.setattr("rotation.engine.models.mixture.WARM_UP", 900)
    warmed = fit(clients)
    assert warmed.rounds < direct.rounds
    assert warmed.log_likelihood == pytest.approx(direct.log_likelihood, abs=1.0)
    assert warmed.p_silent(clients, 90) == pytest.approx(direct.p_silent(clients, 90), abs=0.01)


@pytest.mark.parametrize(
    ("x", "t", "T"), [(1, 5.0, 4.0), (0, 1.0, 4.0), (1, 0.0, 4.0), (2, np.nan, 4.0), (2, 3.0, np.inf)], ids=lambda value: str(value)
)
def test_a_history_that_cannot_be_is_refused_by_row(x, t, T):
    with pytest.raises(FactsError) as refused:
        Purchases([0, x], [0.0, t], [9.0, T], [0.0, 0.0])
    assert (refused.value.code, refused.value.params["row"]) == ("impossible_history", 1)


def test_gaps_are_needed_to_tell_classes_apart():
    clients = numbers_at_random(1)
    without = Purchases(clients.x, clients.t, clients.T)
    with pytest.raises(ValueError, match="sum_log_gap"):
        fit(without)
    assert fit(without, classes=(1,)).weights.tolist() == [1.0]


@pytest.mark.parametrize("drop_out", [MBG, BG], ids=["MBG", "BG"])
def test_expected_orders_equal_what_simulated_clients_do(drop_out):
    luck = np.random.default_rng(8)
    n, r, alpha, a, b, horizon = 60_000, 0.9, 20.0, 1.0, 2.5, 120.0
    rate, leaves = luck.gamma(r, 1 / alpha, n), luck.beta(a, b, n)
    orders, at = np.zeros(n), np.zeros(n)
    buying = luck.random(n) > leaves if drop_out.after_first else np.ones(n, bool)
    while buying.any():
        at += luck.exponential(1 / rate)
        buying &= at <= horizon
        orders += buying
        buying &= luck.random(n) > leaves
    assert float(expected_orders(one(1, r, alpha, a, b, drop_out), horizon)) == pytest.approx(orders.mean(), rel=0.03)


def test_orders_to_come_stay_finite_and_grow_with_the_horizon():
    clients = Purchases([0, 3, 5000, -1], [0.0, 40.0, 19990.0, 0.0], [10.0, 60.0, 20000.0, 0.0])
    for a in (0.5, 1.0, 3.0):
        ladder = np.array([orders_to_come(one(a=a), clients, h) for h in (1, 30, 365)])
        assert np.isnan(ladder[:, 3]).all() and np.isfinite(ladder[:, :3]).all()
        assert (np.diff(ladder[:, :3], axis=0) > 0).all()
    with pytest.raises(ValueError, match="class 1"):
        orders_to_come(one(k=2), clients, 30)


def test_order_rate_is_the_pace_of_a_steady_client():
    steady = Purchases([200], [1990.0], [2000.0], [200 * np.log(9.95)])
    for k in CLASSES:
        assert one(k=k, r=1.0, alpha=10.0, a=0.1, b=50.0).order_rate(steady)[0] == pytest.approx(0.1, rel=0.02)
