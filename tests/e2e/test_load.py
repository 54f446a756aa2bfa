"""The manager's load: a person leaves, one covers another, clients are moved by hand and put back; axe once a page."""

import re
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Absence, Membership, Role
from accounts.services.absences import set_cover
from accounts.tenancy import acting_for
from clients.models import Client, Contact, Opportunity
from clients.selectors import clients_visible_to
from portfolio.models import Task
from rotation.services.apply import apply_run, request_apply
from rotation.services.dividing import draft_handover
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import RepresentativeFactory, TeamFactory, VisitFactory, make_member, make_organization
from tests.rotation.conftest import make_client
from tests.rotation.making import decide, give, make_run, propose

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
MESSAGES_STAY = "const later = setTimeout; window.setTimeout = (act, ms, ...rest) => later(act, ms === 7000 ? 600000 : ms, ...rest)"


@pytest.fixture(autouse=True)
def patience():
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def team(transactional_db):
    """Marta leads Ana, who has three clients and promises, Bruno next door and Caio a state away."""
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        today, group = timezone.now().astimezone(organization.zone).date(), TeamFactory(name="Campinas")
        marta = make_member(organization, Role.MANAGER, team=group, name="Marta")
        people = []
        for code, name, lat, lon in (("V-01", "Ana", -23.5, -46.6), ("V-02", "Bruno", -23.5, -46.5), ("V-03", "Caio", -21.2, -47.8)):
            member = make_member(organization, Role.REPRESENTATIVE, team=group, name=name)
            place = {"latitude": lat, "longitude": lon, "capacity_minutes_week": 900, "capacity_clients": 20}
            people.append(RepresentativeFactory(code=code, name=name, team=group, membership=member, **place))
        names = ("Empório Sol", "Padaria Lua Nova", "Mercado Rio")
        clients = [make_client(None, as_of=today, days_silent=9, net=900_000 - n, trade_name=name) for n, name in enumerate(names)]
        give(clients, people[0])
        Contact.objects.create(client=clients[0], name="Dona Célia", role="Dona", phone="11 99999-0000")
        Opportunity.objects.create(client=clients[0], title="Linha de limpeza", stage="proposal", stage_since=today, value_cents=1_200_000)
        Task.objects.create(client=clients[0], title="Mandar a tabela nova", owner=people[0].membership, due_on=today)
        VisitFactory(client=clients[0], representative=people[0], visited_on=today, visited_at=timezone.now(), note="Quer prazo maior")
    return SimpleNamespace(organization=organization, marta=marta, people=people, clients=clients, today=today, base="/o/vale-verde/")


@pytest.fixture
def browse(new_page, sign_in):
    def opened(member, **size):
        page = new_page(**size)
        page.set_default_timeout(60_000)
        page.add_init_script(MESSAGES_STAY)
        sign_in(page, member)
        return page

    return opened


def owners(team):
    with acting_for(team.organization.pk):
        return list(
            Client.objects.filter(pk__in=[each.pk for each in team.clients]).order_by("pk").values_list("representative__name", flat=True)
        )


def test_a_person_leaves_and_each_receiver_has_a_dossier(team, browse):
    ana, bruno, _caio = team.people
    page, hers = browse(team.marta), browse(ana.membership)
    hers.goto(f"{team.base}clients/")
    expect(hers.get_by_role("link", name="Empório Sol")).to_be_visible()

    page.goto(f"{team.base}load/")
    page.get_by_role("link", name="Saída de Ana").click()
    expect(page.get_by_text("1 oportunidade em aberto")).to_be_visible()
    page.get_by_role("button", name="Dividir a carteira").click()
    expect(page.get_by_role("heading", name="2. Antes e depois de cada um")).to_be_visible()
    page.get_by_label("Quem recebe Mercado Rio").select_option(label="V-03 Caio")
    expect(page.get_by_text("sua escolha")).to_be_visible()
    page.get_by_role("button", name="Encerrar o acesso e mover 3 clientes").click()
    expect(page.get_by_text("Diga o motivo da saída.")).to_be_visible()
    page.get_by_label("Motivo da saída").fill("Pediu demissão")
    page.get_by_role("button", name="Encerrar o acesso e mover 3 clientes").click()
    expect(page.get_by_text("3 clientes têm novo responsável.")).to_be_visible()

    assert owners(team) == ["Bruno", "Bruno", "Caio"]
    hers.reload()
    expect(hers.get_by_role("button", name="Entrar", exact=True)).to_be_visible()

    page.get_by_role("row", name=re.compile("Bruno")).get_by_role("link", name="Dossiê de Bruno").click()
    for words in ("Dona Célia", "Mandar a tabela nova", "Linha de limpeza", "Quer prazo maior"):
        expect(page.get_by_text(words)).to_be_visible()
    his = browse(bruno.membership, width=390, height=844)
    his.goto(page.url)
    expect(his.get_by_role("heading", name="O que você recebeu de Ana")).to_be_visible()

    page.go_back()
    page.get_by_role("button", name="Desfazer a saída").click()
    expect(page.get_by_text("Ana voltou, com 3 clientes.")).to_be_visible()
    assert owners(team) == ["Ana"] * 3
    with acting_for(team.organization.pk):
        assert Membership.objects.get(pk=ana.membership_id).is_active


def test_a_cover_sees_the_clients_until_it_is_ended(team, browse):
    _ana, bruno, _caio = team.people
    page = browse(team.marta)
    page.goto(f"{team.base}cover/")
    page.get_by_role("link", name="Nova cobertura").click()
    page.get_by_label("Quem se ausenta").select_option(label="V-01 Ana")
    page.get_by_label("Quem cobre").select_option(label="V-01 Ana")
    page.get_by_label("Último dia").fill(team.today.isoformat())
    page.get_by_role("button", name="Salvar cobertura").click()
    expect(page.get_by_text("Ninguém cobre a si mesmo. Escolha outra pessoa.")).to_be_visible()
    page.get_by_label("Quem cobre").select_option(label="V-02 Bruno")
    page.get_by_role("button", name="Salvar cobertura").click()
    expect(page.get_by_text("Cobertura salva.")).to_be_visible()

    with acting_for(team.organization.pk):
        assert clients_visible_to(bruno.membership).count() == 3
    page.get_by_role("button", name="Encerrar a cobertura de Ana").click()
    expect(page.get_by_text("Ana volta a ser quem vê a própria carteira.")).to_be_visible()
    with acting_for(team.organization.pk):
        assert clients_visible_to(bruno.membership).count() == 0 and not Absence.objects.exists()


def test_clients_of_the_list_are_moved_by_hand_and_put_back(team, browse):
    page = browse(team.marta)
    page.goto(f"{team.base}load/")
    page.get_by_label("De", exact=True).select_option(label="V-01 Ana")
    expect(page.get_by_label("Segmento").locator("option")).to_have_count(2)  # those of Ana's clients, before anything is simulated
    page.get_by_label("Para", exact=True).select_option(label="V-02 Bruno")
    page.get_by_label("Quantos").fill("1")
    page.get_by_role("button", name="Simular").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Continuar: mover 1 cliente…")).to_be_visible()
    expect(page.get_by_role("button", name="Simular")).to_be_focused()

    page.goto(f"{team.base}clients/")
    page.get_by_label("Selecionar Empório Sol").check()
    page.get_by_label("Selecionar Padaria Lua Nova").check()
    expect(page.get_by_role("region", name="Mover as selecionadas")).to_contain_text("2")
    page.get_by_role("button", name="Mover à mão…").click()
    expect(page.get_by_text("2 clientes escolhidos.")).to_be_visible()
    page.get_by_text("V-02 Bruno").click()
    page.get_by_role("button", name="Ver o que muda").click()
    expect(page.get_by_role("heading", name="2. O que muda")).to_be_visible()
    page.get_by_label("Motivo").fill("Rota nova")
    page.get_by_role("button", name="Mover 2 clientes").click()
    expect(page.get_by_text("2 clientes mudaram de mãos.")).to_be_visible()
    assert owners(team) == ["Bruno", "Bruno", "Ana"]

    page.get_by_role("button", name="Desfazer").click()
    expect(page.get_by_text("2 clientes voltaram a quem os tinha.")).to_be_visible()
    assert owners(team) == ["Ana"] * 3


def test_nothing_keeps_anybody_out(team, browse):
    ana, bruno, caio = team.people
    with acting_for(team.organization.pk):
        set_cover(ana, bruno, starts_on=team.today, last_on=team.today, reason="Férias", by=team.marta, today=team.today)
        draft_handover(caio, last_on=team.today, receivers=[bruno.pk], rest=None, by=team.marta, at=timezone.now())
        draft_handover(ana, last_on=team.today, receivers=[bruno.pk], rest=None, by=team.marta, at=timezone.now())
        run = make_run()
        decide([propose(run, team.clients[0], bruno)], "approve", by=team.marta)
        request_apply(run, by=team.marta, at=timezone.now())
    apply_run(run.pk, team.organization.pk)
    page = browse(team.marta)
    clients = "&".join(f"c={each.pk}" for each in team.clients)
    for path in (
        f"load/?from={ana.pk}&to={bruno.pk}",
        f"load/{ana.pk}/capacity/",
        f"people/{ana.pk}/leave/",
        f"clients/move/?{clients}&to={bruno.pk}&to={caio.pk}",
        "cover/",
        "cover/new/",
        "fairness/",
        f"fairness/{ana.pk}/",
    ):
        opened(page, team.base + path)
        assert faults_of(page) == {}, path
