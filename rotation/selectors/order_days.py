"""Every client's valid order days as one ragged table: what prediction and back-test read, without a Python object a row."""

from datetime import date

import numpy as np
from django.db import connection
from psycopg2 import sql

from accounts.models import Organization
from rotation.engine.facts import NO_DAY
from rotation.engine.history import OrderHistory
from rotation.selectors.columns import Array, read_columns

# Rows cross as binary COPY and are held twice while they are unpacked: pieces of this many clients bound that.
CLIENTS_AT_ONCE = 200_000

_CLIENTS = sql.SQL("SELECT id FROM clients_client WHERE organization_id = %(organization)s ORDER BY id")
# Grouped in the order of the covering index (client, day, net), nothing fetched from the table and nothing sorted.
_DAYS = sql.SQL("""
    SELECT client_id, ordered_on, sum(net_cents)::bigint FROM clients_order
    WHERE organization_id = %(organization)s AND client_id BETWEEN %(first)s AND %(last)s AND ordered_on <= %(as_of)s
    GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0 ORDER BY client_id, ordered_on
""")
_KINDS = {"client_id": "i8", "day": "day", "net_cents": "i8"}


def order_history(organization: Organization, *, as_of: date) -> OrderHistory:
    """All clients of the organization with their order days up to ``as_of``: one statement for each 200,000 clients, and one more.

    Clients without an order are rows without days. Distinct products a day are not read: lines are many times the orders,
    and few organizations send them.

    Returns
    -------
    OrderHistory
        Clients sorted by id; days are days since 1970-01-01, money is cents, net of what was given back that day.
    """
    values = {"organization": organization.pk, "as_of": as_of}
    ids = read_columns(_CLIENTS, values, {"id": "i8"}, no_day=NO_DAY)["id"]
    count, day, net = np.zeros(len(ids), np.int64), [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    with connection.cursor() as cursor:
        # Hashing nine million orders is seven times slower than walking the index, whatever the planner thinks.
        cursor.execute("SET LOCAL enable_hashagg = off; SET LOCAL enable_sort = off")
        for piece in _pieces(ids):
            bounds = {"first": int(piece[0]), "last": int(piece[-1])}
            rows = read_columns(_DAYS, {**values, **bounds}, _KINDS, no_day=NO_DAY)
            count += np.bincount(np.searchsorted(ids, rows["client_id"]), minlength=len(ids))
            day.append(rows["day"])
            net.append(rows["net_cents"])
        cursor.execute("SET LOCAL enable_hashagg TO DEFAULT; SET LOCAL enable_sort TO DEFAULT")
    start = np.concatenate((np.zeros(1, np.int64), np.cumsum(count)))
    return OrderHistory(client_id=ids, start=start, day=np.concatenate(day), net_cents=np.concatenate(net))


def _pieces(ids: Array) -> list[Array]:
    return [ids[first : first + CLIENTS_AT_ONCE] for first in range(0, len(ids), CLIENTS_AT_ONCE)]
