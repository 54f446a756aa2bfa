"""Small dated worlds for the tests of replay and back-test."""

import numpy as np

from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.past import FOREVER, Past

DAY_0 = 19_000


def past(n, orders, *, m=2, visits=(), contacts=(), owners=(), absences=(), registered=None, discarded=None, **columns):
    """``orders``: (client, day, cents); ``visits``, ``contacts``: (client, day); ``owners``: (client, representative, from, until or
    None, moved); ``absences``: (representative, from, until). Days are counted from DAY_0."""
    summed = {}
    for client, day, cents in orders:
        summed[client, day] = summed.get((client, day), 0) + cents
    rows = sorted(summed)

    def column(values, kind=np.int64):
        return np.array(list(values), kind)

    def day(each):
        return FOREVER if each is None else DAY_0 + each

    made = {
        "client_id": np.arange(n) + 1,
        "order_client": column(c for c, _ in rows),
        "order_day": column(DAY_0 + d for _, d in rows),
        "order_cents": column(summed[row] for row in rows),
        "visit_client": column(c for c, _ in visits),
        "visit_day": column(DAY_0 + d for _, d in visits),
        "contact_client": column(c for c, _ in contacts),
        "contact_day": column(DAY_0 + d for _, d in contacts),
        "owner_client": column(row[0] for row in owners),
        "owner_representative": column(row[1] for row in owners),
        "owner_from": column(DAY_0 + row[2] for row in owners),
        "owner_until": column(day(row[3]) for row in owners),
        "owner_moved": column((row[4] for row in owners), bool),
        "registered_on": column(NO_DAY if d is None else DAY_0 + d for d in registered or [None] * n),
        "discarded_on": column(NO_DAY if d is None else DAY_0 + d for d in discarded or [None] * n),
        "active_from": np.full(m, NO_DAY),
        "active_until": np.full(m, FOREVER),
        "consent_on": np.full(m, NO_DAY),
        "absent_representative": column(row[0] for row in absences),
        "absent_from": column(DAY_0 + row[1] for row in absences),
        "absent_until": column(DAY_0 + row[2] for row in absences),
    }
    return Past(**{**made, **columns})


def present(n, **columns):
    """Facts as they are today: nothing in them is dated that a replay does not replace."""
    made = {"client_id": np.arange(n) + 1, "owner": np.full(n, -1), "seq": np.zeros(n), "x": np.full(n, -1)}
    for name in ("first_on", "last_on"):
        made[name] = np.full(n, NO_DAY)
    return Facts(**{**made, "net_12m": np.zeros(n), "inactive_days": 30, "warn_days": 20, **columns})


def people(m=2, **columns):
    flags = {"active": np.ones(m, bool), "autonomous": np.zeros(m, bool)}
    numbers = {"team": np.ones(m), "capacity": np.full(m, 10), "holds": np.zeros(m)}
    return Representatives(id=np.arange(m) + 101, **{**flags, **numbers, **columns})
