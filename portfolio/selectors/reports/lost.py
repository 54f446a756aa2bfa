"""Clients that turned inactive or were lost, month by month, and those lost by the reason that was given.

One definition, that of ``figures.Movement``: of the customers at the start, those that crossed the organization's limit, were declared
lost by a person, or were discarded, on the first such day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.declared import DECLARED, stood_on
from portfolio.selectors.figures.span import Span, asked, only, rows, scope
from portfolio.selectors.reports.losses import Reason
from portfolio.selectors.reports.reach import people_of
from portfolio.selectors.reports.scope import Scope, end_of


@dataclass(frozen=True)
class MonthOfLoss:
    """One month: the active at its start and those of them that turned inactive; the customers and those of them that were lost.

    As ``figures.Movement`` counts them: a customer is lost beyond the organization's limit, or discarded.
    """

    month: date
    active: int = 0
    inactivated: int = 0
    customers: int = 0
    lost: int = 0

    @property
    def inactivation_rate(self) -> float | None:
        return self.inactivated / self.active if self.active else None

    @property
    def loss_rate(self) -> float | None:
        return self.lost / self.customers if self.customers else None


# Who stood at each month's start, and who crossed a limit within it: one pass over the order days for all months.
_LOST = f"""
WITH {DECLARED}, month AS (SELECT * FROM unnest(%(starts)s::date[], %(ends)s::date[]) AS m(start, stop)),
day AS (
    SELECT client_id, ordered_on AS day FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on >= %(since)s - %(lost)s AND ordered_on <= %(until)s AND status <> 'cancelled'
       AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
     GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0
), step AS (
    SELECT client_id, day, lead(day) OVER (PARTITION BY client_id ORDER BY day) AS next FROM day
), base AS (
    SELECT m.start, m.stop, s.client_id, s.day AS last_before, c.discarded_on
      FROM month m JOIN step s ON s.day < m.start AND s.day >= m.start - %(lost)s AND (s.next IS NULL OR s.next >= m.start)
      JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
       AND (c.discarded_on IS NULL OR c.discarded_on >= m.start)
     WHERE NOT {stood_on("s.client_id", "m.start - 1")}
), crossed AS (
    SELECT m.start, s.client_id,
           min(s.day + %(inactive)s) FILTER (WHERE s.day + %(inactive)s BETWEEN m.start AND m.stop
                                               AND (s.next IS NULL OR s.next > s.day + %(inactive)s)
                                               AND NOT {stood_on("s.client_id", "s.day + %(inactive)s")}) AS inactivated_on,
           min(s.day + %(lost)s) FILTER (WHERE s.day + %(lost)s BETWEEN m.start AND m.stop
                                           AND (s.next IS NULL OR s.next > s.day + %(lost)s)) AS lost_on
      FROM month m JOIN step s ON s.day + %(inactive)s BETWEEN m.start AND m.stop OR s.day + %(lost)s BETWEEN m.start AND m.stop
     GROUP BY m.start, s.client_id
), quit AS (
    SELECT m.start, d.client_id, min(d.lost_on) AS day FROM month m JOIN declared d ON d.lost_on BETWEEN m.start AND m.stop
     GROUP BY m.start, d.client_id
), event AS (
    SELECT start, client_id, 'customers' AS what, start - 1 AS day FROM base
    UNION ALL SELECT start, client_id, 'active', start - 1 FROM base WHERE last_before >= start - %(inactive)s
    UNION ALL SELECT b.start, b.client_id, 'inactivated', x.inactivated_on FROM base b JOIN crossed x USING (start, client_id)
               WHERE b.last_before >= b.start - %(inactive)s AND x.inactivated_on IS NOT NULL
                 AND (b.discarded_on IS NULL OR x.inactivated_on < b.discarded_on)
    UNION ALL SELECT b.start, b.client_id, 'lost', least(x.lost_on, q.day, b.discarded_on)
                FROM base b LEFT JOIN crossed x USING (start, client_id) LEFT JOIN quit q USING (start, client_id)
               WHERE x.lost_on IS NOT NULL OR q.day IS NOT NULL OR b.discarded_on <= b.stop
), credited AS (
    SELECT e.*, w.representative_id FROM event e
      LEFT JOIN portfolio_ownership w ON w.organization_id = %(organization)s AND w.client_id = e.client_id
       AND w.started_on <= e.day AND (w.ended_on IS NULL OR w.ended_on > e.day)
)
"""  # noqa: S608 - constants of this module


def losses_of_months(given: Scope, limits: Limits, months: Sequence[date]) -> list[MonthOfLoss]:
    """The loss of each of these months (first days, in order), up to the scope's last day; one statement.

    What became of a client is credited to who answered for it on that day, as in ``figures.movement``.
    """
    people = people_of(given)
    statement = f"""{_LOST}
SELECT start, count(*) FILTER (WHERE what = 'active'), count(*) FILTER (WHERE what = 'inactivated'),
       count(*) FILTER (WHERE what = 'customers'), count(*) FILTER (WHERE what = 'lost')
  FROM credited WHERE {scope(people, "representative_id")} GROUP BY start"""  # noqa: S608 - constants of this module
    shown = [month for month in months if month <= given.last]
    if not shown:
        return []
    spans = [(month, min(end_of(month), given.last)) for month in shown]
    found = {row[0]: MonthOfLoss(*row) for row in rows(statement, _values(given, limits, spans))}
    return [found.get(month, MonthOfLoss(month)) for month in shown]


def _values(given: Scope, limits: Limits, spans: Sequence[tuple[date, date]]) -> dict[str, Any]:
    """What ``_LOST`` is given: the days looked at, each from its first to its last."""
    starts, ends = [first for first, _last in spans], [last for _first, last in spans]
    days = Span(starts[0].replace(day=1), ends[-1])
    values = asked(days, people_of(given), inactive=limits.inactive, lost=limits.lost, **only(given.client_ids))
    return values | {"since": starts[0], "starts": starts, "ends": ends}


class LostClient(NamedTuple):
    """A client lost within the days looked at: when, why ("" where nobody said), and what it bought in the year up to its last order."""

    pk: int
    code: str
    name: str
    city: str
    state: str
    representative: str  # who answers for it now
    on: date
    why: str
    cents: int


# Why: of a client lost by being discarded, that reason; else what was said of the silence it was lost in, whenever it was said.
_LOST_CLIENTS = f"""{_LOST}, lost AS (
    SELECT client_id, day FROM credited WHERE what = 'lost' AND {{scope}}
), told AS (
    SELECT l.client_id, l.day, l.day IS NOT DISTINCT FROM c.discarded_on AS left_then, c.discard_reason, s.last_on
      FROM lost l JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = l.client_id
      LEFT JOIN (SELECT l.client_id, max(d.day) AS last_on FROM lost l JOIN day d ON d.client_id = l.client_id AND d.day <= l.day
                  GROUP BY l.client_id) s ON s.client_id = l.client_id
), said AS (
    SELECT t.client_id, t.day, t.last_on, CASE WHEN t.left_then THEN t.discard_reason ELSE coalesce(stop.reason, '') END AS why
      FROM told t LEFT JOIN LATERAL (
        SELECT reason FROM clients_clientstop s
         WHERE s.organization_id = %(organization)s AND s.client_id = t.client_id AND s.silent_since BETWEEN t.last_on AND t.day
         ORDER BY s.silent_since DESC LIMIT 1) stop ON TRUE
), worth AS (
    SELECT s.client_id, sum(m.revenue_cents)::bigint AS cents FROM said s
      JOIN clients_clientmonth m ON m.organization_id = %(organization)s AND m.client_id = s.client_id
       AND m.month <= s.last_on AND m.month >= (date_trunc('month', s.last_on) - interval '11 months')::date
     GROUP BY s.client_id
)
"""  # noqa: S608 - constants of this module


def lost_by_reason(given: Scope, limits: Limits) -> list[Reason]:
    """The clients lost within the scope by reason, most first: together as many as ``Movement.lost`` of its days; one statement."""
    statement = f"""{_LOST_CLIENTS.format(scope=scope(people_of(given), "representative_id"))}
SELECT why, count(*), coalesce(sum(w.cents), 0)::bigint FROM said LEFT JOIN worth w USING (client_id) GROUP BY why"""  # noqa: S608 - constants
    found = [Reason(*row) for row in rows(statement, _values(given, limits, [(given.first, given.last)]))]
    return sorted(found, key=lambda each: (-each.n, -each.cents, each.words))


def lost_clients(given: Scope, limits: Limits, *, why: str | None = None, offset: int = 0, limit: int | None = None) -> list[LostClient]:
    """The clients behind ``lost_by_reason``, of one reason ("" where none was said) or of all (None), latest first; one statement."""
    statement = f"""{_LOST_CLIENTS.format(scope=scope(people_of(given), "representative_id"))}
SELECT c.id, c.code, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, coalesce(r.code || ' ' || r.name, ''), s.day, s.why,
       coalesce(w.cents, 0)
  FROM said s JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
  LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = c.representative_id
  LEFT JOIN worth w ON w.client_id = s.client_id
 WHERE %(why)s::text IS NULL OR s.why = %(why)s
 ORDER BY s.day DESC, c.name_key, c.id LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608 - constants of this module
    values = _values(given, limits, [(given.first, given.last)]) | {"why": why, "limit": limit, "offset": offset}
    return [LostClient(*row) for row in rows(statement, values)]
