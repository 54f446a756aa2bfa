"""The statements of the projections. Parameters: organization, clients (array), as_of, since_30 to since_365, shortest (days).

A window of n days ends on as_of and leaves its nth day before out: since < day <= as_of.

Orders are read client by client through the covering index (LATERAL, fenced): right after a first import the statistics
still say the organization has no orders, and a join left to the planner reads all of them for every chunk. None of those
reads names the condition of the index by day: the planner would as soon take that one, and read all orders for each client.
"""

# One row a client: what its orders up to as_of add up to. A day counts as an order day when its net is above zero.
_ACTIVITY = """
day AS (
    SELECT w.client_id, o.ordered_on, o.net FROM unnest(%(clients)s::bigint[]) AS w(client_id) CROSS JOIN LATERAL (
        SELECT ordered_on, sum(net_cents) AS net FROM clients_order
         WHERE organization_id = %(organization)s AND client_id = w.client_id AND ordered_on <= %(as_of)s
         GROUP BY ordered_on) o
), step AS (
    SELECT client_id, ordered_on, net, net > 0 AS bought,
           CASE WHEN net > 0 THEN ordered_on - lag(ordered_on) OVER (PARTITION BY client_id, net > 0 ORDER BY ordered_on) END AS gap
      FROM day
), fresh AS (
    SELECT client_id,
           count(*) FILTER (WHERE bought) - 1 AS repeat_days,
           min(ordered_on) FILTER (WHERE bought) AS first_on,
           max(ordered_on) FILTER (WHERE bought) AS last_on,
           coalesce(sum(ln(gap::float8) ORDER BY ordered_on), 0) AS sum_log_gap,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median_gap,
           avg(gap)::float8 AS mean_gap,
           sum(net) AS net_total_cents,
           coalesce(sum(net) FILTER (WHERE ordered_on > %(since_365)s), 0) AS net_12m_cents,
           count(*) FILTER (WHERE bought AND ordered_on > %(since_30)s) AS n30,
           count(*) FILTER (WHERE bought AND ordered_on > %(since_90)s) AS n90,
           count(*) FILTER (WHERE bought AND ordered_on > %(since_180)s) AS n180,
           count(*) FILTER (WHERE bought AND ordered_on > %(since_365)s) AS n365
      FROM step GROUP BY client_id
), complete AS (
    SELECT wanted AS client_id, coalesce(f.repeat_days, -1)::int AS repeat_days, f.first_on, f.last_on,
           coalesce(f.sum_log_gap, 0) AS sum_log_gap, f.median_gap, f.mean_gap,
           coalesce(f.net_total_cents, 0)::bigint AS net_total_cents, coalesce(f.net_12m_cents, 0)::bigint AS net_12m_cents,
           coalesce(f.n30, 0)::int AS n30, coalesce(f.n90, 0)::int AS n90,
           coalesce(f.n180, 0)::int AS n180, coalesce(f.n365, 0)::int AS n365
      FROM unnest(%(clients)s::bigint[]) AS wanted LEFT JOIN fresh f ON f.client_id = wanted
)
"""

# One row a client for the time before its first order day, and one for each longer than the least limit between two of them.
_SILENCES = """
quiet AS (
    SELECT client_id, ordered_on - gap AS since_on, ordered_on AS until_on FROM step WHERE bought AND (gap IS NULL OR gap > %(shortest)s)
), kept AS (
    SELECT client_id, since_on, until_on FROM clients_clientsilence
     WHERE organization_id = %(organization)s AND client_id = ANY(%(clients)s)
)
"""

# Both from one reading of the orders.
WRITE_ACTIVITY = f"""WITH {_ACTIVITY}, {_SILENCES}, broken AS (
    DELETE FROM clients_clientsilence s USING (
        SELECT client_id, coalesce(since_on, '-infinity') AS since_on FROM kept
        EXCEPT SELECT client_id, coalesce(since_on, '-infinity') FROM quiet) old
     WHERE s.organization_id = %(organization)s AND s.client_id = old.client_id AND coalesce(s.since_on, '-infinity') = old.since_on
), ended AS (
    INSERT INTO clients_clientsilence (organization_id, client_id, since_on, until_on)
    SELECT %(organization)s, f.* FROM (SELECT * FROM quiet EXCEPT SELECT * FROM kept) f ORDER BY client_id, since_on
    ON CONFLICT (organization_id, client_id, since_on) DO UPDATE SET until_on = excluded.until_on
)
INSERT INTO clients_clientactivity AS a (organization_id, client_id, repeat_days, first_on, last_on, sum_log_gap, median_gap, mean_gap,
    net_total_cents, windows_on, net_12m_cents, n30, n90, n180, n365, abc)
SELECT %(organization)s, client_id, repeat_days, first_on, last_on, sum_log_gap, median_gap, mean_gap,
    net_total_cents, %(as_of)s, net_12m_cents, n30, n90, n180, n365, '' FROM complete ORDER BY client_id
ON CONFLICT (organization_id, client_id) DO UPDATE SET repeat_days = excluded.repeat_days, first_on = excluded.first_on,
    last_on = excluded.last_on, sum_log_gap = excluded.sum_log_gap, median_gap = excluded.median_gap, mean_gap = excluded.mean_gap,
    net_total_cents = excluded.net_total_cents, windows_on = excluded.windows_on, net_12m_cents = excluded.net_12m_cents,
    n30 = excluded.n30, n90 = excluded.n90, n180 = excluded.n180, n365 = excluded.n365
WHERE (a.repeat_days, a.first_on, a.last_on, a.sum_log_gap, a.median_gap, a.mean_gap, a.net_total_cents, a.windows_on, a.net_12m_cents,
       a.n30, a.n90, a.n180, a.n365)
   IS DISTINCT FROM (excluded.repeat_days, excluded.first_on, excluded.last_on, excluded.sum_log_gap, excluded.median_gap,
       excluded.mean_gap, excluded.net_total_cents, excluded.windows_on, excluded.net_12m_cents, excluded.n30, excluded.n90,
       excluded.n180, excluded.n365)
"""  # noqa: S608 - constants of this module

# What WRITE_ACTIVITY finds where there are no orders.
BEGIN_ACTIVITY = """
INSERT INTO clients_clientactivity (organization_id, client_id, repeat_days, sum_log_gap, net_total_cents, windows_on, net_12m_cents,
    n30, n90, n180, n365, abc)
SELECT %(organization)s, made, -1, 0, 0, %(as_of)s, 0, 0, 0, 0, 0, '' FROM unnest(%(clients)s::bigint[]) AS made
"""

# One row a client, month and representative credited; a month of cancelled orders only has none.
_MONTHS = """
orders_seen AS (
    SELECT o.id, w.client_id, o.ordered_on, date_trunc('month', o.ordered_on)::date AS month, o.representative_id,
           o.status = 'valid' AS valid, o.net_cents
      FROM unnest(%(clients)s::bigint[]) AS w(client_id) CROSS JOIN LATERAL (
        SELECT id, ordered_on, representative_id, status, net_cents FROM clients_order
         WHERE organization_id = %(organization)s AND client_id = w.client_id AND ordered_on <= %(as_of)s
         ORDER BY ordered_on OFFSET 0) o
     WHERE o.status <> 'cancelled'
), pieces AS (
    SELECT client_id, month, representative_id, ordered_on, NULL::bigint AS product_id, valid::int AS orders, net_cents FROM orders_seen
    UNION ALL
    SELECT o.client_id, o.month, o.representative_id, NULL, i.product_id, 0, 0 FROM orders_seen o
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id WHERE o.valid
), once AS (
    SELECT client_id, month, representative_id, ordered_on, product_id, sum(orders) AS orders, sum(net_cents) AS net,
           count(product_id) AS items
      FROM pieces GROUP BY client_id, month, representative_id, ordered_on, product_id
), complete AS (
    SELECT client_id, month, representative_id, sum(orders)::int AS orders,
           (count(*) FILTER (WHERE net > 0))::int AS order_days, sum(net)::bigint AS revenue_cents, count(product_id)::int AS products,
           sum(items)::int AS items,
           coalesce(array_agg(product_id ORDER BY product_id) FILTER (WHERE product_id IS NOT NULL), '{}') AS product_ids
      FROM once GROUP BY client_id, month, representative_id
), stored AS (
    SELECT client_id, month, representative_id, orders, order_days, revenue_cents, products, items, product_ids
      FROM clients_clientmonth WHERE organization_id = %(organization)s AND client_id = ANY(%(clients)s)
)
"""

# Figures kept of those months hold no longer. A month's own first day is told: which of its days changed is not seen here.
WRITE_MONTHS = f"""WITH {_MONTHS}, fresh AS (SELECT * FROM complete EXCEPT SELECT * FROM stored), gone AS (
    DELETE FROM clients_clientmonth m USING (
        SELECT client_id, month, coalesce(representative_id, 0) AS credited FROM stored
        EXCEPT SELECT client_id, month, coalesce(representative_id, 0) FROM complete) old
     WHERE m.organization_id = %(organization)s AND m.client_id = old.client_id AND m.month = old.month
       AND coalesce(m.representative_id, 0) = old.credited
    RETURNING m.month
), told AS (
    INSERT INTO clients_changedsince (organization_id, day)
    SELECT %(organization)s, min(month) FROM (SELECT month FROM fresh UNION ALL SELECT month FROM gone) changed HAVING count(*) > 0)
INSERT INTO clients_clientmonth AS m (organization_id, client_id, month, representative_id, orders, order_days, revenue_cents, products,
    items, product_ids)
SELECT %(organization)s, f.* FROM fresh f ORDER BY client_id, month
ON CONFLICT (organization_id, client_id, month, representative_id) DO UPDATE SET orders = excluded.orders,
    order_days = excluded.order_days, revenue_cents = excluded.revenue_cents, products = excluded.products,
    items = excluded.items, product_ids = excluded.product_ids
"""  # noqa: S608 - constants of this module

SILENCE_DIFFERENCES = f"""WITH {_ACTIVITY}, {_SILENCES}
SELECT DISTINCT client_id FROM (
    (SELECT * FROM quiet EXCEPT SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM quiet)) unequal
 ORDER BY client_id
"""  # noqa: S608 - constants of this module

_CLASSES = """
ranked AS (
    SELECT client_id, abc AS stored, net_12m_cents,
           sum(greatest(net_12m_cents, 0)) OVER (ORDER BY net_12m_cents DESC, client_id) - greatest(net_12m_cents, 0) AS before,
           sum(greatest(net_12m_cents, 0)) OVER () AS total
      FROM clients_clientactivity WHERE organization_id = %(organization)s
), classes AS (
    SELECT client_id, stored,
           CASE WHEN net_12m_cents <= 0 THEN ''
                WHEN before * 100 < total * (SELECT abc_a_percent FROM accounts_organization WHERE id = %(organization)s) THEN 'A'
                WHEN before * 100 < total * (SELECT abc_b_percent FROM accounts_organization WHERE id = %(organization)s) THEN 'B'
                ELSE 'C' END AS class
      FROM ranked
)
"""

WRITE_ABC = f"""WITH {_CLASSES}
UPDATE clients_clientactivity a SET abc = c.class FROM classes c
 WHERE a.organization_id = %(organization)s AND a.client_id = c.client_id AND c.stored <> c.class
"""  # noqa: S608 - constants of this module

ABC_DIFFERENCES = f"WITH {_CLASSES} SELECT client_id FROM classes WHERE stored <> class ORDER BY client_id"  # noqa: S608 - constants of this module

NEXT_CLIENTS = """
SELECT id FROM clients_client WHERE organization_id = %(organization)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
NEXT_CLIENTS_LOCKED = NEXT_CLIENTS + " FOR NO KEY UPDATE"

# Clients never projected, and those with an order on a day that enters or leaves a window between windows_on and as_of,
# in whichever direction the day moves.
WINDOWS_THAT_CHANGE = """
SELECT c.id FROM clients_client c
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
 WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s)
   AND (a.windows_on IS NULL OR a.windows_on <> %(as_of)s AND EXISTS (
       SELECT FROM clients_order o, unnest(ARRAY[0, 30, 90, 180, 365]) AS w(days)
        WHERE o.organization_id = %(organization)s AND o.client_id = c.id
          AND o.ordered_on > least(a.windows_on, %(as_of)s::date) - w.days
          AND o.ordered_on <= greatest(a.windows_on, %(as_of)s::date) - w.days))
 ORDER BY c.id
"""

# The same where no row is more than a few days behind: read from the orders of those few days, not client by client, a tenth of the
# cost. ``days`` are all on which an order may enter or leave a window; which windows moved, each row says. Cancelled orders count nowhere.
WINDOWS_BEHIND = """
SELECT min(windows_on), max(windows_on) FROM clients_clientactivity
 WHERE organization_id = %(organization)s AND client_id BETWEEN %(first)s AND %(last)s
"""
WINDOWS_THAT_CHANGE_IN_DAYS = """
SELECT c.id FROM clients_client c
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
 WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s::bigint[]) AND a.windows_on IS NULL
UNION
SELECT o.client_id FROM clients_order o
  JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = o.client_id AND a.windows_on < %(as_of)s
  JOIN unnest(ARRAY[0, 30, 90, 180, 365]) AS w(days) ON o.ordered_on > a.windows_on - w.days AND o.ordered_on <= %(as_of)s::date - w.days
 WHERE o.organization_id = %(organization)s AND o.status <> 'cancelled' AND o.ordered_on = ANY(%(days)s::date[])
   AND o.client_id BETWEEN %(first)s AND %(last)s
 ORDER BY 1
"""

DATE_THE_REST = """
UPDATE clients_clientactivity SET windows_on = %(as_of)s
 WHERE organization_id = %(organization)s AND client_id = ANY(%(clients)s::bigint[]) AND windows_on <> %(as_of)s
"""

DAYS_OF_WINDOWS = """
SELECT a.windows_on, array_agg(c.id ORDER BY c.id) FROM clients_client c
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
 WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s) GROUP BY a.windows_on
"""

ACTIVITY_DIFFERENCES = f"""WITH {_ACTIVITY}
SELECT c.client_id FROM complete c
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.client_id
 WHERE a.id IS NULL OR abs(a.sum_log_gap - c.sum_log_gap) > 1e-9 * greatest(1, abs(c.sum_log_gap))
    OR abs(coalesce(a.mean_gap, -1) - coalesce(c.mean_gap, -1)) > 1e-9 * greatest(1, coalesce(c.mean_gap, 1))
    OR (a.repeat_days, a.first_on, a.last_on, a.median_gap, a.net_total_cents, a.net_12m_cents, a.n30, a.n90, a.n180, a.n365)
       IS DISTINCT FROM (c.repeat_days, c.first_on, c.last_on, c.median_gap, c.net_total_cents, c.net_12m_cents,
                         c.n30, c.n90, c.n180, c.n365)
 ORDER BY c.client_id
"""  # noqa: S608 - constants of this module

MONTH_DIFFERENCES = f"""WITH {_MONTHS}
SELECT DISTINCT client_id FROM (
    (SELECT * FROM complete EXCEPT SELECT * FROM stored) UNION ALL (SELECT * FROM stored EXCEPT SELECT * FROM complete)) unequal
 ORDER BY client_id
"""  # noqa: S608 - constants of this module
