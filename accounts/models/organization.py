from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.tenancy.constraints import NAMED_USER, TenantPolicy


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” não é um fuso horário conhecido. Use, por exemplo, America/Sao_Paulo."), params={"name": name})


class Organization(models.Model):
    """One company, one tenant; its pages live under ``/o/<slug>/``."""

    name = models.CharField(_("nome"), max_length=120)
    slug = models.SlugField(_("endereço"), max_length=60, unique=True)
    time_zone = models.CharField(_("fuso horário"), max_length=64, default="America/Sao_Paulo", validators=[validate_time_zone])
    currency = models.CharField(_("moeda"), max_length=3, default="BRL")
    language = models.CharField(_("idioma"), max_length=10, default="pt-br")
    country = models.CharField(_("país"), max_length=2, default="BR")
    warn_days = models.PositiveSmallIntegerField(_("dias até quase inativo"), default=60)
    inactive_days = models.PositiveSmallIntegerField(_("dias até inativo"), default=90)
    lost_days = models.PositiveSmallIntegerField(_("dias até perdido"), default=360)
    # How often a client of each class is to be visited, how near the person must be, and what the lists of reasons offer.
    cadence_a_days = models.PositiveSmallIntegerField(_("dias entre visitas, classe A"), default=14)
    cadence_b_days = models.PositiveSmallIntegerField(_("dias entre visitas, classe B"), default=28)
    cadence_c_days = models.PositiveSmallIntegerField(_("dias entre visitas, classe C"), default=60)
    plans_visits = models.BooleanField(_("planeja as visitas toda noite"), default=True)
    visits_per_day = models.PositiveSmallIntegerField(_("visitas por dia"), default=8)  # what a representative begins with
    check_in_radius_m = models.PositiveSmallIntegerField(_("raio do check-in em metros"), default=200)
    no_sale_reasons = ArrayField(models.CharField(max_length=120), default=list, blank=True)  # empty: the product's own
    prospect_protection_days = models.PositiveSmallIntegerField(_("dias de proteção de um prospect"), default=90)
    # How many days before a contract ends somebody is asked to see to its renewal; 0 asks nobody.
    renewal_days = models.PositiveSmallIntegerField(_("dias antes do fim do contrato"), default=60, db_default=60)
    require_second_factor = models.BooleanField(_("exige segundo fator"), default=True)
    second_factor_from = models.DateField(_("segundo fator a partir de"), null=True, blank=True)  # None: at once
    # Class A holds the clients up to this share of the year's net value, B those up to the next; C the rest.
    abc_a_percent = models.PositiveSmallIntegerField(_("corte da curva A"), default=80)
    abc_b_percent = models.PositiveSmallIntegerField(_("corte da curva B"), default=95)
    # "outcome:field" of what a report must fill in beyond what it always must. Not JSON: every page reads this row with a plain cursor.
    visit_asks = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    discard_reasons = ArrayField(models.CharField(max_length=120), default=list, blank=True)  # empty: the product's own
    stop_reasons = ArrayField(models.CharField(max_length=120), default=list, blank=True)  # empty: the product's own
    loss_reasons = ArrayField(models.CharField(max_length=120), default=list, blank=True)  # empty: free words
    notices_kept_days = models.PositiveSmallIntegerField(_("dias que se guardam avisos lidos"), null=True, blank=True)  # None: for good
    photos_kept_days = models.PositiveSmallIntegerField(_("dias que se guardam fotos de visitas"), null=True, blank=True)
    is_demo = models.BooleanField(default=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    # The day up to which the order feed is known to be complete; a stale feed blocks runs.
    orders_received_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(warn_days__lt=F("inactive_days")) & Q(inactive_days__lt=F("lost_days")), name="organization_limits_in_order"
            ),
            models.CheckConstraint(
                condition=Q(cadence_a_days__gte=1, cadence_b_days__gte=1, cadence_c_days__gte=1), name="organization_cadence_positive"
            ),
            models.CheckConstraint(condition=Q(check_in_radius_m__range=(50, 1000)), name="organization_check_in_radius"),
            models.CheckConstraint(
                condition=Q(abc_a_percent__gte=1) & Q(abc_a_percent__lt=F("abc_b_percent")) & Q(abc_b_percent__lte=100),
                name="organization_abc_cuts_in_order",
            ),
            TenantPolicy(
                name="organization_tenant",
                quiet=True,
                column="id",
                also=(
                    (
                        "organization_member",
                        "SELECT",
                        f"id IN (SELECT organization_id FROM accounts_membership WHERE user_id = {NAMED_USER})",  # noqa: S608
                    ),
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
