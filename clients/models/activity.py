from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey
from clients.models.client import Client

# The least days to inactive any preset names: gaps up to it are between purchases, whatever limit above it an organization sets.
SHORTEST_SILENCE = 60
# Before any silence ends.
BEFORE_ALL = date(1, 1, 1)


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
    # These products in order, and how many lines those orders have: what is distinct over months and people is told from them.
    product_ids = ArrayField(models.BigIntegerField(), default=list, db_default=Value([], ArrayField(models.BigIntegerField())))
    items = models.IntegerField(default=0, db_default=0)

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


class ClientSilence(TenantDetail):
    """Days without an order that came to an end: from one order day to the next, of more than ``SHORTEST_SILENCE`` days.

    ``since_on`` is None for the time before the client's first order. The silence it is in now is that since
    ``ClientActivity.last_on``. A projection: who turned inactive, came back and began, in any month and under any
    limit from ``SHORTEST_SILENCE`` days on, is read from these few rows instead of every order day of two years.
    """

    client = TenantForeignKey(Client, models.CASCADE, related_name="silences")
    since_on = models.DateField(null=True)
    until_on = models.DateField()

    class Meta:
        constraints = [
            *tenant_walls("clientsilence", "client"),
            models.UniqueConstraint(fields=["organization", "client", "since_on"], name="clientsilence_once", nulls_distinct=False),
        ]
        indexes = [
            # True of every row: a condition only the panel's questions name keeps those about one client off this index,
            # which in a company the planner never saw looks as good to it as the one by client.
            models.Index(
                fields=["organization", "until_on"],
                include=["since_on", "client"],
                condition=Q(until_on__gt=BEFORE_ALL),
                name="clientsilence_by_end",
            )
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.since_on} to {self.until_on}"
