"""The admin's people, settings and trail as a person uses them; and by axe."""

import os
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AuditCheck, Invitation, Membership
from accounts.services import Actor
from accounts.services.invitations import invitation_link
from accounts.services.verify import run_check
from accounts.tenancy import acting_for
from clients.models import CustomValue
from portfolio.services import Transfer, transfer_clients
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import PASSWORD, ClientFactory, RepresentativeFactory, TeamFactory, make_member, make_organization

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASE = "/o/vale-verde/"
LONG_FORM = os.environ.get("FAULTS") == "long"
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba"


@pytest.fixture
def house(live):
    organization = make_organization("vale-verde", require_second_factor=False)
    today = timezone.now().astimezone(organization.zone).date()
    with acting_for(organization.pk):
        admin = make_member(organization, "admin", name="Helena Prado")
        team = TeamFactory(name="Interior")
        seller = make_member(organization, "representative", name=LONG, team=team)
        ana = RepresentativeFactory(code="V-01", name="Ana", membership=seller, team=team)
        client, other = (
            ClientFactory(name=name, activity={"last_on": today - timedelta(days)}) for name, days in (("Empório Serra", 70), (LONG, 10))
        )
        moves = [Transfer(each.pk, ana.pk, reason="começo") for each in (client, other)]
        transfer_clients(moves, by=Actor(admin), source="manual", on=today)
    return SimpleNamespace(organization=organization, admin=admin, seller=seller, ana=ana, client=client)


def test_an_invited_person_comes_in_gets_another_role_and_goes(house, new_page, sign_in):
    page, theirs = new_page(), new_page(width=390, height=844)
    sign_in(page, house.admin)
    page.goto(BASE + "people/")
    page.get_by_role("link", name="Convidar pessoa").click()
    page.get_by_label("Senha").fill(PASSWORD)  # who sits there?
    page.get_by_role("button", name=re.compile("Confirmar|Continuar")).click()
    page.get_by_label("Nome", exact=True).fill("Nova Silva")
    page.get_by_label("E-mail", exact=True).fill("nova@fora.example")
    page.get_by_label("Papel").select_option("auditor")
    page.get_by_role("button", name="Enviar convite").click()
    expect(page.get_by_role("heading", name="Convites em aberto")).to_be_visible()

    with acting_for(house.organization.pk):
        link = invitation_link(Invitation.objects.get())
    theirs.goto(re.sub(r"^https?://[^/]+", "", link))
    expect(theirs.get_by_text("Helena Prado convidou você como Auditoria.")).to_be_visible()
    theirs.get_by_label("Senha").fill("uma frase bem comprida")
    theirs.get_by_role("button", name="Criar a senha e entrar").click()
    expect(theirs.get_by_text("Você está em modo de leitura")).to_be_visible()

    page.goto(BASE + "people/?q=nova")
    page.get_by_role("link", name="Nova Silva").click()
    page.get_by_label("Papel").select_option("manager")
    page.get_by_role("combobox", name=re.compile("^Equipe")).select_option(label="Interior")
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("#toasts")).to_contain_text("Papel e equipe de Nova Silva salvos.")
    theirs.goto(BASE + "clients/")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Entrar")  # another role, another session

    page.get_by_role("link", name="Encerrar o acesso…").click()
    page.get_by_role("button", name="Encerrar o acesso agora").click()
    expect(page.locator("#toasts")).to_contain_text("O acesso de Nova Silva foi encerrado")
    page.goto(f"{BASE}people/members/{house.seller.pk}/end/")
    expect(page.get_by_text("V-01 Ana ainda atende 2 clientes.")).to_be_visible()
    with acting_for(house.organization.pk):
        assert not Membership.objects.get(name="Nova Silva").is_active


def test_a_representative_is_put_on_the_map_and_limits_show_what_they_would_do(house, new_page, sign_in):
    page = new_page()
    sign_in(page, house.admin)
    page.goto(BASE + "people/representatives/new/")
    page.get_by_role("textbox", name="Código").fill("V-09")
    page.get_by_label("Nome", exact=True).fill("Bruno Lima")
    area = page.locator("place-map")
    expect(area.locator("canvas").first).to_be_visible()
    area.click(position={"x": 200, "y": 120})
    expect(page.get_by_role("spinbutton", name="Latitude")).not_to_have_value("")
    expect(page.locator("#place-said")).to_contain_text("Lugar da base:")
    page.get_by_role("button", name="Salvar vendedor").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bruno Lima")

    page.goto(BASE + "settings/")
    page.get_by_role("link", name="Prazos e curva ABC").click()
    expect(page.locator("#effect")).to_contain_text("0 clientes mudariam de situação")
    page.get_by_label("Quase inativo").fill("80")
    page.get_by_label("Inativo", exact=True).click()  # leaving the field asks for its effect
    expect(page.locator("#effect")).to_contain_text("1 cliente mudaria de situação")
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("#toasts")).to_contain_text("Configurações salvas.")
    page.get_by_role("button", name="Restaurar anterior").click()
    expect(page.locator("#toasts")).to_contain_text("Valores anteriores de volta.")
    expect(page.get_by_label("Quase inativo")).to_have_value("60")

    page.goto(BASE + "settings/fields/")
    page.get_by_label("Nome do campo").fill("Área de venda")
    page.get_by_label("Tipo").select_option("number")
    page.get_by_label("Para que serve").fill("Dimensionar o mix")
    page.get_by_role("button", name="Criar campo").click()
    expect(page.locator("#toasts")).to_contain_text("Campo Área de venda salvo.")
    page.goto(f"{BASE}clients/{house.client.pk}/")
    page.get_by_role("link", name="Preencher campos").click()
    page.get_by_label("Área de venda").fill("120")
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("#toasts")).to_contain_text("Campos salvos.")
    with acting_for(house.organization.pk):
        assert CustomValue.objects.get().value == "120"

    page.goto(BASE + "audit/")
    expect(page.locator("#events tbody tr").first).to_contain_text("Mudou campos próprios")
    page.get_by_label("O quê").select_option(label="Mudou os prazos e a curva ABC")
    expect(page.locator("#events tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Verificar").click()
    expect(page.get_by_text("Verificando a auditoria")).to_be_visible()
    with acting_for(house.organization.pk):
        check = AuditCheck.objects.get()
    run_check(check.pk, house.organization.pk)
    expect(page.locator("#check")).to_contain_text("Íntegra", timeout=15_000)


def test_nothing_on_these_pages_keeps_anybody_out(house, new_page, sign_in):
    # A demonstration asks nobody who they are: the pages behind that question are looked at too.
    with acting_for(house.organization.pk):
        house.organization.is_demo = True
        house.organization.save(update_fields=["is_demo"])
    page = new_page(bypass_csp=True)  # axe writes styles of its own over a map
    sign_in(page, house.admin)
    paths = [
        "people/", f"people/members/{house.seller.pk}/", "people/representatives/", f"people/{house.ana.pk}/", "audit/",
        "settings/limits/", "settings/visits/", "settings/fields/",
    ]  # fmt: skip
    if LONG_FORM:
        paths += [
            "people/invite/", f"people/members/{house.seller.pk}/end/", "people/teams/", "settings/", "settings/identity/",
            "settings/reasons/", "settings/security/", "settings/retention/", "settings/rotation/",
        ]  # fmt: skip
    wrong = {}
    for path in paths:
        opened(page, BASE + path)
        found = faults_of(page)
        if found:
            wrong[path] = found
    assert wrong == {}
