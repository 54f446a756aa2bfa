"""The audit trail: one event per change, in the transaction of the change, chained by the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone

from accounts.models import Membership
from accounts.request_id import current_request_id
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


# Made once, and asked once a batch: ``json.dumps(cls=...)`` makes an encoder for each event.
_as_json = DjangoJSONEncoder().encode

# One statement however many events: model instances would cost four times the insert itself.
_APPEND = """
INSERT INTO accounts_auditevent (organization_id, stream, seq, action, actor_id, actor_label, before, after, reason, request_id, at,
                                 previous_hash, hash)
SELECT %(organization)s, event->>0, %(seq)s, event->>1, %(actor)s, %(label)s, event->2, event->3, event->>4, %(request)s, %(at)s, '', ''
  FROM jsonb_array_elements(%(events)s) WITH ORDINALITY AS e(event, position)
 ORDER BY position
"""


def record_events(events: Iterable[Event], *, by: Actor, request_id: str = "", at: datetime | None = None, first: bool = False) -> None:
    """Append many events in one statement, in the order given. Ids and business values only: no personal fields.

    ``first`` says that nothing was ever recorded of any of these streams, each named once: the database then looks for no head.
    Where it is not so, the key over stream and number refuses the whole statement.
    """
    events = list(events)
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _APPEND,
            {
                "organization": active_organization_id(),
                "seq": 1 if first else 0,  # any other number than 1 is the database's to give
                "actor": by.id,
                "label": by.label,
                "request": request_id or current_request_id(),
                "at": at or timezone.now(),
                "events": _as_json([(event.stream, event.action, event.before, event.after, event.reason[:500]) for event in events]),
            },
        )
