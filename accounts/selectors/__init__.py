"""Reads about people and organizations."""

from datetime import date, datetime
from functools import cache

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import Absence, Membership, Notice, Organization, Representative, Role, Session, Team
from accounts.tenancy import active_organization_id


def membership_in(slug: str, *, user_id: int) -> Membership | None:
    """The person's active membership of the organization with that slug, or None. Needs ``identity_atomic(user_id=...)``."""
    # In SQL: every page begins with it, and composing it through the ORM took a tenth of the list of clients.
    with connection.cursor() as cursor:
        cursor.execute(_membership_query(), [slug, user_id])
        row = cursor.fetchone()
    if row is None:
        return None
    fields = [field.attname for field in Membership._meta.concrete_fields]
    membership = Membership.from_db(connection.alias, fields, row[: len(fields)])
    theirs = [field.attname for field in Organization._meta.concrete_fields]
    membership.organization = Organization.from_db(connection.alias, theirs, row[len(fields) :])
    return membership


@cache
def _membership_query() -> str:
    """Parameters: the organization's slug, the user's id."""
    columns = [f'm."{field.column}"' for field in Membership._meta.concrete_fields]
    columns += [f'o."{field.column}"' for field in Organization._meta.concrete_fields]
    return (
        f"SELECT {', '.join(columns)} FROM accounts_organization o JOIN accounts_membership m ON m.organization_id = o.id"  # noqa: S608 - our own columns
        " WHERE o.slug = %s AND m.user_id = %s AND m.is_active AND o.suspended_at IS NULL"
    )


def was_member(slug: str, *, user_id: int) -> bool:
    """Whether the person's membership of that organization was deactivated. Needs ``identity_atomic(user_id=...)``."""
    return Membership.identities.filter(user_id=user_id, is_active=False, organization__slug=slug).exists()


def memberships_of(user_id: int) -> QuerySet[Membership]:
    """The person's active memberships, organizations joined, by name. Needs ``identity_atomic(user_id=...)``."""
    return (
        Membership.identities.select_related("organization")
        .filter(user_id=user_id, is_active=True, organization__suspended_at=None)
        .order_by("organization__name")
    )


def local_day(organization: Organization, *, at: datetime) -> date:
    """The organization's own day at that instant."""
    return at.astimezone(organization.zone).date()


def team_ids_under(team_id: int | None) -> list[int]:
    """The team and every team below it; one query. An empty list for None."""
    if team_id is None:
        return []
    children: dict[int | None, list[int]] = {}
    for child, parent in Team.objects.values_list("id", "parent_id"):
        children.setdefault(parent, []).append(child)
    found, queue = [], [team_id]
    while queue:
        current = queue.pop()
        if current not in found:
            found.append(current)
            queue.extend(children.get(current, []))
    return found


def top_teams() -> dict[int, int]:
    """Of each team, the one at the top of its branch: itself where it is under none; one query."""
    parents = dict(Team.objects.values_list("id", "parent_id"))
    found = {}
    for team_id in parents:
        seen, top = {team_id}, team_id
        while (above := parents.get(top)) is not None and above not in seen:
            seen.add(above)
            top = above
        found[team_id] = top
    return found


def team_ids_over(team_id: int | None) -> list[int]:
    """The team and every team above it, nearest first; one query. An empty list for None."""
    if team_id is None:
        return []
    parents = dict(Team.objects.values_list("id", "parent_id"))
    found: list[int] = []
    while team_id is not None and team_id not in found:
        found.append(team_id)
        team_id = parents.get(team_id)
    return found


def representatives_visible_to(member: Membership) -> QuerySet[Representative]:
    """Representatives whose work the member may see: all, the team's subtree, or one's own."""
    everyone = Representative.objects.all()
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return everyone
    if member.role == Role.MANAGER:
        return everyone.filter(team_id__in=team_ids_under(member.team_id))
    return everyone.filter(membership_id=member.pk)


def absences_among(people: QuerySet[Representative]) -> QuerySet[Absence]:
    """Absences in which one of ``people`` is away or covers, whenever they are; both joined, the first to begin first."""
    involved = Q(representative__in=people) | Q(cover__in=people)
    return Absence.objects.filter(involved).select_related("representative", "cover").order_by("starts_on", "pk")


def notices_of(member: Membership) -> QuerySet[Notice]:
    """The member's own notices, newest first."""
    return Notice.objects.filter(membership_id=member.pk).order_by("-created_at", "-id")


def unread_notices(member: Membership) -> QuerySet[Notice]:
    """Those of the member's notices that wait to be read."""
    return Notice.objects.filter(membership_id=member.pk, read_at=None)


def unread_count(member: Membership) -> int:
    """How many notices wait for the member. In SQL, because every page shows it; the same rows as ``unread_notices``."""
    with connection.cursor() as cursor:
        query = "SELECT count(*) FROM accounts_notice WHERE organization_id = %s AND membership_id = %s AND read_at IS NULL"
        cursor.execute(query, [active_organization_id(), member.pk])
        return int(cursor.fetchone()[0])


def sessions_of(user_id: int, *, at: datetime) -> QuerySet[Session]:
    """The person's sessions that have not expired, last used first."""
    return Session.objects.filter(user_id=user_id, expire_date__gt=at).order_by("-seen_at")
