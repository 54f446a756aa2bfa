"""One team first, and the automatic stop: who a trial touches, what stops a rule, and what a person does about it."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Notice, Role
from accounts.notices import sentence
from accounts.selectors import local_day
from portfolio.models import Ownership
from rotation.errors import NeedsSecondPerson, NeedsSecondPublisher, UnknownReason, WrongState
from rotation.models import Outcome, Proposal, RotationSettings, Rule, RuleVersion, Run
from rotation.selectors.guard_figures import LIMITS, guard_figures
from rotation.selectors.runs import run_rules_for, versions_in_force
from rotation.services.apply import request_apply
from rotation.services.canary import release, withdraw
from rotation.services.decisions import decide
from rotation.services.rules import ask_to_publish, ask_two_people, create_rule, pause, publish, resume, save_draft
from rotation.services.runs import compute_run, start_run
from rotation.services.schedule import rules_in_force
from rotation.services.watch import halt_broken_rules, watch_rules
from tests.factories import OwnershipFactory, RepresentativeFactory, TeamFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory

WIDE = {"limits": {"give_share": 1.0, "receive_share": 1.0}}


@pytest.fixture
def rule(admin):
    made = create_rule(RULE | WIDE, by=admin)
    publish(made.versions.get(), by=admin)
    return made


def draft_of(rule, admin, days):
    trigger = {"all": [{"field": "days_since_last", "op": ">=", "value": days}]}
    return save_draft(rule, RULE | WIDE | {"trigger": trigger, "name": f"De {days} dias"}, by=admin)


def states(rule):
    return dict(rule.versions.values_list("number", "state"))


def test_a_trial_runs_in_its_team_and_the_version_in_force_for_everyone_else(fresh_feed, admin, team, representatives, rule):
    below = TeamFactory(parent=team)
    inside = [*representatives[:2], RepresentativeFactory(team=below, base_state="SP")]
    outside = RepresentativeFactory.create_batch(2, team=TeamFactory(), base_state="SP")
    for owner in (inside[0], inside[2], outside[0], None):
        make_client(owner, days_silent=100)
        make_client(owner, days_silent=130)
    trial = publish(draft_of(rule, admin, 120), by=admin, team=team)
    assert states(rule) == {1: "published", 2: "canary"}
    rule.refresh_from_db()
    assert rule.name == RULE["name"]  # the trial's name comes with its release

    run = compute_run(start_run([rule], as_of=AS_OF, trigger="command", by=admin).pk, fresh_feed.pk, at=NOW)
    ours = {each.pk for each in (*representatives, *inside)}
    found = list(run.proposals.values_list("rule_version__number", "days_since_last", "from_representative", "to_representative"))
    assert {(number, days) for number, days, _a, _b in found} == {(2, 130), (1, 100), (1, 130)}
    for number, _days, owner, receiver in found:
        assert (owner in ours, receiver in ours) == (number == 2, number == 2)
    assert any(owner is None for number, _d, owner, _t in found if number == 1)
    used = run.rules.order_by("position").values_list("rule_version__number", "side", "team")
    assert list(used) == [(2, "canary", team.pk), (1, "rest", team.pk)]
    scheduled = AuditEvent.objects.get(stream=f"run:{run.pk}", action="run.scheduled")
    assert scheduled.after["trials"] == {str(rule.pk): trial.number}


def test_a_person_releases_a_trial_to_all_or_ends_it(admin, manager, team, rule):
    trial = publish(draft_of(rule, admin, 120), by=admin, team=team, guard_limits={"rejected": 0.2})
    with pytest.raises(NotAllowed):
        release(trial, by=manager)
    released = release(trial, by=admin)
    rule.refresh_from_db()
    assert states(rule) == {1: "retired", 2: "published"} and rule.name == "De 120 dias"
    assert (released.released_by, released.canary_team, released.guard_limits) == (admin, team, {"rejected": 0.2})
    with pytest.raises(ChangedMeanwhile):
        release(trial, by=admin)

    ended = publish(draft_of(rule, admin, 150), by=admin, team=team)
    withdraw(ended, by=admin)
    assert states(rule) == {1: "retired", 2: "published", 3: "retired"}
    # a newer version ends the trial of the one before
    publish(draft_of(rule, admin, 160), by=admin, team=team)
    publish(draft_of(rule, admin, 170), by=admin, team=team)
    assert states(rule)[4] == "retired" and states(rule)[5] == "canary"
    publish(draft_of(rule, admin, 180), by=admin)
    assert states(rule) == {1: "retired", 2: "retired", 3: "retired", 4: "retired", 5: "retired", 6: "published"}


def test_a_first_version_on_trial_is_all_there_is(admin, team):
    made = create_rule(RULE | WIDE, by=admin)
    trial = publish(made.versions.get(), by=admin, team=team)
    made.refresh_from_db()
    assert made.is_active and versions_in_force() == [trial]
    assert [(line.rule_version_id, line.side) for line in run_rules_for([made])] == [(trial.pk, "canary")]
    withdraw(trial, by=admin)
    made.refresh_from_db()
    assert not made.is_active and versions_in_force() == []


@pytest.fixture
def watched(acting, representatives):
    """A published version, and a way to give it proposals."""
    version = RuleVersionFactory(rule=RuleFactory(name="Vigiada"), watched_since=NOW)
    run = RunFactory(version=version, computed_at=NOW)

    def proposals(n, **fields):
        return ProposalFactory.create_batch(
            n, run=run, rule_version=version, owner=representatives[0], to_representative=representatives[1], decided_at=NOW, **fields
        )

    return version, proposals


def figures(version):
    return {figure.name: figure for figure in guard_figures([version])[version.pk]}


def test_guard_figures_count_from_when_the_version_is_watched(watched):
    version, proposals = watched
    proposals(6, state="rejected")
    proposals(4, state="approved", caveats=["farther"])
    proposals(9, state="proposed")
    found = figures(version)
    assert (found["rejected"].hits, found["rejected"].cases) == (6, 10)
    assert found["rejected"].value is None and not found["rejected"].broken  # ten say nothing
    assert (found["caveats"].hits, found["caveats"].cases, found["caveats"].value) == (4, 19, None)
    proposals(10, state="approved")
    assert figures(version)["rejected"].value == pytest.approx(6 / 20)
    RuleVersion.objects.filter(pk=version.pk).update(watched_since=NOW + timedelta(seconds=1))
    assert all((figure.hits, figure.cases) == (0, 0) for figure in figures(version).values())


def test_moves_taken_back_by_hand_or_by_a_reversal_count_as_undone(watched):
    version, proposals = watched
    applied = proposals(4, state="applied", applied_at=NOW)
    day = AS_OF + timedelta(days=1)
    back = [("manual", 10), ("reversal", 0), ("rotation", 5), ("manual", 31)]
    for proposal, (source, after) in zip(applied, back, strict=True):
        Ownership.objects.filter(client=proposal.client).update(ended_on=day)
        moved = {"client": proposal.client, "representative": proposal.to_representative, "seq": 2, "source": "rotation"}
        ended = day + timedelta(days=after)
        OwnershipFactory(**moved, started_on=day, ended_on=ended, proposal_id=proposal.pk)
        OwnershipFactory(client=proposal.client, representative=proposal.from_representative, seq=3, source=source, started_on=ended)
    assert (figures(version)["undone"].hits, figures(version)["undone"].cases) == (2, 4)


def test_clients_left_alone_that_order_all_the_same_are_false_alarms(watched):
    version, _proposals = watched
    for i, run in enumerate(RunFactory.create_batch(4, version=version)):
        Outcome.objects.create(
            run=run, rule=version.rule, rule_version=version, client=ProposalFactory(run=run, rule_version=version).client,
            arm="control" if i else "treatment", share=0.3, drawn_on=AS_OF, until_on=AS_OF + timedelta(days=90), ordered=i < 3,
            net_cents=0, measured_at=NOW,
        )  # fmt: skip
    assert (figures(version)["false_alarm"].hits, figures(version)["false_alarm"].cases) == (2, 3)


def test_figures_of_many_versions_are_one_query(watched):
    versions = [watched[0], *RuleVersionFactory.create_batch(3)]
    with CaptureQueriesContext(
        connection,
    ) as seen:
        found = guard_figures(versions)
    assert len(seen) == 1
    assert list(found) == [version.pk for version in versions]
    assert [figure.name for figure in found[versions[0].pk]] == list(LIMITS)


def test_a_broken_figure_stops_the_rule_once_with_notice_and_numbers(watched, admin, manager):
    version, proposals = watched
    proposals(9, state="rejected")
    proposals(11, state="approved")
    ((rule_id, number, figure),) = halt_broken_rules(NOW)
    assert (rule_id, number, figure.name, figure.hits, figure.cases) == (version.rule_id, 1, "rejected", 9, 20)
    rule = Rule.objects.get(pk=version.rule_id)
    halt = {"number": 1, "figures": [{"figure": "rejected", "hits": 9, "cases": 20, "limit": 0.4}]}
    assert (rule.is_active, rule.halted_at, rule.halt) == (False, NOW, halt)
    assert watch_rules(NOW + timedelta(minutes=10)) == []  # stopped is stopped

    event = AuditEvent.objects.get(stream=f"rule:{rule.pk}", action="rule.halted")
    assert (event.actor_label, event.after) == ("task rotation.watch_rules", {"active": False} | halt)
    notice, second = Notice.objects.filter(kind="rule_halted").order_by("membership")
    assert {notice.membership, second.membership} == {admin, manager} and notice.facts == second.facts
    said = sentence(notice.kind, notice.facts, currency="BRL")
    assert said.text == "“Vigiada” parou sozinha"
    assert said.detail == "45% das propostas foram recusadas (o limite é 40%)"
    assert json.dumps(notice.facts)

    # a person resumes it: what was seen is not counted against it again
    with pytest.raises(UnknownReason, match="Vigiada"):
        resume(rule, by=admin, reason="  ")
    rule.refresh_from_db()
    assert not rule.is_active and rule.halt == halt
    resume(rule, by=admin, reason="Os motivos de recusa\nforam revistos")
    rule.refresh_from_db()
    assert (rule.is_active, rule.halted_at, rule.halt) == (True, None, {})
    event = AuditEvent.objects.get(stream=f"rule:{rule.pk}", action="rule.resumed")
    assert (event.actor_id, event.reason) == (admin.pk, "Os motivos de recusa foram revistos")
    assert (event.before["number"], event.before["figures"]) == (1, halt["figures"])
    assert halt_broken_rules(NOW + timedelta(days=1)) == []


def test_a_figure_that_broke_since_the_watch_looked_stops_the_very_next_run(fresh_feed, watched, admin):
    version, proposals = watched
    other = create_rule(RULE | {"name": "Outra"}, by=admin)
    publish(other.versions.get(), by=admin)
    waiting = start_run([version.rule], as_of=AS_OF + timedelta(days=1), trigger="schedule", by=admin)
    proposals(9, state="rejected")
    proposals(11, state="approved")
    together = start_run([version.rule, other], as_of=AS_OF, trigger="schedule", by=admin)
    assert [line.rule_version.rule_id for line in together.rules.all()] == [other.pk]
    rule = Rule.objects.get(pk=version.rule_id)
    assert not rule.is_active and rule.halted_at
    assert rule.pk not in {each.pk for each, _version in rules_in_force()}
    # what was asked for before, and not computed yet, is refused in words
    Run.objects.filter(pk=together.pk).update(state="cancelled")
    with pytest.raises(WrongState, match="parou sozinha"):
        compute_run(waiting.pk, fresh_feed.pk, at=NOW)
    waiting.refresh_from_db()
    assert waiting.state == Run.State.FAILED and "parou sozinha" in waiting.error


def test_a_limit_of_the_versions_own_stops_sooner_and_a_paused_rule_is_left_alone(watched, admin):
    version, proposals = watched
    proposals(5, state="rejected")
    proposals(15, state="approved")
    assert halt_broken_rules(NOW) == []
    RuleVersion.objects.filter(pk=version.pk).update(guard_limits={"rejected": 0.2})
    pause(version.rule, by=admin)
    assert halt_broken_rules(NOW) == []
    Rule.objects.filter(pk=version.rule_id).update(is_active=True)
    assert [each[2].limit for each in halt_broken_rules(NOW)] == [0.2]


def test_where_publishing_takes_two_people_who_wrote_a_version_does_not_publish_it(acting, admin, manager, rule):
    with pytest.raises(NeedsSecondPublisher, match="segunda pessoa"):
        ask_two_people(True, by=admin)
    second = make_member(acting, Role.ADMIN)
    with pytest.raises(NotAllowed):
        ask_two_people(True, by=manager)
    ask_two_people(True, by=admin)
    ask_two_people(True, by=admin)
    assert AuditEvent.objects.filter(action="rotation.two_publishers").count() == 1
    draft = draft_of(rule, admin, 120)
    with pytest.raises(NeedsSecondPublisher):
        publish(draft, by=admin)
    ask_to_publish(draft, by=admin)
    ask_to_publish(draft, by=admin)
    (notice,) = Notice.objects.filter(kind="rule_submitted")
    assert notice.membership == second
    assert sentence(notice.kind, notice.facts, currency="BRL").path == f"rules/{rule.pk}/publish/"
    assert publish(draft, by=second).state == "published"
    ask_two_people(False, by=admin)
    assert not RotationSettings.objects.get().publish_needs_two
    publish(draft_of(rule, admin, 130), by=admin)


def proposals_in(mode, representatives, **fields):
    version = RuleVersionFactory(definition=RULE | {"approval": {"mode": mode, "expires_after_business_days": 5}})
    run = RunFactory(version=version)
    made = {"run": run, "rule_version": version, "owner": representatives[0], "to_representative": representatives[1]}
    return run, ProposalFactory.create_batch(2, **made, **fields)


def approve(run, by):
    return decide(Proposal.objects.filter(run=run), "approve", by=by, at=NOW)


def test_a_rule_may_leave_approving_to_the_administration(acting, admin, manager, representatives):
    run, _made = proposals_in("admin", representatives)
    with pytest.raises(NotAllowed, match="administração"):
        approve(run, manager)
    assert len(decide(Proposal.objects.filter(run=run), "postpone", by=manager, at=NOW).decided) == 2
    other, _more = proposals_in("manager", representatives)
    both = decide(Proposal.objects.filter(run__in=[run, other]), "approve", by=manager, at=NOW)
    assert len(both.decided) == 2 and {each.code for each in both.skipped} == {"needs_admin"}
    assert len(approve(run, admin).decided) == 2


def test_a_rule_may_leave_approving_to_who_leads_the_team(acting, manager, team, representatives):
    run, _made = proposals_in("supervisor", representatives)
    above = TeamFactory()
    team.parent = above
    team.save(update_fields=["parent"])
    director = make_member(acting, Role.MANAGER, team=above)
    with pytest.raises(NotAllowed, match="lidera diretamente"):
        approve(run, director)
    assert len(approve(run, manager).decided) == 2


def test_a_rule_may_ask_for_two_people_to_approve_and_to_apply(acting, admin, manager, representatives):
    run, made = proposals_in("two_people", representatives)
    approve(run, manager)
    with pytest.raises(NeedsSecondPerson):
        request_apply(run, by=manager, at=NOW)
    assert request_apply(run, by=admin, at=NOW).state == "applying"
    assert {Proposal.objects.get(pk=each.pk).state for each in made} == {"approved"}


def test_pages_tell_a_trial_from_the_rule_beside_it_and_what_came_of_it(fresh_feed, signed_in, admin, team, representatives, rule):
    fresh_feed.orders_received_at = timezone.now()
    fresh_feed.save(update_fields=["orders_received_at"])
    today = local_day(fresh_feed, at=timezone.now())
    for days in (100, 130, 140):
        make_client(representatives[0], days_silent=days, as_of=today)
    outside = RepresentativeFactory.create_batch(2, team=TeamFactory(), base_state="SP")
    make_client(outside[0], days_silent=130, as_of=today)
    RuleVersion.objects.filter(rule=rule, number=1).update(guard_limits={"caveats": 0.8})
    web, base = signed_in(admin), "/o/vale-verde/"

    # the limits given to the version in force are offered for the next
    draft = draft_of(rule, admin, 120)
    page = web.get(f"{base}rules/{rule.pk}/publish/").content.decode()
    assert 'name="limit_caveats" value="80"' in page
    trial = publish(draft, by=admin, team=team)
    assert "Ainda não rodou." in web.get(f"{base}rules/{rule.pk}/outcome/").content.decode()
    run = compute_run(start_run([rule], as_of=today, trigger="command", by=admin).pk, fresh_feed.pk, at=timezone.now())
    n_trial, n_rest = (run.proposals.filter(rule_version__number=number).count() for number in (2, 1))
    assert n_trial and n_rest

    outcome = web.get(f"{base}rules/{rule.pk}/outcome/").content.decode()
    assert f"propostas {n_trial}, aplicadas 0, recusadas 0, por decidir {n_trial}." in outcome
    assert "O que muda da v1" in outcome
    review = web.get(f"{base}rotation/{run.pk}/").content.decode()
    assert "de 1 regra" in review and f"em teste: {team.name}" in review
    assert f"em teste: {team.name}" in web.get(f"{base}rotation/{run.pk}/figures/").content.decode()
    release(trial, by=admin)
    versions = web.get(f"{base}rules/{rule.pk}/versions/").content.decode()
    assert f"Provada antes na equipe {team.name}; liberada para todos por" in versions
    assert f"propostas {n_rest}," in versions
    assert f"rules/{rule.pk}/versions/2/restore/" not in versions  # it is what is in force
    assert f"rules/{rule.pk}/versions/1/restore/" in versions

    # the day has run: the dry run says so, and its run may be given up for another
    start = web.get(f"{base}rotation/start/").content.decode()
    assert "Estas regras já rodaram hoje" in start and "Rodar:" not in start and "Ele usou outras versões" in start
    answer = web.post(f"{base}rotation/{run.pk}/cancel/", {"next": "start"})
    assert answer.url == f"{base}rotation/start/"
    start = web.get(f"{base}rotation/start/").content.decode()
    assert "Estas regras já rodaram hoje" not in start and "Rodar:" in start
