"""The page that proves a rule: sentences, months, who sees which names, the editor's draft, progress, files."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Role
from rotation.engine.presets import PRESETS
from rotation.models import Backtest
from rotation.services import backtest as service
from rotation.services.backtest import compute_backtest
from rotation.services.rules import create_rule, publish, save_draft
from tests.factories import TeamFactory, make_member
from tests.rotation.conftest import make_client

HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def rule(admin):
    """In force at ninety days, with a draft at seventy-five."""
    made = create_rule(PRESETS["general"], by=admin)
    publish(made.versions.get(), by=admin)
    save_draft(made, {**PRESETS["general"], "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 75}]}}, by=admin)
    made.refresh_from_db()
    return made


@pytest.fixture
def company(acting, representatives):
    """Nine clients, a third of whom stopped half a year ago."""
    today = timezone.now().astimezone(acting.zone).date()
    for i in range(9):
        make_client(representatives[i % 3], days_silent=190 + i if i % 3 == 0 else 5 + i, as_of=today, x=11)
    acting.orders_received_at = timezone.now()
    acting.save(update_fields=["orders_received_at"])
    return acting


def test_a_rule_is_proved_and_its_page_says_it_in_words(signed_in, admin, rule, company):
    web = signed_in(admin)
    assert "Esta regra ainda não foi testada no histórico" in web.get(url("rule-backtest", rule.pk)).content.decode()

    answer = web.post(url("rule-backtest", rule.pk), {"months": "6", "version": "draft", "compare": "on"})
    row = Backtest.objects.get()
    assert answer["Location"] == url("backtest", row.pk)
    assert (row.label, row.against_label, row.state) == ("v2", "v1", Backtest.State.DONE)

    html = web.get(url("backtest", row.pk)).content.decode()
    assert "esta regra teria avisado de todos os clientes que pararam, 11 dias antes." in html
    assert "Como ler este teste" in html and "grupo de controle" in html and "Cliente com trava" in html
    assert "Limites não repetidos: quem receberia, e o lugar na carteira de cada um, o máximo a receber de cada vendedor." in html
    assert "Limites repetidos, como são hoje: o máximo a ceder de cada carteira e de cada vendedor" in html and "Propostos" in html
    assert html.count("<tr><th") >= 6 and "style=" not in html and "<script>" not in html
    # the rule's page shows the latest proof again
    assert "11 dias antes" in web.get(url("rule-backtest", rule.pk)).content.decode()


def test_while_it_is_computed_the_page_asks_again_and_then_stops(signed_in, admin, rule, company, monkeypatch):
    monkeypatch.setattr(service, "AT_ONCE", 0)
    web = signed_in(admin)
    first = web.post(url("rule-backtest", rule.pk), {"months": "6"}, **HTMX).content.decode()
    row = Backtest.objects.get()
    assert f'hx-get="{url("backtest", row.pk)}"' in first and 'data-state="running"' in first
    assert f'hx-post="{url("backtest-cancel", row.pk)}"' in first and "Na fila · 0\xa0s" in first
    compute_backtest(row.pk, company.pk)
    last = web.get(url("backtest", row.pk), **HTMX).content.decode()
    assert "hx-get" not in last and 'data-state="done"' in last and "Mês a mês" in last

    # half of another's days after ten seconds: ten more; and given up, nothing asks again and no worker goes on with it
    web.post(url("rule-backtest", rule.pk), {"months": "12"}, **HTMX)
    row = Backtest.objects.exclude(pk=row.pk).get()
    Backtest.objects.filter(pk=row.pk).update(
        state="computing", done=row.total // 2, total=row.total // 2 * 2, created_at=timezone.now() - timedelta(seconds=10)
    )
    half = web.get(url("backtest", row.pk), **HTMX).content.decode()
    assert f"{row.total // 2} de {row.total // 2 * 2} datas · 10\xa0s" in half and "Faltam cerca de 10\xa0s." in half
    given_up = web.post(url("backtest-cancel", row.pk), {"card": "1"}, **HTMX).content.decode()
    assert "Teste cancelado por" in given_up and "hx-get" not in given_up
    assert compute_backtest(row.pk, company.pk).state == Backtest.State.FAILED
    assert "Este teste já terminou." in web.post(url("backtest-cancel", row.pk), follow=True).content.decode()


def test_a_history_too_short_says_from_when(signed_in, admin, rule, acting):
    answer = signed_in(admin).post(url("rule-backtest", rule.pk), {"months": "12"})
    assert answer.status_code == 422 and "Ainda não há pedidos" in answer.content.decode()
    assert not Backtest.objects.exists()


def test_names_stop_at_the_members_own_reach_and_an_auditor_only_reads(signed_in, admin, rule, company, representatives):
    signed_in(admin).post(url("rule-backtest", rule.pk), {"months": "6"})
    row = Backtest.objects.get()
    whole = signed_in(admin).get(url("backtest", row.pk)).content.decode()
    named = [each.name for each in representatives if each.name in whole]
    assert named
    far = make_member(company, Role.MANAGER, email="far@example.com", team=TeamFactory())
    seen = signed_in(far).get(url("backtest", row.pk)).content.decode()
    assert "Mês a mês" in seen and not any(name in seen for name in named)
    auditor = signed_in(make_member(company, Role.AUDITOR))
    assert auditor.get(url("rule-backtest", rule.pk)).status_code == 200
    assert auditor.post(url("rule-backtest", rule.pk), {"months": "6"}).status_code == 404
    assert signed_in(make_member(company, Role.REPRESENTATIVE)).get(url("backtest", row.pk)).status_code == 404


def test_the_numbers_leave_as_a_file_and_that_is_recorded(signed_in, admin, rule, company):
    web = signed_in(admin)
    web.post(url("rule-backtest", rule.pk), {"months": "6", "version": "draft", "compare": "on"})
    row = Backtest.objects.get()
    lines = web.get(url("backtest-export", row.pk, "csv")).content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 2 * row.result["cutoffs"] and lines[1].startswith('"v2"')
    assert AuditEvent.objects.filter(action="backtest.exported").count() == 1
    assert web.get(url("backtest-export", row.pk, "pdf")).status_code == 404


def test_every_flagged_client_is_listed_with_what_came_of_it(signed_in, admin, rule, company, representatives):
    today = timezone.now().astimezone(company.zone).date()
    make_client(representatives[1], days_silent=100, as_of=today, x=11)  # flagged a few weeks ago
    web = signed_in(admin)
    web.post(url("rule-backtest", rule.pk), {"months": "6", "version": "draft", "compare": "on"})
    row = Backtest.objects.get()
    page = url("backtest-clients", row.pk)
    assert page in web.get(url("backtest", row.pk)).content.decode()

    numbers, compared = row.result, row.result["compared"]
    expected = {"silent": numbers["silent"], "ordered": numbers["false_alarms"], "new": compared["only_new"]["flagged"]}
    later = sum(each["flagged"] for each in numbers["open_cutoffs"])
    expected |= {"": numbers["flagged"] + later, "open": later, "old": compared["only_old"]["flagged"]}
    assert expected["silent"] and later
    for kind, n in expected.items():
        html = web.get(page, {"kind": kind}).content.decode()
        assert html.count('class="two lead stacked"') == n or n > 50, kind
        assert len(web.get(f"{page[:-1]}.csv", {"kind": kind}).content.decode("utf-8-sig").splitlines()) == 1 + n, kind
    assert "ficou em silêncio" in web.get(page, {"kind": "silent"}).content.decode()
    assert AuditEvent.objects.filter(action="backtest.exported").count() == len(expected)

    # a manager of nobody reads how many there are elsewhere, and no name; who leads one of them reads that one's
    far = signed_in(make_member(company, Role.MANAGER, email="far@example.com", team=TeamFactory())).get(page).content.decode()
    assert "Nenhum cliente aqui" in far and "não são da sua equipe" in far
    team = TeamFactory()
    type(representatives[0]).objects.filter(pk=representatives[0].pk).update(team=team)
    near = signed_in(make_member(company, Role.MANAGER, email="near@example.com", team=team)).get(page).content.decode()
    assert 0 < near.count('class="two lead stacked"') < expected[""]
    counted = []
    for kind in ("", "silent"):
        with CaptureQueriesContext(connection) as queries:
            web.get(page, {"kind": kind})
        counted.append(len(queries))
    assert counted[0] == counted[1]  # however many rows
    assert signed_in(make_member(company, Role.REPRESENTATIVE)).get(page).status_code == 404

    # a proof made before flags were kept has no list, and is made anew when it is asked for again
    Backtest.objects.filter(pk=row.pk).update(flags=None)
    assert page not in web.get(url("backtest", row.pk)).content.decode() and web.get(page).status_code == 404
    web.post(url("rule-backtest", rule.pk), {"months": "6", "version": "draft", "compare": "on"})
    assert Backtest.objects.count() == 2


def test_the_page_costs_the_same_however_many_months(signed_in, admin, rule, company):
    web = signed_in(admin)
    counted = []
    for months in ("6", "12"):
        web.post(url("rule-backtest", rule.pk), {"months": months, "version": "draft", "compare": "on"})
        row = Backtest.objects.order_by("-pk").first()
        web.get(url("backtest", row.pk))
        with CaptureQueriesContext(connection) as queries:
            web.get(url("backtest", row.pk))
        counted.append(len(queries))
    assert counted[0] == counted[1]
