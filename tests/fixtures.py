"""Fixtures about organizations and the people in them (a pytest plugin, named in pyproject.toml)."""

import atexit
import functools
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.test import Client as Web

os.environ.setdefault("STATIC_PLAIN", "true")  # no collectstatic before the tests

BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
# Pages of one context share a process: starting one takes as long as showing a page.
FLAGS += ["--renderer-process-limit=1"]
# No page lives long enough to earn what its scripts' optimized form costs, axe's least of all.
FLAGS += ["--js-flags=--no-maglev --no-turbofan"]


@functools.cache
def _chromium(path: str):
    """Playwright starts once a process, whoever asks; its end is that of the process."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
    atexit.register(lambda: (chromium.close(), playwright.stop()))
    return chromium


@pytest.fixture(scope="session")
def browser():
    """The one Chromium of the session."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        pytest.skip("no Chromium on this machine: the browser tests do not run")
    return _chromium(found)


@pytest.fixture
def organization(db):
    """An organization nobody acts for yet."""
    from tests.factories import make_organization

    return make_organization("vale-verde", require_second_factor=False)


@pytest.fixture
def other(db):
    """A second organization, for what must not be seen."""
    from tests.factories import make_organization

    return make_organization("rio-claro", require_second_factor=False)


@pytest.fixture
def acting(organization) -> Iterator:
    """The organization, acted for while the test runs."""
    from accounts.tenancy import acting_for

    with acting_for(organization.pk):
        yield organization


@pytest.fixture
def web() -> Web:
    """An HTTP client nobody has signed in with, from an address that has not tried before."""
    from accounts.throttle import _redis

    for key in _redis().scan_iter("carteira:throttle:*"):
        _redis().delete(key)
    return Web(HTTP_HOST="localhost")


@pytest.fixture
def signed_in() -> Callable:
    """``signed_in(membership)`` gives an HTTP client with that person's session."""

    def sign_in(membership) -> Web:
        from accounts.tenancy import identity_atomic

        browser = Web(HTTP_HOST="localhost")
        with identity_atomic(user_id=membership.user_id):
            browser.force_login(membership.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return browser

    return sign_in
