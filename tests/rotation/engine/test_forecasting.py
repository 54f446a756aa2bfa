"""Chances on many cut-offs: those a prediction made that day gives, and blind to what came later."""

import numpy as np
import pytest

from rotation.engine.backtest import Backtest
from rotation.engine.forecasting import Forecaster
from rotation.engine.history import OrderHistory
from rotation.engine.prediction import predict
from rotation.engine.replay import Replay
from tests.rotation.engine.builders import rule
from tests.rotation.engine.pasts import DAY_0, past, people, present

N = 30
ASKED = rule(trigger={"all": [{"field": "p_cross", "op": ">=", "value": 0.5}]}, value={"horizon_days": 42})


@pytest.fixture(scope="module")
def made():
    """Forty buyers of four rhythms, a third of whom stop, over two years: long enough for the seasonal clock."""
    draw = np.random.default_rng(7)
    orders = []
    for client in range(40):
        gap, day = (7, 14, 21, 30)[client % 4], int(draw.integers(0, 60))
        end = 730 if client % 3 else int(draw.integers(200, 700))
        while day < end:
            orders.append((client, day, 10_000))
            day += max(1, int(draw.gamma(4, gap / 4)))
    return past(40, orders)


@pytest.mark.parametrize("as_of", [DAY_0 + 300, DAY_0 + 600])  # days, and the seasonal clock's time
def test_a_fit_of_the_day_says_what_a_prediction_of_the_day_says(made, as_of):
    moment = Replay(made, present(40), people(), np.array([as_of]), [ASKED]).advance()
    said = Forecaster(made, N)(moment, 42)
    expected = predict(OrderHistory(made.client_id, *made.order_days()), as_of, horizon=42, inactive_days=N)
    assert said.method == expected.method
    np.testing.assert_allclose(said.p_silent, expected.p_silent, atol=1e-9)
    np.testing.assert_allclose(said.p_cross, expected.p_cross, atol=1e-9)


def test_the_future_changes_no_chance_and_no_flag(made):
    cutoffs = np.arange(280, 500, 20) + DAY_0

    def flags(known):
        test = Backtest([ASKED], known, present(40), people(), cutoffs, known_until=10**6, predictor=Forecaster(known, N))
        while test.step():
            pass
        return test.flags()

    whole, blind = flags(made), flags(made.until(int(cutoffs[-1])))
    assert len(whole) > 0
    for name in ("client", "cutoff", "last_on", "stake_cents"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(blind, name))


def test_too_few_clients_leave_the_answer_to_the_day_rule():
    few = past(2, [(0, 0, 100), (1, 3, 100)])
    test = Backtest([ASKED], few, present(2), people(), np.array([DAY_0 + 20]), known_until=10**6, predictor=Forecaster(few, N))
    test.step()
    assert test.result()["score_methods"] == {"day_rule": 1}
