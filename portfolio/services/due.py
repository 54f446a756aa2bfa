"""Visits that plan themselves: who is due in the coming two weeks, on workdays with room, near ones together."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.arrays import array
from accounts.errors import NotAllowed
from accounts.models import Membership, Organization, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from accounts.tenancy import active_organization_id, tenant_atomic
from portfolio.selectors.due import Desk, Turn, desks
from portfolio.spread import spread

DAYS_AHEAD = 14
DAY_BEGINS = 6  # before this hour of the organization's clock today itself is still planned
PLANNER = Actor(label="task portfolio.plan_visits")
MOVED_ON = gettext_noop("O cliente mudou de carteira")


class Suggested(NamedTuple):
    """A visit that would be planned."""

    turn: Turn
    on: date


class Kept(NamedTuple):
    """How many visits were planned, and how many no longer fitted."""

    planned: int
    left: int


def first_day(organization: Organization, *, at: datetime) -> date:
    """The first day that is planned at that instant: today early in the morning, else tomorrow."""
    local = at.astimezone(organization.zone)
    return local.date() if local.hour < DAY_BEGINS else local.date() + timedelta(days=1)


def suggested_visits(representative: Representative, organization: Organization, *, at: datetime) -> list[Suggested]:
    """What planning the coming weeks would add for one representative, by day and precedence; nothing is written."""
    as_of, first = local_day(organization, at=at), first_day(organization, at=at)
    (desk,) = desks(organization, [representative], as_of=as_of, first=first, days=DAYS_AHEAD)
    turns = {turn.due.client_id: turn for turn in desk.turns}
    return [Suggested(turns[client], on) for client, on in _spread(desk)]


def keep_suggested(
    representative: Representative, organization: Organization, chosen: Sequence[tuple[int, date]], *, by: Membership, at: datetime
) -> Kept:
    """Plan the visits a person chose of what was suggested: ``(client id, day)``.

    A client no longer due or with a visit by now, and a day that filled up meanwhile, are left out, and counted.

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    """
    if by.role == Role.AUDITOR:
        raise NotAllowed(_("Você está em modo de leitura."))
    with transaction.atomic():
        as_of, first = local_day(organization, at=at), first_day(organization, at=at)
        (desk,) = desks(organization, [representative], as_of=as_of, first=first, days=DAYS_AHEAD)
        due, room = {turn.due.client_id for turn in desk.turns}, dict(desk.rooms)
        fitting = []
        for client, on in dict(chosen).items():
            if client in due and room.get(on, 0) > 0:
                room[on] -= 1
                fitting.append((representative.pk, client, on))
        planned = _write(fitting, by=Actor(by), as_of=as_of, at=at)
    return Kept(planned, len(chosen) - planned)


def plan_due_visits(organization_id: int, *, at: datetime) -> int:
    """Plan the due visits of the coming 14 days of everybody with a sign-in; returns how many were added.

    One transaction and as many statements however many people and clients. Doing it again adds nothing. Visits waiting for a
    client that changed hands since go to whoever answers for it now if a person marked them, and are cancelled if not.
    """
    with tenant_atomic(organization_id, durable=True):
        organization = Organization.objects.get(pk=organization_id)
        if not organization.plans_visits:
            return 0
        as_of, first = local_day(organization, at=at), first_day(organization, at=at)
        _hand_over(as_of=as_of, at=at)
        people = list(
            Representative.objects.filter(membership__is_active=True, visits_per_day__gt=0)
            .filter(Q(valid_to=None) | Q(valid_to__gt=as_of))
            .order_by("pk")
        )
        rows = []
        for desk in desks(organization, people, as_of=as_of, first=first, days=DAYS_AHEAD):
            rows += [(desk.representative.pk, client, on) for client, on in _spread(desk)]
        return _write(rows, by=PLANNER, as_of=as_of, at=at)


def _spread(desk: Desk) -> list[tuple[int, date]]:
    return spread([turn.due for turn in desk.turns], desk.rooms)


# Locks first, by id as everybody does; only a later statement sees what those who held them wrote.
_LOCK = (
    "SELECT FROM clients_client WHERE organization_id = %(organization)s AND id = ANY(%(clients)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
)
_PLAN = """
INSERT INTO portfolio_visit (organization_id, id_made, client_id, representative_id, planned_on, origin, cancel_reason,
                             outcome, no_sale_reason, note, outside_reason, received_at, version)
SELECT %(organization)s, gen_random_uuid(), w.client_id, w.representative_id, w.planned_on, 'cadence', '', '', '', '', '', %(at)s, 1
  FROM unnest(%(people)s::bigint[], %(clients)s::bigint[], %(days)s::date[]) AS w(representative_id, client_id, planned_on)
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = w.client_id AND c.representative_id = w.representative_id
 WHERE NOT EXISTS (SELECT FROM portfolio_visit v WHERE v.organization_id = %(organization)s AND v.client_id = w.client_id
                      AND v.visited_at IS NULL AND v.cancelled_at IS NULL AND v.planned_on >= %(as_of)s)
RETURNING representative_id, client_id, planned_on
"""


def _write(rows: Sequence[tuple[int, int, date]], *, by: Actor, as_of: date, at: datetime) -> int:
    """Insert ``(representative, client, day)`` where still nothing waits for the client; one audit event a representative."""
    if not rows:
        return 0
    values: dict[str, Any] = {
        "organization": active_organization_id(),
        "people": array(person for person, _client, _on in rows),
        "clients": array(client for _person, client, _on in rows),
        "days": [on for _person, _client, on in rows],
        "as_of": as_of,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, values)
        cursor.execute(_PLAN, values)
        planned = cursor.fetchall()
    of_person = defaultdict(list)
    for person, client, on in sorted(planned):
        of_person[person].append([client, on.isoformat()])
    record_events(
        [Event(f"representative:{person}", "agenda.planned", after={"visits": visits}) for person, visits in of_person.items()],
        by=by,
        at=at,
    )
    return len(planned)


# A visit waits with whom no longer answers for the client, nor covers for whoever does.
_STRAYED = """
SELECT v.id, v.client_id, v.origin, c.representative_id FROM portfolio_visit v
  JOIN clients_client c ON c.organization_id = v.organization_id AND c.id = v.client_id
 WHERE v.organization_id = %(organization)s AND v.visited_at IS NULL AND v.cancelled_at IS NULL AND v.planned_on >= %(as_of)s
   AND c.representative_id <> v.representative_id
   AND NOT EXISTS (SELECT FROM accounts_absence a WHERE a.organization_id = v.organization_id AND a.representative_id = c.representative_id
                      AND a.cover_id = v.representative_id AND a.starts_on <= v.planned_on AND a.ends_on > v.planned_on)
"""
_CANCEL = """
UPDATE portfolio_visit SET cancelled_at = %(at)s, cancel_reason = %(reason)s, version = version + 1
 WHERE organization_id = %(organization)s AND id = ANY(%(cancelled)s::bigint[])
"""
_HAND_OVER = """
UPDATE portfolio_visit v SET representative_id = c.representative_id, position = NULL, version = v.version + 1
  FROM clients_client c
 WHERE v.organization_id = %(organization)s AND v.id = ANY(%(handed)s::bigint[])
   AND c.organization_id = v.organization_id AND c.id = v.client_id
"""


def _hand_over(*, as_of: date, at: datetime) -> None:
    values: dict[str, Any] = {"organization": active_organization_id(), "as_of": as_of, "at": at, "reason": MOVED_ON}
    with connection.cursor() as cursor:
        cursor.execute(_STRAYED, values)
        strayed = cursor.fetchall()
        if not strayed:
            return
        cancelled = [(visit, client) for visit, client, origin, _to in strayed if origin == "cadence"]
        handed = [(visit, client, to) for visit, client, origin, to in strayed if origin != "cadence"]
        values |= {"clients": array(client for _visit, client, _origin, _to in strayed)}
        values |= {"cancelled": array(visit for visit, _client in cancelled), "handed": array(visit for visit, _client, _to in handed)}
        cursor.execute(_LOCK, values)
        cursor.execute(_CANCEL, values)
        cursor.execute(_HAND_OVER, values)
    events = [Event(f"visit:{visit}", "visit.cancelled", after={"client": client}, reason=MOVED_ON) for visit, client in cancelled]
    events += [Event(f"visit:{visit}", "visit.handed_over", after={"client": client, "representative": to}) for visit, client, to in handed]
    record_events(events, by=PLANNER, at=at)
