"""The pages of requests: asked on Giro e eu, answered by management, taken back; and the way from a warning to a client saved."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from clients.models import Client
from portfolio.projections import refresh_contact_days
from rotation.models import Request, RotationSettings, SaveWarning
from rotation.selectors.warnings import save_rates
from rotation.services.rules import create_rule, publish
from rotation.services.runs import compute_run, start_run
from tests.factories import TeamFactory, VisitFactory, make_member
from tests.rotation.conftest import make_client
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory
from tests.rotation.test_save_window import WINDOW
from tests.rotation.test_screens_mine import warn

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


def url(name: str, *args) -> str:
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def today(acting):
    return timezone.now().astimezone(acting.zone).date()


@pytest.fixture
def ana(acting, representatives):
    representatives[0].membership = make_member(acting, Role.REPRESENTATIVE, name="Ana", email="ana@vale-verde.example")
    representatives[0].save()
    return representatives[0]


@pytest.fixture
def run(acting):
    return RunFactory(version=RuleVersionFactory(), expires_at=timezone.now() + timedelta(days=4))


@pytest.fixture
def client(ana, today):
    return make_client(ana, as_of=today, trade_name="Sol")


def test_from_a_pending_proposal_to_a_granted_contest_and_back(ana, admin, manager, run, client, representatives, signed_in):
    proposal = ProposalFactory(run=run, client=client, owner=ana, to_representative=representatives[1])
    hers, his = signed_in(ana.membership), signed_in(manager)
    mine = hers.get(url("mine")).content.decode()
    assert "proposta em revisão até" in mine and "Para ficar com o cliente, conteste" in mine
    assert representatives[1].name not in mine  # to whom it would go is not hers to know yet
    form = f"{url('request_new')}?kind=contest&client={client.pk}"
    assert f'href="{form.replace("&", "&amp;")}"' in mine or f'href="{form}"' in mine

    assert hers.post(url("request_new"), {"client": client.pk, "kind": "contest", "reason": "Pedido fechado ontem"}).url == url("mine")
    mine = hers.get(url("mine")).content.decode()
    assert "contestação enviada" in mine and "à espera de resposta" in mine and "Retirar pedido" in mine

    page = his.get(url("requests")).content.decode()
    assert "Pedido fechado ontem" in page and "há proposta em revisão" in page and "Aceitar e recusar a proposta" in page
    asked = Request.objects.get()
    answered = his.post(url("request_answer", asked.pk), {"grant": "1", "answer": "Combinado"}, follow=True).content.decode()
    undo = url("request_undo", asked.pk)
    assert "Atendido: Sol" in answered and f'action="{undo}"' in answered
    proposal.refresh_from_db()
    assert proposal.state == "rejected"
    assert "Combinado" in hers.get(url("mine")).content.decode()

    assert his.post(undo, headers={"HX-Request": "true"}).headers["HX-Redirect"] == url("requests")
    proposal.refresh_from_db()
    assert (proposal.state, Request.objects.get().state) == ("proposed", "open")


def test_a_hold_is_asked_refused_with_a_reason_and_withdrawn_after_another(ana, manager, client, signed_in, today):
    hers, his = signed_in(ana.membership), signed_in(manager)
    form = {"client": client.pk, "kind": "hold", "reason": "Feira", "soon": (today + timedelta(days=30)).isoformat()}
    hers.post(url("request_new"), form)
    asked = Request.objects.get()
    assert (asked.until_on, asked.kind) == (today + timedelta(days=30), "hold")
    silent = his.post(url("request_answer", asked.pk), {"refuse": "1"})
    assert silent.status_code == 422 and "Diga ao vendedor por que não" in silent.content.decode()
    # What was typed stays, beside what is wrong; a form sent without either button decides nothing.
    typed = {"answer": "Até a feira", "until_on": (today + timedelta(days=900)).isoformat()}
    far = his.post(url("request_answer", asked.pk), typed | {"grant": "1"}).content.decode()
    assert 'value="Até a feira"' in far and f'id="wrong-{asked.pk}"' in far
    neither = his.post(url("request_answer", asked.pk), typed).content.decode()
    assert "Escolha conceder ou recusar." in neither and 'value="Até a feira"' in neither
    assert Request.objects.get().state == "open"
    his.post(url("request_answer", asked.pk), {"refuse": "1", "answer": "Sem visita"})
    assert "Sem visita" in hers.get(url("mine")).content.decode()
    hers.post(url("request_new"), form | {"until_on": (today + timedelta(days=9)).isoformat()})  # a day typed counts before one tapped
    second = Request.objects.get(state="open")
    assert second.until_on == today + timedelta(days=9)
    hers.post(url("request_withdraw", second.pk))
    late = his.post(url("request_answer", second.pk), {"grant": "1"}, follow=True).content.decode()
    assert "retirou este pedido" in late


def test_a_granted_hold_shows_on_the_page_of_requests_and_of_the_representative(ana, manager, client, signed_in, today):
    hers, his = signed_in(ana.membership), signed_in(manager)
    until = today + timedelta(days=12)
    hers.post(url("request_new"), {"client": client.pk, "kind": "hold", "reason": "Feira", "until_on": until.isoformat()})
    his.post(url("request_answer", Request.objects.get().pk), {"grant": "1", "until_on": until.isoformat()})
    client.refresh_from_db()
    assert client.hold_until == until
    for page in (hers.get(url("mine")), his.get(url("requests"))):
        assert "Não gira até" in page.content.decode()


def test_the_outbox_is_told_stored_already_and_refused(ana, client, signed_in, today):
    hers = signed_in(ana.membership)
    form = {"client": client.pk, "kind": "hold", "reason": "Feira", "until_on": (today + timedelta(days=9)).isoformat(), "id_made": uuid4()}
    first, again = (hers.post(url("request_new"), form, **JSON) for _each in range(2))
    assert [(each.status_code, each.json()["state"]) for each in (first, again)] == [(201, "stored"), (200, "already")]
    refused = hers.post(url("request_new"), form | {"id_made": uuid4()}, **JSON)
    assert (refused.status_code, refused.json()["state"]) == (422, "refused")
    assert refused.json()["form"] == f"{url('request_new')}?client={client.pk}&kind=hold"
    assert hers.post(url("request_new"), form, headers={"X-Member": "999999"}, **JSON).status_code == 409


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " "}, "Diga o motivo"),
        ({"until_on": ""}, "Diga até quando"),
        ({"until_on": "2001-01-01"}, "Escolha um dia à frente"),
        ({"until_on": "2199-01-01"}, "Uma trava vai até 90 dias"),
    ],
)
def test_a_form_that_cannot_be_is_kept_as_typed_and_says_where(ana, client, signed_in, today, change, words):
    form = {"client": client.pk, "kind": "hold", "reason": "Feira de maio", "until_on": (today + timedelta(days=9)).isoformat()} | change
    answer = signed_in(ana.membership).post(url("request_new"), form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "reason" in change or "Feira de maio" in answer.content.decode()
    assert not Request.objects.exists()


def test_another_teams_manager_finds_nothing_and_an_auditor_reads_only(acting, ana, client, signed_in, today):
    signed_in(ana.membership).post(
        url("request_new"), {"client": client.pk, "kind": "hold", "reason": "Feira", "until_on": (today + timedelta(days=9)).isoformat()}
    )
    asked = Request.objects.get()
    far, auditor = signed_in(make_member(acting, Role.MANAGER, team=TeamFactory())), signed_in(make_member(acting, Role.AUDITOR))
    assert "Nada a responder" in far.get(url("requests")).content.decode()
    read = auditor.get(url("requests")).content.decode()
    assert "Feira" in read and "Conceder" not in read
    for web in (far, auditor):
        for name in ("request_answer", "request_undo"):
            assert web.post(url(name, asked.pk), {"grant": "1"}).status_code == 404
    assert signed_in(ana.membership).get(url("requests")).status_code == 404
    assert far.get(f"{url('request_new')}?client={client.pk}").status_code == 404
    bruno = signed_in(make_member(acting, Role.REPRESENTATIVE))
    assert bruno.get(f"{url('request_new')}?client={client.pk}").status_code == 404
    assert bruno.post(url("request_withdraw", asked.pk)).status_code == 404


def test_the_administration_sets_how_far_a_hold_may_go(admin, manager, signed_in):
    web = signed_in(admin)
    web.post(url("request_limit"), {"days": "30"})
    assert RotationSettings.objects.get().hold_days_most == 30
    assert 'value="30"' in web.get(url("requests")).content.decode()
    for wrong in ("0", "x", "9999"):
        assert "Escolha de 1 a 730 dias" in web.post(url("request_limit"), {"days": wrong}, follow=True).content.decode()
    assert signed_in(manager).post(url("request_limit"), {"days": "5"}).status_code == 404
    assert RotationSettings.objects.get().hold_days_most == 30


def test_from_a_warning_over_a_visit_to_a_client_saved_and_counted(acting, admin, ana, signed_in, today):
    """The whole save window as people live it: the night warns, she visits, the next night finds the client saved."""
    rule = create_rule(WINDOW, by=admin)
    publish(rule.versions.get(), by=admin)
    client = make_client(ana, as_of=today, days_silent=100, trade_name="Sol")
    hers = signed_in(ana.membership)

    def night() -> None:
        acting.orders_received_at = timezone.now()
        acting.save(update_fields=["orders_received_at"])
        day = today + timedelta(days=nights.pop(0))
        compute_run(start_run([rule], as_of=day, trigger="command", by=admin).pk, acting.pk, at=timezone.now())

    nights = [0, 3]
    night()
    assert "pode sair a partir de" in hers.get(url("mine")).content.decode()
    assert "1 cliente pode sair" in hers.get(url("mine")).content.decode()

    at = datetime.combine(today, datetime.min.time(), tzinfo=acting.zone)
    VisitFactory(client=client, representative=ana, visited_at=at, visited_on=today, outcome="no_sale")
    refresh_contact_days([client.pk])
    night()

    saved = SaveWarning.objects.earliest("pk")
    assert (saved.state, saved.act, saved.closed_on) == ("saved", "visit", today)
    rates = save_rates([rule.pk], since=today)[rule.pk]
    assert (rates.saved, rates.share) == (1, 1)
    assert "você salvou 1 (100%)" in hers.get(url("mine")).content.decode()
    assert Client.objects.get().representative_id == ana.pk


@pytest.mark.parametrize("who", ["manager", "ana"])
def test_the_page_costs_the_same_with_one_request_and_with_many(ana, manager, run, signed_in, today, representatives, who):
    web = signed_in(manager if who == "manager" else ana.membership)
    hers = signed_in(ana.membership)

    def add(n: int) -> None:
        for _each in range(n):
            proposed, warned = make_client(ana, as_of=today), make_client(ana, as_of=today)
            ProposalFactory(run=run, client=proposed, owner=ana, to_representative=representatives[1])
            warn(warned, run, today, 5)
            for client in (proposed, warned):
                hers.post(url("request_new"), {"client": client.pk, "kind": "contest", "reason": "x"})
            signed_in(manager).post(url("request_answer", Request.objects.earliest("pk").pk), {"refuse": "1", "answer": "não"})

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert web.get(url("requests" if who == "manager" else "mine")).status_code == 200
        return len(captured)

    add(1)
    one = cost()
    add(2)
    assert cost() == one
