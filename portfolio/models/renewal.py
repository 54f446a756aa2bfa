from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Contract
from portfolio.models.task import Task


class Renewal(TenantModel):
    """What is being done so that a contract does not simply end. A contract nobody touched has no row and is to be contacted.

    ``renewed`` is never typed in: a newer contract of the client says so (``portfolio.selectors.renewals.successor_of``), and the
    night writes it down here.
    """

    class State(models.TextChoices):
        TO_CONTACT = "to_contact", _("A contatar")
        TALKING = "talking", _("Em negociação")
        RENEWED = "renewed", _("Renovado")
        LOST = "lost", _("Perdido")

    contract = TenantForeignKey(Contract, models.PROTECT, related_name="renewals")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TO_CONTACT)
    owner = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="renewals")
    task = TenantForeignKey(Task, models.PROTECT, null=True, blank=True, related_name="renewals")
    lost_reason = models.CharField(_("motivo da perda"), max_length=120, blank=True)
    note = models.CharField(_("anotação"), max_length=500, blank=True)
    successor = TenantForeignKey(Contract, models.PROTECT, null=True, blank=True, related_name="renewed")
    opened_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            *tenant_walls("renewal", "contract", "owner", "task", "successor"),
            models.UniqueConstraint(fields=["organization", "contract"], name="renewal_once"),
            models.CheckConstraint(condition=~Q(state="lost") | ~Q(lost_reason=""), name="renewal_lost_has_reason"),
        ]
        indexes = [models.Index(fields=["organization", "task"], name="renewal_of_task")]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.state}"
