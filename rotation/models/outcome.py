from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client
from rotation.models.rule import Rule, RuleVersion
from rotation.models.run import Run


class Outcome(TenantModel):
    """What became of one client that a run drew, or moved: one row a client and run.

    Rows of both arms are written with the run, before anybody decides (intention to treat: whoever was drawn to
    ``treatment`` counts there, moved or not). A move that no draw decided (rule without a control group, client exempt
    from it) has arm ``outside``, its row made when its window closes; no effect is estimated from it. The window is the
    half-open days (``drawn_on``, ``until_on``], the horizon of the version; ``measured_at`` stays empty until it has
    closed and later orders have arrived. Days and money are the organization's own.
    """

    class Arm(models.TextChoices):
        TREATMENT = "treatment", _("Giro")
        CONTROL = "control", _("Controle")
        OUTSIDE = "outside", _("Fora do sorteio")

    run = TenantForeignKey(Run, models.PROTECT, related_name="outcomes")
    rule = TenantForeignKey(Rule, models.PROTECT, related_name="outcomes")
    rule_version = TenantForeignKey(RuleVersion, models.PROTECT, related_name="outcomes")
    client = TenantForeignKey(Client, models.PROTECT, related_name="outcomes")
    arm = models.CharField(max_length=9, choices=Arm.choices)
    share = models.FloatField(default=0)  # chance of being drawn to control that day; 0 outside of a draw
    stratum = models.CharField(max_length=40, blank=True)  # as in Holdout
    drawn_on = models.DateField()  # the run's as_of
    until_on = models.DateField()  # drawn_on + the version's horizon: the last day that counts

    # The move, where there was one: who received the client by rotation in this run, and from which day.
    moved_to = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="outcomes_received")
    moved_on = models.DateField(null=True, blank=True)

    # Empty until measured; measured again when an order of the window changes.
    ordered = models.BooleanField(null=True)  # a valid order day in (drawn_on, until_on]
    recovered = models.BooleanField(null=True)  # a valid order day in [moved_on, until_on]; empty where not moved
    net_cents = models.BigIntegerField(null=True)  # net of orders and returns in (drawn_on, until_on]
    first_order_on = models.DateField(null=True, blank=True)  # first valid order day of the window
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("outcome", "run", "rule", "rule_version", "client", "moved_to"),
            models.UniqueConstraint(fields=["organization", "run", "client"], name="outcome_once"),
            models.CheckConstraint(condition=Q(until_on__gt=F("drawn_on")), name="outcome_days_in_order"),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "until_on"], name="outcome_of_client"),
            models.Index(fields=["organization", "rule", "until_on"], name="outcome_of_rule"),
            models.Index(fields=["organization", "until_on"], condition=Q(measured_at=None), name="outcome_open"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.arm} until {self.until_on}"
