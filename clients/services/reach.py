"""Who may write about a client: whoever reaches it and does not only read."""

from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from clients.models import Client
from clients.selectors.visibility import clients_visible_to


def may_write(member: Membership) -> bool:
    """Whether the member's role writes at all; what they reach is asked apart."""
    return member.role != Role.AUDITOR


def require_reach(client: Client, by: Membership) -> None:
    """Raise NotAllowed unless ``by`` reaches the client and may write."""
    if not may_write(by) or not clients_visible_to(by).filter(pk=client.pk).exists():
        raise NotAllowed(_("Só quem atende este cliente, a gerência e a administração podem registrar aqui."))
