"""Tasks of the clients app. Each may run twice at once: whoever comes second finds nothing to do."""

from celery import shared_task
from django.utils import timezone

from accounts.management.organizations import organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from accounts.tenancy.tasks import TenantTask, send
from clients.imports import jobs
from clients.models import ClientActivity
from clients.services import refresh_abc
from clients.services import refresh_windows as bring_windows_to
from clients.services.custom import erase_expired


@shared_task(name="clients.tasks.refresh_windows")
def refresh_windows() -> None:
    """Every hour: bring the windows of organizations whose day has begun to that day."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            organization = Organization.objects.get(pk=organization_id)
            today = local_day(organization, at=timezone.now())
            behind = ClientActivity.objects.filter(windows_on__lt=today).exists()
        if behind:
            bring_windows_to(organization, as_of=today)


@shared_task(name="clients.tasks.refresh_classes", base=TenantTask)
def refresh_classes(*, organization_id: int) -> None:
    """The organization set other ABC cuts: every client's class again."""
    with tenant_atomic(organization_id, durable=True):
        refresh_abc()


@shared_task(name="clients.tasks.erase_custom_values")
def erase_custom_values() -> None:
    """Every night: what custom fields were to keep only for a time, and that time is over."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            erase_expired(at=timezone.now())


# A file may take longer than other tasks; still shorter than the broker's patience, after which it hands a message out again.
@shared_task(name="clients.tasks.work_imports", base=TenantTask, soft_time_limit=780, time_limit=840)
def work_imports(*, organization_id: int) -> None:
    """Check or take in the files that wait, one after the other; each after the first by a message of its own."""
    if jobs.work(organization_id, at=timezone.now()):
        work_imports.delay(organization_id=organization_id)


@shared_task(name="clients.tasks.sweep_imports")
def sweep_imports() -> None:
    """Every minute: files that wait while nobody is at work, a dead worker's among them."""
    for organization_id in jobs.organizations_waiting(organization_ids(), at=timezone.now()):
        send("clients.tasks.work_imports", organization_id=organization_id)


@shared_task(name="clients.tasks.erase_import_files")
def erase_import_files() -> None:
    """Every night: files and samples kept long enough."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            jobs.erase_old_files(Organization.objects.get(pk=organization_id), at=timezone.now())
