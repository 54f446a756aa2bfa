"""Finishing what a dead worker left: runs gone silent are sent again, a fifth failure parks them, old reviews expire."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_noop

from accounts.management.organizations import organization_ids
from accounts.models import Membership, Notice, Role
from accounts.services import Actor, notify, record_event
from accounts.tenancy import tenant_atomic
from rotation.models import Proposal, Run
from rotation.services.expiring import OPEN, expire_open

SILENT_SECONDS = 120
FAILURES = 5
# How long a review without anything left to decide stays open: undoing the last decision needs it open.
SETTLED = timedelta(hours=1)
SWEEPER = Actor(label="rotation.sweep")
_GAVE_UP = gettext_noop("O processamento parou cinco vezes sem avançar.")


@dataclass(frozen=True)
class Swept:
    """What was done about one run: ``resend`` (its task goes out again), ``failed`` or ``expired``."""

    organization_id: int
    run_id: int
    state: str  # before
    outcome: str


def sweep(at: datetime) -> list[Swept]:
    """Look after every organization's runs; each run in a transaction of its own. Running twice at once is harmless.

    The caller sends the task of each ``resend`` (computing, scheduled: ``compute_run``; applying: ``apply_run``).
    """
    swept = []
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            silent = Q(state__in=[Run.State.SCHEDULED, Run.State.COMPUTING, Run.State.APPLYING]) & Q(
                heard__lte=at - timedelta(seconds=SILENT_SECONDS)
            )
            late = Q(state=Run.State.AWAITING, expires_at__lte=at) | _settled(at)
            due = list(
                Run.objects.annotate(heard=Coalesce("heartbeat_at", "created_at"))
                .filter(silent | late)
                .order_by("pk")
                .values_list("pk", "state")
            )
        for run_id, state in due:
            outcome = _expire(run_id, organization_id, at) if state == Run.State.AWAITING else _revive(run_id, organization_id, state, at)
            if outcome:
                swept.append(Swept(organization_id, run_id, state, outcome))
    return swept


def _settled(at: datetime) -> Q:
    """Reviews in which everything was decided, or nothing was proposed, and nobody changed their mind for an hour."""
    mine = Proposal.objects.filter(run=OuterRef("pk"))
    last = mine.filter(decided_at__isnull=False).order_by("-decided_at").values("decided_at")[:1]
    quiet = LessThanOrEqual(Coalesce(Subquery(last), "computed_at"), at - SETTLED)
    return Q(state=Run.State.AWAITING) & ~Exists(mine.filter(state__in=OPEN)) & Q(quiet)


def _revive(run_id: int, organization_id: int, state: str, at: datetime) -> str:
    """Count one more failure of a silent run: to be sent again, or parked at the fifth. Empty when somebody was faster."""
    with tenant_atomic(organization_id):
        # One conditional statement: of two sweepers only one finds the old heartbeat.
        silent = Run.objects.annotate(heard=Coalesce("heartbeat_at", "created_at")).filter(
            pk=run_id, state=state, heard__lte=at - timedelta(seconds=SILENT_SECONDS)
        )
        # Computing counts its attempts when it claims the run; applying must not, since every chunk is progress.
        failed = 1 if state == Run.State.APPLYING else 0
        if not silent.update(heartbeat_at=at, attempts_made=F("attempts_made") + failed):
            return ""
        run = Run.objects.get(pk=run_id)
        if run.attempts_made < FAILURES:
            return "resend"
        return "failed" if fail_run(run, run.error or _GAVE_UP) else ""


def fail_run(run: Run, error: str) -> bool:
    """Park the run as ``failed`` in the state it can be resumed in, and tell admins and who asked for it."""
    moved = Run.objects.filter(pk=run.pk, state=run.state).update(state=Run.State.FAILED, failed_in=run.state, error=error[:1000])
    if not moved:
        return False
    admins = Membership.objects.filter(role=Role.ADMIN, is_active=True).values_list("pk", flat=True)
    tell = {*admins, *(pk for pk in (run.apply_requested_by_id, run.started_by_id) if pk is not None)}
    facts = {"run": run.pk, "state": run.state, "error": error[:300]}
    notify(tell, Notice.Kind.RUN_FAILED, key=f"run:{run.pk}:failed:{run.attempts_made}:{run.state}", facts=facts)
    record_event(
        f"run:{run.pk}", "run.failed", by=SWEEPER, before={"state": run.state}, after={"state": "failed", "attempts": run.attempts_made}
    )
    return True


def note_error(run_id: int, organization_id: int, error: str) -> None:
    """Keep what stopped the worker, for the page of a run that fails for good; the attempt is counted by the sweeper."""
    with tenant_atomic(organization_id):
        Run.objects.filter(pk=run_id, state__in=[Run.State.COMPUTING, Run.State.APPLYING]).update(error=error[:1000])


def _expire(run_id: int, organization_id: int, at: datetime) -> str:
    """Close a review whose time has passed, or in which nothing is left to decide; open proposals expire.

    A run of which some moves were made is ``applied``.
    """
    with tenant_atomic(organization_id):
        due = Q(expires_at__lte=at) | _settled(at)
        run = Run.objects.select_for_update(no_key=True, of=("self",)).filter(due, pk=run_id, state=Run.State.AWAITING).first()
        if run is None:
            return ""
        expired = expire_open(run)
        counts = dict(run.proposals.order_by().values_list("state").annotate(n=Count("id")))
        state = Run.State.APPLIED if counts.get(Proposal.State.APPLIED) else Run.State.EXPIRED
        Run.objects.filter(pk=run.pk, state=Run.State.AWAITING).update(state=state)
        record_event(
            f"run:{run.pk}", "run.expired", by=SWEEPER, before={"state": run.state}, after={"state": state.value, "expired": expired}
        )
        return "expired"
