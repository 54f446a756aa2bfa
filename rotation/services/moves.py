"""Moves a person decided, as a run of their own: approved proposals that are applied, resumed and taken back like any other's."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from accounts.arrays import array
from accounts.models import Membership
from accounts.services import Actor, record_event
from rotation.models import Run
from rotation.services.moving import lock_organization, set_going


@dataclass(frozen=True)
class Move:
    """One client from who answers for it (None: nobody), as the ledger stood at ``seq``, to another; money in cents."""

    client_id: int
    seq: int
    from_id: int | None
    to_id: int
    net_12m_cents: int = 0
    km_from: float | None = None
    km_to: float | None = None
    caveats: tuple[str, ...] = field(default=())


# Whoever was about to move one of these clients must look again: a person's own move comes first.
_TAKE_OVER = """
UPDATE rotation_proposal SET state = 'stale', stale_reason = 'owner_changed', version = version + 1
 WHERE organization_id = %(organization)s AND client_id = ANY(%(clients)s::bigint[]) AND state IN ('proposed', 'approved')
"""
_INSERT = """
INSERT INTO rotation_proposal (organization_id, run_id, client_id, from_representative_id, expected_seq, to_representative_id,
    computed_to_id, position, state, stale_reason, caveats, value_cents, at_stake_cents, net_12m_cents, abc, days_since_last,
    last_order_on, cycle_days, lateness, last_visit_on, km_from, km_to, facts, candidates, candidate_values, candidate_kms,
    candidate_costs, place_price_cents, decided_by_id, decided_at, decision_reason, decision_note, version)
SELECT %(organization)s, %(run)s, m.client_id, m.from_id, m.seq, m.to_id, m.to_id, m.position, 'approved', '',
       m.caveats::text::varchar(16)[], m.net, m.net, m.net, coalesce(v.abc, ''), %(on)s - v.last_on, v.last_on, v.median_gap,
       (%(on)s - v.last_on) / nullif(v.median_gap, 0), v.last_visit_on, m.km_from, m.km_to, '{}', '{}', '{}', '{}', '{}', 0,
       %(by)s, %(at)s, '', '', 1
  FROM ROWS FROM (unnest(%(clients)s::bigint[], %(froms)s::bigint[], %(seqs)s::int[], %(tos)s::bigint[], %(nets)s::bigint[],
                         %(kms_from)s::float8[], %(kms_to)s::float8[], %(caveats)s::text[]))
       WITH ORDINALITY AS m(client_id, from_id, seq, to_id, net, km_from, km_to, caveats, position)
  LEFT JOIN clients_clientactivity v ON v.organization_id = %(organization)s AND v.client_id = m.client_id
 ORDER BY m.position
"""


def move_clients(
    moves: Sequence[Move], *, kind: str, by: Membership, at: datetime, on: date, reason: str, name: str = "", facts: dict | None = None
) -> Run:
    """Make the run of these moves and set it going, in the caller's transaction: up to 200 moves are made in it, more by a task in chunks.

    Proposals that wait for these clients in other runs become ``stale``. Whom the member may move is the caller's question.

    Parameters
    ----------
    kind : ``Run.Kind.HANDOVER`` or ``Run.Kind.MANUAL``
    on : the day from which the new ownerships hold
    name : what makes runs of one thing one set (``handover:7``); "" for a set of its own
    facts : what the run remembers beside the reason
    """
    organization_id, name = by.organization_id, name or f"{kind}:{uuid.uuid4()}"
    # Lock order everywhere: the organization's mutex, run, proposals by id, clients by id.
    lock_organization(organization_id)
    last = Run.objects.filter(rule_set=name, as_of=on).aggregate(last=Max("attempt"))["last"] or 0
    run = Run.objects.create(
        kind=kind,
        rule_set=name,
        as_of=on,
        attempt=last + 1,
        state=Run.State.APPLYING,
        trigger="person",
        started_by=by,
        apply_requested_by=by,
        apply_requested_at=at,
        effective_on=on,
        computed_at=at,
        heartbeat_at=at,
        approved_by=[by.pk],
        n_clients=len(moves),
        n_proposed=len(moves),
        summary={"reason": reason, **(facts or {})},
    )
    ordered = sorted(moves, key=lambda move: (-move.net_12m_cents, move.client_id))
    values: dict[str, Any] = {
        "organization": organization_id,
        "run": run.pk,
        "by": by.pk,
        "at": at,
        "on": on,
        "clients": array(move.client_id for move in ordered),
        "froms": array(move.from_id for move in ordered),
        "seqs": array(move.seq for move in ordered),
        "tos": array(move.to_id for move in ordered),
        "nets": array(move.net_12m_cents for move in ordered),
        "kms_from": [move.km_from for move in ordered],
        "kms_to": [move.km_to for move in ordered],
        "caveats": ["{" + ",".join(move.caveats) + "}" for move in ordered],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OVER, values)
        cursor.execute(_INSERT, values)
    record_event(f"run:{run.pk}", "run.requested", by=Actor(by), after={"kind": kind, "moves": len(moves)}, reason=reason)
    set_going(run, len(moves))
    return run
