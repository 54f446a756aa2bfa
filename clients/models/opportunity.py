from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class Opportunity(TenantModel):
    """A sale being worked on with a client or prospect; it belongs to whoever answers for the client."""

    class Stage(models.TextChoices):
        CONTACT = "contact", _("Contato")
        QUALIFIED = "qualified", _("Qualificada")
        PROPOSAL = "proposal", _("Proposta enviada")
        NEGOTIATION = "negotiation", _("Negociação")
        WON = "won", _("Ganha")
        LOST = "lost", _("Perdida")

    client = TenantForeignKey(Client, models.PROTECT, related_name="opportunities")
    title = models.CharField(_("título"), max_length=120)
    stage = models.CharField(_("etapa"), max_length=12, choices=Stage.choices, default=Stage.CONTACT)
    stage_since = models.DateField()
    value_cents = models.BigIntegerField(_("valor"), null=True, blank=True)
    expected_on = models.DateField(_("previsão"), null=True, blank=True)
    source = models.CharField(_("origem"), max_length=40, blank=True)
    loss_reason = models.CharField(_("motivo da perda"), max_length=120, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("opportunity", "client"),
            models.CheckConstraint(condition=Q(value_cents=None) | Q(value_cents__gte=0), name="opportunity_value_not_negative"),
            models.CheckConstraint(condition=~Q(stage="lost") | ~Q(loss_reason=""), name="opportunity_loss_has_reason"),
            models.CheckConstraint(
                condition=Q(stage__in=["won", "lost"], closed_on__isnull=False) | Q(~Q(stage__in=["won", "lost"]), closed_on=None),
                name="opportunity_closed_has_day",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "stage"], name="opportunity_of_client"),
            models.Index(fields=["organization", "stage", "stage_since"], condition=Q(closed_on=None), name="opportunity_open"),
        ]

    def __str__(self) -> str:
        return self.title


class OpportunityMove(TenantModel):
    """An opportunity reached a stage on a day: its own history, and the client's. The first has no ``from_stage``."""

    opportunity = TenantForeignKey(Opportunity, models.PROTECT, related_name="moves")
    from_stage = models.CharField(max_length=12, choices=Opportunity.Stage.choices, blank=True)
    to_stage = models.CharField(max_length=12, choices=Opportunity.Stage.choices)
    moved_at = models.DateTimeField()
    moved_on = models.DateField()  # the organization's day of moved_at
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [*tenant_walls("opportunitymove", "opportunity", "by")]
        indexes = [models.Index(fields=["organization", "opportunity", "-moved_on"], name="move_of_opportunity")]

    def __str__(self) -> str:
        return f"{self.opportunity_id} {self.to_stage}"
