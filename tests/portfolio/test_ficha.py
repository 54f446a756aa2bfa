"""The client's page as each role works with it: talks, contacts, opportunities, discards; who may and what it costs."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Notice
from accounts.tenancy import tenant_atomic
from clients.models import (
    ClientActivity,
    ClientStop,
    Colleague,
    Contact,
    Contract,
    CreditEvent,
    CreditSnapshot,
    DiscardProposal,
    Opportunity,
)
from portfolio.models import Interaction
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/o/vale-verde/"


@pytest.fixture
def house(organization):
    """A seller's client with something on every tab, and somebody else's client."""
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        people = {
            "seller": make_member(organization, "representative", name="Ana"),
            "other": make_member(organization, "representative", name="Bruno"),
            "admin": make_member(organization, "admin"),
            "manager": make_member(organization, "manager", name="Paulo", team=team),
            "auditor": make_member(organization, "auditor"),
        }
        ana = RepresentativeFactory(code="V-01", name="Ana", team=team, membership=people["seller"])
        RepresentativeFactory(membership=people["other"])
        client = ClientFactory(
            name="Empório Serra Clara",
            segment="Mercearia",
            representative=ana,
            activity={
                "last_on": today - timedelta(days=10),
                "repeat_days": 9,
                "median_gap": 21,
                "net_12m_cents": 90_000,
                "n365": 3,
                "abc": "B",
            },
        )
        theirs = ClientFactory(name="Açougue Bom Corte", representative=RepresentativeFactory())
        OwnershipFactory(client=client, representative=ana)
        contact = Contact.objects.create(client=client, name="Márcia Leal", phone="(19) 99999-0000", email="marcia@serra.example")
        Colleague.objects.create(client=client, membership=people["other"], part="after_sales", since=today)
        OrderFactory(client=client, ordered_on=today - timedelta(days=10))
        Contract.objects.create(client=client, code="K-1", starts_on=today - timedelta(days=300), ends_on=today + timedelta(days=20))
        for n, restrictions in ((40, 1), (5, 3)):
            CreditSnapshot.objects.create(
                client=client, observed_on=today - timedelta(days=n), score=700, overdue_cents=5_000, restrictions=restrictions
            )
        CreditEvent.objects.create(client=client, observed_on=today, event="Protesto em cartório")
        chance = Opportunity.objects.create(
            client=client, title="Linha de frios", stage_since=today - timedelta(days=15), value_cents=250_000
        )
    return {"client": client, "theirs": theirs, "contact": contact, "chance": chance, "today": today, **people}


def text(response) -> str:
    return response.content.decode().replace("&nbsp;", "\xa0")


def page(web, house, tab: str = "summary", **asked) -> str:
    response = web.get(f"{BASE}clients/{house['client'].pk}/", {"tab": tab, **asked})
    assert response.status_code == 200
    return text(response)


def test_each_tab_shows_what_it_is_named_after(house, signed_in):
    web = signed_in(house["seller"])
    summary = page(web, house)
    for words in (
        "Quente",
        "curva B",
        "R$\xa0300",
        "Pós-venda:",
        "Bruno",
        "contrato K-1 termina em",
        "tel:+5519999990000",
        "wa.me/5519999990000",
    ):
        assert words in summary, words
    assert "Nenhuma compra em 12 meses" in page(web, house, "mix") and "Poucos clientes parecidos" in page(web, house, "mix")
    assert "há 15 dias nesta etapa" in page(web, house, "opportunities")
    credit = page(web, house, "credit")
    assert "Protesto em cartório" in credit and "renovar" in credit and "+2" in credit
    history = page(web, house, "history")
    assert "V-01 Ana responde pelo cliente" in history and "Pedido P" in history and "Primeira compra" in history
    owners = page(web, house, "history", kind="owner")
    assert "V-01 Ana responde pelo cliente" in owners and "Primeira compra" not in owners
    assert web.get(f"{BASE}clients/{house['client'].pk}/?tab=history&kind=secrets").status_code == 404


def test_the_page_is_kept_for_the_road_and_its_fragments_are_not(house, signed_in):
    web, address = signed_in(house["seller"]), f"{BASE}clients/{house['client'].pk}/"
    assert web.get(address).headers["X-Offline"] == "keep"
    part = web.get(address, headers={"HX-Request": "true"})
    assert "X-Offline" not in part.headers and part.headers["Cache-Control"] == "no-store"
    assert "X-Offline" not in web.get(address + "?tab=credit").headers


def test_the_history_turns_page_after_page_to_the_first_event(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        for n in range(65):
            VisitFactory(
                client=house["client"], representative=house["client"].representative, visited_on=date(2025, 1, 1) + timedelta(days=n)
            )
    web, address, turns, shown = signed_in(house["seller"]), f"{BASE}clients/{house['client'].pk}/?tab=history", 0, ""
    while address:
        body = text(web.get(address))
        shown, turns = shown + body, turns + 1
        query = body.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        address = f"{BASE}clients/{house['client'].pk}/{query}" if query else ""
    assert turns == 3
    assert shown.count("Visita · sem resultado") == 65


def test_a_talk_is_recorded_once_however_often_it_is_sent(house, organization, signed_in):
    web, address = signed_in(house["seller"]), f"{BASE}clients/{house['client'].pk}/talks/"
    form = {"id_made": str(uuid.uuid4()), "kind": "call", "contact": house["contact"].pk, "note": "Quer tabela nova"}
    first = web.post(address, form)
    assert (first.status_code, first.url) == (302, f"{BASE}clients/{house['client'].pk}/")
    again = web.post(address, form, headers={"Accept": "application/json", "Idempotency-Key": form["id_made"]})
    assert (again.status_code, again.json()["state"]) == (200, "already")
    fresh = web.post(address, form | {"id_made": str(uuid.uuid4()), "kind": "note"}, headers={"Accept": "application/json"})
    assert (fresh.status_code, fresh.json()["state"]) == (201, "stored")
    with tenant_atomic(organization.pk):
        assert sorted(Interaction.objects.values_list("kind", "note", "contact__name")) == [
            ("call", "Quer tabela nova", "Márcia Leal"),
            ("note", "Quer tabela nova", "Márcia Leal"),
        ]
        assert ClientActivity.objects.get(client=house["client"]).last_contact_on == house["today"]
    assert "Ligação com Márcia Leal" in page(web, house, "history")


def test_a_note_is_no_contact(house, organization, signed_in):
    web, address = signed_in(house["seller"]), f"{BASE}clients/{house['client'].pk}/talks/"
    web.post(address, {"id_made": str(uuid.uuid4()), "kind": "note", "note": "Fachada em obras"})
    with tenant_atomic(organization.pk):
        assert Interaction.objects.count() == 1
        assert ClientActivity.objects.get(client=house["client"]).last_contact_on is None


def test_a_talk_that_cannot_be_kept_says_where_and_what(house, organization, signed_in):
    web, address = signed_in(house["seller"]), f"{BASE}clients/{house['client'].pk}/talks/"
    said = web.post(address, {"kind": "note", "note": " ", "id_made": str(uuid.uuid4())})
    assert said.status_code == 422 and "Escreva a anotação." in text(said)
    as_json = web.post(address, {"kind": "carta"}, headers={"Accept": "application/json"})
    assert as_json.status_code == 422 and "kind" in as_json.json()["errors"] and as_json.json()["form"] == address
    wrong = web.post(address, {"kind": "call"}, headers={"Accept": "application/json", "X-Member": "999"})
    assert (wrong.status_code, wrong.json()["state"]) == (409, "other_person")
    far = web.post(f"{BASE}clients/{house['theirs'].pk}/talks/", {"kind": "call"}, headers={"Accept": "application/json"})
    assert (far.status_code, far.json()["state"]) == (404, "refused")
    reader = signed_in(house["auditor"]).post(address, {"kind": "call"}, headers={"Accept": "application/json"})
    assert (reader.status_code, reader.json()["state"]) == (403, "forbidden")
    with tenant_atomic(organization.pk):
        assert Interaction.objects.count() == 0


def test_contacts_are_added_changed_and_their_refusal_takes_the_buttons_away(house, organization, signed_in):
    web = signed_in(house["seller"])
    added = web.post(
        f"{BASE}clients/{house['client'].pk}/contacts/new/", {"name": "Caio", "phone": "19 3232-1010", "decision_role": "finance"}
    )
    assert added.status_code == 302
    people = page(web, house, "contacts")
    assert "cuida do pagamento" in people and "Ligar para Caio" in people
    with tenant_atomic(organization.pk):
        caio = Contact.objects.get(name="Caio")
    assert "Faltam números" in text(web.post(f"{BASE}contacts/{caio.pk}/", {"name": "Caio", "phone": "123"}))
    assert "já tem um contato com esse nome" in text(web.post(f"{BASE}contacts/{caio.pk}/", {"name": "Márcia Leal"}))
    assert web.post(f"{BASE}contacts/{caio.pk}/consent/", {"said": "refused", "on": house["today"], "source": ""}).status_code == 422
    assert (
        web.post(f"{BASE}contacts/{caio.pk}/consent/", {"said": "refused", "on": house["today"], "source": "telefone"}).status_code == 302
    )
    people = page(web, house, "contacts")
    assert "Recusou ser contatado em" in people and "(telefone)" in people and "não ligue nem escreva" in people
    assert "Ligar para Caio" not in people and "Ligar para Márcia Leal" in people


def test_an_auditor_sees_everything_masked_and_no_way_to_write(house, signed_in):
    web = signed_in(house["auditor"])
    for tab in ("summary", "orders", "visits", "contacts", "mix", "opportunities", "credit", "history"):
        body = page(web, house, tab)
        assert "99999" not in body and "marcia@" not in body
        assert 'method="post"' not in body.partition('id="content"')[2].partition("</main>")[0]
    writes = ["clients/{c}/talks/", "clients/{c}/contacts/new/", "clients/{c}/discard/", "clients/{c}/opportunities/new/"]
    writes += [f"contacts/{house['contact'].pk}/", f"contacts/{house['contact'].pk}/consent/"]
    for address in writes:
        assert web.get(BASE + address.format(c=house["client"].pk)).status_code == 404, address
    assert (
        'method="post"'
        not in text(web.get(f"{BASE}opportunities/{house['chance'].pk}/")).partition('id="content"')[2].partition("</main>")[0]
    )
    assert web.post(f"{BASE}opportunities/{house['chance'].pk}/move/", {"to": "won"}).status_code == 404


def test_another_representatives_client_is_not_there(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        stranger = make_member(organization, "representative")
    web, client, contact, chance = signed_in(stranger), house["client"].pk, house["contact"].pk, house["chance"].pk
    for address in (f"clients/{client}/", f"clients/{client}/talks/", f"clients/{client}/contacts/new/", f"clients/{client}/discard/"):
        assert web.get(BASE + address).status_code == 404, address
    for address in (
        f"clients/{client}/opportunities/new/",
        f"contacts/{contact}/",
        f"contacts/{contact}/consent/",
        f"opportunities/{chance}/",
    ):
        assert web.get(BASE + address).status_code == 404, address
    for address in (f"clients/{client}/keep/", f"opportunities/{chance}/move/"):
        assert web.post(BASE + address, {"to": "won"}).status_code == 404, address
    assert "Linha de frios" not in text(web.get(f"{BASE}opportunities/"))


def test_reading_personal_fields_is_kept_once_a_day_for_those_who_lead(house, organization, signed_in):
    for role in ("seller", "admin", "admin", "manager", "auditor"):
        page(signed_in(house[role]), house, "contacts")
    signed_in(house["admin"]).get(f"{BASE}contacts/{house['contact'].pk}/")
    with tenant_atomic(organization.pk):
        read = AuditEvent.objects.filter(stream=f"client:{house['client'].pk}", action="personal.read")
        assert sorted(read.values_list("actor_id", flat=True)) == sorted([house["admin"].pk, house["manager"].pk])


def test_opportunities_are_opened_moved_by_menu_lost_with_a_reason_and_listed(house, organization, signed_in):
    web = signed_in(house["seller"])
    made = web.post(
        f"{BASE}clients/{house['client'].pk}/opportunities/new/", {"title": "Cesta de Natal", "value": "1.234,5", "stage": "qualified"}
    )
    assert made.status_code == 302
    assert "Não é um valor" in text(web.post(f"{BASE}clients/{house['client'].pk}/opportunities/new/", {"title": "x", "value": "muito"}))
    with tenant_atomic(organization.pk):
        basket = Opportunity.objects.get(title="Cesta de Natal")
    assert basket.value_cents == 123_450
    board = text(web.get(f"{BASE}opportunities/"))
    assert "2 oportunidades" in board and "Empório Serra Clara" in board and "há 15 dias nesta etapa" in board
    move = f"{BASE}opportunities/{basket.pk}/move/"
    assert web.post(move, {"to": "proposal", "seen": "qualified", "next": f"{BASE}opportunities/"}).url == f"{BASE}opportunities/"
    assert (
        web.post(move, {"to": "won", "seen": "proposal", "next": "https://elsewhere.example/"}).url == f"{BASE}opportunities/{basket.pk}/"
    )
    asked = web.post(move, {"to": "lost"})
    assert asked.url == f"{BASE}opportunities/{basket.pk}/?lose=1"
    assert "Por que se perdeu" in text(web.get(asked.url))
    web.post(move, {"to": "lost", "loss_reason": "Preço"})
    with tenant_atomic(organization.pk):
        basket.refresh_from_db()
    assert (basket.stage, basket.loss_reason) == ("lost", "Preço")
    assert "Preço" in text(web.get(f"{BASE}opportunities/?closed=1"))
    assert "Oportunidade “Cesta de Natal”: perdida" in page(web, house, "history", kind="opportunities")
    changed = {"title": "Linha de frios e queijos", "value": "", "expected_on": "2027-01-10", "source": "feira"}
    assert web.post(f"{BASE}opportunities/{house['chance'].pk}/", changed).status_code == 302
    assert "Linha de frios e queijos" in page(web, house, "opportunities")


def test_a_representative_proposes_to_discard_and_the_manager_answers(house, organization, signed_in):
    seller, manager, address = signed_in(house["seller"]), signed_in(house["manager"]), f"{BASE}clients/{house['client'].pk}/discard/"
    assert seller.post(address, {"reason": " "}).status_code == 422
    for _twice in range(2):
        assert seller.post(address, {"reason": "Fechou as portas"}).status_code == 302
    with tenant_atomic(organization.pk):
        assert DiscardProposal.objects.count() == 1
        house["client"].refresh_from_db()
        assert house["client"].discarded_on is None
        notice = Notice.objects.get(kind="discard_proposed")
    assert notice.membership_id == house["manager"].pk
    assert "Ana propõe descartar Empório Serra Clara" in text(manager.get(f"{BASE}notices/"))
    assert "propôs em" in page(manager, house) and "Responder" in page(manager, house)
    manager.post(f"{BASE}clients/{house['client'].pk}/keep/")  # no
    assert "propôs em" not in page(manager, house)
    seller.post(address, {"reason": "Fechou mesmo"})
    assert manager.post(address, {"reason": "Fechou mesmo"}).status_code == 302
    assert "Descartado em" in page(seller, house) and "Reativar" not in page(seller, house)
    assert "Linha de frios" not in text(seller.get(f"{BASE}opportunities/"))
    seller.post(f"{BASE}clients/{house['client'].pk}/keep/")  # not theirs to decide
    with tenant_atomic(organization.pk):
        house["client"].refresh_from_db()
        assert house["client"].discarded_on == house["today"]
        assert list(DiscardProposal.objects.order_by("pk").values_list("accepted", flat=True)) == [False, True]
    manager.post(f"{BASE}clients/{house['client'].pk}/keep/")
    with tenant_atomic(organization.pk):
        house["client"].refresh_from_db()
        assert house["client"].discarded_on is None


@pytest.mark.parametrize(
    "address",
    [f"clients/{{c}}/?tab={tab}" for tab in ("summary", "visits", "contacts", "mix", "opportunities", "credit", "history")]
    + ["opportunities/"],
)
def test_pages_cost_the_same_queries_with_more_of_everything(house, organization, signed_in, address):
    web, path = signed_in(house["admin"]), BASE + address.format(c=house["client"].pk)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert web.get(path).status_code == 200
        return len(queries)

    cost()
    few, client, day = cost(), house["client"], house["today"]
    assert few > 5
    with tenant_atomic(organization.pk):
        for n in range(4):
            OrderFactory(client=client, ordered_on=day - timedelta(days=n))
            VisitFactory(client=client, representative=client.representative, visited_on=day, note="Oi")
            VisitFactory(client=client, representative=client.representative, planned_on=day + timedelta(days=n))
            Contact.objects.create(client=client, name=f"Pessoa {n}", phone="19 3232-1010")
            Opportunity.objects.create(client=client, title=f"Venda {n}", stage_since=day)
            Interaction.objects.create(client=client, kind="call", happened_at=timezone.now(), happened_on=day, by=house["admin"])
            CreditEvent.objects.create(client=client, observed_on=day, event=f"Processo {n}")
    assert cost() == few


def test_of_an_inactive_client_the_page_asks_why_it_stopped_until_somebody_says_so(house, organization, signed_in):
    web, client = signed_in(house["seller"]), house["client"]
    with tenant_atomic(organization.pk):
        silent_since = house["today"] - timedelta(days=organization.inactive_days)
        ClientActivity.objects.filter(client=client).update(last_on=silent_since)
    address = f"{BASE}clients/stopped/"
    assert f"{organization.inactive_days} dias sem comprar, e ninguém disse por quê." in page(web, house)
    assert "Falta de produto" in text(web.get(f"{address}?c={client.pk}"))
    for reason in ("", "Uma que ninguém ofereceu"):
        assert web.post(address, {"c": client.pk, "reason": reason}).status_code == 422
    assert web.post(address, {"c": client.pk, "reason": "Falta de produto"})["Location"] == f"{BASE}clients/{client.pk}/"
    assert web.post(address, {"c": client.pk, "reason": "Preço"}).status_code == 302  # the last word holds
    shown = page(web, house)
    assert "Parou de comprar: Preço. Dito por Ana" in shown and "ninguém disse por quê" not in shown
    assert "Motivo de parar de comprar" in page(web, house, "history", kind="states")
    with tenant_atomic(organization.pk):
        assert list(ClientStop.objects.values_list("reason", "silent_since")) == [("Preço", silent_since)]
        reasons = AuditEvent.objects.filter(action="client.stop_told").order_by("pk").values_list("before", "reason")
        assert list(reasons) == [({}, "Falta de produto"), ({"reason": "Falta de produto"}, "Preço")]
        # An order ends the silence: what was said of it stays, and says nothing of the next.
        ClientActivity.objects.filter(client=client).update(last_on=house["today"])
    assert "Parou de comprar" not in page(web, house)
    assert web.post(address, {"c": client.pk, "reason": "Preço"}).status_code == 422
