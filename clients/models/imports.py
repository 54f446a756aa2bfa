from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class ImportJob(TenantModel):
    """One file taken in: what became of every line of it."""

    class State(models.TextChoices):
        RUNNING = "running", _("Em andamento")
        DONE = "done", _("Concluída")
        FAILED = "failed", _("Falhou")

    kind = models.CharField(max_length=30)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    refused_file = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=500, blank=True)
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [*tenant_walls("importjob", "by")]
        indexes = [models.Index(fields=["organization", "-started_at"], name="importjob_recent")]

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name}"
