"""Proving a rule on the organization's own past: read as a run reads, found again, computed in the background, refused in words."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts.models import Representative
from accounts.services import Actor
from clients.models import ClientActivity, Order
from clients.services import refresh_clients
from portfolio.services import Transfer, transfer_clients
from rotation.engine.backtest import Backtest as Replayed
from rotation.engine.facts import NO_DAY
from rotation.engine.features import ABC_CUTS, abc_classes
from rotation.engine.forecasting import LiveForecaster
from rotation.engine.replay import Replay, digest
from rotation.engine.rules import parse_rule
from rotation.errors import BadSpan, HistoryTooShort
from rotation.models import Backtest
from rotation.selectors.facts import day_number, run_facts
from rotation.selectors.past import orders_known_until, past_of
from rotation.services import backtest as service
from rotation.services.backtest import compute_backtest, request_backtest, run_backtest
from rotation.services.runs import preview
from tests.factories import OrderFactory, RepresentativeFactory, VisitFactory
from tests.rotation.conftest import AS_OF, NOW, make_client

# only what is kept with its date, so that the replay and the live run look at the same things
RULE = {
    "name": "75 dias",
    "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 75}]},
    "population": {
        "any": [
            {"field": "lateness", "op": ">=", "value": 0},
            {"field": "abc", "op": "in", "value": ["A", "B", "C"]},
            {"field": "owner_load", "op": ">", "value": 9},
        ]
    },
    "guards": ["visit_within:15", "discarded", "owned_less_than:20", "moved_within:180", "new_within:30", "representative_contract"],
    "value": {"horizon_days": 30},
}
OTHER = {**RULE, "name": "60 dias", "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 60}]}}


@pytest.fixture
def company(fresh_feed, representatives, admin):
    """Fourteen clients, a third of them silent, with a visit, a hand-over, a discard, a return and older orders."""
    Representative.objects.filter(pk=representatives[2].pk).update(contract_type="autonomous", consent_recorded_on=None)
    silences = [150 + i if i % 3 == 0 else 10 + i for i in range(14)]
    clients = [make_client(representatives[i % 3], days_silent=days, net=500_000 + 9_000 * i) for i, days in enumerate(silences)]
    VisitFactory(client=clients[0], representative=representatives[0], visited_on=AS_OF - timedelta(days=5))
    moved = [Transfer(clients[3].pk, representatives[1].pk), Transfer(clients[5].pk, representatives[1].pk)]
    transfer_clients(moved, by=Actor(admin), source="rotation", on=AS_OF - timedelta(days=40))
    type(clients[6]).objects.filter(pk=clients[6].pk).update(discarded_on=AS_OF - timedelta(days=50))
    OrderFactory(client=clients[9], ordered_on=AS_OF - timedelta(days=300), amount_cents=-90_000, status=Order.Status.RETURNED)
    for i in (1, 4, 7):
        OrderFactory(client=clients[i], ordered_on=AS_OF - timedelta(days=320 + i), amount_cents=50_000)
    refresh_clients([client.pk for client in clients], as_of=AS_OF)
    ClientActivity.objects.filter(client=clients[0]).update(last_visit_on=AS_OF - timedelta(days=5))
    return fresh_feed


def test_the_past_read_on_a_day_is_what_a_run_reads_on_it(company):
    company.abc_a_percent, company.abc_b_percent = 30, 60  # its own classes, not the usual ones
    company.save(update_fields=["abc_a_percent", "abc_b_percent"])
    rule = parse_rule(RULE)
    found = run_facts(company, [rule], as_of=AS_OF, live=False)
    past = past_of(company, found, until=AS_OF)
    moment = Replay(past, found.clients, found.representatives, np.array([day_number(AS_OF)]), [rule]).advance()

    expected = found.clients
    for name in ("owner", "x", "first_on", "last_on", "median_gap", "net_12m", "net_total", "last_visit_on", "last_contact_on"):
        np.testing.assert_array_equal(getattr(moment.facts, name), getattr(expected, name), err_msg=name)
    for name in ("owned_since_on", "moved_on", "registered_on", "discarded", "abc"):
        np.testing.assert_array_equal(getattr(moment.facts, name), getattr(expected, name), err_msg=name)
    assert np.bincount(moment.facts.abc).tolist() != np.bincount(abc_classes(expected.net_12m)).tolist()
    assert digest(past, found.clients, found.representatives) != digest(
        replace(past, abc_cuts=ABC_CUTS), found.clients, found.representatives
    )
    assert (moment.facts.moved_on != NO_DAY).sum() == 2 and moment.facts.discarded.sum() == 1
    autonomous = found.representatives.autonomous[expected.owner]  # only of theirs does a run know a commission
    np.testing.assert_array_equal((moment.facts.commission_6m_cents > 0) & autonomous, expected.commission_6m_cents > 0)
    for name in ("active", "holds", "autonomous"):
        np.testing.assert_array_equal(getattr(moment.representatives, name), getattr(found.representatives, name), err_msg=name)


def test_the_last_cutoff_flags_whom_a_run_of_that_day_flags(company):
    rule = parse_rule(RULE)
    found = run_facts(company, [rule], as_of=AS_OF, live=False)
    past = past_of(company, found, until=AS_OF)
    cutoffs = np.arange(-140, 1, 7) + day_number(AS_OF)
    test = Replayed([rule], past, found.clients, found.representatives, cutoffs, known_until=day_number(AS_OF))
    while test.step():
        pass
    seen = preview([RULE], as_of=AS_OF, at=NOW)
    assert test.matching().sum() == seen.flagged - seen.guarded > 0


def test_a_rule_that_names_a_chance_is_exact_at_the_last_cutoff_where_that_is_asked(fresh_feed, representatives):
    for i in range(14):
        make_client(representatives[i % 3], days_silent=3 + 11 * i, x=4 + i)
    asked = RULE | {"trigger": {"all": [{"field": "p_cross", "op": ">=", "value": 0.6}]}, "guards": []}
    rule = parse_rule(asked)
    found = run_facts(fresh_feed, [rule], as_of=AS_OF, live=False)
    past = past_of(fresh_feed, found, until=AS_OF)
    day = np.array([day_number(AS_OF)])
    said = LiveForecaster(past, found.clients.inactive_days)
    test = Replayed([rule], past, found.clients, found.representatives, day, known_until=int(day[0]), predictor=said)
    while test.step():
        pass

    seen = preview([asked], as_of=AS_OF, at=NOW)

    assert seen.summary["rules"][0]["score_method"] != "day_rule"
    assert test.matching().sum() == seen.flagged
    assert 0 < seen.flagged < 14
    assert run_backtest(asked, at=NOW, months=3, exact=True)["score_methods"].keys() <= {"mixture", "mixture_clock", "day_rule"}


def test_two_rules_are_proved_on_the_same_cutoffs_and_what_a_page_needs_is_there(company):
    proof = run_backtest(RULE, against=OTHER, at=NOW, months=3)

    assert (proof["to"], proof["known_until"], proof["cadence"]) == (str(AS_OF), str(AS_OF), "week")
    assert proof["cutoffs"] == len(proof["per_cutoff"]) == proof["against"]["cutoffs"]
    assert proof["flagged"] == proof["false_alarms"] + proof["silent"] == sum(row["flagged"] for row in proof["per_month"])
    assert proof["compared"]["both"]["flagged"] + proof["compared"]["only_new"]["flagged"] == proof["flagged"]
    # sixty days sees earlier what seventy-five sees
    assert proof["against"]["lead_days"] > proof["lead_days"]
    assert {row["representative"] for row in proof["load"]} <= set(Representative.objects.values_list("pk", flat=True))


def test_a_small_proof_is_there_at_once_and_found_again_until_an_order_comes(company, admin):
    first = request_backtest(RULE, by=admin, at=NOW)
    assert first.state == Backtest.State.DONE and first.result["schema"] == "carteira.backtest/1"
    assert request_backtest(RULE, by=admin, at=NOW).pk == first.pk

    OrderFactory(client=make_client(RepresentativeFactory(), days_silent=3), ordered_on=AS_OF - timedelta(days=200))
    again = request_backtest(RULE, by=admin, at=NOW)
    assert again.pk != first.pk and again.data_digest != first.data_digest


def test_a_large_proof_is_computed_by_a_task_that_tells_how_far_it_is(company, admin, monkeypatch):
    at_once = request_backtest(RULE, against=OTHER, by=admin, at=NOW).result
    Backtest.objects.all().delete()
    monkeypatch.setattr(service, "AT_ONCE", 0)
    monkeypatch.setattr(service, "TELL_FIRST", 0)
    monkeypatch.setattr(service, "TELL_EVERY", 0)
    row = request_backtest(RULE, against=OTHER, by=admin, at=NOW)
    assert row.state == Backtest.State.WAITING
    assert request_backtest(RULE, against=OTHER, by=admin, at=NOW).pk == row.pk  # asked twice, computed once

    told = []
    honest = service._at_work
    monkeypatch.setattr(service, "_at_work", lambda pk: told.append(Backtest.objects.get(pk=pk)) or honest(pk))
    done = compute_backtest(row.pk, company.pk, at=NOW)
    assert (done.state, done.done) == (Backtest.State.DONE, done.total)
    assert done.result == at_once
    counted = [each.done for each in told]
    assert counted == sorted(counted) and counted[-1] == row.total - 1 and told[-1].result["cutoffs"] > 0
    assert compute_backtest(row.pk, company.pk).result == done.result  # delivered twice


def test_a_worker_that_died_leaves_the_way_free(company, admin, monkeypatch):
    monkeypatch.setattr(service, "AT_ONCE", 0)
    dead = request_backtest(RULE, by=admin, at=NOW)
    Backtest.objects.filter(pk=dead.pk).update(state=Backtest.State.COMPUTING)
    assert request_backtest(RULE, by=admin, at=NOW + timedelta(minutes=2)).pk == dead.pk
    assert request_backtest(RULE, by=admin, at=NOW + timedelta(minutes=10)).pk != dead.pk
    dead.refresh_from_db()
    assert dead.state == Backtest.State.FAILED and dead.error


def test_a_span_without_an_outcome_is_refused_with_the_day_one_will_be_there(acting, representatives):
    with pytest.raises(HistoryTooShort, match="Ainda não há pedidos"):
        run_backtest(RULE, at=NOW)
    make_client(representatives[0], days_silent=0, x=0)
    assert orders_known_until(acting, at=NOW) == (AS_OF, AS_OF)
    possible = AS_OF + timedelta(days=90 + 30)
    with pytest.raises(HistoryTooShort, match=possible.strftime("%d/%m/%Y")):
        run_backtest(RULE, at=NOW)
    with pytest.raises(BadSpan):
        run_backtest(RULE, at=NOW, first=AS_OF + timedelta(days=1))


def test_the_command_prints_one_document_or_what_a_person_reads(company, tmp_path):
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE), encoding="utf-8")
    span = ["--organization", "vale-verde", "--from", "2026-05-01", "--to", "2026-08-31"]

    out = StringIO()
    call_command("backtest", *span, "--definition", str(file), "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert {"cutoffs", "flagged", "false_alarms", "missed", "lead_days", "per_cutoff"} <= found.keys()
    assert found["cutoffs"] == len(found["per_cutoff"]) == 18 and found["per_cutoff"][0]["cutoff"] == "2026-05-01"
    assert found["flagged"] == sum(row["flagged"] for row in found["per_cutoff"]) > 0
    assert {row["representative"] for row in found["load"]} <= set(Representative.objects.values_list("code", flat=True))

    out = StringIO()
    call_command("backtest", *span, "--definition", str(file), stdout=out)
    assert "esta regra teria avisado" in out.getvalue() and "2026-05" in out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "não é um JSON"),
        ("[]", "uma regra é um objeto JSON"),
        ('{"name": "x", "trigger": {"field": "dias", "op": ">", "value": 3}}', "trigger.field: campo desconhecido"),
        (None, "Não foi possível ler"),
    ],
)
def test_what_the_command_cannot_read_is_said_in_a_sentence(acting, tmp_path, content, said):
    file = tmp_path / "rule.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=said) as refused:
        call_command("backtest", organization="vale-verde", definition=str(file), first="2026-05-01", last="2026-06-01")
    assert refused.value.returncode == 1
    with pytest.raises(CommandError, match="Não há regra chamada “nenhuma”"):
        call_command("backtest", organization="vale-verde", rule="nenhuma", first="2026-05-01", last="2026-06-01")
