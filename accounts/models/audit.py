from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Membership
from accounts.tenancy.constraints import AppendOnly, tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class AuditEvent(TenantModel):
    """One thing that was done, hash-chained per stream by a row trigger (migration 0002).

    ``stream`` names the subject (``client:42``); ``actor_label`` names the task and rule version where no person acted.
    Personal fields appear in before/after by name with a keyed fingerprint only, so erasing a person breaks no chain.
    """

    stream = models.CharField(max_length=80)
    seq = models.BigIntegerField()  # set by the trigger
    action = models.CharField(max_length=60)
    actor = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(max_length=120, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64, blank=True)  # set by the trigger
    hash = models.CharField(max_length=64, blank=True)  # set by the trigger

    class Meta:
        constraints = [
            *tenant_walls("auditevent", "actor"),
            AppendOnly(name="auditevent_append_only"),
            models.UniqueConstraint(fields=["organization", "stream", "seq"], name="auditevent_seq"),
        ]
        # Newest first, of everybody, of one kind, of one person; ``id`` breaks the ties of what one statement wrote.
        indexes = [
            models.Index(fields=["organization", "-at", "-id"], name="auditevent_recent_id"),
            models.Index(fields=["organization", "action", "-at", "-id"], name="auditevent_by_action"),
            models.Index(fields=["organization", "actor", "-at", "-id", "action"], name="auditevent_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq} {self.action}"


class AuditSeal(TenantModel):
    """A nightly hash over the heads of every stream, chained, so that a cut-off tail shows."""

    seq = models.BigIntegerField()
    sealed_at = models.DateTimeField()
    streams = models.BigIntegerField()
    events = models.BigIntegerField()
    heads = models.JSONField(default=dict)  # stream -> [seq, hash]
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            *tenant_walls("auditseal"),
            AppendOnly(name="auditseal_append_only"),
            models.UniqueConstraint(fields=["organization", "seq"], name="auditseal_seq"),
        ]

    def __str__(self) -> str:
        return f"seal {self.seq}"


class AuditCheck(TenantModel):
    """One verification of the trail somebody asked for: how far it came, and the first place where it does not hold."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Na fila")
        RUNNING = "running", _("Verificando")
        HOLDS = "holds", _("Íntegra")
        BROKEN = "broken", _("Quebrada")
        FAILED = "failed", _("Falhou")

    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    asked_by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    events = models.BigIntegerField(default=0)  # to check, as counted at the start
    checked = models.BigIntegerField(default=0)
    reached_stream = models.CharField(max_length=80, blank=True)  # the last event that was read and held
    reached_seq = models.BigIntegerField(default=0)
    place = models.CharField(max_length=160, blank=True)  # of the first break
    what = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("auditcheck", "asked_by"),
            # One at a time: twenty clicks must not read the whole history twenty times.
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(state__in=["waiting", "running"]), name="auditcheck_one_open"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-asked_at"], name="auditcheck_recent")]

    def __str__(self) -> str:
        return f"check {self.pk}: {self.state}"
