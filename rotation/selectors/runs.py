"""Lists of runs and of rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from rotation.models import Proposal, Rule, RuleVersion, Run, RunRule
from rotation.selectors.review import Reach

State = Proposal.State


def runs_visible_to(member: Membership) -> QuerySet[Run]:
    """Every run to those who lead or audit; none to a representative."""
    return Run.objects.all() if member.role in (Role.ADMIN, Role.MANAGER, Role.AUDITOR) else Run.objects.none()


# The runs first, as an array: a join reads the proposals of every run there ever was.
_PENDING = """
    SELECT count(*) FROM rotation_proposal WHERE organization_id = %(organization)s AND state = 'proposed' AND postponed_at IS NULL
       AND run_id = ANY(ARRAY(SELECT id FROM rotation_run WHERE organization_id = %(organization)s AND state = 'awaiting_approval'
                                                             AND kind = 'rotation' AND id <> ALL(%(counted)s::bigint[])))
"""
_PENDING_WITHIN = f"{_PENDING} AND from_representative_id = ANY(%(reach)s::bigint[]) AND to_representative_id = ANY(%(reach)s::bigint[])"


def pending_for(member: Membership, *, known: Mapping[int, int] | None = None) -> int | None:
    """Proposals that wait for this member in the runs in review; None to those who decide nothing.

    ``known`` has what the page counted already, by run: those rows are not read again.
    """
    if member.role not in (Role.ADMIN, Role.MANAGER):
        return None
    counted = dict(known or {})
    others = Run.objects.filter(state=Run.State.AWAITING, kind=Run.Kind.ROTATION).exclude(pk__in=list(counted))
    if counted and not others.exists():
        return sum(counted.values()) or None
    reach = sorted(representatives_visible_to(member).values_list("pk", flat=True)) if member.role == Role.MANAGER else None
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"organization": member.organization_id, "reach": reach, "counted": list(counted)}
        cursor.execute(_PENDING_WITHIN if reach is not None else _PENDING, values)
        return cursor.fetchone()[0] + sum(counted.values()) or None


@dataclass
class RunLine:
    """One run of the list with its counts, over the rows the member may see. Money in cents."""

    run: Run
    rules: list[RunRule]
    pending: int = 0
    approved: int = 0
    rejected: int = 0
    applied: int = 0
    stale: int = 0
    total: int = 0
    revenue_cents: int = 0

    @property
    def decided(self) -> int:
        return self.total - self.pending


def run_lines(runs: QuerySet[Run], reach: Reach, *, most: int = 50) -> list[RunLine]:
    """The latest runs, each with its rules and counts; three queries, however many runs."""
    rules = RunRule.objects.select_related("rule_version__rule").defer("rule_version__definition").order_by("position")
    found = list(runs.select_related("started_by").prefetch_related(Prefetch("rules", rules)).order_by("-created_at", "-id")[:most])
    lines = {run.pk: RunLine(run, list(run.rules.all())) for run in found}
    proposals = Proposal.objects.filter(run__in=list(lines)).exclude(state=State.WITHHELD)
    counted = (
        proposals.filter(reach.among("from_representative"))
        .order_by()
        .values("run_id")
        .annotate(
            pending=Count("id", filter=Q(state=State.PROPOSED)),
            approved=Count("id", filter=Q(state=State.APPROVED)),
            rejected=Count("id", filter=Q(state=State.REJECTED)),
            applied=Count("id", filter=Q(state=State.APPLIED)),
            stale=Count("id", filter=Q(state=State.STALE)),
            total=Count("id"),
            revenue_cents=Sum("net_12m_cents"),
        )
    )
    for row in counted:
        counts: dict[str, Any] = dict(row)
        line = lines[counts.pop("run_id")]
        for name, value in counts.items():
            setattr(line, name, int(value or 0))
    return list(lines.values())


@dataclass
class RuleLine:
    """One rule of the list: the version in force, the draft, the last run that used it."""

    rule: Rule
    in_force: RuleVersion | None
    draft: RuleVersion | None
    last_run: RunRule | None
    trial: RuleVersion | None = None
    next_at: datetime | None = None


def rule_lines() -> list[RuleLine]:
    """The rules not archived, in their order; three queries, however many rules."""
    current = RuleVersion.objects.filter(state__in=[RuleVersion.State.PUBLISHED, RuleVersion.State.DRAFT, RuleVersion.State.CANARY])
    latest = RunRule.objects.filter(rule_version__rule=OuterRef("pk")).order_by("-run__created_at").values("id")[:1]
    rules = list(
        Rule.objects.filter(archived_at=None)
        .prefetch_related(Prefetch("versions", current, to_attr="current"))
        .annotate(latest=Subquery(latest))
        .order_by("position", "id")
    )
    used = RunRule.objects.select_related("run").in_bulk([rule.latest for rule in rules if rule.latest])
    lines = []
    for rule in rules:
        by_state = {version.state: version for version in rule.current}
        lines.append(
            RuleLine(
                rule,
                by_state.get(RuleVersion.State.PUBLISHED),
                by_state.get(RuleVersion.State.DRAFT),
                used.get(rule.latest),
                by_state.get(RuleVersion.State.CANARY),
            )
        )
    return lines


def versions_in_force(*, active: bool = False) -> list[RuleVersion]:
    """Of each rule not archived the published version, else the one on trial, in the order of the rules; one query."""
    found = RuleVersion.objects.filter(state__in=[RuleVersion.State.PUBLISHED, RuleVersion.State.CANARY], rule__archived_at=None)
    if active:
        found = found.filter(rule__is_active=True)
    # "published" comes before "canary" from the end of the alphabet
    ordered = found.select_related("rule").order_by("rule__position", "rule_id", "-state")
    return list({version.rule_id: version for version in reversed(ordered)}.values())[::-1]


def run_rules_for(rules: Sequence[Rule]) -> list[RunRule]:
    """What a run of these rules would use, not saved: of a rule on trial, the trial inside its team and the rest outside it.

    A rule with neither a published version nor one on trial has no line. One query.
    """
    found: dict[int, dict[str, RuleVersion]] = {}
    current = [RuleVersion.State.PUBLISHED, RuleVersion.State.CANARY]
    for version in RuleVersion.objects.filter(rule__in=rules, state__in=current).select_related("rule"):
        found.setdefault(version.rule_id, {})[version.state] = version
    lines = []
    for rule in sorted(rules, key=lambda each: (each.position, each.pk)):
        versions = found.get(rule.pk, {})
        trial, published = versions.get(RuleVersion.State.CANARY), versions.get(RuleVersion.State.PUBLISHED)
        if trial:
            lines.append(RunRule(rule_version=trial, side=RunRule.Side.CANARY, team_id=trial.canary_team_id))
        if published:
            side = RunRule.Side.REST if trial else RunRule.Side.WHOLE
            lines.append(RunRule(rule_version=published, side=side, team_id=trial.canary_team_id if trial else None))
    return lines


def versions_of(rule: Rule) -> QuerySet[RuleVersion]:
    """Every version of a rule, the newest first, with who made and who published it."""
    return RuleVersion.objects.filter(rule=rule).select_related("created_by", "published_by").order_by("-number")
