"""A representative's day in a real browser: three taps, the keyboard alone, no script at all, and axe."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Organization
from accounts.tenancy import acting_for
from portfolio.models import Visit
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import ClientFactory, RepresentativeFactory, VisitFactory, make_member, make_organization

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
TODAY = "/o/vale-verde/today/"
PLACE = {"latitude": -22.82, "longitude": -47.26}
PHONE = {"width": 390, "height": 844, "has_touch": True}


@pytest.fixture
def house(live):
    """Ana has two visits today, one done, and a client nobody planned to visit."""
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    silent = {"last_on": today - timedelta(days=70), "repeat_days": 9, "median_gap": 20, "net_12m_cents": 4_800_000, "abc": "A"}
    with acting_for(organization.pk):
        ana = RepresentativeFactory(code="V-04", name="Ana", membership=make_member(organization, "representative", name="Ana"))
        first = ClientFactory(
            name="Empório Serra Clara",
            representative=ana,
            city="Sumaré",
            phone="(19) 3873-1000",
            latitude=-22.82,
            longitude=-47.26,
            activity=silent,
        )
        second = ClientFactory(name="Drogaria Boa Safra", representative=ana, city="Nova Odessa")
        other = ClientFactory(name="Padaria Grão da Serra", representative=ana)
        for position, client in enumerate((first, second)):
            VisitFactory(client=client, representative=ana, planned_on=today, position=position)
        VisitFactory(client=other, representative=ana, visited_on=today, visited_at=timezone.now(), outcome="absent")
    return SimpleNamespace(organization=organization, ana=ana, first=first)


def stored(house) -> Visit:
    with acting_for(house.organization.pk):
        return Visit.objects.get(client=house.first, visited_at__isnull=False)


def test_a_visit_takes_three_taps_on_a_phone(house, new_page, sign_in):
    page = new_page(**PHONE)
    sign_in(page, house.ana.membership)
    page.goto(TODAY)
    expect(page.get_by_text("1 de 3 visitas feitas")).to_be_visible()
    page.locator("main").get_by_role("link", name="Registrar visita").tap()
    sheet = page.get_by_role("dialog", name="Registrar visita")
    sheet.get_by_role("radio", name="Não estava").tap()
    sheet.get_by_role("button", name="Salvar visita").tap()
    expect(page.get_by_text("2 de 3 visitas feitas")).to_be_visible()
    expect(page.get_by_role("heading", name="Drogaria Boa Safra")).to_be_visible()
    visit = stored(house)
    assert (visit.outcome, visit.latitude, visit.made_by_id) == ("absent", None, house.ana.membership_id)
    assert visit.next_contact_on - visit.visited_on >= timedelta(days=14)


def test_a_sale_asks_for_its_value_and_the_place_only_when_tapped(house, new_page, sign_in):
    page = new_page(**PHONE, geolocation={"latitude": -22.8203, "longitude": -47.26, "accuracy": 12}, permissions=["geolocation"])
    page.add_init_script(
        "const real = navigator.geolocation; window.asked = 0;"
        "const get = real.getCurrentPosition.bind(real);"
        "real.getCurrentPosition = (...all) => { window.asked++; get(...all); };"
    )
    sign_in(page, house.ana.membership)
    page.goto(TODAY)
    page.locator("main").get_by_role("link", name="Registrar visita").tap()
    sheet = page.get_by_role("dialog", name="Registrar visita")
    expect(sheet.get_by_label("Valor do pedido")).to_be_hidden()
    sheet.get_by_role("radio", name="Vendeu", exact=True).tap()
    expect(sheet.get_by_label("Valor do pedido")).to_be_focused()
    page.keyboard.type("5.340,00")
    assert page.evaluate("asked") == 0
    sheet.get_by_role("button", name="Anotar o local").tap()
    expect(sheet.get_by_text("Local anotado · 33 m do endereço")).to_be_visible()
    assert page.evaluate("asked") == 1
    sheet.get_by_role("button", name="Salvar visita").tap()
    expect(page.get_by_text("2 de 3 visitas feitas")).to_be_visible()
    visit = stored(house)
    assert (visit.order_value_cents, visit.distance_m, visit.accuracy_m) == (534_000, 33, 12)


def test_far_from_the_client_the_sheet_asks_why_and_what_the_company_asks_is_marked(house, new_page, sign_in):
    with acting_for(house.organization.pk):
        Organization.objects.filter(pk=house.organization.pk).update(visit_asks=["absent:location", "closed:note"])
    page = new_page(**PHONE, geolocation={"latitude": -22.83, "longitude": -47.26, "accuracy": 12}, permissions=["geolocation"])
    sign_in(page, house.ana.membership)
    page.goto(f"/o/vale-verde/visits/new/?client={house.first.pk}")
    locate, save, note = (
        page.get_by_role("button", name="Anotar o local"), page.get_by_role("button", name="Salvar visita"), page.get_by_label("Observação")
    )  # fmt: skip
    page.get_by_role("radio", name="Não estava").tap()
    expect(page.get_by_text("A empresa pede o local com este resultado.")).to_be_visible()
    save.tap()
    expect(locate).to_be_focused()
    page.context.clear_permissions()
    locate.tap()
    expect(page.get_by_label("Motivo de ir sem o local")).to_be_visible()
    page.context.grant_permissions(["geolocation"])
    expect(note).to_have_accessible_name("Observação opcional")
    page.get_by_role("radio", name="Fechado").tap()
    expect(note).to_have_accessible_name("Observação a empresa pede")
    save.tap()
    expect(note).to_be_focused()
    note.fill("Voltar à tarde")
    page.locator("[data-locate]").tap()
    why = page.get_by_label("Motivo de estar longe do cliente")
    expect(why).to_be_visible()
    page.get_by_role("button", name="Salvar visita").tap()
    expect(why).to_be_focused()  # the browser will not send the form without it
    why.fill("Encontro no depósito")
    page.get_by_role("button", name="Salvar visita").tap()
    expect(page.get_by_text("2 de 3 visitas feitas")).to_be_visible()
    assert (stored(house).outside_reason, stored(house).distance_m) == ("Encontro no depósito", 1112)


def test_by_keyboard_alone(house, page, sign_in):
    sign_in(page, house.ana.membership)
    page.goto(TODAY)
    link = page.locator(".day-acts").get_by_role("link", name="Registrar visita")
    link.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Registrar visita")
    expect(sheet.get_by_role("radio", name="Vendeu", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(sheet.get_by_role("radio", name="Não vendeu")).to_be_checked()
    page.keyboard.press("Tab")
    expect(sheet.get_by_role("radio", name="Preço")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")  # to the chips of the next contact, of which the client's own rhythm is chosen
    expect(sheet.get_by_role("radio", name="14 dias")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    expect(sheet.get_by_label("Observação")).to_be_focused()
    page.keyboard.type("Voltar com a tabela")
    sheet.get_by_role("button", name="Salvar visita").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 de 3 visitas feitas")).to_be_visible()
    visit = stored(house)
    assert (visit.outcome, visit.no_sale_reason, visit.note) == ("no_sale", "Preço", "Voltar com a tabela")
    assert timedelta(days=7) <= visit.next_contact_on - visit.visited_on <= timedelta(days=9)


def test_without_script_the_sheet_is_a_page(house, new_page, sign_in):
    page = new_page(width=390, height=844, java_script_enabled=False)
    sign_in(page, house.ana.membership)
    page.goto(TODAY)
    page.locator("main").get_by_role("link", name="Registrar visita").click()
    expect(page.get_by_role("heading", name="Registrar visita", level=1)).to_be_visible()
    page.get_by_role("radio", name="Vendeu", exact=True).click()
    page.get_by_role("button", name="Salvar visita").click()
    expect(page.get_by_text("Diga o valor do pedido.")).to_be_visible()
    page.get_by_label("Valor do pedido").fill("5340")
    page.get_by_role("button", name="Salvar visita").click()
    expect(page.get_by_text("2 de 3 visitas feitas")).to_be_visible()
    assert stored(house).order_value_cents == 534_000


def test_what_was_being_typed_survives_a_closed_tab_until_it_is_saved_or_dropped(house, page, sign_in):
    sign_in(page, house.ana.membership)
    sheet = f"/o/vale-verde/visits/new/?client={house.first.pk}"
    page.goto(sheet)
    page.locator("label", has_text="Não vendeu").click()
    page.locator("label.chip", has_text="Preço").click()
    page.get_by_label("Observação").fill("Pediu tabela nova")

    page.goto("about:blank")
    page.goto(sheet)
    expect(page.get_by_text("Rascunho de")).to_be_visible()
    expect(page.get_by_role("radio", name="Não vendeu")).to_be_checked()
    expect(page.get_by_label("Observação")).to_have_value("Pediu tabela nova")

    page.get_by_role("button", name="Descartar").click()
    expect(page.get_by_label("Observação")).to_have_value("")
    page.reload()
    expect(page.get_by_label("Observação")).to_have_value("")
    expect(page.get_by_text("Rascunho de")).to_have_count(0)

    page.locator("label", has_text="Não estava").click()
    page.get_by_label("Observação").fill("Volto na quinta")
    page.get_by_role("button", name="Salvar visita").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hoje")
    page.goto(sheet)
    expect(page.get_by_label("Observação")).to_have_value("")
    assert stored(house).note == "Volto na quinta"


@pytest.mark.slow
def test_axe_finds_nothing(house, page, sign_in):
    sign_in(page, house.ana.membership)
    wrong = {}
    for path in ("today/", f"visits/new/?client={house.first.pk}", "visits/new/"):
        opened(page, "/o/vale-verde/" + path)
        for summary in page.locator("summary").all():
            summary.click()
        if "client" in path:
            page.get_by_role("radio", name="Não vendeu").click()
        wrong[path] = faults_of(page)
    opened(page, TODAY)
    page.locator(".day-acts").get_by_role("link", name="Registrar visita").click()
    page.get_by_role("dialog").get_by_role("radio", name="Vendeu", exact=True).click()
    wrong["over the day"] = faults_of(page)
    assert {place: found for place, found in wrong.items() if found} == {}
