"""What a client's orders add up to on a day, as SQL: from the summary when it holds for that day, else from the orders.

Each form is a subquery with the same columns, so that the one SELECT over clients joins either.
"""

from collections.abc import Collection
from datetime import date, timedelta
from enum import Enum

from django.db import connection
from psycopg2 import sql

# Net of each day a client ordered on or gave back; a day whose net is not above zero is no order day. Grouped in the
# order of the covering index, with nothing fetched from the table.
DAYS = """
    SELECT client_id, ordered_on AS day, sum(net_cents)::bigint AS net
    FROM clients_order
    WHERE organization_id = %(organization)s AND ordered_on <= %(as_of)s
    GROUP BY client_id, ordered_on
"""
_TOTALS = """
    (count(*) FILTER (WHERE net > 0))::int - 1 AS repeat_days,
    min(day) FILTER (WHERE net > 0) AS first_on, max(day) FILTER (WHERE net > 0) AS last_on,
    sum(net)::bigint AS net_total_cents,
    coalesce(sum(net) FILTER (WHERE day > %(as_of)s::date - 365), 0)::bigint AS net_12m_cents,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 30))::int AS n30,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 90))::int AS n90,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 180))::int AS n180,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 365))::int AS n365
"""
_MEDIAN = "percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) FILTER (WHERE net > 0)"
_GAPS = """
    SELECT client_id, day, net, (day - max(day) FILTER (WHERE net > 0) OVER (
           PARTITION BY client_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))::float8 AS gap
    FROM ({days}) days
"""
_SUMMARY = """
    SELECT client_id, repeat_days, first_on, last_on, median_gap, net_total_cents, net_12m_cents, n30, n90, n180, n365
    FROM clients_clientactivity WHERE organization_id = %(organization)s
"""
_FROM_ORDERS = "SELECT client_id, {totals}, {median} AS median_gap FROM ({gaps}) gaps GROUP BY client_id"


# What an order day adds to, and for how many days; to the history itself, of which a window of no days is the edge, for ever.
_DAYS_OF_ORDERS = """
    SELECT client_id, ordered_on, sum(net_cents)::bigint FROM clients_order
    WHERE organization_id = %(organization)s AND status <> 'cancelled' AND ordered_on = ANY(%(days)s::date[])
    GROUP BY client_id, ordered_on
"""
WINDOWS = {"net_12m": 365, "n30": 30, "n90": 90, "n180": 180, "n365": 365}
# Each day more is two days of orders to read, and up to five where a rule counts them: beyond so many, all orders cost as much.
MOVED_WITHIN_DAYS = 120


class Source(Enum):
    """Where a day's activity is read from."""

    SUMMARY = "summary"  # every row of the summary was made for that very day
    MOVED = "moved"  # some were made for another: what has entered or left a window since is added to them, or taken off
    ORDERS = "orders"  # everything from the orders up to that day


def source_on(organization_id: int, as_of: date) -> tuple[Source, tuple[date, date]]:
    """The cheapest source that is right for that day, and the first and last day rows of the summary hold for; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT FROM clients_clientactivity WHERE organization_id = %(organization)s AND last_on > %(as_of)s),
                   min(windows_on), max(windows_on), count(*) - count(windows_on)
              FROM clients_clientactivity WHERE organization_id = %(organization)s
            """,
            {"organization": organization_id, "as_of": as_of},
        )
        later_orders, earliest, latest, undated = cursor.fetchone()
    if later_orders or undated:
        return Source.ORDERS, (as_of, as_of)
    if earliest is None or earliest == latest == as_of:
        return Source.SUMMARY, (as_of, as_of)
    moved = max(latest, as_of) - min(earliest, as_of) <= timedelta(days=MOVED_WITHIN_DAYS)
    return (Source.MOVED if moved else Source.ORDERS), (earliest, latest)


def days_query() -> sql.Composable:
    """Client, day and its net, one row each; parameters organization and days, those ``changing_days`` names."""
    return sql.SQL(_DAYS_OF_ORDERS)


def changing_days(first: date, last: date, windows: Collection[int]) -> list[date]:
    """The days whose orders enter or leave one of these windows, or the history, between two days."""
    moved = range((last - first).days)
    return sorted({last - timedelta(days=window + back) for window in {0, *windows} for back in moved})


def activity_query(source: Source, *, some_only: bool = False) -> sql.Composable:
    """The subquery: client_id, repeat_days, first_on, last_on, median_gap, net_total_cents, net_12m_cents, n30 to n365.

    Parameters organization and as_of, and ``some``, ids, where only those clients are wanted. A client without orders may be
    missing from it.
    """
    if source is not Source.ORDERS:
        return sql.SQL(_SUMMARY)
    days = DAYS.replace("GROUP BY", "AND client_id = ANY(%(some)s::bigint[]) GROUP BY") if some_only else DAYS
    gaps = sql.SQL(_GAPS).format(days=sql.SQL(days))
    return sql.SQL(_FROM_ORDERS).format(gaps=gaps, totals=sql.SQL(_TOTALS), median=sql.SQL(_MEDIAN))
