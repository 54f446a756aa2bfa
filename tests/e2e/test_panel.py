"""Painel in a real browser: from the strip to the rows behind a number and back, other months and teams, sorting; and axe on its pages."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.selectors import local_day
from accounts.tenancy import acting_for
from clients.models import Client, ClientScore, Scoring
from clients.services import refresh_abc, refresh_clients
from clients.signals import orders_changed
from portfolio.models import Goal
from rotation.views.dashboard import PARTS
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import (
    ClientFactory,
    OrderFactory,
    OwnershipFactory,
    RepresentativeFactory,
    TeamFactory,
    make_member,
    make_organization,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASE = "/o/vale-verde/dashboard/"
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba"


@pytest.fixture
def company(transactional_db):
    """Two teams with four clients each over four months; one of the representatives has a very long name."""
    organization = make_organization("vale-verde", require_second_factor=False)
    today = local_day(organization, at=timezone.now())
    with acting_for(organization.pk):
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        for number, (team, name) in enumerate((("Campinas", "Ana"), ("Interior", LONG))):
            person = RepresentativeFactory(code=f"V-0{number + 1}", name=name, team=TeamFactory(name=team))
            Goal.objects.create(representative=person, month=today.replace(day=1), measure="revenue", target=50_000)
            for k in range(4):
                client = ClientFactory(trade_name=f"{team} {k}", state=("SP", "MG")[number], representative=person)
                OwnershipFactory(client=client, representative=person)
                for months in range(4):
                    OrderFactory(client=client, ordered_on=today - timedelta(days=30 * months + 20 * k), amount_cents=10_000 * (k + 1))
                values = {"horizon": 90, "made_for": today, "p_silent": 0.2, "p_cross": 0.1, "state": "active", "at_stake_cents": 1}
                ClientScore.objects.create(client=client, year_cents=100_000, **values)
        Scoring.objects.create(as_of=today, horizon=90, method="mixture", engine_version="1", made_at=timezone.now())
        ids = list(Client.objects.values_list("pk", flat=True))
        orders_changed.send(sender=None, client_ids=ids)
        refresh_clients(ids, as_of=today)
        refresh_abc()
    return admin


def test_a_manager_reads_the_panel_from_end_to_end(company, page, sign_in):
    sign_in(page, company)
    page.goto(BASE)
    # The cards that come later are there, with their drawings and tables.
    expect(page.locator("#panel-indicators")).to_contain_text("Ticket médio")
    expect(page.locator("#panel-states svg.choropleth path")).to_have_count(27)
    expect(page.locator("#panel-kpis svg.spark")).to_have_count(3)
    expect(page.locator("#panel-risk")).to_contain_text("19 vezes em 20")
    expect(page.locator("#panel-revenue svg.wide")).to_be_visible()
    page.locator("#panel-revenue summary").click()
    expect(page.locator("#panel-revenue table")).to_contain_text("Projeção")

    # A number opens its clients.
    page.locator("#panel-kpis").get_by_role("link", name="Faturamento R$").click()
    expect(page.get_by_role("heading", name="Faturamento por cliente")).to_be_visible()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_role("navigation", name="Onde estou").get_by_role("link", name="Painel").click()

    # One team, then the whole again; the address holds it.
    page.get_by_role("button", name="De quem").click()
    page.locator("#team-menu").get_by_role("link", name="Campinas").click()
    expect(page.locator(".page-title")).to_contain_text("equipe Campinas")
    expect(page.locator("#panel-reps tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator(".page-title")).to_contain_text("equipe Campinas")

    # A quarter instead of a month.
    page.get_by_role("button", name="Período").click()
    page.locator("#period-menu").get_by_role("link", name="12 meses").click()
    expect(page.locator(".page-title")).to_contain_text(" a ")
    page.get_by_role("button", name="De quem").click()
    page.locator("#team-menu").get_by_role("link", name="Todas as equipes").click()
    expect(page.locator("#panel-reps tbody tr")).to_have_count(2)

    # Sorted where it stands.
    page.locator("#panel-reps thead").get_by_role("link", name="Vendedor").click()
    expect(page.locator("#panel-reps th[aria-sort='ascending']")).to_have_text("Vendedor")
    expect(page.locator("#panel-reps tbody tr").first).to_contain_text("V-01")


def test_the_strip_renews_itself_and_pages_work_without_a_script(company, new_page, sign_in):
    page = new_page()
    sign_in(page, company)
    page.goto(BASE)
    expect(page.locator("#panel-indicators")).to_contain_text("Ticket médio")
    with page.expect_response(lambda response: "/dashboard/kpis/" in response.url) as renewed:
        page.evaluate("document.querySelector('live-part').ask()")
    assert renewed.value.status == 200
    expect(page.locator("#panel-kpis")).to_contain_text("Positivação")

    plain = new_page(java_script_enabled=False)
    sign_in(plain, company)
    plain.goto(BASE)
    expect(plain.locator("#panel-kpis")).to_contain_text("Positivação")
    plain.locator("#panel-base").get_by_role("link", name="Abrir").click()
    expect(plain.locator("#panel-base")).to_contain_text("Quase inativos")


def test_nobody_is_kept_out(company, page, sign_in):
    sign_in(page, company)
    faults = {}
    opened(page, BASE)
    for name in PARTS:
        expect(page.locator(f"#panel-{name}:not(.later)")).to_be_visible()
    faults["page"] = faults_of(page)
    for address in ("reps/", "rows/revenue/"):
        opened(page, BASE + address)
        faults[address] = faults_of(page)
    assert {address: found for address, found in faults.items() if found} == {}
