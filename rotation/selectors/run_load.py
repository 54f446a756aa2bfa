"""What each representative carries before a run and would after it: clients, minutes a week, revenue."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import Representative
from accounts.tenancy import active_organization_id
from rotation.engine.geometry import EARTH_KM
from rotation.engine.pairs import KM_SCALE, SAME_CITY_KM
from rotation.engine.workload import QUARTER_DAYS, QUARTER_WEEKS, TRAVEL_MINUTES_KM, VISIT_EVERY_DAYS, VISIT_MINUTES
from rotation.models import Run

# The engine's own numbers of what a client costs (rotation/engine/workload.py), a week instead of a quarter.
_NUMBERS = {
    "weekly": QUARTER_DAYS * VISIT_MINUTES / QUARTER_WEEKS,
    "every_a": VISIT_EVERY_DAYS[0],
    "every_b": VISIT_EVERY_DAYS[1],
    "every_c": VISIT_EVERY_DAYS[2],
    "travel": TRAVEL_MINUTES_KM / VISIT_MINUTES,
    "same_city": SAME_CITY_KM,
    "unknown": KM_SCALE,
    "earth": EARTH_KM,
}
_HELD = """
    SELECT c.representative_id, count(*), coalesce(sum(a.net_12m_cents), 0), coalesce(sum(
               %(weekly)s / CASE a.abc WHEN 'A' THEN %(every_a)s WHEN 'B' THEN %(every_b)s ELSE %(every_c)s END * (1 + d.km * %(travel)s)
           ) FILTER (WHERE c.discarded_on IS NULL), 0)
    FROM clients_client c
    JOIN accounts_representative r ON r.organization_id = c.organization_id AND r.id = c.representative_id
    LEFT JOIN clients_clientactivity a ON a.organization_id = c.organization_id AND a.client_id = c.id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN c.latitude + c.longitude + r.latitude + r.longitude IS NOT NULL
        THEN 2 * %(earth)s * asin(sqrt(least(1, sin(radians(c.latitude - r.latitude) / 2) ^ 2
             + cos(radians(c.latitude)) * cos(radians(r.latitude)) * sin(radians(c.longitude - r.longitude) / 2) ^ 2)))
        WHEN c.city <> '' AND c.city = r.base_city THEN %(same_city)s ELSE %(unknown)s END AS km) d
    WHERE c.organization_id = %(organization)s AND c.representative_id = ANY(%(people)s)
    GROUP BY c.representative_id
"""
_MOVES = """
    SELECT p.state = 'applied', p.from_representative_id, p.to_representative_id, count(*), sum(p.net_12m_cents),
           sum(v.minutes * (1 + coalesce(p.km_from, %(unknown)s) * %(travel)s)),
           sum(v.minutes * (1 + coalesce(p.km_to, %(unknown)s) * %(travel)s))
    FROM rotation_proposal p
    CROSS JOIN LATERAL (
        SELECT %(weekly)s / CASE p.abc WHEN 'A' THEN %(every_a)s WHEN 'B' THEN %(every_b)s ELSE %(every_c)s END AS minutes) v
    WHERE p.organization_id = %(organization)s AND p.run_id = %(run)s AND p.state IN ('proposed', 'approved', 'applied')
    GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class Carried:
    """One measure of one representative: clients, minutes a week, or cents of the last 12 months; ``capacity`` None where none is set."""

    before: int
    after: int
    capacity: int | None = None

    @property
    def change(self) -> int:
        return self.after - self.before

    @property
    def over(self) -> bool:
        return self.capacity is not None and self.after > self.capacity


@dataclass(frozen=True)
class RunLoad:
    """What one representative carries, before and after the run's open and applied moves."""

    representative: Representative
    clients: Carried
    minutes: Carried
    revenue: Carried


@dataclass
class _Sum:
    clients: int = 0
    cents: int = 0
    minutes: float = 0.0

    def add(self, sign: int, n: int, cents: int, minutes: float) -> None:
        self.clients += sign * n
        self.cents += sign * cents
        self.minutes += sign * minutes


@dataclass
class _Shift:
    """What a representative's holdings of now lack of those before, and of those after."""

    before: _Sum = field(default_factory=_Sum)
    after: _Sum = field(default_factory=_Sum)


def run_loads(run: Run, *, within: QuerySet[Representative]) -> list[RunLoad]:
    """Loads of the representatives of ``within`` who serve on the run's day or take part in it, the fullest first; three queries.

    Pending and approved moves count as made; refused ones do not. For moves already applied, "before" is rebuilt by
    taking them back.
    """
    values = {**_NUMBERS, "organization": active_organization_id(), "run": run.pk}
    shifts: dict[int, _Shift] = defaultdict(_Shift)
    with connection.cursor() as cursor:
        cursor.execute(_MOVES, values)
        for applied, origin, receiver, n, cents, minutes_from, minutes_to in cursor.fetchall():
            if origin:
                shift = shifts[origin]
                (shift.before if applied else shift.after).add(1 if applied else -1, n, int(cents), minutes_from)
            if receiver:
                shift = shifts[receiver]
                (shift.before if applied else shift.after).add(-1 if applied else 1, n, int(cents), minutes_to)
    serving = (Q(valid_to=None) | Q(valid_to__gt=run.as_of)) & (Q(valid_from=None) | Q(valid_from__lte=run.as_of))
    people = list(within.filter(serving | Q(pk__in=list(shifts))).order_by("code"))
    with connection.cursor() as cursor:
        cursor.execute(_HELD, values | {"people": [each.pk for each in people]})
        held = {pk: _Sum(n, int(cents), minutes) for pk, n, cents, minutes in cursor.fetchall()}
    loads = [_load(each, held.get(each.pk, _Sum()), shifts[each.pk]) for each in people]
    return sorted(loads, key=lambda load: (-load.clients.after / max(load.clients.capacity or 0, 1), load.representative.code))


def _load(person: Representative, held: _Sum, shift: _Shift) -> RunLoad:
    before, after = shift.before, shift.after
    return RunLoad(
        person,
        Carried(held.clients + before.clients, held.clients + after.clients, person.capacity_clients),
        Carried(round(held.minutes + before.minutes), round(held.minutes + after.minutes), person.capacity_minutes_week),
        Carried(held.cents + before.cents, held.cents + after.cents),
    )
