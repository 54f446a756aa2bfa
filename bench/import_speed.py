"""How long imports take, beside what PostgreSQL alone needs for the same rows.

    python bench/import_speed.py [--clients 10000] [--invoices 352849]

The floor is a bare COPY of the same orders into a table with the same keys and indexes as clients_order, foreign keys
included, made and measured in the same run. It makes an organization of its own: run it on a development database.
"""

import argparse
import csv
import io
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")

import django  # noqa: E402

from bench import servers  # noqa: E402

servers.start()
django.setup()

from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.services import Actor, create_organization  # noqa: E402
from accounts.tenancy import tenant_atomic  # noqa: E402
from clients.imports import run_import  # noqa: E402
from clients.models import Order  # noqa: E402

SHARED = Path(os.environ.get("CARTEIRA_SHARED", REPOSITORY / "../shared"))
BY = Actor(label="bench")
MAPPING = {"order_code": ["invoice", "client_id", "date"], "client_code": "client_id", "ordered_on": "date", "amount": "amount_usd"}
WORDS = "Açaí Agro Bazar Casa Central Comercial Distribuidora Empório Ferragens Grãos Mercado Norte Ponto Rural Sul União Vale"


def server_seconds(alias: str) -> float:
    """Processor time of the connection's server process; not a number where the server runs elsewhere."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object], alias: str = "default") -> dict[str, float]:
    """Wall time of ``work``, and processor time of this process and of the server's."""
    wall, used, there = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF), server_seconds(alias)
    work()
    now = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall": time.perf_counter() - wall,
        "here": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
        "there": server_seconds(alias) - there,
    }


def told(name: str, took: dict[str, float]) -> None:
    print(f"{name:<58} {took['wall']:8.2f} {took['here']:8.2f} {took['there']:8.2f}", flush=True)


def client_files(folder: Path, n: int) -> tuple[Path, Path]:
    """``n`` clients named like companies, each with an owner among 50 representatives."""
    draw, words = random.Random(7), WORDS.split()
    representatives, clients = folder / "representatives.csv", folder / "clients.csv"
    with representatives.open("w", newline="") as file:
        csv.writer(file).writerows([("representative_code", "name"), *((f"V{i}", f"Representante {i}") for i in range(50))])
    with clients.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["client_code", "name", "segment", "city", "state", "phone", "representative_code"])
        for i in range(n):
            name = " ".join(draw.sample(words, 3)) + " Ltda"
            writer.writerow([f"C{i:06d}", name, "varejo", "Campinas", "SP", f"19 9{draw.randrange(10**8):08d}", f"V{draw.randrange(50)}"])
    return representatives, clients


def invoice_files(folder: Path, n: int) -> tuple[Path, Path, str]:
    """The real order book where it is at hand, else one drawn with its numbers of clients and days."""
    real = SHARED / "data" / "iowa_wholesale"
    if n == 352_849 and (real / "orders_2012_2020.csv.gz").exists():
        return real / "clients.csv.gz", real / "orders_2012_2020.csv.gz", "real"
    draw, first = random.Random(11), date(2012, 1, 3)
    clients, orders = folder / "companies.csv", folder / "invoices.csv"
    with clients.open("w", newline="") as file:
        csv.writer(file).writerows([("client_id", "name"), *((i, f"Client {i}") for i in range(1516))])
    with orders.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["invoice", "client_id", "date", "amount_usd"])
        for i in range(n):
            day = first + timedelta(days=draw.randrange(3285))
            writer.writerow([f"S{i}", draw.randrange(1516), day, f"{draw.expovariate(1 / 470):.2f}"])
    return clients, orders, "drawn"


def floor(organization_id: int) -> dict[str, float]:
    """COPY of the orders just imported into a table made like theirs, by the owner, so that no policy stands in the way."""
    with tenant_atomic(organization_id):
        rows = list(
            Order.objects.order_by("ordered_on", "code").values_list(
                "organization_id", "code", "client_id", "ordered_on", "status", "amount_cents"
            )
        )
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.seek(0)
    with connections["owner"].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_order")
        cursor.execute("CREATE TABLE bench_order (LIKE clients_order INCLUDING ALL)")
        cursor.execute(
            "SELECT string_agg('ADD ' || pg_get_constraintdef(oid), ', ') FROM pg_constraint"
            " WHERE conrelid = 'clients_order'::regclass AND contype = 'f'"
        )
        cursor.execute(f"ALTER TABLE bench_order {cursor.fetchone()[0]}")
        took = timed(
            lambda: cursor.cursor.copy_expert(
                "COPY bench_order (organization_id, code, client_id, ordered_on, status, amount_cents) FROM STDIN (FORMAT csv)", text
            ),
            "owner",
        )
        cursor.execute("DROP TABLE bench_order")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description="Imports, beside a bare COPY of the same rows.")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--invoices", type=int, default=352_849)
    options = parser.parse_args()
    name = f"bench-{int(time.time())}"
    organization = create_organization(name, name=name, is_demo=True)

    def send(kind: str, path: Path, mapping=None) -> dict[str, float]:
        return timed(lambda: run_import(kind, path, organization=organization, by=BY, at=timezone.now(), mapping=mapping))

    print(f"{'seconds':<58} {'wall':>8} {'here':>8} {'server':>8}")
    with tempfile.TemporaryDirectory() as folder:
        representatives, clients = client_files(Path(folder), options.clients)
        send("representatives", representatives)
        first = send("clients", clients)
        told(f"import {options.clients:,} clients with owners", first)
        told("the same file again", send("clients", clients))
        companies, invoices, kind = invoice_files(Path(folder), options.invoices)
        send("clients", companies, {"client_code": "client_id"})
        orders = send("orders", invoices, MAPPING)
        told(f"import {options.invoices:,} invoices ({kind}), projections included", orders)
        bare = floor(organization.pk)
        told("bare COPY of them, same keys and indexes (the floor)", bare)
        told("the same file again", send("orders", invoices, MAPPING))
    both = orders["here"] + orders["there"]
    wall, processor = orders["wall"] / bare["wall"], both / bare["there"]
    print(f"\ninvoices against the floor: {wall:.2f}x of wall time, {processor:.2f}x of processor time; at most 5x")
    print(f"clients with owners: {first['here'] + first['there']:.2f} s of processor time, {first['here']:.2f} s of it here; at most 2.8 s")


if __name__ == "__main__":
    main()
