"""Whose turn it is to be visited, and which days have room: what planning the coming weeks reads, in four statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db import connection
from django.db.models import Count, Q

from accounts.arrays import array
from accounts.models import Absence, Organization, Representative
from accounts.tenancy import active_organization_id
from portfolio.models import Visit
from portfolio.spread import Due
from portfolio.workdays import is_workday

MOST_TURNS = 3  # a client late by more turns is not later for that: then its value decides
MOST_PER_REPRESENTATIVE = 250  # more than two weeks of anybody's days hold

# ``at`` and ``by`` are the last visit's day and what was agreed at it. A cancelled visit uses up its turn, for whoever
# cancelled it: the next falls one interval later. A client lost for good is visited only with an interval of its own.
_DUE = """
WITH book AS (
  SELECT c.id, c.representative_id, c.latitude, c.longitude, CASE WHEN c.city = '' THEN '' ELSE lower(c.city) || '/' || c.state END AS city,
         CASE WHEN c.trade_name = '' THEN c.name ELSE c.trade_name END AS name, c.city AS city_name,
         coalesce(a.abc, '') AS abc, coalesce(a.net_12m_cents, 0) AS value,
         coalesce(c.visit_every_days, CASE a.abc WHEN 'A' THEN %(a)s WHEN 'B' THEN %(b)s ELSE %(c)s END) AS every,
         last.visited_on, skipped.planned_on AS skipped_on,
         CASE WHEN skipped.planned_on >= last.next_contact_on THEN NULL ELSE last.next_contact_on END AS agreed_on,
         coalesce(c.registered_on, (c.created_at AT TIME ZONE %(zone)s)::date) AS registered_on
    FROM clients_client c
    LEFT JOIN clients_clientactivity a ON a.organization_id = c.organization_id AND a.client_id = c.id
    LEFT JOIN LATERAL (SELECT visited_on, next_contact_on FROM portfolio_visit v
                        WHERE v.organization_id = c.organization_id AND v.client_id = c.id AND v.visited_on IS NOT NULL
                        ORDER BY v.visited_on DESC, v.id DESC LIMIT 1) last ON true
    LEFT JOIN LATERAL (SELECT max(v.planned_on) AS planned_on FROM portfolio_visit v
                        WHERE v.organization_id = c.organization_id AND v.client_id = c.id AND v.visited_on IS NULL
                          AND v.cancelled_at IS NOT NULL AND v.visited_at IS NULL
                          AND v.representative_id = c.representative_id) skipped ON true
   WHERE c.organization_id = %(organization)s AND c.representative_id = ANY(%(people)s::bigint[])
     AND NOT c.blocked AND (c.discarded_on IS NULL OR c.discarded_on > %(as_of)s)
     AND (c.visit_every_days IS NOT NULL OR a.last_on IS NULL OR a.last_on > %(lost)s)
     AND NOT EXISTS (SELECT FROM portfolio_visit w WHERE w.organization_id = c.organization_id AND w.client_id = c.id
                        AND w.visited_at IS NULL AND w.cancelled_at IS NULL AND w.planned_on >= %(as_of)s)
), turns AS (
  SELECT book.*, coalesce(agreed_on, greatest(visited_on, skipped_on) + every, registered_on) AS due_on FROM book WHERE every > 0
), ranked AS (
  SELECT turns.*, least(greatest(%(as_of)s - due_on, 0) / every, %(turns)s) AS late,
         row_number() OVER (PARTITION BY representative_id ORDER BY agreed_on IS NOT NULL DESC,
           least(greatest(%(as_of)s - due_on, 0) / every, %(turns)s) DESC, value DESC, due_on, id) AS place
    FROM turns WHERE due_on <= %(until)s
)
SELECT representative_id, id, due_on, agreed_on IS NOT NULL, latitude, longitude, city, name, city_name, abc, value, visited_on, late
  FROM ranked WHERE place <= %(most)s ORDER BY representative_id, place
"""


@dataclass(frozen=True)
class Turn:
    """A due client as a preview shows it: its last visit, and how many turns (0 to 3, "three or more") it is late."""

    due: Due
    name: str
    city: str
    abc: str
    net_12m_cents: int
    last_visit_on: date | None
    turns_late: int


@dataclass(frozen=True)
class Desk:
    """What one representative's coming days are planned from."""

    representative: Representative
    rooms: list[tuple[date, int]]  # every day of the weeks ahead; 0 on days nobody works
    turns: list[Turn] = field(default_factory=list)  # in order of precedence


def desks(organization: Organization, people: Sequence[Representative], *, as_of: date, first: date, days: int) -> list[Desk]:
    """Turns and room of each representative for ``days`` days from ``first``; three statements, however many people.

    Room is what their visits a day leave beside what is planned or done already: none on weekends, on holidays of the
    country and of the state of their base, while they are absent or do not serve.
    """
    ids, last = [person.pk for person in people], first + timedelta(days=days - 1)
    away = defaultdict(list)
    for who, starts, ends in Absence.objects.filter(representative__in=ids, starts_on__lte=last, ends_on__gt=first).values_list(
        "representative_id", "starts_on", "ends_on"
    ):
        away[who].append((starts, ends))
    taken = {
        (who, on): n
        for who, on, n in Visit.objects.filter(representative__in=ids, planned_on__range=(first, last))
        .filter(Q(cancelled_at=None) | Q(visited_at__isnull=False))
        .order_by()
        .values_list("representative_id", "planned_on")
        .annotate(n=Count("pk"))
    }
    turns = _turns(organization, ids, as_of=as_of, until=last)
    found = []
    for person in people:
        rooms = []
        for day in (first + timedelta(days=n) for n in range(days)):
            works = is_workday(day, organization.country, person.base_state) and _serves(person, day)
            works = works and not any(starts <= day < ends for starts, ends in away[person.pk])
            rooms.append((day, max(person.visits_per_day - taken.get((person.pk, day), 0), 0) if works else 0))
        found.append(Desk(person, rooms, turns[person.pk]))
    return found


def _serves(person: Representative, day: date) -> bool:
    return (person.valid_from is None or person.valid_from <= day) and (person.valid_to is None or person.valid_to > day)


def _turns(organization: Organization, ids: Sequence[int], *, as_of: date, until: date) -> dict[int, list[Turn]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            {
                "organization": active_organization_id(),
                "people": array(ids),
                "zone": organization.time_zone,
                "a": organization.cadence_a_days,
                "b": organization.cadence_b_days,
                "c": organization.cadence_c_days,
                "as_of": as_of,
                "until": until,
                "lost": as_of - timedelta(days=organization.lost_days),
                "turns": MOST_TURNS,
                "most": MOST_PER_REPRESENTATIVE,
            },
        )
        rows = cursor.fetchall()
    found = defaultdict(list)
    for who, client, due_on, agreed, latitude, longitude, city, name, city_name, abc, value, visited_on, late in rows:
        due = Due(client, due_on, agreed, latitude, longitude, city)
        found[who].append(Turn(due, name, city_name, abc, value, visited_on, late))
    return found
