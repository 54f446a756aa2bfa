"""The list of clients: filters as chips, saved segments, the map, the dialog of filters, and the search page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.tenancy import tenant_atomic
from clients.errors import SegmentRefused
from clients.models import Contact, Segment
from clients.selectors import ClientFilter
from clients.selectors.segments import segments_for
from clients.services.segments import delete_segment, rename_segment, restore_segment, save_segment
from clients.services.words import refresh_words
from portfolio.filter_words import chips, summary
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/o/vale-verde/clients/"


@pytest.fixture
def house(organization):
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        seller, colleague = make_member(organization, "representative"), make_member(organization, "representative")
        ana = RepresentativeFactory(code="V-01", name="Ana", team=team, membership=seller, latitude=-22.9, longitude=-47.06)
        bruno = RepresentativeFactory(code="V-02", name="Bruno", membership=colleague)
        near = ClientFactory(
            name="Empório Serra Clara",
            representative=ana,
            city="Sumaré",
            size="Médio",
            tags=["vip"],
            latitude=-22.82,
            longitude=-47.27,
            phone="19 99876-5432",
            activity={"last_on": today - timedelta(days=70), "repeat_days": 9, "median_gap": 21, "n90": 1, "n365": 8},
        )
        far = ClientFactory(
            name="Padaria do Norte", representative=ana, state="PR", latitude=-23.31, longitude=-51.16, activity={"last_on": today}
        )
        theirs = ClientFactory(name="Açougue Alheio", representative=bruno, latitude=-22.9, longitude=-47.0)
        refresh_words([near.pk, far.pk, theirs.pk], new=True)
        Contact.objects.create(client=near, name="Márcia Leal", role="Compras")
        Contact.objects.create(client=theirs, name="Márcia Alheia")
        VisitFactory(client=far, representative=ana, visited_on=today)
        people = {
            role: make_member(organization, role, team=team if role == "manager" else None) for role in ("admin", "manager", "auditor")
        }
    return {"seller": seller, "colleague": colleague, "near": near, "far": far, "theirs": theirs, "ana": ana, **people}


def text(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize(
    ("query", "chip"),
    [
        ("silent_from=60", "dias sem compra: 60 ou mais"),
        ("silent_from=60&silent_to=80", "dias sem compra: 60 a 80"),
        ("orders_from=8", "compras em 365 dias: 8 ou mais"),
        ("orders_to=1&orders_in=90&late=1", "compras em 90 dias: até 1"),
        ("late=3", "3 ciclos ou mais sem compra"),
        ("porte=M%C3%A9dio", "porte Médio"),
        ("tag=vip", "etiqueta vip"),
        ("city=Sumar%C3%A9", "Sumaré"),
        ("near=base&km=25", "até 25 km da base"),
        ("near=-22.82,-47.27&km=5", "até 5 km do ponto -22.82, -47.27"),
    ],
)
def test_a_filter_narrows_and_shows_as_a_chip_that_takes_it_away(house, signed_in, query, chip):
    web = signed_in(house["seller"])
    page = text(web.get(f"{LIST}?{query}"))
    assert "Empório Serra Clara" in page
    assert "Padaria do Norte" not in page
    assert f"Tirar o filtro {chip}" in page


def test_without_a_base_nobody_is_near_and_the_page_says_why(house, signed_in):
    page = text(signed_in(house["admin"]).get(f"{LIST}?near=base&km=25"))
    assert "A base não tem coordenadas" in page
    assert "Empório Serra Clara" not in page
    chosen = text(signed_in(house["admin"]).get(f"{LIST}?near=base&km=25&representative={house['ana'].pk}"))
    assert "Empório Serra Clara" in chosen
    assert "Tirar o filtro V-01 Ana" in chosen


def test_every_part_of_a_filter_has_its_chip_and_each_chip_takes_away_only_its_part():
    whole = ClientFilter(
        q="x",
        state="active",
        representative=3,
        uf="SP",
        city="Sumaré",
        near="base",
        km=25,
        segment="Padaria",
        porte="Médio",
        tag="vip",
        abc="A",
        chance="7",
        silent_from=1,
        silent_to=9,
        orders_from=2,
        orders_to=4,
        orders_in=90,
        value_from=1,
        value_to=2,
        late="1.5",
    )
    shown = chips(whole, currency="BRL", representative="V-01 Ana")
    assert len(shown) == 13
    assert [words for words, _query in shown][-3:] == [
        "R$\xa01 a R$\xa02 em 12 meses",
        "1,5 ciclos ou mais sem compra",
        "7 em 10 ou mais de não comprar",
    ]
    assert len({query for _words, query in shown}) == 13
    assert all("q=x" in query and "state=active" in query for _words, query in shown)
    assert summary(ClientFilter(state="inactive", uf="SP").definition(), currency="BRL") == "Inativo · SP"


def test_the_filters_are_a_page_and_a_dialog_and_offer_what_occurs_within_reach(house, signed_in):
    web = signed_in(house["seller"])
    whole = web.get(f"{LIST}filters/?silent_from=60&tag=vip")
    part = web.get(f"{LIST}filters/?silent_from=60&tag=vip", headers={"HX-Request": "true"})
    assert "<html" in text(whole)
    assert "<dialog" in text(part)
    for page in map(text, (whole, part)):
        assert 'name="silent_from" min="0" max="36500" inputmode="numeric" placeholder="de" value="60"' in page
        assert "<option selected>vip</option>" in page
        assert "<option>PR</option>" in page
        assert "Alheio" not in page


def test_the_map_holds_the_clients_within_reach_with_their_state(house, signed_in):
    web = signed_in(house["seller"])
    page = text(web.get(f"{LIST}?view=map"))
    assert "<client-map" in page
    assert page.count("data-client=") == 2
    told = web.get(f"{LIST}points/").json()
    assert told == {
        "points": [
            [house["near"].pk, -22.82, -47.27, "near_inactive", "Empório Serra Clara"],
            [house["far"].pk, -23.31, -51.16, "active", "Padaria do Norte"],
        ],
        "said": "",
    }
    assert len(signed_in(house["admin"]).get(f"{LIST}points/?uf=PR").json()["points"]) == 1


def test_the_map_says_where_it_stops(house, signed_in, monkeypatch):
    monkeypatch.setattr("clients.selectors.points.MOST_POINTS", 1)
    monkeypatch.setattr("portfolio.views.clients.MOST_POINTS", 1)
    told = signed_in(house["seller"]).get(f"{LIST}points/").json()
    assert len(told["points"]) == 1
    assert told["said"] == "No mapa, os primeiros 1 por nome. Filtre para ver os outros."
    assert "Nenhum destes clientes tem coordenadas" in signed_in(house["seller"]).get(f"{LIST}points/?uf=RJ").json()["said"]


def test_a_segment_is_saved_used_by_link_and_only_ever_shows_ones_own(house, organization, signed_in):
    web = signed_in(house["manager"])
    saved = web.post(f"{LIST}segments/save/?silent_from=60&q=emp&sort=value", {"name": "  Parados  60 ", "shared": "1"})
    with tenant_atomic(organization.pk):
        segment = Segment.objects.get()
    assert (segment.name, segment.owner_id, segment.definition) == ("Parados 60", None, {"silent_from": 60})
    assert saved.url == f"{LIST}?saved={segment.pk}"
    mine, others = text(signed_in(house["seller"]).get(saved.url)), text(signed_in(house["colleague"]).get(saved.url))
    assert "Empório Serra Clara" in mine
    assert "Padaria do Norte" not in mine
    assert 'aria-current="true"' in mine
    assert "Parados 60" in others
    assert "Empório" not in others


def test_a_private_segment_does_not_exist_for_others(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        segment = save_segment("Só meu", ClientFilter(uf="SP"), shared=False, by=house["seller"])
    for person in ("colleague", "admin", "manager"):
        web = signed_in(house[person])
        assert "Só meu" not in text(web.get(f"{LIST}segments/"))
        assert web.post(f"{LIST}segments/{segment.pk}/rename/", {"name": "x"}).status_code == 404
        assert web.post(f"{LIST}segments/{segment.pk}/delete/").status_code == 404
        assert "Tirar o filtro SP" not in text(web.get(f"{LIST}?saved={segment.pk}"))
    with tenant_atomic(organization.pk):
        assert Segment.objects.get().name == "Só meu"


def test_deleting_a_segment_can_be_taken_back_by_whom_deleted_it(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        segment = save_segment("Vip", ClientFilter(tag="vip"), shared=False, by=house["seller"])
    web = signed_in(house["seller"])
    web.post(f"{LIST}segments/{segment.pk}/rename/", {"name": "Vips"})
    gone = web.post(f"{LIST}segments/{segment.pk}/delete/")
    page = text(web.get(gone.url))
    assert "Segmento apagado" in page
    token = gone.url.partition("undo=")[2]
    signed_in(house["colleague"]).post(f"{LIST}segments/restore/?undo={token}")
    with tenant_atomic(organization.pk):
        assert not Segment.objects.exists()
    web.post(f"{LIST}segments/restore/?undo={token}")
    with tenant_atomic(organization.pk):
        assert list(Segment.objects.values_list("name", "owner_id", "definition")) == [("Vips", house["seller"].pk, {"tag": "vip"})]


def test_who_may_not_keep_a_segment_is_told_why(acting):
    seller, manager, auditor = (make_member(acting, role) for role in ("representative", "manager", "auditor"))
    wanted = ClientFilter(uf="SP")
    with pytest.raises(NotAllowed):
        save_segment("x", wanted, shared=True, by=seller)
    with pytest.raises(NotAllowed):
        save_segment("x", wanted, shared=False, by=auditor)
    with pytest.raises(SegmentRefused, match="ao menos um filtro"):
        save_segment("x", ClientFilter(q="só busca"), shared=False, by=seller)
    with pytest.raises(SegmentRefused, match="Dê um nome"):
        save_segment("  ", wanted, shared=False, by=seller)
    mine = save_segment("SP", wanted, shared=False, by=seller)
    with pytest.raises(SegmentRefused, match="Já existe"):
        save_segment("SP", wanted, shared=False, by=seller)
    everyones = save_segment("SP", wanted, shared=True, by=manager)
    save_segment("MG", ClientFilter(uf="MG"), shared=False, by=seller)
    with pytest.raises(SegmentRefused, match="Já existe"):
        rename_segment(mine, "MG", by=seller)
    with pytest.raises(NotAllowed):
        delete_segment(everyones, by=seller)
    with pytest.raises(SegmentRefused, match="desfazer"):
        restore_segment("forjado", by=seller)
    assert [segment.name for segment in segments_for(seller)] == ["MG", "SP", "SP"]
    assert [segment.name for segment in segments_for(auditor)] == ["SP"]


def test_an_auditor_sees_segments_and_saves_none(house, organization, signed_in):
    with tenant_atomic(organization.pk):
        segment = save_segment("De todos", ClientFilter(uf="SP"), shared=True, by=house["admin"])
    web = signed_in(house["auditor"])
    page = text(web.get(f"{LIST}segments/"))
    assert "De todos" in page
    assert "Apagar" not in page
    assert web.post(f"{LIST}segments/{segment.pk}/delete/").status_code == 404
    assert web.get(f"{LIST}segments/save/?uf=SP").status_code == 404
    assert "Salvar segmento" not in text(web.get(f"{LIST}?uf=SP"))


def test_the_search_page_finds_clients_people_and_pages_within_reach(house, signed_in):
    web = signed_in(house["seller"])
    page = text(web.get("/o/vale-verde/search/?q=marcia"))
    assert "Márcia Leal" in page
    assert "Alheia" not in page
    assert web.get("/o/vale-verde/search/?q=98765432").url == f"{LIST}{house['near'].pk}/"
    assert "escrita parecida" in text(web.get("/o/vale-verde/search/?q=padraia"))
    assert "/o/vale-verde/clients/new/" in text(web.get("/o/vale-verde/search/?q=novo"))
    assert "/o/vale-verde/clients/new/" not in text(signed_in(house["auditor"]).get("/o/vale-verde/search/?q=novo"))
    only = web.get("/o/vale-verde/search/?q=serra clara")
    assert (only.status_code, only.url) == (302, f"{LIST}{house['near'].pk}/")


def test_before_anything_is_typed_the_last_clients_stand_there(house, signed_in):
    page = text(signed_in(house["seller"]).get("/o/vale-verde/search/"))
    assert "Seus últimos atendimentos" in page
    assert "Padaria do Norte" in page
    assert "Empório" not in page
    assert "Digite um nome" in text(signed_in(house["colleague"]).get("/o/vale-verde/search/"))


@pytest.mark.parametrize(
    "address",
    [
        "clients/?view=map&silent_to=400",
        "clients/?near=base&km=900&sort=value",
        "clients/filters/",
        "clients/points/",
        "clients/segments/",
        "prospects/",
        "search/?q=emporio",
    ],
)
@pytest.mark.parametrize("person", ["seller", "admin"])
def test_a_page_costs_the_same_queries_whatever_the_number_of_rows(house, organization, signed_in, address, person):
    web, path = signed_in(house[person]), f"/o/vale-verde/{address}"
    with tenant_atomic(organization.pk):
        for number in range(5):
            more = ClientFactory(name=f"Empório Primeiro {number}", representative=house["ana"], latitude=-22.9, longitude=-47)
            refresh_words([more.pk], new=True)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert web.get(path).status_code == 200
        return len(queries)

    cost()
    few = cost()
    assert few > 4
    with tenant_atomic(organization.pk):
        for number in range(6):
            more = ClientFactory(name=f"Empório Novo {number}", representative=house["ana"], latitude=-22.9, longitude=-47)
            refresh_words([more.pk], new=True)
            save_segment(f"S{number}", ClientFilter(uf="SP"), shared=False, by=house[person])
    assert cost() == few
