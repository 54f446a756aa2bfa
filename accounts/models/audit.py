from django.db import models

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
        indexes = [models.Index(fields=["organization", "-at"], name="auditevent_recent")]

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
