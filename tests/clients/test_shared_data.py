"""Two real order books: every line accounted for, the totals reproduced; their first lines in every run, whole in the long form."""

import csv
import gzip
import io
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice

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


WHOLE = 10**9
SHORT_AND_WHOLE = pytest.mark.parametrize("lines", [20_000, pytest.param(WHOLE, marks=pytest.mark.faults)])


def first_lines(path, lines: int, to):
    """The file itself, or a copy of its header and first lines."""
    if lines == WHOLE:
        return path
    with gzip.open(path, "rt", newline="") as book:
        to.write_text("".join(islice(book, lines + 1)))
    return to


def read(path):
    """Its rows, compressed or not."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else open(path, newline="") as file:
        yield from csv.DictReader(file)


@SHORT_AND_WHOLE
def test_each_invoice_of_iowa_is_taken(take, organization, tmp_path, lines):
    folder = published("iowa_wholesale")
    book = first_lines(folder / "orders_2012_2020.csv.gz", lines, tmp_path / "orders.csv")
    clients = take("clients", folder / "clients.csv.gz", mapping={"client_code": "client_id"})
    products = take("products", folder / "products.csv.gz", mapping={"product_code": "product_id", "name": "description"})

    orders = take("orders", book, mapping=IOWA_ORDERS)

    assert counts(clients) == (1516, 0, 0, 0, 0)
    assert counts(products) == (6482, 0, 0, 0, 0)
    n = min(lines, 352_849)
    assert counts(orders) == (n, 0, 0, 0, 0)
    total = sum(Decimal(row["amount_usd"]) for row in read(book))
    assert orders.more == {"orders": n, "amount_cents": int(total * 100)}
    with acting_for(organization.pk):
        bought = len({row["client_id"] for row in read(book)})
        assert ClientActivity.objects.filter(repeat_days__gte=0).count() == bought == (1516 if lines == WHOLE else bought)
    assert not differences(organization)


@SHORT_AND_WHOLE
def test_the_dirty_lines_of_a_retailer_are_each_accounted_for(take, organization, tmp_path, lines):
    book = first_lines(published("online_retail/lines_2009-12_2010-12.csv.gz"), lines, tmp_path / "lines.csv")
    customers, nobody, total, totals, crumbs = set(), 0, Decimal(0), {}, Decimal(0)
    for row in read(book):
        amount = Decimal(row["quantity"]) * Decimal(row["unit_price_gbp"])
        total += amount
        nobody += not row["customer_id"]
        if row["customer_id"]:
            customers.add(row["customer_id"])
            cents = (amount * 100).quantize(Decimal(1), ROUND_HALF_UP)
            totals[row["invoice"]] = totals.get(row["invoice"], 0) + int(cents)
            crumbs += amount - cents / 100  # a few prices have fractions of a cent, which money here has not
    take("clients", "client_code,name\n" + "".join(f"{code},Customer {code}\n" for code in sorted(customers)))

    result = take("orders", book, mapping=RETAIL)

    created, updated, unchanged, merged, refused = counts(result)
    assert (updated, unchanged, refused) == (0, 0, nobody)  # lines without a customer, the three bad debts among them
    assert created + merged == result.rows - nobody == min(lines, 525_461) - nobody
    text = io.StringIO(result.refused_file.read_text(encoding="utf-8-sig"))
    refused_total = sum(Decimal(row["quantity"]) * Decimal(row["unit_price_gbp"]) for row in csv.DictReader(text))
    assert Decimal(result.more["amount_cents"]) / 100 + refused_total + crumbs == total
    if lines == WHOLE:
        assert nobody == 107_927 and len(customers) == 4383
        assert total.quantize(Decimal("0.01")) == Decimal("9539484.63")
    with acting_for(organization.pk):
        assert dict(Order.objects.values_list("code", "amount_cents")) == totals
        assert OrderItem.objects.count() == created
        assert Client.objects.count() == len(customers)
        assert not Order.objects.filter(status="returned", net_cents__gt=0).exists()
    assert not differences(organization)
