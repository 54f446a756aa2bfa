"""Which representatives a member answers for, and the rows of a run that follow from it."""

from dataclasses import dataclass

from django.db.models import F, Q

from accounts.lookups import AnyOf
from accounts.models import Membership, Representative, Role
from accounts.selectors import team_ids_under
from rotation.models import Proposal


@dataclass(frozen=True)
class Reach:
    """Which representatives a member answers for; ``ids`` is None when the answer is all of them, clients of nobody included.

    ``whole`` says that ``ids`` are all the organization has: then nobody need be looked up in them, row by row.
    """

    ids: frozenset[int] | None
    decides: bool
    whole: bool = False

    def covers(self, representative_id: int | None) -> bool:
        """Whether the member may move clients from or to that representative; clients of nobody are the admin's."""
        return self.ids is None or representative_id in self.ids

    def among(self, field: str) -> Q:
        """Rows whose ``field`` names a representative within reach."""
        if self.ids is None:
            return Q()
        if self.whole:
            return Q(**{f"{field}__isnull": False})
        return Q(AnyOf(F(f"{field}_id"), sorted(self.ids)))

    def may_decide(self, proposal: Proposal) -> bool:
        """Both representatives must be within reach."""
        return self.decides and self.covers(proposal.from_representative_id) and self.covers(proposal.to_representative_id)


def reach_of(member: Membership) -> Reach:
    """The member's reach: two queries for who leads a team, none for the others."""
    decides = member.role in (Role.ADMIN, Role.MANAGER)
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Reach(None, decides)
    if member.team_id is None:
        return Reach(frozenset(), decides)
    people = dict(Representative.objects.values_list("id", "team_id"))
    teams = team_ids_under(member.team_id)
    ids = frozenset(pk for pk, team in people.items() if team in teams)
    return Reach(ids, decides, whole=len(ids) == len(people))
