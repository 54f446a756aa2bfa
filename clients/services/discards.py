"""Clients that do not fit: a representative proposes, whoever leads decides. Nothing is deleted, and it can be taken back."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Notice, Representative, Role
from accounts.selectors import local_day, team_ids_over
from accounts.services import Actor, notify, record_event
from clients.models import Client, DiscardProposal
from clients.services.reach import require_reach

LEADERS = frozenset({Role.ADMIN, Role.MANAGER})
# Offered; any other words may be given.
DISCARD_REASONS: tuple[Promise, ...] = (
    gettext_lazy("Fechou as portas"),
    gettext_lazy("Não é do nosso ramo"),
    gettext_lazy("Cadastro repetido"),
    gettext_lazy("Fora da área de entrega"),
    gettext_lazy("Não compensa atender"),
)


class DiscardRefused(DomainError):
    """The client cannot be discarded, or brought back, as asked; ``field`` is where."""

    code = "discard_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


def may_discard(member: Membership) -> bool:
    """Whether the member decides; a representative only proposes."""
    return member.role in LEADERS


@transaction.atomic
def discard_client(client: Client, *, reason: str, by: Membership, at: datetime) -> Client:
    """Take the client out of rules, goals and lists; its history and who answers for it stay. Discarded already: nothing changes.

    An open proposal to discard it counts as accepted.

    Raises
    ------
    NotAllowed
        A representative or auditor, or the client is out of reach.
    DiscardRefused
        No reason.
    """
    _require_leader(client, by)
    reason = _said(reason)
    locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.discarded_on is None:
        locked.discarded_on, locked.discard_reason = local_day(by.organization, at=at), reason
        locked.save(update_fields=["discarded_on", "discard_reason"])
        record_event(f"client:{client.pk}", "client.discarded", by=Actor(by), after={"on": locked.discarded_on}, reason=reason)
    DiscardProposal.objects.filter(client_id=client.pk, accepted=None).update(accepted=True, answered_by=by, answered_at=at)
    return locked


@transaction.atomic
def restore_client(client: Client, *, by: Membership, at: datetime) -> Client:
    """Bring a discarded client back; not discarded: nothing changes.

    Raises
    ------
    NotAllowed
    """
    _require_leader(client, by)
    locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.discarded_on is not None:
        before = {"on": locked.discarded_on, "reason": locked.discard_reason}
        locked.discarded_on, locked.discard_reason = None, ""
        locked.save(update_fields=["discarded_on", "discard_reason"])
        record_event(f"client:{client.pk}", "client.restored", by=Actor(by), before=before)
    return locked


@transaction.atomic
def propose_discard(client: Client, *, reason: str, by: Membership, id_made: uuid.UUID | None = None) -> tuple[DiscardProposal, bool]:
    """Ask whoever leads to discard the client; those who can answer get a notice. Asked already: the open proposal, and False.

    Raises
    ------
    NotAllowed
    DiscardRefused
        No reason, or the client is discarded already.
    """
    require_reach(client, by)
    reason = _said(reason)
    locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.discarded_on is not None:
        raise DiscardRefused(_("Este cliente já foi descartado."))
    mine = Q(client_id=client.pk, accepted=None)
    held = DiscardProposal.objects.filter(mine | Q(id_made=id_made) if id_made else mine).first()
    if held is not None:
        return held, False
    made = DiscardProposal.objects.create(
        organization_id=client.organization_id, client=locked, reason=reason, proposed_by=by, id_made=id_made or uuid.uuid4()
    )
    record_event(f"client:{client.pk}", "discard.proposed", by=Actor(by), after={"proposal": made.pk}, reason=reason)
    facts = {"client": client.pk, "name": str(client), "reason": reason, "by": by.name}
    notify(_who_decides(locked), Notice.Kind.DISCARD_PROPOSED, key=f"discard:{made.pk}", facts=facts)
    return made, True


@transaction.atomic
def keep_client(client: Client, *, by: Membership, at: datetime) -> None:
    """Answer an open proposal to discard with no; none open: nothing changes.

    Raises
    ------
    NotAllowed
    """
    _require_leader(client, by)
    held = DiscardProposal.objects.select_for_update(no_key=True).filter(client_id=client.pk, accepted=None).first()
    if held is not None:
        held.accepted, held.answered_by, held.answered_at = False, by, at
        held.save(update_fields=["accepted", "answered_by", "answered_at"])
        record_event(f"client:{client.pk}", "discard.refused", by=Actor(by), after={"proposal": held.pk})


def open_proposal(client: Client) -> DiscardProposal | None:
    """The proposal to discard that waits for an answer; one query."""
    return DiscardProposal.objects.filter(client_id=client.pk, accepted=None).select_related("proposed_by").first()


def _require_leader(client: Client, by: Membership) -> None:
    require_reach(client, by)
    if not may_discard(by):
        raise NotAllowed(_("Você propõe o descarte; quem decide é a gerência ou a administração."))


def _said(reason: str) -> str:
    if not reason.strip():
        raise DiscardRefused(_("Diga por que este cliente não serve."), field="reason")
    return reason.strip()[:120]


def _who_decides(client: Client) -> list[int]:
    """The managers of the representative's team and of those above it; where there are none, administration."""
    owner = Representative.objects.filter(pk=client.representative_id).first() if client.representative_id else None
    teams = team_ids_over(owner.team_id) if owner else []
    active = Membership.objects.filter(is_active=True)
    managers = list(active.filter(role=Role.MANAGER, team_id__in=teams).values_list("id", flat=True))
    return managers or list(active.filter(role=Role.ADMIN).values_list("id", flat=True))
