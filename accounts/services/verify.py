"""Verifying the audit trail on request: a row says how far it came, a task works on it in slices and may die at any moment.

The same proof as ``manage.py verify_audit``, in pages instead of one long reading, so that progress shows and a slice that
was lost costs only itself. What was written cannot change, so pages read one after the other say the same as one instant does.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import AuditCheck, AuditEvent, Membership, Role
from accounts.services.audit import Actor, record_event
from accounts.services.seals import Break, altered_event, seal_breaks, take_time
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.tasks import send_on_commit

TASK = "accounts.tasks.verify_trail"
PAGE = 5_000
SLICE_SECONDS = 150  # a task must end long before the broker hands it out again
SILENT = timedelta(minutes=2)  # after which a check that says nothing counts as dead

State = AuditCheck.State
OPEN = Q(state__in=[State.WAITING, State.RUNNING])
Proof = Callable[[], Iterator[Break]]
_proofs: list[Proof] = []


def proof(function: Proof) -> Proof:
    """Register what else must hold against the trail; it runs last, in one transaction of one instant."""
    _proofs.append(function)
    return function


@transaction.atomic
def request_check(*, by: Membership, at: datetime) -> AuditCheck:
    """Ask for the whole trail to be recomputed; one already at work is returned instead.

    Raises
    ------
    NotAllowed
        Only administration and audit verify.
    """
    if by.role not in (Role.ADMIN, Role.AUDITOR):
        raise NotAllowed("only administration and audit verify the trail")
    AuditCheck.objects.filter(OPEN, Q(heartbeat_at__lt=at - SILENT) | Q(heartbeat_at=None, asked_at__lt=at - SILENT)).update(
        state=State.FAILED, finished_at=at
    )
    try:
        with transaction.atomic():
            check = AuditCheck.objects.create(organization_id=active_organization_id(), asked_by=by, asked_at=at)
    except IntegrityError:
        return AuditCheck.objects.get(OPEN)
    send_on_commit(TASK, check.pk, organization_id=check.organization_id)
    return check


def run_check(check_id: int, organization_id: int) -> None:
    """Verify from where the last slice ended, to the first break, the end, or the end of this slice, which sends the next.

    Outside any transaction: each page opens its own. A check that is over, or whose worker still lives, is left alone.
    """
    with tenant_atomic(organization_id, durable=True):
        now = timezone.now()
        free = Q(state=State.WAITING) | Q(state=State.RUNNING, heartbeat_at__lt=now - SILENT)
        if not AuditCheck.objects.filter(free, pk=check_id).update(state=State.RUNNING, heartbeat_at=now):
            return
        check = AuditCheck.objects.get(pk=check_id)
        if not check.reached_stream:
            check.events = AuditEvent.objects.count()
            check.save(update_fields=["events"])
    try:
        over, broken = _slice(check)
    except Exception:
        with tenant_atomic(organization_id, durable=True):
            AuditCheck.objects.filter(pk=check_id).update(state=State.FAILED, finished_at=timezone.now())
        raise
    with tenant_atomic(organization_id, durable=True):
        if over:
            _finish(check_id, broken)
        else:
            AuditCheck.objects.filter(pk=check_id).update(state=State.WAITING)
            send_on_commit(TASK, check_id, organization_id=organization_id)


def _slice(check: AuditCheck) -> tuple[bool, Break | None]:
    """Whether the check is over, and the first break found."""
    until = time.monotonic() + SLICE_SECONDS
    if not check.reached_stream:
        with tenant_atomic(check.organization_id, durable=True):
            take_time()
            for unsealed in seal_breaks():
                return True, unsealed
    while True:
        with tenant_atomic(check.organization_id, durable=True):
            n, broken = _page(check)
            check.checked, check.heartbeat_at = check.checked + n, timezone.now()
            check.save(update_fields=["checked", "heartbeat_at", "reached_stream", "reached_seq"])
        if broken:
            return True, broken
        if n < PAGE:
            break
        if time.monotonic() > until:
            return False, None
    with tenant_atomic(check.organization_id, durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        take_time()
        for proved in (_sealed_and_gone, *_proofs):
            for unproved in proved():
                return True, unproved
    return True, None


_PAGE = """
SELECT stream, seq, previous_hash, hash, organization_id, action, actor_id, actor_label, before::text, after::text, reason, request_id, at
  FROM accounts_auditevent WHERE organization_id = %s AND (stream, seq) > (%s, %s) ORDER BY stream, seq LIMIT %s
"""


def _page(check: AuditCheck) -> tuple[int, Break | None]:
    """How many events were read beyond the place the check had reached, which moves on, and the first that does not hold."""
    organization, stream, seq, previous = active_organization_id(), check.reached_stream, check.reached_seq, ""
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, [organization, stream, seq, PAGE])
        rows = cursor.fetchall()
    if stream:
        previous = AuditEvent.objects.values_list("hash", flat=True).get(stream=stream, seq=seq)
    for row in rows:
        if row[0] != stream:
            stream, seq, previous = row[0], 0, ""
        broken = altered_event(row, expected=seq + 1, previous=previous)
        if broken:
            return len(rows), broken
        seq, previous = row[1], row[3]
    check.reached_stream, check.reached_seq = stream, seq
    return len(rows), None


_GONE = """
SELECT s.seq, head.key, (head.value->>0)::bigint, e.hash IS NULL
  FROM accounts_auditseal s CROSS JOIN LATERAL jsonb_each(s.heads) head
  LEFT JOIN accounts_auditevent e
    ON e.organization_id = s.organization_id AND e.stream = head.key AND e.seq = (head.value->>0)::bigint
 WHERE s.organization_id = %s AND e.hash IS DISTINCT FROM head.value->>1 ORDER BY s.seq, head.key LIMIT 1
"""


def _sealed_and_gone() -> Iterator[Break]:
    with connection.cursor() as cursor:
        cursor.execute(_GONE, [active_organization_id()])
        for seal, stream, seq, gone in cursor.fetchall():
            yield Break(f"{stream} #{seq}", f"sealed by seal {seal} and gone" if gone else f"not what seal {seal} sealed")


def _finish(check_id: int, broken: Break | None) -> None:
    state = State.BROKEN if broken else State.HOLDS
    facts = {"place": broken.place[:160], "what": broken.what[:200]} if broken else {}
    open_still = AuditCheck.objects.select_for_update().filter(pk=check_id, state=State.RUNNING).first()
    if open_still is None:
        return
    AuditCheck.objects.filter(pk=check_id).update(state=state, finished_at=timezone.now(), **facts)
    asked_by = Membership.objects.get(pk=open_still.asked_by_id) if open_still.asked_by_id else None
    record_event(
        "audit",
        "audit.verified",
        by=Actor(asked_by) if asked_by else Actor(label=TASK),
        after={"events": open_still.checked, "result": str(broken) if broken else "holds"},
    )
