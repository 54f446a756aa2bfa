"""Who may approve what a rule proposes: the rule's own ``approval.mode``, over what roles allow already."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.models import Membership, Representative, Role
from rotation.models import Proposal, RuleVersion

# What keeps a row from being approved by this member.
NEEDS_ADMIN, NEEDS_SUPERVISOR = "needs_admin", "needs_supervisor"
TWO_PEOPLE = "two_people"


def modes_of(version_ids: set[int | None]) -> dict[int | None, str]:
    """Approval mode of each version; one query."""
    found = RuleVersion.objects.filter(pk__in=[pk for pk in version_ids if pk]).values_list("pk", "definition__approval__mode")
    return {pk: mode or "manager" for pk, mode in found}


def kept_from(rows: Sequence[Mapping[str, Any]], by: Membership) -> dict[int, str]:
    """Proposal id -> why this member may not approve it; what they may is absent. Two queries at most.

    ``manager`` and ``two_people`` add nothing to the roles; ``admin`` leaves approving to the administration;
    ``supervisor`` to who leads the losing representative's own team, not to those above (or to the administration).
    """
    if by.role == Role.ADMIN or not rows:
        return {}
    modes = modes_of({row["rule_version_id"] for row in rows})
    teams: dict[int, int | None] = {}
    if "supervisor" in modes.values():
        owners = {row["from_representative_id"] for row in rows}
        teams = dict(Representative.objects.filter(pk__in=owners - {None}).values_list("pk", "team_id"))
    kept = {}
    for row in rows:
        mode = modes.get(row["rule_version_id"], "manager")
        if mode == "admin":
            kept[row["id"]] = NEEDS_ADMIN
        elif mode == "supervisor" and teams.get(row["from_representative_id"]) != by.team_id:
            kept[row["id"]] = NEEDS_SUPERVISOR
    return kept


def approved_alone(approved: QuerySet[Proposal], by: Membership) -> bool:
    """Whether a rule that asks for two people has proposals ``by`` approved, who now asks to apply them. One query."""
    return approved.filter(decided_by=by, rule_version__definition__approval__mode=TWO_PEOPLE).exists()
