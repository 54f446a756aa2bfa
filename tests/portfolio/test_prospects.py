"""New companies: the number first, nothing told of others' clients, one company registered once whoever is faster."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import AuditEvent, Notice
from accounts.tenancy import acting_for, tenant_atomic
from clients.errors import AlreadyRegistered
from clients.models import Client, ClientActivity
from portfolio.models import Ownership
from portfolio.selectors.prospects import prospects_within
from portfolio.services.prospects import NewCompany, register_prospect
from tests.clients.conftest import take  # noqa: F401
from tests.factories import ClientFactory, RepresentativeFactory, make_member, make_organization, stored_words

pytestmark = pytest.mark.django_db(transaction=True)

NUMERIC, OTHER_UNIT, LETTERS = "11222333000181", "11222333000262", "12ABC34501DE35"
NEW = "/o/vale-verde/clients/new/"
REST = {"name": "Empório Novo", "city": "Sumaré", "state": "sp", "phone": "(19) 99999-0000", "source": "feira", "channel": "loja"}


@pytest.fixture
def house(organization):
    with tenant_atomic(organization.pk):
        seller, colleague = make_member(organization, "representative"), make_member(organization, "representative")
        ana, bruno = RepresentativeFactory(membership=seller, name="Ana"), RepresentativeFactory(membership=colleague, name="Bruno")
        people = {role: make_member(organization, role) for role in ("admin", "auditor")}
    return {"seller": seller, "colleague": colleague, "ana": ana, "bruno": bruno, **people}


def text(response) -> str:
    return response.content.decode()


def today(organization):
    return timezone.now().astimezone(organization.zone).date()


@pytest.mark.parametrize(("typed", "stored"), [("11.222.333/0001-81", NUMERIC), ("12.abc.345/01de-35", LETTERS), (f" {NUMERIC} ", NUMERIC)])
def test_a_new_company_is_registered_protected_owned_and_found(house, organization, signed_in, typed, stored):
    web = signed_in(house["seller"])
    asked = web.get(NEW, {"tax_id": typed})
    assert "empresa nova aqui" in text(asked)

    done = web.post(NEW, {"tax_id": typed, **REST})

    with tenant_atomic(organization.pk):
        client = Client.objects.get()
        assert (done.status_code, done.url) == (302, f"/o/vale-verde/clients/{client.pk}/")
        assert (client.tax_id, client.tax_id_root, client.code, client.state) == (stored, stored[:8], f"P-{stored}", "SP")
        assert (client.source, client.channel, client.registered_by, client.representative) == ("feira", "loja", house["ana"], house["ana"])
        assert client.protected_until == today(organization) + timedelta(days=90)
        owned = Ownership.objects.get()
        assert (owned.representative, owned.seq, owned.ended_on, owned.source) == (house["ana"], 1, None, "manual")
        assert ClientActivity.objects.filter(client=client, last_on=None).count() == 1
        assert {"emporio", stored.lower(), "19999990000", "999990000"} <= stored_words()
        assert AuditEvent.objects.filter(stream=f"client:{client.pk}", action="client.registered").count() == 1
        assert Notice.objects.count() == 0  # one's own act is no news


def test_what_is_wrong_is_said_at_its_place_and_nothing_is_written(house, organization, signed_in):
    web = signed_in(house["seller"])
    assert "não é um CNPJ válido" in text(web.get(NEW, {"tax_id": "11.222.333/0001-82"}))
    refused = web.post(NEW, {"tax_id": NUMERIC, **REST, "state": "XX", "name": "", "phone": "12"})
    assert refused.status_code == 422
    for words in ("Diga o nome da empresa", "Não é uma UF", "menos de 8 dígitos", "Sumaré"):
        assert words in text(refused), words
    with tenant_atomic(organization.pk):
        assert not Client.objects.exists()


def test_a_registered_number_is_shown_to_whom_it_concerns_and_hidden_from_others(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        theirs = ClientFactory(name="Segredo do Bruno", tax_id=NUMERIC, tax_id_root=NUMERIC[:8], representative=house["bruno"])
    mine, his = (
        text(signed_in(house["seller"]).get(NEW, {"tax_id": NUMERIC})),
        text(signed_in(house["colleague"]).get(NEW, {"tax_id": NUMERIC})),
    )
    assert "já está cadastrado com outro vendedor" in mine
    assert "Segredo" not in mine
    assert "Bruno" not in mine
    assert "Segredo do Bruno" in his
    assert f"/clients/{theirs.pk}/" in his
    blocked = signed_in(house["seller"]).post(NEW, {"tax_id": NUMERIC, **REST, "branch": "1"})
    assert blocked.status_code == 409
    with tenant_atomic(organization.pk):
        assert Client.objects.count() == 1


def test_another_unit_is_registered_only_by_who_says_so(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        ClientFactory(name="Matriz", tax_id=NUMERIC, tax_id_root=NUMERIC[:8], representative=house["bruno"])
    web = signed_in(house["seller"])
    shown = text(web.get(NEW, {"tax_id": OTHER_UNIT}))
    assert "já tem outra unidade cadastrada" in shown
    assert "Matriz" not in shown
    assert web.post(NEW, {"tax_id": OTHER_UNIT, **REST}).status_code == 409
    assert web.post(NEW, {"tax_id": OTHER_UNIT, **REST, "branch": "1"}).status_code == 302
    with tenant_atomic(organization.pk):
        assert Client.objects.filter(tax_id_root=NUMERIC[:8]).count() == 2


def test_the_office_chooses_who_attends_and_an_auditor_registers_nobody(house, organization, signed_in):
    web = signed_in(house["admin"])
    assert web.post(NEW, {"tax_id": NUMERIC, **REST}).status_code == 422
    assert web.post(NEW, {"tax_id": NUMERIC, **REST, "representative": house["bruno"].pk}).status_code == 302
    with tenant_atomic(organization.pk):
        assert Client.objects.get().representative == house["bruno"]
        assert Notice.objects.get().membership_id == house["colleague"].pk
    assert signed_in(house["auditor"]).get(NEW).status_code == 404
    assert signed_in(house["auditor"]).post(NEW, {"tax_id": LETTERS, **REST}).status_code == 404


def test_another_countrys_number_is_taken_as_it_is_and_known_whole(signed_in):
    abroad = make_organization("rio-plata", country="AR", require_second_factor=False)
    with tenant_atomic(abroad.pk):
        seller = make_member(abroad, "representative")
        RepresentativeFactory(membership=seller)
    web, address = signed_in(seller), "/o/rio-plata/clients/new/"
    assert web.post(address, {"tax_id": "30-71234567-1", **REST, "state": "BA"}).status_code == 302
    assert web.post(address, {"tax_id": "30712345671", **REST, "state": "BA"}).status_code == 409
    assert web.post(address, {"tax_id": "30712345689", **REST, "state": "BA"}).status_code == 302
    with tenant_atomic(abroad.pk):
        assert sorted(Client.objects.values_list("tax_id", "tax_id_root")) == [("30712345671", ""), ("30712345689", "")]


def test_of_two_who_register_one_company_at_once_one_is_told(house, organization):
    outcomes, start = [], threading.Barrier(2)

    def register(member, representative):
        try:
            start.wait()
            with acting_for(organization.pk):
                register_prospect(
                    NewCompany(NUMERIC, "Empório", "Sumaré", "SP"), representative=representative, by=member, as_of=today(organization)
                )
            outcomes.append("registered")
        except AlreadyRegistered:
            outcomes.append("refused")
        finally:
            connections.close_all()

    people = [(house["seller"], house["ana"]), (house["colleague"], house["bruno"])]
    threads = [threading.Thread(target=register, args=pair) for pair in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "registered"]
    with tenant_atomic(organization.pk):
        assert (Client.objects.count(), Ownership.objects.count()) == (1, 1)


def test_a_file_with_its_own_code_is_the_same_client(house, organization, take):  # noqa: F811
    with tenant_atomic(organization.pk):
        client = register_prospect(
            NewCompany(NUMERIC, "Empório", "Sumaré", "SP"), representative=house["ana"], by=house["seller"], as_of=today(organization)
        )
    take("clients", f"client_code,name,tax_id\nC77,Emporio Novo Ltda,{NUMERIC}\nC78,Outro,\n")
    with tenant_atomic(organization.pk):
        again = Client.objects.get(pk=client.pk)
        assert (again.code, again.name, again.registered_by, again.representative) == (
            "C77",
            "Emporio Novo Ltda",
            house["ana"],
            house["ana"],
        )
        assert Client.objects.count() == 2
        words = stored_words(client)
        assert "c77" in words
        assert f"p-{NUMERIC}" not in words


def test_prospects_come_by_the_end_of_protection_and_leave_with_their_first_order(house, organization, signed_in):
    day = today(organization)
    with tenant_atomic(organization.pk):
        for number, days in enumerate([30, 5, -2, None]):
            until = None if days is None else day + timedelta(days=days)
            ClientFactory(name=f"Prospect {number}", representative=house["ana"], protected_until=until, source="indicação")
        ClientFactory(name="Já compra", representative=house["ana"], activity={"last_on": day})
        ClientFactory(name="De Bruno", representative=house["bruno"])
    page = text(signed_in(house["seller"]).get("/o/vale-verde/prospects/"))
    places = [page.index(f"Prospect {number}") for number in (2, 1, 0, 3)]
    assert places == sorted(places)
    for words in ("acabou", "5 dias", "30 dias", "sem proteção", "indicação"):
        assert words in page, words
    assert "Já compra" not in page
    assert "De Bruno" not in page


def test_pages_of_prospects_neither_skip_nor_repeat(acting, django_assert_num_queries):
    from clients.selectors import Limits

    for number in range(60):
        ClientFactory(protected_until=None if number % 3 == 0 else timezone.now().date() + timedelta(days=number % 5))
    seen, after = [], ""
    for _page in range(2):
        with django_assert_num_queries(1):
            page = prospects_within(Client.objects.all(), as_of=timezone.now().date(), limits=Limits(60, 90, 360), after=after)
        seen += [row.pk for row in page.rows]
        after = page.after
    assert after == ""
    assert len(seen) == len(set(seen)) == 60
