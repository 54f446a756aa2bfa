"""A representative leaves: access ends and the whole portfolio goes over, in one act that can be taken back."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.management.organizations import organization_ids
from accounts.models import Absence, Membership, Notice, Organization, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor, notify, record_event, record_events
from accounts.services.absences import absence_figures, close_absence, restore_absence, uncover
from accounts.services.audit import Event
from accounts.services.members import end_access, restore_access
from accounts.tenancy import tenant_atomic
from clients.models import Client
from portfolio.models import Ownership, Task
from rotation.errors import HandoverRefused, WrongState
from rotation.models import Handover, Proposal, Request, Run
from rotation.selectors.facts import is_active_on
from rotation.selectors.receiving import caveats_of_moves
from rotation.services.dividing import checked_receivers, divide, leader_of, locked_draft
from rotation.services.moves import Move, move_clients
from rotation.services.reversal import request_reversal

State = Handover.State
CHANGED = gettext_lazy("A carteira mudou depois da divisão: alguém deu ou tirou clientes. Divida de novo e confira.")


@transaction.atomic
def confirm_handover(handover: Handover, *, reason: str, version: int, by: Membership, at: datetime) -> Handover:
    """Carry out the division a person saw: at once where the last day is today or past, else on the day after it.

    At once means, in this very transaction: the sign-in's access ends (sessions and tokens too), the representative receives nobody from
    the day after the last one, absences and covers close, tasks without a client go to ``by``, and the moves are asked for; up to 200
    clients change hands in it, more by a task in chunks that any interruption leaves resumable.

    Raises
    ------
    ChangedMeanwhile
        The draft is not at ``version``, or the portfolio is no longer the one that was divided: it was divided anew.
    HandoverRefused
        No reason, a client without a receiver, or a receiver who left; ``field`` names what to mend.
    NotAllowed
        Somebody involved is outside the member's reach.
    """
    handover = locked_draft(handover, version=version, by=by)
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise HandoverRefused(_("Diga o motivo da saída. Ele fica no histórico de cada cliente."), field="reason")
    checked_receivers(handover.representative, handover.receivers, handover.rest_id, last_on=handover.last_on, by=by)
    today = local_day(by.organization, at=at)
    handover.reason, handover.confirmed_by, handover.confirmed_at = reason, by, at
    if handover.last_on > today:
        targets_of(handover)
        handover.state, handover.version = State.PLANNED, handover.version + 1
        handover.save()
        after = {"last_on": handover.last_on.isoformat(), "receivers": handover.receivers}
        record_event(_stream(handover), "representative.leaving", by=Actor(by), after=after, reason=reason)
        return handover
    return _start(handover, by=by, at=at, today=today)


def targets_of(handover: Handover) -> dict[int, int]:
    """Client -> receiver: what a person chose, else what the engine found, else who takes the rest.

    Raises
    ------
    HandoverRefused
        Somebody would be left with nobody.
    """
    targets = {int(client): to for client, to in {**handover.plan.get("to", {}), **handover.choices}.items()}
    left = [int(client) for client in handover.plan.get("why", {}) if int(client) not in targets]
    if left and handover.rest_id is None:
        sentence = ngettext(
            "%(n)s cliente ficaria sem ninguém. Escolha quem fica com ele.",
            "%(n)s clientes ficariam sem ninguém. Escolha quem fica com eles.",
            len(left),
        )
        raise HandoverRefused(sentence % {"n": len(left)}, field="rest")
    return targets | {client: handover.rest_id for client in left if handover.rest_id}


def _start(handover: Handover, *, by: Membership, at: datetime, today: date) -> Handover:
    """Everything of the first transaction. Lock order: the organization's mutex, run, proposals, clients, representatives, memberships."""
    leaver_id = handover.representative_id
    targets = targets_of(handover)
    rows = Client.objects.filter(representative_id=leaver_id, discarded_on=None)
    held = {row[0]: (row[1] or 0, row[2]) for row in rows.values_list("pk", "activity__net_12m_cents", "activity__last_on")}
    if held.keys() != targets.keys():
        raise ChangedMeanwhile(str(CHANGED))
    seqs = dict(Ownership.objects.filter(representative_id=leaver_id, ended_on=None).values_list("client_id", "seq"))
    km = handover.plan.get("km", {})
    nobody = set(targets) - {int(client) for client in handover.plan.get("to", {})}
    passed = caveats_of_moves(list(targets.items()))
    moves = [
        Move(
            client,
            seqs.get(client, 0),
            leaver_id,
            to,
            held[client][0],
            km_to=km.get(str(client)),
            caveats=tuple(passed.get(to, ())) or ((str(Proposal.Caveat.OVER_CAPACITY),) if client in nobody else ()),
        )
        for client, to in targets.items()
    ]
    facts = {
        "handover": handover.pk,
        "representative": leaver_id,
        **{name: handover.plan[name] for name in _CERTIFICATE if name in handover.plan},
    }
    run = move_clients(
        moves, kind=Run.Kind.HANDOVER, by=by, at=at, on=today, reason=handover.reason, name=f"handover:{leaver_id}", facts=facts
    )
    Run.objects.filter(pk=run.pk).update(
        objective_cents=handover.plan.get("objective_cents", 0),
        bound_cents=handover.plan.get("bound_cents", 0),
        gap=handover.plan.get("gap", 0),
        round_robin_cents=handover.plan.get("round_robin_cents", 0),
    )
    handover.before = _leave(handover, by=by, at=at, today=today)
    # Whoever transferred a client to the leaver held a lock that _leave waited for: what they wrote shows only now.
    if rows.exclude(proposals__run=run).exists():
        raise ChangedMeanwhile(str(CHANGED))
    handover.run, handover.state, handover.version, handover.error = run, State.STARTED, handover.version + 1, ""
    handover.save()
    return handover


_CERTIFICATE = ("counts", "objective_cents", "bound_cents", "gap", "round_robin_cents")


def _leave(handover: Handover, *, by: Membership, at: datetime, today: date) -> dict[str, Any]:
    """The person's side of it: service, access, absences, and what hangs on the sign-in. Returns how it was."""
    leaver = Representative.objects.select_for_update().get(pk=handover.representative_id)
    before: dict[str, Any] = {"valid_to": leaver.valid_to.isoformat() if leaver.valid_to else None, "active": False}
    # On the last day itself the clients go over at once, so nobody must be given to the leaver from then on. Where a planned leaving is
    # late, clients may have come since: up to that day they were served.
    latest = Ownership.objects.filter(representative=leaver, started_on__lte=today).aggregate(day=Max("started_on"))["day"]
    ended_on = min(handover.last_on + timedelta(days=1), today)
    leaver.valid_to = max(ended_on, latest) if latest else ended_on
    before["ended"] = leaver.valid_to.isoformat()
    leaver.save(update_fields=["valid_to"])
    actor = Actor(by)
    if leaver.membership_id:
        membership = Membership.objects.get(pk=leaver.membership_id)
        before["active"] = membership.is_active
        before["membership"] = membership.pk
        if membership.is_active:
            end_access(membership, by=by, at=at)
        before["tasks"] = _keep_tasks(membership, leaver, by=by)
    before["absences"] = []
    for absence in Absence.objects.filter(Q(representative=leaver) | Q(cover=leaver), ends_on__gt=today).order_by("pk"):
        before["absences"].append(absence_figures(absence))
        if absence.representative_id == leaver.pk:
            close_absence(absence, by=actor, today=today)
        else:
            uncover(absence, by=actor)
    before["requests"] = _withdraw(leaver, by=actor, at=at)
    record_event(
        _stream(handover),
        "representative.left",
        by=actor,
        before={"valid_to": before["valid_to"]},
        after={"valid_to": leaver.valid_to.isoformat(), "handover": handover.pk, "access_ended": before["active"]},
        reason=handover.reason,
    )
    return before


def _withdraw(leaver: Representative, *, by: Actor, at: datetime) -> list[int]:
    """Nobody is left to hear an answer: what the leaver asked and nobody answered is withdrawn. The ids of it."""
    asked = dict(Request.objects.filter(representative=leaver, state=Request.State.OPEN).order_by("pk").values_list("pk", "client_id"))
    Request.objects.filter(pk__in=asked).update(state=Request.State.WITHDRAWN, answered_at=at)
    record_events((Event(f"client:{client}", "request.withdrawn", {}, {"request": pk}) for pk, client in asked.items()), by=by)
    return list(asked)


def _keep_tasks(membership: Membership, leaver: Representative, *, by: Membership) -> list[int]:
    """Open tasks that no client of theirs takes along stay with somebody: with who leads. The ids of them."""
    loose = Task.objects.filter(owner=membership, done_at=None, cancelled_at=None).exclude(client__representative=leaver)
    ids = sorted(loose.values_list("pk", flat=True))
    Task.objects.filter(pk__in=ids).update(owner=by)
    record_events((Event(f"task:{pk}", "task.handed_over", {"owner": membership.pk}, {"owner": by.pk}) for pk in ids), by=Actor(by))
    return ids


@transaction.atomic
def undo_handover(handover: Handover, *, by: Membership, at: datetime) -> Run:
    """The person did not leave after all: service and access come back, and every client nobody moved since goes back to them.

    So do absences, covers and tasks nobody touched since, and requests about the clients that come back, but for contests of proposals
    that went stale when the clients went. Tokens stay revoked.

    Raises
    ------
    NotAllowed
        Outside the member's reach, or confirmed by somebody else and ``by`` manages.
    WrongState
        It did not start, is still being carried out, or was undone already.
    NothingToReverse, TooLateToReverse
        As a batch's reversal.
    """
    leader_of(handover.representative, by)
    handover = Handover.objects.select_for_update(no_key=True, of=("self",)).select_related("representative", "run").get(pk=handover.pk)
    if handover.state != State.STARTED or handover.run is None:
        raise WrongState(_("Esta saída não está em vigor; não há o que desfazer."))
    if by.role == Role.MANAGER and handover.confirmed_by_id != by.pk:
        raise NotAllowed(_("Só quem confirmou a saída, ou a administração, a desfaz."))
    leaver = Representative.objects.select_for_update().get(pk=handover.representative_id)
    former = handover.before.get("valid_to")
    # Whoever gave the person another last day since, or took them back, has the last word: clients may have come by it.
    if leaver.valid_to is not None and handover.before.get("ended", leaver.valid_to.isoformat()) == leaver.valid_to.isoformat():
        leaver.valid_to = date.fromisoformat(former) if former else None
        leaver.save(update_fields=["valid_to"])
    if handover.before.get("active") and handover.before.get("membership"):
        restore_access(Membership.objects.get(pk=handover.before["membership"]), by=by)
    handover.state, handover.version = State.UNDONE, handover.version + 1
    handover.save(update_fields=["state", "version"])
    returned = {"handover": handover.pk, "valid_to": leaver.valid_to.isoformat() if leaver.valid_to else None}
    record_event(_stream(handover), "representative.returned", by=Actor(by), after=returned)
    reversal = request_reversal(handover.run, by=by, at=at)
    _put_back(handover, reversal, by=by, at=at)
    return reversal


def _put_back(handover: Handover, reversal: Run, *, by: Membership, at: datetime) -> None:
    """What ``_leave`` closed besides service and access, each where nobody decided otherwise since."""
    was, actor, today = handover.before, Actor(by), local_day(by.organization, at=at)
    for absence in was.get("absences", ()):
        restore_absence(absence, by=actor, today=today)
    if handover.confirmed_by_id and was.get("tasks"):
        kept = Task.objects.filter(pk__in=was["tasks"], owner=handover.confirmed_by_id, done_at=None, cancelled_at=None)
        ids, owner = sorted(kept.values_list("pk", flat=True)), was["membership"]
        Task.objects.filter(pk__in=ids).update(owner=owner)
        events = (Event(f"task:{pk}", "task.handed_over", {"owner": handover.confirmed_by_id}, {"owner": owner}) for pk in ids)
        record_events(events, by=actor)
    coming = Proposal.objects.filter(run=reversal, state__in=[Proposal.State.APPROVED, Proposal.State.APPLIED]).values("client")
    newer = Request.objects.filter(client=OuterRef("client"), kind=OuterRef("kind"), state=Request.State.OPEN)
    asked = Request.objects.filter(pk__in=was.get("requests", ()), state=Request.State.WITHDRAWN, proposal=None, client__in=coming)
    again = dict(asked.filter(~Exists(newer)).order_by("pk").values_list("pk", "client_id"))
    Request.objects.filter(pk__in=again).update(state=Request.State.OPEN, answered_at=None)
    state = {"state": Request.State.WITHDRAWN}
    record_events((Event(f"client:{client}", "request.reopened", state, {"request": pk}) for pk, client in again.items()), by=actor)


def start_due_handovers(at: datetime) -> list[tuple[int, int]]:
    """Carry out what was planned and whose last day is over, each in a transaction of its own; returns (organization, hand-over).

    The portfolio is divided anew first, choices by hand kept. What cannot start keeps its reason and tells who confirmed it.
    """
    started = []
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            organization = Organization.objects.get(pk=organization_id)
            today = local_day(organization, at=at)
            due = list(Handover.objects.filter(state=State.PLANNED, last_on__lt=today).order_by("pk").values_list("pk", flat=True))
        for pk in due:
            if _start_planned(pk, organization_id, at):
                started.append((organization_id, pk))
    return started


def _start_planned(handover_id: int, organization_id: int, at: datetime) -> bool:
    try:
        with tenant_atomic(organization_id):
            locked = Handover.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
            handover = (
                locked.select_related("representative", "confirmed_by__organization").filter(pk=handover_id, state=State.PLANNED).first()
            )
            if handover is None or handover.confirmed_by is None:
                return False
            by, today = handover.confirmed_by, local_day(handover.confirmed_by.organization, at=at)
            serving = Representative.objects.filter(pk__in=handover.receivers).select_related("membership")
            handover.receivers = sorted(person.pk for person in serving if is_active_on(person, today))
            checked_receivers(handover.representative, handover.receivers, handover.rest_id, last_on=handover.last_on, by=by)
            divide(handover, by.organization, today=today)
            _start(handover, by=by, at=at, today=today)
    except DomainError as refusal:
        _cannot_start(handover_id, organization_id, str(refusal))
        return False
    return True


def _cannot_start(handover_id: int, organization_id: int, why: str) -> None:
    with tenant_atomic(organization_id):
        handover = Handover.objects.select_related("representative").filter(pk=handover_id, state=State.PLANNED).first()
        if handover is None:
            return
        Handover.objects.filter(pk=handover_id).update(error=why[:300])
        if handover.confirmed_by_id:
            facts = {"representative": handover.representative_id, "name": handover.representative.name, "error": why[:300]}
            notify([handover.confirmed_by_id], Notice.Kind.HANDOVER, key=f"handover:{handover_id}:stopped", facts=facts)


def _stream(handover: Handover) -> str:
    return f"representative:{handover.representative_id}"
