"""A representative leaves: the whole portfolio goes over, access ends with it, and all of it can be taken back."""

from datetime import timedelta

import pytest

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Absence, ApiToken, Membership, Representative, Role, Session
from accounts.notices import sentence
from accounts.services import Actor
from accounts.services.seals import audit_breaks
from clients.models import Client, Opportunity
from portfolio.models import Ownership, Task, Visit
from portfolio.services import transfer_client
from portfolio.services.proof import ledger_breaks
from rotation.errors import HandoverRefused
from rotation.models import Handover, Proposal, Request, Run
from rotation.selectors.book import book_of
from rotation.selectors.handovers import division_of
from rotation.selectors.receiving import passed_by_lines
from rotation.services.dividing import draft_handover, put_clients
from rotation.services.handover import confirm_handover, start_due_handovers, undo_handover
from rotation.services.invariants import violations
from tests.factories import RepresentativeFactory, TeamFactory, VisitFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, make_client
from tests.rotation.making import give, make_run, propose

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def leaver(acting, team):
    """Ana, with a sign-in, in the north of São Paulo."""
    member = make_member(acting, Role.REPRESENTATIVE, name="Ana", team=team)
    return RepresentativeFactory(team=team, name="Ana", membership=member, latitude=-23.5, longitude=-46.6, capacity_clients=40)


@pytest.fixture
def heirs(acting, team):
    """Bruno has a sign-in and is near; Caio has neither a sign-in nor neighbours."""
    bruno = make_member(acting, Role.REPRESENTATIVE, name="Bruno", team=team)
    near = RepresentativeFactory(team=team, name="Bruno", membership=bruno, latitude=-23.5, longitude=-46.6, capacity_clients=40)
    return [near, RepresentativeFactory(team=team, name="Caio", latitude=-22.9, longitude=-47.0, capacity_clients=40)]


def client_of(leaver, **fields):
    """A client given to the leaver through the ledger, as the invariants want it."""
    client = make_client(None, **fields)
    give([client], leaver)
    return client


def draft(leaver, heirs, by, *, last_on=AS_OF, rest=None):
    return draft_handover(leaver, last_on=last_on, receivers=[each.pk for each in heirs], rest=rest, by=by, at=NOW)


def owners(clients):
    return [Client.objects.get(pk=client.pk).representative_id for client in clients]


def test_the_division_keeps_to_the_room_gives_the_near_one_the_dearest_and_says_how_good_it_is(leaver, heirs, manager):
    clients = [client_of(leaver, net=100_000 * (n + 1)) for n in range(5)]
    near, far = heirs
    near.capacity_clients = 3
    near.save()

    plan = draft(leaver, heirs, manager).plan

    to = [plan["to"][str(client.pk)] for client in clients]
    assert sorted(plan["to"]) == sorted(str(client.pk) for client in clients) and plan["why"] == {}
    assert to[4] == near.pk and to[0] == far.pk and to.count(near.pk) <= 3
    assert (plan["counts"], plan["heads_because"]) == ("clients", "unwritten")
    assert plan["bound_cents"] >= plan["objective_cents"] > plan["round_robin_cents"] and plan["gap"] < 0.01


def test_whom_nobody_can_take_is_named_with_the_reason_and_confirming_asks_for_somebody(leaver, heirs, manager):
    here, there = client_of(leaver, state="SP"), client_of(leaver, state="BA")
    for heir in heirs:
        heir.regions = ["SP"]
        heir.save()

    found = draft(leaver, heirs, manager)

    assert found.plan["why"] == {str(there.pk): "no_region"} and str(here.pk) in found.plan["to"]
    with pytest.raises(HandoverRefused) as refused:
        confirm_handover(found, reason="Aposentadoria", version=found.version, by=manager, at=NOW)
    assert refused.value.field == "rest" and owners([here, there]) == [leaver.pk] * 2
    found = draft(leaver, heirs, manager, rest=heirs[0].pk)
    confirm_handover(found, reason="Aposentadoria", version=found.version, by=manager, at=NOW)
    assert owners([there]) == [heirs[0].pk]


def test_everything_goes_along_and_access_ends_in_the_same_transaction(acting, leaver, heirs, manager, signed_in):
    clients = [client_of(leaver, net=500_000 - n) for n in range(4)]
    bruno, caio = heirs
    web = signed_in(leaver.membership)
    ApiToken.objects.create(membership=leaver.membership, name="t", prefix="p", token_hash="h" * 64, expires_at=NOW + timedelta(days=9))
    task = Task.objects.create(title="Mandar amostra", client=clients[0], owner=leaver.membership, due_on=AS_OF)
    far_task = Task.objects.create(title="Ligar", client=clients[3], owner=leaver.membership, due_on=AS_OF)
    loose = Task.objects.create(title="Entregar o carro", owner=leaver.membership, due_on=AS_OF)
    planned = VisitFactory(client=clients[0], representative=leaver, planned_on=AS_OF + timedelta(days=3))
    past = VisitFactory(client=clients[0], representative=leaver, visited_on=AS_OF - timedelta(days=9), visited_at=NOW - timedelta(days=9))
    sale = Opportunity.objects.create(client=clients[0], title="Linha nova", stage_since=AS_OF)
    away = Absence.objects.create(
        representative=leaver, cover=bruno, starts_on=AS_OF - timedelta(days=1), ends_on=AS_OF + timedelta(days=9)
    )
    covering = Absence.objects.create(representative=caio, cover=leaver, starts_on=AS_OF, ends_on=AS_OF + timedelta(days=9))
    other = make_run()
    waiting = propose(other, clients[1], caio)

    found = put_clients(found := draft(leaver, heirs, manager), [clients[3].pk], caio.pk, version=found.version, by=manager)
    done = confirm_handover(found, reason="Pediu demissão", version=found.version, by=manager, at=NOW)

    assert owners(clients) == [bruno.pk, bruno.pk, bruno.pk, caio.pk]
    assert (done.state, done.run.state, done.run.kind) == ("started", "applied", "handover")
    rows = Ownership.objects.filter(client__in=clients, ended_on=None).values_list("source", "reason", "actor")
    assert set(rows) == {("handover", "Pediu demissão", manager.pk)}
    leaver.refresh_from_db()
    assert leaver.valid_to == AS_OF
    assert not Membership.objects.get(pk=leaver.membership_id).is_active
    assert not Session.objects.filter(user_id=leaver.membership.user_id).exists() and ApiToken.objects.get().revoked_at == NOW
    assert web.get(f"/o/{acting.slug}/clients/").status_code in (302, 403)
    assert [Task.objects.get(pk=each.pk).owner_id for each in (task, far_task, loose)] == [bruno.membership_id, manager.pk, manager.pk]
    assert [Visit.objects.get(pk=each.pk).representative_id for each in (planned, past)] == [bruno.pk, leaver.pk]
    assert Opportunity.objects.get(pk=sale.pk).client.representative_id == bruno.pk
    away.refresh_from_db(), covering.refresh_from_db(), waiting.refresh_from_db()
    assert (away.ends_on, covering.cover_id) == (AS_OF, None)
    assert (waiting.state, waiting.stale_reason) == ("stale", "owner_changed")
    notices = {(each.membership_id, each.kind, each.facts.get("n")) for each in bruno.membership.notices.all()}
    assert notices == {(bruno.membership_id, "clients_received", 3)}
    told = bruno.membership.notices.get()
    path = sentence(told.kind, told.facts, currency="BRL").path
    assert path == f"handovers/{done.pk}/dossier/" and signed_in(bruno.membership).get(f"/o/{acting.slug}/{path}").status_code == 200
    assert [*violations(), *audit_breaks(), *ledger_breaks()] == []


def test_a_client_put_elsewhere_by_hand_stays_there_when_the_rest_is_divided_anew(leaver, heirs, manager):
    clients = [client_of(leaver, net=100_000 * (n + 1)) for n in range(3)]
    bruno, caio = heirs
    bruno.capacity_clients = 1
    bruno.save()
    found = draft(leaver, heirs, manager)
    assert found.plan["to"][str(clients[2].pk)] == bruno.pk

    found = put_clients(found, [clients[0].pk], bruno.pk, version=found.version, by=manager)
    with pytest.raises(ChangedMeanwhile):
        put_clients(found, [clients[1].pk], bruno.pk, version=found.version - 1, by=manager)
    found = draft(leaver, heirs, manager)
    confirm_handover(found, reason="Saída", version=found.version, by=manager, at=NOW)

    # The choice took Bruno's only place, so the engine no longer gives him the dearest.
    assert owners(clients) == [bruno.pk, caio.pk, caio.pk]


def test_who_is_given_more_than_they_may_is_marked_with_every_client_they_receive(leaver, heirs, manager):
    clients = [client_of(leaver, net=100_000 * (n + 1)) for n in range(3)]
    near, far = heirs
    Representative.objects.filter(pk=far.pk).update(receive_ceiling=1)
    Representative.objects.filter(pk=near.pk).update(capacity_clients=1)
    found = draft(leaver, heirs, manager)
    assert passed_by_lines(division_of(found).lines) == []  # the engine keeps to both
    choices = [client.pk for client in clients[1:]]
    found = put_clients(found, choices, far.pk, version=found.version, by=manager)
    found = put_clients(found, [clients[0].pk], near.pk, version=found.version, by=manager)
    [passed] = passed_by_lines(division_of(found).lines)
    assert (passed.kind, passed.representative, passed.n, passed.most) == ("receive", far, 2, 1)
    done = confirm_handover(found, reason="Saiu", version=found.version, by=manager, at=NOW)
    marked = done.run.proposals.filter(caveats=["over_ceiling"])
    assert sorted(marked.values_list("client_id", flat=True)) == sorted(choices)


def test_what_changed_since_is_not_overwritten(leaver, heirs, manager):
    client_of(leaver)
    found = draft(leaver, heirs, manager)
    late = client_of(leaver)

    with pytest.raises(ChangedMeanwhile):
        confirm_handover(found, reason="Saída", version=found.version, by=manager, at=NOW)
    assert owners([late]) == [leaver.pk]


def test_undo_gives_back_what_nobody_moved_since_with_access(leaver, heirs, manager, admin):
    clients = [client_of(leaver) for _n in range(3)]
    found = draft(leaver, heirs, manager)
    done = confirm_handover(found, reason="Saída", version=found.version, by=manager, at=NOW)

    back = undo_handover(done, by=manager, at=NOW)

    assert owners(clients) == [leaver.pk] * 3 and back.kind == Run.Kind.REVERSAL and back.state == Run.State.APPLIED
    leaver.refresh_from_db()
    assert leaver.valid_to is None and Membership.objects.get(pk=leaver.membership_id).is_active
    assert Handover.objects.get().state == "undone" and violations() == []


def test_undo_gives_back_absences_covers_tasks_and_requests_nobody_touched_since(leaver, heirs, manager):
    bruno, caio = heirs
    here, gone, contested = client_of(leaver), client_of(leaver), client_of(leaver)
    begun = Absence.objects.create(representative=leaver, cover=bruno, starts_on=AS_OF - DAY, ends_on=AS_OF + 9 * DAY)
    ahead = Absence.objects.create(representative=leaver, starts_on=AS_OF + 30 * DAY, ends_on=AS_OF + 40 * DAY, reason="Férias")
    covering = Absence.objects.create(representative=caio, cover=leaver, starts_on=AS_OF + 50 * DAY, ends_on=AS_OF + 60 * DAY)
    recovered = Absence.objects.create(representative=caio, cover=leaver, starts_on=AS_OF + 70 * DAY, ends_on=AS_OF + 80 * DAY)
    loose, done = (Task.objects.create(title=name, owner=leaver.membership, due_on=AS_OF) for name in ("Carro", "Crachá"))
    stale = propose(make_run(), contested, caio)
    asked = {"made_by": leaver.membership, "representative": leaver, "reason": "Negociando", "until_on": AS_OF + 20 * DAY}
    hold = Request.objects.create(kind="hold", client=here, **asked)
    lost = Request.objects.create(kind="hold", client=gone, **asked)
    contest = Request.objects.create(kind="contest", client=contested, proposal=stale, **asked)
    made = (hold, lost, contest)
    found = draft(leaver, heirs, manager)
    left = confirm_handover(found, reason="Saída", version=found.version, by=manager, at=NOW)
    assert {Request.objects.get(pk=each.pk).state for each in made} == {"withdrawn"} and not Absence.objects.filter(pk=ahead.pk).exists()
    Absence.objects.filter(pk=recovered.pk).update(cover=bruno)
    Task.objects.filter(pk=done.pk).update(done_at=NOW)
    transfer_client(
        client=gone, to=next(each for each in heirs if owners([gone]) != [each.pk]), by=Actor(manager), on=AS_OF + DAY, reason="Pedido"
    )

    undo_handover(left, by=manager, at=NOW + DAY)

    days = Absence.objects.order_by("starts_on").values_list("representative", "cover", "starts_on", "ends_on", "reason")
    assert list(days) == [
        (leaver.pk, bruno.pk, begun.starts_on, begun.ends_on, ""),
        (leaver.pk, None, ahead.starts_on, ahead.ends_on, "Férias"),
        (caio.pk, leaver.pk, covering.starts_on, covering.ends_on, ""),
        (caio.pk, bruno.pk, recovered.starts_on, recovered.ends_on, ""),
    ]
    assert [Task.objects.get(pk=each.pk).owner_id for each in (loose, done)] == [leaver.membership_id, manager.pk]
    assert [Request.objects.get(pk=each.pk).state for each in made] == ["open", "withdrawn", "withdrawn"]
    assert [*violations(), *audit_breaks()] == []


def test_a_day_ahead_is_planned_and_begins_the_morning_after_with_the_clients_of_that_day(leaver, heirs, manager):
    client_of(leaver)
    found = draft(leaver, heirs, manager, last_on=AS_OF + timedelta(days=2))
    planned = confirm_handover(found, reason="Aposentadoria", version=found.version, by=manager, at=NOW)
    assert planned.state == "planned" and Membership.objects.get(pk=leaver.membership_id).is_active
    late = client_of(leaver)

    assert start_due_handovers(NOW + timedelta(days=2)) == []
    assert start_due_handovers(NOW + timedelta(days=3)) == [(planned.organization_id, planned.pk)]

    assert not Client.objects.filter(representative=leaver).exists() and owners([late]) != [leaver.pk]
    leaver.refresh_from_db()
    assert leaver.valid_to == AS_OF + timedelta(days=3) and not Membership.objects.get(pk=leaver.membership_id).is_active


def test_taking_a_leaving_back_leaves_the_last_day_that_somebody_gave_since(leaver, heirs, admin):
    """Who had left before, left once more, and was taken back by the administration: undoing the leaving does not end that again."""
    near, caio = heirs
    client_of(caio)
    caio.valid_to = AS_OF - 3 * DAY
    caio.save()
    found = draft(caio, [near], admin)
    left = confirm_handover(found, reason="Saída", version=found.version, by=admin, at=NOW)
    caio.refresh_from_db()
    assert left.before["ended"] == caio.valid_to.isoformat()
    caio.valid_to = None
    caio.save()
    transfer_client(client=client_of(leaver), to=caio, by=Actor(admin), on=AS_OF, reason="Voltou")

    undo_handover(left, by=admin, at=NOW)

    caio.refresh_from_db()
    assert caio.valid_to is None and violations() == []


def test_two_who_leave_on_one_day_hand_on_late_what_the_one_gave_the_other(leaver, heirs, manager):
    """The night that was to start both did not run: the second receives after its last day, and was served until then."""
    clients = [client_of(leaver), client_of(heirs[0])]
    first = draft(leaver, heirs[:1], manager, last_on=AS_OF + DAY)
    confirm_handover(first, reason="Saída", version=first.version, by=manager, at=NOW)
    second = draft(heirs[0], heirs[1:], manager, last_on=AS_OF + DAY)
    confirm_handover(second, reason="Saída", version=second.version, by=manager, at=NOW)

    late = NOW + timedelta(days=4)
    assert [pk for _organization, pk in start_due_handovers(late)] == [first.pk, second.pk]

    assert owners(clients) == [heirs[1].pk] * 2 and violations() == []
    leaver.refresh_from_db()
    heirs[0].refresh_from_db()
    assert (leaver.valid_to, heirs[0].valid_to) == (AS_OF + 2 * DAY, AS_OF + 4 * DAY)


def test_nobody_outside_the_subtree_divides_and_nobody_outside_receives(acting, leaver, heirs, manager):
    client_of(leaver)
    far = TeamFactory()
    stranger = make_member(acting, Role.MANAGER, team=far)
    outsider = RepresentativeFactory(team=far)

    for by, receivers in ((stranger, heirs), (manager, [*heirs, outsider])):
        with pytest.raises(NotAllowed):
            draft(leaver, receivers, by)
    with pytest.raises(NotAllowed):
        draft(leaver, heirs, make_member(acting, Role.AUDITOR))


def test_a_portfolio_is_read_by_a_constant_number_of_queries(leaver, heirs, acting, django_assert_num_queries):
    client_of(leaver)
    with django_assert_num_queries(8):
        book_of(acting, people=[leaver.pk, *(each.pk for each in heirs)], as_of=AS_OF)
    [client_of(leaver) for _n in range(2)]
    with django_assert_num_queries(8):
        book = book_of(acting, people=[leaver.pk, *(each.pk for each in heirs)], as_of=AS_OF)
    assert len(book.held_by(leaver.pk)) == 3


def test_large_portfolios_are_a_job_and_access_ends_before_it(leaver, heirs, manager, monkeypatch):
    from rotation.services import moving

    monkeypatch.setattr(moving, "CHUNK", 2)
    clients = [client_of(leaver) for _n in range(3)]
    found = draft(leaver, heirs, manager)
    done = confirm_handover(found, reason="Saída", version=found.version, by=manager, at=NOW)

    assert done.run.state == "applying" and not Membership.objects.get(pk=leaver.membership_id).is_active
    assert owners(clients) == [leaver.pk] * 3 and Proposal.objects.filter(run=done.run, state="approved").count() == 3


def test_a_representatives_page_leads_the_administration_there_and_nobody_who_only_reads(acting, leaver, admin, signed_in):
    page, way = f"/o/{acting.slug}/people/{leaver.pk}/", f'href="/o/{acting.slug}/people/{leaver.pk}/leave/"'
    auditor = make_member(acting, Role.AUDITOR, name="Vera")

    pages = [signed_in(member).get(page).content.decode() for member in (admin, auditor)]
    Representative.objects.filter(pk=leaver.pk).update(valid_to=AS_OF - DAY)
    afterwards = signed_in(admin).get(page).content.decode()

    assert [way in html for html in pages] == [True, False]
    assert "Vai sair…" in pages[0] and way in afterwards and "Dividir a carteira" in afterwards
