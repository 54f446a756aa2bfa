from django.db import models

from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantModel


class KeptFigures(TenantModel):
    """One family of figures, as counted from the facts: the total, and one row a representative.

    A projection of the panel's: in a large company a month's rows are hundreds of thousands, and they seldom change once it is
    over. Figures of days that are over hold as long as no ``clients.ChangedSince`` of those days or earlier stands, which is asked
    in the statement that reads them; else the facts are counted again, and a task keeps what comes of it. Figures that reach the
    present hold for less than a minute.
    """

    family = models.CharField(max_length=40)  # with the limits it was counted under, where they matter
    since = models.DateField()
    until = models.DateField()
    # Of what reaches the present, by the database's clock: when its counting began, when it was last known to be what the facts give,
    # and which marks of changes had been seen then.
    counted_at = models.DateTimeField(null=True)
    true_at = models.DateTimeField(null=True)
    seen = models.CharField(max_length=60, db_default="")
    numbers = models.JSONField()  # {"total": [...], "by": [[representative or state, ...], ...]}

    class Meta:
        constraints = [
            *tenant_walls("keptfigures"),
            models.UniqueConstraint(fields=["organization", "family", "since", "until"], name="keptfigures_once"),
        ]

    def __str__(self) -> str:
        return f"{self.family} {self.since} to {self.until}"
