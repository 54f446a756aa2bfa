"""How long a whole run takes, against the bare SQL a night could not do without, measured beside it.

    python -m bench.run                   # SCALE clients (100,000 by default), and a tenth of them for the growth
    SCALE=1000000 python -m bench.run

The floor is one SELECT over the same rows that finds who is silent, keeps the best tenth of each portfolio, names a
colleague of the same state and writes one narrow row a move: from the orders, and from the summary. It knows no
distance, guards, rooms or reasons. Seconds are those of a clock, best of TRIES; beside them stands the CPU of this process and of
its database connection, which a busy machine does not stretch. The ratio is of CPU.
"""

import json
import math
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

FLOOR = """
WITH activity AS ({activity}), silent AS (
    SELECT c.id, c.representative_id, c.state, a.net_12m,
           row_number() OVER (PARTITION BY c.representative_id ORDER BY a.net_12m DESC, c.id) AS place
      FROM activity a JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = a.client_id
     WHERE c.organization_id = %(organization)s AND a.last_on BETWEEN %(as_of)s::date - 359 AND %(as_of)s::date - 90 AND NOT c.hold
), held AS (
    SELECT representative_id, count(*) / 10 AS give FROM clients_client WHERE organization_id = %(organization)s GROUP BY representative_id
), colleague AS (
    SELECT id, base_state, row_number() OVER (PARTITION BY base_state ORDER BY id) AS k, count(*) OVER (PARTITION BY base_state) AS n
      FROM accounts_representative WHERE organization_id = %(organization)s
)
INSERT INTO floor (organization_id, client_id, from_id, to_id, value_cents)
SELECT %(organization)s, s.id, s.representative_id, c.id, s.net_12m
  FROM silent s JOIN held h USING (representative_id) JOIN colleague c ON c.base_state = s.state AND c.k = s.id %% c.n + 1
 WHERE s.place <= h.give
"""
FLOOR_ACTIVITY = {
    "summary": """SELECT client_id, last_on, net_12m_cents AS net_12m FROM clients_clientactivity
                   WHERE organization_id = %(organization)s""",
    "orders": """SELECT client_id, max(day) FILTER (WHERE net > 0) AS last_on,
                        sum(net) FILTER (WHERE day > %(as_of)s::date - 365) AS net_12m
                   FROM (SELECT client_id, ordered_on AS day, sum(net_cents) AS net FROM clients_order
                          WHERE organization_id = %(organization)s AND ordered_on <= %(as_of)s GROUP BY client_id, ordered_on) days
                  GROUP BY client_id""",
}
FLOOR_TABLE = """
CREATE TEMPORARY TABLE floor (organization_id bigint, id bigint GENERATED ALWAYS AS IDENTITY, client_id bigint, from_id bigint,
    to_id bigint, value_cents bigint, PRIMARY KEY (organization_id, id)) ON COMMIT DROP
"""


TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """What one piece of work took: seconds of a clock, and CPU of the application and of the database."""

    clock: float
    cpu: float


def best(times: int, work: Callable[[], Any]) -> tuple[Spent, Any]:
    """The least of a few tries, and the last answer."""
    clock, cpu, answer = math.inf, math.inf, None
    for _ in range(times):
        began, used = perf_counter(), process_time() + database_cpu()
        answer = work()
        clock, cpu = min(clock, perf_counter() - began), min(cpu, process_time() + database_cpu() - used)
    return Spent(clock, cpu), answer


def database_cpu() -> float:
    """Seconds of CPU the connection's server process has used (Linux, and a database on this machine)."""
    from django.db import connection

    connection.ensure_connection()
    with open(f"/proc/{connection.connection.get_backend_pid()}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def floor(organization_id: int, as_of: date, source: str) -> int:
    """The bare SQL night; returns how many moves it wrote, and leaves nothing behind."""
    from django.db import connection, transaction

    from accounts.tenancy import tenant_atomic

    values = {"organization": organization_id, "as_of": as_of}
    with tenant_atomic(organization_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0; SET LOCAL work_mem = '192MB'")
        if source == "orders":
            cursor.execute("SET LOCAL enable_hashagg = off")
        cursor.execute(FLOOR_TABLE)
        cursor.execute(FLOOR.format(activity=FLOOR_ACTIVITY[source]), values)
        moves = cursor.rowcount
        transaction.set_rollback(True)
    return moves


def administrator(organization: Any) -> Any:
    """Who starts the bench organization's runs, made once."""
    from accounts.models import Membership, User
    from accounts.tenancy import identity_atomic, tenant_atomic

    email = f"admin@{organization.slug}.example"
    with identity_atomic(email=email):
        user = User.objects.filter(email_norm=email).first() or User.objects.create_user(email, "a-long-bench-password")
    with tenant_atomic(organization.pk):
        wanted = {"role": "admin", "name": "Admin"}
        return Membership.objects.get_or_create(organization=organization, user_id=user.pk, defaults=wanted)[0]


def looked_at(organization_id: int, version: Any, as_of: date, at: datetime) -> Any:
    """One dry run."""
    from accounts.tenancy import tenant_atomic
    from rotation.services.runs import preview

    with tenant_atomic(organization_id):
        return preview([version], as_of=as_of, at=at)


def measure(clients: int, tries: int) -> dict[str, Any]:
    """Seconds of one size: floors, dry run, whole run by phase, statements, from the summary and from the orders."""
    from django.db import connection, connections
    from django.test.utils import CaptureQueriesContext

    from accounts.tenancy import tenant_atomic
    from bench.world import AS_OF, build
    from rotation.engine.presets import PRESETS
    from rotation.models import Rule, Run
    from rotation.services.rules import create_rule, publish
    from rotation.services.runs import cancel_run, compute_run, start_run

    print(f"{clients:,} clients: making or finding the organization ...", file=sys.stderr)
    organization = build(clients)
    with connections["owner"].cursor() as cursor:
        for table in ("clients_client", "clients_order", "clients_clientactivity", "portfolio_ownership", "rotation_proposal"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    admin = administrator(organization)
    at = datetime.combine(AS_OF, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    with tenant_atomic(organization.pk):
        organization.orders_received_at = at
        organization.save(update_fields=["orders_received_at"])
        rule = Rule.objects.filter(archived_at=None).first() or create_rule(PRESETS["general"], by=admin)
        version = rule.versions.first()
        if version.state == "draft":
            version = publish(version, by=admin)
        open_run = Run.objects.filter(state=Run.State.AWAITING).first()
        if open_run:
            cancel_run(open_run, by=admin)

    result: dict[str, Any] = {"clients": clients}
    for source, as_of in (("summary", AS_OF), ("orders", AS_OF + timedelta(days=1))):
        spent, moves = best(tries, lambda as_of=as_of, source=source: floor(organization.pk, as_of, source))
        dry, _seen = best(tries, lambda as_of=as_of: looked_at(organization.pk, version, as_of, at))
        seen: list[tuple[Any, int, Spent]] = []
        for _ in range(tries):
            with tenant_atomic(organization.pk):
                run = start_run([rule], as_of=as_of, trigger="command", by=admin)
            with CaptureQueriesContext(connection) as captured:
                took, run = best(1, lambda run=run: compute_run(run.pk, organization.pk, at=at))
            seen.append((run, len(captured), took))
            with tenant_atomic(organization.pk):
                cancel_run(run, by=admin)
        run, statements, took = min(seen, key=lambda each: each[2].cpu)
        result[source] = {
            "floor": asdict(spent),
            "floor_moves": moves,
            "run": asdict(took),
            "ratio": took.cpu / spent.cpu,
            "dry_run": asdict(dry),
            "proposed": run.n_proposed,
            "gap": run.gap,
            "phases": run.summary["seconds"],
            "statements": statements,
        }
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def table(results: list[dict[str, Any]]) -> str:
    """The measurements as people read them."""
    heads = f"{'clients':>9} {'read from':<9} {'floor':>13} {'run':>13} {'ratio':>6} {'dry run':>13}"
    lines = [f"{heads}  clock/CPU seconds; ratio of CPU; phases by clock"]
    for result in results:
        for source in ("summary", "orders"):
            seen = result[source]
            floor_, run, dry = (f"{seen[name]['clock']:.2f}/{seen[name]['cpu']:.2f}" for name in ("floor", "run", "dry_run"))
            phases = "  ".join(f"{name} {spent:.2f}" for name, spent in seen["phases"].items() if name != "total")
            lines.append(
                f"{result['clients']:>9,} {source:<9} {floor_:>13} {run:>13} {seen['ratio']:>5.1f}x {dry:>13}  "
                f"{phases}  ({seen['proposed']:,} proposals, {seen['statements']} statements)"
            )
    small, large = results[0], results[-1]
    if large["clients"] > small["clients"]:
        growth = math.log(large["summary"]["run"]["cpu"] / small["summary"]["run"]["cpu"], large["clients"] / small["clients"])
        lines.append(
            f"growth exponent from {small['clients']:,} to {large['clients']:,}: {growth:.2f}; peak memory {large['peak_mb']:.0f} MB"
        )
    return "\n".join(lines)


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    from carteira.embedded import ensure_environment

    ensure_environment()
    import django

    django.setup()
    scale = int(os.environ.get("SCALE", "100000"))
    tries = int(os.environ.get("TRIES", "3"))
    results = [measure(clients, tries) for clients in sorted({max(scale // 10, 1_000), scale})]
    print(json.dumps(results, indent=1) if "--json" in sys.argv else table(results))


if __name__ == "__main__":
    main()
