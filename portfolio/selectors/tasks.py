"""Tasks a member sees: to do, given to others, done lately, and those of a client."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Q, QuerySet

from accounts.models import Membership, Role
from clients.models import Client
from clients.selectors.visibility import Reach, clients_visible_to, clients_within
from portfolio.models import Task

MOST = 200  # rows of a list; more than a person can have in mind, and the page says that there are more


def tasks_visible_to(member: Membership) -> QuerySet[Task]:
    """The member's own, those they gave, and those of clients within their reach; administration and audit see all."""
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Task.objects.all()
    reached = clients_visible_to(member).values("pk")
    return Task.objects.filter(Q(owner_id=member.pk) | Q(given_by_id=member.pk) | Q(client_id__in=reached))


def may_act(member: Membership, task: Task) -> bool:
    """Whether the member may complete, change or hand over the task: owner, giver, whoever acts for its client, administration."""
    if member.role == Role.AUDITOR:
        return False
    if member.role == Role.ADMIN or member.pk in (task.owner_id, task.given_by_id):
        return True
    return task.client_id is not None and clients_visible_to(member).filter(pk=task.client_id).exists()


def open_tasks(member: Membership, until: date | None = None) -> list[Task]:
    """The member's own tasks that wait, due on or before ``until`` (None: any day), earliest first; one query."""
    mine = Task.objects.filter(owner_id=member.pk, done_at=None, cancelled_at=None)
    if until is not None:
        mine = mine.filter(due_on__lte=until)
    return list(mine.select_related("client", "given_by").order_by("due_on", "pk")[:MOST])


def n_open_tasks(member: Membership, until: date) -> int:
    """How many of the member's own tasks are due on or before ``until``; one query, through the index of the open ones."""
    return Task.objects.filter(owner_id=member.pk, done_at=None, cancelled_at=None, due_on__lte=until).count()


def given_tasks(member: Membership) -> list[Task]:
    """Open tasks the member gave to others, earliest due first; one query."""
    given = Task.objects.filter(given_by_id=member.pk, done_at=None, cancelled_at=None).exclude(owner_id=member.pk)
    return list(given.select_related("client", "owner").order_by("due_on", "pk")[:MOST])


def done_tasks(member: Membership, *, since: datetime) -> list[Task]:
    """Tasks the member had, gave or did that were done at or after ``since``, latest first; one query."""
    concerned = Q(owner_id=member.pk) | Q(given_by_id=member.pk) | Q(done_by_id=member.pk)
    done = Task.objects.filter(concerned, done_at__gte=since)
    return list(done.select_related("client", "owner", "done_by").order_by("-done_at", "-pk")[:MOST])


def client_tasks(client: Client) -> list[Task]:
    """The client's open tasks, earliest due first; one query."""
    waiting = Task.objects.filter(client_id=client.pk, done_at=None, cancelled_at=None)
    return list(waiting.select_related("owner", "given_by").order_by("due_on", "pk")[:MOST])


@dataclass
class Groups:
    """A list of tasks by when they are due, each part in the order given."""

    late: list[Task] = field(default_factory=list)
    today: list[Task] = field(default_factory=list)
    later: list[Task] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.late or self.today or self.later)


def grouped(tasks: list[Task], *, today: date) -> Groups:
    """Split by due day: before ``today``, on it, after it."""
    found = Groups()
    for task in tasks:
        (found.late if task.due_on < today else found.today if task.due_on == today else found.later).append(task)
    return found


def reached_clients(reach: Reach, tasks: list[Task]) -> set[int]:
    """Which of the tasks' clients lie within ``reach``, and may be linked to; one query."""
    ids = {task.client_id for task in tasks if task.client_id}
    return set(clients_within(reach).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
