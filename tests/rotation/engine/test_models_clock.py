"""The seasonal clock: a planted season is seen, an even year changes nothing."""

import numpy as np
import pytest

from rotation.engine.features import order_statistics
from rotation.engine.models import Purchases, seasonal_clock

TODAY = 20_000


def orders(years, busy=1, a_day=20):
    """``a_day`` orders a day, ``busy`` times as many in the first half of every year of 364 days before TODAY."""
    days = np.arange(TODAY - 364 * years + 1, TODAY + 1)
    half = (days - (TODAY - 363)) % 364 < 182
    return np.repeat(days, np.where(half, a_day * busy, a_day))


def test_an_even_year_is_the_calendar():
    clock = seasonal_clock(orders(2), TODAY)
    assert clock.index == pytest.approx(np.ones(52))
    assert clock.horizon(TODAY, [0, 1, 90, 1000]) == pytest.approx([0, 1, 90, 1000])


def test_a_busy_half_counts_for_more_and_a_year_for_a_year():
    clock = seasonal_clock(orders(2, busy=3), TODAY)
    weekly = 40 * 7
    believed = weekly / (weekly + 20)
    # the middle of the halves, out of reach of the smoothing: 3/2 and 1/2 of the mean
    assert clock.index[[13, 39]] == pytest.approx([1 + believed / 2, 1 - believed / 2])
    assert clock.index.mean() == pytest.approx(1)
    assert clock.horizon(TODAY, 364) == pytest.approx(364)
    assert clock.horizon(TODAY, 182) > 1.8 * clock.horizon(TODAY + 182, 182)


def test_one_year_alone_is_believed_half():
    two, one = seasonal_clock(orders(2, busy=3), TODAY), seasonal_clock(orders(2, busy=3)[20 * 200 :], TODAY)
    assert one.index[13] - 1 == pytest.approx((two.index[13] - 1) / 2)


def test_a_season_is_kept_within_a_quarter_and_four_before_it_is_made_to_mean_one():
    clock = seasonal_clock(np.repeat(np.arange(TODAY - 727, TODAY + 1), np.where(np.arange(728) % 364 < 28, 500, 1)), TODAY)
    assert clock.index.max() / clock.index.min() == pytest.approx(16)
    assert clock.index.mean() == pytest.approx(1)


def test_a_short_history_has_no_clock_and_the_future_none_at_all():
    days = orders(2)
    assert seasonal_clock(days[days > TODAY - 419], TODAY) is None
    assert seasonal_clock([], TODAY) is None
    seen = seasonal_clock(days, TODAY - 100)
    assert (seen.index == seasonal_clock(days[days <= TODAY - 100], TODAY - 100).index).all()


def test_statistics_in_an_even_clock_are_those_of_the_calendar_and_stretch_with_the_season():
    start, day = np.array([0, 0, 1, 5]), np.array([TODAY - 7, TODAY - 400, TODAY - 390, TODAY - 384, TODAY + 3])
    plain = order_statistics(start, day, np.ones(5, int), as_of=TODAY)
    by_calendar = Purchases.on(TODAY, x=plain.x, first_on=plain.first_on, last_on=plain.last_on, sum_log_gap=plain.sum_log_gap)
    even = seasonal_clock(orders(2), TODAY).purchases(TODAY, start, day)
    for name in ("x", "t", "T", "sum_log_gap"):
        assert getattr(even, name) == pytest.approx(getattr(by_calendar, name))
    clock = seasonal_clock(orders(2, busy=3), TODAY)
    seasonal = clock.purchases(TODAY, start, day)
    assert seasonal.t[2] == pytest.approx(clock.horizon(TODAY - 400, 16)) and seasonal.t[2] < 16
    assert seasonal.sum_log_gap[2] == pytest.approx(np.log(clock.horizon(TODAY - 400, 10)) + np.log(clock.horizon(TODAY - 390, 6)))
