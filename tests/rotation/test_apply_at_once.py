"""Many at once, each with a connection of their own: one effect, one consistent history."""

import threading
import time
from collections import Counter
from datetime import date

import pytest
from django.db import connection

from accounts.errors import DomainError
from accounts.models import AuditEvent, Role
from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.imports import run_import
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_client, transfer_clients
from portfolio.services.proof import ledger_breaks
from rotation.models import Proposal, Run
from rotation.services.apply import apply_run, request_apply
from rotation.services.invariants import violations
from rotation.services.reversal import request_reversal
from tests.factories import ClientFactory, RepresentativeFactory, make_member
from tests.rotation.making import DAY, NOW, decide, give, make_run, propose

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Each call in a thread of its own, released together; what each returned, or the code of its refusal."""
    gate, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(position, call):
        try:
            gate.wait()
            answers[position] = call()
        except DomainError as refused:
            answers[position] = refused.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class Scene:
    def __init__(self, organization, n=20, **fields):
        self.organization = organization
        with acting_for(organization.pk):
            self.admins = [make_member(organization, Role.ADMIN) for _each in range(2)]
            self.people = RepresentativeFactory.create_batch(4, **fields)
            self.clients = ClientFactory.create_batch(n)
            give(self.clients, self.people[0])
            self.run = make_run()
            self.proposals = [propose(self.run, client, self.people[1]) for client in self.clients]
            decide(self.proposals, "approve", by=self.admins[0])

    def inside(self, call):
        def work():
            with acting_for(self.organization.pk):
                return call()

        return work

    def check(self):
        with acting_for(self.organization.pk):
            assert violations() == []
            assert list(ledger_breaks()) == []


def test_twenty_equal_requests_to_apply_have_one_effect(organization):
    scene = Scene(organization)

    answers = at_once(*[scene.inside(lambda: request_apply(scene.run, by=scene.admins[0], at=NOW).state)] * 20)
    assert Counter(answers) == {"applying": 1, "wrong_state": 19}

    done = at_once(*[lambda: apply_run(scene.run.pk, organization.pk, size=3).applied] * 6)
    assert sum(done) == 20
    with acting_for(organization.pk):
        assert Run.objects.get().state == "applied"
        assert AuditEvent.objects.filter(action="run.apply_requested").count() == 1
        assert AuditEvent.objects.filter(action="run.applied").count() == 1
    scene.check()


def test_twenty_equal_reversals_have_one_effect(organization):
    scene = Scene(organization)
    scene.inside(lambda: request_apply(scene.run, by=scene.admins[0], at=NOW))()
    apply_run(scene.run.pk, organization.pk)
    with acting_for(organization.pk):
        Proposal.objects.update(applied_at=NOW)

    answers = at_once(*[scene.inside(lambda: request_reversal(scene.run, by=scene.admins[0], at=NOW).state)] * 20)

    assert Counter(answers) == {"applying": 1, "nothing_to_reverse": 19}
    with acting_for(organization.pk):
        reversal = Run.objects.get(kind="reversal")
    apply_run(reversal.pk, organization.pk)
    with acting_for(organization.pk):
        assert {client.representative_id for client in type(scene.clients[0]).objects.all()} == {scene.people[0].pk}
    scene.check()


def test_twenty_equal_transfers_have_one_effect(organization):
    scene = Scene(organization, 1)

    def transfer():
        return transfer_client(client=scene.clients[0], to=scene.people[2], by=Actor(scene.admins[0]), on=DAY, reason="pedido").seq

    assert Counter(at_once(*[scene.inside(transfer)] * 20)) == {2: 1, "already_owner": 19}
    scene.check()


def test_a_run_and_two_managers_who_transfer_the_same_clients_end_in_one_history(organization):
    """The hand and the run take the same clients in opposite orders; whoever comes first, nobody is lost or doubled."""
    scene = Scene(organization, 24)
    scene.inside(lambda: request_apply(scene.run, by=scene.admins[0], at=NOW))()

    def by_hand(admin, to, clients):
        def work():
            done = 0
            for client in clients:
                with acting_for(organization.pk):
                    result = transfer_clients([Transfer(client.pk, to.pk, reason="pedido")], by=Actor(admin), source="manual", on=DAY)
                    done += len(result.applied)
            return done

        return work

    first = by_hand(scene.admins[0], scene.people[2], scene.clients)
    second = by_hand(scene.admins[1], scene.people[3], scene.clients[::-1])
    answers = at_once(first, second, *[lambda: apply_run(scene.run.pk, organization.pk, size=4).applied] * 2)

    assert answers[:2] == [24, 24]
    with acting_for(organization.pk):
        applied = scene.run.proposals.filter(state="applied").count()
        assert applied == sum(answers[2:])
        assert applied + scene.run.proposals.filter(state="stale", stale_reason="owner_changed").count() == 24
        assert Ownership.objects.count() == 24 * 3 + applied
    scene.check()


def test_two_runs_worth_of_workers_never_take_the_same_last_place(organization):
    scene = Scene(organization, 8, capacity_clients=100)
    with acting_for(organization.pk):
        type(scene.people[1]).objects.filter(pk=scene.people[1].pk).update(capacity_clients=5)

    def batch(part):
        def work():
            with acting_for(organization.pk):
                moves = [Transfer(client.pk, scene.people[1].pk) for client in part]
                return len(transfer_clients(moves, by=Actor(label="test"), source="manual", on=DAY, check_room=True).applied)

        return work

    assert sum(at_once(batch(scene.clients[:4]), batch(scene.clients[4:]))) == 5


def test_a_person_does_not_wait_for_a_run_that_counts_their_receivers_room(organization):
    scene = Scene(organization, 2)
    with acting_for(organization.pk):
        to = scene.people[1].pk
        transfer_clients([Transfer(scene.clients[0].pk, to)], by=Actor(label="run"), source="rotation", on=DAY, check_room=True)

        def by_hand():
            with acting_for(organization.pk), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                result = transfer_clients([Transfer(scene.clients[1].pk, to)], by=Actor(scene.admins[0]), source="manual", on=DAY)
                return len(result.applied)

        assert at_once(by_hand) == [1]
    scene.check()


def test_who_ends_a_representatives_service_waits_for_transfers_on_their_way(organization, tmp_path):
    scene = Scene(organization, 1)
    leaver, file = scene.people[1], tmp_path / "representatives.csv"
    file.write_text(f"representative_code,name,valid_to\n{leaver.code},{leaver.name},2026-01-02\n")

    def end():
        run_import("representatives", file, organization=organization, by=Actor(label="file"), at=NOW)
        connection.close()

    ended = threading.Thread(target=end)
    with acting_for(organization.pk), connection.cursor() as cursor:
        transfer_clients([Transfer(scene.clients[0].pk, leaver.pk)], by=Actor(scene.admins[0]), source="manual", on=DAY)
        ended.start()
        waiting = time.monotonic()
        while time.monotonic() - waiting < 5:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone()[0]:
                break
        else:
            pytest.fail("the import did not wait for the transfer")
    ended.join()
    with acting_for(organization.pk):
        assert type(leaver).objects.get(pk=leaver.pk).valid_to == date(2026, 1, 2)
        assert type(scene.clients[0]).objects.get().representative_id == leaver.pk
