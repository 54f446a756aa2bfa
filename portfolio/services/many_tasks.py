"""Tasks given and taken back by the hundred, on behalf of a campaign or a renewal: a constant number of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F

from accounts.models import Membership
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from accounts.tenancy import active_organization_id
from portfolio.models import Task
from portfolio.services.tasks import LONGEST_TITLE


@dataclass(frozen=True)
class Wanted:
    """One task to be given: to whom (a membership's id), about which client, by when."""

    owner_id: int
    client_id: int | None
    title: str
    due_on: date
    note: str = ""


def give_tasks(wanted: Sequence[Wanted], *, by: Actor, given_by: Membership | None = None) -> list[Task]:
    """Give many tasks at once, in the order given; two statements. Whoever calls tells their owners, once and not task by task."""
    tasks = Task.objects.bulk_create(
        Task(
            organization_id=active_organization_id(),
            owner_id=each.owner_id,
            client_id=each.client_id,
            title=each.title[:LONGEST_TITLE],
            note=each.note,
            due_on=each.due_on,
            given_by=given_by,
        )
        for each in wanted
    )
    record_events(
        (
            Event(f"task:{task.pk}", "task.given", after={"owner": task.owner_id, "due_on": task.due_on, "client": task.client_id})
            for task in tasks
        ),
        by=by,
    )
    return tasks


def cancel_tasks(task_ids: Iterable[int], *, by: Actor, at: datetime, reason: str = "") -> int:
    """Take back those of the tasks that still wait; returns how many. Two statements."""
    waiting = Task.objects.filter(pk__in=list(task_ids), done_at=None, cancelled_at=None)
    rows = list(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", "owner_id"))
    if not rows:
        return 0
    Task.objects.filter(pk__in=[pk for pk, _owner in rows]).update(cancelled_at=at, version=F("version") + 1)
    record_events((Event(f"task:{pk}", "task.cancelled", after={"owner": owner}, reason=reason) for pk, owner in rows), by=by)
    return len(rows)


def finish_tasks(task_ids: Iterable[int], *, by: Actor, at: datetime) -> int:
    """Mark those of the tasks that still wait as done by who has them, because what they ask for was recorded elsewhere."""
    waiting = Task.objects.filter(pk__in=list(task_ids), done_at=None, cancelled_at=None)
    rows = list(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", "owner_id"))
    if not rows:
        return 0
    Task.objects.filter(pk__in=[pk for pk, _owner in rows]).update(done_at=at, done_by=F("owner"), version=F("version") + 1)
    record_events((Event(f"task:{pk}", "task.done", after={"owner": owner}) for pk, owner in rows), by=by)
    return len(rows)
