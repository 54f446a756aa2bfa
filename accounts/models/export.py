from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class ExportJob(TenantModel):
    """A list too long to be made into a file within a request: a worker composes it, and the file waits for who asked.

    waiting -> running -> done; also failed. ``path`` and ``query`` are the export's own address: the worker composes it again
    through the same view, with the same person's reach.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Na fila")
        RUNNING = "running", _("Em andamento")
        DONE = "done", _("Pronto")
        FAILED = "failed", _("Falhou")

    asked_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    scope = models.CharField(max_length=40)  # role and team as they were: the file is of no use to who no longer has them
    path = models.CharField(max_length=300)
    query = models.TextField(blank=True)
    form = models.CharField(max_length=4)
    back = models.TextField(blank=True)  # the list's own page
    language = models.CharField(max_length=10)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    file_name = models.CharField(max_length=200)
    stored_as = models.CharField(max_length=200, blank=True)  # its place below the organization's own folder
    rows = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    cut = models.BooleanField(default=False)  # the list goes on beyond what one file takes
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [*tenant_walls("exportjob", "asked_by")]
        indexes = [
            models.Index(fields=["organization", "asked_by", "-id"], name="exportjob_own"),
            models.Index(fields=["organization", "id"], condition=models.Q(state__in=["waiting", "running"]), name="exportjob_open"),
            models.Index(fields=["organization", "expires_at"], condition=models.Q(erased_at=None), name="exportjob_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.state})"
