"""Everything dated a back-test replays, as columns: order days, ledger, visits, contacts, service and absences."""

from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection
from psycopg2 import sql

from accounts.models import Absence, Organization, Representative
from accounts.selectors import local_day
from rotation.engine.facts import NO_DAY
from rotation.engine.past import FOREVER, Past
from rotation.selectors.columns import Array, read_columns
from rotation.selectors.facts import RunFacts, abc_cuts, day_number

# In the order of the covering index: one pass, no sort. A day whose orders cancel out says nothing.
ORDER_DAYS = sql.SQL("""
    SELECT client_id, ordered_on, sum(net_cents)::bigint FROM clients_order
    WHERE organization_id = %(organization)s AND ordered_on <= %(until)s
    GROUP BY client_id, ordered_on HAVING sum(net_cents) <> 0 ORDER BY client_id, ordered_on
""")
ORDER_KINDS = {"client": "i8", "day": "day", "cents": "i8"}
_VISITS = sql.SQL("""
    SELECT DISTINCT client_id, visited_on FROM portfolio_visit
    WHERE organization_id = %(organization)s AND visited_on <= %(until)s
""")
_CONTACTS = sql.SQL("""
    SELECT DISTINCT client_id, happened_on FROM portfolio_interaction
    WHERE organization_id = %(organization)s AND happened_on <= %(until)s AND kind <> 'note'
""")
_LEDGER = sql.SQL("""
    SELECT client_id, representative_id, seq, started_on, coalesce(ended_on, '-infinity'),
           source IN ('rotation', 'handover') AND seq > 1
    FROM portfolio_ownership WHERE organization_id = %(organization)s AND started_on <= %(until)s
    ORDER BY client_id, seq
""")
_LOST = sql.SQL("""
    SELECT client_id, silent_since, lost_on, coalesce(lost_until, '-infinity') FROM clients_clientstop
    WHERE organization_id = %(organization)s AND lost_on <= %(until)s
""")
_CLIENTS = sql.SQL("""
    SELECT id, coalesce(registered_on, '-infinity'), coalesce(discarded_on, '-infinity')
    FROM clients_client WHERE organization_id = %(organization)s ORDER BY id
""")


def orders_known_until(organization: Organization, *, at: datetime) -> tuple[date, date] | None:
    """First order day, and the last day whose orders are all known; None where nobody ever ordered. One query.

    Orders are known up to the day the last file came, or to the latest order where that is later; never beyond today.
    """
    today = local_day(organization, at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(ordered_on), max(ordered_on) FROM clients_order WHERE organization_id = %s AND net_cents > 0 AND ordered_on <= %s",
            [organization.pk, today],
        )
        first, last = cursor.fetchone()
    if first is None:
        return None
    received = organization.orders_received_at
    return first, min(max(last, local_day(organization, at=received)), today) if received else last


def past_of(organization: Organization, facts: RunFacts, *, until: date) -> Past:
    """What happened to the clients of ``facts`` up to and including ``until``; six SELECTs and two small lists.

    Call it in the transaction that read ``facts``: a client made in between would have no row there, and is left out.
    """
    values = {"organization": organization.pk, "until": until}
    ids = facts.clients.client_id
    with connection.cursor() as cursor:
        # nine million orders come in the order of their index; hashing them would be seven times slower
        cursor.execute("SET LOCAL enable_hashagg = off")
        orders = read_columns(ORDER_DAYS, values, ORDER_KINDS, no_day=NO_DAY)
        cursor.execute("SET LOCAL enable_hashagg TO DEFAULT")
    visits = read_columns(_VISITS, values, {"client": "i8", "day": "day"}, no_day=NO_DAY)
    contacts = read_columns(_CONTACTS, values, {"client": "i8", "day": "day"}, no_day=NO_DAY)
    kinds = {"client": "i8", "representative": "i8", "seq": "i4", "from": "day", "until": "day", "moved": "flag"}
    ledger = read_columns(_LEDGER, values, kinds, no_day=FOREVER)
    clients = read_columns(_CLIENTS, values, {"client": "i8", "registered_on": "day", "discarded_on": "day"}, no_day=NO_DAY)
    lost = read_columns(_LOST, values, {"client": "i8", "silence": "day", "from": "day", "until": "day"}, no_day=FOREVER)
    lost_client, lost = _rows_of(ids, lost)
    order_client, orders = _rows_of(ids, orders)
    visit_client, visits = _rows_of(ids, visits)
    contact_client, contacts = _rows_of(ids, contacts)
    owner_client, ledger = _rows_of(ids, ledger)
    _, clients = _rows_of(ids, clients)
    return Past(
        client_id=ids,
        order_client=order_client,
        order_day=orders["day"],
        order_cents=orders["cents"],
        visit_client=visit_client,
        visit_day=visits["day"],
        contact_client=contact_client,
        contact_day=contacts["day"],
        owner_client=owner_client,
        owner_representative=np.searchsorted(facts.representatives.id, ledger["representative"]),
        owner_from=ledger["from"],
        owner_until=ledger["until"],
        owner_moved=ledger["moved"],
        registered_on=clients["registered_on"],
        discarded_on=clients["discarded_on"],
        abc_cuts=abc_cuts(organization),
        lost_client=lost_client,
        lost_silence=lost["silence"],
        lost_from=lost["from"],
        lost_until=lost["until"],
        **_service(organization, facts.representatives.id),
    )


def _rows_of(ids: Array, table: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    """The row of each entry's client, and the entries of known clients only."""
    if not len(ids):
        return np.empty(0, np.int64), {name: column[:0] for name, column in table.items()}
    at = np.minimum(np.searchsorted(ids, table["client"]), len(ids) - 1)
    known = ids[at] == table["client"]
    return at[known], {name: column[known] for name, column in table.items()}


def _service(organization: Organization, ids: Array) -> dict[str, Any]:
    """Days of service, consent and absences of the representatives, in the order of ``ids``."""
    people = {row.pk: row for row in Representative.objects.select_related("membership")}
    table = [people[pk] for pk in ids.tolist()]

    def last_day(row: Representative) -> int:
        """The first day the representative no longer serves; a sign-in closed without a day was never open."""
        ends = [FOREVER if row.valid_to is None else day_number(row.valid_to)]
        if row.membership is not None and not row.membership.is_active:
            closed = row.membership.deactivated_at
            ends.append(day_number(local_day(organization, at=closed)) if closed else NO_DAY)
        return min(ends)

    position = {pk: i for i, pk in enumerate(ids.tolist())}
    away = list(Absence.objects.values_list("representative_id", "starts_on", "ends_on"))
    return {
        "active_from": np.array([NO_DAY if row.valid_from is None else day_number(row.valid_from) for row in table], np.int64),
        "active_until": np.array([last_day(row) for row in table], np.int64),
        "consent_on": np.array(
            [NO_DAY if row.consent_recorded_on is None else day_number(row.consent_recorded_on) for row in table], np.int64
        ),
        "absent_representative": np.array([position[row[0]] for row in away], np.int64),
        "absent_from": np.array([day_number(row[1]) for row in away], np.int64),
        "absent_until": np.array([day_number(row[2]) for row in away], np.int64),
    }
