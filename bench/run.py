"""How long a whole run takes, against the bare SQL a night could not do without, measured beside it.

    python -m bench.run                            # SCALE clients (100,000 by default), and a tenth of them for the growth
    python -m bench.run --sizes 10000 1000000

The floor is one SELECT over the same rows that finds who is silent, keeps the best tenth of each portfolio, names a
colleague of the same state and writes one narrow row a move: from the orders, and from the summary. A run reads the summary of
that very day ("summary": what a scheduled run finds, once the hourly task has brought the summary to the day), or one of a day or a
week before, to which it adds what has entered or left a window since ("day-old", "week-old"); those have no floor but the one
from the orders. No run reads all orders: only a replay of a past day does ("all orders": a dry run that is denied the summary). The floor
knows no distance, guards, rooms or reasons. The bare floor writes into a temporary table; the keyed one into the table of proposals
itself, which checks five keys a row and keeps four indexes: what any night pays that leaves proposals behind.

Seconds are those of a clock, best of TRIES; beside them stands the CPU of this process and of its database connection. Floors,
dry runs and runs take turns, so that a busy machine slows all of them alike. Ratios are of CPU. Each size runs in a process
of its own: the memory stated is what a worker that does nothing else would have come to.
"""

import argparse
import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.scale import exponent, in_a_process

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
{insert}
  FROM silent s JOIN held h USING (representative_id) JOIN colleague c ON c.base_state = s.state AND c.k = s.id %% c.n + 1
 WHERE s.place <= h.give
"""
INTO_TEMPORARY = """INSERT INTO floor (organization_id, client_id, from_id, to_id, value_cents)
SELECT %(organization)s, s.id, s.representative_id, c.id, s.net_12m"""
INTO_PROPOSALS = """INSERT INTO rotation_proposal (organization_id, client_id, from_representative_id, to_representative_id, computed_to_id,
    value_cents, run_id, rule_version_id, expected_seq, position, state, at_stake_cents, net_12m_cents, place_price_cents, version,
    facts, caveats, candidates, candidate_values, candidate_kms, candidate_costs, decision_reason, decision_note, stale_reason)
SELECT %(organization)s, s.id, s.representative_id, c.id, c.id, s.net_12m, %(run)s, %(version)s, 1, 1, 'proposed', 0, 0, 0, 1,
    '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '', '', ''"""
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

SOURCES = {"summary": 0, "day-old": 1, "week-old": 8}  # what a run reads -> days the summary is older than the run's day
MOST_STATEMENTS = 60
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """What one piece of work took: seconds of a clock, and CPU of the application and of the database."""

    clock: float
    cpu: float


def spend(work: Callable[[], Any]) -> tuple[Spent, Any]:
    """What one try took, and its answer."""
    began, used = perf_counter(), process_time() + database_cpu()
    answer = work()
    return Spent(perf_counter() - began, process_time() + database_cpu() - used), answer


def database_cpu() -> float:
    """Seconds of CPU the connection's server process has used (Linux, and a database on this machine)."""
    from django.db import connection

    connection.ensure_connection()
    with open(f"/proc/{connection.connection.get_backend_pid()}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def floor(organization_id: int, as_of: date, source: str, version: Any = None) -> int:
    """The bare SQL night, or with a ``version`` the keyed one; returns how many moves it wrote, and leaves nothing behind."""
    from django.db import connection, transaction

    from accounts.tenancy import tenant_atomic
    from rotation.models import Run

    values = {"organization": organization_id, "as_of": as_of}
    with tenant_atomic(organization_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0; SET LOCAL work_mem = '192MB'")
        cursor.execute("SET LOCAL enable_nestloop = off")  # whatever the planner expects of a new company's rows, each table is read once
        if source == "orders":
            cursor.execute("SET LOCAL enable_hashagg = off")
        if version:
            run = Run.objects.create(organization_id=organization_id, rule_set="floor", as_of=as_of, attempt=1, trigger="command")
            values |= {"run": run.pk, "version": version.pk}
        else:
            cursor.execute(FLOOR_TABLE)
        insert = (INTO_PROPOSALS if version else INTO_TEMPORARY).replace("{{}}", "{}")
        cursor.execute(FLOOR.format(activity=FLOOR_ACTIVITY[source], insert=insert), values)
        moves = cursor.rowcount
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
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


def replayed(organization_id: int, version: Any, at: datetime) -> Spent:
    """One dry run that may not use the summary, as for a day of the past."""
    from bench.world import AS_OF
    from rotation.selectors import activity

    usual, activity.MOVED_WITHIN_DAYS = activity.MOVED_WITHIN_DAYS, 0
    try:
        return spend(lambda: looked_at(organization_id, version, AS_OF + timedelta(days=SOURCES["week-old"]), at))[0]
    finally:
        activity.MOVED_WITHIN_DAYS = usual


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
    for name, later in SOURCES.items():
        as_of, source = AS_OF + timedelta(days=later), "orders" if later else "summary"
        spent: dict[str, list[Spent]] = {what: [] for what in ("floor", "orders_floor", "keyed_floor", "dry_run", "run")}
        for _ in range(tries):
            spent["orders_floor"].append(spend(lambda as_of=as_of: floor(organization.pk, as_of, "orders"))[0])
            took, moves = spend(lambda as_of=as_of, source=source: floor(organization.pk, as_of, source))
            spent["floor"].append(took)
            spent["keyed_floor"].append(spend(lambda as_of=as_of, source=source: floor(organization.pk, as_of, source, version))[0])
            spent["dry_run"].append(spend(lambda as_of=as_of: looked_at(organization.pk, version, as_of, at))[0])
            with tenant_atomic(organization.pk):
                run = start_run([rule], as_of=as_of, trigger="command", by=admin)
            with CaptureQueriesContext(connection) as captured:
                took, run = spend(lambda run=run: compute_run(run.pk, organization.pk, at=at))
            spent["run"].append(took)
            with tenant_atomic(organization.pk), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
                cancel_run(run, by=admin)
        least = {what: Spent(min(each.clock for each in seen), min(each.cpu for each in seen)) for what, seen in spent.items()}
        if len(captured) > MOST_STATEMENTS:
            raise SystemExit(f"a run made {len(captured)} statements; {MOST_STATEMENTS} are the most allowed")
        result[name] = {
            **{what: asdict(each) for what, each in least.items()},
            "floor_moves": moves,
            "ratio": least["run"].cpu / least["floor"].cpu,
            "orders_ratio": least["run"].cpu / least["orders_floor"].cpu,
            "keyed_ratio": least["run"].cpu / least["keyed_floor"].cpu,
            "proposed": run.n_proposed,
            "gap": run.gap,
            "phases": run.summary["seconds"],
            "statements": len(captured),
        }
    result["replay"] = asdict(min((replayed(organization.pk, version, at) for _ in range(tries)), key=lambda each: each.cpu))
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def table(results: list[dict[str, Any]]) -> str:
    """The measurements as people read them."""
    heads = f"{'clients':>9} {'from':<8} {'floor':>11} {'orders':>11} {'keyed':>11} {'run':>11} {'/floor':>7} {'/orders':>7} {'/keyed':>7}"
    heads += f" {'dry run':>11} {'MB':>5}"
    lines = [f"{heads}  clock/CPU seconds; ratios of CPU; phases by clock"]
    for result in results:
        for source in SOURCES:
            seen = result[source]
            names = ("floor", "orders_floor", "keyed_floor", "run", "dry_run")
            bare, orders, keyed, run, dry = (f"{seen[name]['clock']:.2f}/{seen[name]['cpu']:.2f}" for name in names)
            phases = "  ".join(f"{name} {spent:.2f}" for name, spent in seen["phases"].items() if name != "total")
            lines.append(
                f"{result['clients']:>9,} {source:<8} {bare:>11} {orders:>11} {keyed:>11} {run:>11} "
                f"{seen['ratio']:>6.1f}x {seen['orders_ratio']:>6.1f}x {seen['keyed_ratio']:>6.1f}x "
                f"{dry:>11} {result['peak_mb']:>5.0f}  {phases}  ({seen['proposed']:,} proposals, {seen['statements']} statements)"
            )
        lines.append(f"{result['clients']:>9,} all orders, a dry run: {result['replay']['clock']:.2f}/{result['replay']['cpu']:.2f}")
    small, large = results[0], results[-1]
    if large["clients"] > small["clients"]:
        sizes = [small["clients"], large["clients"]]
        grown = {source: exponent(sizes, [result[source]["run"]["cpu"] for result in (small, large)]) for source in SOURCES}
        lines.append(
            f"from {sizes[0]:,} to {sizes[1]:,} clients the CPU of a run grows with their number to the power "
            + ", ".join(f"{power:.2f} ({source})" for source, power in grown.items())
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, metavar="N", help="clients; SCALE and a tenth of it by default")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    from bench import servers

    servers.start()
    if given.one:
        import django

        django.setup()
        print(json.dumps(measure(given.one, int(os.environ.get("TRIES", "3")))))
        return 0
    scale = int(os.environ.get("SCALE", "100000"))
    sizes = sorted(given.sizes or {max(scale // 10, 1_000), scale})
    results = [json.loads(in_a_process(["-m", "bench.run", "--one", str(size)])) for size in sizes]
    print(json.dumps(results, indent=1) if given.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
