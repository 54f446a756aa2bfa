"""Renewals of contracts: who is asked to see to one, how far it is, and what the night finds out by itself."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Organization, Role
from accounts.selectors import local_day
from accounts.services import Actor, record_event, record_events
from accounts.services.audit import Event
from accounts.tenancy import tenant_atomic
from clients.models import Contract
from clients.selectors.people import members_reaching
from clients.services.reach import require_reach
from portfolio.models import Renewal
from portfolio.selectors.renewals import contracts_with_state, untouched
from portfolio.services.many_tasks import Wanted, cancel_tasks, give_tasks
from portfolio.services.tasks import change_task, give_task
from portfolio.workdays import is_workday, next_workday

State = Renewal.State
RENEWER = Actor(label="task portfolio.ask_for_renewals")
ASKED_AFTER_DAYS = 30  # a contract that ended longer ago is nobody's task, though the page shows it
ANSWER_WITHIN_DAYS = 7
CHUNK = 500
LOST_REASONS: tuple[Promise, ...] = (
    gettext_lazy("Preço"),
    gettext_lazy("Comprou do concorrente"),
    gettext_lazy("Não precisa mais"),
    gettext_lazy("Insatisfeito com o serviço"),
    gettext_lazy("Fechou as portas"),
)


class RenewalRefused(DomainError):
    """What was asked of a renewal cannot be; ``field`` is where."""

    code = "renewal_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


def ask_for_renewals(organization_id: int, *, at: datetime) -> int:
    """Ask each client's representative to see to contracts that end within the organization's days; how many were asked.

    A contract is asked about once, however often this runs; where nobody with a sign-in answers for its client it waits for
    somebody who does. Renewals whose newer contract came meanwhile are written down as such and their tasks taken back.
    """
    with tenant_atomic(organization_id, durable=True):
        organization = Organization.objects.get(pk=organization_id)
        as_of = local_day(organization, at=at)
        with translation.override(organization.language):
            _write_down_renewed(at=at)
            if not organization.renewal_days:
                return 0
            asked = 0
            while ids := _next_chunk(organization, as_of=as_of):
                asked += _ask(ids, organization, as_of=as_of)
            return asked


def _next_chunk(organization: Organization, *, as_of: date) -> list[int]:
    due = untouched(as_of=as_of, within=organization.renewal_days, since=ASKED_AFTER_DAYS)
    due = due.filter(client__representative__membership__is_active=True)
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    # Whoever else asks now waits here; only a later statement sees what they wrote.
    list(Contract.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    told = set(Renewal.objects.filter(contract_id__in=ids).values_list("contract_id", flat=True))
    return [pk for pk in ids if pk not in told]


def _ask(ids: list[int], organization: Organization, *, as_of: date) -> int:
    contracts = list(Contract.objects.filter(pk__in=ids).select_related("client__representative").order_by("ends_on", "pk"))
    owners = [each.client.representative.membership_id if each.client.representative else None for each in contracts]
    wanted = [
        Wanted(owner, each.client_id, _("Renovar contrato %(code)s") % {"code": each.code}, _due(each, organization, as_of=as_of))
        for each, owner in zip(contracts, owners, strict=True)
        if owner is not None
    ]
    tasks = give_tasks(wanted, by=RENEWER)
    Renewal.objects.bulk_create(
        Renewal(organization_id=organization.pk, contract=each, owner_id=task.owner_id, task=task)
        for each, task in zip(contracts, tasks, strict=True)
    )
    record_events(
        (Event(f"contract:{each.pk}", "renewal.asked", after={"task": t.pk}) for each, t in zip(contracts, tasks, strict=True)), by=RENEWER
    )
    return len(tasks)


def _due(contract: Contract, organization: Organization, *, as_of: date) -> date:
    """Within a week, before the contract ends if it has not ended, on a workday."""
    day = min(as_of + timedelta(days=ANSWER_WITHIN_DAYS), max(contract.ends_on, as_of))
    return day if is_workday(day, organization.country) else next_workday(day, organization.country)


def _write_down_renewed(*, at: datetime) -> None:
    renewed = dict(
        contracts_with_state()
        .filter(renewals__isnull=False, stage=State.RENEWED)
        .exclude(renewals__state=State.RENEWED)
        .values_list("pk", "successor_id")
    )
    if not renewed:
        return
    rows = list(Renewal.objects.select_for_update(no_key=True, of=("self",)).filter(contract_id__in=renewed).order_by("pk"))
    for row in rows:
        row.state, row.successor_id, row.version = State.RENEWED, renewed[row.contract_id], row.version + 1
    Renewal.objects.bulk_update(rows, ["state", "successor", "version"])
    cancel_tasks([row.task_id for row in rows if row.task_id], by=RENEWER, at=at, reason=_("contrato renovado"))
    record_events(
        (Event(f"contract:{row.contract_id}", "renewal.renewed", after={"contract": row.successor_id}) for row in rows), by=RENEWER
    )


@transaction.atomic
def change_renewal(
    contract: Contract,
    *,
    by: Membership,
    at: datetime,
    version: int,
    to: str,
    owner: Membership | None = None,
    lost_reason: str = "",
    note: str = "",
) -> Renewal:
    """Say how far a renewal is and who sees to it; the task goes with it.

    Parameters
    ----------
    version : of what was read; 0 where nothing had been written down yet
    to : to_contact, talking or lost; a newer contract alone makes it renewed
    owner : who sees to it from now on and gets its task; None leaves it with whom it is

    Raises
    ------
    NotAllowed
        ``by`` does not reach the client, or only reads.
    ChangedMeanwhile
        Somebody changed it since it was read.
    RenewalRefused
        Renewed is typed in, lost has no reason, or the owner does not reach the client.
    """
    require_reach(contract.client, by)
    Contract.objects.select_for_update(no_key=True).get(pk=contract.pk)
    row = Renewal.objects.select_for_update(no_key=True, of=("self",)).select_related("task", "owner").filter(contract=contract).first()
    if (row.version if row else 0) != version:
        raise ChangedMeanwhile(_("Alguém mexeu nesta renovação depois que você a abriu. Confira e salve de novo."))
    if to not in (State.TO_CONTACT, State.TALKING, State.LOST):
        raise RenewalRefused(_("Um contrato mais novo do cliente é que diz que foi renovado. Cadastre-o ou importe-o."), field="to")
    lost_reason = " ".join(lost_reason.split())[:120] if to == State.LOST else ""
    if to == State.LOST and not lost_reason:
        raise RenewalRefused(_("Diga por que se perdeu."), field="lost_reason")
    today = local_day(by.organization, at=at)
    if owner is not None and not members_reaching(contract.client, as_of=today).filter(pk=owner.pk).exists():
        raise RenewalRefused(_("%(name)s não alcança este cliente. Escolha outra pessoa.") % {"name": owner.name}, field="owner")
    before = {"state": row.state, "owner": row.owner_id} if row else {}
    row = row or Renewal(organization_id=by.organization_id, contract=contract, version=0)
    row.state, row.lost_reason, row.note = to, lost_reason, note.strip()[:500]
    _task_goes_with(row, contract, owner, by=by, at=at)
    row.version += 1
    row.save()
    after = {"state": row.state, "owner": row.owner_id}
    record_event(f"contract:{contract.pk}", "renewal.changed", by=Actor(by), before=before, after=after, reason=lost_reason)
    return row


def _task_goes_with(row: Renewal, contract: Contract, owner: Membership | None, *, by: Membership, at: datetime) -> None:
    """Keep one open task with whoever sees to an open renewal, and none once it is lost."""
    waits = row.task is not None and not row.task.done_at and not row.task.cancelled_at
    if row.state == State.LOST:
        if row.task_id and waits:
            cancel_tasks([row.task_id], by=Actor(by), at=at, reason=_("contrato perdido"))
        return
    if owner is None or (owner.pk == row.owner_id and waits):
        return
    row.owner = owner
    if row.task is not None and waits:
        change_task(row.task, by=by, at=at, version=row.task.version, owner=owner)
        return
    title = _("Renovar contrato %(code)s") % {"code": contract.code}
    due = _due(contract, by.organization, as_of=local_day(by.organization, at=at))
    row.task = give_task(title=title, due_on=due, owner=owner, by=by, at=at, client=contract.client).task


@transaction.atomic
def set_renewal_days(organization: Organization, days: int, *, by: Membership) -> None:
    """How many days before a contract ends somebody is asked; 0 asks nobody.

    Raises
    ------
    NotAllowed
        ``by`` does not administer.
    RenewalRefused
        More than a year, or less than nothing.
    """
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração muda as configurações."))
    if not 0 <= days <= 365:
        raise RenewalRefused(_("Use de 0 a 365 dias; 0 não pede tarefa nenhuma."), field="days")
    locked = Organization.objects.select_for_update().get(pk=organization.pk)
    if locked.renewal_days == days:
        return
    before, locked.renewal_days = locked.renewal_days, days
    locked.save(update_fields=["renewal_days"])
    organization.renewal_days = days
    stream = f"organization:{organization.pk}"
    record_event(stream, "organization.renewal_days", by=Actor(by), before={"days": before}, after={"days": days})
