"""Applying approved proposals: chunks of one durable transaction each, killed at any instant and resumed without a trace."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from accounts.arrays import array
from accounts.models import Membership, Notice
from accounts.services import Actor, notify, record_event, send_to_outbox
from accounts.tenancy import tenant_atomic
from accounts.tenancy.retry import retried
from accounts.tenancy.tasks import send_on_commit
from portfolio.models import Ownership
from portfolio.services import Occasion, Transfer, transfer_clients
from portfolio.services.following import follow
from rotation.models import Proposal, RotationSettings, Run

# Of 200 moves a person transferring by hand meanwhile notices nothing: a chunk holds its locks for some 50 ms.
CHUNK = 200
# A worker is stopped after 240 s; a run that takes longer is sent again and goes on where it stopped.
BUDGET_SECONDS = 200
APPLY_TASK = "rotation.tasks.apply_run"
SOURCES: dict[str, str] = {
    Run.Kind.ROTATION: Ownership.Source.ROTATION,
    Run.Kind.REVERSAL: Ownership.Source.REVERSAL,
    Run.Kind.HANDOVER: Ownership.Source.HANDOVER,
    Run.Kind.MANUAL: Ownership.Source.MANUAL,
}
FINISHED: dict[str, Notice.Kind] = {
    Run.Kind.REVERSAL: Notice.Kind.RUN_REVERSED,
    Run.Kind.HANDOVER: Notice.Kind.HANDOVER,
}  # what its end is told as


@dataclass(frozen=True)
class Applied:
    """How far a call came: moves made, proposals gone stale, and whether the run has left ``applying``."""

    applied: int
    stale: int
    finished: bool


class _Work(NamedTuple):
    """The run as its row says under lock: two hundred chunks of it must not become two hundred model instances."""

    run_id: int
    organization_id: int
    state: str
    kind: str
    on: date
    scope: list[int] | None  # representatives, None: all
    requested_by: int | None
    today: date
    reason: str  # a person's own words for moves made by hand; "" where the rule's name is the reason
    handover: int | None = None  # the departure that gives the clients: whoever receives is told where its dossier is

    @property
    def actor(self) -> Actor:
        # The ledger and the audit trail write the member's id and nothing else of it.
        return Actor(Membership(pk=self.requested_by) if self.requested_by else None, label=f"run {self.run_id}")


_LOCK_ORGANIZATION = "SELECT id FROM rotation_rotationsettings WHERE organization_id = %s FOR NO KEY UPDATE"
_LOCK_RUN = """
SELECT r.id, r.organization_id, r.state, r.kind, r.effective_on, r.summary#>'{apply,representatives}', r.apply_requested_by_id, o.time_zone,
       coalesce(r.summary->>'reason', ''), (r.summary->>'handover')::bigint
  FROM rotation_run r JOIN accounts_organization o ON o.id = r.organization_id
 WHERE r.organization_id = %s AND r.id = %s FOR NO KEY UPDATE OF r
"""
# Progress forgives earlier failures: a run that is killed often but advances is not parked.
_BEAT = "UPDATE rotation_run SET heartbeat_at = %s, attempts_made = 0, error = '' WHERE organization_id = %s AND id = %s"
# SKIP LOCKED: a proposal somebody is deciding at this moment waits for the next chunk.
_NEXT = """
SELECT p.id, p.client_id, p.from_representative_id, p.to_representative_id, p.expected_seq, p.caveats, r.name
  FROM rotation_proposal p
  LEFT JOIN rotation_ruleversion v ON v.organization_id = p.organization_id AND v.id = p.rule_version_id
  LEFT JOIN rotation_rule r ON r.organization_id = v.organization_id AND r.id = v.rule_id
 WHERE p.organization_id = %(organization)s AND p.run_id = %(run)s AND p.state = 'approved'
   AND (%(everyone)s OR p.from_representative_id = ANY(%(scope)s::bigint[]) AND p.to_representative_id = ANY(%(scope)s::bigint[]))
 ORDER BY p.client_id LIMIT %(size)s FOR NO KEY UPDATE OF p SKIP LOCKED
"""
_LOCK_CLIENTS = "SELECT FROM clients_client WHERE organization_id = %s AND id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# What the rule promised and may hold no longer: asked for the day the moves hold from, and a resumed run's later
# today. A destination a person chose is theirs to judge, so only the
# engine's own is held against the territory; a client's first owner, or an imported one, is no move to rest from.
# A rule is read once, not once a proposal.
_BROKEN = """
WITH chunk AS MATERIALIZED (
  SELECT id, client_id, to_representative_id, computed_to_id, rule_version_id, expected_seq FROM rotation_proposal
   WHERE organization_id = %(organization)s AND id = ANY(%(ids)s::bigint[])
), rule AS MATERIALIZED (
  SELECT v.id, v.definition->'guards' ? 'never_rotate' AS keeps_held, v.definition->'guards' ? 'blocked' AS keeps_blocked,
         coalesce((v.definition#>>'{receivers,same_region}')::boolean, true) AS same_region,
         (SELECT max(split_part(guard, ':', 2)::int) FROM jsonb_array_elements_text(v.definition->'guards') AS guard
           WHERE guard LIKE 'moved_within:%%') AS rest_days
    FROM rotation_ruleversion v
   WHERE v.organization_id = %(organization)s AND v.id IN (SELECT rule_version_id FROM chunk)
)
SELECT * FROM (
  SELECT p.id, CASE
    WHEN t.valid_to <= %(today)s THEN 'receiver_inactive'
    WHEN c.hold AND rule.keeps_held THEN 'held'
    WHEN c.blocked AND rule.keeps_blocked THEN 'blocked'
    WHEN rule.same_region AND p.to_representative_id = p.computed_to_id
         AND c.state <> '' AND cardinality(t.regions) > 0 AND c.state <> ALL(t.regions) THEN 'out_of_territory'
    WHEN o.source <> 'import' AND o.seq > 1 AND o.started_on > %(on)s - rule.rest_days THEN 'rested'
    END AS code
    FROM chunk p
    JOIN rule ON rule.id = p.rule_version_id
    JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = p.client_id
    JOIN accounts_representative t ON t.organization_id = %(organization)s AND t.id = p.to_representative_id
    LEFT JOIN portfolio_ownership o ON o.organization_id = %(organization)s AND o.client_id = p.client_id AND o.seq = p.expected_seq
                                   AND o.ended_on IS NULL) judged
 WHERE code IS NOT NULL
"""
_MARK_APPLIED = """
UPDATE rotation_proposal SET state = 'applied', applied_at = %(at)s, version = version + 1
 WHERE organization_id = %(organization)s AND id = ANY(%(ids)s::bigint[]) AND state = 'approved'
"""
_MARK_STALE = """
UPDATE rotation_proposal p SET state = 'stale', stale_reason = w.code, version = p.version + 1
  FROM unnest(%(ids)s::bigint[], %(codes)s::text[]) AS w(id, code)
 WHERE p.organization_id = %(organization)s AND p.id = w.id AND p.state = 'approved'
"""


def apply_run(
    run_id: int,
    organization_id: int,
    *,
    size: int = CHUNK,
    budget_seconds: float = BUDGET_SECONDS,
    after_chunk: Callable[[], None] = lambda: None,
) -> Applied:
    """Move every approved client of the run, then close the run; safe to call twice, at once, or after any interruption.

    Each chunk is one transaction: rows locked, believed owner and every promise checked again, ledger, audit, notices
    and outbox written, proposals marked. What no longer holds becomes ``stale`` with its reason. A chunk that meets a
    deadlock, a lock held too long or a lost connection is repeated, five times at most.

    Parameters
    ----------
    size : proposals a chunk
    budget_seconds : stop between two chunks after that long; the caller sends the run again
    after_chunk : called between two chunks, with nothing open

    Returns
    -------
    Applied
        ``finished`` False: time was up, the run is still ``applying``.
    """
    began, applied, stale = time.monotonic(), 0, 0
    while time.monotonic() - began < budget_seconds:
        chunk = retried(lambda: _apply_chunk(run_id, organization_id, size))
        if chunk is None:
            return Applied(applied, stale, True)
        applied, stale = applied + chunk[0], stale + chunk[1]
        after_chunk()
        if chunk == (0, 0):
            time.sleep(0.05)  # what is left is being decided at this moment
    return Applied(applied, stale, False)


def apply_now(run_id: int, organization_id: int) -> Applied:
    """Move every approved client of a run of at most one chunk in the caller's transaction, and close it.

    What fails, fails with whatever asked for the moves: there is nothing to resume.
    """
    work = _locked(run_id, organization_id)
    assert work is not None and work.state == Run.State.APPLYING, "the run was made in this transaction"
    applied, stale = 0, 0
    while rows := _next_proposals(work, CHUNK):
        moved = _move(work, rows)
        applied, stale = applied + moved[0], stale + moved[1]
    return Applied(applied, stale, _close(work))


def set_going(run: Run, n_moves: int) -> None:
    """Apply the run here and now where one chunk holds it; else by a task, which the sweeper sends again if it is lost."""
    if n_moves <= CHUNK:
        apply_now(run.pk, run.organization_id)
        run.refresh_from_db()
    else:
        send_on_commit(APPLY_TASK, run.pk, organization_id=run.organization_id)


def _apply_chunk(run_id: int, organization_id: int, size: int) -> tuple[int, int] | None:
    """(applied, stale) of one chunk; None when the run is no longer, or just stopped, ``applying``."""
    with tenant_atomic(organization_id, durable=True):
        # Lock order everywhere: run, proposals, clients by id, representatives by id, memberships by id.
        work = _locked(run_id, organization_id)
        if work is None or work.state != Run.State.APPLYING:
            return None
        rows = _next_proposals(work, size)
        if not rows:
            return None if _close(work) else (0, 0)
        moved = _move(work, rows)
        with connection.cursor() as cursor:
            cursor.execute(_BEAT, [timezone.now(), organization_id, run_id])
        return moved


def _locked(run_id: int, organization_id: int) -> _Work | None:
    """The run under lock, after the organization's mutex; None where it does not exist."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ORGANIZATION, [organization_id])
        if not cursor.fetchone():
            lock_organization(organization_id)
        cursor.execute(_LOCK_RUN, [organization_id, run_id])
        row = cursor.fetchone()
    if row is None:
        return None
    found, organization, state, kind, on, scope, requested_by, zone, reason, handover = row
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    representatives = scope if scope is None else json.loads(scope)
    return _Work(found, organization, state, kind, on, representatives, requested_by, today, reason, handover)


def lock_organization(organization_id: int) -> RotationSettings:
    """The organization's mutex for runs: its settings row, made on first use. A row, not an advisory lock: it pools."""
    locked = RotationSettings.objects.select_for_update(no_key=True)
    settings = locked.first()
    if settings is None:
        RotationSettings.objects.bulk_create([RotationSettings(organization_id=organization_id)], ignore_conflicts=True)
        settings = locked.get()
    return settings


def _next_proposals(work: _Work, size: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            _NEXT,
            {
                "organization": work.organization_id,
                "run": work.run_id,
                "everyone": work.scope is None,
                "scope": array(work.scope or []),
                "size": size,
            },
        )
        return cursor.fetchall()


def _move(work: _Work, rows: Sequence[tuple]) -> tuple[int, int]:
    at, reversal = timezone.now(), work.kind == Run.Kind.REVERSAL
    by_rule = work.kind == Run.Kind.ROTATION
    assert work.on is not None, "a run that applies has the day from which its moves hold"
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CLIENTS, [work.organization_id, array(sorted(row[1] for row in rows))])
        cursor.execute(
            _BROKEN, {"organization": work.organization_id, "ids": array(row[0] for row in rows), "on": work.on, "today": work.today}
        )
        codes: dict[int, str] = dict(cursor.fetchall())
    if reversal:  # puts back what was: the rule has no say in it, but who left still receives nobody
        codes = {pk: code for pk, code in codes.items() if code == "receiver_inactive"}
    batch, from_of = [], {row[1]: row[2] for row in rows}
    for pk, client_id, from_id, to_id, seq, caveats, rule in rows:
        if to_id is None:
            codes[pk] = "no_receiver"
        if pk in codes:
            continue
        accepted = reversal or Proposal.Caveat.OVER_CAPACITY in caveats  # approved knowing that there is no room
        batch.append(Transfer(client_id, to_id, seq, from_id, work.reason or rule or "", pk, over_capacity=accepted))
    result = transfer_clients(
        batch,
        by=work.actor,
        source=SOURCES[work.kind],
        on=work.on,
        occasion=Occasion(f"run:{work.run_id}", {"run": work.run_id} | ({"handover": work.handover} if work.handover else {})),
        check_room=by_rule or reversal,  # who divides by hand saw each receiver's load and wants it so
        check_absence=by_rule,
        at=at,
    )
    if not by_rule:
        follow([(each.client_id, from_of[each.client_id], each.to_id) for each in result.applied], by=work.actor, on=work.on, at=at)
    codes |= {each.proposal_id: code for each, code in result.refused if each.proposal_id}
    _mark(work.organization_id, [each.proposal_id for each in result.applied if each.proposal_id], codes, at)
    return len(result.applied), len(codes)


def _mark(organization_id: int, applied: list[int], stale: dict[int, str], at: datetime) -> None:
    with connection.cursor() as cursor:
        if applied:
            cursor.execute(_MARK_APPLIED, {"organization": organization_id, "ids": array(applied), "at": at})
            assert cursor.rowcount == len(applied), "an applied proposal was not approved under our own lock"
        if stale:
            cursor.execute(_MARK_STALE, {"organization": organization_id, "ids": list(stale), "codes": list(stale.values())})


def _close(work: _Work) -> bool:
    """Leave ``applying`` when nothing approved is left to move: to ``applied``, or back to review while some are undecided.

    False when approved proposals are left that somebody has locked just now.
    """
    run = Run.objects.get(pk=work.run_id)
    counts = dict(run.proposals.values_list("state").annotate(n=Count("id")).order_by())
    State = Proposal.State
    left = run.proposals.filter(state=State.APPROVED)
    if work.scope is not None:
        left = left.filter(from_representative_id__in=work.scope, to_representative_id__in=work.scope)
    if left.exists():
        return False
    at = timezone.now()
    undecided = counts.get(State.PROPOSED, 0) + counts.get(State.APPROVED, 0)
    state = Run.State.AWAITING if undecided else Run.State.APPLIED
    moved = Run.objects.filter(pk=run.pk, state=Run.State.APPLYING).update(
        state=state, applied_at=at, heartbeat_at=at, attempts_made=0, error="", failed_in=""
    )
    assert moved == 1, "the run left applying under our own lock"
    facts = {"run": run.pk, "applied": counts.get(State.APPLIED, 0), "stale": counts.get(State.STALE, 0), "undecided": undecided}
    record_event(
        f"run:{run.pk}", "run.applied", by=work.actor, before={"state": Run.State.APPLYING.value}, after=facts | {"state": state.value}
    )
    if run.apply_requested_by_id and not (run.kind == Run.Kind.MANUAL and run.n_proposed <= CHUNK):  # done before their eyes
        kind = FINISHED.get(run.kind, Notice.Kind.RUN_APPLIED)
        requested = run.apply_requested_at.isoformat() if run.apply_requested_at else ""
        before = run.summary.get("apply", {}).get("before", {})  # of applies earlier than the one that was asked for
        moved_now = {name: facts[name] - before.get(name, 0) for name in ("applied", "stale")}
        told = facts | moved_now | {"reverses": run.reverses_id}
        if run.kind in (Run.Kind.MANUAL, Run.Kind.HANDOVER):
            told["kind"] = str(run.kind)
        notify([run.apply_requested_by_id], kind, key=f"run:{run.pk}:applied:{requested}", facts=told)
    send_to_outbox("rotation.applied", facts)
    return True
