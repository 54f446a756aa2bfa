"""The pages of the reports: every number opens as many rows as it says, choosers in the address, who sees whose, constant queries."""

import csv
import io
import re
from collections import Counter
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Role
from accounts.tenancy import tenant_atomic
from clients.models import Client, CreditEvent, CreditSnapshot, Opportunity, OrderItem, Product, Segment
from clients.services import refresh_clients
from portfolio.reporting import KINDS
from portfolio.services import credit_orders
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
BASE = "/o/vale-verde/reports/"


def fill(organization, teams, n: int) -> None:
    """Two representatives a team with ``n`` clients each that bought, were visited, moved, owe, and of which one was lost."""
    today = timezone.now().astimezone(organization.zone).date()
    product = Product.objects.get_or_create(code="P", name="Arroz", category="Grãos")[0]
    for team in teams:
        people = RepresentativeFactory.create_batch(2, team=team)
        for place, person in enumerate(people):
            for number in range(n):
                segment = "Padaria" if number % 2 else "Mercado"
                client = ClientFactory(representative=person, segment=segment, name=f"{team.name} {place}{number}")
                before = today - timedelta(days=400)
                began = today - timedelta(days=number + 1)
                OwnershipFactory(client=client, representative=people[1 - place], started_on=before, ended_on=began)
                OwnershipFactory(client=client, representative=person, seq=2, started_on=began, source="manual", reason="Rota")
                order = OrderFactory(client=client, ordered_on=today - timedelta(days=5 if number else 200))
                OrderItem.objects.create(order=order, line=1, product=product, quantity=1, unit_price_cents=1, amount_cents=1)
                if number:
                    at = timezone.now() - timedelta(days=2)
                    VisitFactory(client=client, representative=person, visited_at=at, visited_on=today - timedelta(days=2), outcome="sale")
                owed = {"overdue_cents": 100 * number, "score": 300 * number, "restrictions": number}
                CreditSnapshot.objects.create(organization=organization, client=client, observed_on=today - timedelta(days=9), **owed)
                CreditEvent.objects.create(organization=organization, client=client, observed_on=today, event="Protesto")
        Client.objects.filter(name=f"{team.name} 00").update(discarded_on=today, discard_reason="Fechou as portas")
        lost = Client.objects.get(name=f"{team.name} 01")
        closed = {"stage": "lost", "stage_since": today, "closed_on": today, "loss_reason": "Preço"}
        Opportunity.objects.create(organization=organization, client=lost, title="x", value_cents=900, **closed)
    ids = list(Client.objects.values_list("pk", flat=True))
    credit_orders(ids)
    refresh_clients(ids, as_of=today)


@pytest.fixture
def house(organization, web):
    with tenant_atomic(organization.pk):
        near, far = TeamFactory(name="Perto"), TeamFactory(name="Longe")
        fill(organization, [near, far], 3)
        return {
            "near": near,
            "manager": make_member(organization, Role.MANAGER, team=near),
            "admin": make_member(organization, Role.ADMIN),
            "auditor": make_member(organization, Role.AUDITOR),
            "seller": make_member(organization, Role.REPRESENTATIVE),
        }


def test_every_number_opens_as_many_rows_as_it_says(house, signed_in):
    web, links = signed_in(house["manager"]), set()
    for kind in KINDS:
        page = web.get(f"{BASE}{kind}/").content.decode()
        # Products summed up by client, and cents, are told by their rows, not by how many rows there are.
        found = {(unescape(url), n) for url, n in re.findall(r'<a href="([^"]*/rows/[^"]*)">(\d+)</a>', page)}
        assert len(found) >= 3
        kept = Counter()
        for url, n in sorted(found):  # of each list one of a person and two of everybody are opened
            key = (url.partition("?")[0], "rep=" in url)
            kept[key] += 1
            if kept[key] <= 2 - key[1]:
                links.add((url, n))

    for url, n in links:
        rows = web.get(url)
        assert rows.status_code == 200
        body = rows.content.decode()
        counted = int(re.search(r"<p>(\d+) linha", body)[1])
        if "restrictions" in url:
            assert counted <= int(n)
        elif "mixed" not in url:
            assert counted == int(n), url
        assert "Longe" not in body


def test_a_report_is_the_readers_own_and_a_sellers_not_at_all(house, signed_in):
    for kind in KINDS:
        _check_readers(f"{BASE}{kind}/", house, signed_in)


def _check_readers(path, house, signed_in) -> None:
    seen = {role: signed_in(house[role]).get(f"{path}?period=month") for role in ("manager", "admin", "auditor", "seller")}
    assert {role: answer.status_code for role, answer in seen.items()} == {"manager": 200, "admin": 200, "auditor": 200, "seller": 404}
    assert "schedules/new/" in seen["manager"].content.decode()
    assert "schedules/new/" not in seen["auditor"].content.decode()
    assert signed_in(house["seller"]).get(f"{path}export.csv").status_code == 404
    assert signed_in(house["admin"]).get(f"{path}rows/nothing/").status_code == 404
    assert signed_in(house["admin"]).get(f"{path}export.pdf").status_code == 404


def test_choosers_narrow_by_team_person_and_segment_and_stay_in_the_address(organization, house, signed_in):
    web = signed_in(house["admin"])
    with tenant_atomic(organization.pk):
        shared = Segment.objects.create(organization=organization, name="Padarias", definition={"segment": "Padaria"})

    def held(query: str) -> int:
        [header, *rows] = list(csv.reader(io.StringIO(web.get(f"{BASE}buyers/export.csv?{query}").content.decode("utf-8-sig"))))
        return int(next(row for row in rows if row[1] == "Total")[header.index("Carteira")])

    assert held("") == 10  # twelve clients, two discarded
    assert held(f"team={house['near'].pk}") == 5
    assert held("segment=c:Padaria") == held(f"segment=s:{shared.pk}") == 4
    assert held("segment=c:Nada") == 0
    assert held("rep=999999&team=x") == 10
    page = web.get(f"{BASE}buyers/?team={house['near'].pk}&period=own&from=2026-01&to=2026-03").content.decode()
    assert f"team={house['near'].pk}&amp;" in page or f"&amp;team={house['near'].pk}" in page
    assert re.search(r'<option value="2026-03" selected>', page) or "2026-03" not in page


def test_a_fragment_holds_the_report_alone(house, signed_in):
    fragment = signed_in(house["manager"]).get(f"{BASE}movement/", headers={"HX-Request": "true"}).content.decode()
    assert fragment.startswith('<div id="report"')


def test_a_report_costs_the_same_queries_with_few_clients_and_with_many(organization, house, signed_in):
    web = signed_in(house["admin"])

    def costs() -> dict[str, int]:
        found = {}
        for kind in KINDS:
            with CaptureQueriesContext(connection) as caught:
                web.get(f"{BASE}{kind}/")
            found[kind] = len(caught)
        return found

    before = costs()
    with tenant_atomic(organization.pk):
        fill(organization, [TeamFactory(name="Nova")], 4)
    assert costs() == before


def test_an_empty_company_is_told_what_to_import(organization, web, signed_in):
    with tenant_atomic(organization.pk):
        admin = make_member(organization, Role.ADMIN)
    reader = signed_in(admin)
    told = {
        "movement": "Importe quem atende",
        "buyers": "Importe clientes e pedidos",
        "mix": "Importe pedidos com os seus itens",
        "coverage": "Importe os clientes",
        "credit": "Importe a situação de crédito",
    }
    for kind, words in told.items():
        assert words in reader.get(f"{BASE}{kind}/").content.decode(), kind
    assert reader.get(f"{BASE}losses/").status_code == 200
    assert reader.get(f"{BASE}nothing/").status_code == 404


def test_taking_a_report_away_is_on_record(organization, house, signed_in):
    web = signed_in(house["manager"])
    assert web.get(f"{BASE}losses/export.xlsx?period=12").status_code == 200
    assert web.get(f"{BASE}losses/rows/discarded/export.csv").status_code == 200
    with tenant_atomic(organization.pk):
        streams = AuditEvent.objects.filter(action="list.exported").order_by("pk").values_list("stream", flat=True)
        assert list(streams) == ["list:report-losses", "list:report-losses-discarded"]
