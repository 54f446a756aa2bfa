"""What a person decides about proposals, who may, and what happens when two decide at once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import NotAllowed
from accounts.models import Absence, AuditEvent, Representative, Role
from portfolio.models import Ownership
from rotation.errors import NotEligible, UnknownReason
from rotation.models import Decision, Proposal, Run
from rotation.selectors.team_load import team_load, with_moves
from rotation.services.decisions import Skipped, ceilings_passed, decide, undo_batch
from rotation.services.rules import create_rule, publish
from rotation.services.runs import compute_run, start_run
from tests.factories import RepresentativeFactory, TeamFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client
from tests.rotation.making import make_run, propose

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def run(fresh_feed, admin, portfolio):
    return computed(admin)


def computed(admin, **limits) -> Run:
    definition = RULE | {"limits": {"give_share": 1.0, "receive_share": 1.0} | limits}
    rule = create_rule(definition, by=admin)
    publish(rule.versions.get(), by=admin)
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    return compute_run(run.pk, admin.organization_id, at=NOW)


def states(run: Run) -> dict[str, int]:
    rows = list(run.proposals.values_list("state", flat=True))
    return {state: rows.count(state) for state in set(rows)}


def test_approving_moves_the_row_records_who_and_raises_its_version(run, manager):
    proposal = run.proposals.order_by("position")[0]
    result = decide(run.proposals.filter(pk=proposal.pk), "approve", by=manager, at=LATER, versions={proposal.pk: 1})

    assert (result.decided, result.skipped) == ([proposal.pk], [])
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by_id, proposal.decided_at, proposal.version) == ("approved", manager.pk, LATER, 2)
    decision = Decision.objects.get()
    assert (decision.batch, decision.action, decision.by_id, decision.at) == (result.batch, "approve", manager.pk, LATER)
    assert (decision.from_state, decision.to_state) == ("proposed", "approved")
    run.refresh_from_db()
    assert run.approved_by == [manager.pk]
    event = AuditEvent.objects.filter(stream=f"run:{run.pk}").latest("seq")
    assert (event.action, event.actor_id, event.after["proposals"]) == ("proposals.approve", manager.pk, 1)


def test_refusing_needs_a_reason_and_keeps_it(run, manager):
    one = run.proposals.all()[:1]
    rows = run.proposals.filter(pk=one[0].pk)
    with pytest.raises(UnknownReason):
        decide(rows, "reject", by=manager, at=LATER, reason="  ")
    decide(rows, "reject", by=manager, at=LATER, reason="Negociação em andamento", note="visita quinta")
    proposal = rows.get()
    assert (proposal.state, proposal.decision_reason, proposal.decision_note) == ("rejected", "Negociação em andamento", "visita quinta")


def test_postponing_leaves_the_row_pending_and_deciding_it_later_ends_the_postponement(run, manager):
    rows = run.proposals.filter(pk=run.proposals.first().pk)
    decide(rows, "postpone", by=manager, at=LATER)
    assert (rows.get().state, rows.get().postponed_at) == ("proposed", LATER)
    decide(rows, "approve", by=manager, at=LATER)
    assert (rows.get().state, rows.get().postponed_at) == ("approved", None)


@pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR])
def test_only_management_decides(run, acting, role):
    other = make_member(acting, role)
    with pytest.raises(NotAllowed):
        decide(run.proposals.all(), "approve", by=other, at=LATER)
    with pytest.raises(NotAllowed):
        undo_batch(decide(run.proposals.all(), "approve", by=make_member(acting, Role.ADMIN), at=LATER).batch, by=other, at=LATER)


def test_a_manager_acts_only_where_both_representatives_are_theirs(fresh_feed, admin, run, representatives):
    north = make_member(fresh_feed, Role.MANAGER, team=TeamFactory())
    assert decide(run.proposals.all(), "approve", by=north, at=LATER).decided == []
    assert states(run) == {"proposed": run.n_proposed}
    # one of the two within reach is not enough
    representatives[2].team = north.team
    representatives[2].save()
    assert decide(run.proposals.all(), "approve", by=north, at=LATER).decided == []
    representatives[0].team = north.team
    representatives[0].save()
    decided = decide(run.proposals.all(), "approve", by=north, at=LATER).decided
    within = {representatives[0].pk, representatives[2].pk}
    expected = run.proposals.filter(from_representative__in=within, to_representative__in=within)
    assert set(decided) == set(expected.values_list("pk", flat=True)) != set()


def test_a_managers_reach_never_covers_clients_nobody_answers_for(fresh_feed, admin, manager, run, representatives):
    orphan = run.proposals.first()
    Proposal.objects.filter(pk=orphan.pk).update(from_representative=None)
    rows = run.proposals.filter(pk=orphan.pk)
    assert decide(rows, "approve", by=manager, at=LATER).decided == []
    assert decide(rows, "approve", by=admin, at=LATER).decided == [orphan.pk]


def test_a_bulk_approval_leaves_caveats_out_unless_told_otherwise(run, manager):
    flagged = run.proposals.first()
    Proposal.objects.exclude(pk=flagged.pk).update(caveats=[])
    Proposal.objects.filter(pk=flagged.pk).update(caveats=["farther"])
    result = decide(run.proposals.all(), "approve", by=manager, at=LATER, bulk=True)
    assert result.skipped == [Skipped(flagged.pk, "caveat")]
    assert len(result.decided) == run.n_proposed - 1
    assert decide(run.proposals.all(), "approve", by=manager, at=LATER, bulk=True, with_caveats=True).decided == [flagged.pk]


def test_rows_somebody_decided_after_the_selection_are_skipped_and_reported(run, admin, manager):
    first, second, *_ = run.proposals.order_by("pk")
    selected_at = LATER
    decide(run.proposals.filter(pk=first.pk), "reject", by=admin, at=LATER + timedelta(minutes=1), reason="sazonal")
    decide(run.proposals.filter(pk=second.pk), "postpone", by=admin, at=LATER + timedelta(minutes=2))

    result = decide(
        run.proposals.all(), "approve", by=manager, at=LATER + timedelta(minutes=5), moment=selected_at, bulk=True, with_caveats=True
    )
    assert result.skipped == [
        Skipped(first.pk, "changed_meanwhile", admin.name, LATER + timedelta(minutes=1)),
        Skipped(second.pk, "changed_meanwhile", admin.name, LATER + timedelta(minutes=2)),
    ]
    assert len(result.decided) == run.n_proposed - 2


def test_a_row_with_another_version_than_the_one_seen_is_skipped(run, admin, manager):
    proposal = run.proposals.first()
    rows = run.proposals.filter(pk=proposal.pk)
    decide(rows, "postpone", by=admin, at=LATER)
    result = decide(rows, "approve", by=manager, at=LATER, versions={proposal.pk: 1})
    assert (result.decided, result.skipped) == ([], [Skipped(proposal.pk, "changed_meanwhile", admin.name, LATER)])


def test_deciding_twice_says_who_was_first(run, admin, manager):
    rows = run.proposals.filter(pk=run.proposals.first().pk)
    decide(rows, "approve", by=admin, at=LATER)
    assert decide(rows, "approve", by=manager, at=LATER).skipped == [Skipped(rows.get().pk, "already_decided", admin.name, LATER)]


def test_nothing_is_decided_in_a_run_that_is_no_longer_in_review(run, manager):
    Run.objects.filter(pk=run.pk).update(state="applying")
    result = decide(run.proposals.all(), "approve", by=manager, at=LATER)
    assert result.decided == []
    assert {skipped.code for skipped in result.skipped} == {"run_closed"}


def test_the_control_group_is_nobodys_to_decide(run, admin):
    held = run.proposals.first()
    Proposal.objects.filter(pk=held.pk).update(state="withheld", to_representative=None)
    result = decide(run.proposals.filter(pk=held.pk), "approve", by=admin, at=LATER)
    assert (result.decided, result.skipped) == ([], [])


def test_changing_to_a_runner_up_takes_the_numbers_the_run_computed(run, manager, representatives):
    proposal = next(row for row in run.proposals.order_by("position") if len(row.candidates) > 1)
    other = next(each for each in representatives if each.pk == proposal.candidates[1])
    decide(run.proposals.filter(pk=proposal.pk), "change", by=manager, at=LATER, to=other)

    proposal.refresh_from_db()
    assert (proposal.to_representative_id, proposal.state) == (other.pk, "proposed")
    assert (proposal.value_cents, proposal.km_to) == (proposal.candidate_values[1], proposal.candidate_kms[1])
    assert ("farther" in proposal.caveats) == (proposal.km_to > proposal.km_from)
    assert proposal.computed_to_id == proposal.candidates[0]


def test_a_new_receiver_is_worth_what_the_engine_would_have_said(run, manager, representatives, team):
    proposal = run.proposals.order_by("position").first()
    known = next(each for each in representatives if each.pk == proposal.candidates[0])
    twin = RepresentativeFactory(team=team, latitude=known.latitude, longitude=known.longitude, base_state="SP")
    decide(run.proposals.filter(pk=proposal.pk), "change", by=manager, at=LATER, to=twin)
    value, km = proposal.value_cents, proposal.km_to
    proposal.refresh_from_db()
    assert proposal.value_cents == pytest.approx(value, abs=1)
    assert proposal.km_to == pytest.approx(km, rel=1e-6)


def _one(run):
    return run.proposals.order_by("position").first()


@pytest.mark.parametrize(
    ("why", "fields"),
    [
        ("no_region", {"regions": ["RS"]}),
        ("no_segment", {"segments": ["Hotel"]}),
        ("too_far", {"latitude": -10.0}),
        ("receiver_inactive", {"valid_to": AS_OF}),
    ],
)
def test_a_receiver_that_does_not_fit_is_refused_with_the_reason(run, manager, team, why, fields):
    defaults = {"latitude": -23.5, "longitude": -46.6}
    receiver = RepresentativeFactory(team=team, **(defaults | fields))
    with pytest.raises(NotEligible, match=receiver.name) as refusal:
        decide(run.proposals.filter(pk=_one(run).pk), "change", by=manager, at=LATER, to=receiver)
    assert refusal.value.why == why


def test_an_absent_a_former_and_the_present_owner_are_refused_as_receivers(fresh_feed, run, manager, team, representatives):
    proposal = _one(run)
    rows = run.proposals.filter(pk=proposal.pk)
    away = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6)
    Absence.objects.create(
        organization=fresh_feed, representative=away, starts_on=AS_OF + timedelta(days=14), ends_on=AS_OF + timedelta(days=20)
    )
    former = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6)
    other = make_client(representatives[0])
    Proposal.objects.filter(pk=proposal.pk).update(client=other)
    Ownership.objects.filter(client=other).update(ended_on=AS_OF - timedelta(days=200))
    Ownership.objects.create(
        organization=fresh_feed,
        client=other,
        representative=former,
        seq=2,
        started_on=AS_OF - timedelta(days=200),
        ended_on=AS_OF - timedelta(days=30),
        source="manual",
    )
    owner = next(each for each in representatives if each.pk == proposal.from_representative_id)
    for receiver, why in ((away, "receiver_absent"), (former, "cooling_off"), (owner, "owner")):
        with pytest.raises(NotEligible) as refusal:
            decide(rows, "change", by=manager, at=LATER, to=receiver)
        assert refusal.value.why == why


def test_ceilings_fill_up_row_by_row_and_who_is_beyond_needs_a_look_of_its_own(run, manager, team):
    narrow = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6, capacity_clients=2, receive_ceiling=1)
    n = run.n_proposed
    assert n > 2
    told = ceilings_passed(run.proposals.all(), narrow, by=manager, at=LATER)
    assert [(each.kind, each.n, each.most) for each in told] == [("clients", n, 2), ("receive", n, 1)]
    assert len(decide(run.proposals.all(), "change", by=manager, at=LATER, to=narrow).decided) == n
    passed = [_passes(row) for row in run.proposals.order_by("pk")]
    assert passed == [[], ["over_ceiling"], *[["over_capacity", "over_ceiling"]] * (n - 2)]
    approved = decide(run.proposals.all(), "approve", by=manager, at=LATER, bulk=True)
    assert {skipped.code for skipped in approved.skipped} == {"caveat"} and len(approved.skipped) >= n - 1


def test_choices_made_one_after_another_in_a_run_are_counted_together(run, manager, admin, team):
    narrow = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6, receive_ceiling=2)
    other = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6)
    first, second, third = run.proposals.order_by("pk")[:3]
    rows = [run.proposals.filter(pk=each.pk) for each in (first, second, third)]
    for row in rows[:2]:
        assert ceilings_passed(row, narrow, by=manager, at=LATER) == []
        decide(row, "change", by=manager, at=LATER, to=narrow)
    [beyond] = ceilings_passed(rows[2], narrow, by=manager, at=LATER)
    assert (beyond.kind, beyond.n, beyond.most) == ("receive", 3, 2)
    batch = decide(rows[2], "change", by=manager, at=LATER, to=narrow).batch
    assert _passes(rows[2].get()) == ["over_ceiling"]
    # what is taken back, refused or sent elsewhere leaves its place
    undo_batch(batch, by=manager, at=LATER)
    assert _passes(rows[2].get()) == []
    decide(rows[0], "change", by=manager, at=LATER, to=other)
    decide(rows[2], "change", by=manager, at=LATER, to=narrow)
    assert _passes(rows[2].get()) == []
    decide(rows[0], "change", by=manager, at=LATER, to=narrow)
    decide(rows[1], "reject", by=manager, at=LATER, reason="fica")
    assert _passes(rows[0].get()) == ["over_ceiling"]
    # and what is applied keeps it
    rows[2].update(state="applied")
    decide(rows[0], "change", by=manager, at=LATER, to=other)
    rows[1].update(state="proposed", to_representative=other)
    decide(rows[1], "change", by=manager, at=LATER, to=narrow)
    assert ceilings_passed(rows[0], narrow, by=manager, at=LATER)[0].n == 3


def test_minutes_are_a_ceiling_of_a_choice_too(run, manager, team):
    busy = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6, capacity_minutes_week=1)
    row = run.proposals.filter(pk=_one(run).pk)
    [minutes] = ceilings_passed(row, busy, by=manager, at=LATER)
    [line] = with_moves(team_load(Representative.objects.filter(pk=busy.pk)), [(_one(run).client_id, busy.pk)])
    assert (minutes.kind, minutes.n, minutes.most) == ("minutes", round(line.minutes_after), 1)
    decide(row, "change", by=manager, at=LATER, to=busy)
    assert _passes(row.get()) == ["over_capacity"]
    # what is open counts, and so does this client where it was sent already
    [again] = ceilings_passed(run.proposals.filter(position=2), busy, by=manager, at=LATER)
    assert again.n > minutes.n


def test_the_teams_most_counts_its_whole_branch(fresh_feed, admin, portfolio, team):
    RepresentativeFactory(latitude=-23.5, longitude=-46.6)  # in no team, held by no team's most
    run = computed(admin, team_max=2)
    inside, outside = run.proposals.filter(to_representative__team=team), run.proposals.filter(to_representative__team=None)
    assert (inside.count(), outside.count()) == (2, run.n_proposed - 2)
    below = RepresentativeFactory(team=TeamFactory(parent=TeamFactory(parent=team)), latitude=-23.5, longitude=-46.6)
    # from one of the branch to another of it: the branch receives no more than before
    assert ceilings_passed(inside, below, by=admin, at=LATER) == []
    [most] = ceilings_passed(outside, below, by=admin, at=LATER)
    assert (most.kind, most.n, most.most, most.team) == ("team", run.n_proposed, 2, team.name)


def _passes(row):
    return [each for each in row.caveats if each.startswith("over_")]


def test_a_receiver_outside_the_managers_team_is_refused(run, manager):
    with pytest.raises(NotAllowed):
        decide(run.proposals.all(), "change", by=manager, at=LATER, to=RepresentativeFactory())


def test_undoing_gives_every_row_back_what_it_had(run, manager, admin):
    before = list(run.proposals.order_by("pk").values("pk", "state", "to_representative", "value_cents", "km_to", "caveats"))
    approved = decide(run.proposals.all(), "approve", by=manager, at=LATER, bulk=True, with_caveats=True)
    undone = undo_batch(approved.batch, by=manager, at=LATER + timedelta(minutes=1))
    assert sorted(undone.decided) == sorted(approved.decided)
    assert list(run.proposals.order_by("pk").values("pk", "state", "to_representative", "value_cents", "km_to", "caveats")) == before
    assert Decision.objects.filter(action="reopen").count() == len(before)


def test_undoing_a_change_of_receiver_brings_its_numbers_back(run, manager, representatives):
    proposal = next(row for row in run.proposals.order_by("position") if len(row.candidates) > 1)
    other = next(each for each in representatives if each.pk == proposal.candidates[1])
    batch = decide(run.proposals.filter(pk=proposal.pk), "change", by=manager, at=LATER, to=other).batch
    undo_batch(batch, by=manager, at=LATER)
    after = Proposal.objects.get(pk=proposal.pk)
    assert (after.to_representative_id, after.value_cents, after.km_to) == (
        proposal.to_representative_id,
        proposal.value_cents,
        proposal.km_to,
    )


def test_approving_for_another_receiver_is_one_act_and_one_undo_takes_it_back(run, manager, representatives):
    proposal = next(row for row in run.proposals.order_by("position") if len(row.candidates) > 1)
    other = next(each for each in representatives if each.pk == proposal.candidates[1])
    rows = run.proposals.filter(pk=proposal.pk)

    def row():
        return rows.values("state", "to_representative_id", "value_cents", "km_to", "caveats").get()

    before = row()
    result = decide(rows, "approve", by=manager, at=LATER, to=other, versions={proposal.pk: proposal.version})
    after = row()
    assert (after["state"], after["to_representative_id"]) == ("approved", other.pk)
    assert after["value_cents"] == proposal.candidate_values[1]
    decision = Decision.objects.get(batch=result.batch)
    assert (decision.action, decision.from_receiver_id, decision.to_receiver_id) == ("approve", before["to_representative_id"], other.pk)
    undo_batch(result.batch, by=manager, at=LATER)
    assert row() == before


def test_a_postponed_proposal_goes_back_to_pending_and_an_undo_postpones_it_again(run, manager):
    first, second = run.proposals.order_by("pk")[:2]
    decide(run.proposals.filter(pk=first.pk), "postpone", by=manager, at=LATER)
    back = decide(run.proposals.filter(pk__in=[first.pk, second.pk]), "reopen", by=manager, at=LATER)
    assert (back.decided, [each.proposal_id for each in back.skipped]) == ([first.pk], [second.pk])  # the other was pending already
    assert Proposal.objects.get(pk=first.pk).postponed_at is None
    undo_batch(back.batch, by=manager, at=LATER)
    assert Proposal.objects.get(pk=first.pk).postponed_at == LATER
    approved = decide(run.proposals.filter(pk=second.pk), "approve", by=manager, at=LATER)
    undo_batch(approved.batch, by=manager, at=LATER)
    assert Proposal.objects.get(pk=second.pk).postponed_at is None


def test_undoing_leaves_rows_decided_again_since_and_says_by_whom(run, manager, admin):
    first = run.proposals.order_by("pk").first()
    approved = decide(run.proposals.all(), "approve", by=manager, at=LATER)
    decide(run.proposals.filter(pk=first.pk), "reject", by=admin, at=LATER + timedelta(minutes=1), reason="outro")
    undone = undo_batch(approved.batch, by=manager, at=LATER + timedelta(minutes=2))
    assert undone.skipped == [Skipped(first.pk, "changed_meanwhile", admin.name, LATER + timedelta(minutes=1))]
    assert states(run) == {"proposed": run.n_proposed - 1, "rejected": 1}


def test_a_refused_proposal_stays_so_where_its_client_is_proposed_elsewhere_by_now(run, manager, admin):
    first, second = run.proposals.order_by("pk")[:2]
    rows = run.proposals.filter(pk__in=[first.pk, second.pk])
    refused = decide(rows, "reject", by=manager, at=LATER, reason="outro")
    propose(make_run(first.rule_version, as_of=AS_OF, expires_at=LATER), first.client, first.to_representative)

    back = decide(rows, "reopen", by=manager, at=LATER)
    assert (back.decided, back.skipped) == ([second.pk], [Skipped(first.pk, "changed_meanwhile")])
    undo_batch(back.batch, by=manager, at=LATER)
    undone = undo_batch(refused.batch, by=manager, at=LATER)
    assert Skipped(first.pk, "changed_meanwhile") in undone.skipped
    assert Proposal.objects.get(pk=first.pk).state == "rejected"


def test_a_manager_undoes_their_own_acts_and_the_administration_any(run, manager, admin):
    batch = decide(run.proposals.all(), "approve", by=admin, at=LATER).batch
    with pytest.raises(NotAllowed):
        undo_batch(batch, by=manager, at=LATER)
    assert undo_batch(batch, by=admin, at=LATER).decided


def test_an_act_makes_the_same_number_of_statements_however_many_rows(run, manager):
    def statements(rows) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert decide(rows, "approve", by=manager, at=LATER, bulk=True, with_caveats=True).decided
        return len(captured)

    one = statements(run.proposals.filter(pk=run.proposals.first().pk))
    assert statements(run.proposals.filter(state="proposed")) == one
