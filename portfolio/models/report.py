from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel


class ReportSchedule(TenantModel):
    """A report that goes out by e-mail once a week or a month, at an hour of the organization's zone.

    ``next_at`` is the moment it is due; whoever sends it moves that on in the same transaction.
    """

    class Every(models.TextChoices):
        WEEK = "week", _("Toda semana")
        MONTH = "month", _("Todo mês")

    kind = models.CharField(max_length=20)  # a word of the report's address
    filters = models.JSONField(default=dict)  # the address's parameters; the period is one that moves with the day
    every = models.CharField(_("frequência"), max_length=5, choices=Every.choices)
    weekday = models.PositiveSmallIntegerField(_("dia da semana"), null=True, blank=True)  # Monday is 0
    month_day = models.PositiveSmallIntegerField(_("dia do mês"), null=True, blank=True)  # beyond the month's last day: its last
    hour = models.PositiveSmallIntegerField(_("hora"))
    next_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    made_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("reportschedule", "made_by"),
            models.CheckConstraint(
                condition=Q(every="week", weekday__range=(0, 6), month_day=None) | Q(every="month", month_day__range=(1, 31), weekday=None),
                name="reportschedule_has_its_day",
            ),
            models.CheckConstraint(condition=Q(hour__range=(0, 23)), name="reportschedule_hour"),
        ]
        indexes = [
            models.Index(fields=["organization", "next_at"], condition=Q(paused_at=None, ended_at=None), name="reportschedule_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.every}"


class ReportRecipient(TenantDetail):
    """A member who gets a scheduled report; nobody outside the organization can."""

    schedule = TenantForeignKey(ReportSchedule, models.CASCADE, related_name="recipients")
    membership = TenantForeignKey(Membership, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("reportrecipient", "schedule", "membership"),
            models.UniqueConstraint(fields=["organization", "schedule", "membership"], name="reportrecipient_once"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} → {self.membership_id}"


class ReportDelivery(TenantDetail):
    """One e-mail of one due moment to one member, or why there was none. The unique key is what makes it once."""

    class Refused(models.TextChoices):
        GONE = "gone", _("não tem mais acesso")
        ROLE = "role", _("o papel não vê relatórios")

    schedule = TenantForeignKey(ReportSchedule, models.PROTECT, related_name="deliveries")
    membership = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    event_id = models.UUIDField(null=True, blank=True)  # of the outbox, which knows whether it was sent
    refused = models.CharField(max_length=8, blank=True, choices=Refused.choices)

    class Meta:
        constraints = [
            *tenant_walls("reportdelivery", "schedule", "membership"),
            models.UniqueConstraint(fields=["organization", "schedule", "membership", "due_at"], name="reportdelivery_once"),
            models.CheckConstraint(condition=~Q(event_id=None, refused=""), name="reportdelivery_sent_or_refused"),
        ]
        indexes = [models.Index(fields=["organization", "schedule", "-due_at"], name="reportdelivery_latest")]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%d %H:%M} → {self.membership_id}"
