"""What notices say, who sees them, and how they are read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from accounts.models import Notice
from accounts.notices import Sentence, sentence
from accounts.selectors import unread_count
from accounts.services import notify
from accounts.tenancy import acting_for
from tests.factories import make_member

pytestmark = pytest.mark.django_db

PAIR = {"n": 1, "clients": [[7, "Padaria Sol"]], "source": "rotation", "on": "2026-11-23", "run": 3}


def said(kind: str, facts: dict, language: str = "pt-br") -> Sentence:
    with translation.override(language):
        return sentence(kind, facts, currency="BRL")


@pytest.mark.parametrize(
    ("kind", "facts", "text", "detail", "path"),
    [
        ("clients_received", PAIR, "Padaria Sol entrou na sua carteira", "pelo giro de carteira · desde 23 nov", "clients/7/"),
        (
            "clients_received",
            {"n": 9, "clients": [[7, "Sol"], [8, "Lua"]], "source": "manual"},
            "9 clientes entraram na sua carteira",
            "Sol, Lua e mais 7 · por transferência manual",
            "clients/",
        ),
        ("clients_given", PAIR, "Padaria Sol saiu da sua carteira", "pelo giro de carteira · desde 23 nov", "rotation/mine/"),
        (
            "run_awaiting",
            {"run": 3, "as_of": "2026-11-22", "proposed": 1172, "value_cents": 1_110_000_00},
            "1.172 propostas de giro esperam a sua revisão",
            "R$\u00a01,1\u00a0mi de valor esperado · calculado sobre dom, 22 nov",
            "rotation/3/",
        ),
        (
            "run_applied",
            {"run": 3, "applied": 1, "stale": 2, "undecided": 0},
            "Giro aplicado: 1 cliente mudou de mãos",
            "2 ficaram como estavam; a página diz por quê",
            "rotation/3/",
        ),
        (
            "save_window",
            {"run": 3, "n": 3, "clients": [[7, "Sol"], [8, "Lua"]], "due_on": "2026-12-03"},
            "3 clientes podem sair da sua carteira",
            "Sol, Lua e mais 1 · um pedido, uma visita ou um contato antes de 3 dez impede",
            "rotation/mine/",
        ),
        ("run_reversed", {"run": 4, "applied": 5, "stale": 0, "reverses": 3}, "Lote revertido: 5 clientes voltaram", "", "rotation/4/"),
        ("run_failed", {"run": 3, "error": "Sem pedidos."}, "O giro não pôde ser calculado", "Sem pedidos.", "rotation/3/"),
        ("run_failed", {"run": 3, "state": "applying"}, "O giro parou enquanto era aplicado", "", "rotation/3/"),
        (
            "task_given",
            {"task": 8, "title": "Ligar", "by": "Marta", "client": "Sol", "due_on": "2026-11-24"},
            "Marta passou uma tarefa a você: Ligar",
            "Sol · até ter, 24 nov",
            "tasks/8/",
        ),
        ("task_done", {"task": 8, "title": "Ligar", "by": "Ana", "due_on": "2026-11-24"}, "Ana concluiu: Ligar", "", "tasks/8/"),
        (
            "colleague_named",
            {"client": 7, "name": "Sol", "part": "after_sales", "by": "Ana"},
            "Você agora acompanha Sol",
            "Pós-venda · a pedido de Ana",
            "clients/7/",
        ),
        (
            "request_made",
            {"kind": "hold", "by": "Ana", "client": "Sol", "reason": "Feira", "until_on": "2026-12-12"},
            "Ana pede trava de Sol até 12 dez 2026",
            "Feira",
            "requests/",
        ),
        ("request_made", {"kind": "contest", "by": "Ana", "client": "Sol"}, "Ana contesta a saída de Sol", "", "requests/"),
        (
            "request_answered",
            {"kind": "hold", "state": "granted", "client": "Sol", "until_on": "2026-12-12", "answer": "Combinado", "by": "Marta"},
            "Trava concedida: Sol não gira até 12 dez 2026",
            "Combinado · por Marta",
            "rotation/mine/",
        ),
        ("request_answered", {"kind": "contest", "state": "refused", "client": "Sol"}, "Pedido recusado: Sol", "", "rotation/mine/"),
        ("kind_of_a_later_release", {}, "Há uma novidade para você.", "", ""),
    ],
)
def test_a_notice_says_what_happened_and_where_to_see_it(kind, facts, text, detail, path):
    found = said(kind, facts)
    assert (found.text, found.detail.replace("\u202f", "\u00a0"), found.path) == (text, detail, path)


@pytest.mark.parametrize("kind", Notice.Kind.values)
@pytest.mark.parametrize("facts", [{}, {"n": None, "clients": "x", "run": "3", "on": 5, "value_cents": 0, "proposed": "many"}])
def test_facts_that_are_missing_or_of_another_release_leave_their_part_out(kind, facts):
    assert said(kind, facts).text


@pytest.fixture
def ana(organization):
    with acting_for(organization.pk):
        return make_member(organization, "representative", name="Ana")


def tell(member, key: str, *, days_ago: int = 0, kind: str = Notice.Kind.CLIENTS_RECEIVED) -> Notice:
    with acting_for(member.organization_id):
        notify([member.pk], kind, key=key, facts=PAIR)
        Notice.objects.filter(key=key).update(created_at=timezone.now() - timedelta(days=days_ago))
        return Notice.objects.get(key=key, membership=member)


def unread(member) -> set[str]:
    with acting_for(member.organization_id):
        found = set(Notice.objects.filter(membership=member, read_at=None).values_list("key", flat=True))
        assert unread_count(member) == len(found)
        return found


def test_the_page_groups_by_the_organizations_day_and_shows_only_ones_own(organization, ana, signed_in):
    with acting_for(organization.pk):
        bruno = make_member(organization, "representative", name="Bruno")
    first, second = tell(ana, "a"), tell(ana, "b")
    tell(bruno, "c")
    # 01:30 UTC of the 22nd is still the evening of the 21st in São Paulo.
    with acting_for(organization.pk):
        Notice.objects.filter(pk=first.pk).update(created_at=datetime(2026, 11, 22, 1, 30, tzinfo=UTC))
        Notice.objects.filter(pk=second.pk).update(created_at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC))
    page = signed_in(ana).get("/o/vale-verde/notices/")
    days = [(day.isoformat(), [row.id for row in rows]) for day, rows in page.context["days"]]
    assert days == [("2026-11-22", [second.pk]), ("2026-11-21", [first.pk])]


def test_the_list_costs_the_same_queries_with_one_notice_and_with_three(ana, signed_in, django_assert_num_queries):
    web = signed_in(ana)
    tell(ana, "a")
    web.get("/o/vale-verde/notices/")
    # Person, membership, notices, unread ones, the bell, and what opens and closes the request's transaction.
    with django_assert_num_queries(15):
        web.get("/o/vale-verde/notices/")
    tell(ana, "b")
    tell(ana, "c")
    with django_assert_num_queries(15):
        web.get("/o/vale-verde/notices/")


def test_older_notices_are_reached_page_by_page_without_losing_one(ana, signed_in, monkeypatch):
    monkeypatch.setattr("accounts.views.notices.PAGE", 2)
    ids = [tell(ana, f"k{n}").pk for n in range(5)]
    with acting_for(ana.organization_id):  # the same instant: the id decides
        Notice.objects.update(created_at=datetime(2026, 11, 20, 12, 0, 0, 123457, tzinfo=UTC))
    web, place, seen = signed_in(ana), "", []
    for _page in range(3):
        context = web.get(f"/o/vale-verde/notices/{place}").context
        seen += [row.id for _day, rows in context["days"] for row in rows]
        place = context["next_url"]
    assert (seen, place) == (sorted(ids, reverse=True), "")


@pytest.mark.parametrize("before", ["x", "9" * 40 + "-1", "-1", "1-1-1", "99999999999999999-1"])
def test_a_place_in_the_list_that_means_nothing_shows_a_page(ana, signed_in, before):
    assert signed_in(ana).get("/o/vale-verde/notices/", {"before": before}).status_code == 200


def test_reading_one_leaves_the_others_and_opening_goes_to_the_client(ana, signed_in):
    one, two = tell(ana, "one"), tell(ana, "two")
    tell(ana, "three")
    web = signed_in(ana)
    assert web.post(f"/o/vale-verde/notices/{one.pk}/read/").url == "/o/vale-verde/notices/"
    assert unread(ana) == {"two", "three"}
    assert web.post(f"/o/vale-verde/notices/{two.pk}/open/").url == "/o/vale-verde/clients/7/"
    assert unread(ana) == {"three"}
    fragment = web.post("/o/vale-verde/notices/read/", headers={"HX-Request": "true"}).content.decode()
    assert unread(ana) == set()
    assert fragment.startswith('<div id="notices"')
    assert 'id="bell" hx-swap-oob="true"' in fragment


def test_anothers_notice_is_not_there_and_reading_by_get_is_refused(organization, ana, signed_in):
    with acting_for(organization.pk):
        bruno = make_member(organization, "admin", name="Bruno")
    theirs = tell(bruno, "theirs")
    web = signed_in(ana)
    assert web.post(f"/o/vale-verde/notices/{theirs.pk}/read/").status_code == 404
    assert web.post(f"/o/vale-verde/notices/{10**30}/read/").status_code == 404
    assert web.get(f"/o/vale-verde/notices/{theirs.pk}/read/").status_code == 405
    web.post("/o/vale-verde/notices/read/")
    assert unread(bruno) == {"theirs"}


def test_an_empty_list_says_why(ana, signed_in):
    assert "Nenhum aviso por enquanto" in signed_in(ana).get("/o/vale-verde/notices/").content.decode()
