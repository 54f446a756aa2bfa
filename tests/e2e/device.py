"""A representative's phone in the tests: the site behind a road on which things go wrong, and questions to the device."""

from datetime import date
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from accounts.tenancy import tenant_atomic
from tests.e2e import offline_urls
from tests.e2e.faulty import Road
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, make_member

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
BASE = "/o/vale-verde/try/"
# Asked again and again inside the page until it is so; a state of the device, never a pause.
UNTIL = """async ([wanted]) => {
  const found = async () => %s;
  let last;
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 25))) {
    last = JSON.stringify(await found());
    if (last === wanted) return;
  }
  throw new Error(`still ${last}, not ${wanted}`);
}"""
PAGES = """(await Promise.all((await caches.keys()).filter((name) => name.startsWith("pages/"))
  .map(async (name) => (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)))).flat().sort()"""
STATES = "(await outbox.rows()).map((row) => row.state)"


def until(page, found: str, wanted) -> None:
    """Wait until the JavaScript expression ``found`` is ``wanted`` in the page."""
    import json

    page.evaluate(UNTIL % found, [json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)])


def keeps(page, *paths: str) -> None:
    """Wait until exactly these pages are kept, beside the two that are built on the device."""
    until(page, PAGES, sorted([*paths, "/o/vale-verde/offline/", "/o/vale-verde/outbox/"]))


@pytest.fixture
def patience() -> int:
    """How long the worker waits for a page it keeps an older copy of: on a busy machine 3 s are soon over."""
    return 120_000


@pytest.fixture
def road(live, settings, tmp_path, monkeypatch, patience):
    monkeypatch.setattr("accounts.offline.PATIENCE_MS", patience)
    settings.ROOT_URLCONF = "tests.e2e.offline_urls"
    settings.MEDIA_ROOT = tmp_path
    offline_urls.forget()
    road = Road(live)
    yield road
    road.close()


@pytest.fixture
def house(organization):
    """Ana and Bruno, who sell, and a client of Ana's."""
    with tenant_atomic(organization.pk):
        ana, bruno = (
            make_member(organization, "representative", email=f"{name}@vale-verde.example", name=name) for name in ("ana", "bruno")
        )
        first, second = RepresentativeFactory(name="Ana", membership=ana), RepresentativeFactory(name="Bruno", membership=bruno)
        client = ClientFactory(name="Empório Serra Clara", representative=first)
        OwnershipFactory(client=client, representative=first, started_on=date(2025, 1, 1))
    return SimpleNamespace(ana=ana, bruno=bruno, first=first, second=second, client=client)


@pytest.fixture
def open_phone(road, house, new_page, sign_in):
    """``open_phone()`` gives Ana's phone on the first page; ``worker=False`` leaves the service worker out."""

    def open_one(path: str = f"{BASE}1/", *, worker: bool = True):
        page = new_page(width=390, height=844, base_url=road.url, service_workers="allow" if worker else "block")
        sign_in(page, house.ana, road.url)
        page.goto(path)
        return page

    return open_one


@pytest.fixture
def phone(open_phone):
    """Ana's phone once its worker keeps the day's pages."""
    page = open_phone()
    keeps(page, f"{BASE}1/", f"{BASE}2/", f"{BASE}3/")
    page.goto(f"{BASE}1/")
    return page


def fill(page, note: str) -> None:
    page.get_by_label("Vendeu", exact=True).check()
    page.get_by_label("Nota").fill(note)


def save(page, note: str) -> None:
    """Type a visit and save it; what follows is for the caller to expect."""
    fill(page, note)
    page.get_by_role("button", name="Salvar").click()
