"""Clients declared lost before their silence says so: a shop that closed will not order again. It can be taken back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from clients.models import Client, ClientActivity, ClientStop
from clients.services.discards import may_discard
from clients.services.reach import require_reach


class LossRefused(DomainError):
    """The client cannot be declared lost as asked; ``field`` is where."""

    code = "loss_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def declare_lost(client: Client, *, reason: str, by: Membership, at: datetime) -> ClientStop:
    """Make the client lost from today until an order comes, whatever its days of silence; the reason is that of its silence.

    Declared already: the last reason holds, and since when it is lost does not change.

    Raises
    ------
    NotAllowed
        A representative or auditor, or the client is out of reach.
    LossRefused
        No reason, the client never bought, or it is discarded.
    """
    _require_leader(client, by)
    reason = reason.strip()[:120]
    if not reason:
        raise LossRefused(_("Diga por que este cliente está perdido."), field="reason")
    locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.discarded_on is not None:
        raise LossRefused(_("Este cliente já foi descartado."))
    since = ClientActivity.objects.filter(client=locked).values_list("last_on", flat=True).first()
    if since is None:
        raise LossRefused(_("Quem nunca comprou não se perde. Se não serve, descarte."))
    on = local_day(by.organization, at=at)
    held = ClientStop.objects.filter(client=locked, silent_since=since).first()
    already = held is not None and held.lost_on is not None and held.lost_until is None and locked.lost_silence == since
    told, _made = ClientStop.objects.update_or_create(
        organization_id=locked.organization_id,
        client=locked,
        silent_since=since,
        defaults={
            "reason": reason,
            "told_on": on,
            "told_at": at,
            "by": by,
            "lost_on": held.lost_on if held and already else on,
            "lost_until": None,
        },
    )
    if locked.lost_silence != since:
        locked.lost_silence = since
        locked.save(update_fields=["lost_silence"])
    if not already or (held and held.reason != reason):
        record_event(f"client:{client.pk}", "client.lost_declared", by=Actor(by), after={"on": told.lost_on, "since": since}, reason=reason)
    return told


@transaction.atomic
def take_back_lost(client: Client, *, by: Membership, at: datetime) -> bool:
    """Let the client's state follow its silence again; the reason stays. Whether anything changed: False where nobody had declared it.

    Raises
    ------
    NotAllowed
    """
    _require_leader(client, by)
    locked = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.lost_silence is None:
        return False
    on = local_day(by.organization, at=at)
    held = ClientStop.objects.filter(client=locked, silent_since=locked.lost_silence, lost_until=None)
    since = held.values_list("lost_on", flat=True).first()
    held.exclude(lost_on=None).update(lost_until=on)
    locked.lost_silence = None
    locked.save(update_fields=["lost_silence"])
    record_event(f"client:{client.pk}", "client.lost_taken_back", by=Actor(by), before={"on": since})
    return True


def _require_leader(client: Client, by: Membership) -> None:
    require_reach(client, by)
    if not may_discard(by):
        raise NotAllowed(_("Só a gerência e a administração declaram um cliente perdido."))
