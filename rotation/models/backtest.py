from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantManager, TenantModel
from rotation.models.rule import Rule


class BacktestManager(TenantManager):
    """Leaves the packed flags where they are until somebody reads them: pages ask for a proof every second while it is computed."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().defer("flags")


class Backtest(TenantModel):
    """One definition proved on the organization's own past; while it is being computed, ``result`` holds the numbers so far.

    waiting -> computing -> done, or failed with the reason. The definition is kept whole: a draft may change meanwhile.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Na fila")
        COMPUTING = "computing", _("Calculando")
        DONE = "done", _("Pronta")
        FAILED = "failed", _("Falhou")

    class Cadence(models.TextChoices):
        WEEK = "week", _("Semanal")
        MONTH = "month", _("Mensal")

    rule = TenantForeignKey(Rule, models.PROTECT, null=True, blank=True, related_name="backtests")  # None: a rule never saved
    definition = models.JSONField()
    definition_hash = models.CharField(max_length=64)
    label = models.CharField(max_length=60, blank=True)  # what the page calls this version: "v8", "rascunho"
    against = models.JSONField(null=True, blank=True)
    against_hash = models.CharField(max_length=64, blank=True)
    against_label = models.CharField(max_length=60, blank=True)
    from_on = models.DateField()
    to_on = models.DateField()
    cadence = models.CharField(max_length=5, choices=Cadence.choices, default=Cadence.WEEK)

    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)  # cut-offs looked at, of ``total``
    total = models.PositiveIntegerField(default=0)
    data_digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(default=dict, blank=True)
    flags = models.BinaryField(null=True, editable=False)  # every flag with what came of it (rotation/packing.py), once it is done
    error = models.CharField(max_length=1000, blank=True)
    requested_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    computed_at = models.DateTimeField(null=True, blank=True)

    objects = BacktestManager()

    class Meta:
        constraints = [
            *tenant_walls("backtest", "rule", "requested_by"),
            models.CheckConstraint(condition=Q(to_on__gte=F("from_on")), name="backtest_days_in_order"),
            models.UniqueConstraint(
                fields=["organization", "definition_hash", "against_hash", "from_on", "to_on", "cadence"],
                condition=Q(state__in=["waiting", "computing"]),
                name="backtest_one_at_work",
            ),
        ]
        indexes = [models.Index(fields=["organization", "rule", "-created_at"], name="backtest_of_rule")]

    def __str__(self) -> str:
        return f"{self.definition_hash[:8]} {self.from_on} – {self.to_on}"
