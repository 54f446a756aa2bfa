"""Signing in as people do it: password, second factor, passkey; and the pages of one's own."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import Notice
from accounts.services import notify
from accounts.tenancy import identity_atomic, tenant_atomic
from tests.e2e.opening import opened
from tests.factories import PASSWORD, make_member

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana(organization):
    with tenant_atomic(organization.pk):
        return make_member(organization, "representative", name="Ana Prado", email="ana@vale-verde.example")


def enter(page, email: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Senha").fill(password)
    page.get_by_role("button", name="Entrar", exact=True).click()


def test_a_wrong_password_says_so_and_a_right_one_goes_straight_in(page, live, ana, axe):
    enter(page, "ana@vale-verde.example", "not the password")
    expect(page.get_by_role("alert").first).to_be_visible()
    axe(page)
    enter(page, "ana@vale-verde.example")
    expect(page).to_have_url(re.compile(r"/o/vale-verde/today/$"))


def test_the_chooser_lists_the_organizations_and_says_what_to_do_when_there_are_none(page, live, ana, other, sign_in, axe):
    sign_in(page, ana)
    with tenant_atomic(other.pk), identity_atomic(user_id=ana.user_id):
        type(ana).objects.create(organization=other, user_id=ana.user_id, role="auditor", name="Ana")
    opened(page, "/")
    expect(page.get_by_role("listitem")).to_have_count(2)
    axe(page)
    page.get_by_role("link", name="Rio Claro").click()
    expect(page).to_have_url(re.compile("/o/rio-claro/"))
    for organization_id in (other.pk, ana.organization_id):
        with tenant_atomic(organization_id):
            type(ana).objects.filter(user_id=ana.user_id).update(is_active=False)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nenhuma empresa ainda")


def test_a_passkey_is_made_and_then_opens_the_door_alone(page, live, ana):
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"isUserVerified": True, "automaticPresenceSimulation": True}})
    enter(page, "ana@vale-verde.example")
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Senha").fill(PASSWORD)
    page.get_by_role("button", name="Confirmar").click()
    page.get_by_label("Nome").fill("Notebook da Ana")
    page.get_by_label("Entrar só com esta chave, sem senha").check()
    page.get_by_role("button", name="Criar a chave").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Códigos de recuperação")
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("Notebook da Ana")).to_be_visible()

    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sair").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Entrar com chave de acesso").click()
    expect(page).to_have_url(re.compile(r"/o/vale-verde/"))

    # With a key, the password alone no longer opens the door.
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sair").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    enter(page, "ana@vale-verde.example")
    expect(page.get_by_text("Use a sua chave de acesso")).to_be_visible()  # she has no authenticator app to be asked for
    page.get_by_role("button", name="Usar uma chave de acesso").click()
    expect(page).to_have_url(re.compile(r"/o/vale-verde/"))


def test_notices_are_read_one_by_one_and_all_at_once(page, live, ana, sign_in, axe):
    with tenant_atomic(ana.organization_id):
        for n in (1, 3):
            clients = [[7, "Padaria Sol"], [8, "Mercado Lua"], [9, "Empório Mar"]][:n]
            facts = {"n": n, "clients": clients, "source": "rotation", "on": "2026-11-23"}
            notify([ana.pk], Notice.Kind.CLIENTS_RECEIVED, key=f"k{n}", facts=facts)
        notify([ana.pk], Notice.Kind.CLIENTS_GIVEN, key="g", facts={"n": 1, "clients": [[5, "Bar do Zé"]], "source": "manual"})
    sign_in(page, ana)
    opened(page, "/o/vale-verde/notices/")
    expect(page.get_by_text("Padaria Sol entrou na sua carteira")).to_be_visible()
    expect(page.get_by_label("3 avisos por ler")).to_be_visible()
    axe(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Marcar como lido").first.click()
    expect(page.get_by_label("2 avisos por ler")).to_be_visible()
    page.get_by_role("button", name="Marcar tudo como lido").click()
    expect(page.get_by_text("Tudo lido")).to_be_visible()
    expect(page).to_have_url(re.compile("/notices/$"))


def test_the_profile_is_saved_and_another_session_ended(page, new_page, live, ana, sign_in, axe):
    sign_in(page, ana)
    phone = new_page(width=390, user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1")
    enter(phone, "ana@vale-verde.example")
    opened(page, "/o/vale-verde/me/")
    expect(page.get_by_text("Safari · iPhone")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Encerrar", exact=True).click()
    expect(page.get_by_text("Safari · iPhone")).to_have_count(0)
    phone.goto("/o/vale-verde/me/")
    expect(phone).to_have_url(re.compile("/accounts/login/"))

    page.locator("#id_theme").select_option("dark")
    page.locator("#id_language").select_option("en")
    page.get_by_role("button", name="Salvar perfil").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(("path", "status"), [("/o/vale-verde/nothing-here/", 404), ("/o/other-company/clients/", 404)])
def test_what_is_not_there_says_so_with_a_number_to_quote(page, live, ana, sign_in, axe, path, status):
    sign_in(page, ana)
    answer = page.goto(path)
    assert answer.status == status
    expect(page.get_by_role("heading", level=1)).to_have_text("Não encontramos esta página")
    expect(page.get_by_text(answer.headers["x-request-id"])).to_be_visible()
    expect(page.get_by_role("navigation", name="Principal")).to_have_count(1 if "vale-verde" in path else 0)
    axe(page)
