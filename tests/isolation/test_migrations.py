"""Migrations run as the owner, forwards, back to nothing and forwards again, with data in the tables."""

from contextlib import nullcontext

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from accounts.tenancy import tenant_atomic
from accounts.tenancy.migrating import constraints_in_place, each_model_alone
from clients.models import Contact
from tests import databases
from tests.factories import ClientFactory
from tests.isolation.planting import TENANT_MODELS, plant

OURS = ["rotation", "portfolio", "clients", "accounts"]


def test_migrate_refuses_the_applications_connection(db):
    with pytest.raises(CommandError, match="owner's connection only"):
        call_command("migrate", database="default", verbosity=0)


@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_a_foreign_key_over_a_bad_row_fails_for_the_owner(organization, other):
    """The owner sees every row, so validation does not pass by over the ones a policy would hide."""
    with tenant_atomic(other.pk):
        theirs = ClientFactory()
    with tenant_atomic(organization.pk):
        contact = Contact.objects.create(organization=organization, client=ClientFactory(), name="Ana")
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE clients_contact DROP CONSTRAINT contact_client_fk")
        cursor.execute("UPDATE clients_contact SET client_id = %s WHERE id = %s", [theirs.pk, contact.pk])
        again = (
            "ALTER TABLE clients_contact ADD CONSTRAINT contact_client_fk FOREIGN KEY (organization_id, client_id)"
            " REFERENCES clients_client (organization_id, id) DEFERRABLE INITIALLY IMMEDIATE"
        )
        try:
            with pytest.raises(Exception, match="violates foreign key constraint"):
                cursor.execute(again)
        finally:
            cursor.execute("DELETE FROM clients_contact WHERE id = %s", [contact.pk])
            cursor.execute(again)


@pytest.mark.django_db(databases=["default", "owner"])
def test_no_query_of_a_migration_can_be_thinned_by_a_policy():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SHOW row_security")
        assert cursor.fetchone() == ("off",)


@pytest.mark.slow
@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_migrations_go_forwards_to_zero_and_forwards_with_data(organization, other):
    plant(organization, "canaryone")
    plant(other, "canarytwo")
    owner = connections["owner"]

    def tables() -> set[str]:
        with owner.cursor() as cursor:
            return set(owner.introspection.table_names(cursor))

    for app in OURS:  # from the highest app down, so that each step has rows of the apps below
        call_command("migrate", app, "zero", database="owner", verbosity=0)
    try:
        assert not {model._meta.db_table for model in TENANT_MODELS} & tables()
        with owner.cursor() as cursor:
            cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'carteira%%'")
            left = {name for (name,) in cursor.fetchall()}
        assert left <= {"carteira_append_only"}  # shared by several tables; made again with CREATE OR REPLACE
    finally:
        call_command("migrate", database="owner", verbosity=0)
    assert {model._meta.db_table for model in TENANT_MODELS} <= tables()
    with tenant_atomic(7_000_000):
        assert Contact.objects.count() == 0  # grants and policies are back


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_application_cannot_migrate_even_by_hand():
    with pytest.raises(Exception, match=r"permission denied|must be owner") as refusal, connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE clients_client DISABLE ROW LEVEL SECURITY")
    assert isinstance(refusal.value.__cause__, psycopg2.Error)


@pytest.mark.slow
@pytest.mark.django_db(databases=["default", "owner"])
def test_constraints_noted_in_place_are_those_of_the_models():
    """The historical classes of the last state, kept up to date in place, say what the models say."""
    owner = connections["owner"]
    with constraints_in_place(), each_model_alone():
        loader = MigrationLoader(owner)
        state = ProjectState(real_apps=loader.unmigrated_apps)
        for node in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
            state = loader.graph.nodes[node].mutate_state(state, preserve=False)
            assert state.apps  # made, and from here on kept up to date
    for model in TENANT_MODELS:
        historical = state.apps.get_model(model._meta.label)
        for option in ("constraints", "indexes"):
            ours = {each.name for each in getattr(model._meta, option)}
            assert {each.name for each in getattr(historical._meta, option)} == ours, (model, option)


@pytest.mark.faults
def test_an_empty_database_gets_the_schema_it_gets_from_django_alone(django_db_setup, django_db_blocker, monkeypatch):
    """What is left out of a first migrate is work, not a table, column, key, policy or function."""

    def schema() -> list[str]:
        database = connections["owner"].settings_dict["NAME"] + "_again"
        with databases._as_owner() as cursor:
            databases._create(cursor, database)
        mine = connections["owner"].settings_dict["NAME"]
        try:
            databases._migrate(database)
            found = []
            with databases._as_owner(database) as cursor:
                for question in SCHEMA:
                    cursor.execute(question)
                    found += sorted(map(str, cursor.fetchall()))
            return found
        finally:
            databases._connect_to(mine)
            with databases._as_owner() as cursor:
                databases._drop(cursor, database)

    with django_db_blocker.unblock():
        quick = schema()
        monkeypatch.setattr("accounts.management.commands.migrate.each_model_alone", nullcontext)
        assert len(quick) > 2_000
        assert quick == schema()


SCHEMA = [
    "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, generation_expression"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT * FROM pg_policies WHERE schemaname = 'public'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'",
    "SELECT relname, relacl, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace",
]
