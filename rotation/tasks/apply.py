"""Tasks that apply runs and look after them; ids only, and each may run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.tenancy.tasks import TenantTask, send
from rotation.models import Run
from rotation.services import moving
from rotation.services import sweep as sweeping


@shared_task(name="rotation.tasks.apply_run", base=TenantTask)
def apply_run(run_id: int, *, organization_id: int) -> None:
    """Move the run's approved clients; a run longer than one task's time is sent again and goes on."""
    try:
        done = moving.apply_run(run_id, organization_id)
    except Exception as error:
        # The sweeper counts the attempt and repeats it; the page of a run that fails for good shows this.
        sweeping.note_error(run_id, organization_id, f"{type(error).__name__}: {error}")
        raise
    if not done.finished:
        apply_run.delay(run_id, organization_id=organization_id)


@shared_task(name="rotation.tasks.sweep")
def sweep() -> None:
    """Every minute: send silent runs again, park those that keep failing, expire old reviews."""
    for each in sweeping.sweep(timezone.now()):
        if each.outcome == "resend":
            name = "apply_run" if each.state == Run.State.APPLYING else "compute_run"
            send(f"rotation.tasks.{name}", each.run_id, organization_id=each.organization_id)
