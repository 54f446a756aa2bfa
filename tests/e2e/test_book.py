"""The list of clients, its map, the search and a new company, as a person uses them; and by axe."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.tenancy import acting_for
from clients.models import Client, Segment
from clients.selectors import ClientFilter
from clients.services.segments import save_segment
from clients.services.words import refresh_words
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import ClientFactory, RepresentativeFactory, make_member, make_organization

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba"
LIST = "/o/vale-verde/clients/"


@pytest.fixture
def house(live):
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    with acting_for(organization.pk):
        seller = make_member(organization, "representative")
        ana = RepresentativeFactory(code="V-01", name="Ana", membership=seller, latitude=-22.9, longitude=-47.06)
        clients = [
            ClientFactory(
                name=name,
                representative=ana,
                city="Campinas",
                latitude=-22.9 + number / 50,
                longitude=-47.06,
                tags=["vip"][: number % 2],
                tax_id=tax_id,
                tax_id_root=tax_id[:8],
                protected_until=today + timedelta(days=9 * number),
                source="feira",
                activity={"last_on": None if number == 3 else today - timedelta(days=40 * number), "abc": "A", "repeat_days": 9},
            )
            for number, (name, tax_id) in enumerate(
                [("Empório Serra", "11222333000181"), ("Padaria Girassol", ""), (LONG, ""), ("Mercado Prospectado", "")]
            )
        ]
        refresh_words([client.pk for client in clients], new=True)
        save_segment("Parados há dois meses", ClientFilter(silent_from=60), shared=False, by=seller)
    return SimpleNamespace(organization=organization, seller=seller, clients=clients)


def test_a_representative_registers_a_company_on_a_phone(house, new_page, sign_in):
    page = new_page(width=390, height=844, has_touch=True)
    sign_in(page, house.seller)
    page.goto(LIST)
    page.get_by_role("link", name="Novo cliente").click()
    page.get_by_label("CNPJ", exact=True).fill("11.222.333/0001-81")
    page.get_by_role("button", name="Continuar").click()
    expect(page.locator("#new-client")).to_contain_text("já está cadastrado com este número")

    page.get_by_label("CNPJ", exact=True).fill("11.222.333/0002-62")
    page.get_by_role("button", name="Verificar outro número").click()
    page.get_by_role("link", name="É outra unidade: cadastrar").click()
    page.get_by_label("Nome da empresa").fill("Empório Serra Filial")
    page.get_by_label("Cidade").fill("Sumaré")
    page.get_by_label("UF").fill("SP")
    page.get_by_role("button", name="Cadastrar cliente").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Empório Serra Filial")
    expect(page.locator("#toasts")).to_contain_text("É seu para trabalhar até")
    with acting_for(house.organization.pk):
        assert Client.objects.get(tax_id="11222333000262").representative.membership_id == house.seller.pk


def test_filters_narrow_the_list_become_chips_and_are_kept_as_a_segment(house, new_page, sign_in):
    page = new_page()
    sign_in(page, house.seller)
    page.goto(LIST)
    page.get_by_role("link", name="Filtros", exact=True).click()
    dialog = page.locator("#client-filters")
    dialog.get_by_label("Dias sem compra, de").fill("30")
    dialog.get_by_label("Etiqueta").select_option("vip")
    dialog.get_by_role("button", name="Ver clientes").click()
    expect(page.locator(".client-table tbody tr")).to_have_count(1)
    expect(page.locator(".client-table")).to_contain_text("Padaria Girassol")

    page.get_by_role("link", name="Tirar o filtro etiqueta vip").click()
    expect(page.locator(".client-table tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Salvar segmento…").click()
    page.get_by_label("Nome do segmento").fill("Parados")
    page.get_by_role("button", name="Salvar segmento", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Segmento “Parados” salvo.")

    page.get_by_role("button", name="Segmentos").click()
    page.get_by_role("link", name="Ver todos os segmentos").click()
    line = page.locator(".segment-line", has_text="dias sem compra: 30 ou mais")
    line.locator("summary").click()
    line.get_by_role("button", name="Apagar").click()
    expect(page.locator("main")).to_contain_text("Segmento apagado.")
    page.get_by_role("button", name="Desfazer").click()
    expect(page.locator("#toasts")).to_contain_text("Segmento de volta.")
    with acting_for(house.organization.pk):
        assert Segment.objects.count() == 2


def test_the_map_draws_every_client_and_a_click_opens_its_card(house, new_page, sign_in):
    page = new_page()
    sign_in(page, house.seller)
    page.goto(f"{LIST}?view=map")
    canvas = page.locator("client-map canvas")
    expect(canvas).to_be_visible()
    expect(page.locator(".book-list li")).to_have_count(4)
    # The map is fitted to its points, north and south ends in the middle of its width; the list's focus names one of them.
    page.locator(".book-list a", has_text="Padaria Girassol").focus()
    tip = page.locator(".leaflet-tooltip")
    expect(tip).to_have_text("Padaria Girassol")
    box = page.locator("client-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".leaflet-popup")).to_contain_text("Padaria Girassol")
    page.get_by_role("link", name="Abrir ficha").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Padaria Girassol")


def test_results_are_walked_with_the_arrows(house, new_page, sign_in):
    page = new_page()
    sign_in(page, house.seller)
    page.goto("/o/vale-verde/search/")
    field = page.locator("#search-q")
    field.press_sequentially("padria")
    first = page.locator("#results a", has_text="Padaria Girassol")
    expect(first).to_be_visible()
    field.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Padaria Girassol")


def test_without_scripts_a_company_is_registered_and_the_filters_are_a_page(house, new_page, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, house.seller)
    page.goto(LIST)
    page.get_by_role("link", name="Filtros", exact=True).click()
    page.get_by_label("Dias sem compra, de").fill("60")
    page.get_by_role("button", name="Ver clientes").click()
    expect(page.locator(".client-table tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Novo cliente").click()
    page.get_by_label("CNPJ", exact=True).fill("12.ABC.345/01DE-35")
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Nome da empresa").fill("Com Letras")
    page.get_by_label("Cidade").fill("Sumaré")
    page.get_by_label("UF").fill("SP")
    page.get_by_role("button", name="Cadastrar cliente").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Com Letras")


ADDRESSES = [
    "clients/?silent_from=1",
    "clients/filters/",
    "clients/segments/",
    "clients/segments/save/?uf=SP",
    "clients/new/?tax_id=11222333000262",
    "clients/new/?tax_id=12ABC34501DE35",
    "prospects/",
    "search/?q=padria",
    "search/?q=novo",
]


@pytest.mark.slow
def test_pages_pass_axe(house, new_page, sign_in):
    page, wrong = new_page(), {}
    sign_in(page, house.seller)
    for address in ADDRESSES:
        opened(page, f"/o/vale-verde/{address}")
        wrong[address] = faults_of(page)
    assert {address: found for address, found in wrong.items() if found} == {}


@pytest.mark.slow
def test_the_map_passes_axe(house, new_page, sign_in, axe):
    # axe copies elements to look at them, and a copy of one that Leaflet placed is a style the policy refuses; the map itself
    # obeys it, which the test of its card shows.
    page = new_page(bypass_csp=True)
    sign_in(page, house.seller)
    opened(page, "/o/vale-verde/clients/?view=map")
    expect(page.locator("client-map canvas")).to_be_visible()
    axe(page)
