"""The test set-up itself: whom the tests run as, and what one leaves to the next."""

import os

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import ProgrammingError, connection, connections

from accounts.models import AuditEvent, Organization
from accounts.services.audit import Actor, record_event
from accounts.tenancy import acting_for
from accounts.tenancy.checks import role_faults
from tests import databases
from tests.embedded_plugin import redis_of_worker


@pytest.mark.django_db
def test_tests_run_as_a_role_that_cannot_see_over_the_walls():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        user, database = cursor.fetchone()
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    assert (user, role_faults()) == (settings.DATABASES["default"]["USER"], [])
    assert database.startswith("test_") and database.endswith(worker or "carteira")


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["TRUNCATE accounts_organization CASCADE", "CREATE TABLE mine ()", "DELETE FROM django_migrations"])
def test_that_role_may_not_touch_the_house_itself(statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_committed_test_leaves_nothing_behind_not_even_what_is_append_only(organization):
    with acting_for(organization.pk):
        record_event("organization", "tried", by=Actor(None, "test"))
        assert AuditEvent.objects.exists()

    databases.empty_tables()

    assert not Organization.objects.using("owner").exists()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_auditevent")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) > 0 FROM django_content_type")
        assert cursor.fetchone() == (True,)
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'")
        assert cursor.fetchone() == (0,)


def test_migrations_run_on_the_owners_connection_only():
    with pytest.raises(CommandError, match="owner's connection only"):
        call_command("migrate", database="default", verbosity=0)


def test_each_worker_has_a_redis_database_of_its_own():
    assert redis_of_worker("unix://:p@/a/redis.sock?db=0", "gw0") == "unix://:p@/a/redis.sock?db=1"
    assert redis_of_worker("redis://:p@host:6379/0", "gw1") == "redis://:p@host:6379/2"
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert redis.Redis.from_url(settings.REDIS_URL).connection_pool.connection_kwargs["db"] > 0
