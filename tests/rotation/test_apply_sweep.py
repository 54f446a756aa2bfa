"""The sweeper: what a dead worker left is finished, parked or closed."""

from datetime import timedelta

import pytest

from accounts.models import AuditEvent, Notice, Role
from accounts.tenancy import acting_for
from rotation.models import Run
from rotation.services.apply import apply_run, request_apply
from rotation.services.sweep import FAILURES, note_error, sweep
from tests.factories import ClientFactory, RepresentativeFactory, make_member
from tests.rotation.making import NOW, decide, give, make_run, propose


class Asked:
    """A run that was asked to apply one of three proposals, and whose worker died at once."""

    def __init__(self, organization, **fields):
        self.organization = organization
        with acting_for(organization.pk):
            self.admin = make_member(organization, Role.ADMIN)
            ana, self.bruno = RepresentativeFactory.create_batch(2)
            clients = ClientFactory.create_batch(3)
            give(clients, ana)
            self.run = make_run(**fields)
            self.proposals = [propose(self.run, client, self.bruno) for client in clients]
            decide(self.proposals[:1], "approve", by=self.admin)
            request_apply(self.run, by=self.admin, at=NOW)

    def now(self) -> Run:
        with acting_for(self.organization.pk):
            return Run.objects.get(pk=self.run.pk)


def outcomes(at):
    return [(each.run_id, each.outcome) for each in sweep(at)]


@pytest.fixture
def asked(organization):
    return Asked(organization)


def test_a_silent_run_is_sent_again_once(asked):
    assert outcomes(NOW + timedelta(seconds=119)) == []
    later = NOW + timedelta(seconds=120)
    assert outcomes(later) == [(asked.run.pk, "resend")]
    assert outcomes(later) == []
    assert asked.now().attempts_made == 1


def test_the_fifth_failure_parks_the_run_and_tells(asked, organization):
    at = NOW
    for _failure in range(FAILURES - 1):
        at += timedelta(seconds=120)
        assert outcomes(at) == [(asked.run.pk, "resend")]
        note_error(asked.run.pk, organization.pk, "OperationalError: disk full")

    assert outcomes(at + timedelta(seconds=120)) == [(asked.run.pk, "failed")]

    run = asked.now()
    assert (run.state, run.failed_in, run.error) == ("failed", "applying", "OperationalError: disk full")
    with acting_for(organization.pk):
        notice = Notice.objects.get(kind="run_failed")
        assert (notice.membership_id, notice.facts["run"], notice.facts["error"]) == (asked.admin.pk, run.pk, "OperationalError: disk full")
        assert AuditEvent.objects.filter(action="run.failed").count() == 1
        with acting_for(organization.pk):  # a person resumes it
            request_apply(asked.run, by=asked.admin, at=at)
    assert apply_run(run.pk, organization.pk).applied == 1


def test_progress_forgives_earlier_failures(asked, organization):
    at = NOW
    for _round in range(3 * FAILURES):
        at += timedelta(seconds=120)
        assert outcomes(at) == [(asked.run.pk, "resend")]
        with acting_for(organization.pk):
            # Two chunks' worth of work and another death, seen from the row.
            Run.objects.filter(pk=asked.run.pk).update(attempts_made=0, heartbeat_at=at)
    apply_run(asked.run.pk, organization.pk)
    run = asked.now()
    assert (run.state, run.attempts_made, run.error) == ("awaiting_approval", 0, "")


@pytest.mark.parametrize("state", ["scheduled", "computing"])
def test_a_silent_computation_is_sent_again_without_counting_twice(asked, organization, state):
    with acting_for(organization.pk):
        Run.objects.filter(pk=asked.run.pk).update(state=state, attempts_made=4)
    assert outcomes(NOW + timedelta(seconds=120)) == [(asked.run.pk, "resend")]
    with acting_for(organization.pk):
        Run.objects.filter(pk=asked.run.pk).update(attempts_made=5)
    assert outcomes(NOW + timedelta(seconds=240)) == [(asked.run.pk, "failed")]


def test_a_review_whose_time_passed_expires(organization):
    with acting_for(organization.pk):
        run = make_run(expires_at=NOW)
        proposal = propose(run, ClientFactory(), RepresentativeFactory())
        propose(run, ClientFactory(), RepresentativeFactory(), state="withheld")

    assert outcomes(NOW - timedelta(seconds=1)) == []
    assert outcomes(NOW) == [(run.pk, "expired")]
    assert outcomes(NOW) == []

    with acting_for(organization.pk):
        assert Run.objects.get(pk=run.pk).state == "expired"
        assert sorted(run.proposals.values_list("state", flat=True)) == ["expired", "withheld"]
        proposal.refresh_from_db()
        assert proposal.version == 2


def test_a_review_with_nothing_left_to_decide_closes_an_hour_after_the_last_decision(organization):
    with acting_for(organization.pk):
        later = NOW + timedelta(days=5)
        refused, open_ = make_run(expires_at=later), make_run(expires_at=later)
        empty = make_run(expires_at=later)
        for run in (refused, open_):
            propose(run, ClientFactory(), RepresentativeFactory(), state="rejected", decided_at=NOW + timedelta(minutes=30))
        propose(open_, ClientFactory(), RepresentativeFactory())

    assert outcomes(NOW + timedelta(minutes=59)) == []
    assert outcomes(NOW + timedelta(minutes=60)) == [(empty.pk, "expired")]
    assert outcomes(NOW + timedelta(minutes=89)) == []
    assert outcomes(NOW + timedelta(minutes=90)) == [(refused.pk, "expired")]

    with acting_for(organization.pk):
        assert Run.objects.get(pk=open_.pk).state == "awaiting_approval"
        assert refused.proposals.get().state == "rejected"


def test_a_review_of_which_something_was_applied_closes_as_applied(organization):
    asked = Asked(organization, expires_at=NOW + timedelta(days=1))
    apply_run(asked.run.pk, organization.pk)
    assert asked.now().state == "awaiting_approval"

    assert outcomes(NOW + timedelta(days=1)) == [(asked.run.pk, "expired")]

    with acting_for(organization.pk):
        assert asked.now().state == "applied"
        assert sorted(asked.run.proposals.values_list("state", flat=True)) == ["applied", "expired", "expired"]
