"""Statements of the orders import. Temporary tables: ``staged`` (rows as sent), ``items`` (its distinct lines),
``sent`` (one row an order), ``wanted`` (the lines each order is to have). Parameter: organization.
"""

CONTRADICTIONS = """
DELETE FROM staged s USING (
    SELECT line, first_value({0}::text) OVER (PARTITION BY order_code ORDER BY line) AS first FROM staged) f
 WHERE f.line = s.line AND s.{0}::text <> f.first RETURNING s.line, s.{0}::text, f.first
"""

SIBLINGS = """
DELETE FROM staged s USING (
    SELECT w.order_code FROM whole w LEFT JOIN (SELECT order_code, count(*) AS lines FROM staged GROUP BY order_code) k
        ON k.order_code = w.order_code
     WHERE w.lines <> k.lines
    UNION SELECT unnest(%(broken)s::text[])) torn
 WHERE torn.order_code = s.order_code RETURNING s.line, s.order_code
"""

# Lines equal in every column become one, their quantities added: published totals count repeated lines, and dropping one
# would lose money nobody refused. The cent is rounded line by line, the half away from zero.
ITEMS = """
CREATE TEMP TABLE items ON COMMIT DROP AS
SELECT min(line) AS line, count(*)::int AS times, (count(*) * round(quantity * unit_price * 100))::bigint AS amount_cents, {columns}
  FROM staged GROUP BY {columns}
"""

ORDERS_OF_ITEMS = """
CREATE TEMP TABLE sent ON COMMIT DROP AS
SELECT order_code, min(client_code) AS client_code, min(ordered_on) AS ordered_on, {kept} sum(amount_cents)::bigint AS amount,
       count(*)::int AS lines, sum(times - 1)::int AS merged
  FROM items GROUP BY order_code
"""

NEW_PRODUCTS = """
INSERT INTO clients_product (organization_id, code, name, category, unit, season)
SELECT DISTINCT %(organization)s::bigint, i.product_code, i.product_code, '', '', '' FROM items i
 WHERE NOT EXISTS (SELECT FROM clients_product p WHERE p.organization_id = %(organization)s AND p.code = i.product_code)
 ORDER BY 2 ON CONFLICT (organization_id, code) DO NOTHING
"""

LOCK_CLIENTS = """
SELECT id FROM clients_client
 WHERE organization_id = %(organization)s
   AND id IN (SELECT c.id FROM sent s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code
              UNION
              SELECT o.client_id FROM sent s JOIN clients_order o ON o.organization_id = %(organization)s AND o.code = s.order_code)
 ORDER BY id FOR NO KEY UPDATE
"""

CLIENTS_LOSING_AN_ORDER = """
SELECT DISTINCT o.client_id FROM sent s
  JOIN clients_order o ON o.organization_id = %(organization)s AND o.code = s.order_code
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code
 WHERE o.client_id <> c.id
"""

SENT_WITH_CLIENT = "sent s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
AND_REPRESENTATIVE = " LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.code = s.representative_code"

CLIENTS_OF_ORDERS = (
    "SELECT DISTINCT client_id FROM clients_order WHERE organization_id = %(organization)s AND id = ANY(%(orders)s::bigint[])"
)

# Both are there. Joined from the left, the lines are gone through once: of products and orders that have just come the planner
# knows nothing, and would go through all lines again for each of the few it believes in.
WANTED_ITEMS = """
CREATE TEMP TABLE wanted ON COMMIT DROP AS
SELECT o.id AS order_id, row_number() OVER (PARTITION BY o.id ORDER BY i.line)::int AS line, p.id AS product_id,
       (i.quantity * i.times)::numeric(14,3) AS quantity, round(i.unit_price * 100)::bigint AS unit_price_cents, i.amount_cents
  FROM items i
  LEFT JOIN clients_order o ON o.organization_id = %(organization)s AND o.code = i.order_code
  LEFT JOIN clients_product p ON p.organization_id = %(organization)s AND p.code = i.product_code
"""

ORDERS_WITH_OTHER_ITEMS = """
WITH stored AS (
    SELECT order_id, line, product_id, quantity, unit_price_cents, amount_cents FROM clients_orderitem
     WHERE organization_id = %(organization)s AND order_id IN (SELECT order_id FROM wanted))
SELECT DISTINCT order_id FROM (
    (SELECT * FROM wanted EXCEPT SELECT * FROM stored) UNION ALL (SELECT * FROM stored EXCEPT SELECT * FROM wanted)) unequal
"""

DELETE_ITEMS = "DELETE FROM clients_orderitem WHERE organization_id = %(organization)s AND order_id = ANY(%(orders)s::bigint[])"

INSERT_ITEMS = """
INSERT INTO clients_orderitem (organization_id, order_id, line, product_id, quantity, unit_price_cents, amount_cents)
SELECT %(organization)s, order_id, line, product_id, quantity, unit_price_cents, amount_cents FROM wanted
 WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, line
"""

LINES_OF_ORDERS = """
SELECT o.id, f.lines, f.merged FROM sent f JOIN clients_order o ON o.organization_id = %(organization)s AND o.code = f.order_code
"""

# Made under a client merged since, and given to a third one by this file: it is that one's like any other.
LEFT_THE_ALIAS = """
UPDATE clients_order o SET came_under_id = NULL FROM clients_client a
 WHERE o.organization_id = %(organization)s AND o.id = ANY(%(orders)s) AND o.came_under_id IS NOT NULL
   AND a.organization_id = o.organization_id AND a.id = o.came_under_id AND a.merged_into_id IS DISTINCT FROM o.client_id
"""
