"""An import killed in the middle and sent again ends as if nobody had killed it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.imports import run_import
from clients.models import ClientActivity, ClientMonth, Order, OrderItem
from clients.services import differences
from tests.factories import make_organization

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = 6_000
# The command, in chunks small enough that a kill falls between two of them.
RUN = """
import sys
from django.core.management import execute_from_command_line
import django; django.setup()
from clients.imports.kinds.orders import Orders
Orders.chunk_rows = 150
execute_from_command_line(["manage.py", "import_data", "orders", sys.argv[1], "--organization", sys.argv[2], "--json"])
"""


def _environment() -> dict[str, str]:
    urls = {}
    for alias, name in (("default", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL")):
        at = connections[alias].settings_dict
        urls[name] = f"postgresql://{at['USER']}:{at['PASSWORD']}@/{at['NAME']}?host={at['HOST']}&port={at['PORT']}"
    kept = {"SECRET_KEY": settings.SECRET_KEY, "REDIS_URL": settings.REDIS_URL, "DJANGO_SETTINGS_MODULE": "carteira.settings"}
    return os.environ | urls | kept | {"PYTHONPATH": str(REPOSITORY)}


def _count(organization) -> int:
    with acting_for(organization.pk):
        return Order.objects.count()


def _stored(organization) -> dict:
    """What the orders came to, by business keys: ids differ between two organizations."""
    with acting_for(organization.pk):
        activity = ClientActivity.objects.values_list(
            "client__code", "repeat_days", "first_on", "last_on", "median_gap", "net_total_cents", "net_12m_cents", "n90", "abc"
        )
        return {
            "orders": sorted(Order.objects.values_list("code", "client__code", "ordered_on", "amount_cents")),
            "items": sorted(OrderItem.objects.values_list("order__code", "line", "product__code", "quantity", "amount_cents")),
            "activity": sorted(activity),
            "months": sorted(ClientMonth.objects.values_list("client__code", "month", "orders", "order_days", "revenue_cents", "products")),
        }


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_an_import_killed_in_the_middle_ends_right_when_sent_again(tmp_path):
    killed, whole = make_organization("killed"), make_organization("whole")
    clients, orders = tmp_path / "clients.csv", tmp_path / "orders.csv"
    clients.write_text("client_code,name\n" + "".join(f"K{n},Cliente {n}\n" for n in range(200)))
    orders.write_text(
        "order_code,client_code,ordered_on,product_code,quantity,unit_price\n"
        + "".join(
            f"P{n % 2500},K{n % 2500 % 200},2026-{n % 2500 % 2 + 1:02d}-{n % 2500 % 27 + 1:02d},A{n % 9},{n % 7 + 1},1.25\n"
            for n in range(ROWS)
        )
    )
    for organization in (killed, whole):
        run_import("clients", clients, organization=organization, by=Actor(label="test"), at=timezone.now())

    process = subprocess.Popen([sys.executable, "-c", RUN, str(orders), killed.slug], env=_environment(), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _count(killed) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert process.returncode == -signal.SIGKILL  # it was still at work
    assert 0 < _count(killed) < 2_500
    assert not differences(killed).activity  # each chunk left whole what it touched

    for organization in (killed, whole):
        result = run_import("orders", orders, organization=organization, by=Actor(label="test"), at=timezone.now())
        assert result.rows == ROWS
        assert result.refused == 0
    assert _stored(killed) == _stored(whole)
    assert not differences(killed)
