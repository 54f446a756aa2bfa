"""What a representative asks and management answers: holds, contests, withdrawals, answers taken back; told once, kept whole."""

import itertools
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import AuditEvent, Membership, Notice, Role
from accounts.notices import sentence
from accounts.services import Actor
from accounts.services.notices import mark_read
from accounts.tenancy import acting_for
from clients.models import Client
from portfolio.services import transfer_client
from rotation.models import Decision, Proposal, Request, Run
from rotation.selectors.requests import leaving_clients, n_open_requests, request_lines, requests_visible_to
from rotation.services.decisions import decide
from rotation.services.requests import (
    AlreadyAnswered,
    RequestRefused,
    grant_request,
    make_request,
    refuse_request,
    set_hold_days,
    take_back_answer,
    withdraw_request,
)
from tests.factories import RepresentativeFactory, TeamFactory, make_member, make_organization
from tests.rotation.conftest import AS_OF, NOW, make_client
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory
from tests.rotation.test_apply_at_once import at_once
from tests.rotation.test_screens_mine import warn

IN_30 = AS_OF + timedelta(days=30)


@pytest.fixture
def ana(acting, representatives):
    representatives[0].membership = make_member(acting, Role.REPRESENTATIVE, name="Ana", email="ana@vale-verde.example")
    representatives[0].save()
    return representatives[0]


@pytest.fixture
def run(acting):
    return RunFactory(version=RuleVersionFactory())


@pytest.fixture
def client(ana):
    return make_client(ana, trade_name="Sol")


@pytest.fixture
def proposal(ana, representatives, run, client):
    return ProposalFactory(
        run=run, client=client, owner=ana, to_representative=representatives[1], rule_version=run.rules.get().rule_version
    )


def hold(client, ana, **fields) -> Request:
    fields = {"by": ana.membership, "at": NOW, "reason": "Fecha na feira", "until_on": IN_30} | fields
    return make_request("hold", client, **fields).request


def contest(client, ana, **fields) -> Request:
    return make_request("contest", client, **({"by": ana.membership, "at": NOW, "reason": "Pedido a caminho"} | fields)).request


def said(member: Membership) -> list[str]:
    return [sentence(row.kind, row.facts, currency="BRL").text for row in Notice.objects.filter(membership=member).order_by("pk")]


def test_a_hold_is_asked_granted_kept_by_the_client_and_told(admin, manager, ana, client):
    asked = hold(client, ana)
    assert said(manager) == said(admin) == ["Ana pede trava de Sol até 4 nov 2026"]

    grant_request(asked, by=manager, at=NOW, answer="Combinado")

    client.refresh_from_db()
    assert client.hold_until == IN_30
    assert said(ana.membership) == ["Trava concedida: Sol não gira até 4 nov 2026"]
    actions = AuditEvent.objects.filter(stream=f"client:{client.pk}").order_by("seq").values_list("action", "actor_id")
    assert list(actions) == [("request.made", ana.membership_id), ("client.held", manager.pk), ("request.granted", manager.pk)]


def test_a_manager_may_grant_another_day_and_never_shortens_a_hold(manager, ana, client):
    grant_request(hold(client, ana), by=manager, at=NOW, until_on=AS_OF + timedelta(days=5))
    client.refresh_from_db()
    assert client.hold_until == AS_OF + timedelta(days=5)
    asked = hold(client, ana)
    Client.objects.filter(pk=client.pk).update(hold_until=IN_30 + timedelta(days=9))
    grant_request(asked, by=manager, at=NOW)
    client.refresh_from_db()
    assert client.hold_until == IN_30 + timedelta(days=9)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
        ({"until_on": None}, "until_on"),
        ({"until_on": AS_OF}, "until_on"),
        ({"until_on": AS_OF + timedelta(days=91)}, "until_on"),
    ],
)
def test_a_hold_needs_a_reason_and_a_day_within_the_limit(ana, client, fields, field):
    with pytest.raises(RequestRefused) as refusal:
        hold(client, ana, **fields)
    assert refusal.value.field == field
    assert not Request.objects.exists()


def test_the_limit_is_the_administrations(admin, manager, ana, client):
    hold(client, ana, until_on=AS_OF + timedelta(days=90))
    with pytest.raises(NotAllowed):
        set_hold_days(30, by=manager)
    set_hold_days(30, by=admin)
    other = make_client(ana)
    with pytest.raises(RequestRefused):
        hold(other, ana, until_on=AS_OF + timedelta(days=31))
    with pytest.raises(RequestRefused):
        set_hold_days(0, by=admin)


def test_only_who_answers_for_the_client_asks_and_once(acting, ana, representatives, client):
    bruno = make_member(acting, Role.REPRESENTATIVE)
    with pytest.raises(NotAllowed):
        hold(client, ana, by=bruno)
    hold(client, ana)
    with pytest.raises(RequestRefused):
        hold(client, ana)


def test_the_same_request_sent_twice_is_one_and_told_once(manager, ana, client):
    made = uuid4()
    first, again = hold(client, ana, id_made=made), hold(client, ana, id_made=made, reason="outra coisa")
    assert first.pk == again.pk
    assert len(said(manager)) == 1


def test_a_contest_is_of_something(ana, client, run):
    with pytest.raises(RequestRefused):
        contest(client, ana)
    warn(client, run, AS_OF, 3)
    assert contest(client, ana).proposal is None


def test_a_granted_contest_is_the_managers_refusal_of_the_proposal(manager, ana, client, proposal):
    asked = contest(client, ana)
    assert asked.proposal == proposal

    grant_request(asked, by=manager, at=NOW, answer="Tem razão")

    proposal.refresh_from_db()
    client.refresh_from_db()
    assert (proposal.state, proposal.decision_reason, proposal.decision_note) == ("rejected", "Pedido a caminho", "Tem razão")
    assert Decision.objects.get().by == manager
    assert client.hold_until is None
    assert said(ana.membership) == ["Contestação aceita: Sol fica com você"]


def test_a_contest_of_a_warning_is_granted_with_a_day_for_nothing_else_would_stop_the_rule(manager, ana, client, run):
    warn(client, run, AS_OF, 3)
    asked = contest(client, ana)
    with pytest.raises(RequestRefused) as refusal:
        grant_request(asked, by=manager, at=NOW)
    assert refusal.value.field == "until_on"
    grant_request(asked, by=manager, at=NOW, until_on=IN_30)
    client.refresh_from_db()
    assert client.hold_until == IN_30


def test_a_hold_granted_while_a_proposal_is_pending_refuses_it_too(manager, ana, client, proposal):
    grant_request(hold(client, ana), by=manager, at=NOW)
    proposal.refresh_from_db()
    assert proposal.state == "rejected"


def test_a_proposal_to_another_team_is_not_the_managers_to_refuse(admin, manager, ana, client, proposal, representatives):
    representatives[1].team = TeamFactory()
    representatives[1].save()
    asked = contest(client, ana)
    with pytest.raises(NotAllowed):
        grant_request(asked, by=manager, at=NOW)
    asked.refresh_from_db()
    assert asked.state == "open"
    assert grant_request(asked, by=admin, at=NOW).state == "granted"


def test_a_proposal_being_applied_can_no_longer_be_contested_away(manager, ana, client, proposal):
    asked = contest(client, ana)
    Run.objects.update(state=Run.State.APPLYING)
    with pytest.raises(RequestRefused):
        grant_request(asked, by=manager, at=NOW)
    with pytest.raises(RequestRefused):
        contest(make_client(ana), ana)


def test_a_refusal_says_why(manager, ana, client):
    asked = hold(client, ana)
    with pytest.raises(RequestRefused):
        refuse_request(asked, by=manager, at=NOW, answer="  ")
    refuse_request(asked, by=manager, at=NOW, answer="Sem visita há meses")
    notice = Notice.objects.get(membership=ana.membership)
    words = sentence(notice.kind, notice.facts, currency="BRL")
    assert (words.text, "Sem visita há meses" in words.detail) == ("Pedido recusado: Sol", True)
    hold(client, ana)  # and may ask again


def test_who_asked_withdraws_until_it_is_answered(acting, manager, ana, client):
    asked = hold(client, ana)
    with pytest.raises(NotAllowed):
        withdraw_request(asked, by=manager)
    withdraw_request(asked, by=ana.membership)
    withdraw_request(asked, by=ana.membership)
    assert said(manager) == []
    with pytest.raises(AlreadyAnswered):
        grant_request(asked, by=manager, at=NOW)


@pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR, Role.MANAGER])
def test_only_who_leads_the_representative_answers(acting, ana, client, role):
    far = make_member(acting, role, team=TeamFactory() if role == Role.MANAGER else None)
    asked = hold(client, ana)
    with pytest.raises(NotAllowed):
        grant_request(asked, by=far, at=NOW)
    with pytest.raises(NotAllowed):
        refuse_request(asked, by=far, at=NOW, answer="não")
    assert (asked in requests_visible_to(far)) == (role == Role.AUDITOR)


def test_an_answer_taken_back_leaves_everything_as_it_was(manager, ana, client, proposal):
    Client.objects.filter(pk=client.pk).update(hold_until=AS_OF + timedelta(days=2))
    asked = contest(client, ana)
    grant_request(asked, by=manager, at=NOW, until_on=IN_30)

    take_back_answer(asked, by=manager, at=NOW + timedelta(minutes=1))

    asked.refresh_from_db()
    client.refresh_from_db()
    proposal.refresh_from_db()
    assert (asked.state, asked.granted_until_on, asked.answered_by, asked.decision_batch) == ("open", None, None, None)
    assert (client.hold_until, proposal.state) == (AS_OF + timedelta(days=2), "proposed")
    assert said(ana.membership) == []  # not read yet: nothing to take back in words


def test_who_read_the_answer_is_told_that_it_no_longer_stands(manager, ana, client):
    asked = hold(client, ana)
    grant_request(asked, by=manager, at=NOW)
    mark_read(ana.membership, at=NOW)
    take_back_answer(asked, by=manager, at=NOW)
    assert said(ana.membership)[-1] == "A resposta sobre Sol foi desfeita: seu pedido está em aberto de novo"


def test_an_answer_something_followed_from_stands(acting, admin, manager, ana, client, proposal, representatives):
    def stands(asked, change) -> None:
        change()
        before = Request.objects.values().get(pk=asked.pk)
        with pytest.raises(ChangedMeanwhile):
            take_back_answer(asked, by=admin, at=NOW)
        assert Request.objects.values().get(pk=asked.pk) == before

    rejected = grant_request(contest(client, ana), by=manager, at=NOW)
    rows = Proposal.objects.filter(pk=proposal.pk)
    stands(rejected, lambda: decide(rows, "reopen", by=admin, at=NOW + timedelta(minutes=1)))
    held, again, moved = (make_client(ana) for _ in range(3))
    granted = grant_request(hold(held, ana), by=manager, at=NOW)
    stands(granted, lambda: Client.objects.filter(pk=held.pk).update(hold_until=None))
    refused = refuse_request(hold(again, ana), by=manager, at=NOW, answer="não")
    stands(refused, lambda: hold(again, ana))
    gone = grant_request(hold(moved, ana), by=manager, at=NOW)
    stands(gone, lambda: transfer_client(client=moved, to=representatives[1], by=Actor(admin), on=AS_OF, reason="x"))


def test_holds_are_taken_back_last_first(manager, ana, client):
    first = grant_request(hold(client, ana), by=manager, at=NOW)
    second = grant_request(hold(client, ana, until_on=IN_30 + timedelta(days=9)), by=manager, at=NOW + timedelta(minutes=1))
    with pytest.raises(ChangedMeanwhile):
        take_back_answer(first, by=manager, at=NOW)
    for asked, left in ((second, IN_30), (first, None)):
        take_back_answer(asked, by=manager, at=NOW)
        withdraw_request(asked, by=ana.membership)
        client.refresh_from_db()
        assert client.hold_until == left


def test_a_manager_takes_back_their_own_answers_only(acting, team, admin, manager, ana, client):
    asked = grant_request(hold(client, ana), by=admin, at=NOW)
    with pytest.raises(NotAllowed):
        take_back_answer(asked, by=manager, at=NOW)


def test_a_client_that_changed_hands_can_only_be_refused(admin, manager, ana, client, representatives):
    asked = hold(client, ana)
    transfer_client(client=client, to=representatives[1], by=Actor(admin), on=AS_OF, reason="x")
    assert [line.moved for line in request_lines(manager, open_ones=True)] == [True]
    with pytest.raises(RequestRefused):
        grant_request(asked, by=manager, at=NOW)
    assert refuse_request(asked, by=manager, at=NOW, answer="Já mudou").state == "refused"


def test_lists_hold_what_waits_first_and_cost_one_query(admin, manager, ana, client, proposal, django_assert_num_queries):
    asked, other = contest(client, ana), hold(make_client(ana), ana)
    answered = refuse_request(hold(make_client(ana), ana), by=manager, at=NOW, answer="não")
    with django_assert_num_queries(1):
        waiting = request_lines(admin, open_ones=True)
    assert [(line.request, line.pending) for line in waiting] == [(asked, True), (other, False)]
    assert [line.request for line in request_lines(admin, open_ones=False, since=NOW)] == [answered]
    assert (n_open_requests(manager), n_open_requests(ana.membership)) == (2, None)


def test_what_may_leave_is_proposed_before_warned_and_named_once(ana, run, client, proposal, django_assert_num_queries):
    warned = make_client(ana, trade_name="Lua")
    warn(warned, run, AS_OF, 9)
    warn(client, run, AS_OF, 2)  # proposed since: one entry
    contest(client, ana)
    with django_assert_num_queries(5):
        found = leaving_clients(ana.membership)
    assert [(each.client, each.proposed, list(each.asked)) for each in found] == [(client, True, ["contest"]), (warned, False, [])]
    Proposal.objects.update(state="withheld")
    assert [each.proposed for each in leaving_clients(ana.membership)] == [False, False]


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_at_once_one_answers(organization):
    with acting_for(organization.pk):
        team = TeamFactory()
        managers = [make_member(organization, Role.MANAGER, team=team) for _each in range(2)]
        ana = a_representative(organization, team)
        client = make_client(ana)
        asked = hold(client, ana)

    def answering(by, act):
        def call():
            with acting_for(organization.pk):
                return act(asked, by=by, at=NOW, answer="x").state

        return call

    answers = at_once(answering(managers[0], grant_request), answering(managers[1], refuse_request))

    assert sorted(answers) in (["already_answered", "granted"], ["already_answered", "refused"])
    with acting_for(organization.pk):
        asked.refresh_from_db()
        client.refresh_from_db()
        assert asked.state in answers
        assert (client.hold_until is not None) == (asked.state == "granted")
        assert Notice.objects.filter(kind="request_answered").count() == 1


def a_representative(organization, team):
    return RepresentativeFactory(team=team, membership=make_member(organization, Role.REPRESENTATIVE, name="Ana"))


numbers = itertools.count()
days = st.integers(1, 60)


class Requests(RuleBasedStateMachine):
    """Any order of asking, answering, withdrawing, taking back and deciding: the hold and the proposal are what the answers say."""

    @initialize()
    def begin(self):
        self.organization = make_organization(f"asks-{next(numbers)}", require_second_factor=False)
        with acting_for(self.organization.pk):
            team = TeamFactory()
            self.manager = make_member(self.organization, Role.MANAGER, team=team)
            self.ana = a_representative(self.organization, team)
            self.client = make_client(self.ana, days_silent=None)
            run = RunFactory(version=RuleVersionFactory())
            other = a_representative(self.organization, team)
            self.proposal = ProposalFactory(
                run=run, client=self.client, owner=self.ana, to_representative=other, rule_version=run.rules.get().rule_version
            )
        self.at, self.held = NOW, None

    def tried(self, call):
        self.at += timedelta(seconds=1)
        with acting_for(self.organization.pk):
            try:
                return call()
            except DomainError:
                return None

    def of_kind(self, kind):
        return Request.objects.filter(kind=kind).order_by("-pk").first()

    @rule(kind=st.sampled_from(["hold", "contest"]), n=days)
    def ask(self, kind, n):
        until = AS_OF + timedelta(days=n)
        self.tried(lambda: make_request(kind, self.client, by=self.ana.membership, at=self.at, reason="x", until_on=until))

    @rule(kind=st.sampled_from(["hold", "contest"]), n=st.one_of(st.none(), days))
    def grant(self, kind, n):
        until = AS_OF + timedelta(days=n) if n else None
        self.tried(lambda: grant_request(self.of_kind(kind), by=self.manager, at=self.at, until_on=until) if self.of_kind(kind) else None)

    @rule(kind=st.sampled_from(["hold", "contest"]))
    def refuse(self, kind):
        self.tried(lambda: refuse_request(self.of_kind(kind), by=self.manager, at=self.at, answer="não") if self.of_kind(kind) else None)

    @rule(kind=st.sampled_from(["hold", "contest"]))
    def withdraw(self, kind):
        self.tried(lambda: withdraw_request(self.of_kind(kind), by=self.ana.membership) if self.of_kind(kind) else None)

    @rule(kind=st.sampled_from(["hold", "contest"]))
    def take_back(self, kind):
        self.tried(lambda: take_back_answer(self.of_kind(kind), by=self.manager, at=self.at) if self.of_kind(kind) else None)

    @rule()
    def reopen_proposal(self):
        self.tried(lambda: decide(Proposal.objects.filter(pk=self.proposal.pk), "reopen", by=self.manager, at=self.at))

    @invariant()
    def the_rows_agree(self):
        with acting_for(self.organization.pk):
            granted = [each for each in Request.objects.filter(state="granted").order_by("pk") if each.granted_until_on]
            self.client.refresh_from_db()
            self.proposal.refresh_from_db()
            # Nobody else touches the hold here, so it is the farthest day granted and not taken back.
            assert self.client.hold_until == max((each.granted_until_on for each in granted), default=None)
            for kind in ("hold", "contest"):
                assert Request.objects.filter(kind=kind, state="open").count() <= 1
            for each in Request.objects.all():
                assert (each.answered_by_id is not None) == (each.state in ("granted", "refused"))
                if each.decision_batch:
                    assert Decision.objects.filter(batch=each.decision_batch, action="reject").count() == 1
            if self.proposal.state == "rejected":
                assert Request.objects.filter(state="granted", decision_batch__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_any_order_of_asking_and_answering_keeps_the_rows_in_agreement():
    run_state_machine_as_test(
        Requests,
        settings=settings(
            max_examples=12, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        ),
    )
