"""A campaign from draft to end: population, draw, steps, what it brought against those left alone."""

import math
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.special import ndtri

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Notice, Role
from accounts.services import Actor
from accounts.tenancy import tenant_atomic
from clients.models import ClientScore, Colleague, Order
from clients.selectors import clients_visible_to
from clients.services import refresh_clients
from portfolio.models import Interaction, Task
from portfolio.services import Transfer, transfer_clients
from portfolio.services.tasks import cancel_task, complete_task
from rotation.engine.dealing import deal_evenly, deal_near, first_turns
from rotation.engine.uplift import sequence_factor
from rotation.models import Campaign, CampaignClient, Holdout
from rotation.selectors.campaign_results import drawn_of, result_of
from rotation.selectors.campaigns import campaign_lines, campaigns_visible_to, contact_lift, population_of, targets_within
from rotation.services.campaign_steps import next_steps, refresh, run_campaigns
from rotation.services.campaigns import (
    CampaignRefused,
    StepWanted,
    copy_campaign,
    draw_arms,
    drop_campaign,
    end_campaign,
    pause_campaign,
    resume_campaign,
    save_campaign,
    start_campaign,
)
from tests.factories import RepresentativeFactory, TeamFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, make_client
from tests.rotation.making import make_run

pytestmark = pytest.mark.django_db
STEPS = [StepWanted("call", 0, 500, "Pergunte do estoque"), StepWanted("visit", 7, 4_000)]


@pytest.fixture
def sellers(acting, representatives):
    for each in representatives[:2]:
        each.membership = make_member(acting, Role.REPRESENTATIVE, name=each.name)
        each.save(update_fields=["membership"])
    return representatives


def inactive(owner, n: int, **fields) -> list:
    return [make_client(owner, days_silent=120 + i, net=1_000_000 + 1_000 * i, **fields) for i in range(n)]


def draft(by, *, steps=STEPS, people=(), **values) -> Campaign:
    values = {"name": "Resgate", "definition": {"state": "inactive"}, "days": 60, "assigning": "owner", "per_day": 10} | values
    return save_campaign(None, by=by, steps=steps, people=people, **values)


def buy(client, day: date, cents: int = 10_000) -> None:
    Order.objects.create(
        organization=client.organization, code=f"{client.code}-{day}-{cents}", client=client, ordered_on=day, amount_cents=cents
    )
    refresh_clients([client.pk], as_of=day)


def score(client, at_stake: int) -> None:
    ClientScore.objects.create(
        client=client, organization=client.organization, horizon=90, made_for=AS_OF, p_silent=0.8, p_cross=0.9, state="inactive",
        at_stake_cents=at_stake, year_cents=at_stake,
    )  # fmt: skip


def test_the_population_is_the_filter_within_reach_without_those_who_may_not_be_called(acting, manager, sellers):
    mine = inactive(sellers[0], 4)
    inactive(sellers[2], 2)  # their representative has no sign-in
    make_client(sellers[0], days_silent=10)  # still buys
    inactive(RepresentativeFactory(team=TeamFactory(), membership=make_member(acting, Role.REPRESENTATIVE)), 1)  # another team's
    mine[0].blocked = True
    mine[0].save(update_fields=["blocked"])
    mine[1].discarded_on = AS_OF
    mine[1].save(update_fields=["discarded_on"])
    run = make_run()
    rule = run.rules.get().rule_version.rule
    Holdout.objects.create(run=run, rule=rule, client=mine[2], drawn_on=AS_OF, until_on=AS_OF + timedelta(days=30))
    made = draft(manager)
    found = population_of(made, list(made.steps.all()), by=manager, as_of=AS_OF)
    assert found.client_id.tolist() == [mine[3].pk]
    assert found.left_out == {"blocked": 1, "experiment": 1, "nobody": 2}  # the discarded one is no longer inactive


def test_contact_is_worth_the_lift_of_what_is_at_stake_less_the_steps(acting, manager, sellers):
    rich, poor, unknown = inactive(sellers[0], 3)
    score(rich, 200_000)
    score(poor, 30_000)
    made = draft(manager, worth_only=True)
    steps = list(made.steps.order_by("position"))
    found = population_of(made, steps, by=manager, as_of=AS_OF)
    # A tenth of what is at stake is expected to come back, and both steps cost R$ 45: the poor one is left out, the unknown one stays.
    assert found.value.tolist() == [20_000 - 4_500, 0]
    assert found.client_id.tolist() == [rich.pk, unknown.pk] and found.left_out == {"not_worth": 1}
    assert (found.known, found.unworthy, found.lift.measured) == (1, 0, False)


def test_starting_draws_deals_out_and_asks_for_the_first_step(acting, manager, sellers):
    ana, bruno, _ = sellers
    inactive(ana, 25), inactive(bruno, 15)
    made = start_campaign(draft(manager, share=0.3, per_day=5), by=manager, at=NOW)
    assert (made.state, made.started_on, made.ends_on) == ("running", AS_OF, AS_OF + timedelta(days=60))
    arms = defaultdict(list)
    for row in made.clients.select_related("representative"):
        arms[row.arm].append(row)
    assert abs(len(arms["control"]) - 12) <= 2 and len(arms["treated"]) + len(arms["control"]) == 40
    for stratum in "123":  # in every third of value the control's share is within one client of a third
        of_third = [row for rows in arms.values() for row in rows if row.stratum == stratum]
        assert abs(sum(row.arm == "control" for row in of_third) - 0.3 * len(of_third)) < 1
    tasks = list(Task.objects.select_related("owner"))
    assert {task.client_id for task in tasks} == {row.client_id for row in arms["treated"]}  # nobody of the control group
    assert {task.title for task in tasks} == {"Ligar · Resgate"} and {task.note for task in tasks} == {"Pergunte do estoque"}
    assert all(row.representative_id is None and row.first_on is None for row in arms["control"])
    a_day = defaultdict(int)
    for task in tasks:
        assert task.due_on.weekday() < 5
        a_day[task.owner_id, task.due_on] += 1
    assert max(a_day.values()) == 5
    assert Notice.objects.filter(kind="campaign_started").count() == 2
    assert "control" not in str(list(Notice.objects.values_list("facts", flat=True)))
    event = AuditEvent.objects.get(action="campaign.started")
    assert event.after["seed"] == made.seed and event.after["control"] == len(arms["control"])


def test_the_seed_draws_the_same_arms_again(acting, manager, sellers):
    inactive(sellers[0], 30)
    made = draft(manager, share=0.3)
    population = population_of(made, list(made.steps.all()), by=manager, as_of=AS_OF)
    made = start_campaign(made, by=manager, at=NOW)
    held, stratum = draw_arms(population, made, on=AS_OF)
    drawn = dict(zip(population.client_id.tolist(), zip(held.tolist(), stratum.tolist(), strict=True), strict=True))
    assert drawn == {row.client_id: (row.arm == "control", int(row.stratum)) for row in made.clients.all()}
    made.seed = "another"
    assert draw_arms(population, made, on=AS_OF)[0].tolist() != held.tolist()


def test_a_client_is_in_one_campaign_at_a_time(acting, manager, sellers):
    inactive(sellers[0], 3)
    first = start_campaign(draft(manager), by=manager, at=NOW)
    second = draft(manager, name="Outra")
    with pytest.raises(CampaignRefused, match="Nenhum cliente"):
        start_campaign(second, by=manager, at=NOW)
    end_campaign(first, by=manager, at=NOW)
    assert start_campaign(second, by=manager, at=NOW).clients.count() == 3
    with pytest.raises(CampaignRefused, match="já começou"):
        start_campaign(second, by=manager, at=NOW)


def test_steps_follow_one_another_and_an_order_ends_them(acting, manager, sellers):
    ana = sellers[0].membership
    one, two, three = inactive(sellers[0], 3)
    made = start_campaign(draft(manager), by=manager, at=NOW)
    steps = list(made.steps.order_by("position"))
    tasks = {task.client_id: task for task in Task.objects.all()}
    complete_task(tasks[one.pk], by=ana, at=NOW)
    cancel_task(tasks[two.pk], by=ana, at=NOW)  # skipped: the next step is asked for all the same
    later = NOW + timedelta(days=1)
    Task.objects.update(created_at=NOW)
    Interaction.objects.create(client=three, by=ana, kind="call", happened_at=later, happened_on=later.date())
    refresh(made, at=later)
    assert next_steps(made, steps, on=later.date()) == 3
    assert next_steps(made, steps, on=later.date()) == 0
    assert Task.objects.get(pk=tasks[three.pk].pk).done_by_id == ana.pk  # the call was written down once
    visits = {task.client_id: task for task in Task.objects.filter(title__startswith="Visitar")}
    assert {task.due_on for task in visits.values()} == {AS_OF + timedelta(days=8)}  # the 12th of October is a holiday
    buy(one, AS_OF + timedelta(days=3))
    refresh(made, at=later)
    assert made.clients.get(client=one).bought_on == AS_OF + timedelta(days=3)
    assert Task.objects.get(pk=visits[one.pk].pk).cancelled_at is not None
    assert Task.objects.get(pk=visits[two.pk].pk).cancelled_at is None


def test_a_pause_takes_the_steps_back_and_a_resume_asks_again(acting, manager, sellers):
    inactive(sellers[0], 4)
    made = start_campaign(draft(manager), by=manager, at=NOW)
    complete_task(Task.objects.order_by("pk")[0], by=sellers[0].membership, at=NOW)
    pause_campaign(made, by=manager, at=NOW)
    assert Task.objects.filter(done_at=None, cancelled_at=None).count() == 0
    later = NOW + timedelta(days=2)
    resume_campaign(made, by=manager, at=later)
    waiting = Task.objects.filter(done_at=None, cancelled_at=None)
    assert sorted(waiting.values_list("title", flat=True)) == ["Ligar · Resgate"] * 3 + ["Visitar · Resgate"]
    assert min(waiting.values_list("due_on", flat=True)) == later.date()
    end_campaign(made, by=manager, at=later)
    made.refresh_from_db()
    assert (made.state, made.ends_on) == ("ended", later.date())
    assert not waiting.exists()
    with pytest.raises(CampaignRefused, match="Encerrada"):
        pause_campaign(made, by=manager, at=later)


def test_work_that_is_split_shows_the_client_for_as_long_as_it_lasts(acting, manager, sellers):
    ana, bruno, caio = sellers
    inactive(ana, 6)
    inactive(caio, 4)  # nobody with a sign-in answers for these: they can be worked all the same
    made = start_campaign(draft(manager, assigning="even", people=[ana.pk, bruno.pk]), by=manager, at=NOW)
    counts = [made.clients.filter(representative=each).count() for each in sellers]
    assert counts == [5, 5, 0]
    assert set(clients_visible_to(bruno.membership)) == {row.client for row in made.clients.filter(representative=bruno)}
    assert not bruno.clients.exists()  # nobody changed hands
    end_campaign(made, by=manager, at=NOW)
    assert not clients_visible_to(bruno.membership).exists() and not Colleague.objects.exists()


def test_a_step_goes_with_the_client_that_changes_hands(acting, manager, sellers):
    ana, bruno, _ = sellers
    client = inactive(ana, 1)[0]
    made = start_campaign(draft(manager), by=manager, at=NOW)
    transfer_clients([Transfer(client.pk, bruno.pk)], by=Actor(manager), source="manual", on=AS_OF + timedelta(days=1))
    refresh(made, at=NOW)
    assert Task.objects.get().owner == bruno.membership and made.clients.get().representative == bruno


def plain_uplift(rows: list[tuple[bool, bool, int, str]]) -> dict[str, float]:
    """The stratified difference and its confidence sequence, worked out clumsily from (treated, ordered, net, stratum)."""
    strata = sorted({row[3] for row in rows})
    cells = {s: ([r for r in rows if r[3] == s and r[0]], [r for r in rows if r[3] == s and not r[0]]) for s in strata}
    weight = {s: len(t) * len(c) / (len(t) + len(c)) for s, (t, c) in cells.items()}
    total = sum(weight.values())
    share = {s: w / total for s, w in weight.items()}
    p1 = sum(share[s] * sum(r[1] for r in t) / len(t) for s, (t, _c) in cells.items())
    p0 = sum(share[s] * sum(r[1] for r in c) / len(c) for s, (_t, c) in cells.items())
    pooled_p = {s: sum(r[1] for r in t + c) / len(t + c) for s, (t, c) in cells.items()}
    mean = sum(share[s] * pooled_p[s] for s in strata)
    inside = sum(share[s] * pooled_p[s] * (1 - pooled_p[s]) * len(t + c) / (len(t + c) - 1) for s, (t, c) in cells.items())
    left = min(inside / (mean * (1 - mean)), 1)
    n1 = 1 / (sum(share[s] ** 2 / len(t) for s, (t, _c) in cells.items()) * left)
    n0 = 1 / (sum(share[s] ** 2 / len(c) for s, (_t, c) in cells.items()) * left)
    z = float(ndtri(0.975))

    def wilson(p: float, n: float) -> tuple[float, float]:
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return middle - half, middle + half

    (l1, u1), (l0, u0) = wilson(p1, n1), wilson(p0, n0)
    low, high = p1 - p0 - math.hypot(p1 - l1, u0 - p0), p1 - p0 + math.hypot(u1 - p1, p0 - l0)
    stretch = sequence_factor(len(rows)) / z
    nets = np.array([r[2] for r in rows], float)
    cut = np.clip(nets, *np.quantile(nets, [0.01, 0.99]))
    net = {id(row): value for row, value in zip(rows, cut, strict=True)}
    money = sum(share[s] * (sum(net[id(r)] for r in t) / len(t) - sum(net[id(r)] for r in c) / len(c)) for s, (t, c) in cells.items())
    d = p1 - p0
    return {"value": d, "low": d - (d - low) * stretch, "high": d + (high - d) * stretch, "money": money}


def test_the_uplift_equals_a_plain_recomputation(acting, manager, sellers):
    clients = inactive(sellers[0], 66)
    made = start_campaign(draft(manager, share=0.5), by=manager, at=NOW)
    rng = np.random.default_rng(5)
    arm = dict(made.clients.values_list("client_id", "arm"))
    for client in clients:
        if rng.random() < (0.55 if arm[client.pk] == "treated" else 0.2):
            buy(client, AS_OF + timedelta(days=int(rng.integers(1, 61))), int(rng.integers(5_000, 90_000)))
    buy(clients[0], AS_OF, 77_777)  # the day of the start does not count, nor does what comes after the end
    buy(clients[1], AS_OF + timedelta(days=61), 88_888)
    returned = Order.objects.create(
        organization=acting, code="R", client=clients[2], ordered_on=AS_OF + timedelta(days=9), amount_cents=9_000, status="cancelled"
    )
    end = AS_OF + timedelta(days=60)
    rows = []
    for row in made.clients.order_by("pk"):
        orders = Order.objects.filter(client=row.client_id, ordered_on__gt=AS_OF, ordered_on__lte=end).exclude(pk=returned.pk)
        rows.append((row.arm == "treated", orders.exists(), sum(order.net_cents for order in orders), row.stratum))
    expected = plain_uplift(rows)
    result = result_of(made, CampaignClient.objects.all(), as_of=end + timedelta(days=30), whole=True)
    assert result.sayable and result.found is not None
    found = {
        "value": result.found.reactivation.value,
        "low": result.found.low,
        "high": result.found.high,
        "money": result.found.money.value,
    }
    assert found == pytest.approx(expected, abs=1e-9)
    assert (result.n_treated, result.n_control) == (sum(r[0] for r in rows), sum(not r[0] for r in rows))
    assert (result.back_treated, result.net_control) == (sum(r[0] and r[1] for r in rows), sum(r[2] for r in rows if not r[0]))
    assert result.extra_cents == pytest.approx(expected["money"] * result.n_treated)
    # looked at in the middle, only what had come by then counts
    half = AS_OF + timedelta(days=30)
    assert drawn_of(made, as_of=half)[1].ordered.sum() < drawn_of(made, as_of=end)[1].ordered.sum()


def test_few_clients_say_nothing(acting, manager, sellers):
    inactive(sellers[0], 12)
    made = start_campaign(draft(manager, share=0.3), by=manager, at=NOW)
    result = result_of(made, CampaignClient.objects.all(), as_of=AS_OF, whole=True)
    assert not result.sayable and result.found is not None
    alone = draft(manager, name="x", definition={"state": "lost"})
    make_client(sellers[0], days_silent=400)
    alone = start_campaign(alone, by=manager, at=NOW)
    assert result_of(alone, alone.clients.all(), as_of=AS_OF, whole=True).found is None


def test_what_it_cost_is_the_steps_done_and_what_was_spent_at_once(acting, manager, sellers):
    inactive(sellers[0], 3)
    made = start_campaign(draft(manager, fixed_cost_cents=10_000), by=manager, at=NOW)
    for task in Task.objects.all()[:2]:
        complete_task(task, by=sellers[0].membership, at=NOW)
    result = result_of(made, CampaignClient.objects.all(), as_of=AS_OF, whole=True)
    assert (result.reached, result.steps_done, result.cost_cents) == (2, 2, 11_000)


def test_the_lift_is_assumed_until_campaigns_measured_enough(acting, manager, sellers):
    inactive(sellers[0], 30)
    made = start_campaign(draft(manager, share=0.5), by=manager, at=NOW)
    end_campaign(made, by=manager, at=NOW + timedelta(days=30))
    lift = contact_lift(as_of=AS_OF + timedelta(days=31))
    assert (lift.tau, lift.measured, lift.n) == (0.1, False, 30)


def test_who_sees_and_who_may(acting, manager, sellers):
    admin, auditor = make_member(acting, Role.ADMIN), make_member(acting, Role.AUDITOR)
    far = make_member(acting, Role.MANAGER, team=TeamFactory())
    inactive(sellers[0], 6)
    made = draft(manager, share=0.5)
    ana, bruno = sellers[0].membership, sellers[1].membership
    seen = {m.pk: list(campaigns_visible_to(m)) for m in (admin, auditor, manager, far, ana, bruno)}
    assert seen == {admin.pk: [made], auditor.pk: [made], manager.pk: [made], far.pk: [], ana.pk: [], bruno.pk: []}
    for nobody in (far, ana, auditor):
        with pytest.raises(NotAllowed):
            start_campaign(made, by=nobody, at=NOW)
    made = start_campaign(made, by=manager, at=NOW)
    assert [list(campaigns_visible_to(m)) for m in (far, ana, bruno)] == [[], [made], []]
    from clients.selectors.visibility import reach_of

    assert set(targets_within(reach_of(ana), ana).values_list("arm", flat=True)) == {"treated"}
    line = campaign_lines(manager)[0]
    assert line.treated + line.control == 6 and line.waiting == line.treated
    with pytest.raises(CampaignRefused):
        drop_campaign(made, by=admin)
    copy = copy_campaign(made, by=manager)
    assert (copy.state, copy.steps.count(), copy.clients.count()) == ("draft", 2, 0)
    drop_campaign(copy, by=manager)
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("steps", "values", "field"),
    [
        ([], {}, "steps"),
        ([StepWanted("call", 5), StepWanted("visit", 2)], {}, "steps"),
        ([StepWanted("call", 60)], {}, "steps"),
        ([StepWanted("fax", 0)], {}, "steps"),
        (STEPS, {"name": "  "}, "name"),
        (STEPS, {"assigning": "near"}, "people"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(acting, manager, steps, values, field):
    with pytest.raises(CampaignRefused) as refusal:
        draft(manager, steps=steps, **values)
    assert refusal.value.field == field and not Campaign.objects.exists()


def test_too_many_clients_for_too_few_days_are_refused_whole(acting, manager, sellers):
    inactive(sellers[0], 8)
    made = draft(manager, days=7, per_day=1, steps=STEPS[:1])
    with pytest.raises(CampaignRefused, match="poucos dias"):
        start_campaign(made, by=manager, at=NOW)


def test_dealing_by_hand():
    worth, ids = np.array([50, 40, 30, 20, 10]), np.arange(5)
    assert deal_evenly(worth, ids, 2).tolist() == [0, 1, 1, 0, 0]
    # each client to the base it stands at, though the first base is nearer for none of two of them
    place = np.array([-23.0, -23.0, -22.0, -22.0])
    assert deal_near(np.array([9, 9, 9, 9]), place, place, np.array([-23.0, -22.0]), np.array([-23.0, -22.0])).tolist() == [0, 0, 1, 1]
    # an even share, though one base is nearer to all
    dealt = deal_near(np.array([1_000] * 4), np.full(4, -23.0), np.full(4, -23.0), np.array([-23.0, -10.0]), np.array([-23.0, -10.0]))
    assert np.bincount(dealt).tolist() == [2, 2]
    assert first_turns(np.array([0, 0, 0, 1]), np.array([1, 3, 2, 9]), np.arange(4), 2).tolist() == [1, 0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_the_tick_moves_campaigns_on_and_ends_those_that_are_over(organization):
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        boss, ana = make_member(organization, Role.MANAGER, team=team), make_member(organization, Role.REPRESENTATIVE)
        one, two = inactive(RepresentativeFactory(team=team, membership=ana), 2)
        made = start_campaign(draft(boss), by=boss, at=NOW)
        complete_task(Task.objects.get(client=one), by=ana, at=NOW)
    assert run_campaigns(organization.pk, at=NOW + timedelta(hours=1)) == 1
    assert run_campaigns(organization.pk, at=NOW + timedelta(hours=1)) == 0
    with tenant_atomic(organization.pk):
        assert Task.objects.filter(client=one, done_at=None).get().title == "Visitar · Resgate"
        buy(two, AS_OF + timedelta(days=60))
    run_campaigns(organization.pk, at=NOW + timedelta(days=61))
    with tenant_atomic(organization.pk):
        made.refresh_from_db()
        assert (made.state, made.ends_on) == ("ended", AS_OF + timedelta(days=60))
        assert made.clients.get(client=two).bought_on == made.ends_on
        assert not Task.objects.filter(done_at=None, cancelled_at=None).exists()
