"""Outcomes as the engine reads them: who was drawn, to which arm, and what came of it, as columns."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, Q, QuerySet
from psycopg2 import sql

from accounts.models import Representative
from accounts.tenancy import active_organization_id
from rotation.engine.facts import NO_DAY
from rotation.engine.outcome import Drawn
from rotation.engine.uplift import Effects, effects
from rotation.models import Outcome, Rule
from rotation.selectors.columns import Array, read_columns

# An effect of more than two years ago is about other people and another market.
REMEMBERED_DAYS = 730

# The names' order must be that of the ranks, whatever the database's own order of words.
_MEASURED = """
    SELECT o.arm = 'treatment', o.ordered, o.net_cents, dense_rank() OVER (ORDER BY o.stratum COLLATE "C")::int - 1,
           dense_rank() OVER (ORDER BY o.rule_id, o.share, o.until_on - o.drawn_on)::int - 1, o.until_on
    FROM rotation_outcome o WHERE {which} ORDER BY o.until_on, o.id
"""
_NAMES = """SELECT DISTINCT o.stratum COLLATE "C" AS name FROM rotation_outcome o WHERE {which} ORDER BY name"""
_WHICH = """
    o.organization_id = %(organization)s AND o.arm <> 'outside' AND o.measured_at IS NOT NULL
    AND o.until_on < %(as_of)s AND o.until_on >= %(since)s
    AND (%(rule)s::bigint IS NULL OR o.rule_id = %(rule)s) AND (%(horizon)s::int IS NULL OR o.until_on - o.drawn_on = %(horizon)s)
"""
_KINDS = {"treated": "flag", "ordered": "flag", "net": "i8", "stratum": "i4", "block": "i4", "until_on": "day"}
_WINDOWS = sql.SQL("""
    SELECT drawn_on, until_on FROM rotation_outcome
    WHERE organization_id = %(organization)s AND rule_id = %(rule)s AND arm <> 'outside' AND drawn_on <= %(as_of)s
      AND until_on - drawn_on = %(horizon)s
""")
_TREATED = sql.SQL("""
    SELECT client_id, max(until_on) FROM rotation_outcome
    WHERE organization_id = %(organization)s AND arm = 'treatment' AND drawn_on <= %(as_of)s AND until_on > %(as_of)s AND run_id <> %(run)s
    GROUP BY client_id
""")


@dataclass(frozen=True, eq=False)
class Measured:
    """Drawn clients whose windows closed and were measured, in the order they closed; ``until_on`` int days."""

    drawn: Drawn
    until_on: Array
    names: tuple[str, ...]  # of the codes of ``drawn.stratum``


def measured(*, as_of: date, rule: Rule | None = None, horizon: int | None = None) -> Measured:
    """What was measured of windows that closed before ``as_of``: of one rule and horizon, or of the whole organization.

    Two statements, however many clients.
    """
    values: dict[str, Any] = {
        "organization": active_organization_id(),
        "as_of": as_of,
        "since": as_of - timedelta(days=REMEMBERED_DAYS),
        "rule": rule and rule.pk,
        "horizon": horizon,
    }
    which = sql.SQL(_WHICH)
    rows = read_columns(sql.SQL(_MEASURED).format(which=which), values, _KINDS, no_day=NO_DAY)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_NAMES).format(which=which).as_string(cursor.connection), values)
        names = tuple(row[0] for row in cursor.fetchall())
    drawn = Drawn(rows["treated"], rows["ordered"], rows["net"], rows["stratum"], rows["block"])
    return Measured(drawn, rows["until_on"], names)


def measured_effects(*, as_of: date) -> Effects | None:
    """What moving recovers in this organization, to rank by; None while there is not enough to say so."""
    found = measured(as_of=as_of)
    return effects(found.drawn, found.names) if len(found.drawn) else None


def windows_of(rule: Rule, *, as_of: date, horizon: int) -> tuple[Array, Array]:
    """(drawn_on, until_on) of every client the rule drew, int days, in no order."""
    values = {"organization": active_organization_id(), "rule": rule.pk, "as_of": as_of, "horizon": horizon}
    rows = read_columns(_WINDOWS, values, {"drawn_on": "day", "until_on": "day"}, no_day=NO_DAY)
    return rows["drawn_on"], rows["until_on"]


def treated_until(client_id: Array, *, as_of: date, run_id: int) -> Array:
    """Last day of the window each client was drawn to treatment for, NO_DAY where none is open; shape of ``client_id``, sorted."""
    values = {"organization": active_organization_id(), "as_of": as_of, "run": run_id}
    rows = read_columns(_TREATED, values, {"client_id": "i8", "until_on": "day"}, no_day=NO_DAY)
    until = np.full(len(client_id), NO_DAY, np.int32)
    until[np.searchsorted(client_id, rows["client_id"])] = rows["until_on"]
    return until


@dataclass(frozen=True)
class ReceiverLine:
    """One representative who received clients of a rule in windows that closed."""

    representative: Representative
    received: int
    recovered: int
    holds: int

    @property
    def used(self) -> float | None:
        """Clients held over capacity, now."""
        return self.holds / self.representative.capacity_clients if self.representative.capacity_clients else None


def receiver_lines(rule: Rule, *, of: QuerySet[Representative] | None = None, most: int = 20) -> list[ReceiverLine]:
    """Who received the rule's clients, how many ordered since, and the load each carries now; two queries.

    Those who received most come first; ``of`` limits them to representatives the reader may see.
    """
    moved = Outcome.objects.filter(rule=rule, moved_to__isnull=False, measured_at__isnull=False)
    if of is not None:
        moved = moved.filter(moved_to__in=of.values("pk"))
    counted = {
        row["moved_to"]: row
        for row in moved.order_by()
        .values("moved_to")
        .annotate(received=Count("id"), recovered=Count("id", filter=Q(recovered=True)))
        .order_by("-received", "moved_to")[:most]
    }
    people = Representative.objects.filter(pk__in=counted).annotate(holds=Count("clients"))
    lines = [ReceiverLine(each, counted[each.pk]["received"], counted[each.pk]["recovered"], each.holds) for each in people]
    return sorted(lines, key=lambda line: (-line.received, line.representative.name))
