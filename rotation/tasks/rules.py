"""The task that watches over rules; it may run twice."""

from celery import shared_task
from django.utils import timezone

from rotation.services import watch


@shared_task(name="rotation.tasks.watch_rules")
def watch_rules() -> None:
    """Every ten minutes: stop the rules whose guard figures speak against them."""
    watch.watch_rules(timezone.now())
