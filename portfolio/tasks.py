"""Tasks of the portfolio app; ids only, and each may run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.management.organizations import organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from accounts.tenancy.tasks import TenantTask, send
from portfolio.services import due, keeping, renewals, report_schedules
from portfolio.services.purge import purge_photos


@shared_task(name="portfolio.tasks.plan_visits")
def plan_visits() -> None:
    """Every night: have each organization's coming two weeks planned."""
    for organization_id in organization_ids():
        send("portfolio.tasks.plan_organization", organization_id=organization_id)


@shared_task(name="portfolio.tasks.plan_organization", base=TenantTask)
def plan_organization(*, organization_id: int) -> None:
    """Plan the due visits of one organization."""
    due.plan_due_visits(organization_id, at=timezone.now())


@shared_task(name="portfolio.tasks.ask_for_renewals")
def ask_for_renewals() -> None:
    """Every night: have each organization's ending contracts seen to."""
    for organization_id in organization_ids():
        send("portfolio.tasks.ask_organization_for_renewals", organization_id=organization_id)


@shared_task(name="portfolio.tasks.ask_organization_for_renewals", base=TenantTask)
def ask_organization_for_renewals(*, organization_id: int) -> None:
    """Ask one organization's people to see to contracts that end."""
    renewals.ask_for_renewals(organization_id, at=timezone.now())


@shared_task(name="portfolio.tasks.send_reports")
def send_reports() -> None:
    """Every minute: queue the reports whose moment has come, organization by organization."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            organization = Organization.objects.get(pk=organization_id)
            report_schedules.send_due_reports(organization, at=timezone.now())


@shared_task(name="portfolio.tasks.purge_photos")
def purge_old_photos() -> None:
    """Every night: photos of visits kept for as long as their organization said."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            purge_photos(at=timezone.now())


@shared_task(name="portfolio.tasks.keep_figures")
def keep_figures() -> None:
    """Every ten minutes: large organizations whose days past changed, or that began a new day."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            organization = Organization.objects.get(pk=organization_id)
            wanted = keeping.due(organization, today=local_day(organization, at=timezone.now()))
        if wanted:
            send("portfolio.tasks.keep_organizations_figures", organization_id=organization_id)


# A year of a company of a hundred thousand clients is a minute's counting.
@shared_task(name="portfolio.tasks.keep_organizations_figures", base=TenantTask, soft_time_limit=780, time_limit=840)
def keep_organizations_figures(*, organization_id: int) -> None:
    """Count and keep one organization's figures."""
    with tenant_atomic(organization_id):
        today = local_day(Organization.objects.get(pk=organization_id), at=timezone.now())
    keeping.keep_figures(organization_id, spans=keeping.spans_kept(today))


@shared_task(name="portfolio.tasks.keep_present")
def keep_present() -> None:
    """Every twenty seconds: large organizations whose panel is being read."""
    for organization_id in organization_ids():
        with tenant_atomic(organization_id, durable=True):
            wanted = keeping.read_now(Organization.objects.get(pk=organization_id), at=timezone.now())
        if wanted:
            send("portfolio.tasks.keep_organizations_present", organization_id=organization_id)


@shared_task(name="portfolio.tasks.keep_organizations_present", base=TenantTask)
def keep_organizations_present(*, organization_id: int) -> None:
    """Count and keep what of one organization's figures reaches today."""
    with tenant_atomic(organization_id):
        today = local_day(Organization.objects.get(pk=organization_id), at=timezone.now())
    keeping.keep_present(organization_id, today=today)
