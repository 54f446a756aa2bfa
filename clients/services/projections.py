"""ClientActivity, ClientMonth and ClientSilence, recomputed in the database from orders, for the clients that were touched.

Set by set and only for touched clients: a trigger per order row costs several times as much, and a sum kept by
addition drifts the first time an order is changed, cancelled, returned or dated back. Orders dated after ``as_of`` are
not seen until their day comes; ``refresh_windows`` brings them in.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from accounts.arrays import array
from accounts.models import Organization
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.limits import allow_minutes, planner
from clients.models.activity import SHORTEST_SILENCE
from clients.services import projection_sql as statements
from clients.services.changes import facts_changed
from clients.signals import projections_rebuilt

CHUNK_CLIENTS = 20_000
WINDOWS = (30, 90, 180, 365)
FEW_DAYS = 3  # a summary so old is brought on from the orders of the days that matter


@dataclass(frozen=True)
class Differences:
    """How many stored projection rows are not what the facts give, and the first few clients concerned."""

    activity: int
    months: int
    silences: int
    abc: int
    client_ids: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.activity or self.months or self.silences or self.abc)


def refresh_clients(client_ids: Sequence[int], *, as_of: date) -> None:
    """Recompute the rows of these clients from their orders, in the transaction that changed them.

    ``abc`` compares a client with all others: ``refresh_abc`` sets it, once after the last of a batch.

    Parameters
    ----------
    client_ids : ids of the active organization; the caller holds locks on them where others may write too
    as_of : the organization's day; windows hold as of it and orders after it are not counted
    """
    ids = sorted(set(client_ids))
    if not ids:
        return
    facts = _facts(as_of) | {"clients": ids}
    # The covering index gives orders by client and day; a hash of them all is seven times slower, and beside a company of millions of
    # orders, of which the planner knows, one that has just come seems to have a single one: sorting it looks as cheap as any index,
    # and the key's, which leads to all orders of the company, as good as the right one. Each client then read them all.
    with planner(enable_sort="off"), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_hashagg = off")
        cursor.execute(statements.WRITE_ACTIVITY, facts)
        cursor.execute("SET LOCAL enable_hashagg = on")
        cursor.execute(statements.WRITE_MONTHS, facts)


def begin_clients(client_ids: Sequence[int], *, as_of: date) -> None:
    """Give clients made in this transaction their rows: no order can name them yet, so there is nothing to compute.

    Parameters
    ----------
    client_ids : ids of the active organization that have no row
    as_of : the organization's day, as for ``refresh_clients``
    """
    if not client_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statements.BEGIN_ACTIVITY, {"organization": active_organization_id(), "clients": array(sorted(client_ids)), "as_of": as_of}
        )


def refresh_months(client_ids: Collection[int]) -> None:
    """Recompute the months of clients whose orders are credited to somebody else now; nothing else of them changed."""
    if not client_ids:
        return
    with planner(enable_sort="off"), connection.cursor() as cursor:
        cursor.execute(statements.DAYS_OF_WINDOWS, {"organization": active_organization_id(), "clients": sorted(client_ids)})
        for windows_on, ids in cursor.fetchall():
            if windows_on:
                cursor.execute(statements.WRITE_MONTHS, _facts(windows_on) | {"clients": ids})


def refresh_abc() -> int:
    """Set every client's class by its share of the year's net value: A and B to the organization's cuts (80 % and 95 %), C the rest.

    A client that bought nothing net in the window has no class. Returns how many classes changed. One statement over the whole company:
    where all are set for the first time, of 1,000,000 clients, it takes longer than others may.
    """
    allow_minutes()
    # Of a company that came since the last ANALYZE the planner expects one row, and would go through all of them for each.
    with planner(enable_nestloop="off"), connection.cursor() as cursor:
        cursor.execute(statements.WRITE_ABC, {"organization": active_organization_id()})
        return cursor.rowcount


def rebuild_projections(organization: Organization, *, as_of: date) -> int:
    """Recompute every client of the organization, in chunks of one transaction each; returns how many clients."""
    done, after = 0, 0
    while True:
        with tenant_atomic(organization.pk):
            ids = _next_clients(after, lock=True)
            if ids:
                allow_minutes()
                refresh_clients(ids, as_of=as_of)
                projections_rebuilt.send(sender=rebuild_projections, client_ids=ids)
            else:
                refresh_abc()
                facts_changed()
                return done
        done, after = done + len(ids), ids[-1]


def refresh_windows(organization: Organization, *, as_of: date) -> int:
    """Bring every window to ``as_of``, recomputing only clients with an order day that enters or leaves one.

    Safe to run twice, and after days it did not run. Returns how many clients were recomputed.
    """
    recomputed, after = 0, 0
    while True:
        with tenant_atomic(organization.pk), connection.cursor() as cursor:
            ids = _next_clients(after, lock=True)
            if not ids:
                refresh_abc()
                return recomputed
            allow_minutes()
            changed = _windows_that_change(ids, as_of)
            refresh_clients(changed, as_of=as_of)
            rest: dict[str, Any] = {"organization": organization.pk, "clients": array(ids), "as_of": as_of}
            cursor.execute(statements.DATE_THE_REST, rest)
        recomputed, after = recomputed + len(changed), ids[-1]


def _windows_that_change(ids: list[int], as_of: date) -> list[int]:
    """Those of these clients, in order, with an order day that enters or leaves a window between their row's day and ``as_of``."""
    facts: dict[str, Any] = {"organization": active_organization_id(), "as_of": as_of, "first": ids[0], "last": ids[-1]}
    with connection.cursor() as cursor:
        cursor.execute(statements.WINDOWS_BEHIND, facts)
        earliest, latest = cursor.fetchone()
        if earliest and latest <= as_of <= earliest + timedelta(days=FEW_DAYS):
            gone = range((as_of - earliest).days)
            days = [as_of - timedelta(days=window + back) for window in (0, *WINDOWS) for back in gone]
            # Read day by day through the index over days: of those, rows of other clients are a few thousand.
            cursor.execute(statements.WINDOWS_THAT_CHANGE_IN_DAYS, {**facts, "days": days, "clients": array(ids)})
        else:
            cursor.execute(statements.WINDOWS_THAT_CHANGE, {**facts, "clients": ids})
        return [row[0] for row in cursor.fetchall()]


def differences(organization: Organization) -> Differences:
    """Compare the stored projections with the facts, each client as of its own ``windows_on``; writes nothing.

    A client without a row counts as a difference. Sums of logarithms are equal within 1e-9 of each other.
    """
    activity, months, silences, named, after = 0, 0, 0, [], 0
    with tenant_atomic(organization.pk), connection.cursor() as cursor:
        allow_minutes()
        while ids := _next_clients(after):
            cursor.execute(statements.DAYS_OF_WINDOWS, {"organization": organization.pk, "clients": ids})
            for windows_on, members in cursor.fetchall():
                facts = _facts(windows_on or date.min) | {"clients": members}
                cursor.execute(statements.ACTIVITY_DIFFERENCES, facts)
                wrong = [row[0] for row in cursor.fetchall()]
                cursor.execute(statements.MONTH_DIFFERENCES, facts)
                wrong_months = [row[0] for row in cursor.fetchall()]
                cursor.execute(statements.SILENCE_DIFFERENCES, facts)
                wrong_silences = [row[0] for row in cursor.fetchall()]
                activity, months, silences = activity + len(wrong), months + len(wrong_months), silences + len(wrong_silences)
                named += [*wrong, *wrong_months, *wrong_silences]
            after = ids[-1]
        with planner(enable_nestloop="off"):
            cursor.execute(statements.ABC_DIFFERENCES, {"organization": organization.pk})
        unequal = [row[0] for row in cursor.fetchall()]
    return Differences(activity, months, silences, len(unequal), tuple(sorted({*named, *unequal})[:10]))


def _facts(as_of: date) -> dict:
    since = {f"since_{days}": as_of - timedelta(days=days) if as_of > date.min else date.min for days in WINDOWS}
    return {"organization": active_organization_id(), "as_of": as_of, "shortest": SHORTEST_SILENCE, **since}


def _next_clients(after: int, *, lock: bool = False) -> list[int]:
    """The next chunk of client ids above ``after``; locked, so that an import of the same clients waits its turn."""
    statement = statements.NEXT_CLIENTS_LOCKED if lock else statements.NEXT_CLIENTS
    with connection.cursor() as cursor:
        cursor.execute(statement, {"organization": active_organization_id(), "after": after, "limit": CHUNK_CLIENTS})
        return [row[0] for row in cursor.fetchall()]
