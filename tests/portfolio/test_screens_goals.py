"""The pages of goals: one's own, the team's, who is missing, and the table in which they are set."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from portfolio.models import Goal
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db


def url(name: str) -> str:
    return reverse(f"portfolio:{name}", args=["vale-verde"])


@pytest.fixture
def month(acting):
    return timezone.now().astimezone(acting.zone).date().replace(day=1)


@pytest.fixture
def house(acting):
    team = TeamFactory()
    ana = RepresentativeFactory(team=team, name="Ana", membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"))
    client = ClientFactory(representative=ana, trade_name="Sol")
    OwnershipFactory(client=client, representative=ana)
    return {
        "ana": ana,
        "bruno": RepresentativeFactory(team=team, name="Bruno"),
        "far": RepresentativeFactory(team=TeamFactory(), name="Distante"),
        "manager": make_member(acting, Role.MANAGER, team=team),
        "client": client,
    }


def goal(representative, month, measure="buyers", target=4) -> Goal:
    return Goal.objects.create(representative=representative, month=month, measure=measure, target=target)


def test_a_representative_sees_the_own_month_and_who_is_missing(house, signed_in, month):
    goal(house["ana"], month)
    goal(house["ana"], month, "revenue", 8_421_000)
    web = signed_in(house["ana"].membership)
    body = web.get(url("goals")).content.decode()
    assert "de 4" in body and "R$\u00a084,2\u00a0mil" in body and "dias úteis do mês" in body
    assert "sem meta" in body  # mix, visits and reports have none
    missing = web.get(f"{url('goal_missing')}?month={month:%Y-%m}&rep={house['ana'].pk}&measure=buyers")
    assert "Sol" in missing.content.decode()
    for other in (f"{url('goals')}?rep={house['bruno'].pk}", f"{url('goal_missing')}?rep={house['bruno'].pk}"):
        assert web.get(other).status_code == 404


def test_sales_people_without_a_portfolio_are_told_so(acting, signed_in):
    assert "não tem carteira própria" in signed_in(make_member(acting, Role.REPRESENTATIVE)).get(url("goals")).content.decode()


@pytest.mark.parametrize("month", ["2026-13", "x", "0000-01", "1999-01", "2026-1"])
def test_a_month_that_is_none_is_not_found(house, signed_in, month):
    assert signed_in(house["manager"]).get(url("goals") + f"?month={month}").status_code == 404


def test_a_manager_sees_and_sets_the_team(house, signed_in, month):
    web = signed_in(house["manager"])
    body = web.get(url("goals")).content.decode()
    assert "Ana" in body and "Bruno" in body and "Distante" not in body and "Nenhuma meta definida" in body
    assert "0,0" not in body  # no note and no sale yet: there is no mean of them
    ana, far = house["ana"].pk, house["far"].pk
    form = {f"{ana}-buyers": "70", f"was-{ana}-buyers": "", f"{ana}-revenue": "84.210,50", f"{ana}-mix": "3,5", f"{far}-buyers": "9"}
    assert web.post(f"{url('set_goals')}?month={month:%Y-%m}", form).status_code == 302
    rows = Goal.objects.order_by("measure").values_list("representative", "measure", "target")
    assert list(rows) == [(ana, "buyers", 70), (ana, "mix", 350), (ana, "revenue", 8_421_050)]
    page = web.get(f"{url('set_goals')}?month={month:%Y-%m}").content.decode()
    assert 'value="84.210,50"' in page and 'value="3,50"' in page
    assert 'data-label="Faturamento, R$"' in page  # a phone shows no heading: the unit stands at the field
    assert "70" in web.get(f"{url('goals')}?rep={ana}").content.decode()
    assert web.get(f"{url('goals')}?rep={far}").status_code == 404


def test_a_cell_nobody_touched_keeps_what_another_manager_wrote(house, signed_in, month):
    ana = house["ana"].pk
    goal(house["ana"], month, "visits", 30)  # written by somebody after this form was opened with an empty cell
    form = {f"{ana}-visits": "", f"was-{ana}-visits": "", f"{ana}-buyers": "5", f"was-{ana}-buyers": ""}
    signed_in(house["manager"]).post(f"{url('set_goals')}?month={month:%Y-%m}", form)
    assert dict(Goal.objects.values_list("measure", "target")) == {"visits": 30, "buyers": 5}


@pytest.mark.parametrize(
    ("measure", "typed"), [("buyers", "abc"), ("buyers", "3,5"), ("visits", "-2"), ("mix", "0"), ("revenue", "1.2.3"), ("rating", "5,5")]
)
def test_a_number_that_cannot_be_read_is_shown_where_it_is_and_writes_nothing(house, signed_in, month, measure, typed):
    ana = house["ana"].pk
    answer = signed_in(house["manager"]).post(url("set_goals"), {f"{ana}-{measure}": typed, f"{ana}-reports": "5"})
    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.content.decode() and f'id="error-{ana}-{measure}"' in answer.content.decode()
    assert not Goal.objects.exists()


def test_last_months_goals_are_offered_where_this_one_has_none(house, signed_in, month):
    goal(house["ana"], (month - timedelta(days=1)).replace(day=1), target=33)
    goal(house["bruno"], (month - timedelta(days=1)).replace(day=1), target=44)
    goal(house["bruno"], month, target=55)
    web = signed_in(house["manager"])
    page = web.get(f"{url('set_goals')}?month={month:%Y-%m}&copy=1").content.decode()
    assert 'value="33"' in page and 'value="44"' not in page and "1 meta veio do mês anterior" in page
    assert Goal.objects.filter(month=month).count() == 1  # offered, not written


@pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR])
def test_others_set_nothing(house, acting, signed_in, role):
    web = signed_in(make_member(acting, role))
    assert web.get(url("set_goals")).status_code == 404
    assert web.post(url("set_goals"), {f"{house['ana'].pk}-buyers": "5"}).status_code == 404
    assert not Goal.objects.exists()
    assert "Definir metas" not in web.get(url("goals")).content.decode()


@pytest.mark.parametrize("name", ["goals", "set_goals", "goal_missing"])
def test_a_page_costs_the_same_with_few_people_and_with_many(house, signed_in, month, name):
    web = signed_in(house["manager"])
    address = url(name) + (f"?rep={house['ana'].pk}" if name == "goal_missing" else "")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert web.get(address).status_code == 200
        return len(captured)

    few = cost()
    for _each in range(4):
        person = RepresentativeFactory(team=house["ana"].team)
        goal(person, month)
        OwnershipFactory(client=ClientFactory(representative=house["ana"]), representative=house["ana"])
    assert cost() == few


def test_a_company_with_nobody_yet_is_told_the_next_step_and_by_whom(acting, signed_in):
    admin, manager = (make_member(acting, role, team=TeamFactory()) for role in (Role.ADMIN, Role.MANAGER))
    new = reverse("portfolio:new_representative", args=["vale-verde"])
    for member, links in ((admin, True), (manager, False)):
        web = signed_in(member)
        for page in (url("goals"), url("set_goals"), url("plans")):
            body = web.get(page).content.decode()
            assert "Nenhum vendedor na sua equipe" in body and (f'href="{new}"' in body) is links
            assert ("Quem administra a empresa" in body) is not links
