"""What a client's orders add up to on a day, as SQL: from the summary when it holds for that day, else from the orders.

Each form is a subquery with the same columns, so that the one SELECT over clients joins either.
"""

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
# Where the totals show the same order days as the summary, so are the gaps between them, and its median holds: a median
# a client is by far the dearest part of reading orders. The few that bought since are worked out one by one.
_TOTALS_FROM_ORDERS = """
    SELECT t.client_id, t.repeat_days, t.first_on, t.last_on, t.net_total_cents, t.net_12m_cents, t.n30, t.n90, t.n180, t.n365,
           CASE WHEN t.repeat_days < 1 THEN NULL
                WHEN (t.repeat_days, t.first_on, t.last_on) = (s.repeat_days, s.first_on, s.last_on) THEN s.median_gap
                ELSE (SELECT {median} FROM ({gaps}) gaps) END AS median_gap
    FROM (SELECT client_id, {totals} FROM ({days}) days GROUP BY client_id) t
    LEFT JOIN clients_clientactivity s ON s.organization_id = %(organization)s AND s.client_id = t.client_id
"""
_ALL_FROM_ORDERS = "SELECT client_id, {totals}, {median} AS median_gap FROM ({gaps}) gaps GROUP BY client_id"


# The clients whose sums a later day changes: an order of theirs enters or leaves a window, or the history itself. Each row of the
# summary holds for a day of its own; from the earliest of these on, none is missed.
_CHANGED = """
    SELECT DISTINCT client_id FROM clients_order
    WHERE organization_id = %(organization)s AND status <> 'cancelled' AND ordered_on = ANY(%(days)s::date[])
"""
_WINDOWS = (0, 30, 90, 180, 365)
# Beyond so many days too many clients have changed for asking about each of them.
MOVED_WITHIN_DAYS = 3


class Source(Enum):
    """Where a day's activity is read from."""

    SUMMARY = "summary"  # every row of the summary was made for that very day
    MOVED = "moved"  # the summary is a few days older: the rows those days change are summed up anew, from the orders
    TOTALS = "totals"  # the summary is older: totals from the orders, medians from it where nothing changed
    ORDERS = "orders"  # the summary is newer: everything from the orders up to that day


def source_on(organization_id: int, as_of: date) -> tuple[Source, date]:
    """The cheapest source that is right for that day, and the earliest day a row of the summary holds for; one query."""
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
    if later_orders:
        return Source.ORDERS, as_of
    if undated:
        return Source.TOTALS, as_of
    if earliest is None or earliest == latest == as_of:
        return Source.SUMMARY, as_of
    moved = latest <= as_of <= earliest + timedelta(days=MOVED_WITHIN_DAYS)
    return (Source.MOVED if moved else Source.TOTALS), earliest


def changed_query() -> sql.Composable:
    """The clients whose sums may differ between two days; parameters organization and days, those ``changing_days`` names."""
    return sql.SQL(_CHANGED)


def changing_days(earliest: date, as_of: date) -> list[date]:
    """The days whose orders enter or leave a window when the day moves from ``earliest`` to ``as_of``."""
    moved = (as_of - earliest).days
    return sorted({as_of - timedelta(days=window + back) for window in _WINDOWS for back in range(moved)})


def activity_query(source: Source, *, changed_only: bool = False) -> sql.Composable:
    """The subquery: client_id, repeat_days, first_on, last_on, median_gap, net_total_cents, net_12m_cents, n30 to n365.

    Parameters organization and as_of, and ``changed``, ids, where only those clients are wanted. A client without orders may be
    missing from it.
    """
    days = DAYS.replace("GROUP BY", "AND client_id = ANY(%(changed)s::bigint[]) GROUP BY") if changed_only else DAYS
    parts = {"days": sql.SQL(days), "totals": sql.SQL(_TOTALS), "median": sql.SQL(_MEDIAN)}
    if source in (Source.SUMMARY, Source.MOVED):
        return sql.SQL(_SUMMARY)
    if source is Source.ORDERS:
        return sql.SQL(_ALL_FROM_ORDERS).format(gaps=sql.SQL(_GAPS).format(**parts), **parts)
    # inside the CASE, one client's days only
    own = {**parts, "days": sql.SQL(DAYS.replace("GROUP BY", "AND client_id = t.client_id GROUP BY"))}
    return sql.SQL(_TOTALS_FROM_ORDERS).format(gaps=sql.SQL(_GAPS).format(**own), **parts)
