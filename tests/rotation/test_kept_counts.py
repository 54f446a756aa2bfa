"""What guard figures count of runs that have ended is kept: the same numbers, and no night's rows read twice."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portfolio.models import Ownership
from rotation.models import Proposal, RuleVersion, Run, RunRule
from rotation.selectors.guard_figures import TAKEN_BACK_DAYS, guard_figures
from rotation.services import watch
from rotation.services.watch import GRACE_DAYS, keep_counts
from tests.factories import OwnershipFactory
from tests.rotation.conftest import AS_OF, NOW
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory

pytestmark = pytest.mark.django_db
FINAL = timedelta(days=TAKEN_BACK_DAYS + GRACE_DAYS + 2)  # the moves began the day after AS_OF
STATES = ["rejected", "approved", "applied", "stale", "expired", "withheld", "proposed"]


@pytest.fixture
def version(acting, representatives):
    return RuleVersionFactory(rule=RuleFactory(name="Vigiada"), watched_since=NOW)


def told(version):
    return {figure.name: (figure.hits, figure.cases) for figure in guard_figures([version])[version.pk]}


def night(version, representatives, *, computed_at, state="applied", proposals=()):
    """A run that moved its clients on AS_OF + 1; ``proposals``: (state, instant of the decision, caveats)."""
    run = RunFactory(version=version, computed_at=computed_at, state=state, effective_on=AS_OF + timedelta(days=1))
    give, take = representatives[:2]
    return run, [
        ProposalFactory(
            run=run, rule_version=version, owner=give, to_representative=take, state=each, decided_at=at, caveats=caveats,
            applied_at=at if each == "applied" else None,
        )
        for each, at, caveats in proposals
    ]  # fmt: skip


def take_back(proposal, *, after, source="manual"):
    """The move of an applied proposal in the ledger, and its end ``after`` so many days."""
    day = AS_OF + timedelta(days=1)
    Ownership.objects.filter(client=proposal.client).update(ended_on=day)
    moved = {"client": proposal.client, "representative": proposal.to_representative, "seq": 2, "source": "rotation"}
    OwnershipFactory(**moved, started_on=day, ended_on=day + timedelta(days=after), proposal_id=proposal.pk)
    back = {"client": proposal.client, "representative": proposal.from_representative, "seq": 3, "source": source}
    OwnershipFactory(**back, started_on=day + timedelta(days=after))


@pytest.mark.parametrize("seed", range(6))
def test_kept_or_counted_the_figures_are_the_same(version, representatives, seed):
    dice = random.Random(seed)
    for _ in range(4):
        computed = NOW + timedelta(hours=dice.randint(-30, 30))
        rows = [
            (dice.choice(STATES), computed + timedelta(hours=dice.randint(0, 40)), dice.choice([[], ["farther"]]))
            for _ in range(dice.randint(0, 7))
        ]
        ended = dice.choice(["applied", "cancelled", "expired", "awaiting_approval"])
        _run, made = night(version, representatives, computed_at=computed, state=ended, proposals=rows)
        for proposal in made:
            if proposal.state == "applied" and dice.random() < 0.5:
                take_back(proposal, after=dice.choice([0, 12, 30, 31]), source=dice.choice(["manual", "reversal", "rotation"]))
    for hours in (-60, -10, 0, 10, 60):
        since = NOW + timedelta(hours=hours)
        RunRule.objects.update(counts=None)
        RuleVersion.objects.filter(pk=version.pk).update(watched_since=since)
        by_rows = told(version)
        keep_counts(NOW)
        assert told(version) == by_rows, since
        keep_counts(NOW + FINAL)
        assert told(version) == by_rows, since
    ended = Run.objects.filter(state__in=watch.ENDED).count()
    assert RunRule.objects.filter(counts__has_key="undone").count() == ended


def test_what_is_kept_is_not_read_again(version, representatives):
    run, _made = night(version, representatives, computed_at=NOW, proposals=[("applied", NOW, []), ("rejected", NOW, [])])
    assert keep_counts(NOW) == 1 and keep_counts(NOW) == 0
    before = told(version)
    # Nothing rewrites the proposals of a run that has ended; were they read, this would show.
    Proposal.objects.filter(run=run).update(state="withheld")
    assert told(version) == {**before, "undone": (0, 1)} == {"rejected": (1, 2), "undone": (0, 1), "caveats": (0, 2), "false_alarm": (0, 0)}


def test_moves_can_be_taken_back_after_their_run_was_counted(version, representatives):
    _run, (move,) = night(version, representatives, computed_at=NOW, proposals=[("applied", NOW, [])])
    keep_counts(NOW)
    keep_counts(NOW + FINAL - timedelta(days=2))
    assert told(version)["undone"] == (0, 1)
    take_back(move, after=TAKEN_BACK_DAYS)
    assert told(version)["undone"] == (1, 1)
    keep_counts(NOW + FINAL)
    assert told(version)["undone"] == (1, 1) and RunRule.objects.get().counts["undone"] == 1


def test_a_reversal_is_no_case_of_the_rule_whose_moves_it_takes_back(version, representatives):
    night(version, representatives, computed_at=NOW, proposals=[("applied", NOW, [])])
    reversal = RunFactory(kind="reversal", computed_at=NOW, state="applied")
    ProposalFactory(run=reversal, rule_version=version, owner=representatives[1], to_representative=representatives[0], state="applied",
                    decided_at=NOW, applied_at=NOW)  # fmt: skip
    assert told(version)["undone"] == (0, 1) and told(version)["caveats"] == (0, 1)


def test_a_long_history_is_caught_up_with_bit_by_bit(version, representatives, monkeypatch):
    monkeypatch.setattr(watch, "LINES_AT_ONCE", 2)
    for _ in range(3):
        night(version, representatives, computed_at=NOW, proposals=[("rejected", NOW, [])])
    with CaptureQueriesContext(connection) as seen:
        assert keep_counts(NOW) == 2
    assert len(seen) == 2
    assert told(version)["rejected"] == (3, 3)
    assert keep_counts(NOW) == 1 and told(version)["rejected"] == (3, 3)
