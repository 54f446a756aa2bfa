"""What is drawn is what is measured: rows of both arms, windows, late orders, and what a run ranks by afterwards."""

from datetime import timedelta

import factory
import pytest

from accounts.models import AuditEvent
from clients.models import Order
from clients.signals import orders_changed
from portfolio.models import Ownership
from rotation.models import Holdout, Outcome, Run
from rotation.selectors.outcomes import measured, measured_effects, receiver_lines, treated_until, windows_of
from rotation.services.outcomes import measure_chunk, measure_outcomes
from rotation.services.rules import create_rule, publish
from rotation.services.runs import cancel_run, compute_run, start_run
from tests.factories import ClientFactory, OwnershipFactory
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory

WIDE = {"limits": {"give_share": 1.0, "receive_share": 1.0}}
LATER = NOW + timedelta(days=95)  # windows of 90 days closed, orders of five days since are in


@pytest.fixture
def experiment(fresh_feed, admin):
    made = create_rule(RULE | WIDE | {"experiment": {"share": 0.3, "exempt": {"abc": ["A"]}}}, by=admin)
    publish(made.versions.get(), by=admin)
    return made


def run_now(rule, by, *, as_of=AS_OF, at=NOW):
    return compute_run(start_run([rule], as_of=as_of, trigger="command", by=by).pk, rule.organization_id, at=at)


def order(client, on, cents=10_000, status="valid", code=""):
    return Order.objects.create(client=client, ordered_on=on, amount_cents=cents, status=status, code=code or f"{client.pk}-{on}-{cents}")


def feed(organization, at):
    organization.orders_received_at = at
    organization.save(update_fields=["orders_received_at"])


def make_outcome(run, arm="treatment", *, client=None, drawn_on=AS_OF, days=90, **fields):
    version = run.rules.get().rule_version
    return Outcome.objects.create(
        run=run, rule=version.rule, rule_version=version, client=client or ClientFactory(), arm=arm, share=0.3,
        drawn_on=drawn_on, until_on=drawn_on + timedelta(days=days), **fields,
    )  # fmt: skip


@pytest.fixture
def run_of_rule(acting):
    version = RuleVersionFactory(rule=RuleFactory())
    return RunFactory(version=version)


def test_a_run_writes_both_arms_with_their_stratum_before_anybody_decides(experiment, admin, representatives):
    for i in range(40):
        make_client(representatives[0], net=100_000 + 20_000 * i, days_silent=95 + i)
    run = run_now(experiment, admin)

    rows = list(Outcome.objects.filter(run=run))
    control = {row.client_id for row in rows if row.arm == "control"}
    withheld = set(run.proposals.filter(state="withheld").values_list("client_id", flat=True))
    assert control == withheld == set(Holdout.objects.filter(run=run).values_list("client_id", flat=True)) != set()
    treatment = {row.client_id for row in rows if row.arm == "treatment"}
    proposed = set(run.proposals.filter(state="proposed").values_list("client_id", flat=True))
    assert len(rows) == run.summary["rules"][0]["drawn"] and treatment & proposed
    assert len(treatment - proposed) <= run.n_unassigned  # for whom no receiver was found: drawn all the same
    assert proposed - treatment  # exempt clients are proposed without being drawn
    strata = {}
    for row in rows:
        strata.setdefault(row.stratum, []).append(row.arm)
        assert (row.share, row.drawn_on, row.until_on, row.measured_at) == (0.3, AS_OF, AS_OF + timedelta(days=90), None)
    assert set(strata) <= {"B1", "B2", "B3", "C1", "C2", "C3"}
    for arms in strata.values():
        assert abs(arms.count("control") - 0.3 * len(arms)) <= 1
    assert set(Holdout.objects.values_list("client_id", "stratum")) == {(r.client_id, r.stratum) for r in rows if r.arm == "control"}


def test_an_arm_lasts_for_its_window_and_a_run_given_up_draws_nobody(experiment, admin, representatives):
    for i in range(20):
        make_client(representatives[0], net=1_000_000, days_silent=95 + i)
    run = run_now(experiment, admin)
    treated = set(Outcome.objects.filter(run=run, arm="treatment").values_list("client_id", flat=True))
    assert treated
    run.proposals.filter(state="proposed").update(state="rejected")

    again = run_now(experiment, admin, as_of=AS_OF + timedelta(days=7))
    assert treated & set(again.proposals.filter(state="proposed").values_list("client_id", flat=True))
    assert not Outcome.objects.filter(run=again).exists()  # all were drawn a week before
    cancel_run(again, by=admin)

    cancel_run(run, by=admin)
    assert not Outcome.objects.exists() and not Holdout.objects.exists()


def test_nothing_is_measured_before_the_window_closed_and_its_orders_came(run_of_rule, fresh_feed):
    row = make_outcome(run_of_rule)
    order(row.client, row.until_on)
    feed(fresh_feed, NOW + timedelta(days=90))  # the feed is of the window's last day: more of it may come
    assert measure_chunk(LATER) == 0
    feed(fresh_feed, NOW + timedelta(days=91))
    assert measure_chunk(NOW + timedelta(days=90)) == 0
    assert measure_chunk(LATER) == 1
    row.refresh_from_db()
    assert (row.ordered, row.net_cents, row.first_order_on, row.measured_at) == (True, 10_000, row.until_on, LATER)
    assert (row.moved_to_id, row.moved_on, row.recovered) == (None, None, None)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], (False, 0, None)),
        ([(0, 500, "valid")], (False, 0, None)),  # the day of the draw is before the window
        ([(1, 500, "valid"), (90, 700, "valid"), (91, 900, "valid")], (True, 1200, 1)),
        ([(5, 500, "cancelled")], (False, 0, None)),
        ([(5, 500, "valid"), (5, -500, "returned"), (6, 300, "valid")], (True, 300, 6)),  # that day came to nothing
        ([(5, -800, "returned")], (False, -800, None)),
    ],
)  # fmt: skip
def test_valid_order_days_inside_the_window_count(run_of_rule, fresh_feed, orders, expected):
    row = make_outcome(run_of_rule)
    for i, (day, cents, status) in enumerate(orders):
        order(row.client, AS_OF + timedelta(days=day), cents, status, code=f"P{i}")
    feed(fresh_feed, LATER)
    assert measure_chunk(LATER) == 1
    row.refresh_from_db()
    first = expected[2] and AS_OF + timedelta(days=expected[2])
    assert (row.ordered, row.net_cents, row.first_order_on) == (expected[0], expected[1], first)


def test_measuring_again_changes_nothing_and_a_late_cancellation_does(run_of_rule, fresh_feed):
    row, other = make_outcome(run_of_rule), make_outcome(run_of_rule, "control")
    bought = order(row.client, AS_OF + timedelta(days=20))
    feed(fresh_feed, LATER)
    assert [each.measured for each in measure_here(LATER)] == [2]
    assert measure_here(LATER + timedelta(hours=1)) == []
    kept = list(Outcome.objects.order_by("pk").values_list("measured_at", "ordered"))
    assert kept == [(LATER, True), (LATER, False)]

    Order.objects.filter(pk=bought.pk).update(status="cancelled")
    late = order(other.client, AS_OF + timedelta(days=89), 700)
    orders_changed.send(Order, client_ids=[row.client_id, other.client_id])
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.ordered, row.net_cents, row.first_order_on) == (False, 0, None)
    assert (other.ordered, other.net_cents, other.first_order_on) == (True, 700, late.ordered_on)
    events = AuditEvent.objects.filter(stream=f"rule:{row.rule_id}").order_by("id").values_list("action", "after")
    assert list(events) == [
        ("rule.outcomes_measured", {"measured": 2, "until": str((LATER - timedelta(days=1)).date())}),
        ("rule.outcomes_corrected", {"corrected": 2}),
    ]
    # an order outside of every window corrects nothing
    order(row.client, AS_OF + timedelta(days=200))
    orders_changed.send(Order, client_ids=[row.client_id])
    assert AuditEvent.objects.filter(action="rule.outcomes_corrected").count() == 1


def measure_here(at):
    """The service, seen from inside the test's own organization."""
    return [each for each in measure_outcomes(at) if each.measured]


def test_a_move_no_draw_decided_is_measured_for_its_receiver(run_of_rule, fresh_feed, representatives):
    version = run_of_rule.rules.get().rule_version
    moved = ProposalFactory(run=run_of_rule, rule_version=version, owner=representatives[0], to_representative=representatives[1],
                            state="applied")  # fmt: skip
    moved_on = AS_OF + timedelta(days=4)
    Ownership.objects.filter(client=moved.client).update(ended_on=moved_on)
    OwnershipFactory(
        client=moved.client, representative=representatives[1], seq=2, started_on=moved_on, source="rotation", proposal_id=moved.pk
    )
    order(moved.client, AS_OF + timedelta(days=2), code="before the move")
    feed(fresh_feed, LATER)
    assert measure_chunk(LATER) == 1
    row = Outcome.objects.get()
    assert (row.arm, row.moved_to, row.moved_on) == ("outside", representatives[1], moved_on)
    assert (row.ordered, row.recovered) == (True, False)

    order(moved.client, moved_on, code="since the move")
    orders_changed.send(Order, client_ids=[moved.client_id])
    (line,) = receiver_lines(version.rule)
    assert (line.representative, line.received, line.recovered) == (representatives[1], 1, 1)
    # who was moved outside of a draw says nothing about the effect
    assert len(measured(as_of=LATER.date()).drawn) == 0


def test_columns_read_hold_one_rule_and_only_windows_closed_before_the_day(run_of_rule, fresh_feed):
    other = RunFactory(version=RuleVersionFactory(rule=RuleFactory()))
    make_outcome(run_of_rule, stratum="B2", ordered=True, net_cents=5, measured_at=LATER)
    make_outcome(run_of_rule, "control", stratum="-1", ordered=False, net_cents=0, measured_at=LATER)
    make_outcome(run_of_rule, "control", stratum="A3", drawn_on=AS_OF + timedelta(days=1), ordered=True, net_cents=1, measured_at=LATER)
    make_outcome(run_of_rule, "control", stratum="A3")  # not measured
    make_outcome(other, stratum="A1", ordered=True, net_cents=7, days=42, measured_at=LATER)
    closed = AS_OF + timedelta(days=91)
    found = measured(as_of=closed, rule=run_of_rule.rules.get().rule_version.rule, horizon=90)
    assert found.names == ("-1", "B2")
    assert [found.names[code] for code in found.drawn.stratum] == ["B2", "-1"]
    assert found.drawn.treated.tolist() == [True, False] and found.drawn.net_cents.tolist() == [5, 0]
    everything = measured(as_of=closed + timedelta(days=1))
    assert everything.names == ("-1", "A1", "A3", "B2") and len(set(everything.drawn.block)) == 2
    drawn_on, until_on = windows_of(run_of_rule.rules.get().rule_version.rule, as_of=AS_OF, horizon=90)
    assert len(drawn_on) == 3 and set(until_on - drawn_on) == {90}


def test_a_client_drawn_to_treatment_is_known_until_its_last_day(run_of_rule, acting):
    row, control = make_outcome(run_of_rule), make_outcome(run_of_rule, "control")
    import numpy as np

    ids = np.array(sorted([row.client_id, control.client_id]))
    for day, known in ((89, True), (90, False), (-1, False)):
        until = treated_until(ids, as_of=AS_OF + timedelta(days=day), run_id=0)
        assert (until > 0).tolist() == [known and pk == row.client_id for pk in ids]
    assert (treated_until(ids, as_of=AS_OF, run_id=run_of_rule.pk) < 0).all()  # a run computed again


def test_a_run_ranks_by_measured_effects_and_records_them(run_of_rule, admin, representatives, fresh_feed, experiment):
    until = AS_OF - timedelta(days=5)
    clients = ClientFactory.create_batch(40)
    version = run_of_rule.rules.get().rule_version
    rows = []
    for run in RunFactory.create_batch(10, version=version, rule_set=factory.Sequence("past {}".format)):
        for j, client in enumerate(clients):
            treated, third = j >= 12, 1 + (j % 2)
            ordered = (j % 10) < (8 if third == 1 else 2) if treated else j % 5 == 0
            drawn = {"share": 0.3, "arm": "treatment" if treated else "control", "stratum": f"A{third}"}
            window = {"drawn_on": until - timedelta(days=90), "until_on": until, "ordered": ordered, "net_cents": 0, "measured_at": NOW}
            ids = {"organization_id": fresh_feed.pk, "run": run, "rule": version.rule, "rule_version": version, "client": client}
            rows.append(Outcome(**ids, **drawn, **window))
    Outcome.objects.bulk_create(rows)
    assert measured_effects(as_of=until) is None  # not known yet that day
    effects = measured_effects(as_of=AS_OF)
    assert effects.n == 400 and effects.by_stratum["A1"] > effects.tau > effects.by_stratum["A2"]

    for i in range(20):
        make_client(representatives[0], net=300_000, days_silent=95 + i)
    run = run_now(experiment, admin)
    (said,) = [summary["lift"] for summary in run.summary["rules"]]
    assert said == {"source": "measured", "tau": effects.tau, "by_stratum": effects.by_stratum, "n": 400}
    lifts = set(run.proposals.filter(state="proposed").values_list("lift", flat=True))
    assert len(lifts) > 1 and lifts <= {*effects.by_stratum.values(), effects.tau}


def test_the_run_says_when_its_lift_is_assumed(experiment, admin, representatives):
    make_client(representatives[0])
    run = run_now(experiment, admin)
    assert run.summary["rules"][0]["lift"] == {"source": "assumed", "tau": 0.1}
    assert set(run.proposals.exclude(state="withheld").values_list("lift", flat=True)) <= {0.1}


def test_giving_up_a_run_half_applied_closes_it_and_keeps_its_draw(run_of_rule, admin, acting):
    version = run_of_rule.rules.get().rule_version
    done = ProposalFactory(run=run_of_rule, rule_version=version, state="applied")
    open_one = ProposalFactory(run=run_of_rule, rule_version=version, state="approved")
    make_outcome(run_of_rule, client=done.client)
    ended = cancel_run(run_of_rule, by=admin)
    assert ended.state == Run.State.APPLIED
    open_one.refresh_from_db()
    assert open_one.state == "expired" and Outcome.objects.count() == 1
    assert AuditEvent.objects.filter(stream=f"run:{ended.pk}").values_list("action", flat=True).get() == "run.closed"
