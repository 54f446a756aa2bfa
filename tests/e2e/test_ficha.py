"""The client's page on a phone, with a finger: a call begun by a tap is recorded by two more."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.tenancy import tenant_atomic
from clients.models import Contact, CreditEvent, CreditSnapshot, Opportunity
from tests.e2e.opening import opened
from tests.factories import (
    ClientFactory,
    OrderFactory,
    OwnershipFactory,
    RepresentativeFactory,
    VisitFactory,
    make_member,
    make_organization,
)

pytestmark = pytest.mark.e2e
PHONE = {"width": 390, "height": 844, "has_touch": True}


@pytest.fixture(autouse=True)
def patience():
    """A machine shared by many draws a page in more than the five seconds a busy test is given."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def scene(live):
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        seller = make_member(organization, "representative", name="Ana")
        owner = RepresentativeFactory(code="V-01", name="Ana", membership=seller)
        client = ClientFactory(name="Empório Serra Clara", representative=owner, activity={"last_on": today, "abc": "B", "n365": 1})
        OwnershipFactory(client=client, representative=owner)
        OrderFactory(client=client, ordered_on=today)
        VisitFactory(client=client, representative=owner, visited_on=today - timedelta(days=3), outcome="no_sale", note="Voltar depois")
        Contact.objects.create(client=client, name="Márcia Leal", role="Compras", decision_role="buyer", phone="(19) 99999-0000")
        Contact.objects.create(client=client, name="Caio Prado", phone="(19) 98888-0000", refused_on=today, refusal_source="telefone")
        Opportunity.objects.create(client=client, title="Linha de frios", stage_since=today - timedelta(days=20), value_cents=250_000)
        CreditSnapshot.objects.create(client=client, observed_on=today, score=700, overdue_cents=5_000, restrictions=1)
        CreditEvent.objects.create(client=client, observed_on=today, event="Protesto em cartório")
    return seller, f"/o/vale-verde/clients/{client.pk}/"


# This machine has no dialler: the browser would ask about one over the page, and take no more clicks until answered.
NO_DIALLER = "addEventListener('click', (event) => event.target.closest?.('a[href^=tel]') && event.preventDefault(), true)"


def test_a_call_begun_by_a_tap_is_recorded_by_two_more(scene, new_page, sign_in):
    seller, address = scene
    page = new_page(**PHONE)
    page.add_init_script(NO_DIALLER)
    sign_in(page, seller)
    page.goto(address)
    page.get_by_role("navigation", name="Partes da ficha").get_by_role("link", name="Contatos").click()
    tab = page.locator("#client-tab")
    expect(tab).to_contain_text("Recusou ser contatado em")
    expect(tab.get_by_role("link", name="Ligar para Caio Prado")).to_have_count(0)
    tab.get_by_role("link", name="Ligar para Márcia Leal").click()
    sheet = page.get_by_role("dialog", name="Registrar conversa")
    expect(sheet.get_by_label("Ligação")).to_be_checked()
    expect(sheet.get_by_label("Com quem")).to_have_value(re.compile(r"\d+"))
    sheet.get_by_label("O que se falou").fill("Quer a tabela nova")
    sheet.get_by_role("button", name="Registrar").click()
    expect(page.locator("#toasts")).to_contain_text("Ligação registrada.")
    page.get_by_role("link", name="Histórico", exact=True).click()
    kinds = page.get_by_role("navigation", name="Mostrar só")
    expect(kinds).to_be_visible()
    expect(tab).to_contain_text("Ligação com Márcia Leal")
    expect(tab).to_contain_text("Visita · ")
    kinds.get_by_role("link", name="Conversas").click()
    expect(tab).not_to_contain_text("Visita · ")
    expect(tab).to_contain_text("Quer a tabela nova")


def test_an_opportunity_is_moved_by_its_menu_and_lost_with_a_reason(scene, new_page, sign_in):
    seller, _address = scene
    page = new_page(**PHONE)
    sign_in(page, seller)
    page.goto("/o/vale-verde/opportunities/")
    page.get_by_role("button", name="Mover Linha de frios").click()
    page.get_by_role("menuitem", name="Proposta enviada").click()
    expect(page.get_by_role("region", name="Proposta enviada")).to_contain_text("Linha de frios")
    page.get_by_role("button", name="Mover Linha de frios").click()
    page.get_by_role("menuitem", name="Perdida").click()
    page.get_by_label("Por que se perdeu").fill("Preço")
    page.get_by_role("button", name="Marcar como perdida").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Linha de frios")
    expect(page.get_by_role("main")).to_contain_text("Perdida")


@pytest.mark.slow
def test_every_new_page_keeps_nobody_out(scene, new_page, sign_in, axe):
    seller, address = scene
    page = new_page()
    sign_in(page, seller)
    tabs = [f"{address}?tab={tab}" for tab in ("summary", "contacts", "mix", "opportunities", "credit", "history")]
    forms = [f"{address}{path}" for path in ("talks/", "contacts/new/", "discard/", "opportunities/new/")]
    for path in [*tabs, *forms, "/o/vale-verde/opportunities/"]:
        opened(page, path)
        axe(page)
    page.get_by_role("link", name="Linha de frios").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Linha de frios")
    axe(page)
