"""Giro e eu: a representative sees what may leave and what stops it, what came and what went; nobody else's."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.services import Actor
from portfolio.models import Ownership, Receipt
from portfolio.services import transfer_client
from portfolio.threats import threats_to
from rotation.models import SaveWarning
from tests.factories import make_member
from tests.rotation.conftest import make_client
from tests.rotation.factories import RuleVersionFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def today(acting):
    return timezone.now().astimezone(acting.zone).date()


@pytest.fixture
def ana(acting, representatives):
    representatives[0].membership = make_member(acting, Role.REPRESENTATIVE, name="Ana", email="ana@vale-verde.example")
    representatives[0].save()
    return representatives[0]


@pytest.fixture
def run(acting):
    return RunFactory(version=RuleVersionFactory())


def warn(client, run, day, days: int) -> SaveWarning:
    rule = run.rules.get().rule_version.rule
    due = day + timedelta(days=days)
    return SaveWarning.objects.create(
        organization_id=client.organization_id, client=client, representative=client.representative, rule=rule, run=run,
        warned_on=due - timedelta(days=10), due_on=due,
    )  # fmt: skip


URL = ["vale-verde"]


def test_a_representative_sees_what_may_leave_what_came_and_what_went(signed_in, admin, ana, representatives, run, today):
    bruno = representatives[1]
    staying, coming, going = (
        make_client(owner, as_of=today, trade_name=name) for owner, name in ((ana, "Sol"), (bruno, "Lua"), (ana, "Mar"))
    )
    other = make_client(bruno, as_of=today, trade_name="Rio")
    warn(staying, run, today, 3)
    warn(other, run, today, 3)
    transfer_client(client=coming, to=ana, by=Actor(admin), on=today, reason="mais perto")
    transfer_client(client=going, to=bruno, by=Actor(admin), on=today, reason="equilíbrio")

    body = signed_in(ana.membership).get(reverse("rotation:mine", args=URL)).content.decode()

    assert "1 cliente pode sair da sua carteira" in body
    assert f'href="{reverse("portfolio:client_page", args=[*URL, staying.pk])}">Sol</a>' in body
    assert "Lua" in body and "mais perto" in body
    assert "Mar" in body and "equilíbrio" in body
    assert reverse("portfolio:client_page", args=[*URL, going.pk]) not in body  # no longer within reach
    assert "Rio" not in body


def test_the_days_page_learns_what_may_leave_soonest_first(acting, ana, representatives, run, today, django_assert_num_queries):
    later, sooner, others = (make_client(owner, as_of=today) for owner in (ana, ana, representatives[1]))
    for client, days in ((later, 9), (sooner, 2), (others, 1)):
        warn(client, run, today, days)
    with django_assert_num_queries(1):
        found = threats_to(ana.membership)
    assert [(threat.client_id, (threat.due_on - today).days) for threat in found] == [(sooner.pk, 2), (later.pk, 9)]


def test_nothing_at_risk_says_so(signed_in, ana):
    body = signed_in(ana.membership).get(reverse("rotation:mine", args=URL)).content.decode()
    assert "Nenhum aviso em aberto" in body


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER, Role.AUDITOR])
def test_it_is_the_representatives_own_page(signed_in, acting, role):
    assert signed_in(make_member(acting, role)).get(reverse("rotation:mine", args=URL)).status_code == 404


def test_it_costs_the_same_with_one_client_and_with_many(signed_in, ana, representatives, admin, run, today):
    web = signed_in(ana.membership)

    def add() -> None:
        warn(make_client(ana, as_of=today), run, today, 3)
        transfer_client(client=make_client(representatives[1], as_of=today), to=ana, by=Actor(admin), on=today, reason="x")
        transfer_client(client=make_client(ana, as_of=today), to=representatives[1], by=Actor(admin), on=today, reason="x")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert web.get(reverse("rotation:mine", args=URL)).status_code == 200
        return len(captured)

    add()
    one = cost()
    add()
    add()
    assert cost() == one


def test_what_came_is_confirmed_once_by_who_has_it(signed_in, admin, ana, representatives, today):
    first, second, gone = (make_client(representatives[1], as_of=today, trade_name=name) for name in ("Lua", "Sol", "Mar"))
    own = make_client(ana, as_of=today)
    for client in (first, second, gone):
        transfer_client(client=client, to=ana, by=Actor(admin), on=today, reason="mais perto")
    transfer_client(client=gone, to=representatives[1], by=Actor(admin), on=today, reason="volta")
    web, place = signed_in(ana.membership), reverse("rotation:mine_accept", args=URL)
    held = {each.client_id: each.pk for each in Ownership.objects.filter(ended_on=None)}

    assert "Recebi os 2" in web.get(reverse("rotation:mine", args=URL)).content.decode()
    assert "1 cliente recebido" in web.post(place, {"ownership": held[first.pk]}, follow=True).content.decode()
    for nothing in (held[first.pk], held[own.pk], held[gone.pk], 999_999, "x"):
        assert "Nada esperava" in web.post(place, {"ownership": nothing}, follow=True).content.decode()
    body = web.post(place, follow=True).content.decode()

    assert "1 cliente recebido" in body
    assert "Marcar visita em Lua" in body and "Recebi" not in body.replace("Recebidos", "")
    assert sorted(Receipt.objects.values_list("ownership__client", flat=True)) == sorted([first.pk, second.pk])
    assert signed_in(admin).post(place).status_code == 404
