"""Telling that facts of days past changed, in the transaction that changed them."""

from collections.abc import Sequence
from datetime import date

from django.db import connection

from accounts.arrays import array
from accounts.tenancy import active_organization_id
from clients.models.activity import BEFORE_ALL

_OF_ORDERS = """
INSERT INTO clients_changedsince (organization_id, day)
SELECT %(organization)s, date_trunc('month', min(ordered_on))::date FROM clients_order
 WHERE organization_id = %(organization)s AND id = ANY(%(orders)s::bigint[]) HAVING count(*) > 0
"""


def facts_changed(*, since: date = BEFORE_ALL) -> None:
    """Figures kept of ``since`` or later days hold no longer: all of them, unless a day is named."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO clients_changedsince (organization_id, day) VALUES (%s, %s)", [active_organization_id(), since])


def orders_written(order_ids: Sequence[int]) -> None:
    """The same of orders just written, or whose lines were: from the first of the month of the earliest.

    What the projection of months shows of a change is told by it. This tells the rest: an order moved to another day of its month,
    lines of other products.
    """
    if order_ids:
        with connection.cursor() as cursor:
            cursor.execute(_OF_ORDERS, {"organization": active_organization_id(), "orders": array(order_ids)})
