import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client


class Task(TenantModel):
    """Something one member is to do by a day, for a client or not; given by oneself or a colleague."""

    id_made = models.UUIDField(default=uuid.uuid4)
    client = TenantForeignKey(Client, models.PROTECT, null=True, blank=True, related_name="tasks")
    title = models.CharField(_("o que fazer"), max_length=160)
    note = models.TextField(_("anotação"), blank=True)
    owner = TenantForeignKey(Membership, models.PROTECT, related_name="tasks")
    given_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="given_tasks")
    due_on = models.DateField(_("prazo"))
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            *tenant_walls("task", "client", "owner", "given_by", "done_by"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="task_once"),
            models.CheckConstraint(condition=~Q(title=""), name="task_has_title"),
        ]
        indexes = [
            models.Index(fields=["organization", "owner", "due_on"], condition=Q(done_at=None, cancelled_at=None), name="task_open"),
            models.Index(fields=["organization", "client", "due_on"], condition=Q(client__isnull=False), name="task_of_client"),
        ]

    def __str__(self) -> str:
        return self.title


class Goal(TenantModel):
    """What a representative is to reach in a month, by one measure; money in cents, shares in hundredths of a percent."""

    class Measure(models.TextChoices):
        BUYERS = "buyers", _("Positivação")
        REVENUE = "revenue", _("Faturamento")
        MIX = "mix", _("Mix")
        VISITS = "visits", _("Visitas")
        REPORTS = "reports", _("Relatórios de visita")
        RATING = "rating", _("Satisfação nas visitas")

    # Kept x 100; of several people, and of several months, their mean.
    MEANS = frozenset({Measure.MIX, Measure.RATING})

    representative = TenantForeignKey(Representative, models.PROTECT, related_name="goals")
    month = models.DateField()  # its first day
    measure = models.CharField(_("medida"), max_length=8, choices=Measure.choices)
    target = models.BigIntegerField(_("meta"))  # clients, cents, products per client x 100, visits, reports, note x 100
    set_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("goal", "representative", "set_by"),
            models.UniqueConstraint(fields=["organization", "representative", "month", "measure"], name="goal_once"),
            models.CheckConstraint(condition=Q(target__gt=0), name="goal_target_positive"),
            models.CheckConstraint(condition=Q(month__day=1), name="goal_month_first_day"),
        ]
        indexes = [models.Index(fields=["organization", "month", "representative"], name="goal_by_month")]

    def __str__(self) -> str:
        return f"{self.measure} {self.month:%Y-%m}"
