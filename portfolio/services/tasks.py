"""Tasks: given to oneself or a colleague, done with one tap, taken back, handed over. Each is one transaction and one audit event."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Notice, Role
from accounts.selectors import local_day
from accounts.services import Actor, notify, record_event
from clients.models import Client
from clients.selectors.people import members_reaching
from clients.selectors.visibility import clients_visible_to
from clients.services.colleagues import name_colleague
from portfolio.models import Task
from portfolio.selectors.tasks import may_act

LONGEST_TITLE = 160
FARTHEST = timedelta(days=5 * 366)  # a due day beyond this is a slip of the keyboard


class TaskRefused(DomainError):
    """What was asked of a task cannot be; ``field`` names what to mend."""

    code = "task_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Given:
    """A task, and whether this call made it: the same ``id_made`` again finds the one there is."""

    task: Task
    created: bool


@transaction.atomic
def give_task(
    *,
    title: str,
    due_on: date,
    owner: Membership,
    by: Membership,
    at: datetime,
    client: Client | None = None,
    note: str = "",
    id_made: UUID | None = None,
    made_on: date | None = None,
    part: str = "",
) -> Given:
    """Give a task to ``owner``, who is told unless it is oneself.

    Parameters
    ----------
    made_on : the day the person typed it, where that was before ``at`` (it waited on a device without signal)
    part : makes an owner who does not reach the client a named colleague of it, if ``by`` may

    Raises
    ------
    TaskRefused
        No title, a due day before ``made_on`` or absurdly far, an owner who left, audits, or does not reach the client.
    NotAllowed
        ``by`` audits, or may not name colleagues of the client.
    """
    _writes(by)
    if id_made is not None:
        held = Task.objects.filter(id_made=id_made).first()
        if held is not None:
            return Given(_own(held, by), created=False)
    title = _title(title)
    today = local_day(by.organization, at=at)
    _due(due_on, earliest=min(made_on or today, today))
    if client is not None and not clients_visible_to(by).filter(pk=client.pk).exists():
        raise TaskRefused(_("Esse cliente não está ao seu alcance."), field="client")
    _fit(owner, client, by=by, part=part, today=today)
    values = {"title": title, "note": note.strip(), "owner": owner, "given_by": by, "due_on": due_on, "client": client}
    # The same row sent twice at once: the second insert waits for the first and finds it.
    task, created = Task.objects.get_or_create(organization_id=by.organization_id, id_made=id_made or uuid4(), defaults=values)
    if created:
        after = {"owner": owner.pk, "due_on": due_on, "client": client.pk if client else None}
        record_event(f"task:{task.pk}", "task.given", by=Actor(by), after=after)
        _tell_owner(task, by)
    return Given(_own(task, by), created)


@transaction.atomic
def change_task(
    task: Task,
    *,
    by: Membership,
    at: datetime,
    version: int,
    title: str | None = None,
    note: str | None = None,
    due_on: date | None = None,
    owner: Membership | None = None,
    part: str = "",
) -> Task:
    """Change an open task's words or day, or hand it over to ``owner``; what is None stays.

    Raises
    ------
    ChangedMeanwhile
        The task is no longer at ``version``: somebody changed it since it was read.
    TaskRefused, NotAllowed
        As ``give_task`` does; and a task that is done or cancelled is not changed.
    """
    if part and task.client_id:
        # Naming a colleague locks the client, and the order everywhere is clients first.
        Client.objects.select_for_update(no_key=True).get(pk=task.client_id)
    task = _locked(task, by)
    if task.version != version:
        raise ChangedMeanwhile(_("Alguém mudou esta tarefa depois que você a abriu. Confira e salve de novo."))
    _open(task)
    before = {"owner": task.owner_id, "due_on": task.due_on}
    if title is not None:
        task.title = _title(title)
    if note is not None:
        task.note = note.strip()
    if due_on is not None and due_on != task.due_on:
        _due(due_on, earliest=local_day(by.organization, at=at))
        task.due_on = due_on
    handed = owner is not None and owner.pk != task.owner_id
    if owner is not None and handed:
        _fit(owner, task.client, by=by, part=part, today=local_day(by.organization, at=at))
        task.owner = owner
    task.version += 1
    task.save(update_fields=["title", "note", "due_on", "owner", "version"])
    action = "task.handed_over" if handed else "task.changed"
    record_event(f"task:{task.pk}", action, by=Actor(by), before=before, after={"owner": task.owner_id, "due_on": task.due_on})
    if handed:
        _tell_owner(task, by)
    return task


@transaction.atomic
def complete_task(task: Task, *, by: Membership, at: datetime) -> Given:
    """Mark the task done. A task done already stays as it was: ``created`` is False then.

    Done is a fact: words or a day changed meanwhile do not stand in its way, a cancellation does.

    Raises
    ------
    TaskRefused
        It was cancelled.
    NotAllowed
        Neither its owner, nor who gave it, nor anyone who reaches its client.
    """
    task = _locked(task, by)
    if task.done_at:
        return Given(task, created=False)
    _open(task)
    task.done_at, task.done_by, task.version = at, by, task.version + 1
    task.save(update_fields=["done_at", "done_by", "version"])
    record_event(f"task:{task.pk}", "task.done", by=Actor(by), after={"owner": task.owner_id, "version": task.version})
    others = {task.given_by_id, task.owner_id} - {by.pk, None}
    notify([each for each in others if each], Notice.Kind.TASK_DONE, key=_done_key(task), facts=_facts(task, by))
    return Given(task, created=True)


@transaction.atomic
def reopen_task(task: Task, *, by: Membership, version: int | None = None) -> Task:
    """Take "done" back. Whoever was told and has not read it yet is told no more.

    Raises
    ------
    ChangedMeanwhile
        Something happened to the task after ``version``.
    TaskRefused
        It is not done.
    NotAllowed
    """
    task = _locked(task, by)
    if version is not None and task.version != version:
        raise ChangedMeanwhile(_("Alguém mudou esta tarefa depois disso. Abra-a para ver como está."))
    if not task.done_at:
        raise TaskRefused(_("Esta tarefa não está concluída."))
    Notice.objects.filter(kind=Notice.Kind.TASK_DONE, key=_done_key(task), read_at=None).delete()
    task.done_at, task.done_by, task.version = None, None, task.version + 1
    task.save(update_fields=["done_at", "done_by", "version"])
    record_event(f"task:{task.pk}", "task.reopened", by=Actor(by), after={"owner": task.owner_id, "version": task.version})
    return task


@transaction.atomic
def cancel_task(task: Task, *, by: Membership, at: datetime) -> Task:
    """The task is no longer to be done; its owner or who gave it says so. Cancelling again changes nothing.

    Raises
    ------
    TaskRefused
        It is done.
    NotAllowed
    """
    task = _locked(task, by)
    if by.pk not in (task.owner_id, task.given_by_id) and by.role != Role.ADMIN:
        raise NotAllowed(_("Só quem deu a tarefa, quem a tem e a administração podem cancelá-la."))
    if task.cancelled_at:
        return task
    _open(task)
    task.cancelled_at, task.version = at, task.version + 1
    task.save(update_fields=["cancelled_at", "version"])
    record_event(f"task:{task.pk}", "task.cancelled", by=Actor(by), after={"owner": task.owner_id})
    return task


def _writes(by: Membership) -> None:
    if by.role == Role.AUDITOR or not by.is_active:
        raise NotAllowed(_("Quem audita não altera nada."))


def _own(task: Task, by: Membership) -> Task:
    """A task found by ``id_made`` is answered to whom it concerns only: the id says nothing to others."""
    if by.pk not in (task.given_by_id, task.owner_id):
        raise NotAllowed(_("Essa identificação já foi usada por outra pessoa."))
    return task


def _locked(task: Task, by: Membership) -> Task:
    _writes(by)
    found = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    if not may_act(by, found):
        raise NotAllowed(_("Só quem tem a tarefa, quem a deu e quem acompanha o cliente podem mexer nela."))
    return found


def _open(task: Task) -> None:
    if task.done_at:
        raise TaskRefused(_("Esta tarefa já foi concluída."))
    if task.cancelled_at:
        raise TaskRefused(_("Esta tarefa foi cancelada."))


def _title(title: str) -> str:
    title = " ".join(title.split())
    if not title:
        raise TaskRefused(_("Diga o que fazer."), field="title")
    if len(title) > LONGEST_TITLE:
        raise TaskRefused(_("Use até %(n)s letras e ponha o resto na anotação.") % {"n": LONGEST_TITLE}, field="title")
    return title


def _due(due_on: date, *, earliest: date) -> None:
    if due_on < earliest:
        raise TaskRefused(_("O prazo já passou. Escolha hoje ou um dia à frente."), field="due_on")
    if due_on > earliest + FARTHEST:
        raise TaskRefused(_("O prazo está a mais de cinco anos. Confira o ano."), field="due_on")


def _fit(owner: Membership, client: Client | None, *, by: Membership, part: str, today: date) -> None:
    """Whether ``owner`` may have a task about ``client``; names them a colleague of it where asked to."""
    if not owner.is_active or owner.role == Role.AUDITOR:
        raise TaskRefused(_("%(name)s não pode receber tarefas. Escolha outra pessoa.") % {"name": owner.name}, field="owner")
    if client is None or owner.pk == by.pk or members_reaching(client, as_of=today).filter(pk=owner.pk).exists():
        return
    if not part:
        sentence = _("%(name)s não alcança este cliente. Diga o papel que terá nele, ou escolha outra pessoa.")
        raise TaskRefused(sentence % {"name": owner.name}, field="part")
    name_colleague(client, owner, part, by=by, on=today)


def _tell_owner(task: Task, by: Membership) -> None:
    if task.owner_id != by.pk:
        notify([task.owner_id], Notice.Kind.TASK_GIVEN, key=f"task:{task.pk}:given:{task.version}", facts=_facts(task, by))


def _done_key(task: Task) -> str:
    return f"task:{task.pk}:done:{task.version}"


def _facts(task: Task, by: Membership) -> dict[str, Any]:
    facts: dict[str, Any] = {"task": task.pk, "title": task.title, "by": by.name, "due_on": task.due_on.isoformat()}
    if task.client is not None:
        facts["client"] = str(task.client)
    return facts
