"""When rules run by themselves: in the organization's own time zone, once an occurrence, however many schedulers ask."""

import calendar
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import OperationalError
from django.db.models import Exists, Max, OuterRef, Q

from accounts.errors import DomainError
from accounts.management.organizations import organization_ids
from accounts.models import Organization, Representative
from accounts.services import Actor
from accounts.tenancy import active_organization_id, tenant_atomic
from clients.models import Client
from rotation.engine.rules import Schedule, parse_rule
from rotation.engine.schema import WEEKDAYS
from rotation.models import Rule, RuleVersion, Run, RunRule
from rotation.selectors.runs import versions_in_force
from rotation.services.planned import publish_planned
from rotation.services.quiet import quiet_reason
from rotation.services.runs import start_run

# A scheduler that was down this long still starts what it missed; after that the day has passed.
CATCH_UP = timedelta(hours=12)
SCHEDULER = Actor(label="task rotation.start_due_runs")
_LOCKED = ("55P03", "40P01")  # lock not available, deadlock: the next tick tries again

log = logging.getLogger(__name__)


def latest_occurrence(schedule: Schedule, zone: ZoneInfo, at: datetime) -> datetime | None:
    """The last instant, at or before ``at``, when the schedule says to run; None for rules that wait for an event.

    A wall time that a clock change skips falls on the first instant after the gap; one that it repeats counts once,
    the first time.
    """
    return _nearest(schedule, zone, at, step=-1)


def next_occurrence(schedule: Schedule, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first instant after ``after`` when the schedule says to run; None for rules that wait for an event."""
    return _nearest(schedule, zone, after, step=1)


def _nearest(schedule: Schedule, zone: ZoneInfo, at: datetime, *, step: int) -> datetime | None:
    if schedule.cadence == "on_event":
        return None
    hour, minute = (int(part) for part in schedule.at.split(":"))
    today = at.astimezone(zone).date()
    # A day earlier to begin with: wall clocks and instants may disagree about the date around a change.
    for days in range(-1, 63):
        day = today + timedelta(days=step * days)
        if not _falls_on(schedule, day):
            continue
        moment = datetime.combine(day, time(hour, minute), tzinfo=zone).astimezone(UTC)
        if (moment <= at) if step < 0 else (moment > at):
            return moment
    raise AssertionError(f"no occurrence of {schedule} within two months of {at}")


def _falls_on(schedule: Schedule, day: date) -> bool:
    if schedule.cadence == "weekly":
        return WEEKDAYS[day.weekday()] == (schedule.weekday or "mon")
    if schedule.cadence == "monthly":
        # the 31st of a shorter month is its last day
        return day.day == min(schedule.day or 1, calendar.monthrange(day.year, day.month)[1])
    return True


def start_due_runs(at: datetime) -> list[Run]:
    """Start every run that is due in any organization; each organization in its own transaction.

    May be called by any number of schedulers at once, and again at any time: an occurrence starts one run.
    """
    started = []
    for organization_id in organization_ids():
        try:
            with tenant_atomic(organization_id):
                started += _start_due_here(at)
        except DomainError as refusal:
            log.warning("organization %s: %s", organization_id, refusal)
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) not in _LOCKED:
                raise
            log.info("organization %s is busy; the next tick tries again", organization_id)
    return started


def _start_due_here(at: datetime) -> list[Run]:
    organization = Organization.objects.get(pk=active_organization_id())
    publish_planned(organization, at)
    due: dict[datetime, list[Rule]] = {}
    for rule, version in rules_in_force():
        moment = latest_occurrence(parse_rule(version.definition, accepted=True).schedule, organization.zone, at)
        # What was published after the moment was not due then.
        if moment and at - moment <= CATCH_UP and version.published_at and version.published_at <= moment:
            due.setdefault(moment, []).append(rule)
    started = []
    for moment in sorted(due):
        as_of = moment.astimezone(organization.zone).date()
        if quiet_reason(as_of):
            continue  # not put off: the next occurrence after the quiet days runs
        waiting = _not_yet_run(due[moment], as_of)
        if waiting:
            started.append(start_run(waiting, as_of=as_of, trigger="schedule", by=SCHEDULER))
    return started + _start_by_event(organization, at)


def _start_by_event(organization: Organization, at: datetime) -> list[Run]:
    """Rules that wait for a representative to leave: one run for all who left since the rule last ran, or was published.

    Asked of the facts at every tick rather than sent when somebody leaves: nothing is lost while no scheduler runs.
    """
    waiting = [
        (rule, version)
        for rule, version in rules_in_force()
        if parse_rule(version.definition, accepted=True).schedule.cadence == "on_event"
    ]
    if not waiting:
        return []
    as_of = at.astimezone(organization.zone).date()
    if quiet_reason(as_of):
        return []  # who left is still gone on the first day after
    left_at = _last_departure(organization, at)
    ran = dict(
        RunRule.objects.filter(rule_version__rule__in=[rule for rule, _version in waiting])
        .exclude(run__state=Run.State.CANCELLED)
        .values_list("rule_version__rule_id")
        .annotate(last=Max("run__created_at"))
    )
    started = []
    for rule, version in waiting:
        since = ran.get(rule.pk) or version.published_at
        if left_at is not None and since is not None and left_at > since:
            run = start_run([rule], as_of=as_of, trigger="event", by=SCHEDULER)
            # A second departure of one day finds that day's run: it waits for the next.
            started += [run] if run.state == Run.State.SCHEDULED else []
    return started


def _last_departure(organization: Organization, at: datetime) -> datetime | None:
    """When the last representative who still has clients left: sign-in closed, or the last day of service gone by."""
    today = at.astimezone(organization.zone).date()
    gone = Q(valid_to__lte=today) | Q(membership__is_active=False)
    rows = (
        Representative.objects.filter(gone)
        .filter(Exists(Client.objects.filter(representative=OuterRef("pk"))))
        .select_related("membership")
    )
    moments = []
    for row in rows:
        ended = row.membership.deactivated_at if row.membership and not row.membership.is_active else None
        last_day = datetime.combine(row.valid_to, time(0), tzinfo=organization.zone) if row.valid_to and row.valid_to <= today else None
        moments += [moment for moment in (ended, last_day) if moment is not None]
    return max(moments, default=None)


def rules_in_force() -> list[tuple[Rule, RuleVersion]]:
    """Active rules with their version, published or on trial where there is no other, in the order they run."""
    return [(version.rule, version) for version in versions_in_force(active=True)]


def _not_yet_run(rules: Sequence[Rule], as_of: date) -> list[Rule]:
    """Those the schedule has not started for that day: pausing one of two rules must not run the other again."""
    done = set(
        RunRule.objects.filter(run__as_of=as_of, run__trigger="schedule", rule_version__rule__in=rules).values_list(
            "rule_version__rule_id", flat=True
        )
    )
    return [rule for rule in rules if rule.pk not in done]


def next_run_of(version: RuleVersion, organization: Organization, *, after: datetime) -> datetime | None:
    """When the schedule will run this version next; None when it waits for an event."""
    return next_occurrence(parse_rule(version.definition, accepted=True).schedule, organization.zone, after)
