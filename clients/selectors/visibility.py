"""What a member may see of the clients; every page, export and API call fetches through here."""

from django.db.models import QuerySet

from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from clients.models import Client


def clients_visible_to(member: Membership) -> QuerySet[Client]:
    """All clients for administration and audit, the team's for a manager, one's own for a representative.

    A client nobody answers for is seen by administration and audit only.
    """
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Client.objects.all()
    # Ids first: an IN over a short list keeps the index that starts with the representative, a join need not.
    return Client.objects.filter(representative_id__in=list(representatives_visible_to(member).values_list("id", flat=True)))
