"""How many proposals of a run are alike, read from the tally kept as they are written: no page counts them again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import connection

from accounts.arrays import array
from accounts.models import Membership, Role
from accounts.tenancy import active_organization_id
from rotation.models import Run
from rotation.selectors.filters import in_tab
from rotation.selectors.reach import Reach, reach_of


class Kind(NamedTuple):
    """The rows of a run that no tab tells apart, counted: all that tabs, headings and groups by rule add up from.

    ``within`` says whether both representatives are in the member's reach; None where the tally does not tell receivers apart:
    of rows somebody decided, to a member who answers for some of the representatives. Money in cents, distances summed in km;
    ``km_from`` counts rows where both distances are known, ``km_to`` those where the second is.
    """

    state: str
    postponed: bool
    caution: bool
    abc: str
    rule_version_id: int | None
    within: bool | None
    n: int
    net_12m_cents: int
    km_from: float
    n_km_from: int
    km_to: float
    n_km_to: int

    def is_in(self, tab: str) -> bool:
        return in_tab(tab, state=self.state, postponed=self.postponed, caution=self.caution, abc=self.abc)


_WITHIN = "CASE WHEN state = 'proposed' THEN to_representative_id = ANY(%(reach)s::bigint[]) END"
_ORIGIN = "AND from_representative_id = ANY(%(reach)s::bigint[])"
_KINDS = """
    SELECT state, postponed, caution, abc, nullif(rule_version_id, 0), {within}, sum(n)::bigint, sum(net_12m_cents)::bigint,
           sum(m_from) / 1000.0::float8, sum(n_from)::bigint, sum(m_to) / 1000.0::float8, sum(n_to)::bigint
      FROM rotation_proposaltally WHERE organization_id = %(organization)s AND run_id = %(run)s AND state <> 'withheld' {origin}
     GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0
"""


def kinds_of(run: Run, reach: Reach) -> list[Kind]:
    """The run's rows in the member's sight, counted by kind: a few dozen kinds at most; one query.

    What it reads grows with the pairs of representatives the run moves clients between, not with the clients.
    """
    values: dict[str, Any] = {"organization": run.organization_id, "run": run.pk}
    if reach.ids is None:
        within, origin = "true", ""
    elif reach.whole:
        within, origin = "placed", "AND from_representative_id <> 0"
    else:
        within, origin, values["reach"] = _WITHIN, _ORIGIN, array(sorted(reach.ids))
    with connection.cursor() as cursor:
        cursor.execute(_KINDS.format(within=within, origin=origin), values)
        return [Kind(*row) for row in cursor.fetchall()]


_IN_REVIEW = """SELECT id FROM rotation_run WHERE organization_id = %(organization)s AND state = 'awaiting_approval' AND kind = 'rotation'
                                       AND id <> ALL(%(counted)s::bigint[])"""
_PENDING = f"""
    SELECT coalesce(sum(n), 0)::bigint FROM rotation_proposaltally
     WHERE organization_id = %(organization)s AND run_id = ANY(ARRAY({_IN_REVIEW})) AND state = 'proposed' AND NOT postponed
"""  # noqa: S608 - constants of this module
_PENDING_WITHIN = f"{_PENDING} {_ORIGIN} AND to_representative_id = ANY(%(reach)s::bigint[])"


def pending_for(member: Membership, *, known: Mapping[int, int] | None = None) -> int | None:
    """Proposals that wait for this member in the runs in review; None to those who decide nothing.

    ``known`` has what the page counted already, by run: those runs are not asked for again.
    """
    if member.role not in (Role.ADMIN, Role.MANAGER):
        return None
    counted = dict(known or {})
    values: dict[str, Any] = {"organization": active_organization_id(), "counted": array(counted)}
    with connection.cursor() as cursor:
        if counted:
            cursor.execute(_IN_REVIEW, values)
            if not cursor.fetchone():
                return sum(counted.values()) or None
        reach, statement = reach_of(member), _PENDING
        if reach.whole:
            statement = f"{_PENDING} AND from_representative_id <> 0 AND placed"
        elif reach.ids is not None:
            statement, values["reach"] = _PENDING_WITHIN, array(sorted(reach.ids))
        cursor.execute(statement, values)
        return sum(counted.values()) + cursor.fetchone()[0] or None
