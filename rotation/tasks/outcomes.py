"""The task that measures what became of clients drawn or moved; it may run twice."""

from celery import shared_task
from django.utils import timezone

from rotation.services import outcomes


@shared_task(name="rotation.tasks.measure_outcomes")
def measure_outcomes() -> None:
    """Every hour: measure windows that closed and whose orders have come in."""
    outcomes.measure_outcomes(timezone.now())
