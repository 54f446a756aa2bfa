"""What a member may see of the clients; every page, export and API call fetches through here."""

from django.db.models import QuerySet

from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from clients.models import Client


def reach_of(member: Membership) -> list[int] | None:
    """Ids of the representatives whose clients the member sees; None for all clients, those of nobody included."""
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return None
    return list(representatives_visible_to(member).values_list("id", flat=True))


def clients_within(reach: list[int] | None) -> QuerySet[Client]:
    """The clients of a reach as ``reach_of`` gives it."""
    # Ids, not a join: an IN over a short list keeps the index that starts with the representative, a join need not.
    return Client.objects.all() if reach is None else Client.objects.filter(representative_id__in=reach)


def clients_visible_to(member: Membership) -> QuerySet[Client]:
    """All clients for administration and audit, the team's for a manager, one's own for a representative.

    A client nobody answers for is seen by administration and audit only.
    """
    return clients_within(reach_of(member))
