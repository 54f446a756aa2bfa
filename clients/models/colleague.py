from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class Colleague(TenantModel):
    """A member who works with a client beside its representative: sees its time line and can hand over a task."""

    class Part(models.TextChoices):
        INSIDE_SALES = "inside_sales", _("Vendas internas")
        AFTER_SALES = "after_sales", _("Pós-venda")
        BILLING = "billing", _("Cobrança")
        TECHNICAL = "technical", _("Assistência técnica")

    client = TenantForeignKey(Client, models.PROTECT, related_name="colleagues")
    membership = TenantForeignKey(Membership, models.PROTECT, related_name="clients_beside")
    part = models.CharField(_("papel"), max_length=12, choices=Part.choices)
    since = models.DateField()

    class Meta:
        constraints = [
            *tenant_walls("colleague", "client", "membership"),
            models.UniqueConstraint(fields=["organization", "client", "membership"], name="colleague_once"),
        ]
        indexes = [models.Index(fields=["organization", "membership", "client"], name="colleague_of_member")]

    def __str__(self) -> str:
        return f"{self.membership_id} at {self.client_id}"
