"""What nobody had said of a client yet, said by hand: its segment, its tax id, its place."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event, record_events
from accounts.services.audit import Event
from clients.imports.values import Place, Unreadable, tax_id
from clients.models import Client, DistinctClients
from clients.services.words import refresh_words


class MendRefused(DomainError):
    """What was typed cannot be kept; nothing was written."""

    code = "mend_refused"


@transaction.atomic
def set_segment(client_ids: Sequence[int], segment: str, *, by: Membership) -> int:
    """Give clients without a segment this one; returns how many had none.

    Raises
    ------
    NotAllowed
    MendRefused
        No segment.
    """
    _require_admin(by)
    segment = segment.strip()[:60]
    if not segment:
        raise MendRefused(_("Diga o segmento."))
    rows = Client.objects.select_for_update(no_key=True).filter(pk__in=client_ids, segment="", discarded_on=None).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    Client.objects.filter(pk__in=ids).update(segment=segment)
    record_events((Event(f"client:{pk}", "client.segmented", {"segment": ""}, {"segment": segment}) for pk in ids), by=Actor(by))
    return len(ids)


@transaction.atomic
def set_place(client_id: int, text: str, *, by: Membership) -> Client:
    """Put the client on the map, by the degrees a map shows: "-22.9056, -47.0608".

    Raises
    ------
    NotAllowed
    MendRefused
        Not two numbers of degrees.
    """
    _require_admin(by)
    parts = [part.strip() for part in (text.split(";") if ";" in text else text.split(", ") if ", " in text else text.split(","))]
    try:
        latitude, longitude = (float(part.replace(",", ".")) for part in parts)
    except ValueError:
        raise MendRefused(_("Escreva latitude e longitude como o mapa mostra, por exemplo -22.9056, -47.0608.")) from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise MendRefused(_("A latitude vai de -90 a 90 e a longitude de -180 a 180."))
    client = _locked(client_id)
    Client.objects.filter(pk=client.pk).update(latitude=latitude, longitude=longitude)
    record_event(f"client:{client.pk}", "client.placed", by=Actor(by), after={"by": "map"})
    return client


@transaction.atomic
def set_tax_id(client_id: int, text: str, *, by: Membership) -> Client:
    """Give the client its tax id, checked as an import checks it.

    Raises
    ------
    NotAllowed
    MendRefused
        Not a tax id, or that of another client: then the two are to be merged, or one of them is wrong.
    """
    _require_admin(by)
    organization = by.organization
    try:
        number = tax_id(text, Place(organization.zone, organization.country, ""))
    except Unreadable as wrong:
        raise MendRefused(_("“%(text)s” %(reason)s.") % {"text": text[:30], "reason": wrong}) from None
    if not number:
        raise MendRefused(_("Diga o CNPJ."))
    root = number[:8] if organization.country == "BR" else ""
    twin = Client.objects.filter(tax_id_root=root, tax_id=number, merged_into=None).exclude(pk=client_id).first()
    if twin is not None:
        raise MendRefused(
            _("Este CNPJ já é de %(name)s (%(code)s). Se são a mesma empresa, mescle os dois cadastros.")
            % {"name": twin, "code": twin.code}
        )
    client = _locked(client_id)
    Client.objects.filter(pk=client.pk).update(tax_id=number, tax_id_root=root)
    refresh_words([client.pk])
    record_event(f"client:{client.pk}", "client.identified", by=Actor(by), after={"tax_id": number})
    return client


@transaction.atomic
def say_distinct(sign: str, key: str, client_ids: Sequence[int], *, by: Membership) -> None:
    """These clients look like one company and are not: remembered until another one joins them.

    Raises
    ------
    NotAllowed
    MendRefused
        Fewer than two clients.
    """
    _require_admin(by)
    known = sorted(Client.objects.filter(pk__in=client_ids).values_list("pk", flat=True))
    if len(known) < 2 or sign not in DistinctClients.Sign.values:
        raise MendRefused(_("Escolha dois clientes diferentes."))
    said = {"clients": known, "by": by}
    DistinctClients.objects.update_or_create(organization_id=by.organization_id, sign=sign, key=key[:300], defaults=said)
    record_events((Event(f"client:{pk}", "client.said_distinct", {}, {"sign": sign, "clients": known}) for pk in known), by=Actor(by))


def _locked(client_id: int) -> Client:
    client = Client.objects.select_for_update(no_key=True).filter(pk=client_id, discarded_on=None).first()
    if client is None:
        raise MendRefused(_("Este cliente não está mais na lista."))
    return client


def _require_admin(by: Membership) -> None:
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração corrige cadastros em lote."))
