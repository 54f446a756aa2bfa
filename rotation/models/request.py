import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client
from rotation.models.proposal import Proposal


class Request(TenantModel):
    """What a representative asks of a manager about one of their clients: to hold it until a day, or to think a move over."""

    class Kind(models.TextChoices):
        HOLD = "hold", _("Trava até uma data")
        CONTEST = "contest", _("Contestação")

    class State(models.TextChoices):
        OPEN = "open", _("Em aberto")
        GRANTED = "granted", _("Atendido")
        REFUSED = "refused", _("Recusado")
        WITHDRAWN = "withdrawn", _("Retirado")

    id_made = models.UUIDField(default=uuid.uuid4)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    client = TenantForeignKey(Client, models.PROTECT, related_name="requests")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="requests")
    proposal = TenantForeignKey(Proposal, models.PROTECT, null=True, blank=True, related_name="requests")  # what is contested
    made_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(_("motivo"), max_length=300)
    until_on = models.DateField(_("até"), null=True, blank=True)  # asked for
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    granted_until_on = models.DateField(null=True, blank=True)
    answered_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(_("resposta"), max_length=300, blank=True)
    # What the answer changed, so that it can be taken back: the client's hold before it, the refusal it made of the proposal.
    held_before_on = models.DateField(null=True, blank=True)
    decision_batch = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("request", "client", "representative", "proposal", "made_by", "answered_by"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="request_once"),
            models.UniqueConstraint(fields=["organization", "client", "kind"], condition=Q(state="open"), name="request_one_open"),
            models.CheckConstraint(condition=~Q(reason=""), name="request_has_reason"),
            models.CheckConstraint(condition=Q(kind="contest") | Q(until_on__isnull=False), name="request_hold_has_day"),
        ]
        indexes = [
            models.Index(fields=["organization", "representative", "-made_at"], name="request_of_rep"),
            models.Index(fields=["organization", "made_at"], condition=Q(state="open"), name="request_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.client_id}"
