"""The whole review in a real browser: thirty decisions from the keyboard, a filter decided while somebody else works, map and load."""

import re
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from clients.models import Client
from rotation.models import Decision, Proposal, RefusalReason
from rotation.services.decisions import decide
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import RepresentativeFactory, TeamFactory, make_member, make_organization
from tests.front.conftest import browser  # noqa: F401  the one Chromium of the session
from tests.rotation.factories import ProposalFactory, RuleFactory, RuleVersionFactory, RunFactory

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
BASES = {"V-04 Campinas": (-22.9, -47.06), "V-09 Ribeirão Preto": (-21.17, -47.81)}
N = 34


@pytest.fixture
def desk(transactional_db):
    """A run in review: thirty-four proposals, half about Campinas and half about Ribeirão Preto, one of them with a caveat."""
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        team = TeamFactory()
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        manager = make_member(organization, Role.MANAGER, name="Paulo Reis", team=team)
        ana, bruno = (
            RepresentativeFactory(code=name[:4], name=name[5:], base_city=name[5:], team=team, latitude=latitude, longitude=longitude)
            for name, (latitude, longitude) in BASES.items()
        )
        version = RuleVersionFactory(rule=RuleFactory(name="Inativo 90+ dias"), created_by=admin, published_by=admin)
        run = RunFactory(version=version)
        RefusalReason.objects.create(label="Negociação em curso")
        proposals = [
            ProposalFactory(
                run=run,
                rule_version=version,
                from_representative=ana,
                to_representative=bruno,
                caveats=["farther"] if n == 2 else [],
            )
            for n in range(N)
        ]
        for n, proposal in enumerate(proposals):
            south, west = BASES["V-04 Campinas" if n % 2 else "V-09 Ribeirão Preto"]
            place = {"latitude": south + 0.01 * n, "longitude": west + 0.008 * n}
            Client.objects.filter(pk=proposal.client_id).update(name=f"Mercado {n:02d}", **place)
    base = f"/o/vale-verde/rotation/{run.pk}/"
    return SimpleNamespace(organization=organization, admin=admin, manager=manager, run=run, proposals=proposals, base=base)


@pytest.fixture
def visit(desk, new_page, sign_in):
    def go(address: str, **options):
        page = new_page(**options)
        sign_in(page, desk.admin)
        page.goto(address)
        return page

    return go


def states(desk) -> list[str]:
    with acting_for(desk.organization.pk):
        return list(Proposal.objects.order_by("pk").values_list("state", flat=True))


def tab(page, name: str):
    return page.locator("#review-tabs .tab", has_text=name).locator(".count")


def row(desk, n: int) -> str:
    return f"#proposal-{desk.proposals[n].pk}"


def test_thirty_decisions_by_keyboard_alone(desk, visit):
    page = visit(desk.base)
    keys = page.keyboard
    keys.press("j")
    expect(page.locator(row(desk, 1))).to_be_focused()
    keys.press("k")
    expect(page.locator(row(desk, 0))).to_be_focused()
    # Twenty-four one after the other: approve, except every fifth, postponed. The focus goes on by itself.
    for n in range(24):
        keys.press("d" if n % 5 == 4 else "a")
        expect(page.locator(row(desk, n))).to_contain_text("Adiada" if n % 5 == 4 else "Aprovada")
        expect(page.locator(row(desk, n + 1))).to_be_focused()
    # Refuse with its reason, all from the keys.
    keys.press("r")
    expect(page.get_by_label("Negociação em curso")).to_be_focused()
    keys.press("Space")
    keys.press("Control+Enter")
    expect(page.locator(row(desk, 24))).to_contain_text("Recusada")
    expect(page.locator(row(desk, 25))).to_be_focused()
    # Undo takes back the last, though its message was closed long ago.
    page.locator("toast-note [data-close]").last.press("Enter")
    expect(tab(page, "Recusadas")).to_have_text("1")
    page.locator(row(desk, 25)).focus()
    keys.press("z")
    expect(tab(page, "Recusadas")).to_have_text("0")
    expect(page.locator("[data-row]").first).to_have_attribute("data-row", str(desk.proposals[24].pk))
    # A range of five, approved at once; Escape lets go of another.
    page.locator(row(desk, 24)).focus()
    for key in ("x", "j", "j", "j", "j", "Shift+X"):
        keys.press(key)
    expect(page.locator("[data-bulk] [data-count]").first).to_have_text("5")
    keys.press("a")
    expect(tab(page, "Aprovadas")).to_have_text("25")
    page.locator("[data-row]").first.focus()
    keys.press("x")
    expect(page.locator("[data-bulk][data-open]")).to_have_count(1)
    keys.press("Escape")
    expect(page.locator("[data-bulk][data-open]")).to_have_count(0)
    # Enter opens the row's card, V the map.
    page.locator(row(desk, 30)).focus()
    keys.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("Mercado 30")
    keys.press("v")
    expect(page.locator("rotation-map canvas")).to_be_visible()
    with acting_for(desk.organization.pk):
        assert Proposal.objects.filter(state="approved").count() == 25
        assert Proposal.objects.filter(postponed_at__isnull=False).count() == 4
        assert list(Decision.objects.filter(action="reopen").values_list("from_state", "to_state")) == [("rejected", "proposed")]


def test_after_the_last_row_of_a_page_the_keys_go_on_to_the_next(desk, visit):
    page = visit(f"{desk.base}?size=25")
    page.locator(row(desk, 24)).focus()
    page.keyboard.press("a")
    expect(page.locator(row(desk, 24))).to_contain_text("Aprovada")
    expect(page.get_by_role("link", name="Próxima")).to_be_focused()
    # A key that was already down when the rows came finds their buttons answering.
    page.evaluate(
        """wanted => new MutationObserver((_, watch) => {
          if (!document.getElementById(wanted)) return;
          watch.disconnect();
          document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true, cancelable: true }));
        }).observe(document.body, { childList: true, subtree: true })""",
        row(desk, 25)[1:],
    )
    page.keyboard.press("Enter")
    expect(page.locator(row(desk, 25))).to_contain_text("Aprovada")
    expect(page.locator(row(desk, 26))).to_be_focused()


def test_a_filter_approved_while_somebody_else_decides(desk, visit):
    page = visit(f"{desk.base}?q=mercado")
    page.check(f"{row(desk, 0)} .pick")
    page.get_by_role("button", name=f"Selecionar as {N} do filtro").click()
    expect(page.locator("[data-bulk] [data-act=approve]")).to_be_focused()  # the button pressed is gone
    with acting_for(desk.organization.pk):
        theirs = Proposal.objects.filter(pk__in=[each.pk for each in desk.proposals[:3]])
        decide(theirs, "reject", by=desk.manager, at=timezone.now(), reason="Negociação em curso")
        decide(Proposal.objects.filter(pk=desk.proposals[3].pk), "postpone", by=desk.manager, at=timezone.now())
    page.locator("[data-bulk] [data-act=approve]").click()
    asked = page.locator("dialog[open]")
    expect(asked).to_contain_text("4 mudaram desde então e ficam de fora.")
    asked.get_by_role("button", name=re.compile("^Aprovar")).click()
    expect(tab(page, "Aprovadas")).to_have_text(str(N - 4))
    waiting = page.locator(".sidebar [data-count-of='rotation/']")
    expect(waiting).to_be_hidden()  # only the postponed one is left
    page.keyboard.press("z")
    expect(waiting).to_have_text(str(N - 4))
    assert states(desk) == ["rejected"] * 3 + ["proposed"] * (N - 3)


def test_the_map_lists_what_it_shows_and_decides_it(desk, visit):
    page = visit(f"{desk.base}?view=map")
    area = page.locator("#map-area")
    expect(page.locator(".leaflet-tooltip")).to_have_count(2)
    expect(area).to_contain_text(f"{N} propostas")
    expect(area.locator("h2")).to_have_text("Neste filtro")
    page.locator(".leaflet-control-zoom-in").click()
    expect(area.locator("h2")).to_have_text("Na área visível")
    expect(page).to_have_url(re.compile("box="))
    # The address alone says where one looks: about Ribeirão Preto.
    page.goto(f"{desk.base}?view=map&box=-21.4,-48.1,-20.6,-47.2")
    expect(page.locator("rotation-map canvas")).to_be_visible()
    expect(area).to_contain_text("17 propostas")
    # One opened from the list beside it and decided by its key.
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("Mercado 00")
    page.keyboard.press("a")
    expect(tab(page, "Aprovadas")).to_have_text("1")
    expect(area).to_contain_text("16 propostas")
    # The area as a whole: the one with a caveat stays.
    area.get_by_role("button", name="Aprovar 16…").click()
    page.locator("dialog[open]").get_by_role("button", name="Aprovar 15").click()
    expect(tab(page, "Aprovadas")).to_have_text("16")
    expect(page.locator("dialog[open]")).to_have_count(0)
    area.get_by_role("link", name="Ver na lista").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.get_by_label("Tirar o filtro Na área do mapa")).to_be_visible()


def test_load_in_three_measures_and_a_comment(desk, visit):
    page = visit(f"{desk.base}?view=load")
    table = page.locator(".load-table")
    expect(table).to_contain_text(f"{N} → 0")
    page.get_by_role("link", name="Minutos por semana").click()
    expect(page).to_have_url(re.compile("measure=minutes"))
    expect(page.locator(".load-chart figcaption")).to_contain_text("Minutos por semana")
    page.get_by_role("link", name="V-09 Ribeirão Preto").click()
    page.get_by_role("link", name="Mercado 05", exact=True).click()
    expect(page.locator("#detail-title")).to_have_text("Mercado 05")
    page.get_by_label("Comentário", exact=True).fill("O dono volta em dezembro.")
    page.get_by_role("button", name="Enviar comentário").click()
    expect(page.locator("#review-detail q")).to_have_text("O dono volta em dezembro.")


def test_axe_finds_nothing_on_map_load_and_panel(desk, visit):
    with acting_for(desk.organization.pk):
        done = Proposal.objects.filter(pk=desk.proposals[3].pk)
        decide(done, "reject", by=desk.manager, at=timezone.now(), reason="Negociação em curso", note="até maio")
    wrong, page = {}, visit(f"{desk.base}?view=map&open={desk.proposals[1].pk}", bypass_csp=True)
    for query in (f"?view=map&open={desk.proposals[1].pk}", "?view=load&measure=revenue", f"?tab=all&open={desk.proposals[3].pk}"):
        opened(page, f"{desk.base}{query}")
        if "map" in query:
            expect(page.locator("rotation-map canvas")).to_be_visible()
        wrong[query] = faults_of(page)
    assert {query: found for query, found in wrong.items() if found} == {}
