"""Tasks that keep scores; ids only, and each may run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.tenancy.tasks import TenantTask, send
from rotation.services import scoring


@shared_task(name="rotation.tasks.score_due")
def score_due() -> None:
    """Every five minutes: organizations whose day began, or whose orders came, since they were scored."""
    for organization_id in scoring.organizations_due(timezone.now()):
        send("rotation.tasks.score_organization", organization_id=organization_id)


@shared_task(name="rotation.tasks.score_organization", base=TenantTask)
def score_organization(*, organization_id: int) -> None:
    """Score the organization's today where that is not done."""
    scoring.score_organization(organization_id, at=timezone.now())
