from django.db import models

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey
from clients.models.client import Client


class ClientActivity(TenantDetail):
    """One row a client: what its orders add up to. A projection: rebuilt from facts, equal to them by test.

    The first block never depends on the day; the windows hold as of ``windows_on``. A client that never
    ordered has a row too, with ``repeat_days`` -1, so that one join serves every list.
    """

    client = TenantForeignKey(Client, models.CASCADE, related_name="activity")
    repeat_days = models.IntegerField(default=-1)  # distinct order days minus one: x
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    sum_log_gap = models.FloatField(default=0)
    median_gap = models.FloatField(null=True)
    mean_gap = models.FloatField(null=True)
    net_total_cents = models.BigIntegerField(default=0)

    windows_on = models.DateField(null=True)
    net_12m_cents = models.BigIntegerField(default=0)
    n30 = models.IntegerField(default=0)
    n90 = models.IntegerField(default=0)
    n180 = models.IntegerField(default=0)
    n365 = models.IntegerField(default=0)
    abc = models.CharField(max_length=1, blank=True)

    last_visit_on = models.DateField(null=True)
    last_contact_on = models.DateField(null=True)

    class Meta:
        constraints = [
            *tenant_walls("clientactivity", "client"),
            models.UniqueConstraint(fields=["organization", "client"], name="clientactivity_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "last_on", "client"], name="clientactivity_by_last"),
            models.Index(fields=["organization", "-net_12m_cents", "client"], name="clientactivity_by_value"),
        ]

    def __str__(self) -> str:
        return f"activity of {self.client_id}"


class ClientMonth(TenantDetail):
    """What a client bought in a month, per representative credited. A projection: dashboards read this, not orders."""

    client = TenantForeignKey(Client, models.CASCADE, related_name="months")
    month = models.DateField()  # its first day
    representative = TenantForeignKey(Representative, models.PROTECT, null=True, related_name="+")
    orders = models.IntegerField(default=0)
    order_days = models.IntegerField(default=0)
    revenue_cents = models.BigIntegerField(default=0)
    products = models.IntegerField(default=0)  # distinct products on valid orders

    class Meta:
        constraints = [
            *tenant_walls("clientmonth", "client", "representative"),
            models.UniqueConstraint(
                fields=["organization", "client", "month", "representative"], name="clientmonth_once", nulls_distinct=False
            ),
        ]
        indexes = [
            # Covers what the panel reads of months: an index-only scan of the months asked for.
            models.Index(
                fields=["organization", "month", "representative"],
                include=["client", "orders", "order_days", "revenue_cents", "products"],
                name="clientmonth_of_month",
            )
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.month:%Y-%m}"
