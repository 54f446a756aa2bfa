"""Both health addresses, with real parts taken away."""

import pytest
from django.conf import settings
from django.db import connections

from carteira import health
from carteira.heartbeat import note


@pytest.fixture
def beating():
    """Beat and sweeper were alive just now."""
    for name in ("beat", "sweeper"):
        note(settings.REDIS_URL, name)


def ready(client) -> tuple[int, dict]:
    health._migrations_on_disk()  # read once per process, before the budget of a second begins
    response = client.get("/readyz")
    return response.status_code, response.json()["checks"]


def test_healthz_asks_nothing_of_anyone(client, django_db_blocker):
    with django_db_blocker.block():
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db(transaction=True)
def test_readyz_is_green_when_every_part_answers(client, beating):
    everything = dict.fromkeys(("database", "migrations", "redis", "beat", "sweeper"), "ok")
    assert ready(client) == (200, everything)


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_silent_beat(client, beating, monkeypatch):
    monkeypatch.setattr("carteira.heartbeat.HEARTBEAT", "carteira:heartbeat:nobody:")
    status, checks = ready(client)
    assert (status, checks["beat"], checks["sweeper"], checks["redis"]) == (503, "fail", "fail", "ok")


@pytest.mark.django_db(transaction=True)
def test_readyz_names_redis_when_it_is_gone(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    status, checks = ready(client)
    assert (status, checks["redis"], checks["database"]) == (503, "fail", "ok")


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_database_that_is_gone(client, beating, monkeypatch):
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "/nowhere")
    status, checks = ready(client)
    assert (status, checks["database"], checks["migrations"], checks["redis"]) == (503, "fail", "fail", "ok")


@pytest.mark.django_db(transaction=True)
def test_readyz_refuses_a_role_that_can_see_over_the_walls(client, beating, monkeypatch):
    owner = connections["owner"].settings_dict
    for name in ("USER", "PASSWORD"):
        monkeypatch.setitem(connections["default"].settings_dict, name, owner[name])
    status, checks = ready(client)
    assert (status, checks["database"], checks["migrations"]) == (503, "fail", "ok")


@pytest.mark.django_db(transaction=True)
def test_readyz_sees_a_migration_that_was_not_applied(client, beating, monkeypatch):
    monkeypatch.setattr(health, "_migrations_on_disk", lambda: frozenset({("accounts", "9999_tomorrow")}))
    status, checks = ready(client)
    assert (status, checks["migrations"], checks["database"]) == (503, "fail", "ok")
