"""The second stage: learnt from closed windows alone, used where there is enough to learn from, and honest about itself."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import expit
from scipy.special import logit as exact_logit

from rotation.engine.facts import NO_DAY
from rotation.engine.learning import COLUMNS, Past
from rotation.engine.logistic import chance, fit_logistic, logit
from rotation.engine.prediction import OrderHistory, Predictor, predict
from rotation.engine.silence import shifted
from rotation.engine.timeline import FEATURES, Timeline

from .histories import TODAY, wholesaler
from .test_prediction import same

HORIZON = 42


@pytest.fixture(scope="module")
def shop():
    """Enough clients, lapses and returns to learn from; its orders go on for two months after TODAY."""
    return wholesaler(260, span=400, leave=0.004, future=60)


@pytest.fixture(scope="module")
def made(shop):
    """The answer of TODAY by one who knew nothing later."""
    return predict(shop.until(TODAY), TODAY, horizon=HORIZON, inactive_days=90)


def test_enough_to_learn_from_and_two_voices_answer(made):
    learnt = made.basis["second_voice"]
    assert (made.method, learnt["used"]) == ("blend", True)
    assert learnt["lapses"] >= 100 and learnt["returns"] >= 100 and 0.5 <= learnt["weight"] <= 2 / 3 + 1e-3
    assert list(learnt["coefficients"]) == list(COLUMNS)
    assert json.loads(json.dumps([made.basis, made.calibration])) == [made.basis, made.calibration]
    for column in (made.p_silent, made.p_cross, made.p_alive):
        assert ((column >= 0) & (column <= 1)).all()


@pytest.mark.parametrize(("clients", "horizon", "as_of", "reason"), [
    (199, HORIZON, TODAY, "few_clients"),
    (260, 400, TODAY, "few_lapses"),
])  # fmt: skip
def test_too_little_to_learn_from_is_said_by_name(shop, clients, horizon, as_of, reason):
    told = Past(shop.take(np.arange(clients)), horizon).learn(as_of)
    counted = reason.removeprefix("few_")
    assert set(told.basis) >= {"lapses", "returns", "lapses_needed", "returns_needed"}
    assert told.model is None and (told.basis["used"], told.basis["reason"]) == (False, reason)
    assert told.basis[counted] < told.basis[f"{counted}_needed"]
    assert told.log_odds(np.ones((2, len(COLUMNS))), np.array([1.0, -2.0])).tolist() == [1.0, -2.0]


@pytest.fixture(scope="module")
def asked(shop):
    """One who holds the future too, and was asked about other days before."""
    asked = Predictor(shop, horizon=HORIZON)
    for day in (TODAY - 10, TODAY + 40):
        asked.on(day, inactive_days=60, calibrate=False)
    return asked


def test_neither_the_future_nor_what_was_asked_before_changes_an_answer(asked, made):
    again = asked.on(TODAY, inactive_days=90)
    p_silent, p_cross, method = asked.risk(TODAY, inactive_days=90)
    assert np.array_equal(p_silent, made.p_silent) and np.array_equal(p_cross, made.p_cross) and method == made.method
    assert same(again, made) and again.calibration == made.calibration


def test_a_planted_look_ahead_is_caught(shop, monkeypatch):
    # windows still open on the day: what comes in them is not known yet
    monkeypatch.setattr(Past, "cut_offs", lambda self, as_of: [as_of // 30 * 30 - 30 * i for i in range(4)])
    one, other = (predict(known, TODAY, horizon=HORIZON, inactive_days=90, calibrate=False) for known in (shop, shop.until(TODAY)))
    assert one.method == "blend" and not same(one, other)


def test_the_limit_and_the_dates_speak_with_the_same_two_voices(shop, made, asked):
    def p_cross(limit):
        return asked.on(TODAY, inactive_days=limit, calibrate=False).p_cross

    since = TODAY - shop.statistics(TODAY).last_on
    assert ((made.p_cross == 1) == (since >= 90)).all()
    assert p_cross(since + HORIZON) == pytest.approx(made.p_silent)
    assert (p_cross(120) <= made.p_cross).all() and (p_cross(120) < made.p_cross).any()
    likely = made.next_order.likely
    told = (likely != NO_DAY) & ~made.next_order.regular
    limit = np.where(told, since + likely - TODAY, 1)
    assert told.sum() > 20
    assert (p_cross(limit)[told] <= 0.5).all() and (p_cross(limit - 1)[told] > 0.5).all()


def test_what_was_said_is_compared_with_what_came_in_windows_closed_and_apart(shop, made):
    told = made.calibration
    days = [window["as_of"] for window in told["windows"]]
    assert days[0] + HORIZON <= TODAY and (-np.diff(days) >= HORIZON).all()
    assert sum(window["clients"] for window in told["windows"]) == sum(group["n"] for group in told["groups"]) == told["clients"]
    assert (np.diff([group["predicted"] for group in told["groups"]]) >= 0).all()
    for window in told["windows"]:
        known = shop.statistics(window["as_of"])
        of = (known.x >= 0) & (window["as_of"] - known.last_on < 90)
        came = shop.ordered_within(window["as_of"], HORIZON)[of]
        assert (window["clients"], window["silent"]) == (of.sum(), (~came).sum())
    silent = sum(round(group["observed"] * group["n"]) for group in told["groups"])
    assert silent == sum(window["silent"] for window in told["windows"])
    assert not told["windows"][-1]["second_voice"]  # it had not learnt enough by then, and is not shown as if it had
    assert predict(shop.take(np.arange(15)), TODAY, horizon=HORIZON, inactive_days=90).calibration is None


@pytest.mark.slow
def test_the_second_voice_improves_on_the_first_where_the_mixture_is_wrong():
    # clients buy in spells with a season of their own behind them that no constant rate can follow
    luck = np.random.default_rng(3)
    client, day = [], []
    for i in range(210):
        at = TODAY - 400 + luck.integers(0, 60)
        while at < TODAY + HORIZON:
            for _ in range(4):
                client.append(i)
                day.append(int(at))
                at += luck.integers(2, 6)
            at += 75 + luck.integers(0, 10)
    shop = OrderHistory.of_orders(np.arange(210), np.array(client), np.array(day), np.full(len(day), 1000))
    made = predict(shop, TODAY, horizon=HORIZON, inactive_days=90, calibrate=False)
    past = Past(shop, HORIZON)
    first = past.window(TODAY // 30 * 30 - 60)
    came = ~shop.ordered_within(TODAY, HORIZON)
    assert made.method == "blend"
    assert np.mean((made.p_silent - came) ** 2) < 0.6 * np.mean((chance(first.said) - first.silent) ** 2)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 700), st.integers(1, 900)), max_size=20, unique_by=lambda pair: pair[0]), min_size=1, max_size=5
    )
)
def test_a_view_of_a_past_day_equals_a_plain_count(clients):
    clients = [sorted(days) for days in clients]
    as_of, horizon = 500, 60
    flat = [pair for days in clients for pair in days]
    start = np.cumsum([0, *(len(days) for days in clients)])
    history = OrderHistory(np.arange(len(clients)), start, [d for d, _ in flat], [100 * v for _, v in flat], [v % 7 for _, v in flat])
    timeline = Timeline(history)
    view = timeline.on(as_of, horizon)
    assert view.rows.tolist() == [i for i, days in enumerate(clients) if days and days[0][0] <= as_of]
    for row, x, since, features in zip(view.rows, view.x, view.since, view.features, strict=True):
        seen = [(d, v) for d, v in clients[row] if d <= as_of]
        days, gaps = [d for d, _ in seen], np.diff([d for d, _ in seen])
        told = dict(zip(FEATURES, np.expm1(features), strict=True))
        assert (x, since) == (len(seen) - 1, as_of - days[-1])
        plain = {
            "orders": len(seen), "since": since, "age": as_of - days[0], "n90": sum(d > as_of - 90 for d in days),
            "n_same_season": sum(as_of - 365 < d <= as_of - 365 + horizon for d in days),
            "net_12m": sum(v for d, v in seen if d > as_of - 365), "last_value": seen[-1][1],
            "mean_value": np.mean([v for _, v in seen]), "last_products": seen[-1][1] % 7,
            "mean_products": np.mean([v % 7 for _, v in seen]),
        }  # fmt: skip
        if len(gaps):
            plain |= {
                "mean_gap": gaps.mean(), "median_gap": np.median(gaps[-12:]), "last_gap": gaps[-1], "longest_gap": gaps.max(),
                "recent_gap": gaps[-3:].mean(), "since_by_longest": since / gaps.max(),
            }  # fmt: skip
        if len(gaps) > 1:
            plain["gap_spread"] = gaps.std(ddof=1)
        for name, value in plain.items():
            assert told[name] == pytest.approx(value, rel=1e-6, abs=1e-5), name
        assert np.isnan(told["mean_gap"]) == (not len(gaps)) and np.isnan(told["gap_spread"]) == (len(gaps) < 2)
    silent = [not any(as_of < d <= as_of + horizon for d, _ in clients[row]) for row in view.rows]
    assert timeline.came_silent(view, horizon).tolist() == silent
    near = timeline.on(as_of, horizon, within=40, at_most=2)
    assert (near.since <= 40).all() and len(near.rows) == min(2, (view.since <= 40).sum())


def test_planted_coefficients_are_found_and_few_rows_are_believed_little():
    luck = np.random.default_rng(1)
    columns = luck.normal(3.0, 2.0, (6000, 3))
    columns[luck.random(6000) < 0.2, 2] = np.nan
    truth = np.array([0.8, -1.2, 0.0])
    odds = 0.5 + np.nan_to_num((columns - 3.0) / 2.0) @ truth
    came = luck.random(6000) < expit(odds)
    many, few = fit_logistic(columns, came), fit_logistic(columns[:40], came[:40], prior_sd=0.1)
    assert many.coefficients == pytest.approx(truth, abs=0.12) and many.intercept == pytest.approx(0.5, abs=0.12)
    assert chance(many.log_odds(columns)).mean() == pytest.approx(came.mean(), abs=1e-3)
    assert np.abs(few.coefficients).max() < 0.2
    # at the top of the posterior no direction leads up
    z = np.clip(np.nan_to_num((columns - many.mean) / many.sd), -5, 5)

    def posterior(theta):
        each = theta[0] + z @ theta[1:]
        return (came @ each - np.logaddexp(0, each).sum() - theta[1:] @ theta[1:] / 2) / len(came)

    assert np.abs(approx_fprime(np.r_[many.intercept, many.coefficients], posterior, 1e-6)).max() < 1e-4
    with pytest.raises(ValueError, match="no rows"):
        fit_logistic(np.empty((0, 2)), np.empty(0))


def test_half_the_weight_is_half_the_evidence():
    luck = np.random.default_rng(2)
    columns = luck.normal(size=(200, 2))
    came = luck.random(200) < expit(columns @ [1.0, -1.0])
    twice = fit_logistic(np.vstack((columns, columns)), np.r_[came, came], weight=0.5)
    assert twice.coefficients == pytest.approx(fit_logistic(columns, came).coefficients, abs=1e-4)


@given(st.floats(0, 1), st.floats(-40, 40))
def test_shifting_log_odds_moves_a_chance_and_never_certainty(p, by):
    moved = float(shifted(np.array(p), by))
    assert 0 <= moved <= 1
    assert (moved == p) if p in (0.0, 1.0) or by == 0 else (moved >= p) == (by > 0) or moved == p
    if 1e-6 < p < 1 - 1e-6 and abs(by) < 8:
        assert moved == pytest.approx(expit(exact_logit(p) + by), rel=1e-6)
        assert float(shifted(np.array(moved), -by)) == pytest.approx(p, rel=1e-6)
        assert float(logit(np.array(p))) == pytest.approx(exact_logit(p), rel=1e-9, abs=1e-12)
