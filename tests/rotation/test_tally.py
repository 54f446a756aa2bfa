"""The tally of a run says what a count would say, to everyone; test_apply_machine holds it against a count after every kind of step."""

import threading

import pytest
from django.db import connection

from accounts.models import Role
from accounts.tenancy import acting_for
from rotation.models import Proposal, ProposalTally
from rotation.selectors.reach import reach_of
from rotation.selectors.review import decidable_by, proposals_visible_to
from rotation.selectors.runs import run_lines, runs_visible_to
from rotation.selectors.tally import kinds_of, pending_for
from rotation.services.invariants import violations
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member
from tests.rotation.making import NOW, give, make_run, propose

State = Proposal.State


@pytest.mark.django_db
def test_each_member_is_told_what_a_count_of_what_they_see_would_say(acting):
    one, two = TeamFactory.create_batch(2)
    ana, bruno, carla = (RepresentativeFactory(team=team) for team in (one, one, two))
    run = make_run()
    pairs = [(ana, bruno), (ana, carla), (carla, ana), (None, bruno), (bruno, ana)] * 3
    clients = ClientFactory.create_batch(len(pairs))
    for owner in (ana, bruno, carla):
        give([client for client, (origin, _to) in zip(clients, pairs, strict=True) if origin is owner], owner)
    for client, (_origin, receiver) in zip(clients, pairs, strict=True):
        propose(run, client, receiver)
    Proposal.objects.filter(client__in=clients[5:8]).update(state=State.APPROVED)
    Proposal.objects.filter(client__in=clients[8:10]).update(postponed_at=NOW)
    Proposal.objects.filter(client__in=clients[10:11]).update(state=State.WITHHELD)
    Proposal.objects.filter(client__in=clients[11:13]).update(to_representative=bruno, km_from=1.0004, km_to=7.5)
    Proposal.objects.filter(client__in=clients[12:13]).delete()
    assert violations() == []

    for member in (make_member(acting, Role.ADMIN), make_member(acting, Role.MANAGER, team=one), make_member(acting, Role.MANAGER)):
        reach = reach_of(member)
        seen = proposals_visible_to(reach, run)
        waiting = decidable_by(reach, seen.filter(state=State.PROPOSED, postponed_at=None)).count()
        kinds = kinds_of(run, reach)
        assert sum(kind.n for kind in kinds) == seen.count()
        assert sum(kind.n for kind in kinds if kind.within and kind.is_in("pending")) == waiting
        assert pending_for(member) == (waiting or None)
        assert pending_for(member, known={run.pk: 3}) == 3
        (line,) = run_lines(runs_visible_to(member), reach)
        assert (line.total, line.approved) == (seen.count(), seen.filter(state=State.APPROVED).count())
        assert line.revenue_cents == 100_000 * seen.count()


@pytest.mark.django_db
def test_a_row_of_a_kind_is_found_by_its_kind_though_the_plan_was_made_when_there_were_none(acting):
    """A connection keeps the plans of a trigger's statements from the first on, when every index of an empty table looks as good."""
    ana, bruno = RepresentativeFactory.create_batch(2)
    clients = ClientFactory.create_batch(41)
    give(clients, ana)
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
        run = make_run()
        propose(run, clients[0], bruno)
        Proposal.objects.update(state=State.APPROVED)
        cursor.execute(
            "INSERT INTO rotation_proposaltally (organization_id, run_id, state, from_representative_id, to_representative_id,"
            " rule_version_id, placed, postponed, caution, abc, n, net_12m_cents, m_from, n_from, m_to, n_to)"
            " SELECT %s, %s, 'proposed', kind, kind, 0, true, false, false, '', 1, 0, 0, 0, 0, 0 FROM generate_series(1000, 5000) kind",
            [acting.pk, run.pk],
        )
        for client in clients[1:]:
            propose(run, client, bruno)
        Proposal.objects.filter(state=State.PROPOSED).update(state=State.APPROVED)
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = 'rotation_proposaltally'::regclass"
        )
        assert cursor.fetchone()[0] < 20 * len(clients)


@pytest.mark.django_db(transaction=True)
def test_who_writes_the_same_kind_at_one_time_waits_for_nobody(organization):
    """The first keeps its transaction open; the second would run into its lock timeout if both added to one row."""
    with acting_for(organization.pk):
        ana, bruno = RepresentativeFactory.create_batch(2)
        clients = ClientFactory.create_batch(3)
        give(clients, ana)
        run = make_run()
        first, second, third = (propose(run, client, bruno) for client in clients)
    written, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with acting_for(organization.pk):
                Proposal.objects.filter(pk=first.pk).update(state=State.APPROVED)
                written.set()
                done.wait(10)
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert written.wait(10)
        with acting_for(organization.pk), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            Proposal.objects.filter(pk=second.pk).update(state=State.APPROVED)
            assert violations() == []
    finally:
        done.set()
        other.join()

    with acting_for(organization.pk):
        assert violations() == []
        approved = ProposalTally.objects.filter(state=State.APPROVED)
        assert sorted(approved.values_list("n", flat=True)) == [1, 1]
        Proposal.objects.filter(pk=third.pk).update(state=State.APPROVED)
        assert sorted(approved.values_list("n", flat=True)) == [1, 2]
