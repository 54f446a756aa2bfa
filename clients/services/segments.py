"""Keeps, renames and drops saved filters."""

from typing import Any

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from clients.errors import SegmentRefused
from clients.models import Segment
from clients.selectors.client_filter import ClientFilter

SHARES = frozenset({Role.ADMIN, Role.MANAGER})
UNDO_SECONDS = 3600
_SALT = "clients.segment"


def may_change(segment: Segment, member: Membership) -> bool:
    """One's own; those of everyone by who leads. An auditor changes nothing."""
    if member.role == Role.AUDITOR:
        return False
    return segment.owner_id == member.pk or (segment.owner_id is None and member.role in SHARES)


def save_segment(name: str, wanted: ClientFilter, *, shared: bool, by: Membership) -> Segment:
    """Keep a filter under a name, for oneself or for everyone.

    Raises
    ------
    NotAllowed
        An auditor, or a representative sharing with everyone.
    SegmentRefused
        No name, a name already in use, or a filter that narrows nothing.
    """
    if by.role == Role.AUDITOR or (shared and by.role not in SHARES):
        raise NotAllowed(_("Só a gerência e a administração salvam segmentos para todos."))
    definition = wanted.definition()
    if not definition:
        raise SegmentRefused(_("Escolha ao menos um filtro antes de salvar; a busca por nome não conta."))
    return _written(_named(name), definition, None if shared else by.pk, by=by, action="segment.saved")


def rename_segment(segment: Segment, name: str, *, by: Membership) -> None:
    """Give it another name.

    Raises
    ------
    NotAllowed, SegmentRefused
        As ``save_segment``.
    """
    _require(segment, by)
    before, name = segment.name, _named(name)
    segment.name = name
    try:
        with transaction.atomic():
            segment.save(update_fields=["name"])
            record_event(f"segment:{segment.pk}", "segment.renamed", by=Actor(by), before={"name": before}, after={"name": name})
    except IntegrityError:
        segment.name = before
        raise SegmentRefused(_("Já existe um segmento “%(name)s”. Use outro nome.") % {"name": name}) from None


@transaction.atomic
def delete_segment(segment: Segment, *, by: Membership) -> str:
    """Drop it; returns the words that bring it back for an hour, signed, for ``restore_segment``.

    Raises
    ------
    NotAllowed
        The segment is not the member's to change.
    """
    _require(segment, by)
    kept = {"organization": by.organization_id, "by": by.pk, "name": segment.name, "owner": segment.owner_id}
    token = signing.dumps(kept | {"definition": segment.definition}, salt=_SALT, compress=True)
    record_event(f"segment:{segment.pk}", "segment.deleted", by=Actor(by), before={"name": segment.name, "definition": segment.definition})
    segment.delete()
    return token


def restore_segment(token: str, *, by: Membership) -> Segment:
    """Take back a deletion of one's own within the hour.

    Raises
    ------
    SegmentRefused
        The token is not ours, is another person's, has run out, or the name was used again meanwhile.
    """
    try:
        kept = signing.loads(token, salt=_SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        kept = {}
    if kept.get("organization") != by.organization_id or kept.get("by") != by.pk or by.role == Role.AUDITOR:
        raise SegmentRefused(_("Não dá mais para desfazer. Salve o segmento de novo."))
    return _written(kept["name"], kept["definition"], kept["owner"], by=by, action="segment.restored")


def _require(segment: Segment, by: Membership) -> None:
    if not may_change(segment, by):
        raise NotAllowed(_("Só quem salvou o segmento pode mudá-lo; os de todos, a gerência e a administração."))


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise SegmentRefused(_("Dê um nome ao segmento."))
    if len(name) > 80:
        raise SegmentRefused(_("O nome tem %(n)s caracteres; o máximo é 80.") % {"n": len(name)})
    return name


def _written(name: str, definition: dict[str, Any], owner_id: int | None, *, by: Membership, action: str) -> Segment:
    try:
        with transaction.atomic():
            made = Segment.objects.create(organization_id=by.organization_id, name=name, definition=definition, owner_id=owner_id)
            record_event(f"segment:{made.pk}", action, by=Actor(by), after={"name": name, "definition": definition, "owner": owner_id})
    except IntegrityError:
        raise SegmentRefused(_("Já existe um segmento “%(name)s”. Use outro nome.") % {"name": name}) from None
    return made
