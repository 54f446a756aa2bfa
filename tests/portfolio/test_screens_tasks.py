"""The pages of tasks and colleagues, and what the outbox of a device is answered."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notice, Role
from clients.models import Colleague
from clients.services.words import refresh_words
from portfolio.models import Task
from portfolio.services.tasks import give_task
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


def url(name: str, *args) -> str:
    return reverse(f"portfolio:{name}", args=["vale-verde", *args])


@pytest.fixture
def today(acting):
    return timezone.now().astimezone(acting.zone).date()


@pytest.fixture
def house(acting):
    team = TeamFactory()
    people = {
        "manager": make_member(acting, Role.MANAGER, team=team, name="Marta"),
        "ana": make_member(acting, Role.REPRESENTATIVE, name="Ana"),
        "caio": make_member(acting, Role.REPRESENTATIVE, name="Caio"),
        "auditor": make_member(acting, Role.AUDITOR),
    }
    people["client"] = ClientFactory(
        representative=RepresentativeFactory(team=team, membership=people["ana"]), trade_name="Empório Sol", code="SOL-1"
    )
    moon = ClientFactory(trade_name="Empório Lua", representative=people["client"].representative)
    refresh_words([people["client"].pk, moon.pk])
    people["far"] = ClientFactory(trade_name="Longe")
    return people


@pytest.fixture
def ana(house, signed_in):
    return signed_in(house["ana"])


def task(house, **fields) -> Task:
    values = {"title": "Ligar", "due_on": timezone.localdate() + timedelta(days=1), "owner": house["ana"], "by": house["ana"]} | fields
    return give_task(at=timezone.now(), **values).task


def test_the_list_says_what_is_late_due_and_next_and_with_whom(ana, house, today):
    task(house, title="Tarde", due_on=today - timedelta(days=2), made_on=today - timedelta(days=3))
    task(house, title="Agora", due_on=today, client=house["client"], by=house["manager"])
    task(house, title="Depois", due_on=today + timedelta(days=4))
    task(house, title="Com Caio", owner=house["caio"])
    body = ana.get(url("tasks")).content.decode()
    assert [body.index(word) for word in ("Atrasadas", "Tarde", "Agora", "Próximas", "Depois")] == sorted(
        body.index(word) for word in ("Atrasadas", "Tarde", "Agora", "Próximas", "Depois")
    )
    assert "1 atrasada · 1 para hoje" in body
    assert "de Marta" in body and url("client_page", house["client"].pk) in body
    assert "Com Caio" not in body
    assert "Com Caio" in ana.get(url("tasks") + "?tab=given").content.decode()
    loose = ana.get(url("tasks") + "?client=none").content.decode()
    assert "Tarde" in loose and "Agora" not in loose
    assert ana.get(url("tasks") + "?tab=x").status_code == 404


@pytest.mark.parametrize(
    ("tab", "words"), [("mine", "Nenhuma tarefa à espera"), ("given", "Nenhuma tarefa com colegas"), ("done", "Nada concluído em 30 dias")]
)
def test_an_empty_list_says_why(ana, tab, words):
    assert words in ana.get(url("tasks") + f"?tab={tab}").content.decode()


def test_one_tap_completes_and_the_page_that_follows_offers_to_take_it_back(ana, house):
    made = task(house)
    answer = ana.post(url("task_done", made.pk), {"id_made": uuid4()}, follow=True)
    made.refresh_from_db()
    assert made.done_by == house["ana"]
    undo = f"{url('reopen_task', made.pk)}?version=2"
    assert f'action="{undo}"' in answer.content.decode()
    assert ana.post(undo, headers={"HX-Request": "true"}).headers["HX-Redirect"] == url("tasks")
    made.refresh_from_db()
    assert made.done_at is None
    assert "mudou esta tarefa" in ana.post(undo, follow=True).content.decode()


def test_the_outbox_is_told_stored_already_refused_and_whose_it_is(ana, house, signed_in):
    made, gone = task(house), task(house)
    member = str(house["ana"].pk)
    first = ana.post(url("task_done", made.pk), headers={"X-Member": member}, **JSON)
    again = ana.post(url("task_done", made.pk), **JSON)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() | {"state": "stored"}
    assert (first.json()["next"], again.json()["state"]) == (f"{url('tasks')}?done={made.pk}", "already")
    Task.objects.filter(pk=gone.pk).update(cancelled_at=timezone.now())
    refused = ana.post(url("task_done", gone.pk), **JSON)
    assert (refused.status_code, refused.json()["state"], refused.json()["form"]) == (422, "refused", url("task", gone.pk))
    other = ana.post(url("task_done", gone.pk), headers={"X-Member": "999999"}, **JSON)
    assert (other.status_code, other.json()["state"]) == (409, "other_person")
    audit = signed_in(house["auditor"]).post(url("task_done", gone.pk), **JSON)
    assert (audit.status_code, audit.json()["state"]) == (403, "forbidden")
    stranger = signed_in(house["caio"]).post(url("task_done", gone.pk), **JSON)
    assert stranger.status_code == 404


def test_the_device_says_when_a_task_was_done_but_not_in_the_future_nor_before_it_was_given(ana, house):
    for made_at, believed in (("2199-01-01T00:00:00Z", False), ("x", False), ((timezone.now() - timedelta(days=3)).isoformat(), True)):
        made = task(house)
        Task.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=9 if believed else 0))
        ana.post(url("task_done", made.pk), {"made_at": made_at})
        made.refresh_from_db()
        assert (timezone.now() - made.done_at > timedelta(days=2)) == believed
        assert made.done_at >= made.created_at


def test_a_task_is_given_from_the_clients_page_and_sent_twice_is_one(ana, house, today):
    page = ana.get(url("new_task") + f"?client={house['client'].pk}").content.decode()
    assert "Empório Sol" in page and "Ainda não acompanham o cliente" in page and "Caio" in page
    form = {
        "id_made": uuid4(), "title": "Levar amostra", "soon": today.isoformat(), "owner": house["caio"].pk, "part": "technical",
        "client": house["client"].pk,
    }  # fmt: skip
    first = ana.post(url("new_task") + f"?client={house['client'].pk}", form)
    assert first.url == url("client_page", house["client"].pk)
    assert ana.post(url("new_task"), form, **JSON).json()["state"] == "already"
    made = Task.objects.get()
    assert (made.owner, made.client, made.due_on) == (house["caio"], house["client"], today)
    assert Colleague.objects.get().part == "technical"
    assert set(Notice.objects.filter(membership=house["caio"]).values_list("kind", flat=True)) == {"task_given", "colleague_named"}


def test_a_client_is_named_by_words_and_chosen_where_they_mean_several(ana, house, today):
    form = {"title": "Ligar", "due_on": today.isoformat(), "owner": house["ana"].pk, "client_words": "emporio"}
    several = ana.post(url("new_task"), form)
    assert several.status_code == 422
    assert "Qual cliente?" in several.content.decode() and 'value="Ligar"' in several.content.decode()
    none = ana.post(url("new_task"), form | {"client_words": "longe"})
    assert (none.status_code, "Nenhum cliente seu" in none.content.decode()) == (422, True)
    assert ana.post(url("new_task"), form | {"client_words": "SOL-1"}).status_code == 302
    assert Task.objects.get().client == house["client"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": ""}, "obrigatório"),
        ({"due_on": "", "soon": ""}, "Escolha o prazo"),
        ({"due_on": "2001-01-01"}, "O prazo já passou"),
        ({"owner": "999999"}, "Faça uma escolha válida"),
        ({"client": "x"}, "não está ao seu alcance"),
    ],
)
def test_a_form_that_cannot_be_is_kept_as_typed_and_says_where(ana, house, today, change, words):
    form = {"title": "Guardar isto", "due_on": today.isoformat(), "owner": house["ana"].pk, "note": "Não perca"} | change
    answer = ana.post(url("new_task"), form)
    assert answer.status_code == 422
    assert words in answer.content.decode() and "Não perca" in answer.content.decode()
    json = ana.post(url("new_task"), form, **JSON)
    assert (json.status_code, json.json()["state"]) == (422, "refused")
    assert not Task.objects.exists()


def test_a_task_of_a_client_out_of_reach_cannot_be_given(ana, house):
    assert ana.get(url("new_task") + f"?client={house['far'].pk}").status_code == 404


def test_a_task_is_changed_handed_over_and_cancelled_on_its_page(ana, house, signed_in, today):
    made = task(house, client=house["client"], note="Antes")
    page = ana.get(url("task", made.pk)).content.decode()
    assert 'name="version" value="1"' in page and "Antes" in page
    form = {"version": 1, "title": "Ligar já", "due_on": today.isoformat(), "owner": house["manager"].pk, "note": ""}
    assert ana.post(url("task", made.pk), form).status_code == 302
    made.refresh_from_db()
    assert (made.owner, made.title, made.version) == (house["manager"], "Ligar já", 2)
    stale = ana.post(url("task", made.pk), form, follow=True)
    assert "Alguém mudou esta tarefa" in stale.content.decode()
    assert ana.post(url("task", made.pk), form | {"version": 2, "due_on": "2001-01-01"}).status_code == 422
    ana.post(url("cancel_task", made.pk))
    made.refresh_from_db()
    assert made.cancelled_at
    assert "Salvar mudanças" not in ana.get(url("task", made.pk)).content.decode()
    assert signed_in(house["caio"]).get(url("task", made.pk)).status_code == 404


@pytest.mark.parametrize("name", ["tasks", "new_task"])
def test_an_auditor_has_no_tasks(house, signed_in, name):
    assert signed_in(house["auditor"]).get(url(name)).status_code == 404


@pytest.mark.parametrize("tab", ["mine", "given", "done"])
def test_the_list_costs_the_same_with_one_task_and_with_many(ana, house, tab):
    def add(n: int) -> None:
        for _each in range(n):
            made = task(house, client=house["client"], owner=house["manager"] if tab == "given" else house["ana"])
            if tab == "done":
                ana.post(url("task_done", made.pk))

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ana.get(url("tasks") + f"?tab={tab}").status_code == 200
        return len(captured)

    add(1)
    one = cost()
    add(3)
    assert cost() == one


def test_colleagues_are_named_and_taken_off_in_the_panel(ana, house, signed_in):
    here = url("colleagues", house["client"].pk)
    panel = ana.get(here, headers={"HX-Request": "true"})
    assert "Ninguém além de quem atende" in panel.content.decode() and "<html" not in panel.content.decode()
    form = {"member": house["caio"].pk, "part": "billing"}
    named = ana.post(here, form, headers={"HX-Request": "true"}).content.decode()
    assert "Cobrança" in named and "agora acompanha este cliente" in named
    caio = signed_in(house["caio"])
    assert caio.get(url("client_page", house["client"].pk)).status_code == 200
    assert "Acrescentar" not in caio.get(here).content.decode()
    assert caio.post(here, form).status_code == 403
    off = url("remove_colleague", house["client"].pk, Colleague.objects.get().pk)
    assert ana.post(off).status_code == 302
    assert ana.post(off).status_code == 302  # already gone
    assert caio.get(url("client_page", house["client"].pk)).status_code == 404


@pytest.mark.parametrize(("form", "status"), [({}, 422), ({"member": "x"}, 422), ({"member": "999999", "part": "billing"}, 404)])
def test_naming_nobody_is_asked_again(ana, house, form, status):
    assert ana.post(url("colleagues", house["client"].pk), form).status_code == status


def test_an_auditor_names_nobody(house, signed_in):
    auditor = signed_in(house["auditor"])
    here = url("colleagues", house["client"].pk)
    assert auditor.get(here).status_code == 200
    assert auditor.post(here, {"member": house["caio"].pk, "part": "billing"}).status_code == 404
