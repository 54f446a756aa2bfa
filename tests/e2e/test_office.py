"""Files in and the quality of what came, in a real browser: from a dropped file to mended lines, from twins to one client and back."""

import re
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from clients.imports import jobs
from clients.models import Client, ImportJob
from clients.services.words import refresh_words
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, make_member, make_organization

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba Ltda"
FILE = (
    "Código;Razão Social;CNPJ;Município;UF;Observações\nC1;Açaí do Pará Ltda;11.222.333/0001-82;Belém;PA;x\nC2;Bazar Dois;;Curitiba;PR;\n"
)


@pytest.fixture
def house(transactional_db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        ana, bruno = RepresentativeFactory(name="Ana"), RepresentativeFactory(name="Bruno")
        twins = [
            ClientFactory(representative=person, name=name, city="Campinas", tax_id="11222333000181", tax_id_root="11222333")
            for person, name in ((ana, LONG), (bruno, "Irmaos Figueiredo"))
        ]
        for client in twins:
            OwnershipFactory(client=client, representative=client.representative)
            OrderFactory(client=client)
        ClientFactory(name="Sem dono", city="Santos")
        refresh_words([each.pk for each in twins])
    return SimpleNamespace(organization=organization, admin=admin, twins=twins, base="/o/vale-verde/")


def work(house) -> None:
    while jobs.work(house.organization.pk, at=timezone.now()):
        pass


def send(page, text: str, name: str = "clientes.csv") -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def test_a_file_goes_in_its_refused_line_is_mended_and_the_page_follows(house, page, sign_in):
    sign_in(page, house.admin)
    page.goto(f"{house.base}imports/")
    page.get_by_role("radio", name="Clientes empresas").check()
    send(page, FILE)
    page.get_by_role("button", name="Enviar e indicar colunas").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Colunas do arquivo")
    expect(page.get_by_label("O que é “Município”")).to_have_value("city")
    expect(page.get_by_text("Uma coluna fica de fora: Observações.")).to_be_visible()
    page.get_by_role("button", name="Conferir o arquivo, sem gravar").click()
    expect(page.get_by_text("Abrindo o arquivo")).to_be_visible()
    work(house)
    # The card asks by itself: nobody reloads.
    expect(page.get_by_text("Nada foi gravado ainda.")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("cell", name="“11.222.333/0001-82”")).to_be_visible()
    page.get_by_role("button", name="Gravar 1 linha").click()
    expect(page.locator("#job-card[data-state=running]")).to_be_visible()
    work(house)
    expect(page.get_by_text("Criadas: 1. Alteradas: 0. Recusadas: 1.")).to_be_visible(timeout=15_000)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Baixar as recusadas (CSV)").click()
    refused = taken.value.path().read_text(encoding="utf-8-sig")
    send(page, refused.replace("0001-82", "0001-81"), "mended.csv")
    page.get_by_role("button", name="Enviar corrigidas").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mended.csv")
    work(house)
    page.get_by_role("button", name="Gravar 1 linha").click()
    expect(page.locator("#job-card[data-state=running]")).to_be_visible()
    work(house)
    expect(page.get_by_text("Criadas: 1. Alteradas: 0. Recusadas: 0.")).to_be_visible(timeout=15_000)
    with acting_for(house.organization.pk):
        assert set(Client.objects.filter(code__in=["C1", "C2"]).values_list("code", "city")) == {("C1", "Belém"), ("C2", "Curitiba")}


def test_twins_become_one_client_and_two_again(house, page, sign_in):
    sign_in(page, house.admin)
    page.goto(f"{house.base}quality/")
    page.get_by_role("link", name="Mesmo CNPJ").click()
    page.get_by_role("link", name="Comparar e mesclar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mesclar dois cadastros")
    page.get_by_role("radio", name=re.compile("Quem atende: .*Bruno")).check()
    page.get_by_role("button", name="Mesclar os dois").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mesclagens")
    expect(page.get_by_text("Foram junto: 1 pedido.")).to_be_visible()
    with acting_for(house.organization.pk):
        first, second = Client.objects.filter(pk__in=[each.pk for each in house.twins]).order_by("pk")
        assert (second.merged_into_id, first.representative.name) == (first.pk, "Bruno")
    page.get_by_role("button", name="Desfazer a mesclagem de Irmaos Figueiredo").click()
    expect(page.get_by_text("Os dois cadastros estão separados de novo.")).to_be_visible()
    with acting_for(house.organization.pk):
        assert not Client.objects.filter(merged_into__isnull=False).exists()

    page.goto(f"{house.base}quality/owner/")
    page.get_by_label("Marcar Sem dono").check()
    page.get_by_label("Passar os marcados para").select_option(label=f"{house.twins[0].representative.code} Ana")
    page.get_by_role("button", name="Atribuir os marcados").click()
    expect(page.get_by_text("Nada a corrigir aqui")).to_be_visible()

    page.goto(f"{house.base}quality/place/")
    page.get_by_role("link", name="Marcar Sem dono no mapa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sem dono")
    expect(page.locator("place-map canvas").first).to_be_visible()
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#place-said")).to_contain_text("Lugar do cliente:")
    expect(page.get_by_role("textbox", name="Latitude")).not_to_have_value("")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Sem dono está no mapa.")


def test_nobody_is_kept_out_of_these_pages(house, new_page, sign_in):
    page = new_page(bypass_csp=True)  # axe writes styles of its own over a map
    sign_in(page, house.admin)
    with acting_for(house.organization.pk):
        job = jobs.receive_upload("clients", [FILE.encode()], file_name=f"{LONG}.csv", by=house.admin, language="pt-br")
        other = jobs.receive_upload("clients", [FILE.encode()], file_name="outro.csv", by=house.admin, language="pt-br")
        jobs.choose_columns(other, jobs.suggested_columns(other)[0], decimal="", by=house.admin)
    first, second = (each.pk for each in house.twins)
    places = [
        "imports/",
        f"imports/{job.pk}/columns/",
        f"jobs/{other.pk}/",
        "quality/",
        "quality/tax_id/",
        "quality/owner/",
        "quality/place/",
    ]
    work(house)
    found = {}
    with acting_for(house.organization.pk):
        alone = Client.objects.get(name="Sem dono").pk
    for place in [*places, f"quality/place/{alone}/", f"quality/merge/?a={first}&b={second}", "quality/merges/"]:
        opened(page, f"{house.base}{place}")
        faults = faults_of(page)
        if faults:
            found[place] = faults
    assert found == {}
    with acting_for(house.organization.pk):
        assert ImportJob.objects.get(pk=other.pk).state == "checked"
