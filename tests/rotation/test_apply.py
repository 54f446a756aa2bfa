from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import Absence, AuditEvent, Notice, OutboxEvent, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor
from accounts.tenancy import acting_for
from portfolio.models import Ownership
from portfolio.services import transfer_client
from rotation.errors import ConsentMissing, NeedsSecondApprover, NothingApproved, WrongState
from rotation.models import Proposal, RotationSettings, Run
from rotation.services import moving
from rotation.services.apply import apply_run, apply_summary, request_apply
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member
from tests.rotation.making import DAY, DEFINITION, NOW, decide, give, make_run, make_version, propose


class Scene:
    """Two representatives with a sign-in each, an admin, clients of the first, and a run that proposes them all."""

    def __init__(self, n: int = 3, *, version=None, **receiver):
        from accounts.tenancy.context import active_organization_id

        self.organization_id = active_organization_id()
        from accounts.models import Organization

        organization = Organization.objects.get(pk=self.organization_id)
        self.admin = make_member(organization, Role.ADMIN)
        self.ana = RepresentativeFactory(name="Ana", membership=make_member(organization, Role.REPRESENTATIVE))
        self.bruno = RepresentativeFactory(name="Bruno", membership=make_member(organization, Role.REPRESENTATIVE), **receiver)
        self.clients = ClientFactory.create_batch(n)
        give(self.clients, self.ana)
        self.run = make_run(version)
        self.proposals = [propose(self.run, client, self.bruno) for client in self.clients]

    def approve(self, *proposals, by=None):
        decide(proposals or self.proposals, "approve", by=by or self.admin)

    def owners(self):
        return [Ownership.objects.get(client=client, ended_on=None).representative_id for client in self.clients]

    def states(self):
        return list(self.run.proposals.order_by("client_id").values_list("state", "stale_reason"))


@pytest.fixture
def scene(organization):
    with acting_for(organization.pk):
        return Scene()


def applied(scene, **options):
    """Ask, then do the worker's part, with nothing open as in the worker."""
    with acting_for(scene.organization_id):
        request_apply(scene.run, by=scene.admin, at=NOW)
    return apply_run(scene.run.pk, scene.organization_id, **options)


def test_applying_moves_every_approved_client_and_closes_the_run(scene, organization):
    with acting_for(organization.pk):
        scene.approve()

    done = applied(scene)

    assert (done.applied, done.stale, done.finished) == (3, 0, True)
    with acting_for(organization.pk):
        assert scene.owners() == [scene.bruno.pk] * 3
        assert scene.states() == [("applied", "")] * 3
        run = Run.objects.get(pk=scene.run.pk)
        assert (run.state, run.effective_on, run.approved_by) == ("applied", DAY, [scene.admin.pk])
        row = Ownership.objects.get(proposal_id=scene.proposals[0].pk)
        assert (row.source, row.reason, row.actor_id, row.started_on) == ("rotation", "Regra 1", scene.admin.pk, DAY)
        notices = Notice.objects.filter(key__startswith=f"run:{run.pk}").order_by("kind")
        assert [(n.membership_id, n.kind) for n in notices] == [
            (scene.ana.membership_id, "clients_given"),
            (scene.bruno.membership_id, "clients_received"),
            (scene.admin.pk, "run_applied"),
        ]
        assert notices[2].facts == {"run": run.pk, "applied": 3, "stale": 0, "undecided": 0, "reverses": None}


def test_what_is_undecided_sends_the_run_back_to_review(scene, organization):
    with acting_for(organization.pk):
        scene.approve(scene.proposals[0])
    applied(scene)
    with acting_for(organization.pk):
        assert Run.objects.get(pk=scene.run.pk).state == "awaiting_approval"
        scene.approve(scene.proposals[1])
        decide([scene.proposals[2]], "reject", by=scene.admin)

    applied(scene)

    with acting_for(organization.pk):
        assert Run.objects.get(pk=scene.run.pk).state == "applied"
        assert scene.owners() == [scene.bruno.pk, scene.bruno.pk, scene.ana.pk]


def test_what_was_applied_before_counts_towards_the_runs_ceilings(scene, organization):
    """Two of two are no warning; the third is, and so are the minutes it brings."""
    with acting_for(organization.pk):
        Representative.objects.filter(pk=scene.bruno.pk).update(receive_ceiling=2, capacity_minutes_week=1)
        scene.approve(*scene.proposals[:2])
        [minutes] = apply_summary(scene.run, by=scene.admin).passed
        assert (minutes.kind, minutes.most) == ("minutes", 1)
        Representative.objects.filter(pk=scene.bruno.pk).update(capacity_minutes_week=None)
        assert apply_summary(scene.run, by=scene.admin).warnings == 0
    applied(scene)
    with acting_for(organization.pk):
        scene.approve(scene.proposals[2])
        summary = apply_summary(scene.run, by=scene.admin)
        assert [(each.kind, each.n, each.most) for each in summary.passed] == [("receive", 3, 2)] and summary.warnings == 1


def test_a_persons_transfer_wins(scene, organization):
    with acting_for(organization.pk):
        scene.approve()
        caio = RepresentativeFactory()
        transfer_client(client=scene.clients[1], to=caio, by=Actor(scene.admin), on=DAY, reason="pedido do cliente")
        # There and back again: same representative, another seq.
        transfer_client(client=scene.clients[2], to=caio, by=Actor(scene.admin), on=DAY, reason="engano")
        transfer_client(client=scene.clients[2], to=scene.ana, by=Actor(scene.admin), on=DAY, reason="engano")

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", ""), ("stale", "owner_changed"), ("stale", "owner_changed")]
        assert scene.owners() == [scene.bruno.pk, caio.pk, scene.ana.pk]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"valid_to": DAY}, "receiver_inactive"),
        ({"regions": ["RJ", "MG"]}, "out_of_territory"),
        ({"capacity_clients": 0}, "no_room"),
    ],
)
def test_what_changed_about_the_receiver_makes_proposals_stale(scene, organization, change, code):
    with acting_for(organization.pk):
        scene.approve()
        type(scene.bruno).objects.filter(pk=scene.bruno.pk).update(**change)

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("stale", code)] * 3
        assert scene.owners() == [scene.ana.pk] * 3
        assert Run.objects.get(pk=scene.run.pk).state == "applied"


def test_room_is_checked_again_and_filled_in_client_order(organization):
    with acting_for(organization.pk):
        scene = Scene(3, capacity_clients=2)
        give(ClientFactory.create_batch(1), scene.bruno)
        scene.approve()

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", ""), ("stale", "no_room"), ("stale", "no_room")]


def test_room_somebody_knew_to_be_missing_stops_nothing(organization):
    with acting_for(organization.pk):
        scene = Scene(1, capacity_clients=0)
        Proposal.objects.update(caveats=["over_capacity"])
        scene.approve()

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", "")]


@pytest.mark.parametrize(("flag", "code"), [("hold", "held"), ("blocked", "blocked"), ("discarded_on", "client_discarded")])
def test_a_client_protected_since_stays(scene, organization, flag, code):
    with acting_for(organization.pk):
        scene.approve()
        type(scene.clients[0]).objects.filter(pk=scene.clients[0].pk).update(**{flag: DAY if flag == "discarded_on" else True})

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("stale", code), ("applied", ""), ("applied", "")]


def test_a_client_moved_within_the_rules_rest_stays(organization):
    with acting_for(organization.pk):
        scene = Scene(2)
        caio = RepresentativeFactory()
        rested, tired = ClientFactory.create_batch(2)
        for client, days in ((rested, 180), (tired, 179)):
            give([client], scene.ana)
            give([client], caio, on=DAY - timedelta(days), source=Ownership.Source.ROTATION)
            propose(scene.run, client, scene.bruno)
        scene.approve(*scene.run.proposals.all())

    applied(scene)

    with acting_for(organization.pk):
        reasons = dict(scene.run.proposals.values_list("client_id", "stale_reason"))
        assert (reasons[rested.pk], reasons[tired.pk]) == ("", "rested")


def test_a_destination_a_person_chose_may_lie_outside_the_territory(organization):
    with acting_for(organization.pk):
        scene = Scene(1, regions=["RJ"])
        Proposal.objects.update(computed_to=scene.ana)
        scene.approve()

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", "")]


def test_clients_nobody_answers_for_are_moved_only_while_that_holds(organization):
    with acting_for(organization.pk):
        scene = Scene(0)
        free, taken = ClientFactory.create_batch(2)
        scene.clients = [free, taken]
        for client in scene.clients:
            propose(scene.run, client, scene.bruno)
        scene.approve(*scene.run.proposals.all())
        give([taken], scene.ana)

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", ""), ("stale", "owner_changed")]


class Killed(Exception):
    """Stands for the worker's death at a chunk's boundary."""


def test_a_run_killed_between_chunks_ends_as_if_it_had_not_been(organization):
    with acting_for(organization.pk):
        scene = Scene(7)
        scene.approve()

    def die():
        raise Killed

    with pytest.raises(Killed):
        applied(scene, size=2, after_chunk=die)
    with acting_for(organization.pk):
        assert [state for state, _code in scene.states()] == ["applied"] * 2 + ["approved"] * 5
        assert Run.objects.get(pk=scene.run.pk).state == "applying"

    for _again in range(3):
        apply_run(scene.run.pk, organization.pk, size=2)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", "")] * 7
        assert Ownership.objects.filter(proposal_id__isnull=False).count() == 7
        assert Notice.objects.get(kind="clients_received", key=f"run:{scene.run.pk}:clients_received").facts["n"] == 7
        assert AuditEvent.objects.filter(action="run.applied").count() == 1
        assert OutboxEvent.objects.filter(topic="rotation.applied").count() == 1


def test_a_chunk_that_fails_leaves_nothing(scene, organization, monkeypatch):
    with acting_for(organization.pk):
        scene.approve()
        before = AuditEvent.objects.count(), Notice.objects.count()

    def broken(*args):
        raise Killed

    monkeypatch.setattr(moving, "_mark", broken)
    with pytest.raises(Killed):
        applied(scene)

    with acting_for(organization.pk):
        assert scene.owners() == [scene.ana.pk] * 3
        assert [state for state, _code in scene.states()] == ["approved"] * 3
        assert AuditEvent.objects.exclude(action="run.apply_requested").count() == before[0]
        assert Notice.objects.count() == before[1]


def test_time_that_runs_out_leaves_the_rest_for_the_next_call(scene, organization):
    with acting_for(organization.pk):
        scene.approve()

    assert applied(scene, budget_seconds=0).finished is False
    assert apply_run(scene.run.pk, organization.pk).applied == 3


def test_a_chunk_costs_the_same_statements_whatever_its_size(organization):
    counted = []
    with acting_for(organization.pk):
        RotationSettings.objects.create()
    for n in (1, 20):
        with acting_for(organization.pk):
            scene = Scene(n)
            scene.approve()
            request_apply(scene.run, by=scene.admin, at=NOW)
        with CaptureQueriesContext(connection) as queries:
            apply_run(scene.run.pk, organization.pk)
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 60


class TestAsking:
    def test_twice_is_once(self, scene, organization):
        with acting_for(organization.pk):
            scene.approve()
            request_apply(scene.run, by=scene.admin, at=NOW)
            with pytest.raises(WrongState):
                request_apply(scene.run, by=scene.admin, at=NOW)

    def test_nothing_approved(self, scene, organization):
        with acting_for(organization.pk), pytest.raises(NothingApproved):
            request_apply(scene.run, by=scene.admin, at=NOW)

    @pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR])
    def test_other_roles_may_not(self, scene, organization, role):
        with acting_for(organization.pk):
            scene.approve()
            with pytest.raises(NotAllowed):
                request_apply(scene.run, by=make_member(organization, role), at=NOW)

    def test_the_task_is_sent_after_the_commit(self, scene, organization, monkeypatch, django_capture_on_commit_callbacks):
        sent = []
        monkeypatch.setattr("accounts.tenancy.tasks.current_app.send_task", lambda name, **call: sent.append((name, call)))
        with acting_for(organization.pk):
            scene.approve()
            with django_capture_on_commit_callbacks(execute=True):
                request_apply(scene.run, by=scene.admin, at=NOW)
                assert sent == []
        assert sent == [("rotation.tasks.apply_run", {"args": [scene.run.pk], "kwargs": {"organization_id": organization.pk}})]

    def test_the_day_is_the_organizations_own(self, scene, organization):
        with acting_for(organization.pk):
            scene.approve()
            late = NOW.replace(hour=2)  # 23:00 of the day before in São Paulo
            assert request_apply(scene.run, by=scene.admin, at=late).effective_on == DAY - timedelta(1)

    def test_a_manager_applies_what_moves_between_their_own_people(self, organization):
        with acting_for(organization.pk):
            scene = Scene(3)
            north = TeamFactory()
            manager = make_member(organization, Role.MANAGER, team=north)
            type(scene.ana).objects.filter(pk__in=[scene.ana.pk, scene.bruno.pk]).update(team=north)
            outsider = RepresentativeFactory(team=TeamFactory())
            Proposal.objects.filter(pk=scene.proposals[2].pk).update(to_representative=outsider)
            scene.approve()
            summary = apply_summary(scene.run, by=manager)
            assert (summary.approved, summary.out_of_reach) == (2, 1)
            request_apply(scene.run, by=manager, at=NOW)

        apply_run(scene.run.pk, organization.pk)

        with acting_for(organization.pk):
            assert [state for state, _code in scene.states()] == ["applied", "applied", "approved"]
            assert Run.objects.get(pk=scene.run.pk).state == "awaiting_approval"
        applied(scene)
        with acting_for(organization.pk):
            assert scene.owners()[2] == outsider.pk

    def test_above_the_limit_the_publisher_needs_a_second_approver(self, organization):
        with acting_for(organization.pk):
            publisher, second = make_member(organization, Role.ADMIN), make_member(organization, Role.ADMIN)
            RotationSettings.objects.create(second_approver_over=2)
            scene = Scene(3, version=make_version(published_by=publisher))
            scene.approve(by=publisher)
            with pytest.raises(NeedsSecondApprover):
                request_apply(scene.run, by=second, at=NOW)
            assert apply_summary(scene.run, by=second).needs_second_approver

            decide([scene.proposals[0]], "reopen", by=second)
            assert request_apply(scene.run, by=second, at=NOW).state == "applying"  # two are within the limit

    def test_another_approver_lifts_the_limit(self, organization):
        with acting_for(organization.pk):
            publisher, second = make_member(organization, Role.ADMIN), make_member(organization, Role.ADMIN)
            RotationSettings.objects.create(second_approver_over=2)
            scene = Scene(3, version=make_version(published_by=publisher))
            scene.approve(*scene.proposals[:2], by=publisher)
            scene.approve(scene.proposals[2], by=second)
            assert request_apply(scene.run, by=publisher, at=NOW).approved_by == sorted([publisher.pk, second.pk])

    def test_clients_of_an_autonomous_representative_need_consent(self, scene, organization):
        with acting_for(organization.pk):
            scene.ana.contract_type = "autonomous"
            scene.ana.save()
            Proposal.objects.filter(pk=scene.proposals[0].pk).update(caveats=["autonomous"])
            scene.approve()
            with pytest.raises(ConsentMissing, match=r"Ana \(1\)"):
                request_apply(scene.run, by=scene.admin, at=NOW)

            scene.ana.consent_recorded_on = date(2026, 2, 1)
            scene.ana.save()
            assert request_apply(scene.run, by=scene.admin, at=NOW).state == "applying"


def test_the_summary_says_what_changes_for_whom(scene, organization, django_assert_num_queries):
    with acting_for(organization.pk):
        scene.approve(*scene.proposals[:2])
        scene.bruno.capacity_clients, scene.bruno.commission_rate, scene.bruno.receive_ceiling = 0, "0.0600", 1
        scene.bruno.save()
        caio = RepresentativeFactory()
        transfer_client(client=scene.clients[0], to=caio, by=Actor(scene.admin), on=DAY, reason="pedido")

        with django_assert_num_queries(15):
            summary = apply_summary(scene.run, by=scene.admin)

    assert (summary.approved, summary.undecided, summary.value_cents, summary.money_cents) == (2, 1, 5_000, 100_000)
    assert [(c.name, c.before, c.received, c.given, c.after, c.over_capacity) for c in summary.changes] == [
        ("Ana", 2, 0, 1, 1, False),  # one of the two is Caio's now and stays with him
        ("Bruno", 0, 1, 0, 1, True),
    ]
    assert [(each.kind, each.representative, each.n, each.most) for each in summary.passed] == [("receive", scene.bruno, 2, 1)]
    assert summary.changes[0].commission is summary.changes[1].commission is None  # employees
    assert summary.conflicts == [(scene.clients[0].pk, scene.clients[0].name)]
    assert [name for _pk, name in summary.told] == sorted([scene.ana.membership.name, scene.bruno.membership.name])
    assert summary.warnings == 3


@pytest.mark.parametrize(
    ("gone", "absent"),
    [("left", False), ("signed_out", False), ("away", True)],
)
def test_the_summary_names_who_can_receive_no_more(scene, organization, gone, absent):
    """What applying would leave as it is, is said before and not only after."""
    with acting_for(organization.pk):
        scene.approve()
        assert apply_summary(scene.run, by=scene.admin).unavailable == []
        today = local_day(organization, at=timezone.now())
        if gone == "left":
            Representative.objects.filter(pk=scene.bruno.pk).update(valid_to=today)
        elif gone == "signed_out":
            type(scene.bruno.membership).objects.filter(pk=scene.bruno.membership_id).update(is_active=False)
        else:
            Absence.objects.create(representative=scene.bruno, starts_on=today, ends_on=today + timedelta(1))

        summary = apply_summary(scene.run, by=scene.admin)

        [found] = summary.unavailable
        assert (found.representative_id, found.name, found.absent, found.clients) == (scene.bruno.pk, "Bruno", absent, 3)
        assert summary.warnings == 1
        assert (summary.approved, summary.money_cents, summary.changes, summary.told) == (3, 0, [], [])  # nobody gives what nobody receives


def test_who_applies_the_rest_of_a_run_is_told_of_the_rest(scene, organization):
    for at, few in ((NOW, scene.proposals[:2]), (NOW + timedelta(minutes=5), scene.proposals[2:])):
        with acting_for(organization.pk):
            scene.approve(*few)
            request_apply(scene.run, by=scene.admin, at=at)
        apply_run(scene.run.pk, organization.pk)
    with acting_for(organization.pk):
        told = Notice.objects.filter(kind="run_applied").order_by("pk").values_list("facts__applied", "facts__stale")
        assert list(told) == [(2, 0), (1, 0)]
        assert Run.objects.get(pk=scene.run.pk).state == "applied"


def test_asking_again_after_all_was_applied_says_that_it_was(scene, organization):
    with acting_for(organization.pk):
        scene.approve(*scene.proposals[:2])
    applied(scene)
    with acting_for(organization.pk), pytest.raises(NothingApproved, match="já foram aplicadas em"):
        request_apply(scene.run, by=scene.admin, at=NOW)


def test_definition_without_territory_moves_anywhere(organization):
    with acting_for(organization.pk):
        version = make_version(DEFINITION | {"receivers": {"same_region": False}})
        scene = Scene(1, version=version, regions=["RJ"])
        scene.approve()

    applied(scene)

    with acting_for(organization.pk):
        assert scene.states() == [("applied", "")]
