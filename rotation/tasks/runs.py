"""Tasks that start and compute runs; ids only, and each may run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.errors import DomainError
from accounts.tenancy.tasks import TenantTask
from rotation.errors import RunBusy
from rotation.services import runs, schedule

BUSY_SECONDS = 30


@shared_task(name="rotation.tasks.start_due_runs")
def start_due_runs() -> None:
    """Every ten minutes: start what is due; each run's own message goes out when it is committed."""
    schedule.start_due_runs(timezone.now())


@shared_task(name="rotation.tasks.compute_run", base=TenantTask)
def compute_run(run_id: int, *, organization_id: int) -> None:
    """Compute the run's proposals. A refusal is kept in the run, where its page shows it."""
    try:
        runs.compute_run(run_id, organization_id)
    except RunBusy:
        compute_run.apply_async(args=[run_id], kwargs={"organization_id": organization_id}, countdown=BUSY_SECONDS)
    except DomainError:
        return
