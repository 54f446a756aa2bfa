"""Who works with a client beside its representative: named, and taken off again."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Notice, Role
from accounts.services import Actor, notify, record_event
from clients.models import Client, Colleague
from clients.selectors.people import may_name_colleagues, nameable_members
from clients.selectors.visibility import clients_visible_to


class NotNameable(DomainError):
    """The member cannot be named a colleague of the client; the sentence says why."""

    code = "not_nameable"


@transaction.atomic
def name_colleague(client: Client, member: Membership, part: str, *, by: Membership, on: date) -> Colleague:
    """Name ``member`` a colleague of the client, or give them another part in it. Saying the same again changes nothing.

    Raises
    ------
    NotAllowed
        ``by`` is neither its representative nor leads them nor administers.
    NotNameable
        The member is not of sales, left, or answers for the client already.
    """
    client = _locked(client, by)
    if part not in Colleague.Part.values:
        raise NotNameable(_("Escolha o papel do colega."))
    held = Colleague.objects.filter(client_id=client.pk, membership_id=member.pk).first()
    if held and held.part == part:
        return held
    before = {"member": member.pk, "part": held.part} if held else {}
    if held:
        held.part = part
        held.save(update_fields=["part"])
    else:
        if not nameable_members(client).filter(pk=member.pk).exists():
            raise NotNameable(_("%(name)s já alcança este cliente, ou não é de vendas. Escolha outra pessoa.") % {"name": member.name})
        held = Colleague.objects.create(organization_id=client.organization_id, client=client, membership=member, part=part, since=on)
    record_event(f"client:{client.pk}", "colleague.named", by=Actor(by), before=before, after={"member": member.pk, "part": part})
    if member.pk != by.pk:
        facts = {"client": client.pk, "name": str(client), "part": part, "by": by.name}
        notify([member.pk], Notice.Kind.COLLEAGUE_NAMED, key=f"colleague:{held.pk}:{part}", facts=facts)
    return held


@transaction.atomic
def take_off_colleague(colleague: Colleague, *, by: Membership) -> None:
    """The member works with the client no longer; who may name them may, and they themselves.

    Raises
    ------
    NotAllowed
    """
    client = colleague.client
    if colleague.membership_id != by.pk:
        _locked(client, by)
    elif by.role == Role.AUDITOR:
        raise NotAllowed(_("Quem audita não altera nada."))
    gone, _kinds = Colleague.objects.filter(pk=colleague.pk).delete()
    if gone:
        before = {"member": colleague.membership_id, "part": colleague.part}
        record_event(f"client:{client.pk}", "colleague.taken_off", by=Actor(by), before=before)


def _locked(client: Client, by: Membership) -> Client:
    """The client, locked against two people naming at once, if ``by`` may name its colleagues."""
    found = clients_visible_to(by).filter(pk=client.pk).exists()
    if not found or by.role == Role.AUDITOR or not by.is_active or not may_name_colleagues(by, client):
        raise NotAllowed(_("Só quem atende o cliente, a gerência e a administração dizem quem mais o acompanha."))
    return Client.objects.select_for_update(no_key=True).get(pk=client.pk)
