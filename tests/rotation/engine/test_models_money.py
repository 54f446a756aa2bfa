"""Gamma-Gamma tickets: the planted ones are found, and few orders are believed less than many."""

import numpy as np
import pytest
from scipy.special import gammaln

from rotation.engine.models import TooFewClients, fit_tickets


def spenders(n=4000, p=5.0, q=4.0, v=30_000.0, seed=1):
    luck = np.random.default_rng(seed)
    x = luck.integers(1, 12, n)
    own = luck.gamma(q, 1 / v, n)
    return x, luck.gamma(p * x, 1 / own) / x


def test_planted_tickets_are_found():
    x, mean = spenders()
    made = fit_tickets(x, mean, prior_sd=np.inf)
    assert (made.p, made.q, made.v) == pytest.approx((5.0, 4.0, 30_000.0), rel=0.1)
    assert made.n == 4000


def test_the_maximum_found_is_flat_in_every_direction():
    x, mean = spenders(n=300)
    best = fit_tickets(x, mean, prior_sd=np.inf)

    def by_hand(p, q, v):
        return float(
            np.sum(
                gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean) + p * x * np.log(x)
                - (p * x + q) * np.log(v + x * mean)
            )
        )  # fmt: skip

    assert best.log_likelihood == pytest.approx(by_hand(best.p, best.q, best.v))
    for factor in (0.97, 1.03):
        for moved in ((best.p * factor, best.q, best.v), (best.p, best.q * factor, best.v), (best.p, best.q, best.v * factor)):
            assert by_hand(*moved) < best.log_likelihood


def test_a_ticket_is_the_mean_of_its_own_and_everybodys_by_the_orders_behind_it():
    made = fit_tickets(*spenders())
    everybody = made.p * made.v / (made.q - 1)
    assert made.ticket([0, -1], [np.nan, 5.0]) == pytest.approx([everybody] * 2)
    few, many = made.ticket([1, 400], [4 * everybody] * 2)
    own_share = made.p / (made.p + made.q - 1)
    assert few == pytest.approx((1 - own_share) * everybody + own_share * 4 * everybody)
    assert everybody < few < many < 4 * everybody and many == pytest.approx(4 * everybody, rel=0.01)


def test_another_currency_and_shuffled_rows_change_nothing():
    x, mean = spenders(n=500)
    made = fit_tickets(x, mean)
    order = np.random.default_rng(2).permutation(len(x))
    assert fit_tickets(x[order], mean[order]) == made
    cents = fit_tickets(x, mean * 100)
    assert (cents.p, cents.q, cents.v) == pytest.approx((made.p, made.q, made.v * 100), rel=1e-6)


def test_a_dozen_clients_with_one_price_end_somewhere():
    made = fit_tickets(np.full(12, 3), np.full(12, 5000.0))
    assert np.isfinite([made.p, made.q, made.v]).all()
    assert made.ticket([0, 3, 50], [0.0, 5000.0, 5000.0]) == pytest.approx([5000] * 3, rel=0.25)
    with pytest.raises(TooFewClients):
        fit_tickets([1] * 9 + [0] * 5, [10.0] * 14)
