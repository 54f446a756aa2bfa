import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client


class Visit(TenantModel):
    """A representative at a client, planned or done. ``id_made`` is made by the device: sending twice stores once."""

    id_made = models.UUIDField(default=uuid.uuid4)
    client = TenantForeignKey(Client, models.PROTECT, related_name="visits")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="visits")
    planned_at = models.DateTimeField(null=True, blank=True)
    visited_at = models.DateTimeField(null=True, blank=True)
    visited_on = models.DateField(null=True, blank=True)  # the organization's day of visited_at
    outcome = models.CharField(_("resultado"), max_length=40, blank=True)
    no_sale_reason = models.CharField(_("motivo de não venda"), max_length=120, blank=True)
    note = models.TextField(_("anotação"), blank=True)
    next_contact_on = models.DateField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("visit", "client", "representative"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="visit_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "-visited_on"], name="visit_of_client"),
            models.Index(fields=["organization", "representative", "-visited_on"], name="visit_of_representative"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.visited_on}"


class Interaction(TenantModel):
    """A call, mail or message with a client."""

    class Kind(models.TextChoices):
        CALL = "call", _("Ligação")
        EMAIL = "email", _("E-mail")
        MESSAGE = "message", _("Mensagem")
        NOTE = "note", _("Anotação")

    client = TenantForeignKey(Client, models.PROTECT, related_name="interactions")
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    happened_at = models.DateTimeField()
    happened_on = models.DateField()
    note = models.TextField(blank=True)

    class Meta:
        constraints = [*tenant_walls("interaction", "client", "by")]
        indexes = [models.Index(fields=["organization", "client", "-happened_on"], name="interaction_of_client")]

    def __str__(self) -> str:
        return f"{self.kind} {self.client_id}"
