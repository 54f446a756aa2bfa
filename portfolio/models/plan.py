from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from portfolio.models.task import Task


class Plan(TenantModel):
    """What a portfolio is to become over a period: objective, strategy, capacity, budget. The period is of whole months.

    What it is compared with is not kept here: goals, orders, visits and the steps' spending say it at every look.
    """

    representative = TenantForeignKey(Representative, models.PROTECT, related_name="plans")
    starts_on = models.DateField(_("de"))  # the first day of a month
    ends_on = models.DateField(_("até"))  # the last day of a month
    objective = models.TextField(_("objetivo"))
    strategy = models.TextField(_("estratégia"), blank=True)
    capacity_clients = models.PositiveIntegerField(_("capacidade em clientes"), null=True, blank=True)
    capacity_visits = models.PositiveIntegerField(_("visitas no período"), null=True, blank=True)
    budget_cents = models.BigIntegerField(_("orçamento"), null=True, blank=True)
    visit_cost_cents = models.BigIntegerField(_("custo de uma visita"), default=0)
    written_by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            *tenant_walls("plan", "representative", "written_by"),
            models.UniqueConstraint(fields=["organization", "representative", "starts_on", "ends_on"], name="plan_once"),
            models.CheckConstraint(condition=Q(ends_on__gt=F("starts_on"), starts_on__day=1), name="plan_days_in_order"),
            models.CheckConstraint(condition=Q(visit_cost_cents__gte=0), name="plan_visit_cost_not_negative"),
            models.CheckConstraint(condition=Q(budget_cents=None) | Q(budget_cents__gte=0), name="plan_budget_not_negative"),
            models.CheckConstraint(condition=~Q(objective=""), name="plan_has_objective"),
        ]
        indexes = [models.Index(fields=["organization", "starts_on", "ends_on", "representative"], name="plan_of_period")]

    def __str__(self) -> str:
        return f"{self.representative_id} {self.starts_on} – {self.ends_on}"


class PlanStep(TenantDetail):
    """One step of a plan: a task with owner and day, and what it is to cost and did cost."""

    plan = TenantForeignKey(Plan, models.CASCADE, related_name="steps")
    task = TenantForeignKey(Task, models.PROTECT, related_name="plan_steps")
    planned_cents = models.BigIntegerField(default=0)
    spent_cents = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            *tenant_walls("planstep", "plan", "task"),
            models.UniqueConstraint(fields=["organization", "plan", "task"], name="planstep_once"),
            models.CheckConstraint(condition=Q(planned_cents__gte=0, spent_cents__gte=0), name="planstep_cost_not_negative"),
        ]
        indexes = [models.Index(fields=["organization", "task"], name="planstep_of_task")]

    def __str__(self) -> str:
        return f"{self.task_id} of {self.plan_id}"
