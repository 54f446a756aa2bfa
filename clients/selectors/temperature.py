"""How warm a client is: how long it has been silent, measured by its own cycle where it has one."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from clients.selectors.lifecycle import Limits

HOT_DAYS, WARM_DAYS = 30, 60  # for a client without a cycle: the fall from 30 to 60 days is what the field calls cold
HOT_CYCLES, WARM_CYCLES = 1, 2


class Temperature(models.TextChoices):
    HOT = "hot", _("Quente")
    WARM = "warm", _("Morno")
    COLD = "cold", _("Frio")


def temperature_of(days_since_last: int | None, cycle_days: float | None, *, limits: Limits) -> Temperature | None:
    """Hot within one own cycle of the last order day, cold beyond two; None for one that never bought.

    Without a cycle 30 and 60 days stand for it. Whatever its cycle, a near-inactive client is not hot and an inactive one is cold.
    """
    if days_since_last is None:
        return None
    hot, warm = (cycle_days * HOT_CYCLES, cycle_days * WARM_CYCLES) if cycle_days else (HOT_DAYS, WARM_DAYS)
    if days_since_last <= hot and days_since_last < limits.warn:
        return Temperature.HOT
    return Temperature.WARM if days_since_last <= warm and days_since_last < limits.inactive else Temperature.COLD
