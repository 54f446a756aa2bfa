"""A run from its start to the proposals a manager reviews, and everything that may stop it."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Notice, Representative
from accounts.services import Actor
from accounts.tenancy.models import TenantModel
from clients.models import ClientActivity, ImportJob
from portfolio.models import Ownership
from rotation.engine.features import abc_classes
from rotation.errors import NoPublishedVersion, NoRules, RefusedFeed, StaleFeed, WrongState
from rotation.models import Holdout, Proposal, Run
from rotation.services import expiring
from rotation.services.rules import create_rule, publish, rotation_settings, save_draft
from rotation.services.runs import cancel_run, compute_run, preview, start_run
from tests.factories import ClientFactory
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client
from tests.rotation.making import give, make_run, propose


@pytest.fixture
def rule(admin):
    rule = create_rule(RULE, by=admin)
    publish(rule.versions.get(), by=admin)
    rule.refresh_from_db()
    return rule


def run_now(rule, admin, as_of=AS_OF, at=NOW) -> Run:
    run = start_run([rule], as_of=as_of, trigger="person", by=admin)
    return compute_run(run.pk, rule.organization_id, at=at)


def row_counts() -> dict[str, int]:
    """Rows of every table of the organization."""
    return {model.__name__: model.objects.count() for model in apps.get_models() if issubclass(model, TenantModel)}


def moves(run: Run) -> list[tuple]:
    return list(run.proposals.order_by("position").values_list("client", "from_representative", "to_representative", "value_cents"))


def test_a_representatives_own_ceilings_hold_in_the_run_and_in_its_dry_run(fresh_feed, admin, rule, portfolio, representatives):
    giver, taker, shut = representatives
    Representative.objects.filter(pk=giver.pk).update(give_ceiling=1)
    Representative.objects.filter(pk=taker.pk).update(receive_ceiling=1)
    Representative.objects.filter(pk=shut.pk).update(receive_ceiling=0, give_ceiling=0)
    seen = preview([rule.versions.get()], as_of=AS_OF, at=NOW)
    run = run_now(rule, admin)

    pairs = run.proposals.values_list("from_representative", "to_representative")
    # a tenth of thirty is three and everyone has room for four: what each allows is less
    assert sorted(pairs) == sorted((each.from_id, each.to_id) for each in seen.proposals)
    assert Counter(each for each, _to in pairs) == {giver.pk: 1, taker.pk: 1}
    assert Counter(to for _from, to in pairs) == {giver.pk: 1, taker.pk: 1}
    [recorded] = run.summary["rules"]
    assert (recorded["full_givers"], recorded["full_receivers"]) == ({str(giver.pk): 1}, {str(taker.pk): 1})


def test_a_run_proposes_the_silent_clients_and_tells_those_who_decide(fresh_feed, admin, manager, rule, portfolio, representatives):
    run = run_now(rule, admin)

    assert run.state == Run.State.AWAITING
    assert (run.n_clients, run.n_flagged, run.n_guarded) == (50, 18, 0)
    # each owner gives at most a tenth of the carteira, at least one: 3 of 30, 1 of 10, 1 of 10
    assert run.n_proposed == run.proposals.filter(state="proposed").count() == 5
    assert run.n_proposed + run.n_unassigned == 18
    for proposal in run.proposals.select_related("client"):
        assert proposal.from_representative_id == proposal.client.representative_id != proposal.to_representative_id
        assert proposal.expected_seq == 1
        assert proposal.days_since_last >= 90
        assert proposal.last_order_on == AS_OF - timedelta(days=proposal.days_since_last)
        assert proposal.facts == {"days_since_last": proposal.days_since_last}
        assert proposal.candidates[0] == proposal.to_representative_id == proposal.computed_to_id
        assert proposal.candidate_values[0] == proposal.value_cents > 0
        assert proposal.candidate_costs[0] == 0
        assert proposal.cycle_days == 30
        assert proposal.lateness == pytest.approx(proposal.days_since_last / 30)
        assert 0 < proposal.km_to < 150
    assert [row.position for row in run.proposals.order_by("-value_cents", "position")] == [1, 2, 3, 4, 5]
    assert run.summary["load"][str(representatives[0].pk)][:3] == [30, run.summary["load"][str(representatives[0].pk)][1], 40]
    assert 0 <= run.gap < 1e-4
    assert set(run.summary["seconds"]) == {"facts", "score", "assign", "write", "total"}
    told = set(Notice.objects.filter(kind="run_awaiting").values_list("membership_id", flat=True))
    assert told == {admin.pk, manager.pk}
    assert list(AuditEvent.objects.filter(stream=f"run:{run.pk}").order_by("seq").values_list("action", flat=True)) == [
        "run.scheduled",
        "run.computed",
    ]


def test_a_run_expires_after_business_days_at_the_end_of_the_local_day(fresh_feed, admin, rule, portfolio):
    # Monday 5 October 2026 plus five business days is Tuesday 13: Monday 12 is a national holiday.
    run = run_now(rule, admin)
    assert run.expires_at.astimezone(fresh_feed.zone).isoformat() == "2026-10-14T00:00:00-03:00"


def test_the_same_rules_and_day_are_one_run_until_it_is_cancelled(fresh_feed, admin, rule, portfolio):
    first = run_now(rule, admin)
    assert start_run([rule], as_of=AS_OF, trigger="schedule", by=Actor(label="task")).pk == first.pk
    assert compute_run(first.pk, rule.organization_id, at=NOW).n_proposed == first.n_proposed
    assert Proposal.objects.count() == first.n_proposed

    cancel_run(first, by=admin)
    assert set(first.proposals.values_list("state", flat=True)) == {"expired"}
    second = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    assert (second.attempt, second.state) == (2, Run.State.SCHEDULED)
    with pytest.raises(WrongState):
        cancel_run(first, by=admin)


def test_cancelling_changes_no_more_proposals_in_a_statement_than_one_may_take(fresh_feed, admin, rule, portfolio, monkeypatch):
    run = run_now(rule, admin)
    assert run.n_proposed == 5
    monkeypatch.setattr(expiring, "SLICE", 2)
    with CaptureQueriesContext(connection) as captured:
        cancel_run(run, by=admin)
    assert sum('UPDATE "rotation_proposal"' in query["sql"] for query in captured) == 3
    assert set(run.proposals.values_list("state", "version")) == {("expired", 2)}
    told = AuditEvent.objects.get(stream=f"run:{run.pk}", action="run.cancelled")
    assert told.after == {"expired": 5}


def test_the_same_inputs_give_the_same_proposals_in_the_same_order(fresh_feed, admin, rule, portfolio):
    first = run_now(rule, admin)
    before = moves(first)
    cancel_run(first, by=admin)
    second = run_now(rule, admin)
    assert moves(second) == before
    assert (second.data_digest, second.seed) == (first.data_digest, first.seed)


def test_a_client_with_an_open_proposal_is_left_out_of_another_run(fresh_feed, admin, rule, portfolio):
    first = run_now(rule, admin)
    taken = set(first.proposals.values_list("client_id", flat=True))
    second = run_now(rule, admin, as_of=AS_OF + timedelta(days=1), at=NOW + timedelta(days=1))
    assert second.n_proposed > 0
    assert not taken & set(second.proposals.values_list("client_id", flat=True))
    assert second.summary["guards"]["open_proposal"] == len(taken)


def test_preview_shows_the_run_and_writes_nothing(fresh_feed, admin, rule, portfolio):
    version = rule.versions.get()
    before = row_counts()
    seen = preview([version], as_of=AS_OF, at=NOW)
    assert row_counts() == before
    run = run_now(rule, admin)
    assert (seen.clients, seen.flagged, seen.guarded, seen.proposed, seen.unassigned) == (
        run.n_clients,
        run.n_flagged,
        run.n_guarded,
        run.n_proposed,
        run.n_unassigned,
    )
    assert (seen.digest, seen.objective_cents, seen.bound_cents) == (run.data_digest, run.objective_cents, run.bound_cents)
    assert [(row.client_id, row.from_id, row.to_id, row.value_cents) for row in seen.proposals] == moves(run)
    assert seen.proposals[0].reasons == [
        {"field": "days_since_last", "op": "between", "value": [90, 359], "observed": seen.proposals[0].days_since_last}
    ]
    assert seen.feed_warning == ""


def test_preview_of_a_definition_says_that_a_real_run_would_be_refused(acting, portfolio):
    before = row_counts()
    seen = preview([RULE], as_of=AS_OF, at=NOW, rows=2)
    assert "Nenhum pedido foi recebido" in seen.feed_warning
    assert (seen.proposed, len(seen.proposals), seen.rules[0].number) == (5, 2, None)
    assert row_counts() == before


@pytest.mark.parametrize("received", [None, NOW - timedelta(hours=37)])
def test_a_stale_feed_refuses_the_run_says_when_and_lets_it_resume(acting, admin, rule, portfolio, received):
    acting.orders_received_at = received
    acting.save()
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    with pytest.raises(StaleFeed, match=r"Importe os pedidos") as refusal:
        compute_run(run.pk, acting.pk, at=NOW)
    if received:
        assert "03/10/2026 20:00" in str(refusal.value)
    run.refresh_from_db()
    assert (run.state, run.failed_in, run.error) == (Run.State.FAILED, Run.State.COMPUTING, str(refusal.value))
    assert Proposal.objects.count() == 0
    assert Notice.objects.get(kind="run_failed").membership_id == admin.pk

    acting.orders_received_at = NOW
    acting.save()
    assert compute_run(run.pk, acting.pk, at=NOW).state == Run.State.AWAITING


def test_the_organizations_own_limit_of_age_stands_for_every_rules(fresh_feed, admin, rule, portfolio):
    settings = rotation_settings()
    settings.max_feed_age_hours = 1
    settings.save()
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    with pytest.raises(StaleFeed, match="1 h"):
        compute_run(run.pk, fresh_feed.pk, at=NOW + timedelta(minutes=1))


def test_a_file_mostly_refused_stops_the_run(fresh_feed, admin, rule, portfolio):
    ImportJob.objects.create(organization=fresh_feed, kind="orders", file_name="a.csv", state="done", rows=100, refused=3)
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    with pytest.raises(RefusedFeed, match="3 das 100 linhas"):
        compute_run(run.pk, fresh_feed.pk, at=NOW)


def test_nobody_flagged_is_a_run_without_proposals(fresh_feed, admin, rule, representatives):
    make_client(representatives[0], days_silent=10)
    run = run_now(rule, admin)
    assert (run.state, run.n_flagged, run.n_proposed, run.gap) == (Run.State.AWAITING, 0, 0, 0)


def test_an_organization_without_clients_or_representatives_runs(fresh_feed, admin, rule):
    run = run_now(rule, admin)
    assert (run.state, run.n_clients, run.n_proposed) == (Run.State.AWAITING, 0, 0)


def test_a_client_nobody_answers_for_is_proposed_with_the_seq_of_its_last_owner(fresh_feed, admin, rule, representatives):
    never = make_client(None)
    left = make_client(None)
    Ownership.objects.create(
        organization=fresh_feed,
        client=left,
        representative=representatives[0],
        seq=1,
        started_on=date(2024, 1, 1),
        ended_on=date(2025, 1, 1),
        source="import",
    )
    run = run_now(rule, admin)
    assert set(run.proposals.values_list("client", "from_representative", "expected_seq")) == {(never.pk, None, 0), (left.pk, None, 1)}


def test_the_control_group_is_withheld_and_left_alone_until_the_horizon(fresh_feed, admin, representatives):
    definition = RULE | {"experiment": {"share": 0.5}, "limits": {"give_share": 1.0, "receive_share": 1.0}}
    rule = create_rule(definition, by=admin)
    publish(rule.versions.get(), by=admin)
    clients = [make_client(representatives[0], net=1_000_000 + i) for i in range(20)]
    run = run_now(rule, admin)
    withheld = set(run.proposals.filter(state="withheld", to_representative=None).values_list("client_id", flat=True))
    proposed = set(run.proposals.filter(state="proposed").values_list("client_id", flat=True))
    # half, within one of it in each stratum of value and risk
    assert 8 <= run.n_held_out == len(withheld) <= 12
    assert len(proposed) == 20 - run.n_held_out
    assert withheld | proposed == {client.pk for client in clients}
    assert set(Holdout.objects.values_list("client_id", "drawn_on", "until_on")) == {
        (pk, AS_OF, AS_OF + timedelta(days=90)) for pk in withheld
    }

    for day, held in ((89, run.n_held_out), (90, 0)):
        later = run_now(rule, admin, as_of=AS_OF + timedelta(days=day), at=NOW)
        assert later.summary["guards"].get("withheld", 0) == held
        cancel_run(later, by=admin)
        # a run given up leaves nobody alone
        assert not Holdout.objects.filter(run=later).exists()


def test_two_rules_in_one_run_share_clients_by_their_order(fresh_feed, admin, rule, portfolio):
    late = create_rule(
        RULE | {"name": "Muito tempo", "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 110}]}}, by=admin
    )
    publish(late.versions.get(), by=admin)
    run = start_run([late, rule], as_of=AS_OF, trigger="person", by=admin)
    assert run.rule_set == f"{rule.pk},{late.pk}"
    run = compute_run(run.pk, fresh_feed.pk, at=NOW)
    first, second = run.rules.order_by("position")
    assert first.rule_version.rule_id == rule.pk
    # the first rule flags every client of the second
    assert (first.n_proposed, second.n_proposed) == (run.n_proposed, 0)


def test_only_the_administration_starts_a_run_and_only_of_published_rules(acting, admin, manager):
    rule = create_rule(RULE, by=manager)
    with pytest.raises(NotAllowed):
        start_run([rule], as_of=AS_OF, trigger="person", by=manager)
    with pytest.raises(NoPublishedVersion, match="Geral, 90 dias"):
        start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    with pytest.raises(NoRules):
        start_run([], as_of=AS_OF, trigger="person", by=admin)


def test_a_run_keeps_the_version_it_began_with(fresh_feed, admin, rule, portfolio):
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    draft = save_draft(rule, RULE | {"trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 300}]}}, by=admin)
    publish(draft, by=admin)
    run = compute_run(run.pk, fresh_feed.pk, at=NOW)
    assert run.n_proposed == 5
    assert set(run.proposals.values_list("rule_version__number", flat=True)) == {1}


def test_a_run_makes_the_same_number_of_statements_however_many_clients(fresh_feed, admin, rule, portfolio, representatives):
    def statements() -> int:
        run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
        with CaptureQueriesContext(connection) as captured:
            run = compute_run(run.pk, fresh_feed.pk, at=NOW)
        assert run.n_proposed > 0
        cancel_run(run, by=admin)
        return len(captured)

    few = statements()
    for i in range(40):
        make_client(representatives[i % 3], days_silent=95 + i)
    assert statements() == few <= 60


@pytest.mark.parametrize("cuts", [(80, 95), (20, 40)])
def test_a_proposal_keeps_the_class_its_client_had_that_day(fresh_feed, admin, rule, portfolio, cuts):
    fresh_feed.abc_a_percent, fresh_feed.abc_b_percent = cuts
    fresh_feed.save(update_fields=["abc_a_percent", "abc_b_percent"])
    run = run_now(rule, admin)
    sold = list(ClientActivity.objects.order_by("client_id").values_list("client_id", "net_12m_cents"))
    classes = abc_classes(np.array([cents for _client, cents in sold], np.int64), (cuts[0] / 100, cuts[1] / 100))
    expected = {client: "ABC"[klass] if cents > 0 else "" for (client, cents), klass in zip(sold, classes, strict=True)}
    found = dict(Proposal.objects.filter(run=run).values_list("client_id", "abc"))
    assert found == {client: expected[client] for client in found}
    assert set(found.values()) & ({"A", "B"} if cuts == (80, 95) else {"B", "C"})


def test_the_receiver_the_engine_chose_is_held_by_a_key_also_where_a_person_chose_another(acting, representatives):
    first, second = representatives[:2]
    client = ClientFactory()
    give([client], second)
    proposal = propose(make_run(), client, first)

    def refused(**changed):
        with pytest.raises(IntegrityError, match=r"proposal_.*_fk"), transaction.atomic():
            Proposal.objects.filter(pk=proposal.pk).update(**changed)

    nobody = first.pk + 10**9
    refused(computed_to_id=nobody)
    refused(computed_to_id=nobody, to_representative_id=nobody)
    refused(computed_to_id=nobody, to_representative_id=None)
    Proposal.objects.filter(pk=proposal.pk).update(to_representative=second)
    with pytest.raises(IntegrityError, match="proposal_computed_to_fk"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_representative WHERE organization_id = %s AND id = %s", [acting.pk, first.pk])
    refused(to_representative_id=nobody)
