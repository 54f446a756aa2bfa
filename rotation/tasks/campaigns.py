"""The task that moves campaigns on; it may run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.management.organizations import organization_ids
from rotation.services import campaign_steps


@shared_task(name="rotation.tasks.run_campaigns")
def run_campaigns() -> None:
    """Every ten minutes: who bought, what was done, which step comes next, which campaigns are over."""
    for organization_id in organization_ids():
        campaign_steps.run_campaigns(organization_id, at=timezone.now())
