"""What became of the clients a run drew or moved: measured once their window has closed, and again when its orders change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.management.organizations import organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy import active_organization_id, tenant_atomic

MEASURER = Actor(label="task rotation.measure_outcomes")
CHUNK = 5_000

# Moves that no draw decided get their row when their window has closed; those of a draw have it since the run.
_OUTSIDE = """
    INSERT INTO rotation_outcome (organization_id, run_id, rule_id, rule_version_id, client_id, arm, share, stratum, drawn_on, until_on)
    SELECT p.organization_id, p.run_id, v.rule_id, p.rule_version_id, p.client_id, 'outside', 0, '', r.as_of, r.as_of + h.days
    FROM rotation_proposal p
    JOIN rotation_run r ON r.organization_id = p.organization_id AND r.id = p.run_id AND r.kind = 'rotation'
    JOIN rotation_ruleversion v ON v.organization_id = p.organization_id AND v.id = p.rule_version_id
    CROSS JOIN LATERAL (SELECT coalesce((v.definition->'value'->>'horizon_days')::int, 90) AS days) h
    WHERE p.organization_id = %(organization)s AND p.state = 'applied' AND r.as_of + h.days < %(complete)s
      AND r.as_of >= %(complete)s - 1100
      AND NOT EXISTS (SELECT 1 FROM rotation_outcome o
                      WHERE o.organization_id = p.organization_id AND o.run_id = p.run_id AND o.client_id = p.client_id)
    ON CONFLICT (organization_id, run_id, client_id) DO NOTHING
"""
# A window is the half-open days (drawn_on, until_on]; a valid order day is one whose orders and returns add up above zero.
_MEASURE = """
    WITH due AS (
      SELECT o.id, o.client_id, o.drawn_on, o.until_on, w.representative_id AS moved_to, w.started_on AS moved_on
      FROM rotation_outcome o
      LEFT JOIN rotation_proposal p ON p.organization_id = o.organization_id AND p.run_id = o.run_id AND p.client_id = o.client_id
                                   AND p.state = 'applied'
      LEFT JOIN portfolio_ownership w ON w.organization_id = o.organization_id AND w.proposal_id = p.id AND w.started_on <= o.until_on
      WHERE o.organization_id = %(organization)s AND o.id = ANY(%(ids)s)),
    day AS (
      SELECT due.id, due.moved_on, b.ordered_on, sum(b.net_cents) AS net
      FROM due JOIN clients_order b ON b.organization_id = %(organization)s AND b.client_id = due.client_id
                                   AND b.ordered_on > due.drawn_on AND b.ordered_on <= due.until_on
      GROUP BY due.id, due.moved_on, b.ordered_on),
    found AS (
      SELECT id, sum(net)::bigint AS net, min(ordered_on) FILTER (WHERE net > 0) AS first_on,
             coalesce(bool_or(net > 0 AND ordered_on >= moved_on), false) AS after_move
      FROM day GROUP BY id)
    UPDATE rotation_outcome o
    SET ordered = found.first_on IS NOT NULL, first_order_on = found.first_on, net_cents = coalesce(found.net, 0),
        moved_to_id = due.moved_to, moved_on = due.moved_on,
        recovered = CASE WHEN due.moved_to IS NOT NULL THEN coalesce(found.after_move, false) END, measured_at = %(at)s
    FROM due LEFT JOIN found ON found.id = due.id
    WHERE o.organization_id = %(organization)s AND o.id = due.id
      AND (o.measured_at IS NULL
           OR (o.ordered, o.first_order_on, o.net_cents, o.moved_to_id, o.moved_on, o.recovered) IS DISTINCT FROM
              (found.first_on IS NOT NULL, found.first_on, coalesce(found.net, 0)::bigint, due.moved_to, due.moved_on,
               CASE WHEN due.moved_to IS NOT NULL THEN coalesce(found.after_move, false) END))
    RETURNING o.rule_id
"""
_DUE = """
    SELECT id FROM rotation_outcome
    WHERE organization_id = %(organization)s AND measured_at IS NULL AND until_on < %(complete)s
    ORDER BY id LIMIT %(size)s FOR UPDATE SKIP LOCKED
"""
_AGAIN = """
    SELECT id FROM rotation_outcome WHERE organization_id = %(organization)s AND client_id = ANY(%(clients)s) AND measured_at IS NOT NULL
    ORDER BY id FOR UPDATE
"""


@dataclass(frozen=True)
class MeasuredHere:
    """How many outcomes of one organization were measured just now."""

    organization_id: int
    measured: int


def measure_outcomes(at: datetime) -> list[MeasuredHere]:
    """Measure, in every organization, each outcome whose window has closed and whose orders have come in.

    A window is complete when orders arrived on a later day of the organization than its last. Safe to repeat and to run
    twice at once: a row is measured once, and a chunk is a transaction of its own.
    """
    done = []
    for organization_id in organization_ids():
        total = 0
        while True:
            with tenant_atomic(organization_id):
                chunk = measure_chunk(at, size=CHUNK)
            total += chunk
            if chunk < CHUNK:
                break
        if total:
            done.append(MeasuredHere(organization_id, total))
    return done


def measure_chunk(at: datetime, *, size: int = CHUNK) -> int:
    """Measure up to ``size`` outcomes of the active organization, in the caller's transaction; how many there were."""
    organization = Organization.objects.get(pk=active_organization_id())
    if organization.orders_received_at is None:
        return 0
    # The feed may arrive at any hour of its day: only days before it are whole.
    complete = min(local_day(organization, at=organization.orders_received_at), local_day(organization, at=at))
    values: dict[str, Any] = {"organization": organization.pk, "complete": complete, "size": size}
    with connection.cursor() as cursor:
        cursor.execute(_OUTSIDE, values)
        cursor.execute(_DUE, values)
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    rules = _measure(ids, at)
    for rule_id, n in sorted(rules.items()):
        record_event(f"rule:{rule_id}", "rule.outcomes_measured", by=MEASURER, after={"measured": n, "until": str(complete - timedelta(1))})
    return len(ids)


def remeasure(client_ids: Sequence[int], *, at: datetime) -> int:
    """Measure anew what these clients' changed orders touch; how many outcomes changed. Inside the caller's transaction.

    A cancelled or returned order, or one that came late, may lie in a window already measured.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"organization": active_organization_id(), "clients": list(client_ids)})
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    rules = _measure(ids, at)
    for rule_id, n in sorted(rules.items()):
        record_event(f"rule:{rule_id}", "rule.outcomes_corrected", by=MEASURER, after={"corrected": n})
    return sum(rules.values())


def _measure(ids: list[int], at: datetime) -> dict[int, int]:
    """Rule -> outcomes of it that changed."""
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE, {"organization": active_organization_id(), "ids": ids, "at": at})
        changed: dict[int, int] = {}
        for (rule_id,) in cursor.fetchall():
            changed[rule_id] = changed.get(rule_id, 0) + 1
    return changed
