"""Hoje: a representative's own day, and the team's for who leads it."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Absence
from accounts.tenancy import acting_for
from clients.models import Contact, OrderItem, Product
from portfolio import threats
from portfolio.demonstration import live_a_day
from portfolio.models import Goal, Task, Visit
from portfolio.selectors.agenda import state_of
from portfolio.threats import Threat
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/o/vale-verde/today/"


@pytest.fixture
def today(organization):
    return timezone.now().astimezone(organization.zone).date()


@pytest.fixture
def house(organization, today):
    """Ana with a client about to turn inactive and one that buys; Bruno beside her; their manager and another team's."""
    with acting_for(organization.pk):
        team = TeamFactory()
        seller, other = make_member(organization, "representative", name="Ana"), make_member(organization, "representative", name="Bruno")
        ana = RepresentativeFactory(code="V-01", name="Ana", team=team, membership=seller)
        bruno = RepresentativeFactory(code="V-02", name="Bruno", team=team, membership=other)
        near = ClientFactory(
            name="Empório Serra Clara", representative=ana, city="Sumaré", address="Av. das Palmeiras, 1.240", phone="(19) 3873-1000",
            latitude=-22.82, longitude=-47.26,
            activity={
                "last_on": today - timedelta(days=70), "first_on": today - timedelta(days=400), "repeat_days": 9, "median_gap": 20,
                "net_12m_cents": 4_800_000, "abc": "B",
            },
        )  # fmt: skip
        good = ClientFactory(name="Drogaria Boa Safra", representative=ana, activity={"last_on": today, "repeat_days": 2, "abc": "A"})
        theirs = ClientFactory(name="Açougue Bom Corte", representative=bruno, activity={"last_on": today - timedelta(days=80)})
        people = {
            "manager": make_member(organization, "manager", team=team),
            "far": make_member(organization, "manager", email="far@vale-verde.example", team=TeamFactory()),
            "auditor": make_member(organization, "auditor"),
        }
    return {"seller": seller, "other": other, "ana": ana, "bruno": bruno, "near": near, "good": good, "theirs": theirs, **people}


@pytest.fixture
def web(house, signed_in):
    return signed_in(house["seller"])


@pytest.fixture
def threat_to(monkeypatch):
    """``threat_to(client, day)`` makes the source of threats, whoever asks, name that one."""

    def put(client, day):
        found = [Threat(client.pk, day, "Quase inativo", "Um pedido ou uma visita impede.")]
        monkeypatch.setattr(threats, "_sources", [lambda member: found])

    return put


def page(web) -> str:
    answer = web.get(URL)
    assert answer.status_code == 200
    return answer.content.decode().replace("\xa0", " ")


def test_the_next_visit_says_why_it_comes_now_and_how_to_get_there(house, web, organization, today):
    with acting_for(organization.pk):
        VisitFactory(client=house["near"], representative=house["ana"], planned_on=today)
        order = OrderFactory(client=house["near"], ordered_on=today - timedelta(days=70), amount_cents=512_000)
        product = Product.objects.create(organization=organization, code="P1", name="Café 500 g")
        OrderItem.objects.create(
            organization=organization, order=order, line=1, product=product, quantity=1, unit_price_cents=512_000, amount_cents=512_000
        )
    text = page(web)
    for expected in (
        "Empório Serra Clara",
        "Av. das Palmeiras, 1.240 · Sumaré",
        "70 dias",
        "R$ 4.000",
        "Compra a cada 20 dias e está 3,5× atrasado.",
        "Último pedido: R$ 5.120 em",
        "(Café 500 g).",
        "Fica inativo em",
        'href="tel:+551938731000"',
        'href="https://wa.me/551938731000"',
        "destination=-22.82%2C-47.26",
        "Quase inativo",
        "<b>0 de 1</b> visita feita",
    ):
        assert expected in text, expected
    assert "Açougue Bom Corte" not in text


def test_a_contact_who_refused_is_not_called(house, web, organization, today):
    with acting_for(organization.pk):
        VisitFactory(client=house["good"], representative=house["ana"], planned_on=today)
        contact = Contact.objects.create(
            organization=organization, client=house["good"], name="Márcia", phone="19 99999 0000", refused_on=today
        )
    assert "wa.me" not in page(web)
    with acting_for(organization.pk):
        contact.consent_on = today + timedelta(days=1)
        contact.save()
    assert "https://wa.me/5519999990000" in page(web)


def test_visits_stand_in_the_order_of_the_route_then_of_the_hour(house, web, organization, today):
    at = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    with acting_for(organization.pk):
        names = {}
        for name, position, hour in (("Terceira", 2, 1), ("Quarta", None, 0), ("Segunda", 1, 3), ("Primeira", 1, 2)):
            client = ClientFactory(name=name, representative=house["ana"])
            planned_at = at + timedelta(hours=hour)
            names[name] = VisitFactory(
                client=client, representative=house["ana"], planned_on=today, position=position, planned_at=planned_at
            )
    text = page(web)
    places = [text.index(f">{name}<") for name in ("Primeira", "Segunda", "Terceira", "Quarta")]
    assert places == sorted(places)
    assert text.index("Depois") < places[1]


def test_what_was_done_what_was_left_and_what_was_cancelled(house, web, organization, today):
    with acting_for(organization.pk):
        done = VisitFactory(
            client=house["near"], representative=house["ana"], planned_on=today, visited_at=timezone.now(), visited_on=today,
            outcome="sale", order_value_cents=512_000,
        )  # fmt: skip
        left = VisitFactory(client=house["good"], representative=house["ana"], planned_on=today - timedelta(days=2))
        VisitFactory(client=house["good"], representative=house["ana"], planned_on=today, cancelled_at=timezone.now())
        VisitFactory(client=house["good"], representative=house["ana"], planned_on=today - timedelta(days=20))
    text = page(web)
    assert "<b>1 de 1</b> visita feita" in text
    assert "R$ 5.120 em pedidos" in text
    assert f"/o/vale-verde/visits/{done.id_made}/" in text
    assert "Ficaram de dias anteriores" in text
    assert f"visits/new/?client={house['good'].pk}&amp;plan={left.id_made}" in text
    assert text.count("Não feita") == 1


def test_who_is_about_to_be_lost_comes_with_the_act_that_stops_it(house, web, threat_to, today):
    threat_to(house["good"], today + timedelta(days=4))
    text = page(web)
    at_risk = text[text.index("Prestes a inativar") :]
    assert "2 de 2 clientes" in at_risk
    assert at_risk.index("Drogaria Boa Safra") < at_risk.index("Empório Serra Clara")
    assert "Um pedido ou uma visita impede." in at_risk
    assert "Um pedido até" in at_risk and "o mantém ativo." in at_risk


def test_an_empty_day_begins_with_whom_to_call(house, web):
    text = page(web)
    assert "Nenhuma visita marcada para hoje" in text
    calls = text[text.index("Para ligar, por valor em jogo") :]
    assert "R$ 48 mil em 12 meses · 70 dias sem compra" in calls
    assert "Açougue" not in calls


def test_tasks_goals_and_the_route_stand_beside_the_visits(house, web, organization, today):
    with acting_for(organization.pk):
        for client in (house["near"], house["good"]):
            VisitFactory(client=client, representative=house["ana"], planned_on=today)
        given = {"organization": organization, "owner": house["seller"], "id_made": uuid.uuid4()}
        Task.objects.create(**given, title="Mandar a tabela", client=house["near"], due_on=today)
        Task.objects.create(**given | {"id_made": uuid.uuid4()}, title="Só amanhã", due_on=today + timedelta(days=1))
        Goal.objects.create(organization=organization, representative=house["ana"], month=today.replace(day=1), measure="buyers", target=2)
    text = page(web)
    assert "Mandar a tabela" in text and "Só amanhã" not in text
    assert "Minha meta de" in text and "0 de 2" in text and "Quem ainda não comprou" in text
    assert 'class="route"' in text and "2. Empório Serra Clara" in text


def test_a_visit_is_skipped_with_its_reason_and_taken_back(house, web, signed_in, organization, today):
    with acting_for(organization.pk):
        visit = VisitFactory(client=house["near"], representative=house["ana"], planned_on=today)
    url, reason = f"/o/vale-verde/visits/{visit.id_made}/skip/", "Resolvido por telefone"
    assert f'action="{url}"' in page(web)
    assert signed_in(house["other"]).post(url, {"reason": reason}).status_code == 404
    assert signed_in(house["auditor"]).post(url, {"reason": reason}).status_code == 404
    assert "Escolha o motivo" in web.post(url, {}, follow=True).content.decode()
    text = web.post(url, {"reason": reason}, follow=True).content.decode()
    assert "Empório Serra Clara fora do dia de hoje." in text and "Nenhuma visita marcada para hoje" in text
    with acting_for(organization.pk):
        visit.refresh_from_db()
        assert (visit.cancelled, visit.cancel_reason) == (True, reason)
    undo = text.split('action="/o/vale-verde/agenda/undo/')[1].split('"')[0]
    web.post(f"/o/vale-verde/agenda/undo/{undo}")
    with acting_for(organization.pk):
        visit.refresh_from_db()
        assert not visit.cancelled


def test_cover_brings_the_visits_of_who_is_away(house, web, organization, today):
    with acting_for(organization.pk):
        VisitFactory(client=house["theirs"], representative=house["bruno"], planned_on=today)
        assert "Açougue Bom Corte" not in page(web)
    with acting_for(organization.pk):
        Absence.objects.create(
            organization=organization, representative=house["bruno"], cover=house["ana"], starts_on=today, ends_on=today + timedelta(days=1)
        )
    text = page(web)
    assert "Açougue Bom Corte" in text and "cobrindo Bruno" in text


def test_the_device_keeps_the_day_and_what_it_leads_to(house, web, organization, today):
    with acting_for(organization.pk):
        VisitFactory(client=house["good"], representative=house["ana"], planned_on=today + timedelta(days=1))
    answer = web.get(URL)
    assert answer["X-Offline"] == "keep"
    text = answer.content.decode()
    kept = text.split('<meta name="offline-keep" content="')[1].split('"')[0].split()
    sheet, clients = "/o/vale-verde/visits/new/?client=", "/o/vale-verde/clients/"
    wanted = [house["good"].pk, house["near"].pk]
    assert kept == [page for pk in wanted for page in (f"{sheet}{pk}", f"{clients}{pk}/")]
    assert all(web.get(each).status_code == 200 for each in kept)


def test_who_leads_sees_the_teams_day_to_look_at(house, signed_in, organization, today):
    with acting_for(organization.pk):
        VisitFactory(client=house["near"], representative=house["ana"], planned_on=today, planned_at=timezone.now() - timedelta(hours=1))
        visited = timezone.now() - timedelta(hours=2)
        VisitFactory(
            client=house["theirs"], representative=house["bruno"], visited_on=today, visited_at=visited, 
            made_at=visited + timedelta(minutes=12),
            outcome="sale", order_value_cents=534_000,
        )  # fmt: skip
    for who in ("manager", "auditor"):
        text = page(signed_in(house[who]))
        assert "V-01" in text and "V-02" in text
        assert "12 min" in text and "R$ 5.340" in text
        assert "Empório Serra Clara" not in text and 'href="/o/vale-verde/visits/new/?' not in text
    assert "Nenhuma visita marcada para hoje na equipe" in page(signed_in(house["far"]))


@pytest.mark.parametrize("who", ["seller", "manager"])
def test_the_page_costs_the_same_with_one_visit_and_with_many(house, organization, signed_in, today, who, threat_to):
    web = signed_in(house[who])
    threat_to(house["near"], today + timedelta(days=3))

    def add(n: int) -> None:
        with acting_for(organization.pk):
            for _each in range(n):
                activity = {"last_on": today - timedelta(days=65), "repeat_days": 5, "median_gap": 10, "net_12m_cents": 900_000}
                client = ClientFactory(representative=house["ana"], activity=activity)
                OrderFactory(client=client, ordered_on=today - timedelta(days=65))
                VisitFactory(client=client, representative=house["ana"], planned_on=today)
                VisitFactory(client=client, representative=house["ana"], visited_on=today, visited_at=timezone.now())
                VisitFactory(client=client, representative=house["ana"], planned_on=today - timedelta(days=1))

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert web.get(URL).status_code == 200
        return len(captured)

    add(1)
    cost()
    one = cost()
    add(4)
    assert cost() == one


# The demonstration's day.


def test_the_demonstration_has_a_day_at_any_hour_and_making_it_again_changes_nothing(house, organization):
    with acting_for(organization.pk):
        for number in range(20):
            place = {"latitude": -22.8 + number / 100, "longitude": -47.2}
            ClientFactory(representative=house["ana"], activity={"last_on": date(2026, 11, 1)}, **place)
        RepresentativeFactory(name="sem acesso")
    morning = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # Sunday, 10:00 in São Paulo
    assert live_a_day(organization, at=morning) == 14
    with acting_for(organization.pk):
        of_today = Visit.objects.filter(planned_on=date(2026, 11, 22))
        assert (of_today.count(), of_today.exclude(visited_at=None).count()) == (8, 3)
        states = [str(state_of(visit, at=morning, today=date(2026, 11, 22))) for visit in of_today.order_by("planned_at")]
        assert states == ["done"] * 3 + ["late"] + ["planned"] * 4
        assert Visit.objects.filter(planned_on=date(2026, 11, 21), visited_at=None).count() == 1
        assert (Task.objects.count(), Goal.objects.filter(representative=house["ana"]).count()) == (3, 2)
        before = list(Visit.objects.order_by("pk").values())
    assert live_a_day(organization, at=morning + timedelta(hours=3)) == 0
    with acting_for(organization.pk):
        assert list(Visit.objects.order_by("pk").values()) == before
    for hour in (3, 27):  # midnight, and a quarter to it
        day = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=hour) - timedelta(minutes=15 if hour > 24 else 0)
        with acting_for(organization.pk):
            Visit.objects.filter(planned_on__gte=date(2026, 11, 23)).delete()
        assert live_a_day(organization, at=day) == 14
        with acting_for(organization.pk):
            local = day.astimezone(organization.zone).date()
            assert all(visit.planned_at.astimezone(organization.zone).date() == local for visit in Visit.objects.filter(planned_on=local))
            assert not Visit.objects.filter(visited_at__gt=day).exists()
