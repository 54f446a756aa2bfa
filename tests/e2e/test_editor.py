"""The rule editor, its versions and the calendar in a real browser, as an administrator uses them; with script and without."""

import os
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from rotation.engine.presets import PRESETS
from rotation.models import RuleVersion
from rotation.services.quiet import add_quiet_period
from rotation.services.rules import create_rule, publish, save_draft
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import RepresentativeFactory, TeamFactory, make_member, make_organization
from tests.front.conftest import browser  # noqa: F401  the one Chromium of the session
from tests.rotation.conftest import make_client

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
LONG = "Clientes de panificação e confeitaria do interior que deixaram de comprar há mais de três meses seguidos"


@pytest.fixture
def company(transactional_db):
    """Two years of orders of twelve clients, a third of whom stopped; one rule in force, one only drafted."""
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    with acting_for(organization.pk):
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        people = [RepresentativeFactory(code=f"V-0{i}", team=TeamFactory(), base_state="SP") for i in range(2)]
        for i in range(12):
            make_client(people[i % 2], days_silent=190 + i if i % 3 == 0 else 5 + i, as_of=today, x=23)
        organization.orders_received_at = timezone.now()
        organization.save(update_fields=["orders_received_at"])
        rule = create_rule(PRESETS["general"], by=admin)
        publish(rule.versions.get(), by=admin)
        rule.refresh_from_db()
        nested = create_rule({**PRESETS["weekly_buyer"], "name": LONG}, by=admin)
    return SimpleNamespace(organization=organization, admin=admin, rule=rule, nested=nested, today=today, base="/o/vale-verde/")


def draft_of(company) -> dict:
    with acting_for(company.organization.pk):
        return RuleVersion.objects.get(rule=company.rule, state="draft").definition


def test_a_rule_is_edited_tested_and_planned(company, new_page, sign_in):
    page = new_page()
    sign_in(page, company.admin)
    page.goto(f"{company.base}rules/{company.rule.pk}/")
    expect(page.locator("#backtest")).to_contain_text("Sinalizados")

    # a number: the sentence, the draft and the test follow
    page.get_by_label("Valor de Dias sem compra: de").fill("75")
    expect(page.locator("#sentence")).to_contain_text("está há 75 a 359 dias sem compra")
    expect(page.locator("#draft-tag")).to_contain_text("Rascunho v2")
    expect(page.locator("#backtest")).to_contain_text("vs v1")

    # a group of either, by buttons
    page.get_by_role("button", name="Grupo", exact=True).first.click()
    expect(page.locator("#id_trigger-1-0_field")).to_be_focused()
    expect(page.locator("#sentence")).to_contain_text("é curva A")
    page.locator(".group").get_by_role("button", name="Condição").click()
    expect(page.locator("#id_trigger-1-1_field")).to_be_focused()
    page.locator("#id_trigger-1-1_field").select_option("net_12m_cents")
    expect(page.get_by_label("Valor de Faturamento 12 meses")).to_have_value("5.000,00")
    expect(page.locator("#sentence")).to_contain_text("comprou R$")
    page.get_by_role("button", name="Subir Faturamento 12 meses").click()
    expect(page.locator("#id_trigger-1-0_field")).to_have_value("net_12m_cents")
    assert [leaf["field"] for leaf in draft_of(company)["trigger"]["all"][1]["any"]] == ["net_12m_cents", "abc"]

    # what cannot be is said under the control while one types, and the draft stays
    page.get_by_label("Valor de Dias sem compra: de").fill("400")
    expect(page.locator("#id_trigger-0_value_error")).to_contain_text("400 é maior que 359")
    expect(page.locator("#id_trigger-0_value")).to_have_attribute("aria-invalid", "true")
    assert draft_of(company)["trigger"]["all"][0]["value"] == [75, 359]
    page.get_by_label("Valor de Dias sem compra: de").fill("80")
    expect(page.locator("#id_trigger-0_value_error")).to_be_empty()
    expect(page.locator("#sentence")).to_contain_text("80 a 359")

    # protections
    page.get_by_label("Proteção a acrescentar").select_option("save_window")
    page.get_by_role("button", name="Proteção", exact=True).click()
    expect(page.locator("#sentence")).to_contain_text("prazo para salvar (10 dias)")

    # on a date, and back
    page.get_by_role("button", name="Publicar versão…").click()
    expect(page.get_by_role("heading", name="O que muda")).to_be_visible()
    page.get_by_label("Entra em vigor em").fill((company.today + timedelta(days=2)).isoformat())
    page.get_by_role("button", name="Publicar v2").click()
    expect(page.locator("#draft-tag")).to_contain_text("v2 em")
    page.get_by_role("link", name="Ver ou desmarcar").click()
    page.get_by_role("button", name="Desmarcar").click()
    expect(page.get_by_role("button", name="Desmarcar")).to_have_count(0)


def test_without_script_buttons_do_it_all(company, new_page, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, company.admin)
    page.goto(f"{company.base}rules/{company.rule.pk}/")
    page.get_by_role("button", name="Condição").first.click()
    expect(page.locator("#id_trigger-1_field")).to_have_value("days_since_visit")
    page.locator("#id_trigger-1_field").select_option("abc")
    page.get_by_role("button", name="Atualizar os campos").first.click()
    expect(page.locator("#sentence")).to_contain_text("é curva A")
    page.get_by_role("button", name="Testar").click()
    expect(page.locator("#backtest")).to_contain_text("Sinalizados")
    page.get_by_role("button", name="Tirar Curva ABC").click()
    expect(page.locator("#id_trigger-1_field")).to_have_count(0)
    page.locator("#id_limits_give_share").fill("150")
    page.get_by_role("button", name="Salvar rascunho").first.click()
    expect(page.locator("#id_limits_give_share_error")).to_contain_text("150 está fora")
    expect(page.locator("#id_limits_give_share")).to_have_value("150")


def test_axe_finds_nothing_on_the_editors_pages(company, new_page, sign_in):
    with acting_for(company.organization.pk):
        save_draft(company.rule, {**PRESETS["general"], "limits": {"give_share": 0.2}}, by=company.admin)
        add_quiet_period(starts_on=company.today, last_on=company.today + timedelta(days=2), reason="Inventário", by=company.admin)
    page = new_page()
    sign_in(page, company.admin)
    wrong = {}
    for path in (f"rules/{company.nested.pk}/", f"rules/{company.rule.pk}/publish/", f"rules/{company.rule.pk}/versions/", "schedule/"):
        opened(page, company.base + path)
        if path == f"rules/{company.nested.pk}/":
            expect(page.locator("#backtest")).to_contain_text("Sinalizados", timeout=15_000)
        wrong[path] = faults_of(page)
    assert {path: found for path, found in wrong.items() if found} == {}
