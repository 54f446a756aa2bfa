from django.db import models

from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantModel


class ChangedSince(TenantModel):
    """A transaction changed facts of ``day`` or later days: what was sold, visited, who answered, who left.

    Written in the transaction of the change itself, so that whoever sees the change sees the row; figures kept for days up to
    ``day`` or beyond hold no longer then. Rows are only added, never found and left: a row another transaction made may be
    gone by the time this one commits. Whoever keeps the figures anew takes away the rows it saw before it began.
    """

    day = models.DateField()
    of_visits = models.BooleanField(db_default=False)  # of visits alone, which come all day long and few figures speak of

    class Meta:
        constraints = [*tenant_walls("changedsince")]
        indexes = [models.Index(fields=["organization", "day"], name="changedsince_by_day")]

    def __str__(self) -> str:
        return f"since {self.day}"
