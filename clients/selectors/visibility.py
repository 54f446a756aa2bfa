"""What a member may see of the clients; every page, export and API call fetches through here."""

from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from accounts.tenancy import active_organization_id
from clients.models import Client

# Every page of a representative begins with this. In SQL: composed by the ORM anew each time, it took a fifth of the page.
_REACH = """
SELECT ARRAY(
        SELECT r.id FROM accounts_representative r
         WHERE r.organization_id = %(organization)s AND (r.membership_id = %(member)s OR EXISTS (
               SELECT FROM accounts_absence a
                 JOIN accounts_representative c ON c.organization_id = a.organization_id AND c.id = a.cover_id
                WHERE a.organization_id = r.organization_id AND a.representative_id = r.id AND c.membership_id = %(member)s
                  AND a.starts_on <= (statement_timestamp() AT TIME ZONE %(zone)s)::date
                  AND a.ends_on > (statement_timestamp() AT TIME ZONE %(zone)s)::date))),
       ARRAY(SELECT DISTINCT client_id FROM clients_colleague WHERE organization_id = %(organization)s AND membership_id = %(member)s)
"""


class Reach(NamedTuple):
    """Ids of the representatives whose clients a member sees, None for all clients, those of nobody included; and of
    the clients the member works with beside their representative.
    """

    representatives: list[int] | None
    beside: list[int]


def reach_of(member: Membership) -> Reach:
    """What the member reaches now; one query at most.

    A representative's own clients, those of whoever they cover for while it lasts (the absence's days are the
    organization's, by the database's clock), and those they are a named colleague for.
    """
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Reach(None, [])
    if member.role == Role.MANAGER:
        return Reach(list(representatives_visible_to(member).values_list("id", flat=True)), [])
    with connection.cursor() as cursor:
        zone = member.organization.time_zone
        cursor.execute(_REACH, {"organization": active_organization_id(), "member": member.pk, "zone": zone})
        representatives, beside = cursor.fetchone()
    return Reach(sorted(representatives), sorted(beside))


def clients_within(reach: Reach) -> QuerySet[Client]:
    """The clients of a reach as ``reach_of`` gives it."""
    if reach.representatives is None:
        return Client.objects.all()
    # Ids, not a join: an IN over a short list keeps the index that starts with the representative, a join need not.
    own = Q(representative_id__in=reach.representatives)
    return Client.objects.filter(own | Q(pk__in=reach.beside) if reach.beside else own)


def client_named(visible: QuerySet[Client], client_id: int) -> Client | None:
    """The client among ``visible`` that the number means: its own, or that of one merged into it since; one query, two for an alias.

    Addresses outlive a merge: they stand in kept pages, in mails, and in what a device typed without signal.
    """
    found = visible.filter(pk=client_id).first()
    if found is None or found.merged_into_id:
        return visible.filter(aliases=client_id).first() or found
    return found


def clients_visible_to(member: Membership) -> QuerySet[Client]:
    """All clients for administration and audit, the team's for a manager, one's own for a representative.

    A client nobody answers for is seen by administration and audit only.
    """
    return clients_within(reach_of(member))
