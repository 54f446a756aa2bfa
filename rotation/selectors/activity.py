"""What a client's orders add up to on a day: from the summary, brought to that day where it was made for another, or from the orders."""

from collections.abc import Collection
from datetime import date, timedelta
from enum import Enum

import numpy as np
from django.db import connection
from psycopg2 import sql

from rotation.selectors.columns import Array, read_columns

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
_FROM_ORDERS = "SELECT client_id, {totals}, {median} AS median_gap FROM ({gaps}) gaps GROUP BY client_id"


# The order days that enter or leave a window between two days.
_DAYS_THAT_MATTER = sql.SQL("""
    SELECT client_id, ordered_on, sum(net_cents)::bigint FROM clients_order
    WHERE organization_id = %(organization)s AND status <> 'cancelled' AND ordered_on = ANY(%(days)s::date[])
    GROUP BY client_id, ordered_on
""")
# Column of the summary that is a sum over the last so many days -> how many.
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


def days_that_matter(
    organization_id: int, made: tuple[date, date], as_of: date, columns: Collection[str], *, no_day: int
) -> dict[str, Array]:
    """The order days by which rows made for days between the two of ``made`` differ from those of ``as_of``.

    Parameters
    ----------
    columns : only the windows named in it are looked at, and the history itself
    no_day : as for ``read_columns``

    Returns
    -------
    dict
        client_id, day and net (cents) of shape (days of clients,), one entry a client and day.
    """
    first, last = min(made[0], as_of), max(made[1], as_of)
    moved = range((last - first).days)
    edges = {0, *(length for name, length in WINDOWS.items() if name in columns)}
    days = sorted({last - timedelta(days=edge + back) for edge in edges for back in moved})
    kinds = {"client_id": "i8", "day": "day", "net": "i8"}
    return read_columns(_DAYS_THAT_MATTER, {"organization": organization_id, "days": days}, kinds, no_day=no_day)


def move_windows(columns: dict[str, Array], made_on: Array, moved: dict[str, Array], now: int) -> Array:
    """Bring the windows in ``columns`` to the day ``now``, in place, by what ``days_that_matter`` gave.

    A window is a sum over its days: what entered since the row was made is added, what left taken off, also where the day lies
    before the row's.

    Parameters
    ----------
    columns : by client, in the order of ``client_id``; all of shape (clients,)
    made_on : (clients,) day each row was made for

    Returns
    -------
    array
        Rows whose history has other days than they knew, or fewer: they are to be summed up from all their orders.
    """
    at, day = np.searchsorted(columns["client_id"], moved["client_id"]), moved["day"]
    before, bought = made_on[at], (moved["net"] > 0).astype(np.int64)
    for name, length in WINDOWS.items():
        if name in columns:
            enters = ((now - length < day) & (day <= now)).astype(np.int64) - ((before - length < day) & (day <= before))
            changed = np.flatnonzero(enters)
            amount = moved["net"] if name == "net_12m" else bought
            np.add.at(columns[name], at[changed], (enters * amount)[changed].astype(columns[name].dtype))
    return np.unique(at[(day <= now) != (day <= before)])


def from_orders_query(*, some_only: bool = False) -> sql.Composable:
    """The subquery: client_id, repeat_days, first_on, last_on, median_gap, net_total_cents, net_12m_cents, n30 to n365.

    Parameters organization and as_of, and ``some``, ids, where only those clients are wanted. A client without orders is missing
    from it.
    """
    days = DAYS.replace("GROUP BY", "AND client_id = ANY(%(some)s::bigint[]) GROUP BY") if some_only else DAYS
    gaps = sql.SQL(_GAPS).format(days=sql.SQL(days))
    return sql.SQL(_FROM_ORDERS).format(gaps=gaps, totals=sql.SQL(_TOTALS), median=sql.SQL(_MEDIAN))
