"""What a client's page says of its coming days: every sentence follows from the numbers, and is left out where they say nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.tenancy import tenant_atomic
from clients.models import Client, ClientScore, Scoring
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.lifecycle import Lifecycle, lifecycle_of
from clients.selectors.page import standing_of
from portfolio.forecasting import shown_forecast
from tests.factories import ClientFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 10, 5)
LIMITS = Limits(60, 90, 360)
CALIBRATION = {"groups": [{"predicted": 0.05, "observed": 0.04, "n": 90}, {"predicted": 0.33, "observed": 0.3, "n": 40}]}


def scored(*, silent_days=20, made_for=TODAY, method="mixture", calibration=CALIBRATION, **fields):
    """A client with an order ``silent_days`` before TODAY and a score; call in its organization's context."""
    client = ClientFactory(activity={"last_on": TODAY - timedelta(days=silent_days), "repeat_days": 9, "median_gap": 10})
    defaults = {"p_silent": 0.31, "p_cross": 0.4, "state": "active", "year_cents": 1_200_000, "at_stake_cents": 372_000}
    ClientScore.objects.create(client=client, horizon=90, made_for=made_for, **(defaults | fields))
    record = {"method": method, "basis": {"clients_with_order": 589, "clients_needed": 10}, "calibration": calibration}
    made_at = datetime(2026, 10, 5, 3, tzinfo=UTC)
    Scoring.objects.update_or_create(as_of=made_for, horizon=90, defaults={**record, "engine_version": "1", "made_at": made_at})
    return client


def card(client):
    return shown_forecast(standing_of(client, as_of=TODAY, limits=LIMITS), currency="BRL")


def test_the_card_reads_chance_rhythm_dates_money_and_how_sure(acting):
    days = {"early_on": date(2026, 10, 9), "likely_on": date(2026, 10, 12), "late_on": date(2026, 11, 2)}
    shown = card(scored(**days))

    assert shown.headline == "3 em 10 chances de não comprar nos próximos 90 dias"
    assert (shown.chance, shown.tone) == (0.31, "ok")
    assert shown.lines == [
        ("Ritmo", "Compra em geral a cada 10 dias.", "Está há 20 dias sem comprar. São 2,0 vezes o ciclo dele."),
        (
            "Próximo pedido",
            "Por volta de 12 out 2026.",
            "Metade das vezes é entre 9 out 2026 e 2 nov 2026; na outra metade, antes, depois ou nunca.",
        ),
        ("Se não comprar", "Fica quase inativo em 14 nov 2026 e inativo em 14 dez 2026.", ""),
        ("Vale", "R$\xa012\xa0mil por ano, se continuar comprando.", "Em jogo: R$\xa03.720, que é isso vezes a chance."),
    ]
    assert shown.sure == "Quando dissemos algo parecido, de 40 clientes 12 não compraram: 30%, e tínhamos dito 33%."
    assert shown.why == "O ritmo de cada cliente, medido em 589 clientes com pedido."


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({}, "Não é esperado nos próximos 12 meses."),
        ({"early_on": date(2026, 10, 9)}, "Se vier, depois de 9 out 2026."),
        ({"early_on": date(2026, 10, 9), "likely_on": date(2026, 12, 1)}, "Por volta de 1 dez 2026, se vier."),
    ],
)
def test_a_next_order_that_may_not_come_is_not_promised(acting, days, said):
    assert ("Próximo pedido", said) in [line[:2] for line in card(scored(p_silent=0.7, **days)).lines]


def test_nothing_is_said_to_have_been_checked_that_was_not(acting):
    unknown = "Nenhuma previsão como esta pôde ser conferida ainda."
    assert card(scored(p_silent=0.8)).sure == unknown  # no group was told anything like it
    assert card(scored(calibration=None)).sure == unknown
    assert card(scored(silent_days=120, p_silent=0.33)).sure == ""  # clients already inactive were not among those checked


def test_days_alone_are_never_called_a_chance(acting):
    shown = card(scored(method="day_rule", p_silent=0.2222))
    assert (shown.chance, shown.sure) == (None, "")
    assert shown.headline == "Ainda não dá para prever este cliente."
    assert "chance" not in " ".join(text for line in shown.lines for text in line)


@pytest.mark.parametrize(("silent_days", "made_for"), [(2, TODAY - timedelta(days=3)), (20, TODAY - timedelta(days=4))])
def test_a_score_from_before_the_last_order_or_of_another_week_is_not_told(acting, silent_days, made_for):
    client = scored(silent_days=silent_days, made_for=made_for, p_silent=0.9, p_cross=0.9, state="at_risk")
    assert card(client).chance is None
    assert standing_of(client, as_of=TODAY, limits=LIMITS).state == Lifecycle.ACTIVE


def test_a_client_never_scored_waits_for_the_night_and_a_prospect_has_no_card(acting):
    new = ClientFactory(activity={"last_on": TODAY, "repeat_days": 0})
    assert card(new).headline == "A primeira previsão deste cliente é feita na próxima noite."
    assert card(ClientFactory()) is None


def test_at_risk_lies_between_active_and_near_inactive_in_page_and_list(acting):
    risky, calm, late = scored(p_cross=0.6, state="at_risk"), scored(), scored(silent_days=70, p_cross=0.9, state="at_risk")
    bought = scored(silent_days=0, made_for=TODAY - timedelta(days=1), state="at_risk")

    def listed(state):
        found = client_rows(type(risky).objects.all(), ClientFilter(state=state), as_of=TODAY, limits=LIMITS)
        return sorted(row.pk for row in found.rows)

    assert listed("at_risk") == [risky.pk]
    assert listed("active") == sorted([calm.pk, bought.pk])
    assert listed("near_inactive") == [late.pk]
    for client, state in [(risky, "at_risk"), (calm, "active"), (late, "near_inactive"), (bought, "active")]:
        assert standing_of(client, as_of=TODAY, limits=LIMITS).state == state


def listed(**wanted):
    found = client_rows(Client.objects.all(), ClientFilter(**wanted), as_of=TODAY, limits=LIMITS)
    return [row.pk for row in found.rows], found


def test_a_list_narrows_to_a_chance_that_stands_and_sorts_by_what_is_at_stake(acting):
    rich = scored(p_silent=0.5, p_alive=0.6, at_stake_cents=900_000)
    poor = scored(p_silent=0.9, p_alive=0.2, at_stake_cents=100_000)
    scored(p_silent=0.95, p_alive=None, at_stake_cents=50_000)  # days answered: no chance
    scored(p_silent=0.95, p_alive=0.1, made_for=TODAY - timedelta(days=30), at_stake_cents=40_000)
    unknown = ClientFactory(activity={"last_on": TODAY})

    assert sorted(listed(chance="4")[0]) == sorted([rich.pk, poor.pk])
    assert listed(chance="9")[0] == [poor.pk]
    by_stake, page = listed(sort="stake")
    assert by_stake[:2] == [rich.pk, poor.pk]
    assert unknown.pk not in by_stake
    assert [row.chance(as_of=TODAY) for row in page.rows] == [0.5, 0.9, None, None]
    first = client_rows(type(rich).objects.all(), ClientFilter(sort="stake", size=1), as_of=TODAY, limits=LIMITS)
    rest = client_rows(type(rich).objects.all(), ClientFilter(sort="stake", after=first.after), as_of=TODAY, limits=LIMITS)
    assert [first.rows[0].pk, *(row.pk for row in rest.rows)] == by_stake


@pytest.mark.parametrize(("scored_on", "state"), [(TODAY, "at_risk"), (TODAY - timedelta(days=4), "active"), (None, "active")])
def test_a_score_makes_a_client_at_risk_for_a_few_days(scored_on, state):
    assert lifecycle_of(TODAY - timedelta(days=30), None, as_of=TODAY, limits=LIMITS, scored_at_risk_on=scored_on) == state


def test_the_page_shows_the_card_with_its_tag(organization, signed_in):
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        member = make_member(organization, "admin")
        client = ClientFactory(activity={"last_on": today - timedelta(days=20), "repeat_days": 9, "median_gap": 10})
        ClientScore.objects.create(client=client, horizon=90, made_for=today, p_silent=0.62, p_cross=0.7, p_alive=0.5, state="at_risk")
        Scoring.objects.create(as_of=today, horizon=90, method="mixture", engine_version="1", made_at=timezone.now())
    page = signed_in(member).get(f"/o/vale-verde/clients/{client.pk}/").content.decode()
    assert "6 em 10 chances de não comprar nos próximos 90 dias" in page
    assert "Em risco" in page
    listed = signed_in(member).get("/o/vale-verde/clients/?state=at_risk&chance=4&sort=stake").content.decode()
    assert "risco 6 em 10" in listed
