"""Scores from the orders, kept and told: what the service says is what the engine says, and nothing of it comes from a later day."""

import csv
import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from accounts.tenancy import acting_for, tenant_atomic
from clients.models import ClientScore, Order, Scoring
from clients.predicting import chance_words, how_sure, why_method
from rotation.engine.prediction import OrderHistory, predict
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.engine.schema import STATES
from rotation.selectors.facts import day_number
from rotation.selectors.order_days import order_history
from rotation.selectors.scores import latest_scoring
from rotation.services.run_scores import names_a_chance
from rotation.services.runs import preview
from rotation.services.scored import scores_on
from rotation.services.scoring import horizons_asked, organizations_due, score_organization
from tests.factories import ClientFactory, OrderFactory
from tests.rotation.conftest import AS_OF, NOW, make_client

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

AT_RISK_RULE = {
    **PRESETS["general"],
    "name": "Em risco",
    "trigger": {"all": [{"field": "p_cross", "op": ">=", "value": 0.3}]},
    "guards": [],
}


def ids(rows) -> list[int]:
    return [row.pk for row in rows]


def test_order_history_is_one_row_a_client_and_day_that_sums_above_zero_up_to_the_day(acting):
    buys, returns, never = (ClientFactory() for _ in range(3))
    day = AS_OF - timedelta(days=40)
    for client, on, status, cents in [
        (buys, day, "valid", 10_000),
        (buys, day, "valid", 5_000),
        (buys, day, "returned", -2_000),
        (buys, day + timedelta(days=10), "cancelled", 9_000),
        (buys, AS_OF, "valid", 7_000),
        (buys, AS_OF + timedelta(days=1), "valid", 8_000),
        (returns, day, "valid", 4_000),
        (returns, day, "returned", -4_000),
    ]:
        OrderFactory(client=client, ordered_on=on, status=status, amount_cents=cents)

    history = order_history(acting, as_of=AS_OF)

    assert history.client_id.tolist() == ids([buys, returns, never])
    assert history.start.tolist() == [0, 2, 2, 2]
    assert history.day.tolist() == [day_number(day), day_number(AS_OF)]
    assert history.net_cents.tolist() == [13_000, 7_000]


def test_the_read_in_pieces_is_the_read_at_once(acting, portfolio, monkeypatch):
    whole = order_history(acting, as_of=AS_OF)
    monkeypatch.setattr("rotation.selectors.order_days.CLIENTS_AT_ONCE", 7)
    pieces = order_history(acting, as_of=AS_OF)

    for name in ("client_id", "start", "day", "net_cents"):
        assert getattr(pieces, name).tolist() == getattr(whole, name).tolist()


def test_kept_scores_are_the_engines_own(fresh_feed, portfolio):
    prospect = make_client(None, days_silent=None)
    orders = list(Order.objects.values_list("client_id", "ordered_on", "net_cents"))
    clients = np.array([*ids(portfolio), prospect.pk])
    row = {pk: i for i, pk in enumerate(clients.tolist())}
    history = OrderHistory.of_orders(
        clients,
        np.array([row[client] for client, _day, _net in orders]),
        np.array([day_number(day) for _client, day, _net in orders]),
        np.array([net for _client, _day, net in orders]),
    )
    expected = predict(history, day_number(AS_OF), horizon=90, inactive_days=90)

    (scoring,) = score_organization(fresh_feed.pk, at=NOW)

    kept = {score.client_id: score for score in ClientScore.objects.all()}
    assert sorted(kept) == clients[:-1].tolist()
    for i, pk in enumerate(clients[:-1].tolist()):
        score = kept[pk]
        assert score.p_silent == pytest.approx(expected.p_silent[i], abs=1e-12)
        assert score.p_cross == pytest.approx(expected.p_cross[i], abs=1e-12)
        assert score.p_alive == pytest.approx(expected.p_alive[i], abs=1e-12)
        assert score.year_cents == round(expected.year_cents[i])
        assert score.at_stake_cents == round(expected.p_silent[i] * score.year_cents)
        assert (score.made_for, score.horizon, score.cycle_days) == (AS_OF, 90, 30.0)
    assert (scoring.method, scoring.clients, scoring.scored) == (expected.method, len(clients), len(portfolio))
    assert scoring.basis == expected.basis
    silent = kept[portfolio[0].pk]
    assert (silent.state, silent.lateness) == ("inactive", pytest.approx(100 / 30))


def test_what_happened_after_the_day_changes_no_score(fresh_feed, portfolio):
    day = AS_OF - timedelta(days=60)
    before = scores_on(fresh_feed, as_of=day)
    for client in portfolio[::2]:
        OrderFactory(client=client, ordered_on=day + timedelta(days=1), amount_cents=99_999_999)
    portfolio[1].discarded_on = day + timedelta(days=1)
    portfolio[1].save()
    after = scores_on(fresh_feed, as_of=day)

    for name in ("p_silent", "p_cross", "p_alive", "year_cents"):
        np.testing.assert_array_equal(getattr(before.prediction, name), getattr(after.prediction, name))
    np.testing.assert_array_equal(before.state, after.state)
    assert STATES[scores_on(fresh_feed, as_of=day + timedelta(days=1)).state[1]] == "discarded"


def test_a_day_is_scored_once_and_again_when_orders_came(fresh_feed, portfolio):
    assert len(score_organization(fresh_feed.pk, at=NOW)) == 1
    assert score_organization(fresh_feed.pk, at=NOW + timedelta(minutes=5)) == []
    assert organizations_due(NOW) == []

    Organization.objects.filter(pk=fresh_feed.pk).update(orders_received_at=NOW + timedelta(minutes=6))
    OrderFactory(client=portfolio[0], ordered_on=AS_OF)
    Order.objects.filter(client=portfolio[1]).update(status="cancelled")
    assert organizations_due(NOW) == [fresh_feed.pk]
    assert len(score_organization(fresh_feed.pk, at=NOW + timedelta(minutes=7))) == 1

    assert ClientScore.objects.get(client=portfolio[0]).state == "active"
    assert Scoring.objects.count() == 1
    tomorrow = NOW + timedelta(days=1)
    assert organizations_due(tomorrow) == [fresh_feed.pk]
    score_organization(fresh_feed.pk, at=tomorrow)
    assert not ClientScore.objects.filter(client=portfolio[1]).exists()  # nothing but cancelled orders: a prospect again
    assert set(ClientScore.objects.values_list("made_for", flat=True)) == {AS_OF + timedelta(days=1)}
    assert latest_scoring(90).as_of == AS_OF + timedelta(days=1)


def test_every_horizon_an_active_rule_weighs_by_is_scored_and_an_old_one_forgotten(fresh_feed, portfolio, admin):
    from rotation.services.rules import create_rule, pause, publish

    rule = create_rule({**PRESETS["general"], "name": "Seis semanas", "value": {"horizon_days": 42}}, by=admin)
    publish(rule.versions.get(), by=admin)
    assert horizons_asked() == [42, 90]
    score_organization(fresh_feed.pk, at=NOW)
    shorter, longer = (dict(ClientScore.objects.filter(horizon=days).values_list("client_id", "p_silent")) for days in (42, 90))
    assert shorter.keys() == longer.keys() == set(ids(portfolio))
    assert all(shorter[pk] >= longer[pk] for pk in shorter)

    pause(rule, by=admin)
    score_organization(fresh_feed.pk, at=NOW, again=True)
    assert set(ClientScore.objects.values_list("horizon", flat=True)) == {90}


def test_a_handful_of_clients_is_told_that_days_answer_and_how_many_are_missing(fresh_feed, representatives):
    for i in range(7):
        make_client(representatives[0], days_silent=45 + i)
    (scoring,) = score_organization(fresh_feed.pk, at=NOW)

    assert scoring.method == "day_rule"
    assert why_method(scoring.method, scoring.basis) == "Regra de dias: 7 clientes com pedido; a previsão precisa de 10."
    assert ClientScore.objects.order_by("client_id").values_list("p_silent", "p_alive").first() == (0.5, None)


@pytest.mark.parametrize(
    ("trigger", "asks"),
    [
        ({"field": "days_since_last", "op": ">=", "value": 90}, False),
        ({"field": "p_cross", "op": ">=", "value": 0.5}, True),
        ({"any": [{"field": "days_since_last", "op": ">=", "value": 90}, {"field": "p_silent", "op": ">", "value": 0.9}]}, True),
        ({"field": "state", "op": "in", "value": ["at_risk", "near_inactive"]}, True),
        ({"field": "state", "op": "=", "value": "active"}, True),
        ({"field": "state", "op": "in", "value": ["active", "at_risk"]}, False),
        ({"field": "state", "op": "in", "value": ["near_inactive", "inactive"]}, False),
    ],
)
def test_which_rules_cannot_do_without_a_chance(trigger, asks):
    assert names_a_chance(parse_rule({**PRESETS["general"], "trigger": trigger})) is asks


def test_a_run_takes_the_scores_kept_for_its_day_or_makes_the_same_ones(fresh_feed, portfolio):
    computed = preview([AT_RISK_RULE], as_of=AS_OF, at=NOW)
    assert Scoring.objects.count() == 0  # looking writes nothing
    assert computed.summary["scores"]["90"]["from"] == "computed"
    score_organization(fresh_feed.pk, at=NOW)
    kept = preview([AT_RISK_RULE], as_of=AS_OF, at=NOW)

    assert kept.summary["scores"]["90"]["from"] == "kept"
    assert kept.summary["scores"]["90"]["method"] == kept.summary["rules"][0]["score_method"] == "mixture"
    assert (kept.digest, kept.proposals, kept.value_cents) == (computed.digest, computed.proposals, computed.value_cents)
    assert kept.flagged > sum(1 for row in kept.proposals if row.days_since_last >= 90)
    scores = {score.client_id: score for score in ClientScore.objects.all()}
    for row in kept.proposals:
        score = scores[row.client_id]
        assert row.at_stake_cents == pytest.approx(score.p_silent * score.year_cents, abs=1)
        assert row.reasons == [{"field": "p_cross", "op": ">=", "value": 0.3, "observed": pytest.approx(score.p_cross, abs=0.001)}]


def test_a_rule_that_counts_days_never_reads_all_orders_for_a_chance(fresh_feed, portfolio, django_assert_max_num_queries):
    by_days = PRESETS["general"]
    seen = preview([by_days], as_of=AS_OF, at=NOW)
    assert seen.summary["scores"] == {"90": {"from": "none", "method": "day_rule", "basis": {}}}
    assert seen.summary["rules"][0]["score_method"] == "day_rule"

    score_organization(fresh_feed.pk, at=NOW)
    Organization.objects.filter(pk=fresh_feed.pk).update(orders_received_at=NOW)
    assert preview([by_days], as_of=AS_OF, at=NOW).summary["scores"]["90"]["from"] == "kept_before_orders"
    assert preview([AT_RISK_RULE], as_of=AS_OF, at=NOW).summary["scores"]["90"]["from"] == "computed"
    with django_assert_max_num_queries(46):  # of the sixty a run may make
        preview([AT_RISK_RULE, by_days], as_of=AS_OF, at=NOW)


def test_the_other_organization_sees_no_score(organization, other):
    with acting_for(organization.pk):
        organization.orders_received_at = NOW
        organization.save()
        client = ClientFactory()
        OrderFactory(client=client, ordered_on=AS_OF)
    score_organization(organization.pk, at=NOW)
    with acting_for(other.pk):
        assert (ClientScore.objects.count(), Scoring.objects.count()) == (0, 0)
    with acting_for(organization.pk):
        assert ClientScore.objects.get().client_id == client.pk


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0, "menos de 1 em 20"), (0.05, "1 em 10"), (0.31, "3 em 10"), (0.95, "9 em 10"), (1.0, "mais de 19 em 20")],
)
def test_a_chance_is_told_as_people_count_it(p, words):
    assert chance_words(p) == words


def test_how_sure_names_the_group_told_much_the_same():
    calibration = {"groups": [{"predicted": 0.1, "observed": 0.12, "n": 50}, {"predicted": 0.32, "observed": 0.3, "n": 40}]}
    assert how_sure(0.3, calibration).endswith("de 40 clientes 12 não compraram: 30%, e tínhamos dito 32%.")
    assert how_sure(0.3, None) == ""


def test_the_task_scores_todays_clients_and_running_twice_is_running_once(fresh_feed, portfolio):
    from rotation.tasks import score_organization as task

    task(organization_id=fresh_feed.pk)
    first = Scoring.objects.get()
    assert first.as_of == timezone.now().astimezone(fresh_feed.zone).date()
    task(organization_id=fresh_feed.pk)
    assert Scoring.objects.get().made_at == first.made_at
    with pytest.raises(TypeError):
        task()


# manage.py score


@pytest.fixture
def scored_command(organization, representatives_here):
    def call(*args: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        call_command("score", *args, organization=organization.slug, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return call


@pytest.fixture
def representatives_here(organization):
    """Fifteen clients that bought every thirty days, and one that never did; committed for a command to find."""
    with tenant_atomic(organization.pk):
        made = [make_client(None, days_silent=10 * i, code=f"K{i:02d}") for i in range(15)]
        return [*made, make_client(None, days_silent=None, code="K99")]


def test_score_prints_one_json_document_and_keeps_nothing_of_a_day_past(scored_command, organization):
    out, _err = scored_command("--as-of", AS_OF.isoformat(), "--json")

    report = json.loads(out)
    assert (report["as_of"], report["clients"], report["scored"], report["horizon"]) == ("2026-10-05", 16, 15, 90)
    assert report["method"] == "mixture"
    assert report["seconds"] > 0
    assert sum(report["states"].values()) == 16
    with tenant_atomic(organization.pk):
        assert ClientScore.objects.count() == Scoring.objects.count() == 0


def test_score_writes_a_line_a_client(scored_command, organization, tmp_path):
    file = tmp_path / "scores.csv"
    scored_command("--as-of", AS_OF.isoformat(), "--csv", str(file))

    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert list(rows[0]) == ["client_code", "state", "days_since_last", "cycle_days", "lateness", "p_alive", "p_silent"]
    assert [row["client_code"] for row in rows] == [f"K{i:02d}" for i in range(15)] + ["K99"]
    assert rows[-1] == dict.fromkeys(rows[0], "") | {"client_code": "K99", "state": "prospect"}
    assert (rows[3]["days_since_last"], rows[3]["cycle_days"], rows[3]["lateness"]) == ("30", "30", "1")
    with tenant_atomic(organization.pk):
        expected = scores_on(organization, as_of=AS_OF).prediction
    assert [float(row["p_silent"]) for row in rows[:-1]] == pytest.approx(expected.p_silent[:15].tolist(), abs=1e-8)
    assert list(tmp_path.iterdir()) == [file]


def test_a_shorter_horizon_is_likelier_silent(scored_command):
    def silent(*args):
        return [float(line.split(",")[-1]) for line in scored_command("--as-of", AS_OF.isoformat(), "--csv", "-", *args)[0].split()[1:-1]]

    assert all(short >= long for short, long in zip(silent("--horizon", "30"), silent(), strict=True))


def test_todays_scores_are_kept(scored_command, organization):
    out, err = scored_command()
    assert "16 clientes, 15 com pedido" in out
    assert err == "" or "…" in err
    with tenant_atomic(organization.pk):
        assert ClientScore.objects.count() == 15


@pytest.mark.parametrize(("args", "code"), [(("--csv", "/nowhere/at/all.csv"), 1), (("--horizon", "0"), 2), (("--as-of", "ontem"), 2)])
def test_what_cannot_be_done_is_said_in_a_sentence(scored_command, args, code):
    with pytest.raises((CommandError, SystemExit)) as refusal:
        scored_command(*args)
    assert code == 2 or refusal.value.returncode == code


def test_an_unknown_organization_is_refused(db):
    with pytest.raises(CommandError, match="no-such") as refusal:
        call_command("score", organization="no-such")
    assert refusal.value.returncode == 1
