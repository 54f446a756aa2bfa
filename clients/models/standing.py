"""What a client signed and how it pays: contracts, and credit as it was seen on a day."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class Contract(TenantModel):
    """What a client agreed to, from ``starts_on`` to its last day ``ends_on``.

    ``orders_expected`` is False for service contracts: the client buys nothing between renewals, so its silence says
    nothing and no rule about silence may accuse it.
    """

    class Period(models.TextChoices):
        MONTHLY = "monthly", _("Mensal")
        HALF_YEARLY = "half_yearly", _("Semestral")
        YEARLY = "yearly", _("Anual")

    code = models.CharField(_("contrato"), max_length=60)
    client = TenantForeignKey(Client, models.PROTECT, related_name="contracts")
    starts_on = models.DateField(_("início"))
    ends_on = models.DateField(_("fim"))
    amount_cents = models.BigIntegerField(_("valor"), null=True, blank=True)
    period = models.CharField(_("período"), max_length=11, choices=Period.choices, blank=True)
    orders_expected = models.BooleanField(_("espera pedidos"), default=True)

    class Meta:
        constraints = [
            *tenant_walls("contract", "client"),
            models.UniqueConstraint(fields=["organization", "code"], name="contract_code"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="contract_days_in_order"),
            models.CheckConstraint(condition=Q(period__in=["", "monthly", "half_yearly", "yearly"]), name="contract_period_known"),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "ends_on"], name="contract_of_client"),
            models.Index(fields=["organization", "ends_on"], name="contract_by_end"),
        ]

    def __str__(self) -> str:
        return self.code


class CreditSnapshot(TenantModel):
    """A client's credit as a bureau or the ERP stated it on one day; an empty figure was not stated."""

    client = TenantForeignKey(Client, models.PROTECT, related_name="credit_snapshots")
    observed_on = models.DateField(_("observado em"))
    score = models.IntegerField(_("score"), null=True, blank=True)
    overdue_cents = models.BigIntegerField(_("valor em atraso"), null=True, blank=True)
    restrictions = models.IntegerField(_("restrições"), null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("creditsnapshot", "client"),
            models.UniqueConstraint(fields=["organization", "client", "observed_on"], name="creditsnapshot_once"),
            models.CheckConstraint(condition=Q(overdue_cents=None) | Q(overdue_cents__gte=0), name="creditsnapshot_overdue_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.observed_on}"


class CreditEvent(TenantModel):
    """Something that happened to a client's credit: a protest, a lawsuit, a change of partners."""

    client = TenantForeignKey(Client, models.PROTECT, related_name="credit_events")
    observed_on = models.DateField(_("observado em"))
    event = models.CharField(_("evento"), max_length=120)

    class Meta:
        constraints = [
            *tenant_walls("creditevent", "client"),
            models.UniqueConstraint(fields=["organization", "client", "observed_on", "event"], name="creditevent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.observed_on} {self.event}"
