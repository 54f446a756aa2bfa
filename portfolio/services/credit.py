"""Orders are credited to whoever answered for the client on the order's day."""

from collections.abc import Sequence
from datetime import date

from django.db import connection

from accounts.tenancy import active_organization_id

# Half-open days: on its last day an ownership already belongs to its successor, and one of no days is never found.
_CREDIT = """
UPDATE clients_order o SET representative_id = right_.representative_id
  FROM (SELECT x.id, w.representative_id
          FROM clients_order x
          LEFT JOIN portfolio_ownership w
            ON w.organization_id = x.organization_id AND w.client_id = x.client_id
           AND w.started_on <= x.ordered_on AND (w.ended_on IS NULL OR w.ended_on > x.ordered_on)
         WHERE x.organization_id = %(organization)s AND x.client_id = ANY(%(clients)s)
           AND x.ordered_on >= %(since)s
           AND x.representative_id IS DISTINCT FROM w.representative_id) right_
 WHERE o.organization_id = %(organization)s AND o.id = right_.id
RETURNING o.client_id
"""


def credit_orders(client_ids: Sequence[int], *, since: date | None = None) -> set[int]:
    """Set each order's representative from the ledger; only orders that change are written, in one statement.

    Parameters
    ----------
    client_ids : clients whose orders, or whose ownership, changed
    since : leave earlier orders alone (a transfer changes nothing before its day)

    Returns
    -------
    set of int
        Clients of which an order changed hands: their monthly projection names representatives and must be rebuilt.
    """
    if not client_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_CREDIT, {"organization": active_organization_id(), "clients": list(client_ids), "since": since or date(1, 1, 1)})
        return {row[0] for row in cursor.fetchall()}
