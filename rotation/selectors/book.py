"""The portfolios a division by hand looks at, as the engine's columns: the clients to move and those their receivers have."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from psycopg2 import sql

from accounts.arrays import array
from accounts.models import Organization, Representative
from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.workload import QUARTER_WEEKS, client_minutes, minutes_held
from rotation.selectors.columns import Array, read_columns
from rotation.selectors.facts import day_number, encode_words, positions, representative_columns
from rotation.selectors.ledger import with_past
from rotation.selectors.load import clients_held

_KINDS = {
    "client_id": "i8",
    "owner_id": "i8",
    "seq": "i4",
    "x": "i4",
    "first_on": "day",
    "last_on": "day",
    "net_12m": "i8",
    "abc": "i4",
    "lat": "f8",
    "lon": "f8",
    "uf": "i8",
    "segment": "i8",
    "city": "i8",
    "discarded": "flag",
}
_BOOK = sql.SQL("""
    SELECT c.id, coalesce(c.representative_id, -1), coalesce(head.seq, 0), coalesce(v.repeat_days, -1),
           coalesce(v.first_on, '-infinity'), coalesce(v.last_on, '-infinity'), coalesce(v.net_12m_cents, 0),
           CASE v.abc WHEN 'A' THEN 0 WHEN 'B' THEN 1 WHEN 'C' THEN 2 ELSE -1 END,
           coalesce(c.latitude, 'NaN'), coalesce(c.longitude, 'NaN'),
           hashtextextended(c.state, 0), hashtextextended(c.segment, 0), hashtextextended(c.city, 0),
           coalesce(c.discarded_on <= %(as_of)s, false)
      FROM clients_client c
      LEFT JOIN clients_clientactivity v ON v.organization_id = c.organization_id AND v.client_id = c.id
      LEFT JOIN LATERAL (SELECT seq FROM portfolio_ownership o WHERE o.organization_id = c.organization_id AND o.client_id = c.id
                          ORDER BY o.seq DESC LIMIT 1) head ON true
     WHERE c.organization_id = %(organization)s AND (c.id = ANY(%(clients)s::bigint[]) OR c.representative_id = ANY(%(people)s::bigint[]))
     ORDER BY c.id
""")


@dataclass(frozen=True, eq=False)
class Book:
    """The engine's two tables over some portfolios; ``representatives`` are all of the organization's."""

    facts: Facts
    representatives: Representatives
    as_of: int  # days since 1970-01-01
    counts_minutes: Array  # (n_representatives,) bool: whether minutes are written down for this one

    def rows_of(self, clients: Collection[int]) -> Array:
        """Rows of these clients in ``facts``, rising; those not in the book, or discarded, are left out."""
        wanted = np.isin(self.facts.client_id, np.fromiter(clients, np.int64, len(clients)))
        return np.flatnonzero(wanted & ~self.facts.need("discarded", "division"))

    def held_by(self, representative_id: int) -> Array:
        """Rows of the clients that representative answers for, rising."""
        at = np.flatnonzero(self.representatives.id == representative_id)
        return np.flatnonzero((self.facts.owner == at[0]) & ~self.facts.need("discarded", "division")) if len(at) else np.zeros(0, np.int64)

    def at(self, representative_ids: Collection[int]) -> Array:
        """Mask over ``representatives``, shape (n_representatives,)."""
        return np.isin(self.representatives.id, np.fromiter(representative_ids, np.int64, len(representative_ids)))


def book_of(organization: Organization, *, clients: Collection[int] = (), people: Collection[int], as_of: date) -> Book:
    """The clients named, and whole portfolios of ``people``; a constant number of queries, however many clients.

    Numbers of the orders are the summary's. Absences are left to whoever chose the receivers: nobody is absent here.
    """
    values: dict[str, Any] = {"organization": organization.pk, "as_of": as_of, "clients": array(clients), "people": array(people)}
    columns = read_columns(_BOOK, values, _KINDS, no_day=NO_DAY)
    table = list(Representative.objects.select_related("membership").order_by("pk"))
    ids = np.array([row.pk for row in table], np.int64)
    columns["owner"] = positions(columns.pop("owner_id"), ids)
    words: dict[str, tuple[str, ...]] = {"uf": (), "segment": (), "city": ()}
    if len(columns["client_id"]):
        words = encode_words(columns)
    held = clients_held()
    holds = np.array([held.get(row.pk, 0) for row in table], np.int64)
    representatives, vocabularies = representative_columns(table, holds, words, organization, as_of)
    week = np.array([np.inf if row.capacity_minutes_week is None else row.capacity_minutes_week for row in table], np.float64)
    given: dict[str, Any] = {**columns, **vocabularies}
    facts = Facts(minutes=client_minutes(columns["abc"]), **given)
    representatives = representatives.with_columns(absent=None, absent_now=None, capacity_minutes=week * QUARTER_WEEKS)
    representatives = representatives.with_columns(minutes_held=minutes_held(facts, representatives))
    return Book(facts, with_past(representatives, as_of=as_of), day_number(as_of), np.isfinite(week))
