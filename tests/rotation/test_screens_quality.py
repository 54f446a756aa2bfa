"""The quality page: each number is that of the rows it opens, each row has what mends it, and the cost does not grow."""

import json
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Role
from clients.models import Client, ClientMerge, Contact, CustomField, CustomValue, DistinctClients, ImportJob, Order
from rotation.selectors import quality
from rotation.services.merging import merge_clients
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, make_member

pytestmark = pytest.mark.django_db
ROOT, BRANCH = "11222333000181", "11222333000262"


def url(place: str = "") -> str:
    return f"/o/vale-verde/quality/{place}"


def owned(person, **fields) -> Client:
    fields = {"latitude": -22.9, "longitude": -47.0, "segment": "Varejo", **fields}
    client = ClientFactory(representative=person, tax_id_root=fields.get("tax_id", "")[:8], **fields)
    if person:
        OwnershipFactory(client=client, representative=person)
    return client


@pytest.fixture
def admin(acting):
    return make_member(acting, Role.ADMIN, name="Helena")


@pytest.fixture
def house(acting, admin):
    ana = RepresentativeFactory(latitude=-22.9, longitude=-47.0)
    bruno = RepresentativeFactory()
    today = timezone.now().astimezone(acting.zone).date()
    rows = {
        "twice": owned(ana, name="Açaí do Pará Ltda", city="Belém", tax_id=ROOT),
        "again": owned(bruno, name="Acai do Para", city="Belem", tax_id=ROOT),
        "branch": owned(ana, name="Açaí do Pará Filial", city="Santarém", tax_id=BRANCH),
        "bare": owned(ana, name="AÇAÍ DO PARÁ ME", city="Belém"),
        "ownerless": owned(None, name="Bazar", city="Campinas", tax_id="45997418000153"),
        "placeless": owned(ana, name="Casa", city="Campinas", tax_id="60746948000112", latitude=None, longitude=None),
        "plain": owned(ana, name="Doce", city="Campinas", tax_id="33000167000101", segment=""),
        "gone": owned(ana, name="Extinta", city="", latitude=None, segment="", discarded_on=today),
    }
    OrderFactory(client=rows["twice"], ordered_on=today + timedelta(days=9), amount_cents=100)
    OrderFactory(client=rows["twice"], ordered_on=today, amount_cents=0)
    OrderFactory(client=rows["twice"], ordered_on=today - timedelta(days=50), amount_cents=0)
    rows |= {"ana": ana, "bruno": bruno, "today": today}
    return rows


def numbers(organization) -> dict[str, int]:
    return vars(quality.counts(organization, on=timezone.now().astimezone(organization.zone).date()))


def test_each_number_is_that_of_its_rows(house, acting, admin, signed_in):
    expected = {"tax_id": 1, "name": 1, "branches": 1, "owner": 1, "place": 1, "segment": 1, "number": 1, "base": 1, "future": 1, "zero": 1}
    assert numbers(acting) == expected
    web = signed_in(admin)
    for issue, n in expected.items():
        context = web.get(url(f"{issue}/")).context
        assert (
            sum(len(context[name]) for name in ("groups", "rows", "orders") if name in context)
            + (len(context["people"]) if context["shape"] == "people" else 0)
            == n
        ), issue
    page = web.get(url())
    assert {name: n for name, n, *_rest in page.context["findings"]} == expected
    assert [each.pk for each in web.get(url("name/")).context["groups"][0].clients] == [
        house[name].pk for name in ("twice", "again", "bare")
    ]


def test_a_branch_is_no_duplicate_and_the_page_says_so(house, admin, signed_in):
    ids = {client.pk for group in quality.twins("tax_id") for client in group.clients}
    assert ids == {house["twice"].pk, house["again"].pk}
    web = signed_in(admin)
    assert "não são cadastros repetidos" in web.get(url("branches/")).content.decode()
    assert "filiais do mesmo grupo" in web.get(url(f"merge/?a={house['twice'].pk}&b={house['branch'].pk}")).content.decode()


def test_names_of_companies_with_a_tax_id_each_are_not_asked_about(acting, house):
    for n, number in enumerate(("45543915000181", "47960950000121")):
        owned(house["ana"], name=f"Padaria {'' if n else 'LTDA'}", city="Santos", tax_id=number)
    assert numbers(acting)["name"] == 1


def test_what_is_not_the_same_company_is_remembered_until_a_third_comes(house, acting, admin, signed_in):
    web = signed_in(admin)
    group = quality.twins("tax_id")[0]
    answer = web.post(url("tax_id/"), {"key": group.key, "c": [each.pk for each in group.clients], "distinct": "1"})
    assert answer.status_code == 302
    assert DistinctClients.objects.get().clients == sorted(each.pk for each in group.clients)
    assert numbers(acting)["tax_id"] == 0
    owned(house["ana"], name="Outra", city="Belém", tax_id=ROOT)
    assert numbers(acting)["tax_id"] == 1


def test_merging_by_hand_takes_the_chosen_values_and_comes_apart(house, acting, admin, signed_in):
    web = signed_in(admin)
    a, b = house["twice"], house["again"]
    page = web.get(url(f"merge/?a={a.pk}&b={b.pk}"))
    assert [name for name, *_rest in page.context["fields"]] == ["name", "representative", "place"]
    assert not any(rows for _title, rows in page.context["groups"])
    about = {"kind": "text", "purpose": "Teste", "retention_days": 9, "created_at": timezone.now()}
    area = CustomField.objects.create(subject="client", name="Área", **about)
    for each in (a, b):
        CustomValue.objects.create(field=area, client=each, value=f"Área {each.code}", set_at=timezone.now())
        Contact.objects.create(client=each, name="Marina", phone=f"(91) 9{each.pk:04}-0000")
    page = web.get(page.request["PATH_INFO"], {"a": a.pk, "b": b.pk})
    [own], [marina] = [rows for _title, rows in page.context["groups"]]
    assert own == (f"own-{area.pk}", "Área", f"Área {a.code}", f"Área {b.code}", "a")  # the one that stays, unless somebody chooses
    assert marina[1] == "Marina" and f'name="f-{marina[0]}"' in page.content.decode()
    assert AuditEvent.objects.filter(action="personal.read", stream=f"client:{b.pk}").count() == 1
    form = {
        "a": a.pk,
        "b": b.pk,
        "keep": "b",
        "f-name": "a",
        "f-place": "b",
        "f-representative": "b",
        f"f-{own[0]}": "a",
        f"f-{marina[0]}": "a",
    }
    assert web.post(url("merge/"), form).status_code == 302
    made = ClientMerge.objects.get()
    a.refresh_from_db()
    b.refresh_from_db()
    assert (made.survivor_id, a.merged_into_id, b.name, b.city) == (b.pk, b.pk, "Açaí do Pará Ltda", "Belem")
    assert CustomValue.objects.get(client=b, field=area).value == f"Área {a.code}"
    assert Contact.objects.get(client=b, name="Marina").phone == f"(91) 9{a.pk:04}-0000"
    assert web.get(f"/o/vale-verde/clients/{a.pk}/")["Location"] == f"/o/vale-verde/clients/{b.pk}/"
    assert numbers(acting)["tax_id"] == 0
    listed = web.get(url("merges/")).content.decode()
    assert "2 pedidos" not in listed
    assert "3 pedidos" in listed
    assert web.post(url(f"merges/{made.pk}/undo/")).status_code == 302
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.merged_into_id, b.name) == (None, "Acai do Para")
    assert CustomValue.objects.get(client=b, field=area).value == f"Área {b.code}"
    assert web.post(url("merge/"), {"a": a.pk, "b": a.pk}).status_code == 404


def test_ownerless_clients_are_given_to_a_representative(house, acting, admin, signed_in):
    web = signed_in(admin)
    assert web.post(url("owner/"), {"c": house["ownerless"].pk}).status_code == 422
    answer = web.post(url("owner/"), {"c": [house["ownerless"].pk, house["twice"].pk], "representative": house["bruno"].pk}, follow=True)
    assert "1 cliente tem quem o atenda. 1 ficou de fora" in answer.content.decode()
    assert dict(Client.objects.filter(pk__in=[house["ownerless"].pk, house["twice"].pk]).values_list("pk", "representative_id")) == {
        house["ownerless"].pk: house["bruno"].pk,
        house["twice"].pk: house["ana"].pk,
    }


def test_segment_place_and_tax_id_are_mended_in_the_row(house, acting, admin, signed_in):
    web = signed_in(admin)
    assert web.post(url("segment/"), {"c": house["plain"].pk, "segment": "Doces"}).status_code == 302
    for text in ("Campinas", "-22.9", "-122.9, -47.0"):
        assert web.post(url("place/"), {"c": house["placeless"].pk, "place": text}).status_code == 422
    assert web.post(url("place/"), {"c": house["placeless"].pk, "place": "-22,9056; -47,0608"}).status_code == 302
    taken = web.post(url("number/"), {"c": house["bare"].pk, "tax_id": "11.222.333/0001-81"})
    assert (taken.status_code, "mescle os dois" in taken.content.decode()) == (422, True)
    assert web.post(url("number/"), {"c": house["bare"].pk, "tax_id": "11.222.333/0001-82"}).status_code == 422
    assert web.post(url("number/"), {"c": house["bare"].pk, "tax_id": "47.960.950/0001-21"}).status_code == 302
    for client in ("plain", "placeless", "bare"):
        house[client].refresh_from_db()
    assert (house["plain"].segment, house["placeless"].latitude, house["placeless"].longitude) == ("Doces", -22.9056, -47.0608)
    assert (house["bare"].tax_id, house["bare"].tax_id_root) == ("47960950000121", "47960950")
    assert [numbers(acting)[name] for name in ("segment", "place", "number")] == [0, 0, 0]


def test_a_map_opens_near_the_clients_city_and_leads_to_the_next_without_a_place(house, acting, admin, signed_in):
    web, first = signed_in(admin), house["placeless"]
    second = owned(house["bruno"], name="Fim", city="CAMPINAS", latitude=None, longitude=None)
    owned(house["bruno"], name="Longe", city="Xapuri", latitude=-10.0, longitude=-68.0)
    owned(house["bruno"], name="Perto", city="Limeira", latitude=-22.5, longitude=-47.4)
    Client.objects.filter(pk=house["plain"].pk).update(latitude=-20.9, longitude=-45.0)
    page = web.get(url(f"place/{first.pk}/"))
    assert (page.context["start"], page.context["left"]) == ("-21.90000,-46.00000", 1)  # the middle of the two placed in Campinas
    cities = [city[0] for city in json.loads(page.context["cities"])]
    assert (cities[0], cities[-2:]) == ("Campinas", ["Limeira", "Xapuri"])  # the nearest first
    refused = web.post(url(f"place/{first.pk}/"), {"latitude": "Campinas", "longitude": "", "next": "1"})
    assert (refused.status_code, 'value="Campinas"' in refused.content.decode()) == (422, True)
    gone = web.post(url(f"place/{first.pk}/"), {"latitude": "-22,90561", "longitude": "-47.06082", "next": "1"})
    assert (gone.status_code, gone["Location"]) == (302, url(f"place/{second.pk}/"))
    first.refresh_from_db()
    assert (first.latitude, first.longitude) == (-22.90561, -47.06082)
    Client.objects.filter(pk=second.pk).update(city="Nenhures", representative=house["ana"])
    assert web.get(url(f"place/{second.pk}/")).context["start"] == "-22.90000,-47.00000"  # nobody of its city: its representative's base
    last = web.post(url(f"place/{second.pk}/"), {"latitude": "-22", "longitude": "-47", "next": "1"})
    assert last["Location"] == url("place/")
    Client.objects.filter(pk=second.pk).update(state="AC", city="")
    bare = web.get(url(f"place/{second.pk}/")).context
    assert (bare["start"], bare["cities"], bare["typed"]) == ("-22.90000,-47.00000", "[]", ("-22.00000", "-47.00000"))
    assert web.get(url(f"place/{house['gone'].pk}/")).status_code == 404


def test_feeds_say_what_is_late_what_never_came_and_what_was_refused(acting, admin):
    at = timezone.now()
    for kind, days, refused in (("orders", 3, 0), ("clients", 2, 30), ("products", 40, 0)):
        came = at - timedelta(days=days)
        job = ImportJob.objects.create(kind=kind, file_name="x", state="done", rows=100, refused=refused, finished_at=came)
        ImportJob.objects.filter(pk=job.pk).update(started_at=came)
    found = {feed.kind: feed for feed in quality.feeds(acting, at=at)}
    assert {kind for kind, feed in found.items() if feed.stale} == {"orders", "products"}
    assert (found["clients"].many_refused, found["orders"].many_refused, found["credit"].at) == (True, False, None)


def test_the_pages_cost_the_same_with_one_row_and_with_many(house, acting, admin, signed_in):
    web = signed_in(admin)
    places = [
        "",
        *(f"{issue}/" for issue in ("tax_id", "name", "branches", "owner", "place", "segment", "number", "base", "zero")),
        "merges/",
    ]

    def costs():
        found = {}
        for place in places:
            with CaptureQueriesContext(connection) as queries:
                assert web.get(url(place)).status_code == 200
            found[place] = len(queries)
        return found

    merge_clients(survivor_id=house["twice"].pk, absorbed_id=house["again"].pk, take={}, by=admin, at=timezone.now())
    owned(house["bruno"], name="Acai do Para", city="Belem", tax_id=ROOT)
    costs()
    few = costs()
    for n in range(5):
        (
            owned(house["bruno"], name=f"Gêmea {n}", city="Santos", tax_id=f"4599741800{n:04d}"),
            owned(house["ana"], name=f"Gemea {n} Ltda", city="Santos"),
        )
        owned(house["bruno"], name=f"Outra {n}", city="Santos", tax_id=ROOT)
        owned(None, name=f"Sem {n}", latitude=None, segment="")
        RepresentativeFactory()
        OrderFactory(client=house["twice"], ordered_on=house["today"], amount_cents=0)
    more = owned(house["ana"], name="Terceira", city="Belém", tax_id=BRANCH)
    merge_clients(survivor_id=house["branch"].pk, absorbed_id=more.pk, take={}, by=admin, at=timezone.now())
    assert costs() == few


def test_an_auditor_reads_others_find_nothing_and_only_administration_writes(house, acting, admin, signed_in):
    people = {role: make_member(acting, role) for role in (Role.AUDITOR, Role.MANAGER, Role.REPRESENTATIVE)}
    before = list(Client.objects.order_by("pk").values_list("pk", "segment", "representative_id", "latitude", "merged_into_id"))
    for role, found in ((Role.AUDITOR, 200), (Role.MANAGER, 404), (Role.REPRESENTATIVE, 404)):
        web = signed_in(people[role])
        for place in ("", "owner/", "tax_id/", "merges/"):
            assert web.get(url(place)).status_code == found
        assert web.get(url(f"merge/?a={house['twice'].pk}&b={house['again'].pk}")).status_code == 404
        assert web.post(url("merge/"), {"a": house["twice"].pk, "b": house["again"].pk}).status_code == 404
        assert web.post(url("owner/"), {"c": house["ownerless"].pk, "representative": house["bruno"].pk}).status_code == 404
    body = signed_in(people[Role.AUDITOR]).get(url("owner/")).content.decode()
    assert "<form" not in body.split("<main")[1].split("</main>")[0]
    assert list(Client.objects.order_by("pk").values_list("pk", "segment", "representative_id", "latitude", "merged_into_id")) == before
    assert Order.objects.count() == 3
    assert signed_in(admin).get(url("nonsense/")).status_code == 404
    assert isinstance(house["today"], date)
