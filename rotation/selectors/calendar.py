"""What happens on the days of a month: runs made and to come, versions that begin, reviews that expire, quiet days."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q

from accounts.models import Organization, Representative
from rotation.models import QuietPeriod, RuleVersion, Run

STATES_MOST = 27


@dataclass
class CalendarDay:
    """One local day. ``due`` are (instant, rule's name) of runs the schedule will start; ``holidays`` their names."""

    on: date
    runs: list[Run] = field(default_factory=list)
    due: list[tuple[datetime, str]] = field(default_factory=list)
    expiring: list[Run] = field(default_factory=list)
    beginning: list[RuleVersion] = field(default_factory=list)
    holidays: list[str] = field(default_factory=list)
    quiet: list[QuietPeriod] = field(default_factory=list)


def days_of(organization: Organization, first: date, last: date) -> dict[date, CalendarDay]:
    """The days from ``first`` to ``last`` with what the database knows of them; runs to come and holidays are the caller's.

    Three queries, however much there is.
    """
    days = {first + timedelta(days=i): CalendarDay(first + timedelta(days=i)) for i in range((last - first).days + 1)}
    zone = organization.zone
    begin = datetime.combine(first, datetime.min.time(), tzinfo=zone)
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    runs = Run.objects.filter(
        Q(as_of__range=(first, last)) | Q(state=Run.State.AWAITING, expires_at__gt=begin, expires_at__lte=end), kind=Run.Kind.ROTATION
    )
    for run in runs.order_by("created_at", "pk"):
        if run.as_of in days:
            days[run.as_of].runs.append(run)
        if run.state == Run.State.AWAITING and run.deadline is not None:
            ends_on = run.deadline.astimezone(zone).date()
            if ends_on in days:
                days[ends_on].expiring.append(run)
    planned = RuleVersion.objects.filter(state=RuleVersion.State.DRAFT, publish_on__range=(first, last), rule__archived_at=None)
    for version in planned.select_related("rule").defer("rule__halt").order_by("publish_on", "pk"):
        assert version.publish_on is not None
        days[version.publish_on].beginning.append(version)
    for period in quiet_periods(first, last):
        for on, day in days.items():
            if period.starts_on <= on < period.ends_on:
                day.quiet.append(period)
    return days


def quiet_periods(first: date, last: date) -> list[QuietPeriod]:
    """Quiet periods that touch those days, in their order; one query."""
    return list(QuietPeriod.objects.filter(starts_on__lte=last, ends_on__gt=first).order_by("starts_on", "pk"))


def states_served() -> list[str]:
    """The states where the representatives in service have their bases: whose holidays the calendar shows; one query."""
    rows = Representative.objects.exclude(base_state="").order_by("base_state").values_list("base_state", flat=True).distinct()
    return list(rows[:STATES_MOST])
