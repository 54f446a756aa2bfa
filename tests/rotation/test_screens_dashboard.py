"""Painel: who sees which numbers, that a new fact shows at once, that every number opens its rows, and what a page costs."""

import csv
import io
import re
from datetime import date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Role
from accounts.selectors import local_day
from clients.models import Client, ClientScore, DiscardProposal, ImportJob, Scoring
from clients.services import refresh_abc, refresh_clients
from clients.signals import orders_changed
from portfolio.models import Goal
from rotation.models import Run
from rotation.panel import Asked
from rotation.views.dashboard import PARTS
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
BASE = "/o/vale-verde/dashboard/"


@pytest.fixture
def today(acting) -> date:
    return local_day(acting, at=timezone.now())


@pytest.fixture
def company(acting, today):
    """Two teams of one each: Ana sold R$ 500,00 this month to one of her two clients, Bruno R$ 70,00 to his only one."""
    north, south = TeamFactory(name="Norte"), TeamFactory(name="Sul")
    ana, bruno = RepresentativeFactory(code="V-1", name="Ana", team=north), RepresentativeFactory(code="V-2", name="Bruno", team=south)
    one, two = (ClientFactory(trade_name=name, state="SP") for name in ("Mercado Sol", "Bar da Lua"))
    three = ClientFactory(trade_name="Padaria Rio", state="MG")
    for client, owner in ((one, ana), (two, ana), (three, bruno)):
        OwnershipFactory(client=client, representative=owner)
        Client.objects.filter(pk=client.pk).update(representative=owner)
    month = today.replace(day=1)
    OrderFactory(client=one, ordered_on=month, amount_cents=50_000)
    OrderFactory(client=three, ordered_on=month, amount_cents=7_000)
    OrderFactory(client=two, ordered_on=today - timedelta(days=75))
    refresh(today)
    return {"north": north, "south": south, "ana": ana, "bruno": bruno, "one": one, "two": two, "three": three}


def refresh(today: date) -> None:
    ids = list(Client.objects.values_list("pk", flat=True))
    orders_changed.send(sender=None, client_ids=ids)
    refresh_clients(ids, as_of=today)
    refresh_abc()


def text(response) -> str:
    assert response.status_code == 200, response.status_code
    body = re.sub(r"<svg.*?</svg>", "", response.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\u00a0", " ").split())


def test_the_strip_says_revenue_positivation_and_who_is_near_inactive(acting, company, signed_in):
    web = signed_in(make_member(acting, Role.ADMIN))
    body = text(web.get(BASE))
    assert "Faturamento R$ 570" in body
    assert "Positivação 67%" in body
    assert "Quase inativos 1" in body


def test_a_manager_sees_the_own_teams_numbers_only_and_a_representative_none(acting, company, signed_in):
    manager = signed_in(make_member(acting, Role.MANAGER, team=company["south"]))
    assert "Faturamento R$ 70" in text(manager.get(BASE))
    assert "V-1" not in text(manager.get(f"{BASE}reps/"))
    assert "R$ 70" in text(manager.get(f"{BASE}reps/"))
    # Another team or person in the address is as if nobody had asked for one.
    assert "Faturamento R$ 70" in text(manager.get(f"{BASE}?team={company['north'].pk}&rep={company['ana'].pk}"))
    assert manager.get(f"{BASE}rows/nobody/").status_code == 404
    seller = signed_in(make_member(acting, Role.REPRESENTATIVE))
    for address in ("", "kpis/", "rows/revenue/", "rows/revenue/export.csv", "reps.csv"):
        assert seller.get(BASE + address).status_code == 404


def test_team_and_representative_narrow_everything(acting, company, signed_in):
    web = signed_in(make_member(acting, Role.ADMIN))
    assert "Faturamento R$ 500" in text(web.get(f"{BASE}?team={company['north'].pk}"))
    narrowed = text(web.get(f"{BASE}?rep={company['bruno'].pk}"))
    assert "Faturamento R$ 70" in narrowed and "V-2 Bruno" in narrowed


def test_a_committed_order_and_visit_show_in_the_next_request(acting, company, signed_in, today):
    web = signed_in(make_member(acting, Role.ADMIN))
    before = text(web.get(f"{BASE}kpis/", headers={"HX-Request": "true"}))
    assert "Faturamento R$ 570" in before and "Visitas realizadas 0" in before
    OrderFactory(client=company["two"], ordered_on=today, amount_cents=3_000)
    refresh(today)
    at = datetime.combine(today, time(15), tzinfo=acting.zone)
    VisitFactory(client=company["two"], representative=company["ana"], visited_at=at, visited_on=today, outcome="sale")
    response = web.get(f"{BASE}kpis/", headers={"HX-Request": "true"})
    after = text(response)
    assert "Faturamento R$ 600" in after and "Visitas realizadas 1" in after and "Positivação 100%" in after
    assert response.headers["Cache-Control"] == "no-store"


def test_every_number_opens_its_rows(acting, company, signed_in):
    web = signed_in(make_member(acting, Role.ADMIN))
    revenue = text(web.get(f"{BASE}rows/revenue/"))
    assert "2 clientes" in revenue and revenue.index("Mercado Sol") < revenue.index("Padaria Rio") and "R$ 570" in revenue
    assert "Padaria Rio" not in text(web.get(f"{BASE}rows/revenue/?state=SP"))
    missing = text(web.get(f"{BASE}rows/missing/"))
    assert "Bar da Lua" in missing and "Mercado Sol" not in missing
    assert "Bar da Lua" in text(web.get(f"{BASE}rows/near_inactive/"))
    assert web.get(f"{BASE}rows/no-such-number/").status_code == 404
    pages = "".join(web.get(f"{BASE}{name}/").content.decode() for name in PARTS)
    links = set(re.findall(r'href="(/o/vale-verde/dashboard/rows/[^"]+)"', pages))
    one_of_each = {link.split("/")[5]: link for link in links}
    assert set(one_of_each) >= {
        "revenue",
        "buyers",
        "visited",
        "missing",
        "unvisited",
        "active",
        "former",
        "lost",
        "new",
        "won_back",
        "unkept",
        "given",
    }
    every = web.get(f"{BASE}indicators/")
    assert [row.name for row in every.context["indicator_rows"] if web.get(row.url).status_code != 200] == []
    for link in one_of_each.values():
        assert web.get(link.replace("&amp;", "&")).status_code == 200, link


def test_clients_that_went_to_another_team_are_counted_and_not_shown(acting, company, signed_in, today):
    Client.objects.filter(pk=company["one"].pk).update(representative=company["bruno"])  # its order stays Ana's
    manager = signed_in(make_member(acting, Role.MANAGER, team=company["north"]))
    body = text(manager.get(f"{BASE}rows/revenue/"))
    assert "Mercado Sol" not in body and "1 deles é hoje de outra equipe" in body and "R$ 500" in body


def test_the_parts_stand_on_pages_of_their_own_and_as_fragments(acting, company, signed_in):
    web = signed_in(make_member(acting, Role.AUDITOR))
    for name in PARTS:
        page, fragment = web.get(f"{BASE}{name}/"), web.get(f"{BASE}{name}/", headers={"HX-Request": "true"})
        assert page.status_code == fragment.status_code == 200
        assert "<html" in page.content.decode() and "<html" not in fragment.content.decode()
        assert f'id="panel-{name}"' in fragment.content.decode()
    assert web.get(f"{BASE}nothing/").status_code == 404


def test_a_new_company_is_told_what_comes_first(acting, signed_in):
    web = signed_in(make_member(acting, Role.ADMIN))
    body = text(web.get(BASE))
    assert "Faturamento R$ 0" in body and "Nenhum pedido recebido ainda" in body
    assert "Nenhum pedido nestes doze meses" in text(web.get(f"{BASE}revenue/"))
    assert "Nenhum cliente ainda" in text(web.get(f"{BASE}base/"))
    assert "Sem previsão para hoje" in text(web.get(f"{BASE}risk/"))
    assert "Nenhum vendedor" in text(web.get(f"{BASE}reps/"))
    assert "Nenhuma venda no período" in text(web.get(f"{BASE}states/"))


def test_what_waits_is_told_with_its_deadline(acting, company, signed_in, today):
    admin = make_member(acting, Role.ADMIN)
    Client.objects.filter(pk=company["two"].pk).update(representative=None)
    type(company["ana"]).objects.filter(pk=company["ana"].pk).update(capacity_clients=0)
    type(company["bruno"]).objects.filter(pk=company["bruno"].pk).update(valid_to=today)
    ImportJob.objects.create(kind="orders", file_name="antigo.csv", state="done", rows=9, refused=9)
    ImportJob.objects.create(kind="orders", file_name="pedidos.csv", state="done", rows=9, refused=3)
    DiscardProposal.objects.create(client=company["one"], reason="Fechou", proposed_by=admin)
    Run.objects.create(rule_set="1", as_of=today, state=Run.State.FAILED, trigger="schedule", error="O arquivo não veio.")
    body = text(signed_in(admin).get(f"{BASE}todo/"))
    assert "1 cliente sem vendedor" in body and "V-1 acima da capacidade 1 cliente de 0" in body
    assert "3 linhas recusadas pedidos.csv" in body and "1 descarte proposto" in body
    assert "parou O arquivo não veio." in body and "Nenhum pedido recebido ainda" in body
    manager = signed_in(make_member(acting, Role.MANAGER, team=company["south"]))
    theirs = text(manager.get(f"{BASE}todo/"))
    assert "sem vendedor" not in theirs and "V-1" not in theirs and "linhas recusadas" not in theirs
    # Who left and still answers for clients comes first of the portfolios; orders nobody here may import offer no import.
    assert "V-2 não atende mais Bruno" in theirs and "Dividir…" in theirs
    assert "Nenhum pedido recebido ainda" in theirs and "Importar" not in theirs.replace("Importe", "")


def test_goals_projection_and_the_table_of_representatives(acting, company, signed_in, today):
    Goal.objects.create(representative=company["ana"], month=today.replace(day=1), measure="revenue", target=100_000)
    web = signed_in(make_member(acting, Role.ADMIN))
    table = text(web.get(f"{BASE}reps/?sort=name"))
    assert table.index("V-1 Ana") < table.index("V-2 Bruno") and "sem meta" in table and "50%" in table
    falling = text(web.get(f"{BASE}reps/?sort=-name"))
    assert falling.index("V-2 Bruno") < falling.index("V-1 Ana")
    chart = text(web.get(f"{BASE}revenue/"))
    assert "R$ 1.000" in chart and "é a de 1 vendedor; o realizado é de todos." in chart
    Goal.objects.create(representative=company["bruno"], month=today.replace(day=1), measure="revenue", target=100_000)
    assert "o realizado é de todos" not in text(web.get(f"{BASE}revenue/"))


def test_revenue_at_risk_with_its_interval(acting, company, signed_in, today):
    Scoring.objects.create(as_of=today, horizon=90, method="mixture", engine_version="1", made_at=timezone.now())
    values = {"horizon": 90, "made_for": today, "p_silent": 0.5, "p_cross": 0.5, "state": "active", "at_stake_cents": 5_000_00}
    ClientScore.objects.create(client=company["one"], year_cents=10_000_00, **values)
    body = text(signed_in(make_member(acting, Role.ADMIN)).get(f"{BASE}risk/"))
    assert "R$ 5.000 entre R$ 0 e R$ 10 mil" in body and "ainda não puderam ser conferidas" in body


def test_files_hold_the_rows_and_are_recorded(acting, company, signed_in, web):  # web: nobody has exported yet in this hour
    web = signed_in(make_member(acting, Role.ADMIN))
    rows = list(csv.reader(io.StringIO(web.get(f"{BASE}rows/revenue/export.csv").content.decode("utf-8-sig"))))
    assert [(row[0], row[3], row[6]) for row in rows[1:]] == [("Mercado Sol", "V-1 Ana", "500.0"), ("Padaria Rio", "V-2 Bruno", "70.0")]
    table = list(csv.reader(io.StringIO(web.get(f"{BASE}reps.csv").content.decode("utf-8-sig"))))
    assert [row[:2] for row in table[1:]] == [["V-1 Ana", "500.0"], ["V-2 Bruno", "70.0"]]
    assert web.get(f"{BASE}reps.xlsx").content[:2] == b"PK"
    assert web.get(f"{BASE}reps.pdf").status_code == web.get(f"{BASE}rows/revenue/export.pdf").status_code == 404
    assert AuditEvent.objects.filter(action="dashboard.exported").count() == 3


def test_the_address_says_which_months(acting, today):
    member = make_member(acting, Role.ADMIN)
    at = date(2026, 11, 23)
    cases = {
        "": (date(2026, 11, 1), at),
        "month=2026-08": (date(2026, 8, 1), date(2026, 8, 31)),
        "period=quarter": (date(2026, 10, 1), at),
        "period=quarter&month=2026-05": (date(2026, 4, 1), date(2026, 6, 30)),
        "period=year": (date(2025, 12, 1), at),
        "period=span&from=2026-03&month=2026-08": (date(2026, 3, 1), date(2026, 8, 31)),
        "period=span&from=2026-09&month=2026-08": (date(2026, 8, 1), date(2026, 8, 31)),
        "period=nonsense&month=2026-13": (date(2026, 11, 1), at),
        "month=2027-01": (date(2026, 11, 1), at),
    }
    for query, days in cases.items():
        asked = Asked.of(member, dict(pair.split("=") for pair in query.split("&") if pair), today=at)
        assert (asked.span.since, asked.span.until) == days, query
        again = Asked.of(member, dict(pair.split("=") for pair in asked.query().split("&") if pair), today=at)
        assert again.span == asked.span


def test_a_page_costs_the_same_queries_however_many_there_are(acting, company, signed_in, today):
    web = signed_in(make_member(acting, Role.MANAGER, team=company["north"]))

    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert web.get(BASE + address).status_code == 200
        return len(queries)

    addresses = ["", *(f"{name}/" for name in PARTS), "rows/revenue/"]
    few = [cost(address) for address in addresses]
    for client in ClientFactory.create_batch(5, representative=company["ana"]):
        person = RepresentativeFactory(team=company["north"])
        OwnershipFactory(client=client, representative=person)
        OrderFactory(client=client, ordered_on=today.replace(day=1), amount_cents=900)
    refresh(today)
    assert [cost(address) for address in addresses] == few
