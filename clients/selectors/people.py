"""Who reaches a client: the other way round of ``reach_of``."""

from datetime import date

from django.db.models import Q, QuerySet

from accounts.models import Absence, Membership, Representative, Role
from accounts.selectors import team_ids_over
from clients.models import Client, Colleague


def members_reaching(client: Client, *, as_of: date) -> QuerySet[Membership]:
    """Active members who see the client on ``as_of`` and may act for it, by name; auditors see all and act for none.

    Administration, who leads the representative's team or one above it, the representative, who covers for them that
    day, and the named colleagues. Two queries: one for the tree of teams, one for the people.
    """
    found = Q(role=Role.ADMIN) | Q(role=Role.REPRESENTATIVE, pk__in=Colleague.objects.filter(client_id=client.pk).values("membership_id"))
    if client.representative_id:
        owner = Representative.objects.filter(pk=client.representative_id)
        away = Absence.objects.filter(representative_id=client.representative_id, starts_on__lte=as_of, ends_on__gt=as_of)
        team_id = owner.values_list("team_id", flat=True).first()
        found |= Q(role=Role.MANAGER, team_id__in=team_ids_over(team_id))
        found |= Q(role=Role.REPRESENTATIVE, pk__in=owner.values("membership_id"))
        found |= Q(role=Role.REPRESENTATIVE, pk__in=away.values("cover__membership_id"))
    return Membership.objects.filter(found, is_active=True).order_by("name", "pk")


def colleagues_of(client: Client) -> QuerySet[Colleague]:
    """The members named beside the client's representative, by name; one query."""
    return Colleague.objects.filter(client_id=client.pk).select_related("membership").order_by("membership__name", "pk")


def may_name_colleagues(member: Membership, client: Client) -> bool:
    """Whether ``member``, who reaches the client, says who works with it: its representative, management, administration."""
    if member.role in (Role.ADMIN, Role.MANAGER):
        return True
    if member.role != Role.REPRESENTATIVE or not client.representative_id:
        return False
    return Representative.objects.filter(pk=client.representative_id, membership_id=member.pk).exists()


def nameable_members(client: Client) -> QuerySet[Membership]:
    """Who may be named a colleague of the client: sales members who neither are one nor answer for it, by name."""
    named = Colleague.objects.filter(client_id=client.pk).values("membership_id")
    owner = Representative.objects.filter(pk=client.representative_id or 0, membership__isnull=False).values("membership_id")
    sales = Membership.objects.filter(role=Role.REPRESENTATIVE, is_active=True)
    return sales.exclude(pk__in=named).exclude(pk__in=owner).order_by("name", "pk")
