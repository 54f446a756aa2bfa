"""Two real workers apply a run while they are killed at random and people transfer by hand: nothing lost, nothing twice."""

import multiprocessing
import os
import random
import signal
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connections
from django.db.models import Count

from accounts.models import AuditEvent, Notice, Role
from accounts.services import Actor
from accounts.services.seals import audit_breaks, take_time
from accounts.tenancy import acting_for
from clients.models import Client
from portfolio.errors import TransferRefused
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_client, transfer_clients
from portfolio.services.proof import ledger_breaks
from rotation.models import Proposal, Run
from rotation.services.apply import request_apply
from rotation.services.invariants import violations
from tests.factories import RepresentativeFactory, make_member, make_organization
from tests.rotation.making import DAY, NOW, make_run

WORKERS = 2


def address_of_this_test() -> str:
    """The test database as a DATABASE_URL, as the application's role."""
    named = connections["default"].settings_dict
    options = f"?host={quote(named['HOST'], safe='')}" if str(named["HOST"]).startswith("/") else ""
    host = "" if options else named["HOST"]
    port = f":{named['PORT']}" if named["PORT"] else ""
    return f"postgresql://{quote(named['USER'])}:{quote(named['PASSWORD'])}@{host}{port}/{named['NAME']}{options}"


class Work:
    """A run of ``n`` approved moves between twelve representatives, asked for and not begun."""

    def __init__(self, n: int) -> None:
        self.organization = make_organization()
        with acting_for(self.organization.pk):
            take_time()  # ten thousand clients, beside whatever else the machine does
            self.admin = make_member(self.organization, Role.ADMIN)
            self.people = RepresentativeFactory.create_batch(12, capacity_clients=n)
            for person in self.people[:3]:
                person.membership = make_member(self.organization, Role.REPRESENTATIVE)
                person.save()
            self.clients = Client.objects.bulk_create(
                [Client(organization=self.organization, code=f"K{k}", name=f"Cliente {k}") for k in range(n)], batch_size=1_000
            )
            owned = [Transfer(client.pk, self.people[k % 6].pk) for k, client in enumerate(self.clients)]
            transfer_clients(owned, by=Actor(label="test"), source="import", on=DAY)
            self.run = make_run()
            version = self.run.rules.get().rule_version
            Proposal.objects.bulk_create(
                [
                    Proposal(
                        organization=self.organization,
                        run=self.run,
                        client=client,
                        rule_version=version,
                        from_representative=self.people[k % 6],
                        expected_seq=1,
                        to_representative=self.people[6 + k % 6],
                        computed_to=self.people[6 + k % 6],
                        position=k,
                        state="approved",
                        decided_by=self.admin,
                        value_cents=1,
                        at_stake_cents=1,
                        net_12m_cents=1,
                    )
                    for k, client in enumerate(self.clients)
                ],
                batch_size=1_000,
            )
            Run.objects.filter(pk=self.run.pk).update(n_proposed=n)
            request_apply(self.run, by=self.admin, at=NOW)

    def applying(self) -> bool:
        with acting_for(self.organization.pk):
            return Run.objects.get(pk=self.run.pk).state == "applying"

    def done(self) -> int:
        with acting_for(self.organization.pk):
            return self.run.proposals.exclude(state="approved").count()

    def transfer_somebody(self, dice: random.Random) -> int | None:
        """A person transfers one client, wherever the run stands; the client's id, or None where there was nothing to do."""
        client, to = dice.choice(self.clients), dice.choice(self.people)
        try:
            with acting_for(self.organization.pk):
                transfer_client(client=client, to=to, by=Actor(self.admin), on=DAY, reason="pedido do cliente")
        except TransferRefused:
            return None
        return client.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("moves", "kills", "size"),
    [pytest.param(1_000, 15, 8, marks=pytest.mark.slow), pytest.param(10_000, 500, 4, marks=pytest.mark.faults)],
)
def test_killed_workers_lose_nothing_and_do_nothing_twice(moves, kills, size, monkeypatch):
    work, dice = Work(moves), random.Random(moves)
    monkeypatch.setenv("DATABASE_URL", address_of_this_test())
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.faults.worker"])
    from tests.faults.worker import work as apply  # by name: the children import it in the fork server

    def start():
        process = forks.Process(target=apply, args=(work.run.pk, work.organization.pk, size), daemon=True)
        process.start()
        return process

    workers, killed, by_hand, last_kill = [start() for _each in range(WORKERS)], 0, set(), time.monotonic()
    while work.applying():
        time.sleep(dice.uniform(0.01, 0.1))
        by_hand.add(work.transfer_somebody(dice))
        # Deaths spread over the whole run, whatever the machine's speed.
        if killed < kills and work.done() >= moves * killed // (kills + 1):
            victim = dice.randrange(WORKERS)
            if workers[victim].is_alive():
                os.kill(workers[victim].pid, signal.SIGKILL)
                killed, last_kill = killed + 1, time.monotonic()
            workers[victim].join()
            workers[victim] = start()
        assert time.monotonic() - last_kill < 180, "the run did not end within 180 s of the last kill"
    ended = time.monotonic() - last_kill
    sys.stdout.write(f"{moves} moves, {killed} kills, {len(by_hand)} clients transferred by hand; over {ended:.0f} s after the last kill")
    for process in workers:
        process.join(30)

    with acting_for(work.organization.pk):
        take_time()
        states = dict(work.run.proposals.order_by().values_list("state").annotate(n=Count("id")))
        stale = set(work.run.proposals.filter(state="stale").values_list("client_id", "stale_reason"))
        assert killed == kills
        assert states["applied"] + len(stale) == moves
        assert {reason for _client, reason in stale} <= {"owner_changed"}
        assert {client for client, _reason in stale} <= by_hand
        assert Ownership.objects.filter(proposal_id__isnull=False).count() == states["applied"]
        assert AuditEvent.objects.filter(action="run.applied").count() == 1
        received = Notice.objects.filter(key=f"run:{work.run.pk}:clients_given").values_list("facts__n", flat=True)
        given = Ownership.objects.filter(source="rotation", seq__gt=1, client__ownerships__seq=1)
        told = given.filter(client__ownerships__representative__in=work.people[:3], client__ownerships__seq=1).count()
        assert sum(received) == told
        assert violations(outbox=moves <= 1_000) == []
        assert [*audit_breaks(), *ledger_breaks()] == []
