"""What became of the e-mails of a scheduled report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import OutboxEvent
from portfolio.models import ReportDelivery


@dataclass(frozen=True)
class Delivery:
    """One e-mail: to whom, due when, and where it stands.

    ``state`` is sent, waiting, failing (tried and not taken, it is tried again) or refused (never made, ``why`` says it).
    """

    schedule_id: int
    name: str
    due_at: datetime
    state: str
    why: str = ""
    sent_at: datetime | None = None
    attempts: int = 0


def deliveries_of(schedule_ids: Sequence[int], *, most: int = 60) -> list[Delivery]:
    """The latest e-mails of these schedules, latest first: two queries."""
    rows = ReportDelivery.objects.filter(schedule_id__in=list(schedule_ids)).select_related("membership").order_by("-due_at", "-pk")[:most]
    found = list(rows)
    ids = [row.event_id for row in found if row.event_id]
    events = {event.event_id: event for event in OutboxEvent.objects.filter(event_id__in=ids)}
    return [_delivery(row, events.get(row.event_id) if row.event_id else None) for row in found]


def _delivery(row: ReportDelivery, event: OutboxEvent | None) -> Delivery:
    who = (row.schedule_id, row.membership.name, row.due_at)
    if row.refused:
        return Delivery(*who, "refused", why=row.get_refused_display())
    # Messages sent long ago may be cleared away: what is no longer there was sent.
    if event is None or event.sent_at:
        return Delivery(*who, "sent", sent_at=event.sent_at if event else None)
    return Delivery(*who, "failing" if event.attempts else "waiting", attempts=event.attempts)
