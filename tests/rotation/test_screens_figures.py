"""How a run was calculated, for those who lead: counts, reasons, the proved bound, and what looks wrong with the history."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from rotation.models import Run
from rotation.services.rules import create_rule, publish
from rotation.services.runs import compute_run, start_run
from tests.factories import TeamFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client
from tests.rotation.factories import RuleVersionFactory, RunFactory


@pytest.fixture
def run(fresh_feed, admin, portfolio):
    rule = create_rule(RULE | {"guards": ["blocked", "new_within:90"]}, by=admin)
    publish(rule.versions.get(), by=admin)
    started = start_run([rule], as_of=AS_OF, trigger="command", by=admin)
    return compute_run(started.pk, fresh_feed.pk, at=NOW)


def url(run):
    return reverse("rotation:figures", args=["vale-verde", run.pk])


def test_the_page_says_what_the_run_recorded(signed_in, admin, run):
    body = " ".join(signed_in(admin).get(url(run)).content.decode().split())

    assert run.n_proposed > 0 and run.gap == 0
    assert "está provado" in body
    assert "O rodízio, um cliente para cada, renderia" in body
    assert run.data_digest in body
    assert "valor esperado, carga e distância" in body
    assert "carga de saldos antigos" not in body


def test_a_gap_is_claimed_as_a_gap(signed_in, admin, run):
    Run.objects.filter(pk=run.pk).update(gap=0.0044)
    body = signed_in(admin).get(url(run)).content.decode()
    assert "renderia no máximo 0,44\u00a0% a mais" in body or "renderia no máximo 0,44% a mais" in body
    assert "está provado" not in body


def test_many_first_orders_on_one_day_are_pointed_out(signed_in, admin, fresh_feed, representatives):
    for i in range(10):
        make_client(representatives[0], days_silent=100 if i < 3 else 200 + i, x=0)
    rule = create_rule(RULE, by=admin)
    publish(rule.versions.get(), by=admin)
    started = start_run([rule], as_of=AS_OF, trigger="command", by=admin)
    run = compute_run(started.pk, fresh_feed.pk, at=NOW)

    assert run.summary["quality"] == {"first_day": (AS_OF - timedelta(days=100)).isoformat(), "first_day_share": 0.3}
    assert "carga de saldos antigos" in signed_in(admin).get(url(run)).content.decode()


def test_it_exists_for_those_who_lead_once_computed(signed_in, acting, run):
    assert signed_in(make_member(acting, Role.AUDITOR)).get(url(run)).status_code == 200
    assert signed_in(make_member(acting, Role.REPRESENTATIVE)).get(url(run)).status_code == 404
    waiting = RunFactory(version=RuleVersionFactory(), computed_at=None)
    assert signed_in(make_member(acting, Role.ADMIN, email="b@vale-verde.example")).get(url(waiting)).status_code == 404


def test_it_costs_a_constant_number_of_queries(signed_in, admin, run):
    web = signed_in(admin)
    web.get(url(run))
    with CaptureQueriesContext(connection) as captured:
        web.get(url(run))
    assert len(captured) <= 16


def test_full_teams_are_named_with_what_one_client_more_would_be_worth(signed_in, admin, acting, run):
    north, south = TeamFactory(organization=acting, name="Norte"), TeamFactory(organization=acting, name="Sul")
    rules = run.summary["rules"]
    rules[0] |= {
        "team_max": 40,
        "full_teams": [
            {"team": south.pk, "received": 40, "price_cents": 1_234_500},
            {"team": north.pk, "received": 38, "price_cents": 0},
        ],
    }
    Run.objects.filter(pk=run.pk).update(summary=run.summary | {"rules": rules})
    body = " ".join(signed_in(admin).get(url(run)).content.decode().split())
    assert "Equipes que receberam o máximo da regra" in body
    assert body.index("Norte") < body.index("Sul")
    assert "um cliente a mais ali renderia" in body and "40 de 40" in body and "38 de 40" in body
    manager = make_member(acting, Role.MANAGER, email="sul@vale-verde.example", team=south)
    body = signed_in(manager).get(url(run)).content.decode()
    assert "Sul" in body and "38 de 40" not in body
