"""Differences between arms: published intervals, cases worked by hand, coverage when there is nothing to find."""

import numpy as np
import pytest

from rotation.engine.errors import FactsError
from rotation.engine.outcome import Drawn, net_per_client, newcombe, reactivation, wilson, winsorised
from rotation.engine.uplift import sequence


def drawn(treated, ordered, net=None, stratum=0, block=0):
    n = len(treated)
    return Drawn(
        np.array(treated, bool),
        np.array(ordered, bool),
        np.zeros(n, np.int64) if net is None else np.array(net, np.int64),
        np.full(n, stratum) if np.isscalar(stratum) else np.array(stratum),
        np.full(n, block) if np.isscalar(block) else np.array(block),
    )


def arms(ordered1, n1, ordered0, n0, stratum=0, block=0):
    """Counts as rows."""
    treated = [True] * n1 + [False] * n0
    ordered = [i < ordered1 for i in range(n1)] + [i < ordered0 for i in range(n0)]
    return drawn(treated, ordered, stratum=stratum, block=block)


def joined(*parts):
    return Drawn(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("treated", "ordered", "net_cents", "stratum", "block"))
    )


# Newcombe (1998), table II, method 10: the eight contrasts.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_one_stratum_gives_the_published_interval(counts, low, high):
    found = reactivation(arms(*counts))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    a, m, b, n = counts
    assert newcombe(a / m, m, b / n, n) == (found.low, found.high)
    assert (found.n_treated, found.n_control) == (m, n)
    assert found.effective == pytest.approx(4 / (1 / m + 1 / n))


def test_wilson_as_published():
    # Wilson's interval of 81 in 263 and of 0 in 20 (Newcombe 1998, Statistics in Medicine 17, 857-872, table I)
    assert [round(x, 4) for x in wilson(81 / 263, 263)] == [0.2553, 0.3662]
    assert [round(x, 4) for x in wilson(0, 20)] == [0.0, 0.1611]
    assert [round(x, 4) for x in wilson(1 / 29, 29)] == [0.0061, 0.1718]


def test_strata_weigh_as_mantel_and_haenszel_worked_by_hand():
    # stratum 0: 6 of 8 against 1 of 4; stratum 1: 1 of 10 against 0 of 10. Weights 8x4/12 = 8/3 and 10x10/20 = 5.
    both = joined(arms(6, 8, 1, 4, stratum=0), arms(1, 10, 0, 10, stratum=1))
    w = np.array([8 / 3, 5]) / (8 / 3 + 5)
    found = reactivation(both)
    assert found.value == pytest.approx(w[0] * (6 / 8 - 1 / 4) + w[1] * (1 / 10))
    assert found.treated == pytest.approx(w[0] * 0.75 + w[1] * 0.1)
    assert found.low < found.value < found.high


def test_strata_too_thin_are_joined_inside_their_block_and_never_across():
    # two strata of one control each, same block: joined to 3 of 4 against 1 of 2
    thin = joined(arms(2, 2, 1, 1, stratum=0), arms(1, 2, 0, 1, stratum=1))
    assert reactivation(thin).value == pytest.approx(3 / 4 - 1 / 2)
    # in two blocks they had different chances: each is compared inside itself, one control and all
    apart = joined(arms(2, 2, 1, 1, stratum=0, block=1), arms(1, 2, 0, 1, stratum=1, block=2))
    assert reactivation(apart).value == pytest.approx((0 + 1 / 2) / 2)


def test_a_changed_share_does_not_pass_for_an_effect():
    # Nobody is helped: in the first block 80% order by themselves with half held, in the second 20% with a tenth held.
    first = arms(40, 50, 40, 50, block=1)
    second = arms(18, 90, 2, 10, block=2)
    found = reactivation(joined(first, second))
    assert found.value == pytest.approx(0.0)
    raw = 58 / 140 - 42 / 60
    assert raw < -0.25  # what pooling without the block would have said


def test_nobody_to_compare_says_nothing():
    for rows in (arms(0, 0, 0, 0), arms(3, 5, 0, 0), arms(0, 0, 2, 4)):
        found = reactivation(rows)
        assert np.isnan(found.value) and (found.low, found.high) == (-1.0, 1.0) and found.effective == 0
        money = net_per_client(rows)
        assert np.isnan(money.value) and money.high == np.inf
        assert sequence(found, floor=-1, ceiling=1) == (-1, 1)


def test_money_worked_by_hand_is_welchs_interval():
    treated, control = [100, 300, 500, 700], [0, 200, 100]
    rows = drawn([True] * 4 + [False] * 3, [True] * 7, net=treated + control)
    found = net_per_client(Drawn(rows.treated, rows.ordered, rows.net_cents, rows.stratum, rows.block), margin_rate=0.5)
    w = winsorised(np.array(treated + control, float)) * 0.5
    one, none = w[:4], w[4:]
    assert found.value == pytest.approx(one.mean() - none.mean())
    from scipy.stats import ttest_ind

    low, high = ttest_ind(one, none, equal_var=False).confidence_interval()
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_one_exceptional_order_does_not_decide():
    rng = np.random.default_rng(5)
    net = rng.integers(0, 1000, 400)
    net[0] = 10**9
    rows = drawn(np.arange(400) < 280, net > 500, net=net)
    assert net_per_client(rows).value < 1000


def test_a_column_of_another_length_is_refused():
    with pytest.raises(FactsError, match="stratum"):
        Drawn(np.zeros(3, bool), np.zeros(3, bool), np.zeros(3, int), np.zeros(2, int), np.zeros(3, int))


def null_experiment(rng, n, share=0.3):
    """Two arms of the same clients: nine strata that differ in how often they order, money with a long tail."""
    stratum = rng.integers(0, 9, n)
    ordered = rng.random(n) < 0.24 + 0.04 * stratum
    net = np.where(ordered, rng.lognormal(10, 1, n), 0).astype(np.int64)
    return Drawn(rng.random(n) >= share, ordered, net, stratum, np.zeros(n, int))


def test_when_nothing_differs_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(20)
    covered = {}
    for n in (80, 300):
        rows = [null_experiment(rng, n) for _ in range(900)]
        covered[n] = [np.mean([found.low <= 0 <= found.high for found in map(look, rows)]) for look in (reactivation, net_per_client)]
    # 900 draws: one standard error is 0.007
    assert all(0.93 <= each <= 0.97 for both in covered.values() for each in both), covered


def test_looking_twelve_times_at_nothing_cries_wolf_at_most_once_in_twenty():
    rng = np.random.default_rng(21)
    every, plain, times = 0, 0, 150
    for _ in range(times):
        rows = null_experiment(rng, 960)
        found = [reactivation(rows.only(np.arange(960) < 80 * look)) for look in range(1, 13)]
        plain += any(not each.low <= 0 <= each.high for each in found)
        every += any(not low <= 0 <= high for low, high in map(sequence, found))
    assert every / times <= 0.05
    assert plain / times > 0.1  # and why the plain interval is not what a page looked at every week may show
