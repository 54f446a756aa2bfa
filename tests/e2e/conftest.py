"""The whole site in a real browser: Chromium over a live server, on the tests' own database as the application's role.

Every page drawn must obey the Content-Security-Policy and throw no script error; ``axe`` finds what keeps people out.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

# Playwright keeps an event loop in this thread; the ORM would take it for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = Path(__file__).parent / "axe" / "axe.min.js"
WIDTHS, THEMES = (320, 390, 768, 1440), ("light", "dark")


@pytest.fixture
def live(transactional_db, live_server) -> str:
    """The address of the site, served from this test's database; rows made in the test are seen by the server."""
    from accounts.throttle import _redis

    for key in _redis().scan_iter("carteira:throttle:*"):
        _redis().delete(key)
    return live_server.url


@pytest.fixture
def new_page(browser, live) -> Iterator[Callable]:
    """``new_page(width=…)`` opens a browser of its own, as another person would; complaints of any fail the test."""
    contexts, complaints = [], []

    def open_one(*, width: int = 1440, height: int = 900, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=live, locale="pt-BR", reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: "Content Security Policy" in message.text and complaints.append(message.text))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(new_page):
    """One browser, nobody signed in."""
    return new_page()


@pytest.fixture
def sign_in(live) -> Callable:
    """``sign_in(page, membership)`` gives the page that person's session, as if they had just signed in."""

    def enter(page, membership) -> None:
        from django.test import Client as Web

        from accounts.tenancy import identity_atomic

        web = Web(HTTP_HOST="localhost")
        with identity_atomic(user_id=membership.user_id):
            web.force_login(membership.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": web.cookies[name].value, "url": live}])

    return enter


@pytest.fixture
def axe() -> Callable:
    """``axe(page)`` runs the accessibility rules in both themes at four widths; what they find fails the test."""

    def check(page, *, widths=WIDTHS, themes=THEMES) -> None:
        found = []
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            for width in widths:
                page.set_viewport_size({"width": width, "height": 900})
                # Not a script element: the policy of the site would refuse it, and it should.
                page.evaluate(AXE.read_text())
                result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
                found += [(theme, width, each["id"], each["nodes"][0]["html"][:160]) for each in result["violations"]]
                beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if beyond > 0:
                    found.append((theme, width, "scrolls sideways", beyond))
        assert found == []

    return check
