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

# What a line of a run adds: ``v`` names the run, its instant of computing, the version and since when it is watched.
COUNTED = """
      SELECT count(*) FILTER (WHERE p.state = 'rejected' AND p.decided_at >= v.since) AS rejected,
             count(*) FILTER (WHERE p.state IN ('approved', 'applied', 'stale', 'rejected') AND p.decided_at >= v.since) AS decided,
             count(*) FILTER (WHERE p.state <> 'withheld' AND p.caveats <> '{}' AND v.computed_at >= v.since) AS caveats,
             count(*) FILTER (WHERE p.state <> 'withheld' AND v.computed_at >= v.since) AS proposed,
             count(*) FILTER (WHERE p.state = 'applied' AND p.applied_at >= v.since) AS applied,
             greatest(max(p.decided_at), max(p.applied_at), v.computed_at) AS last
        FROM rotation_proposal p
       WHERE p.organization_id = %(organization)s AND p.run_id = v.run_id AND p.rule_version_id = v.version_id
"""
UNDONE = """
      SELECT count(*) AS undone
        FROM rotation_proposal p
        JOIN portfolio_ownership o ON o.organization_id = %(organization)s AND o.proposal_id = p.id
        JOIN portfolio_ownership back ON back.organization_id = %(organization)s AND back.client_id = p.client_id
                                     AND back.seq = o.seq + 1 AND back.source IN ('reversal', 'manual')
                                     AND back.started_on <= o.started_on + %(days)s
       WHERE p.organization_id = %(organization)s AND p.run_id = v.run_id AND p.rule_version_id = v.version_id
         AND p.state = 'applied' AND p.applied_at >= v.since
"""
# A line of a run that has ended adds what services/watch.py keeps of it; rows are read of the others, and of a run that was under way
# when the watch began: what is read grows with the runs that are open, not with the nights since the version was published.
_SQL = f"""
    WITH line AS MATERIALIZED (
      SELECT l.rule_version_id AS version_id, l.run_id, l.counts, r.computed_at,
             coalesce(w.watched_since, w.published_at, '-infinity') AS since
        FROM rotation_runrule l
        JOIN rotation_run r ON r.organization_id = %(organization)s AND r.id = l.run_id
        JOIN rotation_ruleversion w ON w.organization_id = %(organization)s AND w.id = l.rule_version_id
       WHERE l.organization_id = %(organization)s AND l.rule_version_id = ANY(%(versions)s)),
    kept AS MATERIALIZED (
      SELECT v.*, (v.counts->>'last')::timestamptz < v.since AS before, v.computed_at >= v.since AND v.counts IS NOT NULL AS whole
        FROM line v),
    summed AS (
      SELECT version_id, (counts->>'rejected')::bigint AS rejected, (counts->>'decided')::bigint AS decided,
             (counts->>'caveats')::bigint AS caveats, (counts->>'proposed')::bigint AS proposed, (counts->>'applied')::bigint AS applied,
             coalesce((counts->>'undone')::bigint, 0) AS undone
        FROM kept WHERE whole
      UNION ALL
      SELECT v.version_id, c.rejected, c.decided, c.caveats, c.proposed, c.applied, 0
        FROM kept v CROSS JOIN LATERAL ({COUNTED}) c WHERE NOT v.whole AND v.before IS NOT TRUE
      UNION ALL
      SELECT v.version_id, 0, 0, 0, 0, 0, u.undone
        FROM kept v CROSS JOIN LATERAL ({UNDONE}) u WHERE v.before IS NOT TRUE AND NOT (v.whole AND v.counts ? 'undone')),
    decided AS (
      SELECT version_id AS id, sum(rejected)::bigint AS rejected, sum(decided)::bigint AS decided, sum(caveats)::bigint AS caveats,
             sum(proposed)::bigint AS proposed, sum(applied)::bigint AS applied, sum(undone)::bigint AS undone
        FROM summed GROUP BY version_id),
    alone AS (
      SELECT t.rule_version_id AS id, count(*) FILTER (WHERE t.ordered) AS ordered, count(*) AS control
        FROM rotation_ruleversion v
        JOIN rotation_outcome t ON t.organization_id = %(organization)s AND t.rule_id = v.rule_id AND t.rule_version_id = v.id
                               AND t.arm = 'control' AND t.measured_at >= coalesce(v.watched_since, v.published_at, '-infinity')
       WHERE v.organization_id = %(organization)s AND v.id = ANY(%(versions)s)
       GROUP BY t.rule_version_id)
    SELECT v.id, coalesce(d.rejected, 0), coalesce(d.decided, 0), coalesce(d.undone, 0), coalesce(d.applied, 0),
           coalesce(d.caveats, 0), coalesce(d.proposed, 0), coalesce(a.ordered, 0), coalesce(a.control, 0)
      FROM unnest(%(versions)s) AS v(id) LEFT JOIN decided d ON d.id = v.id LEFT JOIN alone a ON a.id = v.id
"""  # noqa: S608 - constants of this module


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
