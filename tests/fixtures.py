"""Fixtures about organizations and the people in them (a pytest plugin, named in pyproject.toml)."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.test import Client as Web

os.environ.setdefault("STATIC_PLAIN", "true")  # no collectstatic before the tests


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
