"""How long applying a run takes, and how little a person who transfers a client meanwhile notices.

    python -m bench.apply                 # 10,000 approved moves
    python -m bench.apply --moves 2000

The floor is the same row changes as bare SQL, a chunk a transaction, triggers and row security included; both are
measured in one run, on a scratch database, as the application's role. CPU is that of this process and of its database connection:
on an idle machine it is the clock's, on a busy one it is what counts. Yardsticks: 10,000 moves in 3 s, a person's own
transfer under 100 ms at p99.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from pathlib import Path
from time import perf_counter, process_time, sleep
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")

import django

from carteira.embedded import ensure_environment

PEOPLE = 60

FLOOR = (
    """UPDATE portfolio_ownership o SET ended_on = %(on)s FROM rotation_proposal p
        WHERE p.organization_id = %(org)s AND p.id = ANY(%(ids)s) AND o.organization_id = p.organization_id
          AND o.client_id = p.client_id AND o.ended_on IS NULL AND o.seq = p.expected_seq""",
    """INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, source, reason, actor_label,
                                        proposal_id, recorded_at, previous_hash, hash, closing_hash)
       SELECT organization_id, client_id, to_representative_id, expected_seq + 1, %(on)s, 'rotation', 'floor', 'floor',
              id, now(), '', '', ''
         FROM rotation_proposal WHERE organization_id = %(org)s AND id = ANY(%(ids)s)""",
    """UPDATE clients_client c SET representative_id = p.to_representative_id FROM rotation_proposal p
        WHERE p.organization_id = %(org)s AND p.id = ANY(%(ids)s) AND c.organization_id = p.organization_id AND c.id = p.client_id""",
    """INSERT INTO accounts_auditevent (organization_id, stream, seq, action, actor_label, before, after, reason, request_id, at,
                                        previous_hash, hash)
       SELECT organization_id, 'client:' || client_id, 0, 'client.transferred', 'floor',
              jsonb_build_object('representative', from_representative_id, 'seq', expected_seq),
              jsonb_build_object('representative', to_representative_id, 'seq', expected_seq + 1, 'proposal', id),
              'floor', '', now(), '', ''
         FROM rotation_proposal WHERE organization_id = %(org)s AND id = ANY(%(ids)s)""",
    """UPDATE rotation_proposal SET state = 'applied', applied_at = now(), version = version + 1
        WHERE organization_id = %(org)s AND id = ANY(%(ids)s)""",
)


def address() -> str:
    """The scratch database as a DATABASE_URL."""
    from django.db import connections

    named = connections["default"].settings_dict
    options = f"?host={quote(named['HOST'], safe='')}" if str(named["HOST"]).startswith("/") else ""
    place = "" if options else named["HOST"]
    port = f":{named['PORT']}" if named["PORT"] else ""
    return f"postgresql://{quote(named['USER'])}:{quote(named['PASSWORD'])}@{place}{port}/{named['NAME']}{options}"


def analyze() -> None:
    """What autovacuum does within a minute of a load: without it foreign keys are checked through the wrong index."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


def company(slug: str, moves: int) -> dict:
    """An organization of 60 representatives and twice as many clients as moves; a run that has approved the first half."""
    from accounts.models import Role
    from accounts.services import Actor
    from accounts.services.seals import take_time
    from accounts.tenancy import acting_for
    from clients.models import Client
    from portfolio.services import Transfer, transfer_clients
    from rotation.models import Proposal, Run
    from rotation.services.apply import request_apply
    from tests.factories import RepresentativeFactory, make_member, make_organization
    from tests.rotation.making import DAY, NOW, make_run

    organization = make_organization(slug)
    with acting_for(organization.pk):
        take_time()
        admin = make_member(organization, Role.ADMIN)
        people = [
            RepresentativeFactory(membership=make_member(organization, Role.REPRESENTATIVE), capacity_clients=2 * moves)
            for _ in range(PEOPLE)
        ]
        rows = [Client(organization=organization, code=f"K{k:06d}", name=f"Cliente {k}", state="SP") for k in range(2 * moves)]
        clients = Client.objects.bulk_create(rows, batch_size=2_000)
    analyze()
    with acting_for(organization.pk):
        take_time()
        owned = [Transfer(client.pk, people[k % 30].pk) for k, client in enumerate(clients)]
        began = perf_counter()
        transfer_clients(owned, by=Actor(label="bench"), source="import", on=DAY)
        owning = perf_counter() - began
    with acting_for(organization.pk):
        take_time()
        run = make_run()
        version = run.rules.get().rule_version
        Proposal.objects.bulk_create(
            [
                Proposal(
                    organization=organization,
                    run=run,
                    client=client,
                    rule_version=version,
                    from_representative=people[k % 30],
                    expected_seq=1,
                    to_representative=people[30 + k % 30],
                    computed_to=people[30 + k % 30],
                    position=k,
                    state="approved",
                    decided_by=admin,
                    value_cents=moves - k,
                    at_stake_cents=1,
                    net_12m_cents=1,
                )
                for k, client in enumerate(clients[:moves])
            ],
            batch_size=2_000,
        )
        Run.objects.filter(pk=run.pk).update(n_proposed=moves, n_clients=len(clients))
        request_apply(run, by=admin, at=NOW)
    return {"organization": organization.pk, "run": run.pk, "admin": admin.pk, "owning": owning}


def person(organization_id: int, admin_id: int, stop, answers) -> None:
    """A person who transfers one client after the other, a hundred before the run and then beside it; how long each took."""
    django.setup()
    import random

    from accounts.models import Membership, Representative
    from accounts.services import Actor
    from accounts.tenancy import acting_for
    from clients.models import Client
    from portfolio.errors import TransferRefused
    from portfolio.services import transfer_client
    from tests.rotation.making import DAY

    dice = random.Random(1)
    with acting_for(organization_id):
        admin = Membership.objects.get(pk=admin_id)
        clients, people = list(Client.objects.order_by("pk")), list(Representative.objects.all())

    def transfers(goes_on) -> list[float]:
        took: list[float] = []
        while goes_on(len(took)):
            began = perf_counter()
            try:
                with acting_for(organization_id):
                    transfer_client(client=dice.choice(clients), to=dice.choice(people), by=Actor(admin), on=DAY, reason="pedido")
                took.append(perf_counter() - began)
            except TransferRefused:
                continue
            sleep(0.01)
        return took

    answers.put(transfers(lambda done: done < 100))
    answers.put(transfers(lambda done: not stop.is_set()))


def timed(work):
    """What ``work`` returns, and the seconds it took: of the clock, and of CPU here and in the database."""
    from bench.run import database_cpu

    there, here, began = database_cpu(), process_time(), perf_counter()
    answer = work()
    return answer, perf_counter() - began, process_time() - here + database_cpu() - there


def floor(organization_id: int, size: int) -> None:
    """The bare row changes, a chunk a transaction."""
    from django.db import connection

    from accounts.tenancy import acting_for
    from rotation.models import Proposal
    from tests.rotation.making import DAY

    with acting_for(organization_id):
        ids = list(Proposal.objects.filter(state="approved").order_by("client_id").values_list("pk", flat=True))
    for first in range(0, len(ids), size):
        with acting_for(organization_id), connection.cursor() as cursor:
            for statement in FLOOR:
                cursor.execute(statement, {"org": organization_id, "ids": ids[first : first + size], "on": DAY})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=200, help="moves a chunk")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ensure_environment(testing=True)
    django.setup()
    from django.conf import settings

    from rotation.services.moving import apply_run
    from tests import databases

    settings.PASSWORD_HASHERS = ["tests.hashers.QuickArgon2"]
    databases.prepare("bench_apply")
    os.environ["DATABASE_URL"] = address()
    alone, busy, bare = (company(slug, options.moves) for slug in ("alone", "busy", "bare"))
    analyze()
    _, bare_seconds, bare_cpu = timed(lambda: floor(bare["organization"], options.size))
    done, seconds, cpu = timed(lambda: apply_run(alone["run"], alone["organization"], size=options.size))
    assert (done.applied, done.stale) == (options.moves, 0), done

    fresh = multiprocessing.get_context("spawn")
    stop, answers = fresh.Event(), fresh.Queue()
    somebody = fresh.Process(target=person, args=(busy["organization"], busy["admin"], stop, answers))
    somebody.start()
    alone_took = sorted(1000 * each for each in answers.get())
    began = perf_counter()
    apply_run(busy["run"], busy["organization"], size=options.size)
    busy_seconds = perf_counter() - began
    stop.set()
    took = sorted(1000 * each for each in answers.get())
    somebody.join()
    measured = {
        "moves": options.moves,
        "chunk": options.size,
        "floor_seconds": round(bare_seconds, 2),
        "apply_seconds": round(seconds, 2),
        "floor_cpu_seconds": round(bare_cpu, 2),
        "apply_cpu_seconds": round(cpu, 2),
        "ratio_of_cpu": round(cpu / bare_cpu, 2),
        "apply_seconds_with_a_person": round(busy_seconds, 2),
        "transfers_by_hand": len(took),
        "by_hand_before_the_run_p50_ms": round(statistics.median(alone_took), 1),
        "by_hand_before_the_run_p99_ms": round(alone_took[98], 1),
        "by_hand_p50_ms": round(statistics.median(took), 1),
        "by_hand_p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 1),
        "owners_imported_per_second": round(2 * options.moves / alone["owning"]),
    }
    if options.json:
        print(json.dumps(measured))
        return
    print(f"Applying {options.moves:,} approved moves, {options.size} a chunk, 60 representatives, one digest a person")
    for name, value in measured.items():
        print(f"  {name.replace('_', ' '):32} {value:>12,}")


if __name__ == "__main__":
    main()
