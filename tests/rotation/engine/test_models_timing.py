"""Three dates of the next order, and none where none is expected."""

import numpy as np
import pytest

from rotation.engine.facts import NO_DAY
from rotation.engine.models import Purchases, fit, next_order

from .simulated import shop

TODAY = 20_000


@pytest.fixture(scope="module")
def clients():
    return shop()


@pytest.fixture(scope="module")
def fitted(clients):
    return fit(clients)


def test_dates_are_the_first_days_on_which_the_chance_is_reached(clients, fitted):
    dates = next_order(fitted, clients, TODAY)
    for day, silent in ((dates.early, 0.75), (dates.likely, 0.5), (dates.late, 0.25)):
        told = day != NO_DAY
        some, ahead = clients.take(told), (day[told] - TODAY).astype(float)
        assert told.any() and (ahead >= 1).all()
        assert (fitted.p_silent(some, ahead) <= silent).all()
        assert (fitted.p_silent(some, ahead - 1) > silent).all()
        assert (~told == (fitted.p_silent(clients, 400) > silent)).all()
    both = dates.late != NO_DAY
    assert (dates.early[both] <= dates.likely[both]).all() and (dates.likely[both] <= dates.late[both]).all()


def test_a_client_gone_for_years_gets_no_date(fitted):
    gone = Purchases([20], [200.0], [2000.0], [20 * np.log(10.0)])
    dates = next_order(fitted, gone, TODAY)
    assert (dates.early[0], dates.likely[0], dates.late[0]) == (NO_DAY, NO_DAY, NO_DAY)


def test_a_regular_client_is_expected_on_its_own_day_until_that_day_is_past(fitted):
    # ordered every 30 days; last order 10 days ago, 35 days ago, 10 days ago with uneven gaps, and too few orders
    x, since = np.array([10, 10, 10, 5]), np.array([10.0, 35.0, 10.0, 10.0])
    t = x * 30.0
    clients = Purchases(x, t, t + since, x * np.log(30.0))
    gaps = {"median_gap": np.full(4, 30.0), "mean_gap": np.full(4, 30.0), "gap_spread": np.array([3.0, 3.0, 20.0, 3.0])}
    dates, by_model = next_order(fitted, clients, TODAY, **gaps), next_order(fitted, clients, TODAY)
    assert dates.regular.tolist() == [True, False, False, False]
    assert dates.likely[0] == TODAY + 20
    assert dates.likely[1:].tolist() == by_model.likely[1:].tolist()
    assert dates.early[0] <= dates.likely[0] <= dates.late[0]
    assert not by_model.regular.any()
