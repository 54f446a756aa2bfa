"""What other limits or ABC cuts would do to the clients there are, before anybody saves them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from accounts.tenancy import active_organization_id
from clients.selectors.lifecycle import Lifecycle, Limits

_STATES = """
WITH silent AS (
  SELECT %(as_of)s::date - a.last_on AS days FROM clients_client c
    JOIN clients_clientactivity a ON a.organization_id = c.organization_id AND a.client_id = c.id
   WHERE c.organization_id = %(organization)s AND a.last_on IS NOT NULL AND (c.discarded_on IS NULL OR c.discarded_on > %(as_of)s)
     AND (c.lost_silence IS NULL OR c.lost_silence < a.last_on)
), states AS (
  SELECT width_bucket(days, %(now)s::int[]) AS now, width_bucket(days, %(then)s::int[]) AS later FROM silent
)
SELECT now, later, count(*) FROM states GROUP BY now, later
"""
_CLASSES = """
WITH ranked AS (
  SELECT abc, net_12m_cents, sum(net_12m_cents) OVER (ORDER BY net_12m_cents DESC, client_id) - net_12m_cents AS before,
         sum(net_12m_cents) OVER () AS total
    FROM clients_clientactivity WHERE organization_id = %(organization)s AND net_12m_cents > 0
)
SELECT abc, CASE WHEN before * 100 < total * %(a)s THEN 'A' WHEN before * 100 < total * %(b)s THEN 'B' ELSE 'C' END, count(*)
  FROM ranked GROUP BY 1, 2
"""
_IN_ORDER = (Lifecycle.ACTIVE, Lifecycle.NEAR_INACTIVE, Lifecycle.INACTIVE, Lifecycle.LOST)


@dataclass(frozen=True)
class Effect:
    """How many clients each group has now and would have, and how many would change their group."""

    rows: list[tuple[str, int, int]]
    changed: int

    @property
    def total(self) -> int:
        return sum(now for _name, now, _later in self.rows)


def limits_effect(now: Limits, later: Limits, *, as_of: date) -> Effect:
    """Clients by state under both limits, those at risk among the active; one query.

    Prospects and discarded clients stay what they are whatever the limits.
    """
    parameters: dict[str, Any] = {
        "organization": active_organization_id(),
        "as_of": as_of,
        "now": [now.warn, now.inactive, now.lost],
        "then": [later.warn, later.inactive, later.lost],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATES, parameters)
        found = cursor.fetchall()
    return _effect([state.value for state in _IN_ORDER], [(_IN_ORDER[a].value, _IN_ORDER[b].value, n) for a, b, n in found])


def classes_effect(a_percent: int, b_percent: int) -> Effect:
    """Clients by ABC class as it stands and under the cuts given, among those that bought within the year; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_CLASSES, {"organization": active_organization_id(), "a": a_percent, "b": b_percent})
        return _effect(["A", "B", "C"], cursor.fetchall())


def _effect(names: list[str], found: list[tuple[str, str, int]]) -> Effect:
    rows = [(name, sum(n for a, _b, n in found if a == name), sum(n for _a, b, n in found if b == name)) for name in names]
    return Effect(rows, sum(n for a, b, n in found if a != b))
