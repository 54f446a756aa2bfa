"""What the sheet for registering a visit needs to know before anything is typed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from accounts.models import Membership
from clients.models import Client
from clients.selectors.visibility import client_named, clients_visible_to
from portfolio.cadence import next_contact, visit_every
from portfolio.models import Visit

CHIPS = (7, 14, 30)


@dataclass(frozen=True)
class Chip:
    """A next contact offered: so many days from the visit, which is that day."""

    days: int
    on: date
    chosen: bool


@dataclass(frozen=True)
class Sheet:
    """A client about to be reported on; ``plan`` is the visit planned for it that the report would complete."""

    client: Client
    plan: Visit | None
    chips: Sequence[Chip]
    cadence_days: int


def sheet_of(member: Membership, client_id: int, *, as_of: date, plan: uuid.UUID | None = None) -> Sheet | None:
    """The sheet of a client within the member's reach, else None; three queries, four for one merged into it."""
    client = client_named(clients_visible_to(member).prefetch_related("activity"), client_id)
    if client is None:
        return None
    waiting = Visit.objects.filter(client__in={client.pk, client_id}, visited_at=None, planned_on__isnull=False)
    named = waiting.filter(id_made=plan) if plan else waiting.filter(planned_on=as_of, cancelled_at=None)
    activity = next(iter(client.activity.all()), None)
    days = visit_every(client.visit_every_days, activity.abc if activity else "", member.organization)
    return Sheet(
        client, named.order_by("planned_at", "pk").first(), chips_for(days, from_day=as_of, country=member.organization.country), days
    )


def chips_for(cadence_days: int, *, from_day: date, country: str) -> list[Chip]:
    """The usual intervals and the client's own, which is the one chosen unless the person says otherwise."""
    return [Chip(days, next_contact(from_day, days, country), days == cadence_days) for days in sorted({*CHIPS, cadence_days})]


def next_waiting(member: Membership, *, as_of: date) -> Visit | None:
    """The member's next planned visit of the day, in the order of the route; one query."""
    mine = Visit.objects.filter(representative__membership_id=member.pk, planned_on=as_of, visited_at=None, cancelled_at=None)
    return mine.order_by("position", "planned_at", "client__name_key", "pk").first()
