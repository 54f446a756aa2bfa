from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Least
from django.utils.translation import gettext_lazy as _

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models.client import Client


class Product(TenantModel):
    """Something the company sells, with the age of its stock."""

    code = models.CharField(_("código"), max_length=60)
    name = models.CharField(_("nome"), max_length=200)
    category = models.CharField(_("categoria"), max_length=80, blank=True)
    unit = models.CharField(_("unidade"), max_length=10, blank=True)
    stock_quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    stock_since = models.DateField(null=True, blank=True)
    season = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("product"),
            models.UniqueConstraint(fields=["organization", "code"], name="product_code"),
        ]

    def __str__(self) -> str:
        return self.name


class Order(TenantModel):
    """What a client bought on one day of the organization, as the ERP states it.

    ``net_cents`` is what the order counts for: its amount when valid, nothing when cancelled, and when returned
    only what was given back (a negative amount). A client's day counts as an order day when its net is above zero.
    """

    class Status(models.TextChoices):
        VALID = "valid", _("Válido")
        CANCELLED = "cancelled", _("Cancelado")
        RETURNED = "returned", _("Devolvido")

    code = models.CharField(_("pedido"), max_length=80)
    client = TenantForeignKey(Client, models.PROTECT, related_name="orders")
    ordered_on = models.DateField(_("data"))
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.VALID)
    amount_cents = models.BigIntegerField(_("valor"))
    net_cents = models.GeneratedField(
        expression=Case(
            When(status="valid", then=F("amount_cents")),
            When(status="returned", then=Least(F("amount_cents"), Value(0))),
            default=Value(0),
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    # Who answered for the client on the order's day; set from the ownership ledger, not from the file.
    representative = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="orders")
    # The client it was made under, where that one was merged into ``client`` afterwards: whose ledger says who answered that day.
    came_under = TenantForeignKey(Client, models.PROTECT, null=True, blank=True, related_name="+")
    # Who the ERP says sold it, kept beside.
    sold_by = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("order", "client", "representative", "sold_by", "came_under"),
            models.UniqueConstraint(fields=["organization", "code"], name="order_code"),
            models.CheckConstraint(condition=Q(status__in=["valid", "cancelled", "returned"]), name="order_status_known"),
        ]
        indexes = [
            # Covers the night's one big read: an index-only scan in client order.
            models.Index(fields=["organization", "client", "ordered_on"], include=["net_cents"], name="order_of_client"),
            # Orders come in roughly by day, so a few bytes a range of pages tell where those of a day, or of days to come, are.
            BrinIndex(fields=["organization", "ordered_on"], name="order_days"),
            # The days of a month that is compared with the same days of another, whatever order the orders came in. Its condition
            # keeps it from the questions about one client: of a company the planner never saw any index looks as good.
            models.Index(
                fields=["organization", "ordered_on"],
                include=["client", "representative", "status", "net_cents"],
                condition=~Q(status="cancelled"),
                name="order_by_day",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class OrderItem(TenantModel):
    """One line of an order."""

    order = TenantForeignKey(Order, models.CASCADE, related_name="items")
    line = models.PositiveIntegerField()
    product = TenantForeignKey(Product, models.PROTECT, related_name="items")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    unit_price_cents = models.BigIntegerField()
    amount_cents = models.BigIntegerField()

    class Meta:
        constraints = [
            *tenant_walls("orderitem", "order", "product"),
            models.UniqueConstraint(fields=["organization", "order", "line"], name="orderitem_line"),
        ]
        indexes = [models.Index(fields=["organization", "product", "order"], name="orderitem_of_product")]  # who buys a product

    def __str__(self) -> str:
        return f"{self.order_id}/{self.line}"
