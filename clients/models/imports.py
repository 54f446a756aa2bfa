from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class ImportJob(TenantModel):
    """One file taken in: what became of every line of it.

    A file sent through a page: uploaded -> checking -> checked -> waiting -> running -> done; also failed, cancelled. The command's
    begins as running. Each edge is one conditional UPDATE. ``found`` holds what the check counted, the columns what was written.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Colunas por indicar")
        CHECKING = "checking", _("Conferindo")
        CHECKED = "checked", _("Conferida, por confirmar")
        WAITING = "waiting", _("Na fila")
        RUNNING = "running", _("Em andamento")
        DONE = "done", _("Concluída")
        FAILED = "failed", _("Falhou")
        CANCELLED = "cancelled", _("Cancelada")

    kind = models.CharField(max_length=30)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    merged = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    refused_file = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=500, blank=True)
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    # Of a file sent through a page. ``stored_as`` is its place below the organization's own folder, "" once it was erased.
    stored_as = models.CharField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    header = models.JSONField(default=list, blank=True)
    header_key = models.CharField(max_length=64, blank=True, default="")  # the same set of headers, however they are ordered
    sample: Any = models.JSONField(default=list, blank=True)  # its first rows, beside which columns are matched; erased with the file
    mapping = models.JSONField(null=True, blank=True)
    language = models.CharField(max_length=10, blank=True, default="")  # in which reasons are written
    mends = TenantForeignKey("self", models.PROTECT, null=True, blank=True, related_name="mended_by")  # whose refused lines these are

    found = models.JSONField(default=dict, blank=True)  # what the check counted
    refusals: Any = models.JSONField(default=list, blank=True)  # the first refused lines; the file has them all
    reasons: Any = models.JSONField(default=list, blank=True)  # [column, reason, lines], commonest first

    phase = models.CharField(max_length=5, blank=True, default="")  # read, write
    done_rows = models.BigIntegerField(default=0)
    total_rows = models.BigIntegerField(default=0)
    begun_at = models.DateTimeField(null=True, blank=True)  # when a worker first took the present step up: the check, or the import
    phase_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [*tenant_walls("importjob", "by", "mends")]
        indexes = [
            models.Index(fields=["organization", "-started_at"], name="importjob_recent"),
            models.Index(fields=["organization", "kind", "header_key", "-id"], name="importjob_same_headers"),
            models.Index(
                fields=["organization", "id"],
                condition=models.Q(state__in=["checking", "waiting", "running"]),
                name="importjob_at_work",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name}"
