"""What may be said about an effect, and when."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.outcome import Difference, reactivation
from rotation.engine.uplift import (
    LEAST_TAU,
    Effects,
    effects,
    looks,
    needed_clients,
    plan,
    sequence,
    sequence_factor,
    shrunk,
    smaller_share,
    uplift,
)
from tests.rotation.engine.test_outcome import arms, joined


def test_needed_clients_are_those_of_the_design():
    assert needed_clients(0.4, 0.1, 0.3) == 909
    assert needed_clients(0.4, 0.1, 0.1) == 2102
    assert needed_clients(0.4, 0.2, 0.3) < 909 / 3.5
    for wrong in ((0.4, 0, 0.3), (0.4, 0.1, 0.0), (0.4, 0.1, 1.0)):
        with pytest.raises(ValueError, match="no size answers"):
            needed_clients(*wrong)


def test_the_sequence_is_the_given_half_width():
    n, q = 600, (6 + math.log(7)) / 600
    expected = math.sqrt(2 * (n * q + 1) / (n * q) * math.log(math.sqrt(n * q + 1) / 0.05))
    assert sequence_factor(600) == pytest.approx(expected) == pytest.approx(3.0352, abs=1e-4)
    assert sequence_factor(0) == math.inf
    found = Difference(0.1, 0.1 - 1.959964 * 0.02, 0.1 + 1.959964 * 0.03, 0.5, 0.4, 420, 180, 500.0)
    low, high = sequence(found)
    assert (low, high) == (pytest.approx(0.1 - 0.02 * expected, abs=1e-6), pytest.approx(0.1 + 0.03 * expected, abs=1e-6))


@given(st.integers(1, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_sequence_is_always_wider_than_one_look(n):
    assert sequence_factor(n) > 1.96


def test_shrinking_weighs_what_was_measured_against_what_was_assumed():
    assert shrunk(0.3, 0) == 0.1
    assert shrunk(math.nan, 50) == 0.1
    assert shrunk(0.3, 200) == pytest.approx(0.2)
    assert shrunk(0.0, 600) == pytest.approx(0.025)


def test_a_plan_names_the_day_when_enough_windows_have_closed():
    # everyone needed is drawn already: the day after the last of their windows
    closes = np.arange(1000) // 10 + 20_000
    ready = plan(closes, closes - 90, 20_010, base=0.4, share=0.3, horizon=90)
    assert (ready.needed, ready.on) == (909, 20_000 + 908 // 10 + 1)
    # 70 a week since four weeks ago: 629 are missing, nine weeks' worth
    drawn_on = np.repeat(20_000 - 7 * np.arange(1, 5), 70)
    later = plan(drawn_on + 90, drawn_on, 20_000, base=0.4, share=0.3, horizon=90)
    assert later.on == 20_000 + math.ceil(629 * 4 / 280 * 7) + 90 + 1
    # nobody is drawn any more, or ever was
    assert plan(drawn_on + 90, drawn_on, 20_200, base=0.4, share=0.3, horizon=90).on is None
    assert plan(np.empty(0, int), np.empty(0, int), 20_000, base=0.4, share=0.3, horizon=90).on is None


def test_a_look_counts_clients_and_says_whether_it_may_speak():
    few = uplift(arms(6, 20, 1, 11))
    assert (few.n_treated, few.n_control, few.ordered_treated, few.ordered_control) == (20, 11, 6, 1)
    assert not few.sayable and not few.measured
    some = uplift(arms(38, 120, 9, 50))
    assert some.sayable and not some.measured
    assert some.low < 0.03 < 0.1 < some.high  # wider than one look would be
    assert some.low < some.reactivation.low < some.reactivation.high < some.high
    many = uplift(arms(500, 1000, 160, 400))
    assert many.measured and many.low > 0
    assert many.tau == pytest.approx((many.reactivation.effective * 0.1 + 20) / (many.reactivation.effective + 200))


def test_a_smaller_control_group_is_proposed_once_the_interval_is_narrow():
    assert smaller_share(uplift(arms(38, 120, 9, 50)), 0.3) is None
    narrow = uplift(arms(5000, 10_000, 1600, 4000))
    assert narrow.half_width < 0.05 and smaller_share(narrow, 0.3) == 0.1
    assert smaller_share(narrow, 0.1) is None


def test_looks_see_only_windows_closed_before_their_day():
    rows = arms(20, 40, 5, 20)
    closes = np.concatenate([np.arange(40), np.arange(20) * 2])
    found = looks(rows, closes, np.array([0, 10, 100]))
    assert [(each.n_treated, each.n_control) for each in found] == [(0, 0), (10, 5), (40, 20)]
    assert found[2] == uplift(rows)


def test_effects_wait_until_they_weigh_as_much_as_the_assumption():
    assert effects(arms(38, 120, 9, 50), ("",)) is None
    one, two = arms(300, 500, 60, 200, stratum=0), arms(100, 500, 40, 200, stratum=1)
    found = effects(joined(one, two), ("A1", "A2"))
    whole = uplift(joined(one, two))
    assert found.tau == pytest.approx(whole.tau, abs=1e-6) and found.n == 1400
    # each stratum leans on the organization: 30 points and 0 points of their own
    for name, rows in (("A1", one), ("A2", two)):
        own = reactivation(rows)
        assert found.by_stratum[name] == pytest.approx((own.effective * own.value + 200 * whole.tau) / (own.effective + 200), abs=1e-6)
    assert found.by_stratum["A1"] > found.tau > found.by_stratum["A2"]
    assert found.of(("A1", "A2", "A3"), np.array([0, 2, -1])).tolist() == [found.by_stratum["A1"], found.tau, found.tau]


def test_an_effect_that_harms_still_leaves_a_value_to_rank_by():
    assert effects(arms(100, 1000, 200, 400), ("",)).tau == LEAST_TAU


def test_effects_as_json_hold_what_a_run_records():
    assert Effects(0.2, {"A1": 0.3}, 7).as_json() == {"tau": 0.2, "by_stratum": {"A1": 0.3}, "n": 7}
