"""The agenda's pages: who sees which visits, what each act answers, and what a page costs."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.core import signing
from django.utils import timezone

from accounts.models import AuditEvent, Organization, Representative
from accounts.tenancy import tenant_atomic
from clients.models import ClientWord
from portfolio.models import Visit
from portfolio.selectors.agenda import Slot, State
from portfolio.tasks import plan_organization
from portfolio.workdays import next_workday
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/o/vale-verde/agenda/"


@pytest.fixture
def today(organization) -> date:
    return timezone.now().astimezone(organization.zone).date()


@pytest.fixture
def house(organization, today):
    """Ana of the near team with three visits today, Bruno of another team with one."""
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        seller = make_member(organization, "representative")
        ana = RepresentativeFactory(code="V-01", name="Ana", team=team, membership=seller, base_state="SP", latitude=-22.9, longitude=-47.0)
        bruno = RepresentativeFactory(code="V-02", name="Bruno", team=TeamFactory(), membership=make_member(organization, "representative"))
        names = ["Empório Serra", "Drogaria Safra", "Padaria Grão"]
        clients = [
            ClientFactory(name=name, representative=ana, latitude=-22.9, longitude=-47.0 - place / 10, city="Sumaré")
            for name, place in zip(names, (3, 1, 2), strict=True)
        ]
        visits = [VisitFactory(client=client, representative=ana, planned_on=today, position=n) for n, client in enumerate(clients, 1)]
        theirs = VisitFactory(client=ClientFactory(name="Açougue Corte", representative=bruno), representative=bruno, planned_on=today)
        ClientWord.objects.create(organization=organization, client=clients[0], word="emporio")
        ClientWord.objects.create(organization=organization, client=theirs.client, word="emporio")
        people = {
            role: make_member(organization, role, team=team if role == "manager" else None) for role in ("admin", "manager", "auditor")
        }
    return {"ana": ana, "bruno": bruno, "clients": clients, "visits": visits, "theirs": theirs, "representative": seller, **people}


def text(response) -> str:
    return response.content.decode()


def fetch(visit) -> Visit:
    with tenant_atomic(visit.organization_id):
        return Visit.objects.get(pk=visit.pk)


def htmx(web, address, form=None, *, here=BASE):
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{here}"}
    return web.post(address, form or {}, headers=headers)


def undo_of(response) -> str:
    return re.search(r'hx-post="(/o/[^"]+/agenda/undo/[^"]+)"', text(response))[1]


def test_a_representative_sees_the_own_day_and_it_may_be_kept_on_the_phone(house, signed_in, today):
    page = signed_in(house["representative"]).get(BASE)
    assert page.status_code == 200
    assert all(name in text(page) for name in ("Empório Serra", "Drogaria Safra", "Padaria Grão"))
    assert "Açougue Corte" not in text(page)
    assert page.headers["X-Offline"] == "keep"
    other_day = signed_in(house["representative"]).get(f"{BASE}?on={today + timedelta(days=30)}")
    assert "X-Offline" not in other_day.headers
    assert "Nenhuma visita nesta semana" in text(other_day)


def test_leaders_choose_whose_agenda_within_their_reach(house, signed_in):
    manager = signed_in(house["manager"])
    assert "De quem é a agenda?" in text(manager.get(BASE))
    assert "Empório Serra" in text(manager.get(f"{BASE}?rep={house['ana'].pk}"))
    for rep in (house["bruno"].pk, "x", "9" * 30):
        assert manager.get(f"{BASE}?rep={rep}").status_code == 404
    assert "Açougue Corte" in text(signed_in(house["auditor"]).get(f"{BASE}?rep={house['bruno'].pk}"))
    assert signed_in(house["representative"]).get(f"{BASE}?rep={house['bruno'].pk}").status_code == 404


def test_a_client_that_left_the_portfolio_takes_its_visits_out_of_sight(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        type(house["clients"][0]).objects.filter(pk=house["clients"][0].pk).update(representative=house["bruno"])
    web = signed_in(house["representative"])
    assert "Empório Serra" not in text(web.get(BASE))
    assert web.get(f"{BASE}{house['visits'][0].pk}/").status_code == 404


def test_where_a_visit_stands_follows_from_the_clock():
    at, today = datetime(2026, 3, 2, 15, 15, tzinfo=timezone.get_fixed_timezone(0)), date(2026, 3, 2)

    def state(**fields):
        blank = dict.fromkeys(Slot._fields) | {"planned_on": today}
        return Slot(**(blank | fields)).state(at=at, today=today)

    assert state() == State.PLANNED
    assert state(planned_at=at - timedelta(minutes=14)) == State.PLANNED
    assert state(planned_at=at - timedelta(minutes=15)) == State.LATE
    assert state(planned_on=today - timedelta(days=1)) == State.MISSED
    assert state(cancelled_at=at) == State.CANCELLED
    assert state(cancelled_at=at, visited_at=at) == State.DONE


def test_states_and_the_states_holidays_are_named(house, organization, signed_in, today):
    with tenant_atomic(organization.pk):
        late, done, cancelled = house["visits"]
        Visit.objects.filter(pk=late.pk).update(planned_at=timezone.now() - timedelta(minutes=20))
        Visit.objects.filter(pk=done.pk).update(visited_at=timezone.now(), visited_on=today)
        Visit.objects.filter(pk=cancelled.pk).update(cancelled_at=timezone.now(), cancel_reason="Sem tempo nesse dia")
    web = signed_in(house["representative"])
    page = text(web.get(f"{BASE}?on={today}"))
    assert all(word in page for word in ("Atrasada", "Feita", "Cancelada", "Sem tempo nesse dia", "1 de 2 feita"))
    assert "Feriado: " in text(web.get(f"{BASE}?on=2026-07-09"))
    assert "Feriado: " not in text(web.get(f"{BASE}?on=2026-07-16"))


def test_days_that_are_no_days_show_today(house, signed_in):
    web = signed_in(house["representative"])
    for on in ("0001-01-01", "9999-12-31", "ontem", "2026-13-01"):
        assert "Empório Serra" in text(web.get(BASE, {"on": on})), on


def test_moving_from_the_sheet_answers_the_agenda_and_can_be_undone(house, organization, signed_in, today):
    web, visit = signed_in(house["representative"]), house["visits"][0]
    sheet = web.get(f"{BASE}{visit.pk}/", headers={"HX-Request": "true"})
    assert "<html" not in text(sheet) and "Próxima semana" in text(sheet)
    moved = htmx(web, f"{BASE}{visit.pk}/move/", {"to": "tomorrow"})
    tomorrow = next_workday(today, "BR", "SP")
    assert (moved.status_code, moved.headers["HX-Trigger"]) == (200, "closeDialog")
    assert (fetch(visit).planned_on, fetch(visit).position) == (tomorrow, None)
    back = htmx(web, undo_of(moved))
    assert "Desfeito." in text(back)
    assert (fetch(visit).planned_on, fetch(visit).position) == (today, 1)
    twice = htmx(web, undo_of(moved))
    assert "já mudou" in text(twice)
    on = today + timedelta(days=9)
    plain = web.post(f"{BASE}{visit.pk}/move/", {"on": on.isoformat(), "hour": "14:30"})
    assert plain.status_code == 302 and f"on={on}" in plain.url
    assert fetch(visit).planned_at.astimezone(organization.zone).strftime("%d %H:%M") == f"{on:%d} 14:30"


def test_what_cannot_be_moved_says_why_in_the_sheet(house, signed_in, today):
    web, visit = signed_in(house["representative"]), house["visits"][0]
    for form in ({"on": (today - timedelta(days=1)).isoformat()}, {"on": "nunca"}, {"on": today.isoformat(), "hour": "99:99"}, {}):
        refused = htmx(web, f"{BASE}{visit.pk}/move/", form)
        assert (refused.status_code, refused.headers["HX-Retarget"]) == (422, "#visit-sheet")
        assert 'id="move-error"' in text(refused)
        assert web.post(f"{BASE}{visit.pk}/move/", form).status_code == 422
    assert fetch(visit).planned_on == today


def test_cancelling_wants_a_reason_and_skipping_needs_none(house, signed_in):
    web, (first, second, _third) = signed_in(house["representative"]), house["visits"]
    assert "Escolha o motivo" in text(htmx(web, f"{BASE}{first.pk}/cancel/"))
    cancelled = htmx(web, f"{BASE}{first.pk}/cancel/", {"reason": "Resolvido por telefone"})
    assert fetch(first).cancel_reason == "Resolvido por telefone"
    htmx(web, undo_of(cancelled))
    assert not fetch(first).cancelled
    htmx(web, f"{BASE}{second.pk}/cancel/", {"skip": "1"})
    assert fetch(second).cancel_reason == "Pulada desta vez"
    assert "já foi feita ou cancelada" in text(htmx(web, f"{BASE}{second.pk}/cancel/", {"reason": "de novo"}))


def test_marking_takes_a_client_within_reach_and_moves_the_visit_there_is(house, organization, signed_in, today):
    web, on = signed_in(house["representative"]), today + timedelta(days=6)
    client = house["clients"][1]
    assert "Drogaria Safra" in text(web.get(f"{BASE}new/?client={client.pk}"))
    assert web.post(f"{BASE}new/", {"client": client.pk, "on": on.isoformat(), "hour": "09:15"}).status_code == 302
    assert fetch(house["visits"][1]).planned_on == on
    refused = web.post(f"{BASE}new/", {"client": house["theirs"].client_id, "on": on.isoformat()})
    assert refused.status_code == 422 and "Escolha um cliente da lista" in text(refused)
    assert web.post(f"{BASE}new/", {"client": client.pk, "on": (today - timedelta(days=2)).isoformat()}).status_code == 422
    manager = signed_in(house["manager"])
    assert manager.post(f"{BASE}new/", {"client": client.pk, "on": today.isoformat()}).status_code == 302
    assert (fetch(house["visits"][1]).planned_on, fetch(house["visits"][1]).representative_id) == (today, house["ana"].pk)
    with tenant_atomic(organization.pk):
        nobodys = ClientFactory()
    assert "está sem vendedor" in text(signed_in(house["admin"]).post(f"{BASE}new/", {"client": nobodys.pk, "on": today.isoformat()}))


def test_the_search_for_a_client_finds_those_within_reach(house, signed_in):
    found = text(signed_in(house["representative"]).get(f"{BASE}clients/?q=Empório"))
    assert "Empório Serra" in found and "Açougue Corte" not in found
    assert found.count("<li") == 1


def test_the_suggested_order_is_applied_and_taken_back(house, signed_in, today):
    web = signed_in(house["representative"])
    page = text(web.get(f"{BASE}?view=day")).replace("\xa0", " ")
    assert "Sugerir ordem" in page and "de 61 km para 31 km" in page
    ordered = htmx(web, f"{BASE}order/", {"on": today.isoformat(), "suggest": "1"}, here=f"{BASE}?view=day")
    assert [fetch(visit).position for visit in house["visits"]] == [3, 1, 2]
    assert "não há outra mais curta" in text(ordered)
    htmx(web, undo_of(ordered))
    assert [fetch(visit).position for visit in house["visits"]] == [1, 2, 3]
    htmx(web, f"{BASE}order/", {"on": today.isoformat(), "down": str(house["visits"][0].pk)})
    assert [fetch(visit).position for visit in house["visits"]] == [2, 1, 3]
    htmx(web, f"{BASE}order/", {"on": today.isoformat(), "up": str(house["visits"][1].pk)})
    assert [fetch(visit).position for visit in house["visits"]] == [2, 1, 3]


def test_an_undo_belongs_to_who_did_the_act_and_ends(house, signed_in, monkeypatch):
    web, visit = signed_in(house["representative"]), house["visits"][0]
    undo = undo_of(htmx(web, f"{BASE}{visit.pk}/cancel/", {"skip": "1"}))
    assert "não dá para desfazer" in text(htmx(signed_in(house["manager"]), undo, here=f"{BASE}?rep={house['ana'].pk}"))
    assert "não dá para desfazer" in text(htmx(web, f"{BASE}undo/{signing.dumps({'visit': visit.pk})}/"))
    monkeypatch.setattr("portfolio.views.agenda_acts.UNDO_SECONDS", -1)
    assert "não dá para desfazer" in text(htmx(web, undo))
    assert fetch(visit).cancelled


def test_an_auditor_reads_and_finds_nothing_to_press(house, signed_in):
    web, visit = signed_in(house["auditor"]), house["visits"][0]
    page = text(web.get(f"{BASE}?rep={house['ana'].pk}&view=day"))
    assert "Empório Serra" in page and "Sugerir ordem" not in page and "Marcar visita" not in page
    assert "Mudar o dia" not in text(web.get(f"{BASE}{visit.pk}/"))
    for path in ("new/", "plan/", "order/", f"{visit.pk}/move/", f"{visit.pk}/cancel/", "settings/"):
        assert web.post(BASE + path, {"rep": house["ana"].pk, "skip": "1", "on": "2030-01-01"}).status_code == 404, path


def test_the_weeks_are_shown_before_they_are_kept(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        due = ClientFactory(name="Mercado Vencido", representative=house["ana"], registered_on=date(2025, 1, 1))
    web = signed_in(house["representative"])
    page = text(web.get(f"{BASE}plan/"))
    box = re.search(r'name="keep" value="(\d+:[\d-]+)" checked', page)[1]
    assert "Mercado Vencido" in page and box.startswith(f"{due.pk}:") and page.count('name="keep"') == 1
    with tenant_atomic(organization.pk):
        assert not Visit.objects.filter(client=due).exists()
    assert web.post(f"{BASE}plan/", {"keep": [box, "x:y", f"{house['theirs'].client_id}:2030-01-01"]}).status_code == 302
    with tenant_atomic(organization.pk):
        assert Visit.objects.get(client=due).planned_on.isoformat() == box.partition(":")[2]
    assert "Ninguém a planejar" in text(web.get(f"{BASE}plan/"))
    assert signed_in(house["manager"]).get(f"{BASE}plan/?rep={house['bruno'].pk}").status_code == 404


def test_settings_are_checked_kept_and_audited(house, organization, signed_in):
    good = {
        "cadence_a_days": 7, "cadence_b_days": 21, "cadence_c_days": 45, "visits_per_day": 6, "check_in_radius_m": 300,
        "prospect_protection_days": 60, "no_sale_reasons": "Preço\n\n  Sem   estoque \nPreço",
    }  # fmt: skip
    web = signed_in(house["admin"])
    assert web.get(f"{BASE}settings/").status_code == 200
    bad = {"cadence_a_days": 30, "check_in_radius_m": 49, "visits_per_day": 0, "no_sale_reasons": "x" * 121}
    for name, value in bad.items():
        refused = web.post(f"{BASE}settings/", good | {name: value})
        assert refused.status_code == 422 and f'id="id_{name}_error"' in text(refused), name
    with tenant_atomic(organization.pk):
        Representative.objects.filter(pk=house["bruno"].pk).update(visits_per_day=12)
    assert web.post(f"{BASE}settings/", good).status_code == 302
    with tenant_atomic(organization.pk):
        saved = Organization.objects.get(pk=organization.pk)
        assert (saved.cadence_a_days, saved.check_in_radius_m, saved.plans_visits) == (7, 300, False)
        assert saved.no_sale_reasons == ["Preço", "Sem estoque"]
        assert dict(Representative.objects.values_list("code", "visits_per_day")) == {"V-01": 6, "V-02": 12}
        event = AuditEvent.objects.get(action="organization.field_settings")
        assert (event.before["cadence_a_days"], event.after["cadence_a_days"]) == (14, 7)
    assert web.post(f"{BASE}settings/", good).status_code == 302
    with tenant_atomic(organization.pk):
        assert AuditEvent.objects.filter(action="organization.field_settings").count() == 1
    for role in ("manager", "representative"):
        assert signed_in(house[role]).get(f"{BASE}settings/").status_code == 404
    assert signed_in(house["auditor"]).get(f"{BASE}settings/").status_code == 200


@pytest.mark.parametrize("address", ["", "?view=day", "plan/"])
def test_a_page_costs_the_same_queries_whatever_the_number_of_visits(
    house, organization, signed_in, django_assert_max_num_queries, today, address
):
    def cost() -> int:
        web = signed_in(house["representative"])
        web.get(BASE)
        with django_assert_max_num_queries(20) as queries:
            assert web.get(BASE + address).status_code == 200
        return len(queries)

    before = cost()
    with tenant_atomic(organization.pk):
        for n in range(12):
            client = ClientFactory(representative=house["ana"], registered_on=date(2025, 1, 1))
            if n % 2:
                VisitFactory(client=client, representative=house["ana"], planned_on=today)
    assert cost() == before


def test_the_nightly_task_plans_one_organization_at_a_time(organization, other):
    for each in (organization, other):
        with tenant_atomic(each.pk):
            person = RepresentativeFactory(membership=make_member(each, "representative"))
            ClientFactory(representative=person, registered_on=date(2025, 1, 1))
    for _twice in range(2):
        plan_organization(organization_id=organization.pk)
    planned = []
    for each in (organization, other):
        with tenant_atomic(each.pk):
            planned.append(Visit.objects.count())
    assert planned == [1, 0]
    with pytest.raises(TypeError, match="organization_id"):
        plan_organization()
