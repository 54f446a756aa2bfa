"""Lists of runs and of rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from accounts.models import Membership, Role
from rotation.models import Proposal, ProposalTally, Rule, RuleVersion, Run, RunRule
from rotation.selectors.reach import Reach

State = Proposal.State


def runs_visible_to(member: Membership) -> QuerySet[Run]:
    """Every run to those who lead or audit; none to a representative."""
    return Run.objects.all() if member.role in (Role.ADMIN, Role.MANAGER, Role.AUDITOR) else Run.objects.none()


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


_COUNTED = {
    State.PROPOSED: "pending",
    State.APPROVED: "approved",
    State.REJECTED: "rejected",
    State.APPLIED: "applied",
    State.STALE: "stale",
}


def _origin_within(reach: Reach) -> Q:
    """What ``reach.among`` asks of a proposal's giver, asked of a tally: there 0 stands for nobody."""
    if reach.ids is None:
        return Q()
    return ~Q(from_representative_id=0) if reach.whole else reach.among("from_representative")


def run_lines(runs: QuerySet[Run], reach: Reach, *, most: int = 50) -> list[RunLine]:
    """The latest runs, each with its rules and counts; three queries, however many runs."""
    rules = RunRule.objects.select_related("rule_version__rule").defer("rule_version__definition").order_by("position")
    found = list(runs.select_related("started_by").prefetch_related(Prefetch("rules", rules)).order_by("-created_at", "-id")[:most])
    lines = {run.pk: RunLine(run, list(run.rules.all())) for run in found}
    counted = ProposalTally.objects.filter(run__in=list(lines)).exclude(state=State.WITHHELD).filter(_origin_within(reach))
    columns = counted.order_by().values_list("run_id", "state").annotate(n_alike=Sum("n"), cents=Sum("net_12m_cents"))
    for run_id, state, n, cents in columns:
        line = lines[run_id]
        if state in _COUNTED:
            setattr(line, _COUNTED[state], int(n))
        line.total += int(n)
        line.revenue_cents += int(cents)
    return list(lines.values())


def line_of_day(rule_set: str, as_of: date, reach: Reach) -> RunLine | None:
    """The run of these rules on that day, in whose place no other can be started; None where there is none, or it was cancelled."""
    latest = Run.objects.filter(rule_set=rule_set, as_of=as_of).order_by("-attempt").first()
    if latest is None or latest.state == Run.State.CANCELLED:
        return None
    return run_lines(Run.objects.filter(pk=latest.pk), reach)[0]


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


@dataclass
class VersionResult:
    """What came of a version so far, over all runs that were not cancelled: their number, and what it proposed by what became of it."""

    runs: int = 0
    proposed: int = 0
    pending: int = 0
    rejected: int = 0
    applied: int = 0


def version_results(versions: Sequence[RuleVersion]) -> dict[int, VersionResult]:
    """The results of each version by its id; two queries, however many versions."""
    found = {version.pk: VersionResult() for version in versions}
    used = (
        RunRule.objects.filter(rule_version__in=list(found))
        .exclude(run__state=Run.State.CANCELLED)
        .values_list("rule_version_id", "run_id")
    )
    runs: set[int] = set()
    for version_id, run_id in used:
        found[version_id].runs += 1
        runs.add(run_id)
    counted = ProposalTally.objects.filter(run__in=runs, rule_version_id__in=list(found)).exclude(state=State.WITHHELD)
    for version_id, state, n in counted.order_by().values_list("rule_version_id", "state").annotate(n_alike=Sum("n")):
        result = found[version_id]
        result.proposed += int(n)
        if state in (State.PROPOSED, State.REJECTED, State.APPLIED):
            name = _COUNTED[state]
            setattr(result, name, getattr(result, name) + int(n))
    return found


def versions_of(rule: Rule) -> QuerySet[RuleVersion]:
    """Every version of a rule, the newest first, with who made and who published it."""
    return (
        RuleVersion.objects.filter(rule=rule).select_related("created_by", "published_by", "released_by", "canary_team").order_by("-number")
    )
