"""Tasks of the clients app. Each may run twice at once: whoever comes second finds nothing to do."""

from celery import shared_task
from django.utils import timezone

from accounts.management.organizations import organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from clients.models import ClientActivity
from clients.services import refresh_windows as bring_windows_to


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
