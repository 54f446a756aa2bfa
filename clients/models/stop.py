from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class ClientStop(TenantModel):
    """Why a client stopped buying, as a person said: of one silence, the one since its order of ``silent_since``.

    That a client is inactive is computed; why it is, nobody can compute. An order ends the silence, and the word stays with it.
    """

    client = TenantForeignKey(Client, models.PROTECT, related_name="stops")
    silent_since = models.DateField()
    reason = models.CharField(_("motivo"), max_length=120)
    told_on = models.DateField()
    told_at = models.DateTimeField()
    # Half-open days on which the client was lost because a person said so, long before or after its silence alone would say it.
    lost_on = models.DateField(null=True, blank=True)
    lost_until = models.DateField(null=True, blank=True)
    by = TenantForeignKey(Membership, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("clientstop", "client", "by"),
            models.UniqueConstraint(fields=["organization", "client", "silent_since"], name="clientstop_one_a_silence"),
            models.CheckConstraint(condition=~Q(reason=""), name="clientstop_has_reason"),
            models.CheckConstraint(condition=Q(lost_until=None) | Q(lost_until__gte=F("lost_on")), name="clientstop_lost_days_in_order"),
        ]
        indexes = [models.Index(fields=["organization", "told_on"], name="clientstop_by_day")]

    def __str__(self) -> str:
        return f"{self.client_id} since {self.silent_since}"
