"""The audit trail: one event per change, in the transaction of the change, chained by the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import AuditEvent, Membership
from accounts.tenancy import active_organization_id


@dataclass(frozen=True)
class Actor:
    """Who acts: a member, or a task that names itself (and the rule version it acts for)."""

    membership: Membership | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if self.membership is None and not self.label:
            raise ValueError("an actor is a membership or has a label")

    @property
    def id(self) -> int | None:
        return self.membership.pk if self.membership else None


@dataclass(frozen=True)
class Event:
    """One change to record; ``stream`` names its subject, as in ``client:42``."""

    stream: str
    action: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def record_event(stream: str, action: str, *, by: Actor, before=None, after=None, reason: str = "", request_id: str = "") -> None:
    """Append one event to the stream's chain; commits or rolls back with the change it describes."""
    record_events([Event(stream, action, before or {}, after or {}, reason)], by=by, request_id=request_id)


def record_events(events: Iterable[Event], *, by: Actor, request_id: str = "", at: datetime | None = None) -> None:
    """Append many events in one statement, in the order given. Ids and business values only: no personal fields."""
    organization_id, at = active_organization_id(), at or timezone.now()
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                organization_id=organization_id,
                stream=event.stream,
                seq=0,
                action=event.action,
                actor_id=by.id,
                actor_label=by.label,
                before=event.before,
                after=event.after,
                reason=event.reason[:500],
                request_id=request_id,
                at=at,
            )
            for event in events
        ],
        batch_size=2_000,
    )
