"""Tasks of the house: the outbox relay and the nightly seal. Each may run twice at once."""

from celery import shared_task
from django.db import connection
from django.utils import timezone

from accounts.exporting import compose
from accounts.management.organizations import organization_ids
from accounts.services import exports, outbox, purge, seals, verify
from accounts.tenancy import tenant_atomic
from accounts.tenancy.tasks import TenantTask, send


@shared_task(name="accounts.tasks.relay_outbox")
def relay_outbox() -> None:
    """Every few seconds: send what waits, organization by organization, until each is empty or was given its turn."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            outbox.relay(at=timezone.now())


@shared_task(name="accounts.tasks.seal_audit")
def seal_audit() -> None:
    """Every night: seal each organization's audit trail."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            with connection.cursor() as cursor:
                # Heads and totals of one instant, while people work on.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            seals.take_time()
            seals.seal_audit(at=timezone.now())


@shared_task(name="accounts.tasks.verify_trail", base=TenantTask)
def verify_trail(check_id: int, *, organization_id: int) -> None:
    """Recompute the trail somebody asked about, page by page; its row says how far it came."""
    verify.run_check(check_id, organization_id)


# A long file takes longer than other tasks; still shorter than the broker's patience, after which it hands a message out again.
@shared_task(
    name="accounts.tasks.compose_export", base=TenantTask, soft_time_limit=60 * exports.MINUTES, time_limit=60 * exports.MINUTES + 60
)
def compose_export(job_id: int, *, organization_id: int) -> None:
    """Make the file of a long list somebody asked for."""
    exports.run_export(job_id, organization_id, compose=compose)


@shared_task(name="accounts.tasks.sweep_exports")
def sweep_exports() -> None:
    """Every minute: files whose message was lost or whose worker died, and those whose days are over."""
    at = timezone.now()
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            exports.erase_exports(organization_id, at=at)
            waiting = exports.exports_waiting(at=at)
        for job_id in waiting:
            send(exports.TASK, job_id, organization_id=organization_id)


@shared_task(name="accounts.tasks.purge")
def purge_old() -> None:
    """Every night: what each organization keeps only for a time."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            purge.purge(at=timezone.now())
