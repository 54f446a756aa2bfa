"""Guard figures: what says that a version does harm, counted from when it is watched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.tenancy import active_organization_id
from rotation.models import RuleVersion

# Figure -> (share above which the rule stops, cases below which it says nothing).
LIMITS: dict[str, tuple[float, int]] = {
    "rejected": (0.40, 20),
    "undone": (0.10, 20),
    "caveats": (0.50, 20),
    "false_alarm": (0.60, 20),
}
# A move taken back within this many days, by a reversal or by hand, was not wanted.
TAKEN_BACK_DAYS = 30

_SQL = """
    WITH version AS (
      SELECT v.id, coalesce(v.watched_since, v.published_at, '-infinity') AS since FROM rotation_ruleversion v
      WHERE v.organization_id = %(organization)s AND v.id = ANY(%(versions)s)),
    decided AS (
      SELECT p.rule_version_id AS id,
             count(*) FILTER (WHERE p.state = 'rejected' AND p.decided_at >= v.since) AS rejected,
             count(*) FILTER (WHERE p.state IN ('approved', 'applied', 'stale', 'rejected') AND p.decided_at >= v.since) AS decided,
             count(*) FILTER (WHERE p.state <> 'withheld' AND p.caveats <> '{}' AND r.computed_at >= v.since) AS caveats,
             count(*) FILTER (WHERE p.state <> 'withheld' AND r.computed_at >= v.since) AS proposed,
             count(*) FILTER (WHERE p.state = 'applied' AND p.applied_at >= v.since) AS applied
      FROM version v
      JOIN rotation_proposal p ON p.organization_id = %(organization)s AND p.rule_version_id = v.id
      JOIN rotation_run r ON r.organization_id = %(organization)s AND r.id = p.run_id
      GROUP BY p.rule_version_id),
    undone AS (
      SELECT p.rule_version_id AS id, count(*) AS undone
      FROM version v
      JOIN rotation_proposal p ON p.organization_id = %(organization)s AND p.rule_version_id = v.id AND p.state = 'applied'
                              AND p.applied_at >= v.since
      JOIN portfolio_ownership o ON o.organization_id = %(organization)s AND o.proposal_id = p.id
      JOIN portfolio_ownership back ON back.organization_id = %(organization)s AND back.client_id = p.client_id
                                   AND back.seq = o.seq + 1 AND back.source IN ('reversal', 'manual')
                                   AND back.started_on <= o.started_on + %(days)s
      GROUP BY p.rule_version_id),
    alone AS (
      SELECT t.rule_version_id AS id, count(*) FILTER (WHERE t.ordered) AS ordered, count(*) AS control
      FROM version v
      JOIN rotation_outcome t ON t.organization_id = %(organization)s AND t.rule_version_id = v.id AND t.arm = 'control'
                             AND t.measured_at >= v.since
      GROUP BY t.rule_version_id)
    SELECT v.id, coalesce(d.rejected, 0), coalesce(d.decided, 0), coalesce(u.undone, 0), coalesce(d.applied, 0),
           coalesce(d.caveats, 0), coalesce(d.proposed, 0), coalesce(a.ordered, 0), coalesce(a.control, 0)
    FROM version v LEFT JOIN decided d ON d.id = v.id LEFT JOIN undone u ON u.id = v.id LEFT JOIN alone a ON a.id = v.id
"""


@dataclass(frozen=True)
class GuardFigure:
    """One share of a version's cases against its limit. ``false_alarm``: clients left alone that ordered all the same."""

    name: str
    hits: int
    cases: int
    limit: float
    least: int

    @property
    def value(self) -> float | None:
        """The share; None while too few cases say nothing."""
        return self.hits / self.cases if self.cases >= self.least else None

    @property
    def broken(self) -> bool:
        return self.value is not None and self.value > self.limit

    def as_json(self) -> dict[str, Any]:
        return {"figure": self.name, "hits": self.hits, "cases": self.cases, "limit": self.limit}


def guard_figures(versions: Sequence[RuleVersion]) -> Mapping[int, list[GuardFigure]]:
    """Each version's figures, in the order of ``LIMITS``; one query, however many versions."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL,
            {"organization": active_organization_id(), "versions": [version.pk for version in versions], "days": TAKEN_BACK_DAYS},
        )
        counted = {row[0]: row[1:] for row in cursor.fetchall()}
    found = {}
    for version in versions:
        counts = counted.get(version.pk, (0,) * 8)
        found[version.pk] = [
            GuardFigure(name, counts[2 * i], counts[2 * i + 1], float(version.guard_limits.get(name, limit)), least)
            for i, (name, (limit, least)) in enumerate(LIMITS.items())
        ]
    return found
