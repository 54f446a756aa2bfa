"""Why clients stopped buying: said by whoever answers for them, of one client or of many at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership
from accounts.selectors import local_day
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from clients.models import Client, ClientActivity, ClientStop
from clients.selectors.lifecycle import Limits
from clients.selectors.visibility import clients_visible_to
from clients.services.reach import may_write

MOST = 1_000  # clients at once
# Offered; any other words may be given.
STOP_REASONS: tuple[Promise, ...] = (
    gettext_lazy("Compra de um concorrente"),
    gettext_lazy("Preço"),
    gettext_lazy("Falta de produto"),
    gettext_lazy("Problema de entrega ou de atendimento"),
    gettext_lazy("Crédito ou pagamento"),
    gettext_lazy("Mudou de ramo ou fechou"),
    gettext_lazy("Não respondeu"),
)


class StopRefused(DomainError):
    """Nothing was written: no reason, or nobody it could be about."""

    code = "stop_refused"


class Told(NamedTuple):
    """How many clients the reason was kept for, and how many were left out: they still buy, never did, or are discarded."""

    n: int
    left_out: int


@transaction.atomic
def tell_why_stopped(client_ids: Sequence[int], *, reason: str, by: Membership, at: datetime) -> Told:
    """Keep why these inactive or lost clients stopped buying; said again of the same silence, the last word holds. Constant statements.

    Raises
    ------
    NotAllowed
        ``by`` only reads, or does not reach one of the clients.
    StopRefused
        No reason, more than ``MOST`` clients, or none of them is inactive or lost.
    """
    reason, wanted = reason.strip()[:120], sorted(set(client_ids))
    if not reason:
        raise StopRefused(_("Diga por que parou de comprar."))
    if len(wanted) > MOST:
        raise StopRefused(_("São no máximo %(n)s clientes por vez. Filtre para chegar a menos.") % {"n": MOST})
    reached = set(clients_visible_to(by).filter(pk__in=wanted).values_list("pk", flat=True))
    if not may_write(by) or len(reached) < len(wanted):
        raise NotAllowed(_("Só quem atende este cliente, a gerência e a administração podem registrar aqui."))
    # One after the other: the second of two words about a client finds the first.
    kept = list(Client.objects.select_for_update(no_key=True).filter(pk__in=wanted, discarded_on=None).order_by("pk"))
    on = local_day(by.organization, at=at)
    silent_from = on - timedelta(days=Limits.of(by.organization).inactive)
    silences = ClientActivity.objects.filter(client__in=kept, last_on__lte=silent_from).order_by("client")
    since = {pk: last_on for pk, last_on in silences.values_list("client_id", "last_on") if last_on}
    if not since:
        raise StopRefused(_("Só de clientes inativos ou perdidos se diz por que pararam."))
    before = {
        stop.client_id: stop.reason for stop in ClientStop.objects.filter(client__in=since) if stop.silent_since == since[stop.client_id]
    }
    ClientStop.objects.bulk_create(
        (
            ClientStop(organization_id=by.organization_id, client_id=pk, silent_since=last_on, reason=reason, told_on=on, told_at=at, by=by)
            for pk, last_on in since.items()
        ),
        update_conflicts=True,
        unique_fields=["organization", "client", "silent_since"],
        update_fields=["reason", "told_on", "told_at", "by"],
    )
    record_events(
        (
            Event(f"client:{pk}", "client.stop_told", {"reason": before[pk]} if pk in before else {}, {"since": last_on}, reason)
            for pk, last_on in since.items()
            if before.get(pk) != reason
        ),
        by=Actor(by),
    )
    return Told(len(since), len(wanted) - len(since))
