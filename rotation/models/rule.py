from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Team
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class Rule(TenantModel):
    """A named rule of rotation; what it says lives in its versions, and ``position`` is its order in a run."""

    name = models.CharField(_("nome"), max_length=120)
    position = models.PositiveSmallIntegerField(default=1)
    is_active = models.BooleanField(_("ativa"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # Stopped by a guard figure: which, its value and limit, and of which version; cleared when a person resumes the rule.
    halted_at = models.DateTimeField(null=True, blank=True)
    halt = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("rule"),
            models.UniqueConstraint(fields=["organization", "name"], condition=Q(archived_at=None), name="rule_name"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(TenantModel):
    """An immutable definition (ENGINE's ``carteira.rule/1`` JSON). A draft may change; a published version never does.

    A version may be tried in one team first: state ``canary``, inside that team and those below it, while the version
    in force before goes on for everyone else; a person releases it to all.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Rascunho")
        CANARY = "canary", _("Em teste numa equipe")
        PUBLISHED = "published", _("Em vigor")
        RETIRED = "retired", _("Substituída")

    rule = TenantForeignKey(Rule, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    definition = models.JSONField()
    definition_hash = models.CharField(max_length=64)
    created_by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    published_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    canary_team = TenantForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    released_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)
    # A draft may have been sent to the rest of the administration, and may be planned to come into force on a day.
    submitted_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(null=True, blank=True)
    publish_on = models.DateField(null=True, blank=True)
    scheduled_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    guard_limits = models.JSONField(default=dict, blank=True)  # guard figure -> share above which the rule stops
    watched_since = models.DateTimeField(null=True, blank=True)  # guard figures count what happened from here on

    class Meta:
        constraints = [
            *tenant_walls(
                "ruleversion", "rule", "created_by", "published_by", "canary_team", "released_by", "submitted_by", "scheduled_by"
            ),
            models.UniqueConstraint(fields=["organization", "rule", "number"], name="ruleversion_number"),
            models.UniqueConstraint(fields=["organization", "rule"], condition=Q(state="published"), name="ruleversion_one_in_force"),
            models.UniqueConstraint(fields=["organization", "rule"], condition=Q(state="draft"), name="ruleversion_one_draft"),
            models.UniqueConstraint(fields=["organization", "rule"], condition=Q(state="canary"), name="ruleversion_one_canary"),
            models.CheckConstraint(
                condition=Q(publish_on=None) | Q(state="draft", scheduled_by__isnull=False), name="ruleversion_only_drafts_wait"
            ),
            models.CheckConstraint(condition=~Q(state="canary") | Q(canary_team__isnull=False), name="ruleversion_canary_has_team"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.number}"


class QuietPeriod(TenantModel):
    """Days [starts_on, ends_on) on which no run starts by itself: stock-taking, a fair, the holidays of the whole company."""

    starts_on = models.DateField(_("de"))
    ends_on = models.DateField(_("até antes de"))
    reason = models.CharField(_("motivo"), max_length=120)
    made_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("quietperiod", "made_by"),
            models.CheckConstraint(condition=Q(ends_on__gt=models.F("starts_on")), name="quietperiod_days_in_order"),
            models.CheckConstraint(condition=~Q(reason=""), name="quietperiod_has_reason"),
        ]
        indexes = [models.Index(fields=["organization", "ends_on"], name="quietperiod_by_end")]

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on}"
