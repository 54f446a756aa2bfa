from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Membership, Team
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class Representative(TenantModel):
    """Who looks after clients. May exist before, and outlive, the person's sign-in."""

    class Contract(models.TextChoices):
        EMPLOYEE = "employee", _("CLT")
        AUTONOMOUS = "autonomous", _("Representante autônomo")

    code = models.CharField(_("código"), max_length=40)
    name = models.CharField(_("nome"), max_length=120)
    email = models.EmailField(_("e-mail"), blank=True)
    contract_type = models.CharField(_("vínculo"), max_length=12, choices=Contract.choices, default=Contract.EMPLOYEE)
    team = TenantForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="representatives")
    membership = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="representatives")
    base_city = models.CharField(_("cidade base"), max_length=80, blank=True)
    base_state = models.CharField(_("UF"), max_length=3, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    regions = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # states served; empty = all
    segments = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # empty = all
    capacity_clients = models.PositiveIntegerField(_("capacidade em clientes"), default=150)
    capacity_minutes_week = models.PositiveIntegerField(_("minutos por semana"), null=True, blank=True)
    # Clients in one run, beside what the rule's shares allow; nobody where 0, no limit of their own where empty.
    receive_ceiling = models.PositiveIntegerField(_("máximo a receber por giro"), null=True, blank=True)
    give_ceiling = models.PositiveIntegerField(_("máximo a ceder por giro"), null=True, blank=True)
    visits_per_day = models.PositiveSmallIntegerField(_("visitas por dia"), default=8, db_default=8)
    valid_from = models.DateField(_("desde"), null=True, blank=True)
    valid_to = models.DateField(_("até"), null=True, blank=True)  # the first day the person no longer serves
    # Consent of an autonomous representative to give clients away (Lei 4.886/65, art. 32 §7), with its date.
    consent_recorded_on = models.DateField(null=True, blank=True)
    commission_rate = models.DecimalField(max_digits=5, decimal_places=4, default=0)

    class Meta:
        constraints = [
            *tenant_walls("representative", "team", "membership"),
            models.UniqueConstraint(fields=["organization", "code"], name="representative_code"),
            models.UniqueConstraint(
                fields=["organization", "membership"], condition=~Q(membership=None), name="representative_one_sign_in"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_from=None) | Q(valid_to__gte=F("valid_from")), name="representative_days_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Absence(TenantModel):
    """Half-open days [starts_on, ends_on) on which a representative is away, and who covers."""

    representative = TenantForeignKey(Representative, models.PROTECT, related_name="absences")
    cover = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="covers")
    starts_on = models.DateField()
    ends_on = models.DateField()
    reason = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("absence", "representative", "cover"),
            models.CheckConstraint(condition=Q(ends_on__gt=F("starts_on")), name="absence_days_in_order"),
            models.UniqueConstraint(fields=["organization", "representative", "starts_on"], name="absence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.representative_id}: {self.starts_on} – {self.ends_on}"
