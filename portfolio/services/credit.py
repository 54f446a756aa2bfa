"""Orders are credited to whoever answered for the client on the order's day."""

from collections.abc import Sequence
from datetime import date

from django.db import connection

from accounts.arrays import array
from accounts.tenancy import active_organization_id
from accounts.tenancy.limits import planner

# Half-open days: on its last day an ownership already belongs to its successor, and one of no days is never found.
# An order made under a client that was merged into another since is credited by that one's ledger: history does not change hands.
# Subqueries, not a join of the orders with themselves: right after a first import the planner believes there is one
# order, and pairs each with every other. Of a ledger that has just come it knows as little, and any index seems
# good: asked for the last, it takes the client's own, instead of reading half the organization's ledger for each order.
_LAST_ON_THE_DAY = """(
  SELECT w.representative_id FROM portfolio_ownership w
   WHERE w.organization_id = %(organization)s AND w.client_id = {client}
     AND w.started_on + 0 <= o.ordered_on AND (w.ended_on IS NULL OR w.ended_on > o.ordered_on)
   ORDER BY w.seq DESC LIMIT 1)"""
# A day plus nothing is a day no index knows: those that begin with the organization and a day look as good, and lead to all of its rows.
# Of an expression over two columns the planner knows nothing either, and leaves the client's own index: hence one look-up for each.
_OWNER = (
    f"(CASE WHEN o.came_under_id IS NULL THEN {_LAST_ON_THE_DAY.format(client='o.client_id')}"
    f" ELSE {_LAST_ON_THE_DAY.format(client='o.came_under_id')} END)"
)
_CREDIT = f"""
UPDATE clients_order o SET representative_id = {_OWNER}
 WHERE o.organization_id = %(organization)s AND o.client_id = ANY(%(clients)s::bigint[]) AND o.ordered_on + 0 >= %(since)s
   AND o.representative_id IS DISTINCT FROM {_OWNER}
RETURNING o.client_id
"""  # noqa: S608 - constants of this module


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
    # Sorting one client's few rows looks as cheap as reading them in order from the client's own index, which is the point.
    with planner(enable_sort="off"), connection.cursor() as cursor:
        cursor.execute(_CREDIT, {"organization": active_organization_id(), "clients": array(client_ids), "since": since or date(1, 1, 1)})
        return {row[0] for row in cursor.fetchall()}
