"""A representative's day in a large company: what its pages cost the server, and what a search costs the database.

    python -m bench.field                 # 100,000 clients, 1,000 representatives, row security on

Aims: constant queries, 95 of 100 requests within 100 ms of the server's time, a search by prefix within 10 ms and with one typo
within 30 ms of the database's. As in bench/pages.py the CPU of this process and of its connection's server process is told, beside
the wall clock of a machine that may be busy with other things, and a page that is not served is left out and named.
"""

import os
import random
import statistics
import time
import uuid
from collections.abc import Callable, Sequence

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

from accounts.models import Organization, Representative
from accounts.selectors import local_day
from accounts.shell import served
from accounts.tenancy import tenant_atomic
from bench import fieldworld
from bench.pages import REQUESTS, Cost, measure, member, signed_in, spin
from bench.run import administrator, database_cpu
from clients.models import Client
from clients.selectors import Limits
from clients.selectors.search import found_clients
from clients.selectors.visibility import Reach, reach_of
from clients.selectors.words import corrections, plain

SEARCHES = 100
TABLES = ("clients_client", "clients_clientword", "clients_clientactivity", "clients_contact", "accounts_representative", "portfolio_visit")


def pages(
    organization: Organization, own: Web, office: Web, mine: Sequence[int], names: Sequence[str]
) -> list[tuple[str, Callable[[int], bytes]]]:
    """Each page and how to ask for it the nth time; those nobody serves yet are left out, and said."""
    places = f"/o/{organization.slug}/"

    def of(web: Web, address: Callable[[int], str]) -> Callable[[int], bytes]:
        def ask(number: int) -> bytes:
            response = web.get(places + address(number), headers={"HX-Request": "true"} if address(number).startswith("search/") else {})
            assert response.status_code == 200, (response.status_code, address(number))
            return response.content

        return ask

    def record(number: int) -> bytes:
        fields = {"id_made": str(uuid.uuid4()), "client": mine[number % len(mine)], "outcome": "absent"}
        response = own.post(f"{places}visits/", fields, headers={"Accept": "application/json"})
        assert response.status_code in (200, 201), (response.status_code, response.content[:300])
        return response.content

    def nth(number: int) -> int:
        return mine[number % len(mine)]

    wanted = [
        ("Hoje", "today/", of(own, lambda _n: "today/")),
        ("Carteira, own", "clients/", of(own, lambda _n: "clients/")),
        ("Carteira, own, filtered", "clients/", of(own, lambda _n: "clients/?silent_from=30&late=1.5&value_from=100&sort=value")),
        ("Carteira, own, 50 km of base", "clients/", of(own, lambda _n: "clients/?near=base&km=50")),
        ("Carteira, own, map", "clients/points/", of(own, lambda _n: "clients/points/")),
        ("Carteira, all, name begun", "clients/", of(office, lambda n: f"clients/?q={names[n % len(names)].split()[1][:4]}")),
        ("Ficha", "clients/1/", of(own, lambda n: f"clients/{nth(n)}/")),
        ("search, prefix", "search/", of(own, lambda n: f"search/?q={names[n % len(names)].split()[1][:4]}")),
        ("search, prefix, all clients", "search/", of(office, lambda n: f"search/?q={names[n % len(names)].split()[1][:4]}")),
        ("new company, known by its root", "clients/new/", of(own, lambda _n: "clients/new/?tax_id=11222333000181")),
        ("prospects", "prospects/", of(own, lambda _n: "prospects/")),
        ("visit sheet", "visits/new/", of(own, lambda n: f"visits/new/?client={nth(n)}")),
        ("agenda", "agenda/", of(own, lambda _n: "agenda/")),
        # Last: sixty visits on one day are nobody's day, and Hoje and the agenda would draw them all.
        ("visit registered", "visits/", record),
    ]
    missing = [name for name, place, _ask in wanted if not served(place, None)]
    if missing:
        print(f"Not served yet, left out: {', '.join(missing)}.")
    return [(name, ask) for name, place, ask in wanted if served(place, None)]


def search_costs(organization: Organization, reaches: dict[str, Reach], names: dict[str, list[str]]) -> None:
    """CPU of the database per search; what is looked for is there, so that what is not found is told."""
    draw, limits, as_of = random.Random(11), Limits.of(organization), local_day(organization, at=timezone.now())

    def typo(word: str) -> str:
        return draw.choice([each for each in corrections(word) if len(each) > 3])

    kinds: dict[str, Callable[[str], str]] = {
        "first four letters": lambda name: name.split()[1][:4],
        "title and four letters": lambda name: f"{name.split()[0]} {name.split()[1][:4]}",
        "one typo": lambda name: typo(name.split()[1]),
        "one typo, two words": lambda name: f"{typo(name.split()[1])} {name.split()[2]}",
    }
    print(f"\nSearches, {SEARCHES} of each (aims in the database: prefix 10 ms, one typo 30 ms)")
    print(f"{'searched':<40} {'DB CPU ms':>9} {'DB wall p95':>12} {'found':>6}")
    for whose, reach in reaches.items():
        for kind, make in kinds.items():
            texts = [(name, make(name)) for name in names[whose][:SEARCHES]]
            found, walls = 0, []

            def timed(execute, sql, params, many, context, walls=walls):
                began = time.perf_counter()
                try:
                    return execute(sql, params, many, context)
                finally:
                    walls[-1] += (time.perf_counter() - began) * 1000

            with tenant_atomic(organization.pk):
                connection.cursor().execute("SET LOCAL transaction_timeout = 0")
                before = database_cpu()
                with connection.execute_wrapper(timed):
                    for name, text in texts:
                        walls.append(0.0)
                        answer = found_clients(reach, text, as_of=as_of, limits=limits)
                        found += any(plain(row.name) == name for row in (*answer.rows, *answer.meant))
                cpu = (database_cpu() - before) * 1000 / len(texts)
            told = f"{found}/{len(texts)}" if "typo" in kind else ""
            print(f"{whose + ', ' + kind:<40} {cpu:9.1f} {statistics.quantiles(walls, n=20)[18]:12.1f} {told:>6}")


def main(clients: int) -> None:
    """Print both tables."""
    organization = fieldworld.build(clients, today=timezone.localdate())
    with tenant_atomic(organization.pk):
        Organization.objects.filter(pk=organization.pk).update(require_second_factor=False)  # the sign-in below has none
        representative = Representative.objects.order_by("id").first()
        assert representative is not None
    seller = member(organization, "representative", representative)
    admin = administrator(organization)
    with connections["owner"].cursor() as cursor:  # what autovacuum does within minutes of so many new rows
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    with tenant_atomic(organization.pk):
        reach = reach_of(seller)
        mine = Client.objects.filter(representative=representative).order_by("id")
        ids = list(mine.values_list("id", flat=True)[:REQUESTS])
        step = max(1, clients // SEARCHES)
        some = [plain(name) for name in Client.objects.order_by("id").values_list("name", flat=True)[::step]]
        names = {"all clients": some, "own clients": [plain(name) for name in mine.values_list("name", flat=True)]}
    costs: list[Cost] = []
    for name, ask in pages(organization, signed_in(seller), signed_in(admin), ids, some):
        costs.append(measure(name, ask))
    print(f"A million additions take {spin():.0f} ms of CPU just now (about 38 on an idle core of this kind).")
    print(f"Pages, {clients:,} clients, {clients // fieldworld.CLIENTS_EACH:,} representatives ({REQUESTS} requests each; aim: p95 100 ms)")
    print(f"{'page':<34} {'CPU ms':>8} {'of it DB':>9} {'p95 ms':>8} {'queries':>8} {'KB':>6}")
    for cost in costs:
        print(f"{cost.page:<34} {cost.cpu_ms:8.1f} {cost.database_ms:9.1f} {cost.p95_ms:8.1f} {cost.queries:8d} {cost.kilobytes:6.0f}")
    search_costs(organization, {"all clients": Reach(None, []), "own clients": reach}, names)


if __name__ == "__main__":
    main(int(os.environ.get("SCALE", "100000")))
