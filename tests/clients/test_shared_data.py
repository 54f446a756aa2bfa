"""Two real order books, whole: every line accounted for, the published totals reproduced, and the same file twice changing nothing."""

import csv
import gzip
import io
from decimal import ROUND_HALF_UP, Decimal

import pytest

from accounts.tenancy import acting_for
from clients.models import Client, ClientActivity, Order, OrderItem
from clients.services import differences
from tests.clients.conftest import counts
from tests.published.shared import published

# Each chunk in a transaction of its own, as it is in life.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

IOWA_ORDERS = {
    "order_code": ["invoice", "client_id", "date"],
    "client_code": "client_id",
    "ordered_on": "date",
    "amount": "amount_usd",
}
RETAIL = {
    "order_code": "invoice",
    "client_code": "customer_id",
    "ordered_on": "invoice_ts",
    "product_code": "stock_code",
    "unit_price": "unit_price_gbp",
    "status": {"column": "invoice", "starts_with": {"C": "returned"}, "default": "valid"},
}


def test_the_iowa_order_book_is_taken_whole(take, organization):
    folder = published("iowa_wholesale")
    clients = take("clients", folder / "clients.csv.gz", mapping={"client_code": "client_id"})
    products = take("products", folder / "products.csv.gz", mapping={"product_code": "product_id", "name": "description"})

    orders = take("orders", folder / "orders_2012_2020.csv.gz", mapping=IOWA_ORDERS)

    assert counts(clients) == (1516, 0, 0, 0, 0)
    assert counts(products) == (6482, 0, 0, 0, 0)
    assert counts(orders) == (352_849, 0, 0, 0, 0)
    with gzip.open(folder / "orders_2012_2020.csv.gz", "rt", newline="") as file:
        total = sum(Decimal(row["amount_usd"]) for row in csv.DictReader(file))
    assert orders.more == {"orders": 352_849, "amount_cents": int(total * 100)}
    with acting_for(organization.pk):
        assert ClientActivity.objects.filter(repeat_days__gte=0).count() == 1516
    assert not differences(organization)


def test_the_dirty_lines_of_a_retailer_are_each_accounted_for(take, organization):
    path = published("online_retail/lines_2009-12_2010-12.csv.gz")
    customers, published_total, totals, crumbs = set(), Decimal(0), {}, Decimal(0)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            amount = Decimal(row["quantity"]) * Decimal(row["unit_price_gbp"])
            published_total += amount
            if row["customer_id"]:
                customers.add(row["customer_id"])
                cents = (amount * 100).quantize(Decimal(1), ROUND_HALF_UP)
                totals[row["invoice"]] = totals.get(row["invoice"], 0) + int(cents)
                crumbs += amount - cents / 100  # a few prices have fractions of a cent, which money here has not
    take("clients", "client_code,name\n" + "".join(f"{code},Customer {code}\n" for code in sorted(customers)))

    result = take("orders", path, mapping=RETAIL)

    assert result.rows == 525_461
    created, updated, unchanged, merged, refused = counts(result)
    assert (updated, unchanged, refused) == (0, 0, 107_927)  # lines without a customer, the three bad debts among them
    assert created + merged == 525_461 - 107_927
    text = io.StringIO(result.refused_file.read_text(encoding="utf-8-sig"))
    refused_total = sum(Decimal(row["quantity"]) * Decimal(row["unit_price_gbp"]) for row in csv.DictReader(text))
    taken = Decimal(result.more["amount_cents"]) / 100
    assert taken + refused_total + crumbs == published_total
    assert published_total.quantize(Decimal("0.01")) == Decimal("9539484.63")
    with acting_for(organization.pk):
        assert dict(Order.objects.values_list("code", "amount_cents")) == totals
        assert OrderItem.objects.count() == created
        assert Client.objects.count() == 4383
        assert not Order.objects.filter(status="returned", net_cents__gt=0).exists()
    assert not differences(organization)
