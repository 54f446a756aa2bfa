"""The fairness ledger: what each representative received and gave by rotation, and how many of those received bought again."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connection
from psycopg2 import sql

from accounts.models import Representative
from accounts.tenancy import active_organization_id
from rotation.engine.facts import Representatives
from rotation.engine.ledger import LAST_RUNS, balance
from rotation.engine.pairs import recovery_factors
from rotation.selectors.columns import Array

# Moves that stood: applied by a rotation in force on that day and not given back by its reversal.
_MOVES = sql.SQL("""
    WITH runs AS (
      SELECT id FROM rotation_run
      WHERE organization_id = %(organization)s AND kind = 'rotation' AND effective_on <= %(as_of)s
      ORDER BY effective_on DESC, id DESC LIMIT %(last)s),
    moves AS (
      SELECT p.from_representative_id, p.to_representative_id, p.net_12m_cents
      FROM rotation_proposal p JOIN runs r ON r.id = p.run_id
      WHERE p.organization_id = %(organization)s AND p.state = 'applied'
        AND NOT EXISTS (SELECT FROM rotation_run back JOIN rotation_proposal q
                          ON q.organization_id = back.organization_id AND q.run_id = back.id AND q.state = 'applied'
                        WHERE back.organization_id = %(organization)s AND back.reverses_id = r.id AND q.client_id = p.client_id
                          AND back.effective_on <= %(as_of)s))
""")
_RECEIVED = sql.SQL("""{moves}
    SELECT to_representative_id, count(*), sum(net_12m_cents)::bigint FROM moves WHERE to_representative_id IS NOT NULL GROUP BY 1
""").format(moves=_MOVES)
_RECOVERED = sql.SQL("""
    SELECT moved_to_id, count(*), count(*) FILTER (WHERE recovered) FROM rotation_outcome
    WHERE organization_id = %(organization)s AND moved_to_id IS NOT NULL AND measured_at IS NOT NULL AND until_on < %(as_of)s
    GROUP BY 1
""")
_LINES = sql.SQL("""{moves}
    SELECT representative, sum(n_in)::bigint, sum(cents_in)::bigint, sum(n_out)::bigint, sum(cents_out)::bigint FROM (
      SELECT to_representative_id AS representative, 1 AS n_in, net_12m_cents AS cents_in, 0 AS n_out, 0 AS cents_out FROM moves
      UNION ALL
      SELECT from_representative_id, 0, 0, 1, net_12m_cents FROM moves) each
    WHERE representative IS NOT NULL GROUP BY 1
""").format(moves=_MOVES)
_MOVES_OF = sql.SQL("""
    WITH runs AS (
      SELECT id, effective_on FROM rotation_run
      WHERE organization_id = %(organization)s AND kind = 'rotation' AND effective_on <= %(as_of)s)
    SELECT r.id, r.effective_on, c.id, c.code, CASE WHEN c.trade_name = '' THEN c.name ELSE c.trade_name END,
           p.to_representative_id = %(who)s,
           CASE WHEN p.to_representative_id = %(who)s THEN p.from_representative_id ELSE p.to_representative_id END, p.net_12m_cents
      FROM rotation_proposal p JOIN runs r ON r.id = p.run_id
      JOIN clients_client c ON c.organization_id = p.organization_id AND c.id = p.client_id
     WHERE p.organization_id = %(organization)s AND p.state = 'applied'
       AND %(who)s IN (p.to_representative_id, p.from_representative_id)
       AND NOT EXISTS (SELECT FROM rotation_run back JOIN rotation_proposal q
                         ON q.organization_id = back.organization_id AND q.run_id = back.id AND q.state = 'applied'
                       WHERE back.organization_id = %(organization)s AND back.reverses_id = r.id AND q.client_id = p.client_id
                         AND back.effective_on <= %(as_of)s)
     ORDER BY r.effective_on DESC, p.id DESC OFFSET %(after)s LIMIT %(most)s
""")


@dataclass(frozen=True)
class LedgerLine:
    """What one representative received and gave by rotation up to a day; money is net value of twelve months, in cents."""

    representative: Representative
    received: int
    received_cents: int
    given: int
    given_cents: int

    @property
    def balance(self) -> int:
        """Clients received less given."""
        return self.received - self.given

    @property
    def balance_cents(self) -> int:
        return self.received_cents - self.given_cents


def with_past(representatives: Representatives, *, as_of: date) -> Representatives:
    """The same representatives with ``balance`` over the last four runs in force on ``as_of``, and ``received`` and
    ``recovered`` of every window closed before it. Two statements, however many runs.

    Nothing later than ``as_of`` is seen: a replay of that day reads the same.
    """
    values = {"organization": active_organization_id(), "as_of": as_of, "last": LAST_RUNS}
    clients, cents = _by_representative(_RECEIVED, values, representatives.id)
    received, recovered = _by_representative(_RECOVERED, values, representatives.id)
    due = balance(clients, cents, representatives.capacity, representatives.active)
    return representatives.with_columns(balance=due, received=received, recovered=recovered)


def ledger_lines(*, as_of: date, last: int | None = None) -> list[LedgerLine]:
    """Everyone who ever received or gave a client by rotation, by code; of the ``last`` runs only, or of all. Two queries."""
    values = {"organization": active_organization_id(), "as_of": as_of, "last": last}
    found = {row[0]: row[1:] for row in _rows(_LINES, values)}
    people = Representative.objects.filter(pk__in=list(found)).order_by("code")
    return [LedgerLine(each, *(int(value) for value in found[each.pk])) for each in people]


@dataclass(frozen=True)
class LedgerMove:
    """One move that stood, as one of its two sides sees it; money is net value of twelve months, in cents."""

    run_id: int
    on: date
    client_id: int
    code: str
    name: str
    received: bool  # else given
    other_id: int | None  # from whom, or to whom
    net_cents: int


def ledger_moves(representative: Representative, *, as_of: date, after: int = 0, most: int | None = None) -> list[LedgerMove]:
    """The moves behind a ledger line, the latest first; one query.

    Parameters
    ----------
    after, most : skip so many, and return at most so many; None for all
    """
    values = {
        "organization": active_organization_id(),
        "as_of": as_of,
        "last": None,
        "who": representative.pk,
        "after": after,
        "most": most,
    }
    return [LedgerMove(*row) for row in _rows(_MOVES_OF, values)]


def recovery_of(representative: Representative, *, as_of: date) -> float:
    """How this one recovers received clients against everyone, 0.5 to 2: what a pair with it is worth more, or less. One query."""
    rows = _rows(_RECOVERED, {"organization": active_organization_id(), "as_of": as_of})
    rows.append((representative.pk, 0, 0))  # where it received nothing, everyone's share is the best guess
    ids = [row[0] for row in rows]
    received, recovered = (np.array([row[i] for row in rows]) for i in (1, 2))
    return float(recovery_factors(received, recovered)[ids.index(representative.pk)])


def _by_representative(query: sql.Composable, values: dict[str, Any], ids: Array) -> tuple[Array, Array]:
    """Two numbers a representative, zero where the query has none; ``ids`` are sorted."""
    made = np.zeros((2, len(ids)), np.int64)
    for pk, *numbers in _rows(query, values):
        made[:, np.searchsorted(ids, pk)] = numbers
    return made[0], made[1]


def _rows(query: sql.Composable, values: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query.as_string(cursor.connection), values)
        return list(cursor.fetchall())
