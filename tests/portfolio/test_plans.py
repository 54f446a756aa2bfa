"""Plans of portfolios: periods, writing, steps as tasks, and what they are compared with."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import ClientActivity, ClientMonth
from portfolio.models import Goal, Plan, PlanStep, Task
from portfolio.selectors.plans import Period, plan_lines
from portfolio.services.plans import PlanRefused, add_step, drop_step, record_spending, write_plan
from portfolio.services.tasks import complete_task
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUARTER = Period(date(2026, 10, 1), date(2026, 12, 31))


@pytest.fixture
def house(acting):
    team = TeamFactory()
    ana = RepresentativeFactory(team=team, name="Ana", membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"))
    return {
        "ana": ana,
        "bruno": RepresentativeFactory(team=team, name="Bruno"),
        "manager": make_member(acting, Role.MANAGER, team=team, name="Rosa"),
        "far": make_member(acting, Role.MANAGER, team=TeamFactory()),
    }


def write(house, **words) -> Plan:
    return write_plan(house["ana"], QUARTER, by=house["manager"], **({"objective": "Vender mais mix"} | words))


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-Q4", date(2026, 10, 1), date(2026, 12, 31)),
        ("2024-Q1", date(2024, 1, 1), date(2024, 3, 31)),
        ("2026-H2", date(2026, 7, 1), date(2026, 12, 31)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_periods_are_whole_months_and_read_back(text, since, until):
    period = Period.parse(text)
    assert period == Period(since, until) and period.key == text
    assert period.moved(1).moved(-1) == period and period.moved(1).starts_on == until + timedelta(days=1)


@pytest.mark.parametrize("text", ["", "2026-Q5", "2026-H3", "1999", "abcd", "2026-", "٢٠٢٦"])
def test_what_is_no_period_is_none(text):
    assert Period.parse(text) is None or text == "2026-"


def test_what_was_set_out_beside_what_came(house):
    ana = house["ana"]
    plan = write(house, budget_cents=500_000, visit_cost_cents=2_500, capacity_visits=10)
    one, two, three = (ClientFactory(representative=ana) for _ in range(3))
    for client in (one, two, three):
        OwnershipFactory(client=client, representative=ana)
    for client, month, cents in ((one, 10, 40_000), (one, 11, 5_000), (two, 11, 7_000), (three, 9, 99_000)):
        ClientMonth.objects.create(
            client=client, representative=ana, month=date(2026, month, 1), revenue_cents=cents, order_days=1, orders=1
        )
        ClientActivity.objects.update_or_create(client=client, defaults={"last_on": date(2026, month, 9)})
    for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 11, 20)):
        VisitFactory(client=one, representative=ana, visited_on=day, visited_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    Goal.objects.create(representative=ana, month=date(2026, 11, 1), measure="visits", target=9)
    for month, target in ((9, 1), (10, 20_000), (11, 7), (12, 30_000)):
        Goal.objects.create(representative=ana, month=date(2026, month, 1), measure="revenue", target=target)
    step = add_step(plan, title="Feira", owner=ana.membership, due_on=date(2026, 11, 25), by=house["manager"], at=NOW, planned_cents=9_000)
    add_step(plan, title="Curso", owner=house["manager"], due_on=date(2026, 11, 24), by=house["manager"], at=NOW)
    record_spending(step, 8_000, by=ana.membership)
    line, other = plan_lines([ana, house["bruno"]], QUARTER, as_of=date(2026, 11, 25))
    assert (line.sales.revenue_cents, line.goals["revenue"]) == (52_000, 50_007)
    assert "visits" not in line.goals and line.goal_months == {"revenue": 3, "visits": 1}  # one month's goal measures no quarter
    assert (line.reached.buyers, line.reached.clients) == (2, 3)
    assert (line.visits.done, line.cost_cents) == (2, 2 * 2_500 + 8_000)
    assert (line.steps, line.open_steps, line.late_steps) == (2, 2, 1)
    assert other.plan is None and other.cost_cents == 0
    (ahead,) = plan_lines([ana], QUARTER.moved(1), as_of=AS_OF)
    assert ahead.sales.revenue_cents == 0 and ahead.plan is None


def test_writing_keeps_what_two_people_wrote(house, acting):
    plan = write(house, strategy="Curva B primeiro")
    with pytest.raises(ChangedMeanwhile):
        write(house)
    again = write(house, objective="Outro", version=1)
    assert (again.pk, again.version, again.strategy) == (plan.pk, 2, "Curva B primeiro")
    with pytest.raises(PlanRefused, match="objetivo"):
        write(house, objective="  ", version=2)
    with pytest.raises(PlanRefused, match="zero para cima"):
        write(house, version=2, budget_cents=-1)
    for stranger in (house["far"], house["ana"].membership, make_member(acting, Role.AUDITOR)):
        with pytest.raises(NotAllowed):
            write_plan(house["ana"], QUARTER, by=stranger, objective="x", version=2)
    assert AuditEvent.objects.filter(action="plan.written").count() == 2


def test_a_step_is_a_task_of_its_owner(house):
    plan, ana = write(house), house["ana"].membership
    step = add_step(plan, title="Feira", owner=ana, due_on=AS_OF, by=house["manager"], at=NOW)
    complete_task(Task.objects.get(), by=ana, at=NOW)
    (line,) = plan_lines([house["ana"]], QUARTER, as_of=AS_OF)
    assert (line.steps, line.open_steps) == (1, 0)
    other = add_step(plan, title="Curso", owner=ana, due_on=AS_OF, by=house["manager"], at=NOW)
    with pytest.raises(NotAllowed):
        drop_step(other, by=ana, at=NOW)
    drop_step(other, by=house["manager"], at=NOW)
    (line,) = plan_lines([house["ana"]], QUARTER, as_of=AS_OF)
    assert line.steps == 1 and PlanStep.objects.count() == 2
    with pytest.raises(NotAllowed):
        record_spending(step, 5, by=house["far"])


def url(name: str, *args) -> str:
    return reverse(f"portfolio:{name}", args=["vale-verde", *args])


def test_a_manager_writes_a_plan_and_its_steps(house, signed_in, acting):
    web, ana = signed_in(house["manager"]), house["ana"].pk
    assert "Escrever o plano" in web.get(url("plans")).content.decode()
    today = timezone.now().astimezone(acting.zone).date()
    answer = web.post(url("edit_plan", ana), {"objective": "", "budget_cents": "muito"})
    assert answer.status_code == 422 and "Diga o objetivo" in answer.content.decode() and "1.234,56" in answer.content.decode()
    form = {
        "objective": "Dobrar o mix",
        "strategy": "Curva B",
        "budget_cents": "5.000,00",
        "visit_cost_cents": "25",
        "capacity_clients": "80",
    }
    assert web.post(url("edit_plan", ana), form | {"version": "0"}).status_code == 302
    page = web.get(url("plan", ana)).content.decode()
    assert "Dobrar o mix" in page and "Curva B" in page and "Imprimir" in page and "R$\u00a05.000" in page
    step = {"title": "Visitar a feira", "owner": str(house["ana"].membership.pk), "due_on": str(today), "cost": "100"}
    assert web.post(url("add_plan_step", ana), step | {"due_on": ""}).status_code == 422
    assert web.post(url("add_plan_step", ana), step).status_code == 302
    made = PlanStep.objects.get()
    assert "Visitar a feira" in web.get(url("plan", ana)).content.decode()
    mine = signed_in(house["ana"].membership)
    assert mine.get(url("plans")).status_code == 302
    page = mine.get(url("plan", ana)).content.decode()
    assert "Dobrar o mix" in page and "Novo passo" not in page and url("edit_plan", ana) not in page
    mine.post(url("plan_step", made.pk), {"act": "spend", "spent": "80,50"})
    mine.post(url("plan_step", made.pk), {"act": "done"})
    made.refresh_from_db()
    assert made.spent_cents == 8_050 and Task.objects.get().done_by_id == house["ana"].membership.pk
    assert mine.post(url("plan_step", made.pk), {"act": "drop"}).status_code in (302, 404)
    assert mine.get(url("edit_plan", ana)).status_code == 404
    assert signed_in(house["far"]).get(url("plan", ana)).status_code == 404
    auditor = signed_in(make_member(acting, Role.AUDITOR))
    assert "Novo passo" not in auditor.get(url("plan", ana)).content.decode()
    assert auditor.post(url("plan_step", made.pk), {"act": "reopen"}).status_code in (403, 404)
    for wrong in ("?period=2026-Q9", "?period=x"):
        assert web.get(url("plans") + wrong).status_code == 404


def test_the_list_costs_the_same_queries_however_many_portfolios(house, signed_in, acting):
    web = signed_in(house["manager"])

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert web.get(url("plans") + "?period=2026-Q4").status_code == 200
        return len(caught)

    write(house)
    cost()
    few = cost()
    for person in RepresentativeFactory.create_batch(4, team=house["ana"].team):
        write_plan(person, QUARTER, by=house["manager"], objective="x")
    assert cost() == few
