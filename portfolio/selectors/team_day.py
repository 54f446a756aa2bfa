"""How the day goes for the people a member leads: counted in the database, a line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Avg, Count, F, Q, Sum
from django.db.models.functions import Greatest

from accounts.models import Membership
from accounts.selectors import representatives_visible_to
from portfolio.models import Visit
from portfolio.selectors.agenda import LATE_AFTER


@dataclass(frozen=True)
class PersonDay:
    """One representative's day. Money in cents; ``delay`` the mean time from visit to report, None without a visit done."""

    representative_id: int
    code: str
    name: str
    planned: int
    done: int
    late: int
    sold_cents: int
    delay: timedelta | None

    @property
    def total(self) -> int:
        """Visits of the day: those made and those still to be made."""
        return self.planned + self.done


@dataclass(frozen=True)
class TeamDay:
    """Everyone's lines, the latest first, and their sums."""

    people: Sequence[PersonDay]
    n_people: int

    @property
    def done(self) -> int:
        return sum(each.done for each in self.people)

    @property
    def total(self) -> int:
        return sum(each.total for each in self.people)

    @property
    def late(self) -> int:
        return sum(each.late for each in self.people)

    @property
    def sold_cents(self) -> int:
        return sum(each.sold_cents for each in self.people)


def team_day(member: Membership, *, as_of: date, now: datetime) -> TeamDay:
    """The day of the representatives the member sees who have visits on it; two queries (a third reads a manager's teams).

    ``planned`` counts visits that wait today, ``late`` those of them whose hour is over; ``done`` what was visited today, planned
    or not. A report is delayed from the visit to when the device had it.
    """
    people = {pk: (code, name) for pk, code, name in representatives_visible_to(member).order_by("code").values_list("pk", "code", "name")}
    waits = Q(planned_on=as_of, visited_at=None, cancelled_at=None)
    done = Q(visited_on=as_of)
    rows = (
        Visit.objects.filter(waits | done, representative_id__in=list(people))
        .values_list("representative_id")
        .annotate(
            n_planned=Count("pk", filter=waits),
            n_done=Count("pk", filter=done),
            n_late=Count("pk", filter=waits & Q(planned_at__lte=now - LATE_AFTER)),
            sold_cents=Sum("order_value_cents", filter=done, default=0),
            delay=Avg(Greatest(F("made_at"), F("visited_at")) - F("visited_at"), filter=done & Q(made_at__isnull=False)),
        )
        .order_by()
    )
    lines = [PersonDay(row[0], *people[row[0]], *row[1:]) for row in rows]
    return TeamDay(sorted(lines, key=lambda each: (-each.late, -each.planned, each.code)), len(people))
