"""What a page costs the server: CPU of the application and of its database connection, per request, as a company grows.

    python -m bench.pages                 # SCALE clients (100,000 by default), and the ratio to a tenth of them

The pages are asked for in this process, set up as a worker of the web server is, through the whole stack (middleware, row security,
templates), so the CPU of this process is the application's, and the CPU of the connection's own server process is the database's.
Beside them a bare loop tells how fast the machine is just then: a neighbour on the same core stretches CPU seconds too.
"""

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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

from accounts.models import Membership, Organization, Representative, Team, User
from accounts.tenancy import identity_atomic, tenant_atomic
from bench import world
from bench.run import administrator, database_cpu
from clients.models import Client
from rotation.engine.presets import PRESETS
from rotation.models import Rule, Run
from rotation.services.rules import create_rule, publish
from rotation.services.runs import compute_run, start_run

REQUESTS = 60
TABLES = (
    *("clients_client", "clients_clientactivity", "clients_clientmonth", "clients_order", "clients_orderitem", "clients_contact"),
    *("accounts_representative", "portfolio_ownership", "portfolio_visit", "rotation_proposal"),
)


@dataclass(frozen=True)
class Cost:
    page: str
    cpu_ms: float  # application and database, mean
    database_ms: float  # of which the database
    p95_ms: float  # wall clock
    queries: int
    kilobytes: float


def member(organization: Organization, role: str, representative: Representative | None = None) -> Membership:
    """A person of the bench organization, made once, looking after ``representative``."""
    email = f"{role}@{organization.slug}.example"
    with identity_atomic(email=email):
        user = User.objects.filter(email_norm=email).first() or User.objects.create_user(email, "a-long-bench-password")
    with tenant_atomic(organization.pk):
        found, _made = Membership.objects.get_or_create(
            organization=organization, user_id=user.pk, defaults={"role": role, "name": role.title()}
        )
        if role == "manager" and found.team_id is None:
            team, _made = Team.objects.get_or_create(organization=organization, name="Bench")
            Representative.objects.filter(team=None).update(team=team)
            Membership.objects.filter(pk=found.pk).update(team=team)
        if representative is not None and representative.membership_id is None:
            Representative.objects.filter(pk=representative.pk).update(membership=found)
    return found


def signed_in(person: Membership) -> Web:
    """A browser with that person's session; each request's line of the log is still made, and goes nowhere."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(open(os.devnull, "w"))  # noqa: SIM115  (for as long as the process lives)
    web = Web(HTTP_HOST="localhost")
    with identity_atomic(user_id=person.user_id):
        web.force_login(User.objects.get(pk=person.user_id), backend="allauth.account.auth_backends.AuthenticationBackend")
    return web


def measure(page: str, ask: Callable[[int], bytes]) -> Cost:
    """The mean CPU and the 95th percentile of ``REQUESTS`` requests, after five that warm caches."""
    for number in range(5):
        ask(number)
    statements: list[str] = []

    def count(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        body = ask(0)
    walls, application, database = [], time.process_time(), database_cpu()
    for number in range(REQUESTS):
        began = time.perf_counter()
        ask(number)
        walls.append((time.perf_counter() - began) * 1000)
    application, database = time.process_time() - application, database_cpu() - database
    each = 1000 / REQUESTS
    p95 = statistics.quantiles(walls, n=20)[18]
    return Cost(page, (application + database) * each, database * each, p95, len(statements), len(body) / 1024)


def awaiting_run(organization: Organization) -> Run:
    """A run in review with as many proposals as the preset makes; computed when there is none."""
    admin, at = administrator(organization), datetime.combine(world.AS_OF, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    with tenant_atomic(organization.pk):
        found = Run.objects.filter(state=Run.State.AWAITING).order_by("-id").first()
        if found:
            return found
        Organization.objects.filter(pk=organization.pk).update(orders_received_at=at)
        rule = Rule.objects.filter(archived_at=None).first() or create_rule(PRESETS["general"], by=admin)
        version = rule.versions.first()
        if version.state == "draft":
            publish(version, by=admin)
        run = start_run([rule], as_of=world.AS_OF, trigger="command", by=admin)
    return compute_run(run.pk, organization.pk, at=at)


def spin() -> float:
    """Milliseconds of CPU of a million additions, now."""
    began, total = time.process_time(), 0
    for number in range(1_000_000):
        total += number
    return (time.process_time() - began) * 1000


def costs(clients: int) -> list[Cost]:
    """The costs of the main pages in a company of that many clients."""
    organization = world.build(clients)
    with tenant_atomic(organization.pk):
        Organization.objects.filter(pk=organization.pk).update(require_second_factor=False)  # the sign-in below has none
        representative = Representative.objects.order_by("id").first()
        assert representative is not None
    seller, manager = member(organization, "representative", representative), member(organization, "manager")
    with tenant_atomic(organization.pk):
        mine = list(Client.objects.filter(representative=representative).order_by("id").values_list("id", flat=True)[:REQUESTS])
    run = awaiting_run(organization)
    with connections["owner"].cursor() as cursor:  # what autovacuum does within minutes of so many new rows
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    places = f"/o/{organization.slug}"
    own, boss, office = signed_in(seller), signed_in(manager), signed_in(administrator(organization))

    def asking(web: Web, address: Callable[[int], str]) -> Callable[[int], bytes]:
        def ask(number: int) -> bytes:
            response = web.get(places + address(number))
            assert response.status_code == 200, (response.status_code, address(number))
            return response.content

        return ask

    pages = [
        ("own clients, 50 rows", own, lambda _n: "/clients/"),
        ("own clients, filtered and sorted", own, lambda _n: "/clients/?state=active&sort=value"),
        ("a whole team's clients", boss, lambda _n: "/clients/"),
        ("all clients, as administration", office, lambda _n: "/clients/"),
        ("client page", own, lambda n: f"/clients/{mine[n % len(mine)]}/"),
    ]
    pages.append(("review, 50 proposals", boss, lambda _n: f"/rotation/{run.pk}/"))
    return [measure(name, asking(web, address)) for name, web, address in pages]


def main(clients: int, smaller: int | None = None) -> None:
    """Print the table; with ``smaller``, also the ratio to a company of that size."""
    now = costs(clients)
    before = {cost.page: cost for cost in costs(smaller)} if smaller else {}
    print(f"A million additions take {spin():.0f} ms of CPU just now (about 38 on an idle core of this kind).")
    print(f"Pages, {clients:,} clients in the company ({REQUESTS} requests each; bounds: own clients 22 ms of CPU, p95 150 ms)")
    print(
        f"{'page':<34} {'CPU ms':>8} {'of it DB':>9} {'p95 ms':>8} {'queries':>8} {'KB':>6}"
        + (f" {'/ ' + format(smaller, ','):>10}" if smaller else "")
    )
    for cost in now:
        line = f"{cost.page:<34} {cost.cpu_ms:8.1f} {cost.database_ms:9.1f} {cost.p95_ms:8.1f} {cost.queries:8d} {cost.kilobytes:6.0f}"
        if cost.page in before:
            line += f" {cost.cpu_ms / before[cost.page].cpu_ms:10.2f}"
        print(line)


if __name__ == "__main__":
    scale = int(os.environ.get("SCALE", "100000"))
    main(scale, max(scale // 10, 1_000) if "--alone" not in sys.argv else None)
