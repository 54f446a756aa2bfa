"""What the manager's pages cost in a large company: the panel and its parts.

    python -m bench.office                # 100,000 clients, 1,000 representatives, row security on

The company of bench/field.py, its orders credited, summed up by month and, those of the last half year, with lines of products;
every client scored, every representative with goals; the figures of days that are over kept, as a task does. Its orders end before
today, so the month in course is measured on the last day of the last month that has all of its orders: with its figures kept as the
task keeps them every twenty seconds while somebody reads, before each page, and with none kept. Aim: constant queries and 95 of 100
requests within 200 ms of the server's time.
As in bench/pages.py the CPU of this process and of its connection's server process is told, beside the wall clock of a machine that
may be busy with other things. Other pages add their rows to ``PAGES``.
"""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
os.environ.setdefault("STATIC_PLAIN", "true")

from bench import servers

if __name__ == "__main__":
    servers.start()
    django.setup()
    import carteira.wsgi  # noqa: F401  (views loaded, and what is loaded set aside from the collector)

from django.db import connection, connections
from django.test import Client as Web
from django.utils import timezone

from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from bench import fieldworld, world
from bench.pages import REQUESTS, database_cpu, measure, signed_in, spin
from bench.run import administrator
from clients.models import ChangedSince, ClientMonth
from portfolio.services.keeping import keep_figures, keep_present, spans_kept

TABLES = (
    "clients_client",
    "clients_clientactivity",
    "clients_clientmonth",
    "clients_clientscore",
    "clients_clientsilence",
    "clients_order",
    "clients_orderitem",
    "accounts_representative",
    "portfolio_ownership",
    "portfolio_visit",
)
CREDIT = """
UPDATE clients_order o SET representative_id = c.representative_id FROM clients_client c
 WHERE o.organization_id = %(organization)s AND c.organization_id = %(organization)s AND c.id = o.client_id
"""
PRODUCTS = """
INSERT INTO clients_product (organization_id, code, name, category, unit, season)
SELECT %(organization)s, 'X' || n, 'Produto ' || n, '', '', '' FROM generate_series(1, 400) n
"""
ITEMS = """
INSERT INTO clients_orderitem (organization_id, order_id, line, product_id, quantity, unit_price_cents, amount_cents)
SELECT %(organization)s, o.id, k, p.first + hashint8extended(o.id, k) %% 200 + 200, 1, o.amount_cents / 3, o.amount_cents / 3
  FROM clients_order o, generate_series(1, 3) k,
       (SELECT min(id) AS first FROM clients_product WHERE organization_id = %(organization)s) p
 WHERE o.organization_id = %(organization)s AND o.ordered_on > %(as_of)s::date - 184
"""
MONTHS = """
INSERT INTO clients_clientmonth (organization_id, client_id, month, representative_id, orders, order_days, revenue_cents, products)
SELECT %(organization)s, client_id, date_trunc('month', ordered_on)::date, representative_id, count(*) FILTER (WHERE status = 'valid'),
       count(DISTINCT ordered_on) FILTER (WHERE net_cents > 0), sum(net_cents), 0
  FROM clients_order WHERE organization_id = %(organization)s AND status <> 'cancelled' GROUP BY 2, 3, 4
"""
MIXED = """
UPDATE clients_clientmonth m SET items = f.items, products = cardinality(f.product_ids), product_ids = f.product_ids FROM (
    SELECT o.client_id, date_trunc('month', o.ordered_on)::date AS month, o.representative_id, count(*) AS items,
           array_agg(DISTINCT i.product_id ORDER BY i.product_id) AS product_ids
      FROM clients_order o JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
     WHERE o.organization_id = %(organization)s AND o.status = 'valid' GROUP BY 1, 2, 3) f
 WHERE m.organization_id = %(organization)s AND m.client_id = f.client_id AND m.month = f.month
   AND m.representative_id = f.representative_id
"""
SILENCES = """
INSERT INTO clients_clientsilence (organization_id, client_id, since_on, until_on)
SELECT %(organization)s, client_id, since_on, until_on FROM (
    SELECT client_id, lag(ordered_on) OVER (PARTITION BY client_id ORDER BY ordered_on) AS since_on, ordered_on AS until_on FROM (
        SELECT client_id, ordered_on FROM clients_order WHERE organization_id = %(organization)s
         GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0) day) step
 WHERE since_on IS NULL OR until_on - since_on > 60
"""
SCORES = """
INSERT INTO clients_clientscore (organization_id, client_id, horizon, made_for, p_silent, p_cross, state, ticket_cents, year_cents,
    at_stake_cents)
SELECT %(organization)s, c.id, 90, %(today)s::date, d.p, d.p, 'active', 10000, 120000, (120000 * d.p)::bigint
  FROM clients_client c, LATERAL (SELECT pg_temp.draw(c.id, 77) AS p) d WHERE c.organization_id = %(organization)s
"""
GOALS = """
INSERT INTO portfolio_goal (organization_id, representative_id, month, measure, target)
SELECT %(organization)s, r.id, (date_trunc('month', %(as_of)s::date) - make_interval(months => k))::date, 'revenue', 20000000
  FROM accounts_representative r, generate_series(0, 11) k WHERE r.organization_id = %(organization)s
"""
# The last whole month before the company's orders end.
LAST = world.AS_OF.replace(day=1) - timedelta(days=1)
LATE = f"month={LAST:%Y-%m}"
PARTS = ("kpis", "reps", "states", "base", "risk", "turnover", "indicators")
# What is asked for, below the organization's address, and with which querystring; fragments as htmx asks for them.
PAGES: list[tuple[str, str, bool]] = [
    ("Painel, the page", "dashboard/", False),
    ("Painel, the page of a month past", f"dashboard/?{LATE}", False),
    *((f"Painel, {name}", f"dashboard/{name}/?{LATE}", True) for name in PARTS),
    ("Painel, a quarter", f"dashboard/?{LATE}&period=quarter", False),
    ("Painel, twelve months", f"dashboard/?{LATE}&period=year", False),
    ("Painel, states, twelve months", f"dashboard/states/?{LATE}&period=year", True),
    ("Painel, rows of the revenue", f"dashboard/rows/revenue/?{LATE}", False),
    ("Painel, rows, not yet bought", f"dashboard/rows/missing/?{LATE}", False),
]
# The same on ``LAST``, while that month is still in course.
IN_COURSE: list[tuple[str, str, bool]] = [
    ("In course, the page", "dashboard/", False),
    *((f"In course, {name}", f"dashboard/{name}/", True) for name in PARTS),
    ("In course, twelve months", "dashboard/?period=year", False),
    ("In course, states, twelve months", "dashboard/states/?period=year", True),
]


def build(clients: int) -> Organization:
    """The company; made once."""
    organization = fieldworld.build(clients, today=timezone.localdate())
    with tenant_atomic(organization.pk), connection.cursor() as cursor:
        Organization.objects.filter(pk=organization.pk).update(require_second_factor=False, orders_received_at=timezone.now())
        if ClientMonth.objects.exists():
            cursor.execute("UPDATE clients_clientscore SET made_for = %s WHERE made_for <> %s", [timezone.localdate()] * 2)
            return organization
        for setting in ("statement_timeout = 0", "transaction_timeout = 0", "enable_nestloop = off"):
            cursor.execute(f"SET LOCAL {setting}")
        values = {"organization": organization.pk, "as_of": world.AS_OF, "today": timezone.localdate()}
        cursor.execute(world.DRAW)
        for statement in (CREDIT, PRODUCTS, ITEMS, MONTHS, MIXED, SILENCES, SCORES, GOALS):
            cursor.execute(statement, values)
    return organization


def asking(web: Web, address: str, fragment: bool) -> Callable[[int], bytes]:
    def ask(_number: int) -> bytes:
        response = web.get(address, headers={"HX-Request": "true"} if fragment else {})
        assert response.status_code == 200, (response.status_code, address)
        return response.content

    return ask


def main(clients: int) -> None:
    """Print the table."""
    organization = build(clients)
    admin = administrator(organization)
    with connections["owner"].cursor() as cursor:  # what autovacuum does within minutes of so many new rows
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    web = signed_in(admin)
    print(f"A million additions take {spin():.0f} ms of CPU just now (about 38 on an idle core of this kind).")
    people = clients // fieldworld.CLIENTS_EACH
    today = local_day(organization, at=timezone.now())
    began = time.process_time() + database_cpu()
    # A second year's mix would be most of the counting, and nothing here asks for it.
    in_course = {span: {*families} - {"mix"} if span.n_months > 3 else families for span, families in spans_kept(LAST).items()}
    counted = keep_figures(organization.pk, spans=in_course | spans_kept(today))
    print(f"{counted} families of figures counted and kept: {time.process_time() + database_cpu() - began:.1f} s of CPU.")
    print(f"Pages of the office, {clients:,} clients, {people:,} representatives ({REQUESTS} requests each; aim: p95 200 ms)")
    print(f"{'page':<34} {'CPU ms':>8} {'of it DB':>9} {'p95 ms':>8} {'queries':>8} {'KB':>6}")

    def tell(name: str, address: str, fragment: bool) -> None:
        cost = measure(name, asking(web, f"/o/{organization.slug}/{address}", fragment))
        told = f"{cost.page:<34} {cost.cpu_ms:8.1f} {cost.database_ms:9.1f} {cost.p95_ms:8.1f} {cost.queries:8d} {cost.kilobytes:6.0f}"
        print(told, flush=True)

    for page in PAGES:
        keep_present(organization.pk, today=today)
        tell(*page)
    with patch("rotation.views.dashboard.today_of", lambda _request: LAST):
        for name, address, fragment in IN_COURSE:
            keep_present(organization.pk, today=LAST)
            tell(name, address, fragment)
        with patch("portfolio.selectors.figures.kept.PRESENT_SECONDS", 0):
            for name, address, fragment in IN_COURSE:
                tell(f"{name}, not kept", address, fragment)
    tell_counting(organization.pk)


def tell_counting(organization_id: int) -> None:
    """What the task costs that keeps the present, after each kind of change."""
    with patch("portfolio.services.keeping.ENOUGH", timedelta(0)):
        for what, since in (("nothing changed", None), ("a visit", True), ("an order", False)):
            with tenant_atomic(organization_id):
                if since is not None:
                    ChangedSince.objects.create(day=LAST, of_visits=since)
            began = time.process_time() + database_cpu()
            counted = keep_present(organization_id, today=LAST)
            print(f"The present after {what}: {counted} families counted, {time.process_time() + database_cpu() - began:.2f} s of CPU.")


if __name__ == "__main__":
    main(int(os.environ.get("SCALE", "100000")))
