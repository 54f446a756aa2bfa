"""What a member may see of the clients; every page, export and API call fetches through here."""

from collections import defaultdict
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Now, TruncDate

from accounts.models import Absence, Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from clients.models import Client, Colleague


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
    # One statement for both: every page of a representative begins with it.
    own = Representative.objects.filter(Q(membership_id=member.pk) | Q(Exists(_covered_by(member)))).values_list(Value("of"), "id")
    beside = Colleague.objects.filter(membership_id=member.pk).values_list(Value("at"), "client_id")
    found: dict[str, list[int]] = defaultdict(list)
    for kind, number in own.union(beside, all=True):
        found[kind].append(number)
    return Reach(sorted(found["of"]), sorted(found["at"]))


def _covered_by(member: Membership) -> QuerySet[Absence]:
    today = TruncDate(Now(), tzinfo=member.organization.zone)
    away = Absence.objects.filter(representative=OuterRef("pk"), cover__membership_id=member.pk)
    return away.annotate(today=today).filter(starts_on__lte=F("today"), ends_on__gt=F("today"))


def clients_within(reach: Reach) -> QuerySet[Client]:
    """The clients of a reach as ``reach_of`` gives it."""
    if reach.representatives is None:
        return Client.objects.all()
    # Ids, not a join: an IN over a short list keeps the index that starts with the representative, a join need not.
    own = Q(representative_id__in=reach.representatives)
    return Client.objects.filter(own | Q(pk__in=reach.beside) if reach.beside else own)


def clients_visible_to(member: Membership) -> QuerySet[Client]:
    """All clients for administration and audit, the team's for a manager, one's own for a representative.

    A client nobody answers for is seen by administration and audit only.
    """
    return clients_within(reach_of(member))
