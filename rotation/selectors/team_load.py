"""What each representative carries: clients, minutes with travel, money; and what moving clients would change of it.

Minutes are the engine's (rotation/engine/workload.py), counted by the database: a page must not read a company's clients.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.arrays import array
from accounts.models import Representative
from accounts.tenancy import active_organization_id
from rotation.engine.geometry import EARTH_KM
from rotation.engine.pairs import KM_SCALE, SAME_CITY_KM
from rotation.engine.workload import QUARTER_DAYS, QUARTER_WEEKS, TRAVEL_MINUTES_KM, VISIT_EVERY_DAYS, VISIT_MINUTES

# Of one client and one representative: the distance, NULL where a place is unknown (which least() would swallow), and the visits'
# minutes a quarter without travel.
_KM = f"""
CASE WHEN r.latitude + r.longitude + c.latitude + c.longitude IS NOT NULL THEN
  2 * {EARTH_KM} * asin(sqrt(least(1, sin(radians(r.latitude - c.latitude) / 2) ^ 2
    + cos(radians(c.latitude)) * cos(radians(r.latitude)) * sin(radians(r.longitude - c.longitude) / 2) ^ 2))) END"""
_VISITING = f"""
{QUARTER_DAYS * VISIT_MINUTES}
  / CASE v.abc WHEN 'A' THEN {VISIT_EVERY_DAYS[0]} WHEN 'B' THEN {VISIT_EVERY_DAYS[1]} ELSE {VISIT_EVERY_DAYS[2]} END"""
_MINUTES = f"""
visiting * (1 + coalesce(km, CASE WHEN near THEN {SAME_CITY_KM} ELSE {KM_SCALE} END) * {TRAVEL_MINUTES_KM / VISIT_MINUTES})"""
_HELD = f"""
SELECT representative_id, count(*), sum(net)::bigint, sum({_MINUTES}), avg(km) FROM (
  SELECT c.representative_id, coalesce(v.net_12m_cents, 0) AS net, {_KM} AS km, {_VISITING} AS visiting,
         c.city <> '' AND c.city = r.base_city AS near
    FROM clients_client c
    JOIN accounts_representative r ON r.organization_id = c.organization_id AND r.id = c.representative_id
    LEFT JOIN clients_clientactivity v ON v.organization_id = c.organization_id AND v.client_id = c.id
   WHERE c.organization_id = %(organization)s AND c.representative_id = ANY(%(people)s::bigint[]) AND c.discarded_on IS NULL) held
 GROUP BY 1
"""  # noqa: S608 - our own numbers
_MOVED = f"""
SELECT representative_id, side, count(*), sum(net)::bigint, sum({_MINUTES}), avg(km) FROM (
  SELECT r.id AS representative_id, side.n AS side, coalesce(v.net_12m_cents, 0) AS net, {_KM} AS km, {_VISITING} AS visiting,
         c.city <> '' AND c.city = r.base_city AS near
    FROM unnest(%(clients)s::bigint[], %(tos)s::bigint[]) AS m(client_id, to_id)
    JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = m.client_id
    CROSS JOIN LATERAL (VALUES (1, m.to_id), (-1, c.representative_id)) AS side(n, id)
    JOIN accounts_representative r ON r.organization_id = c.organization_id AND r.id = side.id
    LEFT JOIN clients_clientactivity v ON v.organization_id = c.organization_id AND v.client_id = c.id) moved
 GROUP BY 1, 2
"""  # noqa: S608 - our own numbers


_EACH = f"""
SELECT id, {_MINUTES} FROM (
  SELECT c.id, {_KM} AS km, {_VISITING} AS visiting, c.city <> '' AND c.city = r.base_city AS near
    FROM clients_client c
    JOIN accounts_representative r ON r.organization_id = c.organization_id AND r.id = %(to)s
    LEFT JOIN clients_clientactivity v ON v.organization_id = c.organization_id AND v.client_id = c.id
   WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s::bigint[])) each_of_them
"""  # noqa: S608 - our own numbers


@dataclass(frozen=True)
class Carried:
    """Some clients of one representative: how many, their net revenue of 12 months in cents, minutes a week with travel, mean km
    where known."""

    clients: int = 0
    net_cents: int = 0
    minutes: float = 0.0
    km: float | None = None

    @classmethod
    def of(cls, clients: int, net: int, minutes: float, km: float | None) -> "Carried":
        return cls(clients, int(net or 0), float(minutes or 0) / QUARTER_WEEKS, km)


@dataclass(frozen=True)
class TeamLoad:
    """What one representative carries now, and would after moves; minutes are a week's."""

    representative: Representative
    now: Carried
    gains: Carried = Carried()
    loses: Carried = Carried()

    @property
    def clients_after(self) -> int:
        return self.now.clients + self.gains.clients - self.loses.clients

    @property
    def minutes_after(self) -> float:
        return max(self.now.minutes + self.gains.minutes - self.loses.minutes, 0.0)

    @property
    def net_after(self) -> int:
        return self.now.net_cents + self.gains.net_cents - self.loses.net_cents

    @property
    def capacity(self) -> int:
        return self.representative.capacity_clients

    @property
    def capacity_minutes(self) -> int | None:
        return self.representative.capacity_minutes_week

    @property
    def share(self) -> float:
        """How full after: the worse of heads and minutes, where minutes are written down."""
        heads = self.clients_after / self.capacity if self.capacity else float(self.clients_after > 0) * 2
        return max(heads, self.minutes_after / self.capacity_minutes) if self.capacity_minutes else heads

    @property
    def over_clients(self) -> bool:
        return self.clients_after > self.capacity

    @property
    def over_minutes(self) -> bool:
        return bool(self.capacity_minutes) and round(self.minutes_after) > (self.capacity_minutes or 0)

    @property
    def over(self) -> bool:
        return self.over_clients or self.over_minutes


def team_load(people: QuerySet[Representative]) -> list[TeamLoad]:
    """What each of ``people`` carries, the fullest first, then by code; two queries, however many people and clients."""
    found = list(people)
    values: dict[str, Any] = {"organization": active_organization_id(), "people": array(person.pk for person in found)}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, values)
        held = {row[0]: Carried.of(*row[1:]) for row in cursor.fetchall()}
    lines = [TeamLoad(person, held.get(person.pk, Carried())) for person in found]
    return sorted(lines, key=lambda line: (-line.share, line.representative.code))


def minutes_at(to: Representative, clients: Collection[int]) -> dict[int, float]:
    """Minutes a week, with travel, that each of these clients would take of ``to``; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_EACH, {"organization": active_organization_id(), "to": to.pk, "clients": array(clients)})
        return {client: float(minutes) / QUARTER_WEEKS for client, minutes in cursor.fetchall()}


def with_moves(lines: Sequence[TeamLoad], moves: Sequence[tuple[int, int]]) -> list[TeamLoad]:
    """The same lines, in their order, with what these moves ``(client, receiver)`` would bring and take; one query.

    A client leaves whoever answers for it now. People not among ``lines`` are left out.
    """
    values: dict[str, Any] = {
        "organization": active_organization_id(),
        "clients": array(client for client, _to in moves),
        "tos": array(to for _client, to in moves),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, values)
        sides = {(row[0], row[1]): Carried.of(*row[2:]) for row in cursor.fetchall()}
    return [
        replace(line, gains=sides.get((line.representative.pk, 1), Carried()), loses=sides.get((line.representative.pk, -1), Carried()))
        for line in lines
    ]
