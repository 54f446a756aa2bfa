from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from clients.models.client import Client, Contact


class CustomField(TenantModel):
    """Something more the company keeps of its clients or contacts: why, and for how long, is said before it is kept."""

    class Subject(models.TextChoices):
        CLIENT = "client", _("Cliente")
        CONTACT = "contact", _("Contato")

    class Kind(models.TextChoices):
        TEXT = "text", _("Texto")
        NUMBER = "number", _("Número")
        DAY = "day", _("Data")
        YES_NO = "yes_no", _("Sim ou não")
        CHOICE = "choice", _("Escolha de uma lista")

    subject = models.CharField(_("de quem"), max_length=7, choices=Subject.choices)
    name = models.CharField(_("nome"), max_length=60)
    kind = models.CharField(_("tipo"), max_length=6, choices=Kind.choices)
    choices = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    purpose = models.CharField(_("finalidade"), max_length=200)
    retention_days = models.PositiveIntegerField(_("guardar por (dias)"))
    position = models.PositiveSmallIntegerField(default=1)
    hidden_at = models.DateTimeField(null=True, blank=True)  # switched off: not shown nor asked; kept until its time is over
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            *tenant_walls("customfield"),
            models.UniqueConstraint(fields=["organization", "subject", "name"], name="customfield_name"),
            models.CheckConstraint(condition=~Q(purpose="") & Q(retention_days__range=(1, 36_500)), name="customfield_has_purpose_and_end"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)


class CustomValue(TenantDetail):
    """What a field says of one client or contact, written as text: a number with a point, a day as ISO, ``yes`` or ``no``."""

    field = TenantForeignKey(CustomField, models.CASCADE, related_name="values")
    client = TenantForeignKey(Client, models.CASCADE, related_name="custom_values")
    contact = TenantForeignKey(Contact, models.CASCADE, null=True, blank=True, related_name="custom_values")
    value = models.CharField(max_length=500)
    set_at = models.DateTimeField()
    set_by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("customvalue", "field", "client", "contact", "set_by"),
            models.UniqueConstraint(fields=["organization", "client", "field"], condition=Q(contact=None), name="customvalue_of_client"),
            models.UniqueConstraint(fields=["organization", "contact", "field"], condition=~Q(contact=None), name="customvalue_of_contact"),
        ]
        indexes = [models.Index(fields=["organization", "field", "set_at"], name="customvalue_by_age")]  # what is to be erased

    def __str__(self) -> str:
        return f"{self.field_id} of {self.client_id}"
