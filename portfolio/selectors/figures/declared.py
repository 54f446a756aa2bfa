"""Clients that a person declared lost, before their silence says so: on which days, and what ended it. As a common table for statements."""

# [lost_on, end_on) are the days it stood: until it was taken back, or an order came, which is ``back_on`` where the client was lost on the
# day before. Given ``organization`` and ``until``, after which nothing is looked at. Few rows: one a silence that somebody spoke of.
DECLARED = """
declared AS MATERIALIZED (
    SELECT s.client_id, s.silent_since, s.lost_on, coalesce(least(s.lost_until, o.day), 'infinity') AS end_on,
           CASE WHEN o.day > s.lost_on AND (s.lost_until IS NULL OR s.lost_until >= o.day) THEN o.day END AS back_on
      FROM clients_clientstop s LEFT JOIN LATERAL (
        SELECT ordered_on AS day FROM clients_order
         WHERE organization_id = %(organization)s AND client_id = s.client_id AND ordered_on > s.silent_since AND ordered_on <= %(until)s
           AND status <> 'cancelled' GROUP BY ordered_on HAVING sum(net_cents) > 0 ORDER BY ordered_on LIMIT 1) o ON TRUE
     WHERE s.organization_id = %(organization)s AND s.lost_on <= %(until)s AND coalesce(least(s.lost_until, o.day), 'infinity') > s.lost_on
)"""


def stood_on(client: str, day: str) -> str:
    """Condition: this client stood declared lost on that day, both SQL expressions."""
    return f"EXISTS (SELECT FROM declared d WHERE d.client_id = {client} AND d.lost_on <= {day} AND d.end_on > {day})"
