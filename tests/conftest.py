"""Fixtures every test shares; tests/databases.py says as whom the tests run."""

import pytest
from django.conf import settings
from django.test import TransactionTestCase

from tests import databases, draws, live  # noqa: F401  draws: before any property is decorated

settings.PASSWORD_HASHERS = ["tests.hashers.QuickArgon2"]


@pytest.fixture(scope="session")
def django_db_setup(request, django_test_environment, django_db_blocker):
    """Databases of this worker, made by the owner and used by the application's role."""
    worker = getattr(request.config, "workerinput", {}).get("workerid")
    with django_db_blocker.unblock():
        databases.prepare(worker)


@pytest.fixture(scope="session")
def live_server():
    """The site for browsers (pytest-django's, with the server of tests/live.py)."""
    with live.serving() as server:
        yield server


def _empty_as_owner(self: TransactionTestCase) -> None:
    databases.empty_tables()
    databases.renew_connections()


# Django would flush through ``default``, whose role may not TRUNCATE.
TransactionTestCase._fixture_teardown = _empty_as_owner  # type: ignore[method-assign]
# And it would close the connections, which are left as new instead.
TransactionTestCase._should_reload_connections = lambda self: False  # type: ignore[method-assign]
