"""Any order of proposing, deciding, taking back, cancelling, transferring and moving by hand, people leaving with their portfolio,
covering, editing rules, killing, resuming, undoing: I1 to I12 hold, the tally says what a count would, and nobody who left keeps a
client that could go."""

import itertools
import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from accounts.errors import DomainError
from accounts.models import Absence, Role
from accounts.selectors import local_day
from accounts.services import Actor
from accounts.services.absences import end_cover, set_cover
from accounts.services.seals import audit_breaks
from accounts.tenancy import acting_for
from clients.models import Client
from portfolio.services import transfer_client
from portfolio.services.proof import ledger_breaks
from rotation.models import Handover, Proposal, RuleVersion, Run
from rotation.services import decisions, moving
from rotation.services.apply import apply_run, request_apply
from rotation.services.by_hand import move_by_hand, planned_moves
from rotation.services.dividing import draft_handover
from rotation.services.handover import confirm_handover, start_due_handovers, undo_handover
from rotation.services.invariants import violations
from rotation.services.reversal import request_reversal
from rotation.services.runs import cancel_run
from rotation.services.sweep import sweep
from tests.factories import ClientFactory, RepresentativeFactory, make_member, make_organization
from tests.rotation.making import DEFINITION, NOW, decide, give, make_run, make_version, propose

N_CLIENTS, N_PEOPLE = 7, 4
some = st.integers(1, 2**N_CLIENTS - 1)  # a set of clients, a bit each
a_client, a_person = st.integers(0, N_CLIENTS - 1), st.integers(0, N_PEOPLE - 1)
numbers = itertools.count()
REVIEWS = ["approve", "reject", "postpone", "reopen"]
DEATHS = [None, "boundary", "before the ledger", "before marking", "while closing"]


class Killed(BaseException):
    """The worker's death: no handler for ordinary errors may catch it."""


class Portfolio(RuleBasedStateMachine):
    @initialize(approved=some, to=a_person)
    def begin(self, approved, to):
        self.organization = make_organization(f"machine-{next(numbers)}", require_second_factor=False)
        self.at = NOW
        with acting_for(self.organization.pk):
            self.admin = make_member(self.organization, Role.ADMIN)
            self.people = RepresentativeFactory.create_batch(N_PEOPLE, capacity_clients=4)
            self.clients = ClientFactory.create_batch(N_CLIENTS)
            give(self.clients[:3], self.people[0])
            give(self.clients[3:5], self.people[1])
            self.version = make_version()
        # Not from an empty table: the interesting orders of steps begin with something approved.
        self.propose(127, to)
        self.decide(approved | 1, "approve")

    @property
    def today(self):
        return local_day(self.organization, at=self.at)

    def runs(self, *states):
        return list(Run.objects.filter(state__in=states).order_by("pk"))

    @rule(which=some, to=a_person)
    def propose(self, which, to):
        with acting_for(self.organization.pk):
            clients = [n for n in range(N_CLIENTS) if which >> n & 1]
            free = [
                self.clients[n] for n in clients if not Proposal.objects.filter(client=self.clients[n], state__in=["proposed", "approved"])
            ]
            chosen = [client for client in free if Client.objects.get(pk=client.pk).representative_id != self.people[to].pk]
            if chosen:
                run = make_run(self.version, as_of=self.today, expires_at=self.at + timedelta(days=3))
                for n, client in enumerate(chosen):
                    kind = [{"abc": "A"}, {"caveats": ["farther"], "km_from": 1.25, "km_to": n + 0.001}, {}][n % 3]
                    propose(run, client, self.people[to], net_12m_cents=10**n, **kind)

    @rule(which=some, action=st.sampled_from(["approve", "approve", "reject"]))
    def decide(self, which, action):
        with acting_for(self.organization.pk):
            waiting = Proposal.objects.filter(state="proposed", run__state="awaiting_approval").order_by("client_id")
            decide([proposal for n, proposal in enumerate(waiting) if which >> n & 1], action, by=self.admin, at=self.at)

    @rule(which=some, action=st.sampled_from(REVIEWS), bulk=st.booleans(), taken_back=st.booleans())
    def review(self, which, action, bulk, taken_back):
        """Through the review's own door: postponed, opened again, many at once, and perhaps the whole act undone."""
        with acting_for(self.organization.pk):
            ids = [proposal.pk for n, proposal in enumerate(Proposal.objects.order_by("-pk")[:N_CLIENTS]) if which >> n & 1]
            chosen = Proposal.objects.filter(pk__in=ids)
            done = decisions.decide(chosen, action, by=self.admin, at=self.at, reason="não", bulk=bulk)
            if taken_back and done.decided:
                decisions.undo_batch(done.batch, by=self.admin, at=self.at)

    @rule(n=st.integers(0, 3))
    def cancel(self, n):
        with acting_for(self.organization.pk):
            waiting = self.runs("awaiting_approval")
            if waiting:
                cancel_run(waiting[n % len(waiting)], by=self.admin)

    @rule(client=a_client, to=a_person)
    def transfer_by_hand(self, client, to):
        with acting_for(self.organization.pk):
            try:
                transfer_client(client=self.clients[client], to=self.people[to], by=Actor(self.admin), on=self.today, reason="pedido")
            except DomainError as refused:
                assert refused.code in ("already_owner", "receiver_inactive", "starts_later")

    @rule(who=a_person, back=st.booleans())
    def leave_or_return(self, who, back):
        with acting_for(self.organization.pk):
            person = self.people[who]
            person.valid_to = None if back else self.today
            person.save()

    @rule(who=a_person, days=st.integers(0, 1), dies_at=st.sampled_from(DEATHS), chunk=st.sampled_from([0, 200]))
    def leave_with_the_portfolio(self, who, days, dies_at, chunk):
        """To everybody else who serves; at once, in one transaction or by a worker that may die, or planned for tomorrow's end."""
        with acting_for(self.organization.pk), pytest.MonkeyPatch.context() as patch:
            patch.setattr(moving, "CHUNK", chunk)
            others = [each for each in self.people if each.pk != self.people[who].pk and each.valid_to is None]
            rest = others[0].pk if others else None
            try:
                draft = draft_handover(
                    self.people[who],
                    last_on=self.today + timedelta(days),
                    receivers=[each.pk for each in others],
                    rest=rest,
                    by=self.admin,
                    at=self.at,
                )
                done = confirm_handover(draft, reason="saída", version=draft.version, by=self.admin, at=self.at)
            except DomainError as refused:
                assert refused.code in ("handover_refused", "changed_meanwhile")
                return
            self.people[who].refresh_from_db()
        if done.state == "started":
            self._work(dies_at, 2)
            self._handed_over(done)

    def _handed_over(self, handover):
        """Who left keeps only what the run says could not go; while it runs, what it has not come to yet."""
        with acting_for(self.organization.pk):
            kept = Client.objects.filter(representative=handover.representative_id)
            moves = Proposal.objects.filter(run=handover.run_id).exclude(state="applied")
            assert not kept.exclude(pk__in=moves.values("client")).exists()

    @rule(n=st.integers(0, 3))
    def undo_a_leaving(self, n):
        with acting_for(self.organization.pk):
            started = list(Handover.objects.filter(state="started").select_related("representative").order_by("pk"))
            if not started:
                return
            try:
                undo_handover(started[n % len(started)], by=self.admin, at=self.at)
            except DomainError as refused:
                assert refused.code in ("nothing_to_reverse", "wrong_state", "too_late_to_reverse")
            for person in self.people:
                person.refresh_from_db()
        self._work(None, 2)

    @rule(which=some, to=some)
    def move_by_hand(self, which, to):
        with acting_for(self.organization.pk):
            clients = [self.clients[n].pk for n in range(N_CLIENTS) if which >> n & 1]
            receivers = [person.pk for n, person in enumerate(self.people) if to >> n & 1]
            try:
                plan = planned_moves(clients, receivers, by=self.admin, today=self.today)
                move_by_hand(clients, receivers, reason="rota", mark=plan.mark, by=self.admin, at=self.at)
            except DomainError as refused:
                assert refused.code == "handover_refused"

    @rule(who=a_person, by=a_person, first=st.integers(0, 3), days=st.integers(0, 3), end=st.booleans())
    def cover(self, who, by, first, days, end):
        """Who answers for whom stays as it is, whatever is arranged."""
        with acting_for(self.organization.pk):
            owners = dict(Client.objects.values_list("pk", "representative"))
            starts_on = self.today + timedelta(first)
            last_on = starts_on + timedelta(days)
            person, other = self.people[who], self.people[by]
            try:
                absence = set_cover(person, other, starts_on=starts_on, last_on=last_on, reason="", by=self.admin, today=self.today)
                if end:
                    end_cover(absence, by=self.admin, today=self.today)
            except DomainError as refused:
                assert refused.code == "cover_refused"
            assert dict(Client.objects.values_list("pk", "representative")) == owners

    @rule(days=st.integers(0, 200))
    def edit_the_rule(self, days):
        with acting_for(self.organization.pk):
            RuleVersion.objects.filter(pk=self.version.pk).update(state="retired")
            self.version = RuleVersion.objects.create(
                rule=self.version.rule,
                number=self.version.number + 1,
                state="published",
                definition=DEFINITION | {"guards": [f"moved_within:{days}"]},
                definition_hash="x" * 64,
            )

    @rule(dies_at=st.sampled_from(DEATHS), size=st.integers(1, 3))
    def apply(self, dies_at, size):
        with acting_for(self.organization.pk):
            for run in self.runs("awaiting_approval"):
                try:
                    request_apply(run, by=self.admin, at=self.at)
                except DomainError as refused:
                    assert refused.code == "nothing_approved"
        self._work(dies_at, size)

    @precondition(lambda self: self._applying())
    @rule()
    def resume(self):
        self._work(None, 200)

    @rule(n=st.integers(0, 5))
    def undo(self, n):
        with acting_for(self.organization.pk):
            done = list(Run.objects.filter(kind__in=["rotation", "manual"], proposals__state="applied").distinct().order_by("pk"))
            if not done:
                return
            try:
                request_reversal(done[n % len(done)], by=self.admin, at=self.at)
            except DomainError as refused:
                assert refused.code in ("nothing_to_reverse", "wrong_state", "too_late_to_reverse")
                return
        self._work(None, 2)

    @rule(days=st.integers(1, 5))
    def time_passes(self, days):
        self.at += timedelta(days)
        sweep(self.at)
        start_due_handovers(self.at)
        with acting_for(self.organization.pk):
            for person in self.people:
                person.refresh_from_db()

    @invariant()
    def nothing_is_broken(self):
        with acting_for(self.organization.pk):
            assert violations() == []

    @invariant()
    def nobody_covers_while_away(self):
        with acting_for(self.organization.pk):
            away = list(Absence.objects.all())
            for one, two in itertools.permutations(away, 2):
                if one.starts_on < two.ends_on and two.starts_on < one.ends_on:
                    assert one.representative_id not in (two.representative_id, two.cover_id)
            assert all(each.cover_id != each.representative_id for each in away)

    def teardown(self):
        if not hasattr(self, "organization"):
            return
        self._work(None, 200)
        with acting_for(self.organization.pk):
            assert self.runs("applying") == []
            assert violations() == []
            assert [*audit_breaks(), *ledger_breaks()] == []

    def _applying(self):
        with acting_for(self.organization.pk):
            return self.runs("applying")

    def _work(self, dies_at, size):
        """Every run that is applying, by a worker that may die once on the way."""
        patch = pytest.MonkeyPatch()
        after = _dying if dies_at == "boundary" else (lambda: None)
        place = {"before the ledger": "transfer_clients", "before marking": "_mark", "while closing": "_close"}.get(dies_at)
        if place:
            patch.setattr(moving, place, _dying)
        try:
            for run in self._applying():
                apply_run(run.pk, self.organization.pk, size=size, after_chunk=after)
        except Killed:
            pass
        finally:
            patch.undo()


def _dying(*args, **kwargs):
    raise Killed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("examples", [pytest.param(5, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.faults)])
def test_the_invariants_hold_after_every_step(examples):
    run_state_machine_as_test(
        Portfolio, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    )


def _step(machine: Portfolio, dice: random.Random) -> None:
    """One step with arguments of chance; applying is frequent, so that a walk goes deep."""
    client, person, which = dice.randrange(N_CLIENTS), dice.randrange(N_PEOPLE), dice.randrange(1, 2**N_CLIENTS)
    steps = {
        machine.propose: (3, (which, person)),
        machine.decide: (5, (which, dice.choice(["approve", "approve", "approve", "reject"]))),
        machine.review: (4, (which, dice.choice(REVIEWS), dice.random() < 0.5, dice.random() < 0.3)),
        machine.cancel: (1, (dice.randrange(4),)),
        machine.transfer_by_hand: (5, (client, person)),
        machine.leave_or_return: (1, (person, dice.random() < 0.7)),
        machine.leave_with_the_portfolio: (2, (person, dice.choice([0, 0, 1]), dice.choice(DEATHS), dice.choice([0, 200]))),
        machine.undo_a_leaving: (1, (dice.randrange(3),)),
        machine.move_by_hand: (2, (which, dice.randrange(1, 2**N_PEOPLE))),
        machine.cover: (1, (person, dice.randrange(N_PEOPLE), dice.randrange(3), dice.randrange(3), dice.random() < 0.3)),
        machine.edit_the_rule: (1, (dice.randrange(3),)),
        machine.apply: (6, (dice.choice(DEATHS), dice.randint(1, 3))),
        machine.resume: (2, ()),
        machine.undo: (2, (dice.randrange(6),)),
        machine.time_passes: (1, (dice.choice([1, 1, 2]),)),
    }
    action = dice.choices(list(steps), [weight for weight, _arguments in steps.values()])[0]
    action(*steps[action][1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("walks", [pytest.param(3, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.faults)])
def test_the_invariants_hold_along_long_walks(walks):
    """Hypothesis finds short failures; these walks reach the states that only long histories have."""
    seen: Counter = Counter()
    for seed in range(walks):
        dice, machine = random.Random(seed), Portfolio()
        machine.begin(127, 2)
        for _n in range(60):
            _step(machine, dice)
            machine.nothing_is_broken()
            machine.nobody_covers_while_away()
        machine.teardown()
        with acting_for(machine.organization.pk):
            seen.update(Proposal.objects.values_list("state", "stale_reason"))
            seen.update(Run.objects.values_list("kind", "state"))
    assert {("applied", ""), ("stale", "owner_changed"), ("stale", "no_room"), ("expired", ""), ("rejected", "")} <= seen.keys()
    assert {("rotation", "applied"), ("reversal", "applied"), ("handover", "applied"), ("manual", "applied")} <= seen.keys()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize(
    ("invariant", "sql"),
    [
        ("I3", "UPDATE portfolio_ownership SET started_on = '2020-01-01' WHERE seq = 2"),
        ("I3", "UPDATE portfolio_ownership SET seq = 5 WHERE seq = 2"),
        (
            "I4",
            "UPDATE rotation_proposal SET state = 'rejected' WHERE id = (SELECT min(id) FROM rotation_proposal WHERE state = 'applied')",
        ),
        ("I4", "UPDATE portfolio_ownership SET proposal_id = NULL WHERE seq = 2"),
        ("I5", "UPDATE clients_client SET representative_id = NULL"),
        ("I6", "UPDATE rotation_proposal SET expected_seq = 7 WHERE state = 'applied'"),
        ("I7", "UPDATE accounts_representative SET valid_to = '2026-01-01'"),
        ("I8", "UPDATE rotation_run SET n_proposed = n_proposed + 1"),
        ("I8", "UPDATE rotation_proposal SET state = 'proposed' WHERE state = 'rejected'"),
        ("I10", "DELETE FROM accounts_auditevent WHERE action = 'client.transferred'"),
        ("I10", "DELETE FROM accounts_outboxevent"),
        ("tally", "UPDATE rotation_proposaltally SET net_12m_cents = net_12m_cents + 1 WHERE state = 'applied'"),
        ("tally", "DELETE FROM rotation_proposaltally WHERE state = 'rejected'"),
    ],
)
def test_the_checker_sees_each_invariant_broken(organization, invariant, sql):
    with acting_for(organization.pk):
        admin = make_member(organization, Role.ADMIN)
        ana, bruno = RepresentativeFactory.create_batch(2)
        clients = ClientFactory.create_batch(2)
        give(clients, ana)
        run = make_run()
        proposals = [propose(run, client, bruno) for client in clients]
        decide(proposals[:1], "approve", by=admin)
        decide(proposals[1:], "reject", by=admin)
        request_apply(run, by=admin, at=NOW)
    apply_run(run.pk, organization.pk)
    with acting_for(organization.pk):
        assert violations() == []

    tables = ["portfolio_ownership", "accounts_auditevent"]
    with connections["owner"].cursor() as owner:
        for table in tables:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            owner.execute(sql)
        finally:
            for table in tables:
                owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    with acting_for(organization.pk):
        assert invariant in {violation.invariant for violation in violations()}
