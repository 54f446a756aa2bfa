"""Hand-overs planned for a day to come."""

from celery import shared_task
from django.utils import timezone

from rotation.services import handover


@shared_task(name="rotation.tasks.start_due_handovers")
def start_due_handovers() -> None:
    """Every quarter of an hour: carry out the hand-overs whose last day is over; once done there is nothing to find."""
    handover.start_due_handovers(timezone.now())
