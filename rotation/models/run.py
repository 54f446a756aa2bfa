from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Team
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client
from rotation.models.rule import Rule, RuleVersion


class RotationSettings(TenantModel):
    """One row an organization: its limits, and the row that serves as the organization's mutex for runs."""

    second_approver_over = models.PositiveIntegerField(default=500)
    undo_days = models.PositiveSmallIntegerField(default=30)
    publish_needs_two = models.BooleanField(default=False)  # who wrote a version may not be who publishes it
    max_feed_age_hours = models.PositiveIntegerField(null=True, blank=True)  # None: each rule's own
    hold_days_most = models.PositiveSmallIntegerField(default=90)  # how far ahead a client may be held on request

    class Meta:
        constraints = [
            *tenant_walls("rotationsettings"),
            models.UniqueConstraint(fields=["organization"], name="rotationsettings_once"),
            models.CheckConstraint(condition=Q(hold_days_most__range=(1, 730)), name="rotationsettings_hold_days"),
        ]

    def __str__(self) -> str:
        return f"settings of {self.organization_id}"


class Run(TenantModel):
    """One night's proposals and what became of them.

    scheduled -> computing -> awaiting_approval -> applying -> applied; also failed (resumable), cancelled, expired.
    Every edge is one conditional UPDATE; there is no other.
    """

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Agendado")
        COMPUTING = "computing", _("Calculando")
        AWAITING = "awaiting_approval", _("Em revisão")
        APPLYING = "applying", _("Aplicando")
        APPLIED = "applied", _("Aplicado")
        FAILED = "failed", _("Falhou")
        CANCELLED = "cancelled", _("Cancelado")
        EXPIRED = "expired", _("Expirado")

    class Kind(models.TextChoices):
        ROTATION = "rotation", _("Giro")
        REVERSAL = "reversal", _("Reversão")
        HANDOVER = "handover", _("Saída")
        MANUAL = "manual", _("Mudança à mão")

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.ROTATION)
    # The rules' ids joined by commas, or "reverse:<run>", "handover:<representative>", "manual:<uuid>"; with as_of and attempt
    # it makes the run unique.
    rule_set = models.CharField(max_length=200)
    as_of = models.DateField()
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=17, choices=State.choices, default=State.SCHEDULED)
    trigger = models.CharField(
        max_length=8, choices=[("schedule", _("Agenda")), ("event", _("Acontecimento")), ("person", _("Pessoa")), ("command", _("Comando"))]
    )
    started_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    reverses = TenantForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reversals")

    seed = models.BigIntegerField(default=0)
    engine_version = models.CharField(max_length=20, blank=True)
    data_digest = models.CharField(max_length=64, blank=True)

    n_clients = models.IntegerField(default=0)
    n_flagged = models.IntegerField(default=0)
    n_guarded = models.IntegerField(default=0)
    n_held_out = models.IntegerField(default=0)
    n_proposed = models.IntegerField(default=0)
    n_unassigned = models.IntegerField(default=0)
    objective_cents = models.BigIntegerField(default=0)
    bound_cents = models.BigIntegerField(default=0)
    gap = models.FloatField(default=0)
    round_robin_cents = models.BigIntegerField(default=0)
    summary = models.JSONField(default=dict, blank=True)  # guards by name, seconds by phase, load before and after

    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)  # of the present step; the fifth failure parks the run
    failed_in = models.CharField(max_length=17, blank=True)  # the state to resume
    error = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    apply_requested_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    apply_requested_at = models.DateTimeField(null=True, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    effective_on = models.DateField(null=True, blank=True)  # the day the new ownerships begin
    approved_by = models.JSONField(default=list, blank=True)  # ids of the members who approved something in it

    class Meta:
        constraints = [
            *tenant_walls("run", "started_by", "reverses", "apply_requested_by"),
            models.UniqueConstraint(fields=["organization", "rule_set", "as_of", "attempt"], name="run_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="run_recent"),
            models.Index(fields=["organization", "state"], name="run_by_state"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.as_of}"

    @property
    def deadline(self) -> datetime | None:
        """The last instant at which a proposal can be decided; ``expires_at`` already belongs to the next day."""
        return self.expires_at and self.expires_at - timedelta(seconds=1)


class RunRule(TenantModel):
    """A rule version that a run used, in its order."""

    class Side(models.TextChoices):
        WHOLE = "", _("Todas as equipes")
        CANARY = "canary", _("Só a equipe do teste")
        REST = "rest", _("As outras equipes")

    run = TenantForeignKey(Run, models.CASCADE, related_name="rules")
    rule_version = TenantForeignKey(RuleVersion, models.PROTECT, related_name="runs")
    position = models.PositiveSmallIntegerField()
    n_proposed = models.IntegerField(default=0)
    # A version being tried moves clients inside its team alone; beside it the version in force goes on for the rest.
    side = models.CharField(max_length=6, choices=Side.choices, default=Side.WHOLE, blank=True)
    team = TenantForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    # What the guard figures count of the line (selectors/guard_figures.py), kept once its run has ended; "undone" once its moves are old
    # enough that none taken back would count any more. None, or the name missing: counted from the rows.
    counts = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("runrule", "run", "rule_version", "team"),
            models.UniqueConstraint(fields=["organization", "run", "position"], name="runrule_position"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.rule_version_id}"


class Holdout(TenantModel):
    """A client drawn into the control group: no rule may propose it until ``until_on``."""

    run = TenantForeignKey(Run, models.PROTECT, related_name="holdouts")
    rule = TenantForeignKey(Rule, models.PROTECT, related_name="holdouts")
    client = TenantForeignKey(Client, models.PROTECT, related_name="holdouts")
    drawn_on = models.DateField()
    until_on = models.DateField()
    stratum = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("holdout", "run", "rule", "client"),
            models.UniqueConstraint(fields=["organization", "run", "client"], name="holdout_once"),
            models.CheckConstraint(condition=Q(until_on__gt=models.F("drawn_on")), name="holdout_days_in_order"),
        ]
        indexes = [models.Index(fields=["organization", "client", "until_on"], name="holdout_of_client")]

    def __str__(self) -> str:
        return f"{self.client_id} until {self.until_on}"
