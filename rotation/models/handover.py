from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from rotation.models.run import Run


class Handover(TenantModel):
    """A representative leaves: their last day, who may receive, and the division a person saw and confirmed.

    draft -> planned (the last day lies ahead) -> started -> undone; a draft may start at once, a planned one go back to draft. The moves
    themselves are the proposals of ``run``, made when the hand-over starts.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Rascunho")
        PLANNED = "planned", _("Marcada")
        STARTED = "started", _("Em vigor")
        UNDONE = "undone", _("Desfeita")

    representative = TenantForeignKey(Representative, models.PROTECT, related_name="handovers")
    last_on = models.DateField(_("último dia"))
    receivers = ArrayField(models.BigIntegerField(), default=list, blank=True)
    # Who takes those whom nobody chosen can take: a leaver's every client must reach someone.
    rest = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="+")
    plan = models.JSONField(default=dict, blank=True)  # what the engine divided: see services.handover_plan
    choices = models.JSONField(default=dict, blank=True)  # client id -> representative id, put there by hand
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    reason = models.CharField(_("motivo"), max_length=300, blank=True)
    run = TenantForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="handovers")
    made_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    confirmed_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    before = models.JSONField(default=dict, blank=True)  # of the representative, for taking it back
    error = models.CharField(max_length=300, blank=True)  # why a planned one could not start on its day
    version = models.PositiveIntegerField(default=1)  # raised by each change; forms carry it

    class Meta:
        constraints = [
            *tenant_walls("handover", "representative", "rest", "run", "made_by", "confirmed_by"),
            models.UniqueConstraint(
                fields=["organization", "representative"], condition=Q(state__in=["draft", "planned"]), name="handover_one_open"
            ),
            models.CheckConstraint(condition=~Q(state__in=["started", "undone"]) | Q(run__isnull=False), name="handover_started_has_run"),
        ]
        indexes = [
            models.Index(fields=["organization", "last_on"], condition=Q(state="planned"), name="handover_due"),
            models.Index(fields=["organization", "run"], condition=Q(run__isnull=False), name="handover_of_run"),
        ]

    def __str__(self) -> str:
        return f"hand-over of {self.representative_id}"
