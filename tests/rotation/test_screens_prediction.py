"""The page that tells how Carteira predicts, and the line of a run that names what its chances came from."""

import pytest
from django.utils import timezone

from accounts.tenancy import tenant_atomic
from clients.models import ClientScore, Scoring
from rotation.scores_said import scores_said
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/o/vale-verde/rotation/prediction/"
BASIS = {
    "clients_with_order": 589,
    "clients_needed": 10,
    "days_of_orders": 735,
    "days_needed_for_clock": 420,
    "second_voice": {"clients": 589, "clients_needed": 200, "lapses": 61, "lapses_needed": 100, "returns": 480, "returns_needed": 100},
}
GROUPS = [{"predicted": 0.03 + 0.09 * i, "observed": 0.02 + 0.1 * i, "n": 40} for i in range(10)]


@pytest.fixture
def people(organization):
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        roles = ("admin", "manager", "auditor", "representative")
        return {role: make_member(organization, role, team=team if role == "manager" else None) for role in roles} | {"team": team}


def record(organization, **fields):
    with tenant_atomic(organization.pk):
        today = timezone.now().date()
        defaults = {"method": "mixture_clock", "basis": BASIS, "clients": 600, "scored": 589}
        Scoring.objects.create(as_of=today, horizon=90, engine_version="1", made_at=timezone.now(), **(defaults | fields))


def read(web) -> str:
    response = web.get(PAGE)
    assert response.status_code == 200
    return response.content.decode()


def test_it_is_for_those_who_lead(people, signed_in):
    assert [signed_in(people[role]).get(PAGE).status_code for role in ("admin", "manager", "auditor", "representative")] == [
        200,
        200,
        200,
        404,
    ]


def test_before_the_first_scoring_it_says_when_one_comes(people, signed_in):
    assert "A primeira é feita poucos minutos depois que chegam pedidos" in read(signed_in(people["admin"]))


def test_it_names_the_way_in_force_what_each_way_needs_and_how_often_it_was_right(organization, people, signed_in):
    windows = [{"as_of": 20_000 + 90 * i} for i in range(5)]
    record(organization, calibration={"clients": 400, "error": 0.021, "groups": GROUPS, "windows": windows})
    page = read(signed_in(people["manager"]))

    for expected in (
        "Ritmo de cada cliente e época do ano",
        "O ritmo de cada cliente e a época do ano, medidos em 589 clientes com pedido.",
        "Precisa de 420 dias de pedidos; há 735.",
        "há 589, 61 e 480.",
        "Em 5 períodos já encerrados",
        "diferem em 2,1 de cada 100 clientes",
        "dissemos 84%, aconteceu 92%, 40 clientes",
    ):
        assert expected in page, expected
    assert page.count('<circle class="f-z1"') == len(GROUPS)
    assert page.count('aria-label="ainda não entra"') == 1
    assert "style=" not in page


def test_a_small_company_reads_why_days_answer(organization, people, signed_in):
    record(organization, method="day_rule", basis={"clients_with_order": 7, "clients_needed": 10}, clients=9, scored=7)
    page = read(signed_in(people["admin"]))
    assert "Regra de dias: 7 clientes com pedido; a previsão precisa de 10." in page
    assert "A regra de dias não diz chances" in page
    assert "Em jogo</th>" not in page


def test_a_manager_adds_up_only_the_clients_in_reach(organization, people, signed_in):
    record(organization)
    with tenant_atomic(organization.pk):
        mine, theirs = RepresentativeFactory(team=people["team"]), RepresentativeFactory(team=TeamFactory())
        for owner, stake in [(mine, 1_000_00), (theirs, 7_000_00)]:
            ClientScore.objects.create(
                client=ClientFactory(representative=owner),
                horizon=90,
                made_for=timezone.now().date(),
                p_silent=0.5,
                p_cross=0.6,
                state="at_risk",
                at_stake_cents=stake,
            )
    assert "R$\xa01.000" in read(signed_in(people["manager"]))
    assert "R$\xa08.000" in read(signed_in(people["admin"]))


def test_a_run_says_each_way_once():
    kept = {"from": "kept", "method": "mixture_clock", "basis": {"clients_with_order": 50}}
    assert scores_said({"scores": {"42": kept, "90": kept}}) == (
        "O ritmo de cada cliente e a época do ano, medidos em 50 clientes com pedido."
    )
    stale = scores_said({"scores": {"90": kept | {"from": "kept_before_orders"}}})
    assert stale.endswith("com pedido. Previsão feita antes dos últimos pedidos.")
    assert scores_said({"scores": {"90": {"from": "none", "method": "day_rule", "basis": {}}}}).startswith("Regra de dias: não há previsão")
    assert scores_said({}) == ""
