import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class DiscardProposal(TenantModel):
    """A representative says that a client does not fit; whoever leads accepts it or keeps the client. No row is ever deleted."""

    id_made = models.UUIDField(default=uuid.uuid4)
    client = TenantForeignKey(Client, models.PROTECT, related_name="discard_proposals")
    reason = models.CharField(_("motivo"), max_length=120)
    proposed_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    accepted = models.BooleanField(null=True, blank=True)  # None: still to be answered
    answered_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("discardproposal", "client", "proposed_by", "answered_by"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="discardproposal_once"),
            models.UniqueConstraint(fields=["organization", "client"], condition=Q(accepted=None), name="discardproposal_one_open"),
            models.CheckConstraint(condition=~Q(reason=""), name="discardproposal_has_reason"),
        ]

    def __str__(self) -> str:
        return f"discard of {self.client_id}"
