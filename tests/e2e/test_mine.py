"""Tasks, Giro e eu, requests and goals as people use them on a phone; axe once a page."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from clients.models import Client
from clients.services.words import refresh_words
from portfolio.models import Goal, Task
from portfolio.services.tasks import give_task
from rotation.models import Proposal, Request
from rotation.services.requests import make_request
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import RepresentativeFactory, TeamFactory, make_member, make_organization
from tests.rotation.conftest import make_client
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory
from tests.rotation.test_screens_mine import warn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
# Messages pass after seven seconds, a person's pace; of a machine that runs other things meanwhile it says nothing.
MESSAGES_STAY = "const later = setTimeout; window.setTimeout = (act, ms, ...rest) => later(act, ms === 7000 ? 600000 : ms, ...rest)"


@pytest.fixture(autouse=True)
def patience():
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def browse(new_page, sign_in):
    """``browse(member, width=…)`` gives that person's browser, with the patience of a busy machine."""

    def opened(member, **size):
        page = new_page(**size)
        page.set_default_timeout(60_000)
        page.add_init_script(MESSAGES_STAY)
        sign_in(page, member)
        return page

    return opened


@pytest.fixture
def house(transactional_db):
    """Ana with a client proposed to Bruno, one she was warned of, tasks late and due; Marta leads both."""
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        today, team = timezone.now().astimezone(organization.zone).date(), TeamFactory()
        marta, ana_member = (
            make_member(organization, Role.MANAGER, team=team, name="Marta"),
            make_member(organization, Role.REPRESENTATIVE, name="Ana"),
        )
        caio = make_member(organization, Role.REPRESENTATIVE, name="Caio")
        ana = RepresentativeFactory(code="V-04", name="Ana Campinas", team=team, membership=ana_member)
        bruno = RepresentativeFactory(code="V-09", name="Bruno Ribeirão", team=team)
        version = RuleVersionFactory(rule=RuleFactory(name="Inativo 90+ dias"), created_by=marta, published_by=marta)
        run = RunFactory(version=version, expires_at=timezone.now() + timedelta(days=4))
        sun, moon = (make_client(ana, as_of=today, trade_name=name) for name in ("Empório Sol", "Padaria Lua Nova"))
        river = make_client(ana, as_of=today, days_silent=4, trade_name="Mercado Rio")
        refresh_words([river.pk])
        ProposalFactory(run=run, client=sun, owner=ana, to_representative=bruno, rule_version=version)
        warn(moon, run, today, 6)
        now = timezone.now()
        late = today - timedelta(days=2)
        give_task(title="Enviar tabela nova", due_on=late, made_on=late, owner=ana_member, by=ana_member, at=now)
        give_task(title="Confirmar entrega", due_on=today, owner=ana_member, by=marta, at=now, client=moon)
        give_task(title="Pedir segunda via", due_on=today + timedelta(days=3), owner=ana_member, by=ana_member, at=now)
        for measure, target in (("buyers", 3), ("revenue", 8_000_000), ("visits", 40)):
            Goal.objects.create(representative=ana, month=today.replace(day=1), measure=measure, target=target)
    return SimpleNamespace(organization=organization, marta=marta, ana=ana_member, caio=caio, sun=sun, moon=moon, base="/o/vale-verde/")


def test_a_contest_goes_to_the_manager_and_its_answer_comes_back(house, browse):
    hers, his = browse(house.ana, width=390, height=844), browse(house.marta)

    hers.goto(f"{house.base}rotation/mine/")
    expect(hers.locator("h1")).to_have_text("Giro e eu")
    card = hers.locator(f"#leaving-{house.sun.pk}")
    expect(card).to_contain_text("proposta em revisão")
    card.get_by_role("link", name="Contestar…").click()
    expect(hers.locator("h1")).to_have_text("Contestar")
    hers.get_by_label("Motivo").fill("Fechei o pedido ontem à tarde")
    hers.get_by_role("button", name="Enviar pedido").click()
    expect(hers.locator(f"#leaving-{house.sun.pk}")).to_contain_text("contestação enviada")

    his.goto(f"{house.base}notices/")
    his.get_by_text("Ana contesta a saída de Empório Sol").click()
    expect(his.locator("h1")).to_have_text("Pedidos")
    his.get_by_label("Resposta").fill("Combinado")
    his.get_by_role("button", name="Aceitar e recusar a proposta").click()
    expect(his.locator("#toasts")).to_contain_text("Atendido: Empório Sol")

    hers.goto(f"{house.base}notices/")
    hers.get_by_text("Contestação aceita: Empório Sol fica com você").click()
    expect(hers.locator("h1")).to_have_text("Giro e eu")
    expect(hers.locator("#asked")).to_contain_text("“Combinado”")
    expect(hers.locator(f"#leaving-{house.sun.pk}")).to_have_count(0)

    his.locator("main").get_by_role("button", name="Desfazer").click()
    expect(his.locator("#toasts")).to_contain_text("Resposta desfeita")
    with acting_for(house.organization.pk):
        assert (Request.objects.get().state, Proposal.objects.get().state) == ("open", "proposed")


@pytest.mark.slow
def test_a_hold_is_asked_with_one_tap_on_a_day_and_a_reason(house, browse):
    page = browse(house.ana, width=390, height=844)
    page.goto(f"{house.base}rotation/mine/")
    page.locator(f"#leaving-{house.moon.pk}").get_by_role("link", name="Pedir trava…").click()
    page.get_by_text("30 dias ·").click()
    page.get_by_label("Motivo").fill("Obra na loja até o mês que vem")
    page.get_by_role("button", name="Enviar pedido").click()
    expect(page.locator(f"#leaving-{house.moon.pk}")).to_contain_text("trava pedida")
    page.get_by_role("button", name="Retirar pedido").click()
    expect(page.locator("#toasts")).to_contain_text("Pedido retirado")
    expect(page.locator(f"#leaving-{house.moon.pk}").get_by_role("link", name="Pedir trava…")).to_be_visible()


def test_a_task_is_given_done_with_one_tap_and_taken_back(house, browse):
    page = browse(house.ana, width=390, height=844)
    page.goto(f"{house.base}tasks/")
    page.get_by_role("button", name="Concluir: Enviar tabela nova").click()
    page.locator("#toasts", has_text="Concluída: Enviar tabela nova").get_by_role("button", name="Desfazer").click()
    expect(page.locator("#toasts")).to_contain_text("De volta às tarefas")
    expect(page.get_by_role("button", name="Concluir: Enviar tabela nova")).to_be_visible()

    page.get_by_role("link", name="Nova tarefa").click()
    page.get_by_label("O que fazer").fill("Levar amostras")
    page.get_by_text("Amanhã").click()
    page.locator("main").get_by_label("Cliente").fill("rio")
    page.get_by_role("button", name="Salvar tarefa").click()
    expect(page.locator("#toasts")).to_contain_text("Tarefa salva: Levar amostras")
    with acting_for(house.organization.pk):
        made = Task.objects.get(title="Levar amostras")
        assert (made.client.trade_name, made.due_on) == (
            "Mercado Rio",
            timezone.now().astimezone(house.organization.zone).date() + timedelta(days=1),
        )
        assert Task.objects.get(title="Enviar tabela nova").done_at is None


@pytest.mark.slow
def test_a_colleague_is_named_on_the_clients_panel(house, browse):
    page = browse(house.ana)
    page.goto(f"{house.base}clients/{house.sun.pk}/colleagues/")
    page.get_by_label("Colega").select_option(label="Caio")
    page.get_by_label("Papel").select_option(label="Pós-venda")
    page.get_by_role("button", name="Acrescentar").click()
    expect(page.locator("#colleagues .list")).to_contain_text("Caio")
    expect(page.locator("#toasts")).to_contain_text("Caio agora acompanha este cliente")
    page.get_by_role("button", name="Tirar Caio").click()
    expect(page.locator("#colleagues")).to_contain_text("Ninguém além de quem atende")
    with acting_for(house.organization.pk):
        assert not Client.objects.get(pk=house.sun.pk).colleagues.exists()


PAGES = [
    ("ana", "tasks/"),
    ("ana", "tasks/new/?client={sun}"),
    ("ana", "rotation/mine/"),
    ("ana", "requests/new/?kind=hold&client={moon}"),
    ("ana", "goals/"),
    ("ana", "goals/missing/"),
    ("ana", "clients/stopped/?c={sun}"),
    ("ana", "clients/{sun}/colleagues/"),
    ("marta", "goals/"),
    ("marta", "goals/set/"),
    ("marta", "requests/"),
    ("marta", "clients/stopped/?c={sun}"),
]


@pytest.mark.slow
def test_nothing_keeps_people_out(house, browse):
    with acting_for(house.organization.pk):
        make_request("contest", house.sun, by=house.ana, at=timezone.now(), reason="Pedido a caminho")
    wrong, pages = {}, {who: browse(getattr(house, who)) for who in ("ana", "marta")}
    for who, path in PAGES:
        opened(pages[who], house.base + path.format(sun=house.sun.pk, moon=house.moon.pk))
        expect(pages[who].locator("h1")).to_be_visible()
        wrong[who, path] = faults_of(pages[who])
    assert {place: found for place, found in wrong.items() if found} == {}
