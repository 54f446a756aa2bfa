"""Reports, the team's visits, products and exports in a real browser, as a manager and an admin use them; axe on every page."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from clients.models import CreditSnapshot, OrderItem, Product
from clients.services import refresh_clients
from portfolio.models import ReportSchedule
from portfolio.services import credit_orders
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import (
    ClientFactory,
    OrderFactory,
    OwnershipFactory,
    RepresentativeFactory,
    TeamFactory,
    VisitFactory,
    make_member,
    make_organization,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASE = "/o/vale-verde/"
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba"


@pytest.fixture
def house(transactional_db):
    """A team of two with eight clients, three of which moved, some bought and were visited; two products."""
    organization = make_organization("vale-verde", require_second_factor=False)
    now = timezone.now()
    today = now.astimezone(organization.zone).date()
    with acting_for(organization.pk):
        team = TeamFactory(name="Campinas")
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        ana, bruno = (RepresentativeFactory(code=code, name=name, team=team) for code, name in (("V-01", "Ana"), ("V-02", "Bruno")))
        rice, beans = (Product.objects.create(code=code, name=name, category="Grãos") for code, name in (("R1", "Arroz"), ("F1", "Feijão")))
        for number in range(8):
            name = LONG if number == 3 else f"Padaria {number}"
            client = ClientFactory(code=f"C{number}", name=name, representative=ana, segment="Padaria", city="Campinas")
            began = today - timedelta(days=2) if number < 3 else today - timedelta(days=500)
            if number < 3:
                OwnershipFactory(client=client, representative=bruno, started_on=today - timedelta(days=500), ended_on=began)
            seq = 2 if number < 3 else 1
            OwnershipFactory(client=client, representative=ana, seq=seq, started_on=began, source="rotation" if number < 3 else "import")
            if number < 5:
                order = OrderFactory(client=client, ordered_on=today - timedelta(days=3), amount_cents=9_000)
                OrderItem.objects.create(order=order, line=1, product=beans, quantity=1, unit_price_cents=9_000, amount_cents=9_000)
                told = {"visited_at": now, "visited_on": today, "made_at": now, "outcome": "sale", "order_value_cents": 9_000}
                far = {"distance_m": 900, "accuracy_m": 10, "fix_age_s": 5, "outside_reason": "Na feira"} if number == 1 else {}
                VisitFactory(client=client, representative=ana, **told, **far)
            stated = {"overdue_cents": 5_000 if number == 2 else 0, "score": 120 * number, "restrictions": number // 4}
            CreditSnapshot.objects.create(organization=organization, client=client, observed_on=today - timedelta(days=9), **stated)
        VisitFactory(client=client, representative=ana, planned_on=today - timedelta(days=1))
        ids = [row.client_id for row in CreditSnapshot.objects.all()]
        credit_orders(ids)
        refresh_clients(ids, as_of=today)
    return SimpleNamespace(organization=organization, admin=admin, rice=rice, ana=ana)


@pytest.fixture
def admin_page(house, page, sign_in):
    sign_in(page, house.admin)
    return page


def test_a_report_is_narrowed_opened_to_its_rows_and_taken_away(house, admin_page):
    page = admin_page
    page.goto(f"{BASE}reports/")
    page.get_by_role("link", name="Positivação").click()
    expect(page.get_by_role("heading", level=1, name="Positivação")).to_be_visible()
    total = page.locator("tfoot tr")
    expect(total).to_contain_text("62,5%")

    page.get_by_label("Período", exact=True).select_option("month")
    expect(page).to_have_url(re.compile("period=month"))
    page.get_by_label("Vendedor", exact=True).select_option(str(house.ana.pk))
    expect(page.locator(".report-scope")).to_contain_text("V-01 Ana")
    page.reload()
    expect(page.locator(".report-scope")).to_contain_text("V-01 Ana")

    page.locator("tfoot").get_by_role("link", name="3", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Clientes que ainda não compraram")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("link", name="Exportar em CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.get_by_role("link", name="Voltar ao relatório").click()
    expect(page.locator(".report-scope")).to_contain_text("V-01 Ana")

    page.get_by_role("link", name="Movimentação").click()
    expect(page.get_by_role("heading", level=1, name="Movimentação")).to_be_visible()
    page.get_by_text("Ver tabela").first.click()
    expect(page.locator(".chart-table table").first).to_be_visible()


def test_a_report_is_scheduled_paused_and_sent_now(house, admin_page):
    page = admin_page
    page.goto(f"{BASE}reports/movement/")
    page.get_by_role("link", name="Agendar por e-mail").click()
    page.get_by_label("Frequência").select_option("week")
    page.get_by_label("Helena Prado").uncheck()
    page.get_by_role("button", name="Agendar").click()
    expect(page.get_by_text("Escolha quem recebe.")).to_be_visible()
    page.get_by_label("Helena Prado").check()
    page.get_by_role("button", name="Agendar").click()
    expect(page.get_by_text(re.compile("^O próximo sai em"))).to_be_visible()
    page.get_by_role("button", name="Enviar agora").click()
    expect(page.get_by_text("Na fila")).to_be_visible()
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_text("Em pausa: nada é enviado.")).to_be_visible()
    page.get_by_role("button", name="Retomar").click()
    expect(page.get_by_text(re.compile("^O próximo sai em"))).to_be_visible()
    page.get_by_role("button", name="Encerrar").click()
    expect(page.get_by_text("Nenhum relatório agendado")).to_be_visible()


def test_the_teams_visits_and_a_product_are_looked_into(house, admin_page):
    page = admin_page
    page.goto(f"{BASE}visits/")
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_role("link", name="Fora do raio").first.click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("Na feira")
    page.get_by_role("link", name="Limpar filtros").click()
    page.locator(".tabs").get_by_role("link", name="Não feita").click()
    expect(page.locator("tbody tr")).to_have_count(1)

    page.goto(f"{BASE}products/")
    page.get_by_placeholder("Nome ou código").fill("arr")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Arroz").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.get_by_label("Estação").fill("Natal")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("Produto marcado.")).to_be_visible()


def test_nothing_keeps_people_out_of_any_of_these_pages(house, admin_page):
    page = admin_page
    with acting_for(house.organization.pk):
        held = ReportSchedule.objects.create(
            organization=house.organization, kind="movement", every="week", weekday=0, hour=7, next_at=timezone.now(), made_by=house.admin
        )
    faults = {}
    reports = ["", "movement/?period=own", "buyers/rows/clients/", "schedules/", f"schedules/{held.pk}/"]
    for path in [*(f"reports/{path}" for path in reports), "visits/", "products/", f"products/{house.rice.pk}/"]:
        opened(page, f"{BASE}{path}")
        faults |= {(path, *where): wrong for where, wrong in faults_of(page).items()}
    assert faults == {}
