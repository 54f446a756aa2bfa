"""The rows behind positivação, coverage of visits and mix.

The figures themselves are those of ``portfolio.selectors.figures``; the rows come from the same conditions.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from accounts.arrays import array
from portfolio.selectors.figures.span import People, Span, asked, only, scope, sold, standing
from portfolio.selectors.reports.scope import Scope

REACHED = ("clients", "buyers", "missing", "visited", "unvisited")


class ReachedClient(NamedTuple):
    """A client of the portfolio on the last day, and what came of it in the days looked at, whoever sold or visited."""

    pk: int
    code: str
    name: str
    city: str
    state: str
    representative_id: int | None
    representative: str
    orders: int
    cents: int
    visits: int
    last_order_on: date | None  # ever
    last_visit_on: date | None


_VISITED = """
seen AS (
    SELECT client_id, count(*) AS visits FROM portfolio_visit
     WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s GROUP BY client_id
)"""
_NARROWED = {
    "clients": "TRUE",
    "buyers": "b.days > 0",
    "missing": "coalesce(b.days, 0) = 0",
    "visited": "v.client_id IS NOT NULL",
    "unvisited": "v.client_id IS NULL",
}


def people_of(given: Scope) -> People:
    """Whose figures a scope asks for, as the figures take it: None where those of nobody count too."""
    return None if given.nobody else list(given.representatives)


def span_of(given: Scope) -> Span:
    """The scope's days as a span: it begins on the first of a month, and its last month is cut by the present only."""
    return Span(given.first.replace(day=1), given.last)


def reached_clients(given: Scope, what: str, *, offset: int = 0, limit: int | None = None) -> list[ReachedClient]:
    """The clients behind a number of ``reached``, greatest sale first, those that somebody answers for; one statement.

    Raises
    ------
    ValueError
        ``what`` is none of ``REACHED``.
    """
    statement, values = _reached(given, what)
    return [ReachedClient(*row) for row in _read(f"{statement} LIMIT %(limit)s OFFSET %(offset)s", values, limit=limit, offset=offset)]


def _reached(given: Scope, what: str) -> tuple[str, dict[str, Any]]:
    if what not in REACHED:
        raise ValueError(f"no clients of the portfolio by {what!r}")
    people, span = people_of(given), span_of(given)
    statement = f"""
WITH {sold(span)}, {standing(span)}, {_VISITED},
bought AS (SELECT client_id, sum(orders) AS orders, sum(revenue_cents) AS cents, sum(order_days) AS days FROM sold GROUP BY client_id)
SELECT c.id, c.code, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, r.id, r.code || ' ' || r.name,
       coalesce(b.orders, 0)::int, coalesce(b.cents, 0)::bigint, coalesce(v.visits, 0)::int, a.last_on, a.last_visit_on
  FROM standing s JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
  JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = s.representative_id
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
  LEFT JOIN bought b ON b.client_id = s.client_id LEFT JOIN seen v ON v.client_id = s.client_id
 WHERE {_NARROWED[what]} AND {scope(people, "s.representative_id")}
 ORDER BY coalesce(b.cents, 0) DESC, a.net_12m_cents DESC NULLS LAST, c.name_key, c.id"""  # noqa: S608 - constants of this module
    return statement, asked(span, people, **only(given.client_ids))


class MixedClient(NamedTuple):
    """A client that bought, credited to one representative: distinct products, lines and orders of the days looked at."""

    pk: int
    code: str
    name: str
    city: str
    state: str
    representative_id: int | None
    representative: str
    products: int
    items: int
    orders: int


def mixed_clients(given: Scope, *, offset: int = 0, limit: int | None = None) -> list[MixedClient]:
    """The clients behind ``mix``, widest first; one bought from by two people stands there for each; one statement."""
    people = people_of(given)
    statement = f"""
WITH taken AS (
    SELECT id, client_id, representative_id, ordered_on, status = 'valid' AS valid, net_cents FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on BETWEEN %(since)s AND %(until)s AND status <> 'cancelled'
       AND {scope(people, "representative_id")} AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
), buyer AS (
    SELECT DISTINCT client_id, representative_id FROM (
        SELECT client_id, representative_id FROM taken GROUP BY client_id, representative_id, ordered_on HAVING sum(net_cents) > 0) day
), wide AS (
    SELECT o.client_id, o.representative_id, count(DISTINCT i.product_id) AS products, count(i.id) AS items, count(DISTINCT o.id) AS orders
      FROM taken o LEFT JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
     WHERE o.valid GROUP BY o.client_id, o.representative_id
)
SELECT c.id, c.code, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, r.id, coalesce(r.code || ' ' || r.name, ''),
       coalesce(w.products, 0), coalesce(w.items, 0), coalesce(w.orders, 0)
  FROM buyer b JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = b.client_id
  LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = b.representative_id
  LEFT JOIN wide w ON w.client_id = b.client_id AND w.representative_id IS NOT DISTINCT FROM b.representative_id
 ORDER BY w.products DESC NULLS LAST, c.name_key, c.id, r.id LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608 - constants
    values = asked(span_of(given), people, **only(given.client_ids))
    return [MixedClient(*row) for row in _read(statement, values, limit=limit, offset=offset)]


def visited_by_month(given: Scope, months: Sequence[date]) -> list[tuple[date, int]]:
    """Clients of the scope's own visits, each once a month: visits made by its representatives; one statement."""
    statement = """
SELECT date_trunc('month', visited_on)::date, count(DISTINCT client_id) FROM portfolio_visit
 WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s AND representative_id = ANY(%(reps)s::bigint[])
   AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[])) GROUP BY 1"""
    values = asked(Span(months[0], given.last), None, **only(given.client_ids)) | {"reps": array(given.representatives)}
    found = dict(_read(statement, values))
    return [(month, found.get(month, 0)) for month in months]


def _read(statement: str, values: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values | more)
        return cursor.fetchall()
