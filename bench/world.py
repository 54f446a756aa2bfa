"""A synthetic organization of any size, made in SQL: the ground the whole-run benchmark stands on.

Silence, rhythm and value are drawn from a hash of the client's number, so that the same size is always the same
organization. About one client in three has been silent for 90 to 359 days; each buys about nine times in two years.
States hold about fifteen representatives each at every size (more only where the country's 27 run out), so that a client has as many
colleagues to go to in a small organization as in a large one, and a tenth of the clients is proposed in each.
"""

from datetime import date

from django.db import connection

from accounts.models import Organization
from accounts.tenancy import tenant_atomic

AS_OF = date(2026, 10, 5)
CLIENTS_PER_REPRESENTATIVE = 670
REPRESENTATIVES_PER_STATE = 15
STATES = [
    *("SP", "MG", "PR", "SC", "RS", "RJ", "GO", "BA", "PE", "CE", "ES", "MS", "MT", "DF"),
    *("PA", "AM", "MA", "PI", "RN", "PB", "AL", "SE", "TO", "RO", "AC", "AP", "RR"),
]
SLUG = "bench-states-{clients}"

# One number in [0, 1) from a client's number and a purpose: set-based and repeatable.
DRAW = """
CREATE OR REPLACE FUNCTION pg_temp.draw(n bigint, purpose int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashint8extended(n, purpose) & 1073741823) / 1073741824.0 $$
"""
REPRESENTATIVES = """
INSERT INTO accounts_representative (organization_id, code, name, email, contract_type, base_city, base_state, latitude, longitude,
    regions, segments, capacity_clients, commission_rate)
SELECT %(organization)s, 'V-' || r, 'Representante ' || r, '', 'employee', 'Base ' || r %% 27, s.uf,
    -5 + 2 * pg_temp.draw(r, 1) - s.i, -65 + 2 * pg_temp.draw(r, 2) + s.i, ARRAY[s.uf], '{}', %(capacity)s, 0.03
FROM generate_series(1, %(representatives)s) r
JOIN unnest(%(states)s::text[]) WITH ORDINALITY s(uf, i) ON s.i = r %% cardinality(%(states)s::text[]) + 1
"""
CLIENTS = """
INSERT INTO clients_client (organization_id, code, name, trade_name, tax_id, tax_id_root, segment, size, address, city, ibge_code, state,
    latitude, longitude, phone, email, state_tax_id, tags, custom_fields, hold, blocked, key_account, discard_reason,
    representative_id, created_at, registered_on)
SELECT %(organization)s, 'C' || n, 'Cliente ' || n || ' Ltda', '', '', '',
    (ARRAY['Mercado','Farmácia','Padaria','Hotel','Oficina'])[1 + n %% 5], '', '', 'Cidade ' || n %% 900, '', r.base_state,
    r.latitude + 0.8 * (pg_temp.draw(n, 3) - 0.5), r.longitude + 0.8 * (pg_temp.draw(n, 4) - 0.5), '', '', '', '{}', '{}',
    n %% 97 = 0, n %% 89 = 0, false, '', r.id, now(), %(as_of)s::date - 900
FROM generate_series(1, %(clients)s) n
JOIN (SELECT *, row_number() OVER (ORDER BY id) AS k FROM accounts_representative WHERE organization_id = %(organization)s) r
  ON r.k = n %% %(representatives)s + 1
ORDER BY n
"""
OWNERSHIPS = """
INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, source, reason, actor_label, recorded_at,
    previous_hash, hash, closing_hash)
SELECT organization_id, id, representative_id, 1, %(as_of)s::date - 800, 'import', '', 'bench', now(), '', '', ''
FROM clients_client WHERE organization_id = %(organization)s ORDER BY id
"""
ORDERS = """
INSERT INTO clients_order (organization_id, code, client_id, ordered_on, status, amount_cents)
SELECT %(organization)s, 'P' || c.n || '-' || k, c.id,
    %(as_of)s::date - c.silence - (k * c.gap + pg_temp.draw(c.n * 64 + k, 5) * c.gap / 2)::int,
    CASE WHEN pg_temp.draw(c.n * 64 + k, 6) < 0.02 THEN 'cancelled' ELSE 'valid' END,
    (20000 + 300000 * pg_temp.draw(c.n, 7) * (0.5 + pg_temp.draw(c.n * 64 + k, 8)))::bigint
FROM (SELECT id, n, 1 + (pg_temp.draw(n, 9) * 17)::int AS orders, (ARRAY[7, 14, 21, 30, 45])[1 + n %% 5] AS gap,
             CASE WHEN pg_temp.draw(n, 10) < 0.33 THEN 90 + (pg_temp.draw(n, 11) * 269)::int
                  ELSE (pg_temp.draw(n, 12) * 60)::int END AS silence
      FROM (SELECT id, substr(code, 2)::bigint AS n FROM clients_client WHERE organization_id = %(organization)s) numbered) c
CROSS JOIN LATERAL generate_series(0, c.orders - 1) k
ORDER BY c.id, k
"""
ACTIVITY = """
INSERT INTO clients_clientactivity (organization_id, client_id, repeat_days, first_on, last_on, sum_log_gap, median_gap, mean_gap,
    net_total_cents, windows_on, net_12m_cents, n30, n90, n180, n365, abc)
SELECT %(organization)s, c.id, coalesce(a.days, 0) - 1, a.first_on, a.last_on, coalesce(a.sum_log_gap, 0), a.median_gap, a.mean_gap,
    coalesce(a.net_total, 0), %(as_of)s, coalesce(a.net_12m, 0), coalesce(a.n30, 0), coalesce(a.n90, 0), coalesce(a.n180, 0),
    coalesce(a.n365, 0), ''
FROM clients_client c LEFT JOIN (
    SELECT client_id, count(*) FILTER (WHERE net > 0) AS days, min(day) FILTER (WHERE net > 0) AS first_on,
        max(day) FILTER (WHERE net > 0) AS last_on, sum(ln(gap)) FILTER (WHERE net > 0) AS sum_log_gap,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) FILTER (WHERE net > 0) AS median_gap,
        avg(gap) FILTER (WHERE net > 0) AS mean_gap, sum(net) AS net_total,
        sum(net) FILTER (WHERE day > %(as_of)s::date - 365) AS net_12m,
        count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 30) AS n30,
        count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 90) AS n90,
        count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 180) AS n180,
        count(*) FILTER (WHERE net > 0 AND day > %(as_of)s::date - 365) AS n365
    FROM (SELECT client_id, day, net, day - max(day) FILTER (WHERE net > 0) OVER (
                 PARTITION BY client_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap
          FROM (SELECT client_id, ordered_on AS day, sum(net_cents) AS net FROM clients_order
                WHERE organization_id = %(organization)s GROUP BY client_id, ordered_on) days) gaps
    GROUP BY client_id) a ON a.client_id = c.id
WHERE c.organization_id = %(organization)s ORDER BY c.id
"""


def build(clients: int, *, representatives: int = 0, slug: str = "") -> Organization:
    """The organization with that many clients; found again when it was made before. So many to a representative unless told how many."""
    slug = slug or SLUG.format(clients=clients)
    with connection.cursor() as cursor:
        cursor.execute("SELECT organizations_due()")
        for (organization_id,) in cursor.fetchall():
            with tenant_atomic(organization_id):
                found = Organization.objects.filter(slug=slug).first()
            if found:
                return found
        cursor.execute("SELECT nextval(pg_get_serial_sequence('accounts_organization', 'id'))")
        organization_id = cursor.fetchone()[0]
    representatives = representatives or max(10, clients // CLIENTS_PER_REPRESENTATIVE)
    values = {
        "organization": organization_id,
        "clients": clients,
        "as_of": AS_OF,
        "representatives": representatives,
        "states": STATES[: -(-representatives // REPRESENTATIVES_PER_STATE)],
        "capacity": CLIENTS_PER_REPRESENTATIVE * 13 // 10,
    }
    with tenant_atomic(organization_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        # Nothing is known yet of rows made in this transaction: a planner that believes them few would loop over millions.
        cursor.execute("SET LOCAL enable_nestloop = off")
        organization = Organization.objects.create(id=organization_id, slug=slug, name=f"Bench {clients}")
        cursor.execute(DRAW)
        for statement in (REPRESENTATIVES, CLIENTS, OWNERSHIPS, ORDERS, ACTIVITY):
            cursor.execute(statement, values)
    return organization
