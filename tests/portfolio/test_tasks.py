"""Tasks: who may give, have, complete, change and hand them over; what is told to whom; nothing twice, nothing lost."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Absence, AuditEvent, Membership, Notice, Role
from accounts.notices import sentence
from accounts.services import Actor
from clients.models import Colleague
from clients.selectors.people import members_reaching
from clients.selectors.visibility import clients_visible_to
from clients.services.colleagues import NotNameable, name_colleague, take_off_colleague
from portfolio.models import Ownership, Task
from portfolio.selectors.tasks import done_tasks, given_tasks, grouped, may_act, open_tasks, tasks_visible_to
from portfolio.services import Transfer, transfer_clients
from portfolio.services.tasks import TaskRefused, cancel_task, change_task, complete_task, give_task, reopen_task
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
NOW = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
TODAY = date(2026, 11, 23)


@pytest.fixture
def people(acting):
    """Ana answers for the client; her manager and one of another team; Caio of sales without clients."""
    upper = TeamFactory()
    team, far = TeamFactory(parent=upper), TeamFactory()
    made = {
        "admin": make_member(acting, Role.ADMIN),
        "director": make_member(acting, Role.MANAGER, team=upper),
        "manager": make_member(acting, Role.MANAGER, team=team, name="Marta"),
        "far": make_member(acting, Role.MANAGER, team=far),
        "auditor": make_member(acting, Role.AUDITOR),
        "ana": make_member(acting, Role.REPRESENTATIVE, name="Ana"),
        "bruno": make_member(acting, Role.REPRESENTATIVE, name="Bruno"),
        "caio": make_member(acting, Role.REPRESENTATIVE, name="Caio"),
    }
    made["rep"] = RepresentativeFactory(team=team, membership=made["ana"])
    made["other_rep"] = RepresentativeFactory(team=team, membership=made["bruno"])
    return made


@pytest.fixture
def client(people):
    client = ClientFactory(representative=people["rep"], trade_name="Sol")
    OwnershipFactory(client=client, representative=people["rep"], started_on=date(2026, 1, 5))
    return client


def give(by: Membership, owner: Membership | None = None, **fields) -> Task:
    fields = {"title": "Ligar", "due_on": TODAY, "at": NOW} | fields
    return give_task(by=by, owner=owner or by, **fields).task


def notices(member: Membership) -> list[str]:
    rows = Notice.objects.filter(membership=member).order_by("pk")
    return [sentence(row.kind, row.facts, currency="BRL").text for row in rows]


def test_who_reaches_a_client_is_the_other_way_round_of_what_each_member_sees(acting, people, client):
    Colleague.objects.create(client=client, membership=people["caio"], part="billing", since=TODAY)
    today = datetime.now(acting.zone).date()
    Absence.objects.create(representative=people["rep"], cover=people["other_rep"], starts_on=today, ends_on=today + timedelta(days=2))
    nobodys = ClientFactory()
    for each in (client, nobodys):
        seeing = {
            member.pk for member in Membership.objects.exclude(role=Role.AUDITOR) if clients_visible_to(member).filter(pk=each.pk).exists()
        }
        assert set(members_reaching(each, as_of=today).values_list("pk", flat=True)) == seeing
    assert {people[name].pk for name in ("bruno", "caio", "director")} <= set(
        members_reaching(client, as_of=today).values_list("pk", flat=True)
    )


def test_a_task_to_a_colleague_tells_them_and_its_giver_when_it_is_done(people, client):
    task = give(people["manager"], people["ana"], client=client, due_on=TODAY + timedelta(days=1))
    assert notices(people["ana"]) == ["Marta passou uma tarefa a você: Ligar"]
    assert notices(people["manager"]) == []

    assert complete_task(task, by=people["ana"], at=NOW).created
    assert not complete_task(task, by=people["ana"], at=NOW).created
    assert notices(people["manager"]) == ["Ana concluiu: Ligar"]
    actions = AuditEvent.objects.filter(stream=f"task:{task.pk}").order_by("seq").values_list("action", "actor_id")
    assert list(actions) == [("task.given", people["manager"].pk), ("task.done", people["ana"].pk)]


def test_a_task_for_oneself_tells_nobody(people):
    task = give(people["ana"])
    complete_task(task, by=people["ana"], at=NOW)
    assert not Notice.objects.exists()


def test_the_same_task_sent_twice_is_one(people, client):
    made = uuid4()
    first = give_task(title="Ligar", due_on=TODAY, owner=people["caio"], by=people["ana"], at=NOW, id_made=made)
    again = give_task(title="Outra coisa", due_on=TODAY, owner=people["ana"], by=people["ana"], at=NOW, id_made=made)
    assert (first.created, again.created, again.task.pk) == (True, False, first.task.pk)
    assert Task.objects.get().title == "Ligar"
    assert len(notices(people["caio"])) == 1
    with pytest.raises(NotAllowed):
        give_task(title="Ligar", due_on=TODAY, owner=people["bruno"], by=people["bruno"], at=NOW, id_made=made)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 161}, "title"),
        ({"due_on": TODAY - timedelta(days=1)}, "due_on"),
        ({"due_on": date(2206, 1, 1)}, "due_on"),
    ],
)
def test_what_cannot_be_a_task_is_refused_at_its_field(people, fields, field):
    with pytest.raises(TaskRefused) as refusal:
        give(people["ana"], **fields)
    assert refusal.value.field == field
    assert not Task.objects.exists()


def test_a_task_typed_yesterday_without_signal_may_be_due_yesterday(people):
    assert give(people["ana"], due_on=TODAY - timedelta(days=1), made_on=TODAY - timedelta(days=1)).pk


def test_an_owner_must_reach_the_client_or_be_named_its_colleague(people, client):
    with pytest.raises(TaskRefused) as refusal:
        give(people["ana"], people["caio"], client=client)
    assert refusal.value.field == "part"
    give(people["ana"], people["caio"], client=client, part="after_sales")
    assert clients_visible_to(people["caio"]).get() == client
    assert notices(people["caio"]) == ["Você agora acompanha Sol", "Ana passou uma tarefa a você: Ligar"]
    with pytest.raises(TaskRefused):
        give(people["ana"], people["auditor"])
    with pytest.raises(TaskRefused) as refusal:
        give(people["bruno"], client=client)
    assert refusal.value.field == "client"


def test_only_whom_it_concerns_touches_a_task_and_auditors_touch_none(people, client):
    own, of_client = give(people["ana"]), give(people["ana"], client=client)
    assert [may_act(people[name], own) for name in ("ana", "admin", "manager", "bruno", "auditor")] == [True, True, False, False, False]
    assert [may_act(people[name], of_client) for name in ("manager", "director", "far", "bruno")] == [True, True, False, False]
    for task, name in ((own, "bruno"), (of_client, "far"), (own, "auditor")):
        with pytest.raises(NotAllowed):
            complete_task(task, by=people[name], at=NOW)
        assert task not in tasks_visible_to(people[name]) or name == "auditor"
    with pytest.raises(NotAllowed):
        give(people["auditor"])


def test_a_colleague_of_the_client_hands_a_task_over(people, client):
    Colleague.objects.create(client=client, membership=people["caio"], part="billing", since=TODAY)
    task = give(people["ana"], people["caio"], client=client)
    handed = change_task(task, by=people["caio"], at=NOW, version=1, owner=people["ana"])
    assert (handed.owner, handed.version) == (people["ana"], 2)
    assert notices(people["ana"]) == ["Caio passou uma tarefa a você: Ligar"]
    assert AuditEvent.objects.get(action="task.handed_over").after["owner"] == people["ana"].pk


def test_a_change_over_another_change_is_refused_and_writes_nothing(people):
    task = give(people["ana"])
    change_task(task, by=people["ana"], at=NOW, version=1, title="Ligar amanhã", due_on=TODAY + timedelta(days=1))
    with pytest.raises(ChangedMeanwhile):
        change_task(task, by=people["ana"], at=NOW, version=1, title="Nunca")
    task.refresh_from_db()
    assert (task.title, task.due_on, task.version) == ("Ligar amanhã", TODAY + timedelta(days=1), 2)


def test_done_stands_though_the_words_changed_but_not_over_a_cancellation(people):
    changed, gone = give(people["ana"]), give(people["ana"])
    change_task(changed, by=people["ana"], at=NOW, version=1, title="Outra")
    assert complete_task(changed, by=people["ana"], at=NOW).task.done_at == NOW
    cancel_task(gone, by=people["ana"], at=NOW)
    with pytest.raises(TaskRefused):
        complete_task(gone, by=people["ana"], at=NOW)
    with pytest.raises(TaskRefused):
        cancel_task(changed, by=people["ana"], at=NOW)


def test_taking_done_back_forgets_the_notice_nobody_read_and_stands_until_something_follows(people):
    task = give(people["manager"], people["ana"])
    done = complete_task(task, by=people["ana"], at=NOW).task
    reopened = reopen_task(task, by=people["ana"], version=done.version)
    assert reopened.done_at is None
    assert notices(people["manager"]) == []
    complete_task(task, by=people["ana"], at=NOW)
    assert len(notices(people["manager"])) == 1
    with pytest.raises(ChangedMeanwhile):
        reopen_task(task, by=people["ana"], version=done.version)
    with pytest.raises(TaskRefused):
        reopen_task(give(people["ana"]), by=people["ana"])


def test_only_giver_owner_and_administration_cancel(people, client):
    task = give(people["manager"], people["ana"], client=client)
    with pytest.raises(NotAllowed):
        cancel_task(task, by=people["director"], at=NOW)  # reaches the client, is neither
    assert cancel_task(task, by=people["ana"], at=NOW).cancelled_at == NOW


def test_the_lists_hold_what_each_names(people, client, django_assert_num_queries):
    late = give(people["ana"], due_on=TODAY - timedelta(days=3), made_on=TODAY - timedelta(days=5))
    due = give(people["ana"], client=client)
    later = give(people["ana"], due_on=TODAY + timedelta(days=9))
    given = give(people["ana"], people["bruno"])
    done = give(people["ana"])
    complete_task(done, by=people["ana"], at=NOW)
    cancel_task(give(people["ana"]), by=people["ana"], at=NOW)
    with django_assert_num_queries(1):
        mine = open_tasks(people["ana"])
        groups = grouped(mine, today=TODAY)
    assert (groups.late, groups.today, groups.later) == ([late], [due], [later])
    assert open_tasks(people["ana"], TODAY) == [late, due]
    assert given_tasks(people["ana"]) == [given]
    assert done_tasks(people["ana"], since=NOW) == [done]
    assert done_tasks(people["ana"], since=NOW + timedelta(seconds=1)) == []


def test_open_tasks_of_a_client_go_with_it_to_who_answers_next(people, client):
    waits, done = give(people["ana"], client=client), give(people["ana"], client=client)
    Colleague.objects.create(client=client, membership=people["caio"], part="billing", since=TODAY)
    colleagues_own = give(people["ana"], people["caio"], client=client)
    elsewhere = give(people["ana"])
    complete_task(done, by=people["ana"], at=NOW)

    move = [Transfer(client.pk, people["other_rep"].pk)]
    transfer_clients(move, by=Actor(people["manager"]), source=Ownership.Source.MANUAL, on=TODAY)

    owners = dict(Task.objects.values_list("pk", "owner__name"))
    assert owners == {waits.pk: "Bruno", done.pk: "Ana", colleagues_own.pk: "Caio", elsewhere.pk: "Ana"}
    event = AuditEvent.objects.get(stream=f"task:{waits.pk}", action="task.handed_over")
    assert (event.before, event.after) == ({"owner": people["ana"].pk}, {"owner": people["bruno"].pk})


@pytest.mark.parametrize("who", ["ana", "manager", "admin"])
def test_colleagues_are_named_by_who_answers_leads_or_administers(people, client, who):
    named = name_colleague(client, people["caio"], "technical", by=people[who], on=TODAY)
    again = name_colleague(client, people["caio"], "technical", by=people[who], on=TODAY)
    assert named.pk == again.pk
    assert name_colleague(client, people["caio"], "billing", by=people[who], on=TODAY).part == "billing"
    assert [event.action for event in AuditEvent.objects.filter(stream=f"client:{client.pk}", action__startswith="colleague")] == [
        "colleague.named",
        "colleague.named",
    ]
    take_off_colleague(named, by=people[who])
    assert not clients_visible_to(people["caio"]).exists()


@pytest.mark.parametrize("who", ["far", "bruno", "auditor"])
def test_others_name_nobody(people, client, who):
    with pytest.raises(NotAllowed):
        name_colleague(client, people["caio"], "technical", by=people[who], on=TODAY)


def test_a_colleague_names_nobody_but_may_leave(people, client):
    named = name_colleague(client, people["caio"], "technical", by=people["ana"], on=TODAY)
    with pytest.raises(NotAllowed):
        name_colleague(client, people["bruno"], "technical", by=people["caio"], on=TODAY)
    take_off_colleague(named, by=people["caio"])
    assert not Colleague.objects.exists()


@pytest.mark.parametrize("who", ["ana", "manager", "auditor"])
def test_only_other_people_of_sales_can_be_named(people, client, who):
    with pytest.raises(NotNameable):
        name_colleague(client, people[who], "technical", by=people["admin"], on=TODAY)
