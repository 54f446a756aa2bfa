from datetime import date, timedelta

import pytest

from accounts.errors import NotAllowed
from accounts.models import Notice, Representative, Role
from accounts.services import Actor
from accounts.tenancy import acting_for
from portfolio.models import Ownership
from portfolio.services import transfer_client
from rotation.errors import NothingToReverse, TooLateToReverse, WrongState
from rotation.models import Proposal, Run
from rotation.services.apply import apply_run, request_apply
from rotation.services.reversal import request_reversal, reversible
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member
from tests.rotation.making import DAY, NOW, decide, give, make_run, propose


class Applied:
    """A run of four moves, applied at ``NOW``: three clients of Ana, one of nobody, all to Bruno, approved by a manager."""

    def __init__(self, organization):
        with acting_for(organization.pk):
            team = TeamFactory()
            self.organization = organization
            self.admin = make_member(organization, Role.ADMIN)
            self.manager = make_member(organization, Role.MANAGER, team=team)
            self.ana, self.bruno, self.caio = RepresentativeFactory.create_batch(3, team=team)
            self.clients = ClientFactory.create_batch(4)
            give(self.clients[:3], self.ana)
            self.run = make_run()
            proposals = [propose(self.run, client, self.bruno) for client in self.clients]
            decide(proposals[:2], "approve", by=self.manager)
            decide(proposals[2:], "approve", by=self.admin)
            request_apply(self.run, by=self.admin, at=NOW)
        apply_run(self.run.pk, organization.pk)
        with acting_for(organization.pk):
            Proposal.objects.update(applied_at=NOW)

    def reverse(self, *, by=None, after=timedelta(hours=1)):
        with acting_for(self.organization.pk):
            reversal = request_reversal(self.run, by=by or self.admin, at=NOW + after)
        apply_run(reversal.pk, self.organization.pk)
        return reversal

    def owners(self):
        return [client.representative_id for client in type(self.clients[0]).objects.order_by("pk")]


@pytest.fixture
def batch(organization):
    return Applied(organization)


def test_a_reversal_gives_back_what_nobody_touched_and_lists_the_rest(batch, organization):
    with acting_for(organization.pk):
        transfer_client(client=batch.clients[1], to=batch.caio, by=Actor(batch.admin), on=DAY, reason="pedido do cliente")

    reversal = batch.reverse()

    with acting_for(organization.pk):
        ana, bruno, caio = batch.ana.pk, batch.bruno.pk, batch.caio.pk
        assert batch.owners() == [ana, caio, ana, bruno]
        listed = reversal.proposals.order_by("client_id").values_list("state", "stale_reason")
        assert list(listed) == [("applied", ""), ("stale", "owner_changed"), ("applied", ""), ("stale", "no_former_owner")]
        run = Run.objects.get(pk=reversal.pk)
        assert (run.kind, run.state, run.reverses_id, run.n_proposed) == ("reversal", "applied", batch.run.pk, 4)
        history = Ownership.objects.filter(client=batch.clients[0]).order_by("seq").values_list("seq", "representative_id", "source")
        assert list(history) == [(1, ana, "import"), (2, bruno, "rotation"), (3, ana, "reversal")]
        told = Notice.objects.get(kind="run_reversed")
        assert (told.membership_id, told.facts["applied"], told.facts["reverses"]) == (batch.admin.pk, 2, batch.run.pk)


def test_a_second_reversal_finds_only_what_the_first_left(batch, organization):
    batch.reverse(by=batch.manager)
    with acting_for(organization.pk):
        assert batch.owners() == [batch.ana.pk, batch.ana.pk, batch.bruno.pk, batch.bruno.pk]
        with pytest.raises(NothingToReverse):
            request_reversal(batch.run, by=batch.manager, at=NOW + timedelta(hours=2))

    batch.reverse(after=timedelta(hours=3))

    with acting_for(organization.pk):
        assert batch.owners()[2] == batch.ana.pk
        assert Run.objects.filter(reverses=batch.run).count() == 2
        with pytest.raises(NothingToReverse):
            request_reversal(batch.run, by=batch.admin, at=NOW + timedelta(hours=4))
        assert Run.objects.filter(reverses=batch.run).count() == 2


@pytest.mark.parametrize(("who", "days"), [("admin", 30), ("manager", 7)])
def test_the_time_to_reverse_is_limited(batch, organization, who, days):
    with acting_for(organization.pk):
        member = getattr(batch, who)
        assert reversible(batch.run, by=member, at=NOW + timedelta(days)).moves == (4 if who == "admin" else 2)
        with pytest.raises(TooLateToReverse, match=str(days)):
            request_reversal(batch.run, by=member, at=NOW + timedelta(days, seconds=1))

    batch.reverse(by=member, after=timedelta(days))

    with acting_for(organization.pk):
        assert batch.owners()[0] == batch.ana.pk


def test_what_can_be_taken_back_is_told_before_asking(batch, organization):
    with acting_for(organization.pk):
        transfer_client(client=batch.clients[1], to=batch.caio, by=Actor(batch.admin), on=DAY, reason="pedido do cliente")
        told = reversible(batch.run, by=batch.admin, at=NOW)
        assert (told.moves, told.touched, told.stuck, told.until) == (4, 1, 1, NOW + timedelta(30))  # one client had nobody

        # Who left meanwhile gets nobody back, and that is told before, not after.
        Representative.objects.filter(pk=batch.ana.pk).update(valid_to=DAY)
        told = reversible(batch.run, by=batch.admin, at=NOW)
        assert (told.moves, told.touched, told.stuck, told.standing) == (4, 1, 3, 0)
    reversal = batch.reverse()
    with acting_for(organization.pk):
        assert set(Proposal.objects.filter(run=reversal).values_list("state", flat=True)) == {"stale"}


def test_a_client_in_another_runs_proposal_is_listed(batch, organization):
    with acting_for(organization.pk):
        propose(make_run(), batch.clients[0], batch.caio)

    reversal = batch.reverse()

    with acting_for(organization.pk):
        assert reversal.proposals.get(client=batch.clients[0]).stale_reason == "in_another_run"
        assert batch.owners()[:3] == [batch.bruno.pk, batch.ana.pk, batch.ana.pk]


def test_who_left_meanwhile_gets_nobody_back(batch, organization):
    with acting_for(organization.pk):
        type(batch.ana).objects.filter(pk=batch.ana.pk).update(valid_to=date(2026, 1, 1), capacity_clients=0)

    reversal = batch.reverse()

    with acting_for(organization.pk):
        assert set(reversal.proposals.values_list("stale_reason", flat=True)) == {"receiver_inactive", "no_former_owner"}
        assert batch.owners() == [batch.bruno.pk] * 4


def test_full_capacity_does_not_stop_a_reversal(batch, organization):
    with acting_for(organization.pk):
        type(batch.ana).objects.filter(pk=batch.ana.pk).update(capacity_clients=0, regions=["RJ"])

    batch.reverse()

    with acting_for(organization.pk):
        assert batch.owners()[:3] == [batch.ana.pk] * 3


def test_refusals(batch, organization):
    reversal = batch.reverse()
    with acting_for(organization.pk):
        with pytest.raises(WrongState):  # a reversal is not reversed: transfer again, or run again
            request_reversal(reversal, by=batch.admin, at=NOW)
        with pytest.raises(WrongState):
            request_reversal(make_run(), by=batch.admin, at=NOW)
        with pytest.raises(NotAllowed):
            request_reversal(batch.run, by=make_member(organization, Role.AUDITOR), at=NOW)
