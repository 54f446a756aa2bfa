"""The CDNOW sample of Fader and Hardie: the published parameters, likelihoods and predictions, by the engine's own fits."""

import csv
import gzip
import json
from datetime import date

import numpy as np
import pytest

from bench.classics import Opportunities, Pareto
from bench.published import read_donations, read_summary, solve_donations, solve_summary
from rotation.engine.features import order_statistics
from rotation.engine.models import BG, MBG, Purchases, expected_orders, fit_single, fit_tickets, orders_to_come

from .shared import published


@pytest.fixture(scope="module")
def checks():
    return json.loads(published("cdnow/published_checks.json").read_text())


@pytest.fixture(scope="module")
def summary():
    return read_summary(published("cdnow/sample_summary.csv"))


def test_bg_nbd_reaches_the_published_maximum(checks, summary):
    made, figures = fit_single(summary.clients, drop_out=BG), checks["bg_nbd"]
    assert made.n == 2357
    assert made.parameters[0] == pytest.approx(list(figures["params"].values()), abs=0.001)
    assert made.log_likelihood == pytest.approx(figures["log_likelihood"], abs=0.05)


def test_mbg_nbd_reaches_the_published_maximum(checks, summary):
    made = fit_single(summary.clients, drop_out=MBG)
    assert made.parameters[0] == pytest.approx(list(checks["mbg_nbd"]["params"].values()), abs=0.001)
    assert made.log_likelihood == pytest.approx(-9582.136, abs=0.001)


def test_bg_nbd_predicts_the_published_orders(checks, summary):
    # the published predictions come from unrounded parameters, so ours are made from our own maximum
    figures, made = checks["bg_nbd"], fit_single(summary.clients, drop_out=BG)
    expected, client, tolerance = figures["expected_repeat_purchases"], figures["conditional_expectation"], figures["tolerance"]
    repeat = expected_orders(made, np.array(expected["t_weeks"]))
    assert repeat == pytest.approx(expected["value"], abs=tolerance["expected_repeat_purchases"])
    to_come = orders_to_come(made, Purchases([client["x"]], [client["t_x"]], [client["T"]]), client["t"])
    assert to_come == pytest.approx([client["value"]], abs=tolerance["conditional_expectation"])


def test_gamma_gamma_reaches_the_published_maximum_and_the_published_tickets(checks, summary):
    figures = checks["gamma_gamma"]
    made = fit_tickets(summary.clients.x, np.round(summary.mean_value, 2), prior_sd=np.inf)
    assert made.n == 946
    assert [made.p, made.q, made.v] == pytest.approx(list(figures["params"].values()), abs=figures["tolerance"]["params"])
    assert made.log_likelihood == pytest.approx(figures["log_likelihood"], abs=0.05)
    tickets = made.ticket(summary.clients.x[:10], summary.mean_value[:10])
    assert tickets == pytest.approx(figures["expected_average_usd_customers_1_to_10"], abs=figures["tolerance"]["expected_average_usd"])


def test_pareto_nbd_reaches_the_published_maximum_and_predictions(checks, summary):
    clients, figures = summary.clients, checks["pareto_nbd"]
    made, tolerance = Pareto.fit(clients.x.astype(float), clients.t, clients.T), figures["tolerance"]
    assert [made.r, made.alpha, made.s, made.beta] == pytest.approx(list(figures["params"].values()), abs=tolerance["params"])
    assert made.log_likelihood == pytest.approx(figures["log_likelihood"], abs=0.05)
    expected = figures["expected_purchases_t_0_to_9"]
    assert made.expected_orders(np.arange(10.0)) == pytest.approx(expected, abs=tolerance["expected_purchases"])
    client = figures["conditional_expectation"]
    to_come = made.orders_to_come(*(np.array([client[name]], float) for name in ("x", "t_x", "T")), client["t"])
    assert to_come == pytest.approx([client["value"]], abs=tolerance["conditional_expectation"])


def test_bg_bb_reaches_the_published_maximum_and_predictions(checks):
    x, t, n, donors = read_donations(published("cdnow/donations_bgbb.csv"))
    made, figures = Opportunities.fit(x, t, n, donors), checks["bg_bb"]
    assert donors.sum() == 11_104
    assert [made.alpha, made.beta, made.gamma, made.delta] == pytest.approx(list(figures["params"].values()), abs=0.005)
    assert made.log_likelihood == pytest.approx(figures["log_likelihood"], abs=0.05)
    for row in figures["prob_alive_next_period"]:
        alive = made.p_alive_next(*(np.array([value], float) for value in (row["x"], row["t_x"], 6)))
        assert alive == pytest.approx([row["value"]], abs=0.006)
    assert donors @ made.orders_to_come(x, t, n, 5) == pytest.approx(figures["total_expected_next_5_periods"], rel=1e-3)


def test_the_bench_prints_the_same_numbers():
    lines = {line["model"]: line for line in solve_summary(published("cdnow/sample_summary.csv"))}
    assert list(lines["bg_nbd"]["parameters"].values()) == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=0.001)
    assert lines["bg_nbd"]["log_likelihood"] == pytest.approx(-9582.43, abs=0.01)
    assert lines["pareto_nbd"]["log_likelihood"] == pytest.approx(-9594.98, abs=0.01)
    assert json.loads(json.dumps(lines))["gamma_gamma"]["clients"] == 946
    (donations,) = solve_donations(published("cdnow/donations_bgbb.csv"))
    assert donations["log_likelihood"] == pytest.approx(-33225.58, abs=0.01)


@pytest.mark.parametrize(
    ("text", "sentence"), [("x,t_x\n1,2\n", "the header lacks T"), ("x,t_x,T\n1,2,9\n1,two,9\n", "line 3: x, t_x, T must be numbers")]
)
def test_a_summary_that_cannot_be_read_is_refused_by_place(tmp_path, text, sentence):
    path = tmp_path / "summary.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_summary(path)


def test_statistics_from_the_transactions_are_those_of_the_summary(summary):
    with gzip.open(published("cdnow/sample_transactions.csv.gz"), "rt") as lines:
        orders = {(int(row["customer_id"]), (date.fromisoformat(row["date"]) - date(1970, 1, 1)).days) for row in csv.DictReader(lines)}
    client, day = np.array(sorted(orders)).T
    as_of = (date(1997, 9, 30) - date(1970, 1, 1)).days
    made = order_statistics(np.concatenate(([0], np.cumsum(np.bincount(client)[1:]))), day, np.ones(len(day), np.int64), as_of=as_of)
    days = Purchases.on(as_of, x=made.x, first_on=made.first_on, last_on=made.last_on)
    assert (days.x == summary.clients.x).all()
    weeks = [days.t / 7, days.T / 7]
    assert weeks == [pytest.approx(summary.clients.t, abs=1e-6), pytest.approx(summary.clients.T, abs=1e-6)]
