from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey
from clients.models import Client


class Ownership(TenantDetail):
    """One representative answering for one client over the half-open days [started_on, ended_on).

    An append-only ledger, hash-chained per client by a row trigger: a row is inserted with the next ``seq`` and
    closed once, by setting ``ended_on``; nothing else ever changes (migration 0002).
    """

    class Source(models.TextChoices):
        IMPORT = "import", _("Importação")
        MANUAL = "manual", _("Transferência manual")
        ROTATION = "rotation", _("Giro de carteira")
        HANDOVER = "handover", _("Saída do vendedor")
        REVERSAL = "reversal", _("Reversão de lote")

    client = TenantForeignKey(Client, models.PROTECT, related_name="ownerships")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="ownerships")
    seq = models.PositiveIntegerField()
    started_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    reason = models.CharField(max_length=300, blank=True)
    actor = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(max_length=120, blank=True)  # the task, where no person acted
    # Names a rotation proposal; a bare number, because rotation stands above this app.
    proposal_id = models.BigIntegerField(null=True, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    previous_hash = models.CharField(max_length=64, blank=True)  # set by the trigger
    hash = models.CharField(max_length=64, blank=True)  # set by the trigger at insert
    closing_hash = models.CharField(max_length=64, blank=True)  # set by the trigger at closing

    class Meta:
        constraints = [
            *tenant_walls("ownership", "client", "representative", "actor"),
            models.UniqueConstraint(fields=["organization", "client"], condition=Q(ended_on=None), name="ownership_one_open"),
            models.UniqueConstraint(fields=["organization", "client", "seq"], name="ownership_seq"),
            models.UniqueConstraint(
                fields=["organization", "proposal_id"], condition=~Q(proposal_id=None), name="ownership_one_per_proposal"
            ),
            models.CheckConstraint(condition=Q(ended_on=None) | Q(ended_on__gte=F("started_on")), name="ownership_days_in_order"),
        ]
        indexes = [models.Index(fields=["organization", "representative", "started_on"], name="ownership_of_representative")]

    def __str__(self) -> str:
        return f"{self.client_id} #{self.seq}"


class Receipt(TenantDetail):
    """The new representative's word that a client that came to them was seen: one for each time it came."""

    ownership = TenantForeignKey(Ownership, models.PROTECT, related_name="receipts")
    by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [
            *tenant_walls("receipt", "ownership", "by"),
            models.UniqueConstraint(fields=["organization", "ownership"], name="receipt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ownership_id} {self.accepted_at}"
