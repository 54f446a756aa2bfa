"""Clients moved by a person: warned first, done as it was seen, taken back at once."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Notice, Representative, Role, Session
from accounts.selectors import local_day
from accounts.services import Actor
from accounts.tenancy import identity_atomic
from clients.models import Client
from portfolio.models import Ownership
from portfolio.services import transfer_client
from rotation.errors import HandoverRefused
from rotation.models import Run
from rotation.services.by_hand import move_by_hand, planned_moves
from rotation.services.invariants import violations
from rotation.services.reversal import request_reversal
from tests.factories import PASSWORD, RepresentativeFactory, TeamFactory, make_member
from tests.rotation.conftest import make_client
from tests.rotation.making import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def today(acting):
    return local_day(acting, at=timezone.now())


@pytest.fixture
def scene(acting, team, today):
    """Ana's three clients, dearest last; Bruno near with room for one, Caio far with room."""
    ana = RepresentativeFactory(team=team, name="Ana", latitude=-23.5, longitude=-46.6)
    bruno = RepresentativeFactory(team=team, name="Bruno", latitude=-23.5, longitude=-46.5, capacity_clients=1)
    caio = RepresentativeFactory(team=team, name="Caio", latitude=-22.9, longitude=-47.0)
    clients = [make_client(None, as_of=today, days_silent=20, net=100_000 * (n + 1)) for n in range(3)]
    give(clients, ana)
    return ana, bruno, caio, clients


def ids(rows):
    return [row.pk for row in rows]


def owners(clients):
    return [Client.objects.get(pk=client.pk).representative_id for client in clients]


def go(clients, receivers, by, today, **more):
    plan = planned_moves(ids(clients), ids(receivers), by=by, today=today)
    return move_by_hand(ids(clients), ids(receivers), reason="Rota nova", mark=plan.mark, by=by, at=timezone.now(), **more)


def test_one_receiver_takes_them_all_and_the_warnings_say_what_stands_against_it(scene, manager, today):
    _ana, bruno, caio, clients = scene

    plan = planned_moves(ids(clients), [bruno.pk], by=manager, today=today)
    far = planned_moves(ids(clients), [caio.pk], by=manager, today=today)

    assert {move.to_id for move in plan.moves} == {bruno.pk} and len(plan.moves) == 3
    assert all("over_capacity" in move.caveats for move in plan.moves) and plan.farther == far.farther == 3
    assert not any("over_capacity" in move.caveats for move in far.moves) and far.moves[0].km_to > 50 > far.moves[0].km_from


def test_minutes_and_a_receivers_own_most_are_warned_of_too(scene, manager, today):
    _ana, _bruno, caio, clients = scene
    Representative.objects.filter(pk=caio.pk).update(receive_ceiling=2)
    assert {move.caveats for move in planned_moves(ids(clients), [caio.pk], by=manager, today=today).moves} == {("over_ceiling", "farther")}
    assert {move.caveats for move in planned_moves(ids(clients[:2]), [caio.pk], by=manager, today=today).moves} == {("farther",)}
    Representative.objects.filter(pk=caio.pk).update(receive_ceiling=None, capacity_minutes_week=1)
    assert {move.caveats for move in planned_moves(ids(clients), [caio.pk], by=manager, today=today).moves} == {
        ("over_capacity", "farther")
    }


def test_several_receivers_share_them_by_room_and_distance(scene, manager, today):
    _ana, bruno, caio, clients = scene

    run = go(clients, [bruno, caio], manager, today)

    assert owners(clients) == [caio.pk, caio.pk, bruno.pk] and run.state == Run.State.APPLIED
    assert set(Ownership.objects.filter(ended_on=None).values_list("source", "reason")) == {("manual", "Rota nova")}
    assert not Notice.objects.filter(membership=manager, kind="run_applied").exists()
    assert violations() == []


def test_at_most_so_many_go_those_worth_most(scene, manager, today):
    _ana, _bruno, caio, clients = scene

    plan = planned_moves(ids(clients), [caio.pk], by=manager, today=today, most=1)

    assert [move.client_id for move in plan.moves] == [clients[2].pk]


def test_a_batch_is_taken_back_at_once_but_for_what_somebody_moved_since(scene, manager, today):
    ana, bruno, caio, clients = scene
    run = go(clients, [caio], manager, today)
    transfer_client(client=clients[1], to=bruno, by=Actor(manager), on=today, reason="pedido")

    back = request_reversal(run, by=manager, at=timezone.now())

    assert back.state == Run.State.APPLIED and owners(clients) == [ana.pk, bruno.pk, ana.pk] and violations() == []


def test_an_autonomous_representative_without_consent_keeps_those_that_earn(scene, manager, today):
    ana, _bruno, caio, clients = scene
    Representative.objects.filter(pk=ana.pk).update(contract_type="autonomous", commission_rate="0.05")
    silent = make_client(None, as_of=today, days_silent=200)
    give([silent], ana)

    plan = planned_moves(ids([*clients, silent]), [caio.pk], by=manager, today=today)

    # All orders of the last 180 days: six of each client, 600,000 cents in all; five hundredths of it over six months.
    assert [move.client_id for move in plan.moves] == [silent.pk]
    assert [(each.representative, each.clients, each.monthly_cents) for each in plan.withheld] == [(ana, 3, 5_000)]
    Representative.objects.filter(pk=ana.pk).update(consent_recorded_on=today)
    assert len(planned_moves(ids(clients), [caio.pk], by=manager, today=today).moves) == 3


def test_what_changed_since_it_was_seen_is_not_done(scene, manager, today):
    _ana, bruno, caio, clients = scene
    plan = planned_moves(ids(clients), [caio.pk], by=manager, today=today)
    transfer_client(client=clients[0], to=bruno, by=Actor(manager), on=today, reason="pedido")

    with pytest.raises(ChangedMeanwhile):
        move_by_hand(ids(clients), [caio.pk], reason="Rota", mark=plan.mark, by=manager, at=timezone.now())
    with pytest.raises(HandoverRefused) as refused:
        move_by_hand(ids(clients), [caio.pk], reason=" ", mark=plan.mark, by=manager, at=timezone.now())
    assert refused.value.field == "reason" and Run.objects.count() == 0


def test_nothing_crosses_the_subtree(acting, scene, manager, today):
    _ana, _bruno, caio, clients = scene
    outsider = RepresentativeFactory(team=TeamFactory())
    foreign = make_client(outsider, as_of=today)
    for by, chosen, receiver in (
        (manager, clients, outsider),
        (manager, [foreign], caio),
        (make_member(acting, Role.AUDITOR), clients, caio),
        (make_member(acting, Role.REPRESENTATIVE), clients, caio),
    ):
        with pytest.raises(NotAllowed):
            planned_moves(ids(chosen), [receiver.pk], by=by, today=today)


def test_planning_costs_the_same_for_one_client_and_three(scene, manager, today, django_assert_num_queries):
    _ana, bruno, caio, clients = scene
    for some in (clients[:1], clients):
        with django_assert_num_queries(17):
            planned_moves(ids(some), [bruno.pk, caio.pk], by=manager, today=today)


def test_a_receiver_who_left_receives_nobody(scene, manager, today):
    _ana, _bruno, caio, clients = scene
    caio.valid_to = today - timedelta(days=1)
    caio.save()
    with pytest.raises(HandoverRefused) as refused:
        planned_moves(ids(clients), [caio.pk], by=manager, today=today)
    assert refused.value.field == "receivers" and "Caio" in str(refused.value)


def test_the_reason_waits_on_the_server_while_the_person_proves_who_they_are(scene, admin, today, signed_in, monkeypatch):
    """An address is kept by proxies, logs and histories, and a reason may say anything about a client."""
    monkeypatch.setattr("rotation.views.by_hand.MANY_ROWS", 2)
    _ana, _bruno, caio, clients = scene
    web, place = signed_in(admin), reverse("rotation:move", args=["vale-verde"])
    plan = planned_moves(ids(clients), [caio.pk], by=admin, today=today)
    form = {"c": ids(clients), "to": [caio.pk], "mark": plan.mark, "reason": "Falência da Padaria São João"}

    asked = web.post(place, form)
    assert asked["Location"].startswith("/accounts/reauthenticate/") and "Fal" not in asked["Location"]
    assert b"reason" not in web.get(asked["Location"]).content and owners(clients) != [caio.pk] * 3
    with identity_atomic(user_id=admin.user_id):
        row = Session.objects.get(pk=web.cookies[settings.SESSION_COOKIE_NAME].value)
    assert "Falência" not in json.dumps(row.get_decoded(), ensure_ascii=False)

    back = web.post(asked["Location"], {"password": PASSWORD})["Location"]
    assert back.startswith(place) and "reason" not in back
    assert 'value="Falência da Padaria São João"' in web.get(back).content.decode()
    assert "Falência" not in web.get(back.partition("#")[0] + "&to=1").content.decode()  # another choice is another act

    assert web.post(place, form)["Location"] == reverse("portfolio:client_list", args=["vale-verde"])
    assert owners(clients) == [caio.pk] * 3
    assert "Falência" not in web.get(back).content.decode()
