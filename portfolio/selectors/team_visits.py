"""The visits of the people a member leads: done, late and missed, how they ended, how soon they were reported, and from where."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Avg, Case, CharField, Count, DateField, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest

from portfolio.checkin import FIX_HOLDS_S
from portfolio.models import Visit
from portfolio.selectors.agenda import LATE_AFTER, State
from portfolio.selectors.goals import REPORT_WITHIN, month_of, previous_month

PERIODS = ("today", "7", "month", "last", "90")
DEFAULT = "7"
ORDERED = ("order", "sale")  # outcomes that brought an order; imports have a word of their own


@dataclass(frozen=True)
class VisitFilter:
    """Every field narrows, and an empty one narrows nothing. ``slow``: reported more than 24 hours after; ``outside``: of the radius."""

    period: str = DEFAULT
    state: str = ""
    outcome: str = ""
    team: int | None = None
    rep: int | None = None
    slow: bool = False
    outside: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, Any]) -> "VisitFilter":
        """Unknown or malformed values are dropped, so that an old bookmark still opens."""

        def number(name: str) -> int | None:
            text = str(query.get(name, ""))
            return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

        period, state, outcome = (str(query.get(name, ""))[:40] for name in ("period", "state", "outcome"))
        return cls(
            period if period in PERIODS else DEFAULT,
            state if state in set(State) else "",
            outcome if outcome in Visit.Outcome.values else "",
            number("team"),
            number("rep"),
            query.get("slow") == "1",
            query.get("outside") == "1",
        )

    def days(self, today: date) -> tuple[date, date]:
        """First and last day, both included. What is still to come counts where the period reaches ahead: the rest of this month."""
        month = month_of(today)
        if self.period == "last":
            return previous_month(month), month - timedelta(days=1)
        if self.period == "month":
            return month, (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return today - timedelta(days={"today": 0, "7": 6, "90": 89}[self.period]), today

    def query(self, **changes: Any) -> str:
        """The query string of this filter with ``changes``."""
        wanted = replace(self, **changes)
        told = {
            name: value for name, value in vars(wanted).items() if value not in (None, "", False) and (name, value) != ("period", DEFAULT)
        }
        return urlencode({name: "1" if value is True else value for name, value in told.items()})


@dataclass(frozen=True)
class VisitTotals:
    """What a list of visits adds up to. ``reported``: done ones whose report says when it was made; ``delay`` their mean."""

    total: int = 0
    planned: int = 0
    late: int = 0
    missed: int = 0
    done: int = 0
    cancelled: int = 0
    with_order: int = 0
    sold_cents: int = 0
    reported: int = 0
    in_time: int = 0  # of the reported, within 24 hours
    outside: int = 0
    delay: timedelta | None = None


def team_visits(representatives: list[int], wanted: VisitFilter, *, today: date, at: datetime, radius_m: int) -> QuerySet[Any]:
    """Visits of these representatives on the days of the filter, latest first, clients and people joined.

    Each carries ``day`` (done on, or planned for), ``where`` (a ``State``), ``delay`` from the visit to when its report was
    written (None where nobody knows) and ``outside``: a fix good enough to tell was farther than the radius.

    Parameters
    ----------
    today, at : the organization's day and the instant that tell what is late and missed
    radius_m : how near a visit must be reported from
    """
    first, last = wanted.days(today)
    # A visit of long ago is found by its own day, one that waits by the day planned: each through its index.
    of_days = Q(visited_on__range=(first, last)) | Q(visited_on=None, planned_on__range=(first, last))
    rows = Visit.objects.filter(of_days, representative_id__in=representatives).annotate(
        day=Coalesce("visited_on", "planned_on", output_field=DateField()),
        where=_where(today, at),
        delay=Case(
            When(
                made_at__isnull=False,
                visited_at__isnull=False,
                then=ExpressionWrapper(Greatest(F("made_at"), F("visited_at")) - F("visited_at"), output_field=DurationField()),
            ),
            output_field=DurationField(),
        ),
        outside=Case(
            When(distance_m__gt=radius_m, fix_age_s__lte=FIX_HOLDS_S, accuracy_m__lte=radius_m, then=Value(True)), default=Value(False)
        ),
    )
    if wanted.rep:
        rows = rows.filter(representative_id=wanted.rep)
    if wanted.state:
        rows = rows.filter(where=wanted.state)
    if wanted.outcome:
        told = ORDERED if wanted.outcome == Visit.Outcome.SALE else (wanted.outcome,)
        rows = rows.filter(outcome__in=told)
    if wanted.slow:
        rows = rows.filter(delay__gt=REPORT_WITHIN)
    if wanted.outside:
        rows = rows.filter(outside=True)
    return rows.select_related("client", "representative").order_by("-day", "-visited_at", "-planned_at", "pk")


def totals_of(rows: QuerySet[Any]) -> VisitTotals:
    """What rows of ``team_visits`` add up to; one query."""
    counts = {str(state): Count("pk", filter=Q(where=state)) for state in State}
    found = rows.order_by().aggregate(
        total=Count("pk"),
        **counts,
        with_order=Count("pk", filter=Q(outcome__in=ORDERED)),
        sold_cents=Sum("order_value_cents", filter=Q(where=State.DONE), default=0),
        reported=Count("pk", filter=Q(delay__isnull=False)),
        in_time=Count("pk", filter=Q(delay__lte=REPORT_WITHIN)),
        n_outside=Count("pk", filter=Q(outside=True)),
        mean_delay=Avg("delay"),
    )
    return VisitTotals(outside=found.pop("n_outside"), delay=found.pop("mean_delay"), **found)


def _where(today: date, at: datetime) -> Case:
    """``agenda.state_of`` in the database."""
    return Case(
        When(visited_at__isnull=False, then=Value(State.DONE.value)),
        When(cancelled_at__isnull=False, then=Value(State.CANCELLED.value)),
        When(planned_on__lt=today, then=Value(State.MISSED.value)),
        When(planned_at__lte=at - LATE_AFTER, then=Value(State.LATE.value)),
        default=Value(State.PLANNED.value),
        output_field=CharField(),
    )
