"""Each tenant table, by raw SQL and through the ORM: another organization's rows cannot be read, made, changed, moved or removed."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.tenancy import NoTenant, tenant_atomic
from tests.isolation.planting import TENANT_MODELS, plant

QUIET = {"Membership", "ApiToken"}


@pytest.fixture
def two(organization, other):
    return organization, other, plant(organization, "canaryone"), plant(other, "canarytwo")


def attempt(sql: str, *parameters) -> int:
    """Rows the statement touched; a refusal by the database counts as none."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.rowcount
    except DatabaseError:
        return 0


def test_there_is_something_to_leak(two):
    _one, _two, mine, theirs = two
    assert set(mine) == set(theirs) == set(TENANT_MODELS)


def test_raw_sql_reaches_no_row_of_another_organization(two):
    organization, other, _mine, theirs = two
    leaks = []
    with tenant_atomic(organization.pk):
        for model, row in theirs.items():
            table = connection.ops.quote_name(model._meta.db_table)
            tries = {
                "select": attempt(f"SELECT * FROM {table} WHERE organization_id = %s", other.pk),
                "select by id": attempt(f"SELECT * FROM {table} WHERE id = %s AND organization_id <> %s", row.pk, organization.pk),
                "update": attempt(f"UPDATE {table} SET id = id WHERE organization_id = %s", other.pk),
                "delete": attempt(f"DELETE FROM {table} WHERE organization_id = %s", other.pk),
                "move in": attempt(f"UPDATE {table} SET organization_id = %s WHERE organization_id = %s", organization.pk, other.pk),
                "move out": attempt(f"UPDATE {table} SET organization_id = %s", other.pk),
            }
            leaks += [(table, act, count) for act, count in tries.items() if count]
    assert leaks == []


def test_raw_sql_sees_exactly_the_own_rows(two):
    organization, _other, mine, _theirs = two
    with tenant_atomic(organization.pk), connection.cursor() as cursor:
        for model in mine:
            cursor.execute(f"SELECT DISTINCT organization_id FROM {connection.ops.quote_name(model._meta.db_table)}")
            assert cursor.fetchall() == [(organization.pk,)], model


def test_a_row_cannot_be_inserted_for_another_organization(two):
    organization, other, mine, _theirs = two
    with tenant_atomic(organization.pk):
        for model in mine:
            columns = [
                field.column
                for field in model._meta.concrete_fields
                if not field.generated and field.column not in {"id", "organization_id"}
            ]
            names = ", ".join(connection.ops.quote_name(column) for column in columns)
            table = connection.ops.quote_name(model._meta.db_table)
            sql = f"INSERT INTO {table} (organization_id, {names}) SELECT %s, {names} FROM {table} LIMIT 1"
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, [other.pk])


def test_no_row_can_point_at_another_organizations_row(two):
    organization, _other, mine, theirs = two
    tried = 0
    with tenant_atomic(organization.pk):
        for model, row in mine.items():
            for field in model._meta.concrete_fields:
                target = field.remote_field and field.remote_field.model
                if target not in theirs or field.name == "organization" or model.__name__ in {"AuditEvent", "Decision", "Ownership"}:
                    continue  # the append-only ones refuse every update, whatever it says
                tried += 1
                table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(field.column)
                sql = f"UPDATE {table} SET {column} = %s WHERE id = %s"
                with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(sql, [theirs[target].pk, row.pk])
    assert tried > 20


def test_without_an_organization_sql_is_an_error_and_the_orm_refuses(two):
    for model in TENANT_MODELS:
        with pytest.raises(NoTenant):
            model.objects.count()
        table = connection.ops.quote_name(model._meta.db_table)
        if model.__name__ in QUIET:
            assert attempt(f"SELECT * FROM {table}") == 0
            continue
        with (
            pytest.raises(DatabaseError, match=r"app\.organization_id|invalid input syntax"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SELECT * FROM {table}")


def test_the_orm_keeps_to_the_active_organization(two):
    organization, _other, mine, theirs = two
    with tenant_atomic(organization.pk):
        for model, row in mine.items():
            assert set(model.objects.values_list("organization_id", flat=True)) == {organization.pk}
            assert not model.objects.filter(pk=theirs[model].pk).exclude(pk=row.pk).exists()
