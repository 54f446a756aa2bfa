"""A client declared lost by a person: its state, its score, runs and replays of the past know it for just the days it held."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import Client, ClientStop
from clients.selectors import Limits, lifecycle_filter
from clients.selectors.page import standing_of
from clients.services.discards import discard_client
from clients.services.losses import LossRefused, declare_lost, take_back_lost
from clients.services.projections import refresh_clients
from portfolio.timeline import timeline
from rotation.engine.features import lifecycle_states
from rotation.engine.replay import Replay
from rotation.engine.rules import parse_rule
from rotation.engine.schema import STATES
from rotation.selectors.facts import day_number, run_facts
from rotation.selectors.past import past_of
from rotation.services.scored import scores_on
from tests.factories import ClientFactory, OrderFactory, make_member
from tests.rotation.conftest import AS_OF, RULE, make_client

LOST_RULE = parse_rule(RULE | {"trigger": {"all": [{"field": "state", "op": "=", "value": "lost"}]}})
DECLARED, UNDONE = AS_OF - timedelta(days=40), AS_OF - timedelta(days=10)


def noon(day):
    return datetime.combine(day, datetime.min.time().replace(hour=12), ZoneInfo("America/Sao_Paulo"))


@pytest.fixture
def client(acting, representatives):
    return make_client(representatives[0], days_silent=50)


def shown(client, acting):
    """The state the client's page says, which is the only list it stands in."""
    client.refresh_from_db()
    state = standing_of(client, as_of=AS_OF, limits=Limits.of(acting)).state
    lists = [each for each in STATES if Client.objects.filter(lifecycle_filter(each, as_of=AS_OF, limits=Limits.of(acting)), pk=client.pk)]
    assert lists == [state]
    return state


def known(acting, day):
    """The state a run of that day, the scores of that day and a back-test's cut-off see: one answer."""
    facts = run_facts(acting, [LOST_RULE], as_of=day, live=day == AS_OF)
    present = run_facts(acting, [LOST_RULE], as_of=AS_OF, live=True)
    moment = Replay(
        past_of(acting, present, until=AS_OF), present.clients, present.representatives, np.array([day_number(day)]), [LOST_RULE]
    ).advance()
    found = {
        STATES[int(states[0])]
        for states in (
            lifecycle_states(facts.clients, day_number(day)),
            lifecycle_states(moment.facts, day_number(day)),
            scores_on(acting, as_of=day).state,
        )
    }
    # only the scores tell who is at risk among the active
    found = {"active" if state == "at_risk" else state for state in found}
    assert len(found) == 1
    return found.pop()


def test_it_is_lost_for_the_days_the_word_held_and_every_reader_of_the_past_knows_which(acting, admin, client):
    assert (shown(client, acting), known(acting, AS_OF)) == ("active", "active")
    declare_lost(client, reason=" Fechou ", by=admin, at=noon(DECLARED))
    assert shown(client, acting) == "lost"
    assert [known(acting, day) for day in (DECLARED - timedelta(days=1), DECLARED, AS_OF)] == ["active", "lost", "lost"]
    assert take_back_lost(client, by=admin, at=noon(UNDONE))
    assert shown(client, acting) == "active"
    seen = [known(acting, day) for day in (UNDONE - timedelta(days=1), UNDONE, AS_OF)]
    assert seen == ["lost", "active", "active"]
    told = [(each.place.day, each.what, each.note) for each in timeline(client, acting, as_of=AS_OF, group="states").entries]
    assert told[:2] == [(UNDONE, "lost_taken_back", ""), (DECLARED, "lost_declared", "Fechou")]
    stop = ClientStop.objects.get()
    assert (stop.reason, stop.lost_on, stop.lost_until) == ("Fechou", DECLARED, UNDONE)
    assert list(AuditEvent.objects.filter(action__startswith="client.lost").order_by("pk").values_list("action", flat=True)) == [
        "client.lost_declared",
        "client.lost_taken_back",
    ]
    assert not take_back_lost(client, by=admin, at=noon(AS_OF))


def test_an_order_ends_it_and_the_word_stays_with_its_silence(acting, admin, client):
    declare_lost(client, reason="Fechou", by=admin, at=noon(DECLARED))
    OrderFactory(client=client, ordered_on=AS_OF - timedelta(days=5), amount_cents=10_000)
    refresh_clients([client.pk], as_of=AS_OF)
    assert (shown(client, acting), known(acting, AS_OF)) == ("active", "active")
    assert known(acting, AS_OF - timedelta(days=6)) == "lost"
    # of the new silence nobody has said anything
    declare_lost(client, reason="Mudou", by=admin, at=noon(AS_OF))
    assert list(ClientStop.objects.order_by("silent_since").values_list("reason", flat=True)) == ["Fechou", "Mudou"]


def test_said_again_the_last_reason_holds_and_the_first_day_stays(acting, admin, client):
    declare_lost(client, reason="Fechou", by=admin, at=noon(DECLARED))
    declare_lost(client, reason="Preço", by=admin, at=noon(AS_OF))
    declare_lost(client, reason="Preço", by=admin, at=noon(AS_OF))
    stop = ClientStop.objects.get()
    assert (stop.reason, stop.lost_on) == ("Preço", DECLARED)
    assert AuditEvent.objects.filter(action="client.lost_declared").count() == 2


def test_who_only_sells_and_what_never_bought_are_refused_with_nothing_written(acting, admin, client):
    seller = make_member(acting, Role.REPRESENTATIVE)
    client.representative.membership = seller
    client.representative.save()
    with pytest.raises(NotAllowed):
        declare_lost(client, reason="Fechou", by=seller, at=noon(AS_OF))
    with pytest.raises(LossRefused, match="por que"):
        declare_lost(client, reason="  ", by=admin, at=noon(AS_OF))
    with pytest.raises(LossRefused, match="nunca comprou"):
        declare_lost(ClientFactory(), reason="Fechou", by=admin, at=noon(AS_OF))
    discard_client(client, reason="Repetido", by=admin, at=noon(AS_OF))
    with pytest.raises(LossRefused, match="descartado"):
        declare_lost(client, reason="Fechou", by=admin, at=noon(AS_OF))
    assert not ClientStop.objects.exists()


def test_the_database_keeps_the_days_in_order(acting, admin, client):
    declare_lost(client, reason="Fechou", by=admin, at=noon(DECLARED))
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientStop.objects.update(lost_until=DECLARED - timedelta(days=1))


def test_the_page_declares_shows_and_takes_back(signed_in, acting, admin, client):
    web = signed_in(admin)
    page = f"/o/{acting.slug}/clients/{client.pk}/"
    assert f"{page}lost/" in web.get(page).content.decode()
    assert web.post(f"{page}lost/", {"reason": ""}).status_code == 422
    assert web.post(f"{page}lost/", {"reason": "Fechou as portas"}).status_code == 302
    shown = " ".join(web.get(page).content.decode().split())
    assert "Declarado perdido em" in shown and "Fechou as portas" in shown and f"{page}lost/back/" in shown
    assert web.post(f"{page}lost/back/").status_code == 302
    assert "Um pedido desfaz." in shown and "Um pedido desfaz." not in web.get(page).content.decode()
    client.refresh_from_db()
    assert client.lost_silence is None
