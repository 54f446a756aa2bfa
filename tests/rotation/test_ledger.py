"""The fairness ledger read from past runs: what stood, of the last four, up to the day asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from rotation.models import Outcome, Proposal, Run
from rotation.selectors.facts import run_facts
from rotation.selectors.ledger import ledger_lines, recovery_of, with_past
from tests.factories import ClientFactory, RepresentativeFactory
from tests.rotation.making import DAY, give, make_run, make_version, propose
from tests.rotation.test_facts import PLAIN


@pytest.fixture
def people(acting):
    return [RepresentativeFactory(code=code, capacity_clients=50) for code in ("ANA", "BRU", "CAI")]


def applied(people, moves, *, days_ago=1, **fields) -> Run:
    """A run that moved one client a (from, to, net) of ``moves``, in force ``days_ago`` before DAY."""
    run = make_run(as_of=DAY - timedelta(days=days_ago), **fields)
    for origin, to, net in moves:
        client = ClientFactory()
        give([client], people[origin])
        moved = propose(run, client, people[to], net_12m_cents=net)
        Proposal.objects.filter(pk=moved.pk).update(state="applied")
    Run.objects.filter(pk=run.pk).update(state="applied", effective_on=DAY - timedelta(days=days_ago))
    return run


def table(acting, people):
    made = with_past(run_facts(acting, [PLAIN], as_of=DAY, live=True).representatives, as_of=DAY)
    at = [made.id.tolist().index(each.pk) for each in people]
    return made, at


def test_the_last_four_runs_in_force_count_and_the_page_shows_all(acting, people):
    applied(people, [(0, 2, 900_000)], days_ago=40)
    for days in (4, 3, 2, 1):
        applied(people, [(0, 1, 100_000)], days_ago=days)
    applied(people, [(0, 2, 900_000)], days_ago=-1)
    made, at = table(acting, people)
    # a third each was due; Bruno got all of it, three times his share: four steps, of which two will count
    assert [round(float(made.balance[i]), 6) for i in at] == [-2.0, 4.0, -2.0]
    lines = {line.representative.code: line for line in ledger_lines(as_of=DAY)}
    assert (lines["ANA"].received, lines["ANA"].given, lines["ANA"].given_cents, lines["ANA"].balance) == (0, 5, 1_300_000, -5)
    assert (lines["BRU"].received_cents, lines["CAI"].balance_cents) == (400_000, 900_000)
    assert [line.representative.code for line in ledger_lines(as_of=DAY, last=4)] == ["ANA", "BRU"]


def test_what_was_refused_or_taken_back_was_never_received(acting, people):
    run = applied(people, [(0, 1, 100_000), (0, 1, 100_000)], days_ago=5)
    refused = propose(run, ClientFactory(), people[2])
    Proposal.objects.filter(pk=refused.pk).update(state="rejected")
    back = make_run(as_of=DAY, kind="reversal", reverses=run)
    taken = run.proposals.filter(state="applied").first()
    returned = propose(back, taken.client, people[0])
    Proposal.objects.filter(pk=returned.pk).update(state="applied")
    Run.objects.filter(pk=back.pk).update(state="applied", effective_on=DAY - timedelta(days=2))
    lines = {line.representative.code: (line.received, line.given) for line in ledger_lines(as_of=DAY)}
    assert lines == {"ANA": (0, 1), "BRU": (1, 0)}
    # on the day before it was taken back, nobody knew
    assert {line.representative.code: line.received for line in ledger_lines(as_of=DAY - timedelta(days=3))} == {"ANA": 0, "BRU": 2}


def test_recoveries_come_from_windows_closed_before_the_day(acting, people):
    version = make_version()
    run = make_run(version, as_of=DAY - timedelta(days=200))
    for n, (to, recovered, until) in enumerate([(0, True, 100), (0, True, 100), (1, False, 100), (1, True, -1)]):
        Outcome.objects.create(
            organization=acting,
            run=run,
            rule=version.rule,
            rule_version=version,
            client=ClientFactory(code=f"R{n}"),
            arm="treatment",
            drawn_on=DAY - timedelta(days=200),
            until_on=DAY - timedelta(days=until),
            moved_to=people[to],
            moved_on=DAY - timedelta(days=190),
            recovered=recovered,
            ordered=recovered,
            net_cents=0,
            measured_at=datetime(2026, 3, 1, tzinfo=UTC),
        )
    made, at = table(acting, people)
    assert [(int(made.received[i]), int(made.recovered[i])) for i in at] == [(2, 2), (1, 0), (0, 0)]
    # two of three came back; Ana's two of two, among twenty average cases: (2 + 20 x 2/3) / 22 / (2/3)
    assert recovery_of(people[0], as_of=DAY) == pytest.approx((2 + 40 / 3) / 22 * 1.5)
    assert recovery_of(people[2], as_of=DAY) == pytest.approx(1.0)


def test_two_statements_however_many_runs(acting, people, django_assert_num_queries):
    for days in (1, 2):
        applied(people, [(0, 1, 1), (1, 2, 1)], days_ago=days)
        made, _ = table(acting, people)
        with django_assert_num_queries(2):
            with_past(made, as_of=DAY)
        with django_assert_num_queries(2):
            ledger_lines(as_of=DAY)
