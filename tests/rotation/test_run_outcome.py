"""What came of one run, counted by hand, and its page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role
from portfolio.models import Ownership
from rotation.models import Outcome, Proposal
from rotation.selectors.run_outcome import ledger_of, run_outcome
from tests.factories import RepresentativeFactory, make_member
from tests.rotation.conftest import AS_OF
from tests.rotation.factories import ProposalFactory
from tests.rotation.test_screens_review import page, pair, queries_of, run, version  # noqa: F401


@pytest.fixture
def drawn(run, version, pair):  # noqa: F811
    """``drawn(arm, ordered, moved)``: one client of the run, its window closed and measured unless ``ordered`` is None."""

    def made(arm, ordered, *, moved=False, net=0):
        state = "applied" if moved else "withheld" if arm == "control" else "rejected"
        proposal = ProposalFactory(run=run, rule_version=version, state=state, **pair)
        if moved:
            held = Ownership.objects.get(client=proposal.client, ended_on=None)
            Ownership.objects.filter(pk=held.pk).update(ended_on=AS_OF)
            Ownership.objects.create(
                organization_id=proposal.organization_id,
                client=proposal.client,
                representative=pair["to_representative"],
                seq=2,
                started_on=AS_OF,
                source="rotation",
                proposal_id=proposal.pk,
                actor_label="apply",
            )
        Outcome.objects.create(
            organization_id=proposal.organization_id,
            run=run,
            rule=version.rule,
            rule_version=version,
            client=proposal.client,
            arm=arm,
            share=0.3,
            stratum="A",
            drawn_on=AS_OF,
            until_on=AS_OF + timedelta(days=90),
            moved_to=pair["to_representative"] if moved else None,
            moved_on=AS_OF if moved else None,
            ordered=ordered,
            recovered=ordered if moved else None,
            net_cents=net if ordered is not None else None,
            measured_at=timezone.now() if ordered is not None else None,
        )
        return proposal

    return made


def test_moved_and_left_alone_are_counted_apart(run, drawn):  # noqa: F811
    for ordered in (True, True, False):
        drawn("treatment", ordered, moved=True, net=500)
    drawn("treatment", False), drawn("treatment", None, moved=True)
    drawn("control", True), drawn("control", False), drawn("control", False), drawn("control", False)

    seen = run_outcome(run, as_of=AS_OF + timedelta(days=120))

    assert (seen.moved, seen.moved_measured, seen.recovered, seen.recovered_cents) == (4, 3, 2, 1_000)
    assert (seen.drawn_treated, seen.drawn_control, seen.control_measured, seen.alone) == (5, 4, 4, 1)
    assert (seen.waiting, seen.closes_on, seen.false_alarm_share) == (1, AS_OF + timedelta(days=90), 0.25)
    assert seen.found.reactivation.value == pytest.approx(2 / 4 - 1 / 4) and not seen.found.sayable
    early = run_outcome(run, as_of=AS_OF + timedelta(days=90))
    assert (early.recovered_share, early.waiting, early.found) == (None, 9, None)


def test_the_page_tells_it_shows_the_ledger_and_costs_the_same_with_more(signed_in, manager, acting, run, drawn):  # noqa: F811
    moved = drawn("treatment", True, moved=True)
    drawn("control", False)
    web = signed_in(manager)
    one = queries_of(web, page(run, "run-outcome"))
    html = web.get(page(run, "run-outcome")).content.decode()
    entry = Ownership.objects.get(proposal_id=moved.pk)
    assert str(moved.client) in html and entry.hash[:10] in html and len(entry.hash) == 64
    for _ in range(3):
        drawn("treatment", True, moved=True)
    assert queries_of(web, page(run, "run-outcome")) == one
    assert signed_in(make_member(acting, Role.REPRESENTATIVE)).get(page(run, "run-outcome")).status_code == 404


def test_the_ledger_shows_a_manager_the_team_alone(run, version, manager, drawn):  # noqa: F811
    ours = drawn("treatment", True, moved=True)
    other = RepresentativeFactory()
    visible = Proposal.objects.filter(run=run).exclude(from_representative=other)
    assert [(entry.proposal_id, former) for entry, former in ledger_of(visible)] == [(ours.pk, ours.from_representative)]
    assert ledger_of(visible.exclude(pk=ours.pk)) == []
