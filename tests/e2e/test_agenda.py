"""The agenda in a real browser: a morning's planning on a phone, the week from the keyboard, and axe on its pages."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.tenancy import tenant_atomic
from clients.models import ClientWord
from portfolio.models import Visit
from tests.e2e.opening import opened
from tests.factories import ClientFactory, RepresentativeFactory, VisitFactory, make_member, make_organization

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASE = "/o/vale-verde/agenda/"
# Messages pass after seven seconds, a person's pace; of a machine that runs other things meanwhile it says nothing.
MESSAGES_STAY = "const later = setTimeout; window.setTimeout = (act, ms, ...rest) => later(act, ms === 7000 ? 600000 : ms, ...rest)"


@pytest.fixture(autouse=True)
def patience():
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def house(transactional_db):
    """A representative with three visits today out of order, and a client nobody planned yet."""
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        seller = make_member(organization, "representative", name="Ana")
        ana = RepresentativeFactory(code="V-01", name="Ana", membership=seller, latitude=-22.9, longitude=-47.0)
        clients = [
            ClientFactory(name=name, representative=ana, latitude=-22.9, longitude=-47.0 - place / 10, city=city)
            for name, place, city in (("Empório Serra", 3, "Sumaré"), ("Drogaria Safra", 1, "Valinhos"), ("Padaria Grão", 2, "Campinas"))
        ]
        visits = [VisitFactory(client=client, representative=ana, planned_on=today, position=n) for n, client in enumerate(clients, 1)]
        fresh = ClientFactory(name="Mercado Aurora", representative=ana, registered_on=date(2025, 1, 1))
        ClientWord.objects.create(organization=organization, client=fresh, word="mercado")
        admin = make_member(organization, "admin")
    return SimpleNamespace(organization=organization, today=today, seller=seller, ana=ana, visits=visits, fresh=fresh, admin=admin)


def test_a_morning_on_the_phone(house, new_page, sign_in):
    """Shorten the way, move one, cancel one and take that back, mark another, plan the weeks."""
    page = new_page(width=390, height=844, has_touch=True)
    page.set_default_timeout(60_000)
    page.add_init_script(MESSAGES_STAY)
    sign_in(page, house.seller)
    page.goto(BASE)
    page.get_by_role("button", name="Sugerir ordem").click()
    expect(page.locator(".toast", has_text="de 61 para 31 km")).to_be_visible()
    expect(page.locator(".daycard.chosen .slot b")).to_have_text(["Drogaria Safra", "Padaria Grão", "Empório Serra"])

    page.get_by_role("link", name=re.compile("Drogaria Safra")).click()
    sheet = page.get_by_role("dialog", name="Drogaria Safra")
    sheet.get_by_role("button", name="Próxima semana").click()
    expect(sheet).to_be_hidden()
    expect(page.locator(".daycard.chosen .slot")).to_have_count(2)

    page.get_by_role("link", name=re.compile("Padaria Grão")).click()
    sheet = page.get_by_role("dialog", name="Padaria Grão")
    sheet.get_by_role("button", name="Cancelar visita").click()
    expect(sheet.locator("#cancel-error")).to_have_text("Escolha o motivo do cancelamento.")
    sheet.get_by_text("Resolvido por telefone").click()
    sheet.get_by_role("button", name="Cancelar visita").click()
    expect(sheet).to_be_hidden()
    row = page.locator(".slot", has_text="Padaria Grão")
    expect(row).to_contain_text("Cancelada")
    page.locator(".toast", has_text="Padaria Grão cancelada").get_by_role("button", name="Desfazer").click()
    expect(row).not_to_contain_text("Cancelada")

    page.get_by_role("link", name="Marcar visita").click()
    page.locator("combo-box input").fill("mercado")  # until the script made it, the combobox is the plain select
    page.get_by_role("option", name=re.compile("Mercado Aurora")).click()
    page.get_by_label("Horário").fill("16:40")
    page.get_by_role("button", name="Marcar visita").click()
    expect(page.locator(".slot", has_text="Mercado Aurora")).to_contain_text("16:40")

    with tenant_atomic(house.organization.pk):
        waiting = dict(Visit.objects.filter(cancelled_at=None).values_list("client__name", "planned_on"))
    assert sorted(waiting) == ["Drogaria Safra", "Empório Serra", "Mercado Aurora", "Padaria Grão"]
    assert waiting["Drogaria Safra"] >= house.today + timedelta(days=7)


def test_the_week_by_keyboard(house, page, sign_in):
    page.set_default_timeout(60_000)
    page.add_init_script(MESSAGES_STAY)
    sign_in(page, house.seller)
    page.goto(BASE)
    expect(page.locator(".daycard").nth(4)).to_be_visible()
    page.keyboard.press("v")
    expect(page.get_by_role("link", name="Dia", exact=True)).to_have_attribute("aria-current", "page")
    page.locator(f"#down-{house.visits[0].pk}").press("Enter")
    expect(page.locator(".toast", has_text="Ordem do dia mudada")).to_be_visible()
    expect(page.locator(f"#down-{house.visits[0].pk}")).to_be_focused()
    expect(page.locator(".daycard.chosen .slot b")).to_have_text(["Drogaria Safra", "Empório Serra", "Padaria Grão"])
    page.keyboard.press("z")
    expect(page.locator(".daycard.chosen .slot b")).to_have_text(["Empório Serra", "Drogaria Safra", "Padaria Grão"])
    page.locator(f"#slot-{house.visits[2].pk}").press("Enter")
    sheet = page.get_by_role("dialog", name="Padaria Grão")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator(f"#slot-{house.visits[2].pk}")).to_be_focused()


@pytest.mark.slow
def test_the_agendas_pages_keep_nobody_out(house, new_page, page, sign_in, axe):
    sign_in(page, house.seller)
    opened(page, f"{BASE}?view=day")
    axe(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(f"#slot-{house.visits[0].pk}").click()
    expect(page.get_by_role("dialog", name="Empório Serra")).to_be_visible()
    axe(page)
    for address in ("", "plan/", "new/"):
        opened(page, BASE + address)
        axe(page)
    opened(page, f"{BASE}feed/")
    page.get_by_role("button", name="Criar endereço").click()
    expect(page.get_by_label("Endereço do calendário")).to_have_value(re.compile(r"/feeds/\S{43}\.ics$"))
    axe(page)
    office = new_page()
    sign_in(office, house.admin)
    opened(office, f"{BASE}settings/")
    axe(office)
