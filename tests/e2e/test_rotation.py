"""The review, applying and rules in a real browser: keyboard, pointer, no script at all, and axe on every page."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from rotation.engine.presets import PRESETS
from rotation.models import Proposal, RefusalReason, Run
from rotation.services.moving import apply_run
from rotation.services.rules import check_definition
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member, make_organization
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LONG = "Irmãos Figueiredo & Associados Comércio e Representações de Alimentos do Vale do Paraíba"


@pytest.fixture(scope="module", autouse=True)
def database_beside_the_browser():
    """Playwright's loop runs in this thread, and Django then refuses the database to it; nothing here is async."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def house(transactional_db):
    """A company with one run in review: six proposals, one of them with a caveat, one with a very long name."""
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        team = TeamFactory()
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        ana, bruno, carla = (
            RepresentativeFactory(code=code, name=name, team=team, base_city=name)
            for code, name in (("V-04", "Campinas"), ("V-09", "Ribeirão Preto"), ("V-18", "São Carlos"))
        )
        whole = dict(check_definition(PRESETS["general"]).definition)  # as every version is kept: nothing left to the engine to fill in
        version = RuleVersionFactory(rule=RuleFactory(name="Inativo 90+ dias"), definition=whole, created_by=admin, published_by=admin)
        run = RunFactory(version=version)
        RefusalReason.objects.create(label="Negociação em curso")
        proposals = [
            ProposalFactory(
                run=run,
                rule_version=version,
                from_representative=ana,
                to_representative=bruno,
                candidates=[bruno.pk, carla.pk],
                candidate_values=[9_000, 7_000],
                candidate_kms=[12.5, 40.0],
                candidate_costs=[0, 2_000],
                caveats=["farther"] if n == 5 else [],
            )
            for n in range(6)
        ]
        proposals[1].client.name = LONG
        proposals[1].client.save(update_fields=["name"])
        ClientFactory.create_batch(2, representative=carla)
    return SimpleNamespace(
        organization=organization,
        admin=admin,
        run=run,
        proposals=proposals,
        rule=version.rule,
        definition=whole,
        base=f"/o/vale-verde/rotation/{run.pk}/",
    )


@pytest.fixture
def visit(house, new_page, sign_in):
    """``visit(path)`` gives a page of the admin's; a script error or a refusal of the policy fails the test."""

    def go(path: str, **options):
        page = new_page(**options)
        sign_in(page, house.admin)
        page.goto(path)
        return page

    return go


def states(house) -> list[str]:
    with acting_for(house.organization.pk):
        return list(Proposal.objects.order_by("pk").values_list("state", flat=True))


def tab(page, name: str):
    return page.locator("#review-tabs .tab", has_text=name).locator(".count")


def row(house, n: int) -> str:
    return f"#proposal-{house.proposals[n].pk}"


def test_proposals_are_decided_from_the_keyboard_alone(house, visit):
    page = visit(house.base)
    page.keyboard.press("a")  # the first row is the one on show
    expect(page.locator(row(house, 0))).to_contain_text("Aprovada")
    expect(tab(page, "Aprovadas")).to_have_text("1")
    expect(page.locator(row(house, 1))).to_be_focused()
    assert states(house) == ["approved", *["proposed"] * 5]

    page.keyboard.press("z")
    expect(tab(page, "Aprovadas")).to_have_text("0")
    assert states(house) == ["proposed"] * 6

    page.locator(row(house, 1)).focus()
    page.keyboard.press("r")
    page.get_by_label("Negociação em curso").check()
    page.locator("dialog[open]").get_by_role("button", name="Recusar", exact=True).click()
    expect(page.locator(row(house, 1))).to_contain_text("Recusada")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(row(house, 2))).to_be_focused()

    page.keyboard.press("d")
    expect(page.locator(row(house, 2))).to_contain_text("Adiada")

    page.locator(row(house, 3)).focus()
    for key in ("x", "j", "j", "Shift+X", "a"):
        page.keyboard.press(key)
    expect(page.locator("#toasts")).to_contain_text("1 com ressalva ficou de fora")
    assert states(house) == ["proposed", "rejected", "proposed", "approved", "approved", "proposed"]


def test_the_whole_filter_asks_once_and_then_decides(house, visit):
    page = visit(house.base)
    page.check(f"{row(house, 0)} .pick")
    page.get_by_role("button", name="Selecionar as 6 do filtro").click()
    page.locator("[data-bulk] [data-act=approve]").click()
    expect(page.locator("dialog[open]")).to_contain_text("Aprovar 5 propostas, R$\u00a050 mil, 1 vendedor?")
    page.locator("dialog[open]").get_by_role("button", name="Aprovar 5").click()
    expect(page.locator("#apply-action")).to_contain_text("Aplicar 5 aprovadas…")
    assert states(house) == [*["approved"] * 5, "proposed"]


def test_the_panel_shows_why_and_changes_the_receiver(house, visit):
    page = visit(house.base)
    page.locator(f"{row(house, 2)} [data-open]").click()
    panel = page.locator("#review-detail")
    expect(panel).to_contain_text(str(house.proposals[2].client))
    expect(panel).to_contain_text("Dias sem compra de 90 a 359")
    expect(page).to_have_url(re.compile(f"open={house.proposals[2].pk}$"))

    for height in (700, 900):  # it ends where the window does, so that its buttons are in sight
        page.set_viewport_size({"width": 1440, "height": height})
        page.evaluate("() => new Promise(requestAnimationFrame)")
        assert panel.evaluate("side => Math.abs(innerHeight - 20 - side.getBoundingClientRect().bottom)") < 1
    panel.locator("label.choice").nth(1).click()
    expect(panel.locator("input[name=to]").nth(1)).to_be_checked()
    panel.get_by_role("button", name="Aprovar").click()
    expect(page.locator(row(house, 2))).to_contain_text("V-18")
    expect(panel).to_contain_text("Aprovada")

    page.reload()
    expect(page.locator("#review-detail")).to_contain_text(str(house.proposals[2].client))


def test_filters_tabs_and_back_are_in_the_address(house, visit):
    page = visit(house.base)
    page.locator("[data-dialog=review-filters]").click()
    page.locator("#filter-q").fill("figueiredo")
    page.get_by_role("button", name="Filtrar").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=figueiredo"))
    page.get_by_label("Tirar o filtro Busca: figueiredo").click()
    expect(page.locator("[data-row]")).to_have_count(6)
    page.go_back()
    expect(page.locator("[data-row]")).to_have_count(1)


def test_everything_works_before_any_script(house, visit):
    page = visit(house.base, java_script_enabled=False)
    page.locator(f"{row(house, 0)} [name=approve]").click()
    expect(page.locator("#toasts")).to_contain_text("1 aprovada.")
    page.locator(f"{row(house, 1)} [name=reject]").click()
    page.get_by_label("Negociação em curso").check()
    page.get_by_role("button", name="Recusar", exact=True).click()
    page.check(f"{row(house, 2)} .pick")
    page.check(f"{row(house, 3)} .pick")
    page.locator("[data-bulk] [name=decision][value=approve]").click()
    assert states(house) == ["approved", "rejected", "approved", "approved", "proposed", "proposed"]
    page.locator("[data-dialog=review-filters]").click()
    page.locator("#filter-q").fill("figueiredo")
    page.get_by_role("button", name="Filtrar").click()
    expect(page.get_by_text("Nenhuma proposta com este filtro")).to_be_visible()


def test_applying_is_followed_to_its_result_and_can_be_reversed(house, visit):
    with acting_for(house.organization.pk):
        Proposal.objects.exclude(pk=house.proposals[5].pk).update(state="approved", decided_by=house.admin)
    page = visit(house.base)
    page.get_by_role("link", name="Aplicar 5 aprovadas…").click()
    page.get_by_role("button", name="Aplicar 5 agora").click()
    expect(page.locator("#job")).to_contain_text("0 de 5")

    assert apply_run(house.run.pk, house.organization.pk).applied == 5

    expect(page.locator("#job")).to_contain_text("5 aplicadas", timeout=10_000)
    page.get_by_role("link", name="Reverter lote…").click()
    page.get_by_role("button", name="Reverter 5 clientes").click()
    expect(page.locator("#job")).to_contain_text("Devolvendo clientes")
    with acting_for(house.organization.pk):
        reversal = Run.objects.get(kind=Run.Kind.REVERSAL)
    apply_run(reversal.pk, house.organization.pk)
    expect(page.locator("#job")).to_contain_text("5 clientes voltaram a quem os tinha", timeout=10_000)


PAGES = {
    "runs": "/o/vale-verde/rotation/",
    "start": "/o/vale-verde/rotation/start/",
    "review": "{base}",
    "open": "{base}?open={proposal}",
    "load": "{base}?view=load",
    "empty": "{base}?q=nada",
    "apply": "{base}apply/",
    "rules": "/o/vale-verde/rules/",
    "new": "/o/vale-verde/rules/new/",
    "rule": "/o/vale-verde/rules/{rule}/",
    "versions": "/o/vale-verde/rules/{rule}/versions/",
    "publish": "/o/vale-verde/rules/{rule}/publish/",
    "definition": "/o/vale-verde/rules/{rule}/definition/",
    "backtest": "/o/vale-verde/rules/{rule}/backtest/",
    "outcome": "/o/vale-verde/rules/{rule}/outcome/",
    "job": "{base}job/",
    "result": "{base}outcome/",
    "figures": "{base}figures/",
    "filters": "{base}filters/",
    "prediction": "/o/vale-verde/rotation/prediction/",
    "clients": "/o/vale-verde/clients/",
}


@pytest.mark.slow
def test_axe_finds_nothing_in_either_theme_at_any_width(house, visit):
    with acting_for(house.organization.pk):
        RuleVersionFactory(
            rule=house.rule, number=2, state="draft", definition=house.definition | {"name": "Outro"}, created_by=house.admin
        )
        Proposal.objects.filter(pk=house.proposals[3].pk).update(state="approved", decided_by=house.admin, decided_at="2026-10-05T12:00Z")
    wrong, page = {}, None
    for name in PAGES:
        address = PAGES[name].format(base=house.base, proposal=house.proposals[1].pk, rule=house.rule.pk)
        page = page or visit(address)
        opened(page, address)
        wrong[name] = faults_of(page)
    assert {name: found for name, found in wrong.items() if found} == {}
