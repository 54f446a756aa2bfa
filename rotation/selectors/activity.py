"""What a client's orders add up to on a day, as SQL: from the summary when it holds for that day, else from the orders.

Each form is a subquery with the same columns, so that the one SELECT over clients joins either.
"""

from datetime import date

from django.db import connection
from psycopg2 import sql

# Days that have a valid order, and the gaps between them; a day whose net is not above zero is no order day.
_DAYS = """
    SELECT client_id, ordered_on AS day, sum(net_cents)::bigint AS net
    FROM clients_order
    WHERE organization_id = %(organization)s AND ordered_on <= %(as_of)s
    GROUP BY client_id, ordered_on
"""
_WINDOWS = """
    coalesce(sum(net) FILTER (WHERE day > %(as_of)s::date - 365), 0)::bigint AS net_12m_cents,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 30))::int AS n30,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 90))::int AS n90,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 180))::int AS n180,
    (count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 365))::int AS n365
"""

SUMMARY = sql.SQL("""
    SELECT client_id, repeat_days, first_on, last_on, sum_log_gap, median_gap, mean_gap, net_total_cents,
           net_12m_cents, n30, n90, n180, n365
    FROM clients_clientactivity WHERE organization_id = %(organization)s
""")
# The summary's first block does not depend on the day; only its windows are taken from the orders.
WINDOWS_FROM_ORDERS = sql.SQL("""
    SELECT a.client_id, a.repeat_days, a.first_on, a.last_on, a.sum_log_gap, a.median_gap, a.mean_gap, a.net_total_cents,
           w.net_12m_cents, w.n30, w.n90, w.n180, w.n365
    FROM clients_clientactivity a
    LEFT JOIN (SELECT client_id, {windows} FROM ({days}) days GROUP BY client_id) w ON w.client_id = a.client_id
    WHERE a.organization_id = %(organization)s
""").format(windows=sql.SQL(_WINDOWS), days=sql.SQL(_DAYS))
ALL_FROM_ORDERS = sql.SQL("""
    SELECT client_id, (count(*) FILTER (WHERE net > 0))::int - 1 AS repeat_days,
           min(day) FILTER (WHERE net > 0) AS first_on, max(day) FILTER (WHERE net > 0) AS last_on,
           coalesce(sum(ln(gap)) FILTER (WHERE net > 0), 0)::float8 AS sum_log_gap,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) FILTER (WHERE net > 0))::float8 AS median_gap,
           (avg(gap) FILTER (WHERE net > 0))::float8 AS mean_gap,
           sum(net)::bigint AS net_total_cents, {windows}
    FROM (SELECT client_id, day, net, (day - max(day) FILTER (WHERE net > 0) OVER (
                     PARTITION BY client_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))::float8 AS gap
          FROM ({days}) days) gaps
    GROUP BY client_id
""").format(windows=sql.SQL(_WINDOWS), days=sql.SQL(_DAYS))


def activity_on(organization_id: int, as_of: date) -> tuple[sql.Composable, bool]:
    """The cheapest subquery that is right for that day, and whether it reads orders; one small query to find out.

    The summary knows every order, so it may serve only where no order lies after ``as_of``; its windows only where they
    were taken on that very day.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT FROM clients_clientactivity WHERE organization_id = %(organization)s AND last_on > %(as_of)s),
                   EXISTS (SELECT FROM clients_clientactivity WHERE organization_id = %(organization)s
                           AND windows_on IS DISTINCT FROM %(as_of)s AND last_on IS NOT NULL)
            """,
            {"organization": organization_id, "as_of": as_of},
        )
        later_orders, other_windows = cursor.fetchone()
    if later_orders:
        return ALL_FROM_ORDERS, True
    return (WINDOWS_FROM_ORDERS, True) if other_windows else (SUMMARY, False)
