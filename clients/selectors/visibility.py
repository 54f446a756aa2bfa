"""What a member may see of the clients; every page, export and API call fetches through here."""

from typing import NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet

from accounts.arrays import array
from accounts.lookups import AnyOf
from accounts.models import Membership, Role
from accounts.selectors import team_ids_under
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
_TEAMS_REACH = """
SELECT ARRAY(SELECT id FROM accounts_representative
              WHERE organization_id = %(organization)s AND team_id = ANY(%(teams)s::bigint[]) ORDER BY id),
       NOT EXISTS (SELECT FROM accounts_representative
                    WHERE organization_id = %(organization)s AND (team_id = ANY(%(teams)s::bigint[])) IS NOT TRUE)
"""
SHORT = 50


class Reach(NamedTuple):
    """Ids of the representatives whose clients a member sees, None for all clients, those of nobody included; and of
    the clients the member works with beside their representative.

    ``whole`` says that the ids are all the organization has: then no client's need be looked up in them.
    """

    representatives: list[int] | None
    beside: list[int]
    whole: bool = False


def reach_of(member: Membership) -> Reach:
    """What the member reaches now; one query, two for a manager, none for who sees all.

    A representative's own clients, those of whoever they cover for while it lasts (the absence's days are the
    organization's, by the database's clock), and those they are a named colleague for.
    """
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Reach(None, [])
    if member.role == Role.MANAGER:
        teams = array(sorted(team_ids_under(member.team_id)))
        with connection.cursor() as cursor:
            cursor.execute(_TEAMS_REACH, {"organization": active_organization_id(), "teams": teams})
            representatives, whole = cursor.fetchone()
        return Reach(representatives, [], whole)
    with connection.cursor() as cursor:
        zone = member.organization.time_zone
        cursor.execute(_REACH, {"organization": active_organization_id(), "member": member.pk, "zone": zone})
        representatives, beside = cursor.fetchone()
    return Reach(sorted(representatives), sorted(beside))


def clients_within(reach: Reach) -> QuerySet[Client]:
    """The clients of a reach as ``reach_of`` gives it."""
    if reach.representatives is None:
        return Client.objects.all()
    if reach.whole:
        return Client.objects.exclude(representative=None)
    # Ids, not a join: an IN over a short list keeps the index that starts with the representative, a join need not. A long one would
    # be spelled out number by number in each statement.
    short = len(reach.representatives) <= SHORT
    own = Q(representative_id__in=reach.representatives) if short else Q(AnyOf(F("representative_id"), reach.representatives))
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
