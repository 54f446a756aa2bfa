"""The automatic stop: a rule whose guard figure breaks is paused, told of with the numbers, and waits for a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.management.organizations import organization_ids
from accounts.models import Membership, Notice, Role
from accounts.services import Actor, notify, record_event
from accounts.tenancy import active_organization_id, tenant_atomic
from rotation.models import Rule, RuleVersion, Run
from rotation.selectors.guard_figures import COUNTED, TAKEN_BACK_DAYS, UNDONE, GuardFigure, guard_figures

WATCHER = Actor(label="task rotation.watch_rules")
ENDED = [Run.State.APPLIED, Run.State.CANCELLED, Run.State.EXPIRED]
LINES_AT_ONCE = 20  # a history that was never counted is caught up with in some ticks, none of them long
GRACE_DAYS = 7  # a move taken back is written within days of the day it counts from

# The rows of a run that has ended change no more. Lines another watcher is at are left to it.
_KEEP_COUNTS = f"""
WITH line AS MATERIALIZED (
  SELECT l.id, l.run_id, l.rule_version_id AS version_id, r.computed_at, '-infinity'::timestamptz AS since
    FROM rotation_runrule l JOIN rotation_run r ON r.organization_id = %(organization)s AND r.id = l.run_id
   WHERE l.organization_id = %(organization)s AND l.counts IS NULL AND r.state = ANY(%(ended)s)
   ORDER BY l.id LIMIT %(most)s FOR NO KEY UPDATE OF l SKIP LOCKED)
UPDATE rotation_runrule l SET counts = to_jsonb(c) FROM line v CROSS JOIN LATERAL ({COUNTED}) c
 WHERE l.organization_id = %(organization)s AND l.id = v.id
"""  # noqa: S608 - constants of these modules
_KEEP_UNDONE = f"""
WITH line AS MATERIALIZED (
  SELECT l.id, l.run_id, l.rule_version_id AS version_id, '-infinity'::timestamptz AS since
    FROM rotation_runrule l JOIN rotation_run r ON r.organization_id = %(organization)s AND r.id = l.run_id
   WHERE l.organization_id = %(organization)s AND l.counts IS NOT NULL AND NOT l.counts ? 'undone'
     AND ((l.counts->>'applied')::bigint = 0 OR r.effective_on + %(days)s + %(grace)s < %(today)s)
   ORDER BY l.id LIMIT %(most)s FOR NO KEY UPDATE OF l SKIP LOCKED)
UPDATE rotation_runrule l SET counts = l.counts || to_jsonb(u) FROM line v CROSS JOIN LATERAL ({UNDONE}) u
 WHERE l.organization_id = %(organization)s AND l.id = v.id
"""  # noqa: S608 - constants of these modules


@dataclass(frozen=True)
class Halted:
    """A rule stopped just now, and by what."""

    organization_id: int
    rule_id: int
    number: int
    figure: GuardFigure


def watch_rules(at: datetime) -> list[Halted]:
    """Look at the guard figures of every version in force or on trial, and stop the rules one of them speaks against."""
    stopped = []
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            stopped += [Halted(organization_id, *each) for each in halt_broken_rules(at)]
        with tenant_atomic(organization_id):
            keep_counts(at)
    return stopped


def keep_counts(at: datetime) -> int:
    """Keep what the guard figures count of runs that have ended, in the active organization; returns the lines counted.

    Two statements. Twenty lines at most a call: those left are counted from their rows until the next.
    """
    values: dict[str, Any] = {
        "organization": active_organization_id(),
        "ended": [str(state.value) for state in ENDED],
        "most": LINES_AT_ONCE,
        "days": TAKEN_BACK_DAYS,
        "grace": GRACE_DAYS,
        "today": at.date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_COUNTS, values)
        kept = cursor.rowcount
        cursor.execute(_KEEP_UNDONE, values)
    return kept


def halt_broken_rules(at: datetime) -> list[tuple[int, int, GuardFigure]]:
    """The same in the active organization, in the caller's transaction: (rule, number of the version, figure) of each stop."""
    versions = list(
        RuleVersion.objects.filter(
            state__in=[RuleVersion.State.PUBLISHED, RuleVersion.State.CANARY], rule__is_active=True, rule__archived_at=None
        )
        .select_related("rule")
        .order_by("rule_id", "number")
    )
    if not versions:
        return []
    figures = guard_figures(versions)
    stopped = []
    for version in versions:
        broken = [figure for figure in figures[version.pk] if figure.broken]
        if broken and _halt(version, broken, at):
            stopped.append((version.rule_id, version.number, broken[0]))
    return stopped


def _halt(version: RuleVersion, broken: list[GuardFigure], at: datetime) -> bool:
    """Pause the rule; False where somebody, or its other version, was faster."""
    halt = {"number": version.number, "figures": [figure.as_json() for figure in broken]}
    if not Rule.objects.filter(pk=version.rule_id, is_active=True).update(is_active=False, halted_at=at, halt=halt):
        return False
    record_event(f"rule:{version.rule_id}", "rule.halted", by=WATCHER, before={"active": True}, after={"active": False, **halt})
    # Who runs the rule has to know why nothing new comes, and only who administers may lift it.
    told = Membership.objects.filter(role__in=[Role.ADMIN, Role.MANAGER], is_active=True).values_list("pk", flat=True)
    facts = {"rule": version.rule_id, "name": version.rule.name, **halt}
    notify(told, Notice.Kind.RULE_HALTED, key=f"rule:{version.rule_id}:halted:{at.isoformat()}", facts=facts)
    return True
