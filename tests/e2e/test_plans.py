"""Campaigns, renewals, the year's goals and a plan in a real browser, as the people who use them do; and axe on their pages."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.tenancy import tenant_atomic
from clients.models import ClientMonth, Contract
from portfolio.goal_spread import month_back
from portfolio.models import Goal, Renewal, Task
from rotation.models import Campaign
from rotation.services.campaigns import StepWanted, save_campaign, start_campaign
from tests.e2e.opening import opened
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASE = "/o/vale-verde/"


@pytest.fixture
def company(organization):
    """Two sellers with inactive clients, a contract about to end, a year of sales."""
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        boss = make_member(organization, "manager", team=team, name="Rosa Gerente")
        seller, other = (make_member(organization, "representative", name=name) for name in ("Ana", "Bia"))
        ana = RepresentativeFactory(team=team, code="V-01", name="Ana Souza", membership=seller)
        bruno = RepresentativeFactory(team=team, code="V-02", name="Bruno Lima", membership=other)
        silent = {"last_on": today - timedelta(days=150), "repeat_days": 5}
        clients = [ClientFactory(trade_name=f"Empório {n}", representative=ana if n % 2 else bruno, activity=silent) for n in range(6)]
        Contract.objects.create(
            client=clients[1], code="K-77", starts_on=today - timedelta(days=340), ends_on=today + timedelta(days=20), amount_cents=900_000
        )
        for n in range(1, 13):
            for who, cents in ((ana, 200_000), (bruno, 100_000)):
                month = month_back(today.replace(day=1), n)
                ClientMonth.objects.create(client=clients[0], representative=who, month=month, revenue_cents=cents, order_days=1, orders=1)
    return SimpleNamespace(organization=organization, boss=boss, ana=ana, bruno=bruno, clients=clients, today=today)


def test_a_campaign_from_the_idea_to_the_first_call(company, new_page, sign_in):
    """The manager makes and starts one; the representative finds it among the tasks and marks a call as done."""
    page = new_page()
    page.set_default_timeout(60_000)
    sign_in(page, company.boss)
    page.goto(BASE + "campaigns/")
    page.get_by_role("main").get_by_role("link", name="Nova campanha").first.click()
    page.get_by_label("Nome").fill("Volte para nós")
    page.get_by_role("button", name="Salvar e ver quem entra").click()
    expect(page.get_by_role("heading", name="Volte para nós")).to_be_visible()
    page.get_by_role("button", name="Começar com 6 clientes").click()
    expect(page.get_by_text("Campanha começou")).to_be_visible()
    expect(page.locator(".said")).to_contain_text("0 de 6 clientes voltaram a comprar")

    phone = new_page(width=390, height=844, has_touch=True)
    phone.set_default_timeout(60_000)
    sign_in(phone, company.ana.membership)
    phone.goto(BASE + "tasks/")
    phone.get_by_role("link", name="Volte para nós · 3").click()
    calls = phone.locator(".calls > li")
    expect(calls).to_have_count(3)
    calls.first.get_by_role("button", name=re.compile("^Feito: Ligar")).click()
    expect(phone.get_by_text("Feito: Ligar · Volte para nós")).to_be_visible()
    expect(calls).to_have_count(2)
    with tenant_atomic(company.organization.pk):
        assert Task.objects.filter(done_at__isnull=False).get().owner == company.ana.membership
        assert Campaign.objects.get().state == "running"


def test_a_contract_is_seen_to(company, page, sign_in):
    page.set_default_timeout(60_000)
    sign_in(page, company.boss)
    page.goto(BASE + "renewals/")
    page.get_by_role("link", name="30 dias", exact=True).click()
    page.get_by_role("link", name="Abrir a renovação K-77").click()
    page.locator("label.choice", has_text="Em negociação").click()
    page.get_by_label("Com quem").select_option(label="Ana")
    page.get_by_role("button", name="Salvar").click()
    row = page.locator("tbody tr", has_text="K-77")
    expect(row).to_contain_text("Em negociação")
    expect(row).to_contain_text("tarefa até")
    page.get_by_role("link", name="Abrir a renovação K-77").click()
    expect(page.get_by_label("Por que se perdeu")).to_be_hidden()
    page.locator("label.choice", has_text="Perdido").click()
    page.get_by_label("Por que se perdeu").fill("Preço")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("Nenhum contrato termina nesses dias")).to_be_visible()
    with tenant_atomic(company.organization.pk):
        assert Renewal.objects.get().lost_reason == "Preço" and Task.objects.get().cancelled_at is not None


def test_the_years_goals_and_a_plan(company, page, sign_in):
    page.set_default_timeout(60_000)
    sign_in(page, company.boss)
    page.goto(BASE + "goals/")
    page.get_by_role("link", name="Distribuir o ano").click()
    page.get_by_label("Total da equipe").fill("36.000,00")
    page.get_by_role("button", name="Propor").click()
    year = company.today.year + 1
    expect(page.get_by_label(f"Ana Souza, janeiro de {year}")).to_have_value(re.compile(r"^(1\.999|2\.000)"))
    page.get_by_label(f"Ana Souza, janeiro de {year}").fill("2.500")
    page.get_by_role("button", name=f"Salvar o ano de {year}").click()
    expect(page.get_by_text("24 metas salvas.")).to_be_visible()
    with tenant_atomic(company.organization.pk):
        assert Goal.objects.get(representative=company.ana, month=f"{year}-01-01").target == 250_000

    page.goto(BASE + "plan/")
    page.get_by_role("link", name="Escrever o plano de Ana Souza").click()
    page.get_by_label("Objetivo").fill("Trazer de volta os inativos")
    page.get_by_label("Orçamento").fill("1.500")
    page.get_by_role("button", name="Salvar plano").click()
    page.get_by_label("Passo", exact=True).fill("Feira de janeiro")
    page.get_by_label("Prazo").fill(str(company.today + timedelta(days=3)))
    page.get_by_role("button", name="Incluir passo").click()
    step = page.locator(".plan-steps > li", has_text="Feira de janeiro")
    expect(step).to_be_visible()
    step.get_by_role("button", name="Concluir: Feira de janeiro").click()
    expect(step).to_contain_text("feito")


@pytest.mark.slow
def test_these_pages_keep_nobody_out(company, page, sign_in, axe):
    with tenant_atomic(company.organization.pk):
        made = save_campaign(
            None, by=company.boss, steps=[StepWanted("call", 0)], name="Volte", definition={"state": "inactive"}, days=30, share=0.3,
            assigning="owner", per_day=5,
        )  # fmt: skip
        running = start_campaign(made, by=company.boss, at=timezone.now())
        contract = Contract.objects.get()
    sign_in(page, company.boss)
    campaign = f"campaigns/{running.pk}/"
    addresses = ["campaigns/", "campaigns/new/", campaign, f"{campaign}?tab=calls", "renewals/", f"renewals/{contract.pk}/"]
    addresses += ["goals/", "goals/spread/?total=36000", "plan/", f"plan/{company.ana.pk}/", f"plan/{company.ana.pk}/edit/"]
    for address in addresses:
        opened(page, BASE + address)
        axe(page)
