"""A representative's visits by day, as the agenda and the calendar feed show them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from clients.selectors.visibility import Reach
from portfolio.models import Visit

LATE_AFTER = timedelta(minutes=15)


class State(StrEnum):
    """Where a visit stands; late and missed follow from the clock and are stored nowhere."""

    PLANNED = "planned"
    LATE = "late"
    MISSED = "missed"
    DONE = "done"
    CANCELLED = "cancelled"


class Slot(NamedTuple):
    """One visit of the agenda; ``day`` is the one it was done on, or is planned for."""

    pk: int
    id_made: UUID
    client_id: int
    name: str
    trade_name: str
    address: str
    city: str
    uf: str
    latitude: float | None
    longitude: float | None
    abc: str | None
    planned_on: date | None
    planned_at: datetime | None
    position: int | None
    origin: str
    visited_on: date | None
    visited_at: datetime | None
    outcome: str
    cancelled_at: datetime | None
    cancel_reason: str
    version: int
    received_at: datetime

    def __str__(self) -> str:
        return self.trade_name or self.name

    @property
    def day(self) -> date | None:
        return self.visited_on or self.planned_on

    def state(self, *, at: datetime, today: date) -> State:
        """Where it stands at that instant, on that day of the organization."""
        return state_of(self, at=at, today=today)

    @property
    def waits(self) -> bool:
        return self.visited_at is None and self.cancelled_at is None

    @property
    def in_order(self) -> tuple:
        """Of one day: by place in the route, then by hour, then by name; what was cancelled comes last."""
        hour = self.planned_at.timestamp() if self.planned_at else float("inf")
        place = self.position if self.position is not None else 10_000
        return (self.cancelled_at is not None and self.visited_at is None, place, hour, str(self).casefold(), self.pk)


def state_of(visit: Slot | Visit, *, at: datetime, today: date) -> State:
    """Late fifteen minutes after the agreed hour, missed once the organization's day is over."""
    if visit.visited_at is not None:
        return State.DONE
    if visit.cancelled_at is not None:
        return State.CANCELLED
    if visit.planned_on is not None and visit.planned_on < today:
        return State.MISSED
    return State.LATE if visit.planned_at is not None and at >= visit.planned_at + LATE_AFTER else State.PLANNED


# The columns of Slot, in its order.
COLUMNS = (
    "pk", "id_made", "client_id", "client__name", "client__trade_name", "client__address", "client__city", "client__state",
    "client__latitude", "client__longitude", "client__activity__abc", "planned_on", "planned_at", "position", "origin",
    "visited_on", "visited_at", "outcome", "cancelled_at", "cancel_reason", "version", "received_at",
)  # fmt: skip


def visits_within(reach: Reach) -> QuerySet[Visit]:
    """Visits to clients of a reach: one that went to somebody else takes its visits out of sight."""
    if reach.representatives is None:
        return Visit.objects.all()
    own = Q(client__representative_id__in=reach.representatives)
    return Visit.objects.filter(own | Q(client_id__in=reach.beside) if reach.beside else own)


def slots(representative: Representative, reach: Reach, *, first: date, last: date) -> list[Slot]:
    """The representative's visits of those days, both included, in the order of each day: one query."""
    of_days = Q(visited_at=None, planned_on__range=(first, last)) | Q(visited_on__range=(first, last))
    rows = visits_within(reach).filter(of_days, representative_id=representative.pk).order_by().values_list(*COLUMNS)
    return sorted((Slot(*row) for row in rows), key=lambda slot: (slot.day, *slot.in_order))


def by_day(found: Iterable[Slot]) -> dict[date, list[Slot]]:
    """The same by day."""
    days: dict[date, list[Slot]] = defaultdict(list)
    for slot in found:
        if slot.day is not None:
            days[slot.day].append(slot)
    return days


def agendas_of(member: Membership) -> QuerySet[Representative]:
    """Representatives whose agenda the member may open: their own, the team's, or everybody's."""
    return representatives_visible_to(member).order_by("code", "pk")


def own_representative(member: Membership) -> Representative | None:
    """The representative the member is, if any."""
    return Representative.objects.filter(membership_id=member.pk).first()


def may_plan(member: Membership) -> bool:
    """Whether the member may change an agenda they see; auditors only read."""
    return member.role != Role.AUDITOR
