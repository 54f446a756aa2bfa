"""The whole site in a real browser: Chromium over a live server, on the tests' own database as the application's role.

Every page drawn must obey the Content-Security-Policy and throw no script error; ``axe`` finds what keeps people out.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests import live as served
from tests.e2e.device import house, open_phone, patience, phone, road  # noqa: F401  fixtures of the offline tests
from tests.e2e.rooms import KINDS, PLAIN, Rooms

# Playwright keeps an event loop in this thread; the ORM would take it for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = Path(__file__).parent / "axe" / "axe.min.js"
served.BESIDE["axe.min.js"] = AXE
# As a file of the site, whose compiled form the browser keeps from page to page; without the site, only its text is left.
LOAD = """src => window.axe ? true : new Promise((done) => {
  const script = Object.assign(document.createElement("script"), {src});
  script.onload = script.onerror = () => { script.remove(); done(); };
  document.head.append(script);
}).then(() => Boolean(window.axe))"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Colours fade from one theme to the other; what is judged is where they arrive.
STILL = "const still = new CSSStyleSheet(); still.replaceSync('* { transition: none !important }'); document.adoptedStyleSheets = [still]"
WIDTHS = (320, 390, 768, 1440)
# Theme and width at which axe looks; in the short form each page is looked at in one of them, by the length of its address.
WAYS = [("dark", 390), ("light", 1440)]
LONG = os.environ.get("FAULTS") == "long"
if LONG:
    WAYS = [(scheme, width) for scheme in ("light", "dark") for width in WIDTHS]


@pytest.fixture
def live(transactional_db, live_server) -> str:
    """The address of the site, served from this test's database; rows made in the test are seen by the server."""
    from accounts.throttle import _redis

    for key in _redis().scan_iter("carteira:throttle:*"):
        _redis().delete(key)
    return live_server.url


@pytest.fixture(scope="session")
def rooms(browser, live_server) -> Rooms:
    """The browser's contexts that are kept from test to test."""
    return Rooms(browser, live_server.url)


@pytest.fixture
def new_page(browser, live, rooms) -> Iterator[Callable]:
    """``new_page(width=…)`` opens a browser of its own, as another person would; complaints of any fail the test.

    One that wants nothing special is a kept one, emptied (tests/e2e/rooms.py), unless ``own=True``.
    """
    contexts, taken, complaints = [], [], []

    def open_one(*, width: int = 1440, height: int = 900, own: bool = False, **options):
        if own or options.keys() - KINDS:
            # The worker fetches the whole shell in every new browser: only the tests about it let it in.
            options = {**PLAIN, "viewport": {"width": width, "height": height}, "base_url": live, "service_workers": "block", **options}
            contexts.append(browser.new_context(**options))
            page = contexts[-1].new_page()
        else:
            taken.append((options, rooms.take(options)))
            page = taken[-1][1].open(width, height)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: "Content Security Policy" in message.text and complaints.append(message.text))
        return page

    yield open_one
    for context in contexts:
        context.close()
    for kind, room in taken:
        rooms.give_back(kind, room)
    assert complaints == []


@pytest.fixture
def page(new_page):
    """One browser, nobody signed in."""
    return new_page()


@pytest.fixture
def sign_in(live) -> Callable:
    """``sign_in(page, membership)`` gives the page that person's session, as if they had just signed in."""

    def enter(page, membership, url: str = "") -> None:
        from django.test import Client as Web

        from accounts.tenancy import identity_atomic

        web = Web(HTTP_HOST="localhost")
        with identity_atomic(user_id=membership.user_id):
            web.force_login(membership.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": web.cookies[name].value, "url": url or live}])

    return enter


@pytest.fixture
def axe() -> Callable:
    """``axe(page)``: what keeps people out of the page as it stands, in both themes and at four widths, fails the test."""

    def check(page) -> None:
        assert faults_of(page) == {}

    return check


def faults_of(page) -> dict[tuple[str, int], list]:
    """What axe finds wrong in the page by theme and width, and the widths at which it scrolls sideways; {} where all is well.

    One of the eight ways is asked of each page, half of the pages on a phone in the dark and half on a desktop in the light:
    all of them on every page would take as long as the rest of the suite. FAULTS=long asks everything everywhere.
    """
    if not page.evaluate(LOAD, f"{settings.STATIC_URL}{AXE.name}"):
        page.evaluate(f"if (!window.axe) {{ {AXE.read_text(encoding='utf-8')} }}")
    page.evaluate(STILL)
    wrong, ways = {}, WAYS if LONG else [WAYS[len(page.url) % 2]]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if (beyond := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            wrong["any", width] = [("scrolls sideways", beyond)]
        for scheme in [scheme for scheme, each in ways if each == width]:
            page.emulate_media(color_scheme=scheme)
            result = page.evaluate("wanted => axe.run(wanted)", {"runOnly": TAGS, "resultTypes": ["violations"]})
            if found := [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in result["violations"]]:
                wrong[scheme, width] = found
    return wrong
