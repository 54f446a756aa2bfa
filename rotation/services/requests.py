"""What a representative asks about one of their clients, and what management answers: a hold until a day, a contest.

open -> granted | refused (management) | withdrawn (the representative); an answer may be taken back while nothing followed from it.
Locks: the request, then run and proposals (``decide``), then the client.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Notice, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services import Actor, notify, record_event
from accounts.templatetags.formats import day_year
from clients.models import Client
from clients.selectors.people import members_reaching
from rotation.errors import WrongState
from rotation.models import Decision, Request, RotationSettings
from rotation.selectors.requests import contestable, hold_days_most, pending_proposals
from rotation.services.decisions import decide, undo_batch
from rotation.services.rules import rotation_settings

Kind, State = Request.Kind, Request.State
LONGEST_TEXT = 300
REASON_TEXT = 120  # of a decision's reason


class RequestRefused(DomainError):
    """What was asked, or answered, cannot be; ``field`` names what to mend."""

    code = "request_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class AlreadyAnswered(DomainError):
    """Somebody answered, or the representative withdrew, before; the sentence says who."""

    code = "already_answered"


@dataclass(frozen=True)
class Made:
    """A request, and whether this call made it: the same ``id_made`` again finds the one there is."""

    request: Request
    created: bool


@transaction.atomic
def make_request(
    kind: str, client: Client, *, by: Membership, at: datetime, reason: str, until_on: date | None = None, id_made: UUID | None = None
) -> Made:
    """A representative asks about a client they answer for; managers of the team and administration are told.

    Raises
    ------
    NotAllowed
        ``by`` does not answer for the client.
    RequestRefused
        No reason; a hold without a day, for a day gone or too far, or for a client held that long already; a contest of
        nothing; or one of the kind waits for an answer.
    """
    if id_made is not None:
        held = Request.objects.filter(id_made=id_made).first()
        if held is not None:
            if held.made_by_id != by.pk:
                raise NotAllowed(_("Essa identificação já foi usada por outra pessoa."))
            return Made(held, created=False)
    reason = _text(reason, field="reason", missing=_("Diga o motivo."))
    client = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    mine = Representative.objects.filter(pk=client.representative_id, membership_id=by.pk).first() if client.representative_id else None
    if mine is None or not by.is_active:
        raise NotAllowed(_("Só quem responde pelo cliente pode pedir isso."))
    if Request.objects.filter(client_id=client.pk, kind=kind, state=State.OPEN).exists():
        raise RequestRefused(_("Já há um pedido seu à espera de resposta para este cliente."))
    today = local_day(by.organization, at=at)
    proposal, warning = contestable(client, mine)
    if kind == Kind.HOLD:
        until_on = _until(until_on, today=today)
        if client.hold:
            raise RequestRefused(_("Este cliente já nunca gira."))
        if client.hold_until and client.hold_until >= until_on:
            raise RequestRefused(_("Este cliente já tem trava até %(day)s.") % {"day": day_year(client.hold_until)}, field="until_on")
    elif kind != Kind.CONTEST:
        raise RequestRefused(_("Escolha o que pedir."))
    elif proposal is None and warning is None:
        raise RequestRefused(_("Nenhuma regra está prestes a tirar este cliente de você: não há o que contestar."))
    made = Request.objects.create(
        organization_id=by.organization_id,
        id_made=id_made or uuid4(),
        kind=kind,
        client=client,
        representative=mine,
        proposal=proposal,
        made_by=by,
        reason=reason,
        until_on=until_on if kind == Kind.HOLD else None,
    )
    after = {"request": made.pk, "kind": kind, "until_on": made.until_on, "proposal": proposal.pk if proposal else None}
    record_event(f"client:{client.pk}", "request.made", by=Actor(by), after=after, reason=reason)
    leaders = members_reaching(client, as_of=today).filter(role__in=[Role.ADMIN, Role.MANAGER]).order_by().values_list("pk", flat=True)
    facts = {
        "request": made.pk,
        "kind": kind,
        "client": str(client),
        "by": by.name,
        "reason": reason,
        "until_on": made.until_on.isoformat() if made.until_on else None,
    }
    notify(list(leaders), Notice.Kind.REQUEST_MADE, key=_made_key(made), facts=facts)
    return Made(made, created=True)


@transaction.atomic
def withdraw_request(request: Request, *, by: Membership) -> Request:
    """Who asked takes it back; withdrawn twice is withdrawn once. Leaders who have not read of it are told no more.

    Raises
    ------
    NotAllowed
        ``by`` neither made it nor is its representative.
    AlreadyAnswered
    """
    request = _locked(request)
    if by.pk not in (request.made_by_id, request.representative.membership_id) or by.role == Role.AUDITOR:
        raise NotAllowed(_("Só quem pediu pode retirar o pedido."))
    if request.state == State.WITHDRAWN:
        return request
    _require_open(request)
    request.state = State.WITHDRAWN
    request.save(update_fields=["state"])
    record_event(f"client:{request.client_id}", "request.withdrawn", by=Actor(by), after={"request": request.pk})
    Notice.objects.filter(kind=Notice.Kind.REQUEST_MADE, key=_made_key(request), read_at=None).delete()
    return request


@transaction.atomic
def grant_request(request: Request, *, by: Membership, at: datetime, answer: str = "", until_on: date | None = None) -> Request:
    """Grant it: the client is held, and a proposal that would take it away is refused with the representative's reason.

    Parameters
    ----------
    until_on : the hold's last day; None grants the day asked for. A contest needs one only where no proposal is pending,
        for then nothing else would stop the rule; with a proposal it is the manager's choice.

    Raises
    ------
    NotAllowed
        The request, or the proposal's receiver, is outside the member's reach.
    AlreadyAnswered
        Another manager was faster.
    RequestRefused, WrongState
        The client changed hands, the day cannot be, or the run is being applied.
    """
    request = _answerable(request, by)
    today = local_day(by.organization, at=at)
    answer = answer.strip()[:LONGEST_TEXT]
    wanted = until_on or (request.until_on if request.kind == Kind.HOLD else None)
    pending = pending_proposals().filter(client_id=request.client_id).first()
    if wanted is None and pending is None:
        raise RequestRefused(_("Não há proposta a recusar. Diga até quando o cliente não gira."), field="until_on")
    until = _until(wanted, today=today) if wanted else None
    if pending is not None:
        what = request.reason[:REASON_TEXT]
        result = decide(pending_proposals().filter(pk=pending.pk), Decision.Action.REJECT, by=by, at=at, reason=what, note=answer)
        if result.skipped:
            raise WrongState(_("A proposta está sendo aplicada e não pode mais ser recusada."))
        if not result.decided:
            raise NotAllowed(_("A proposta leva o cliente para fora da sua equipe. Peça à administração."))
        request.decision_batch = result.batch
    client = Client.objects.select_for_update(no_key=True).get(pk=request.client_id)
    if client.representative_id != request.representative_id:
        raise RequestRefused(_("O cliente mudou de mãos depois do pedido: não há mais o que conceder."))
    if until is not None:
        request.held_before_on, request.granted_until_on = client.hold_until, until
        _hold(client, _later(client.hold_until, until), by=by, reason=request.reason)
    return _close(request, State.GRANTED, by=by, at=at, answer=answer)


@transaction.atomic
def refuse_request(request: Request, *, by: Membership, at: datetime, answer: str) -> Request:
    """Refuse it, saying why; nothing else changes.

    Raises
    ------
    NotAllowed, AlreadyAnswered
    RequestRefused
        No answer was given.
    """
    request = _answerable(request, by)
    answer = _text(answer, field="answer", missing=_("Diga ao vendedor por que não."))
    return _close(request, State.REFUSED, by=by, at=at, answer=answer)


@transaction.atomic
def take_back_answer(request: Request, *, by: Membership, at: datetime) -> Request:
    """The request waits again: the hold is what it was, the refused proposal pending again. All of it, or none.

    Raises
    ------
    NotAllowed
        A manager takes back their own answers only; the administration any.
    ChangedMeanwhile
        Something followed: the hold was changed, the proposal decided again or its run closed, the client changed hands,
        or another request of the kind was made.
    """
    request = _locked(request)
    _require_reach(request, by)
    if request.state not in (State.GRANTED, State.REFUSED):
        raise ChangedMeanwhile(_("Este pedido não tem resposta a desfazer."))
    if by.role != Role.ADMIN and request.answered_by_id != by.pk:
        raise NotAllowed(_("Só quem respondeu, ou a administração, pode desfazer."))
    if request.decision_batch and not undo_batch(request.decision_batch, by=by, at=at).decided:
        raise ChangedMeanwhile(_("A proposta foi decidida de novo, ou o giro terminou: a resposta não pode mais ser desfeita."))
    client = Client.objects.select_for_update(no_key=True).get(pk=request.client_id)
    if client.representative_id != request.representative_id:
        raise ChangedMeanwhile(_("O cliente mudou de mãos depois da resposta, que não pode mais ser desfeita."))
    if Request.objects.filter(client_id=client.pk, kind=request.kind, state=State.OPEN).exists():
        raise ChangedMeanwhile(_("Há um pedido mais novo para este cliente. Responda a ele."))
    if request.granted_until_on:
        # A hold granted after this one was written over it: the later answer is taken back first.
        later = Request.objects.filter(client_id=client.pk, state=State.GRANTED, granted_until_on__isnull=False)
        if later.exclude(pk=request.pk).filter(answered_at__gte=request.answered_at).exists():
            raise ChangedMeanwhile(_("Outra trava foi concedida depois desta. Desfaça aquela antes."))
        if client.hold_until != _later(request.held_before_on, request.granted_until_on):
            raise ChangedMeanwhile(_("A trava foi mudada depois da resposta, que não pode mais ser desfeita."))
        _hold(client, request.held_before_on, by=by, reason=request.reason)
    was, key = request.state, _answer_key(request)
    told = {request.made_by_id, request.representative.membership_id} - {None, by.pk}
    request.state, request.answer, request.answered_by, request.answered_at = State.OPEN, "", None, None
    request.granted_until_on = request.held_before_on = request.decision_batch = None
    request.save()
    record_event(f"client:{client.pk}", "request.reopened", by=Actor(by), before={"state": was}, after={"request": request.pk})
    # Who has not read the answer is told no more of it; who has is told that it no longer stands.
    unread = Notice.objects.filter(kind=Notice.Kind.REQUEST_ANSWERED, key=key, read_at=None)
    forgotten = set(unread.values_list("membership_id", flat=True))
    unread.delete()
    facts = {"request": request.pk, "kind": request.kind, "state": State.OPEN, "client": str(client), "by": by.name}
    notify([pk for pk in told - forgotten if pk], Notice.Kind.REQUEST_ANSWERED, key=f"{key}:undone", facts=facts)
    return request


@transaction.atomic
def set_hold_days(days: int, *, by: Membership) -> None:
    """How many days ahead a client of this organization may be held on request.

    Raises
    ------
    NotAllowed
        ``by`` does not administer.
    RequestRefused
        Less than a day, or more than two years.
    """
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração muda esse limite."))
    if not 1 <= days <= 730:
        raise RequestRefused(_("Escolha de 1 a 730 dias."), field="days")
    settings = rotation_settings(lock=True)
    if settings.hold_days_most != days:
        before = {"days": settings.hold_days_most}
        RotationSettings.objects.filter(pk=settings.pk).update(hold_days_most=days)
        record_event("rotation", "rotation.hold_days", by=Actor(by), before=before, after={"days": days})


def _text(text: str, *, field: str, missing: str) -> str:
    text = text.replace("\0", "").strip()
    if not text:
        raise RequestRefused(missing, field=field)
    if len(text) > LONGEST_TEXT:
        raise RequestRefused(_("Use até %(n)s letras.") % {"n": LONGEST_TEXT}, field=field)
    return text


def _until(until_on: date | None, *, today: date) -> date:
    most = hold_days_most()
    if until_on is None:
        raise RequestRefused(_("Diga até quando."), field="until_on")
    if until_on <= today:
        raise RequestRefused(_("Escolha um dia à frente."), field="until_on")
    if until_on > today + timedelta(days=most):
        limit = _("Uma trava vai até %(n)s dias à frente: no máximo %(day)s.")
        raise RequestRefused(limit % {"n": most, "day": day_year(today + timedelta(days=most))}, field="until_on")
    return until_on


def _later(held: date | None, until: date) -> date:
    return max(held, until) if held else until


def _hold(client: Client, until: date | None, *, by: Membership, reason: str) -> None:
    if client.hold_until == until:
        return
    before, client.hold_until = client.hold_until, until
    client.save(update_fields=["hold_until"])
    record_event(f"client:{client.pk}", "client.held", by=Actor(by), before={"until": before}, after={"until": until}, reason=reason)


def _locked(request: Request) -> Request:
    list(Request.objects.select_for_update(no_key=True).filter(pk=request.pk).values_list("pk"))
    # Read again under the lock: the joins must not be locked with it.
    return Request.objects.select_related("client", "representative", "answered_by").get(pk=request.pk)


def _require_reach(request: Request, by: Membership) -> None:
    reached = representatives_visible_to(by).filter(pk=request.representative_id).exists()
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active or not reached:
        raise NotAllowed(_("Só quem lidera a equipe do vendedor, ou a administração, responde a este pedido."))


def _answerable(request: Request, by: Membership) -> Request:
    request = _locked(request)
    _require_reach(request, by)
    _require_open(request)
    return request


def _require_open(request: Request) -> None:
    if request.state == State.WITHDRAWN:
        raise AlreadyAnswered(_("O vendedor retirou este pedido."))
    if request.state != State.OPEN:
        name = request.answered_by.name if request.answered_by else ""
        raise AlreadyAnswered(_("%(name)s já respondeu a este pedido.") % {"name": name})


def _close(request: Request, state: str, *, by: Membership, at: datetime, answer: str) -> Request:
    request.state, request.answer, request.answered_by, request.answered_at = state, answer, by, at
    request.save()
    after = {"request": request.pk, "kind": request.kind, "until_on": request.granted_until_on}
    record_event(f"client:{request.client_id}", f"request.{state}", by=Actor(by), after=after, reason=answer)
    facts = {
        "request": request.pk,
        "kind": request.kind,
        "state": state,
        "client": str(request.client),
        "answer": answer,
        "by": by.name,
        "until_on": request.granted_until_on.isoformat() if request.granted_until_on else None,
    }
    told = {request.made_by_id, request.representative.membership_id} - {None, by.pk}
    notify([pk for pk in told if pk], Notice.Kind.REQUEST_ANSWERED, key=_answer_key(request), facts=facts)
    return request


def _made_key(request: Request) -> str:
    return f"request:{request.pk}"


def _answer_key(request: Request) -> str:
    return f"request:{request.pk}:{request.answered_at.isoformat() if request.answered_at else ''}"
