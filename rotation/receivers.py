"""What rotation does when orders change; connected in ``RotationConfig.ready``."""

from django.utils import timezone

from rotation.services.outcomes import remeasure


def measure_changed_orders(sender, *, client_ids: list[int], **kwargs) -> None:
    """An order cancelled, returned or late may lie in a window that was measured already."""
    remeasure(client_ids, at=timezone.now())
