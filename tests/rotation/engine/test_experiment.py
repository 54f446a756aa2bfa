"""The hold-out draw: its share, its balance, its repeatability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.experiment import draw_hold_out, seed_number, terciles
from rotation.engine.rules import Experiment


def draw(n, share, seed=1, strata=None, exempt=None):
    ids = np.arange(n) * 7 + 1
    strata = np.zeros(n, int) if strata is None else strata
    exempt = np.zeros(n, bool) if exempt is None else exempt
    return draw_hold_out(Experiment(share, ("abc",), {}), ids, strata, exempt, np.linspace(1, 2, n), seed_number("salt", seed, 20_000))


@given(st.integers(0, 300), st.sampled_from([0.05, 0.1, 0.3, 0.5]), st.integers(1, 10**9))
@settings(max_examples=80, deadline=None)
def test_every_stratum_holds_its_share_within_one(n, share, seed):
    strata = np.arange(n) % 4
    exempt = np.arange(n) % 11 == 0
    held = draw(n, share, seed, strata, exempt)
    assert not held[exempt].any()
    for stratum in range(4):
        drawn = (strata == stratum) & ~exempt
        assert abs(held[drawn].sum() - share * drawn.sum()) <= 1


def test_each_client_is_drawn_about_as_often_as_any_other():
    often = np.mean([draw(40, 0.3, seed) for seed in range(2000)], axis=0)
    # 2,000 draws: five standard errors are 0.05
    assert np.abs(often - 0.3).max() < 0.052


def test_the_same_seed_draws_the_same_and_both_arms_hold_like_money():
    assert (draw(100, 0.3) == draw(100, 0.3)).all()
    assert (draw(100, 0.3) != draw(100, 0.3, seed=2)).any()
    stake = np.linspace(1, 2, 1000)
    held = draw(1000, 0.3)
    assert stake[held].mean() == pytest.approx(stake[~held].mean(), rel=0.02)


def test_nobody_is_drawn_without_a_share():
    assert not draw(50, 0.0).any()


def test_terciles_split_by_rank():
    assert terciles(np.array([5.0, 1.0, 3.0, 2.0, 4.0, 0.0])).tolist() == [2, 0, 1, 1, 2, 0]
    assert terciles(np.empty(0)).tolist() == []
