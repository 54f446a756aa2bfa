"""The list, the client's page and the search, as each role reaches them."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.tenancy import tenant_atomic
from clients.models import ClientMonth, ClientWord, Contact
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(organization):
    """A team with a representative who has one client, and a client of somebody else's."""
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        seller = make_member(organization, "representative")
        ana = RepresentativeFactory(code="V-01", name="Ana", team=team, membership=seller)
        bruno = RepresentativeFactory(code="V-02", name="Bruno", team=TeamFactory())
        mine = ClientFactory(
            name="Empório Serra Clara",
            representative=ana,
            city="Sumaré",
            activity={"last_on": today - timedelta(days=70), "repeat_days": 9, "median_gap": 21, "net_12m_cents": 4_800_000, "abc": "B"},
        )
        theirs = ClientFactory(name="Açougue Bom Corte", representative=bruno, activity={"last_on": today})
        OwnershipFactory(client=mine, representative=bruno, started_on=date(2025, 1, 1), ended_on=date(2026, 3, 2), reason="cadastro")
        OwnershipFactory(client=mine, representative=ana, seq=2, started_on=date(2026, 3, 2), reason="giro", source="rotation")
        ClientMonth.objects.create(organization=organization, client=mine, month=today.replace(day=1), revenue_cents=120_000, orders=2)
        Contact.objects.create(organization=organization, client=mine, name="Márcia Leal", phone="+55 19 99999 0000", decision_role="buyer")
        OrderFactory(client=mine, code="P-77", ordered_on=today - timedelta(days=70), amount_cents=512_000, representative=ana)
        VisitFactory(client=mine, representative=ana, visited_on=today - timedelta(days=5), outcome="no_sale", no_sale_reason="Preço")
        for client, word in [(mine, "emporio"), (mine, "serra"), (theirs, "acougue"), (theirs, "esquina")]:
            ClientWord.objects.create(organization=organization, client=client, word=word)
        people = {
            role: make_member(organization, role, team=team if role == "manager" else None) for role in ("admin", "manager", "auditor")
        }
    return {"mine": mine, "theirs": theirs, "representative": seller, **people}


def text(response) -> str:
    return response.content.decode()


def test_a_representative_sees_own_clients_only(house, signed_in):
    web = signed_in(house["representative"])
    page = web.get("/o/vale-verde/clients/")
    assert page.status_code == 200
    assert "Minha carteira" in text(page)
    assert "Empório Serra Clara" in text(page)
    assert "Açougue Bom Corte" not in text(page)
    assert web.get(f"/o/vale-verde/clients/{house['mine'].pk}/").status_code == 200
    assert web.get(f"/o/vale-verde/clients/{house['theirs'].pk}/").status_code == 404


def test_the_list_shows_silence_cycle_and_lateness(house, signed_in):
    page = text(signed_in(house["admin"]).get("/o/vale-verde/clients/"))
    for expected in ("70 dias", "21 dias", "3,3×", "Quase inativo", "R$\xa048.000", "V-01 Ana"):
        assert expected in page.replace("&nbsp;", "\xa0"), expected


def test_what_is_written_of_a_client_is_text_whoever_reads_it(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        house["mine"].trade_name, house["mine"].city, house["mine"].blocked = "<b>Serra</b> & 'Filhos'", '"><i>', True
        house["mine"].save()
        house["mine"].representative.name = "<u>Ana</u>"
        house["mine"].representative.save()
    for member in ("representative", "admin"):
        page = text(signed_in(house[member]).get("/o/vale-verde/clients/"))
        assert "&lt;b&gt;Serra&lt;/b&gt; &amp; &#x27;Filhos&#x27;" in page
        assert "&quot;&gt;&lt;i&gt;" in page
        assert "Bloqueado" in page
        assert not re.search(r"<b>Serra|<i>/|<u>", page)


@pytest.mark.parametrize("tab", ["summary", "orders", "visits", "contacts", "history"])
def test_every_tab_of_the_page_opens_whole_and_as_a_fragment(house, signed_in, tab):
    web, address = signed_in(house["manager"]), f"/o/vale-verde/clients/{house['mine'].pk}/?tab={tab}"
    whole, part = web.get(address), web.get(address, headers={"HX-Request": "true"})
    assert whole.status_code == part.status_code == 200
    assert "<html" in text(whole)
    assert "<html" not in text(part)
    assert "HX-Request" in whole.headers["Vary"]


def test_the_history_says_who_answered_from_which_day_to_which_and_why(house, signed_in):
    page = text(signed_in(house["representative"]).get(f"/o/vale-verde/clients/{house['mine'].pk}/?tab=history"))
    assert "V-02 Bruno respondeu pelo cliente" in page
    assert "V-01 Ana responde pelo cliente" in page
    assert "Giro de carteira · giro" in page


def test_an_auditor_reads_no_personal_fields(house, signed_in):
    page = text(signed_in(house["auditor"]).get(f"/o/vale-verde/clients/{house['mine'].pk}/?tab=contacts"))
    assert "Márcia Leal" in page
    assert "99999" not in page
    assert "dados pessoais ocultos" in page


def test_an_unknown_tab_and_a_far_client_are_not_found(house, signed_in):
    web = signed_in(house["admin"])
    assert web.get(f"/o/vale-verde/clients/{house['mine'].pk}/?tab=secrets").status_code == 404
    assert web.get("/o/vale-verde/clients/99999999/").status_code == 404


def test_the_search_opens_the_only_match_and_lists_several(house, signed_in):
    web = signed_in(house["admin"])
    response = web.get("/o/vale-verde/search/?q=empor")
    assert (response.status_code, response.url) == (302, f"/o/vale-verde/clients/{house['mine'].pk}/")
    assert "Nada encontrado" in text(web.get("/o/vale-verde/search/?q=padaria"))
    assert "Nada encontrado" in text(signed_in(house["representative"]).get("/o/vale-verde/search/?q=acougue"))


def test_an_empty_list_says_why(organization, signed_in):
    with tenant_atomic(organization.pk):
        admin, seller = make_member(organization, "admin"), make_member(organization, "representative")
    assert "Importe seus clientes para começar" in text(signed_in(admin).get("/o/vale-verde/clients/"))
    assert "Sua carteira ainda está vazia" in text(signed_in(seller).get("/o/vale-verde/clients/"))
    assert "Limpar filtros" in text(signed_in(admin).get("/o/vale-verde/clients/?q=nada"))


@pytest.mark.parametrize(
    "address", ["clients/", "clients/?q=em&state=active&sort=value", "clients/{mine}/", "clients/{mine}/?tab=history", "search/?q=e"]
)
def test_a_page_costs_the_same_queries_whatever_the_number_of_rows(house, organization, signed_in, django_assert_num_queries, address):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    web, path = signed_in(house["admin"]), "/o/vale-verde/" + address.format(mine=house["mine"].pk)

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert web.get(path).status_code == 200
        return len(queries)

    cost()
    few = cost()
    assert few > 5  # the count counts
    with tenant_atomic(organization.pk):
        for number in range(5):
            client = ClientFactory(name=f"Empório {number}", representative=house["mine"].representative)
            ClientWord.objects.create(organization=organization, client=client, word="emporio")
            OwnershipFactory(client=client, representative=client.representative)
            VisitFactory(client=house["mine"], representative=client.representative, visited_on=date(2026, 1, number + 1))
    assert cost() == few
