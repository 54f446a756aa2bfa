"""What the planner does right after a large load, before autovacuum has come by."""

import pytest
from django.db import connection

from accounts.tenancy import acting_for
from clients.imports.kinds import lines_sql
from clients.models import Client
from clients.services.statistics import know_organization, look_again_at_parties


def plan_of_a_key_check(organization_id: int, client_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT 1 FROM ONLY clients_client x WHERE organization_id = %s AND id = %s FOR KEY SHARE OF x",
            [organization_id, client_id],
        )
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_foreign_key_to_a_client_is_checked_by_its_primary_key(acting):
    Client.objects.bulk_create([Client(organization=acting, code=f"C{n}", name=f"Cliente {n}") for n in range(3_000)])
    one = Client.objects.first()
    look_again_at_parties()
    plan = plan_of_a_key_check(acting.pk, one.pk)
    assert "client_pk" in plan, plan
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'clients_client'")
        assert cursor.fetchone()[0] >= 3_000


def scans(plan: dict, table: str) -> list[dict]:
    """Nodes of a plan that read ``table``."""
    found = [plan] if plan.get("Relation Name") == table else []
    return found + [node for below in plan.get("Plans", []) for node in scans(below, table)]


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_lines_of_a_first_import_are_gone_through_once(acting):
    """Products and orders came in the same transaction: the planner believes there is one of each, and that a loop is no worse than
    a join by hash. Here it has nothing else, so that the order of the loops is seen."""
    one = Client.objects.create(organization=acting, code="C1", name="Cliente")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients_product (organization_id, code, name, category, unit, season)"
            " SELECT %s, 'P' || n, 'P' || n, '', '', '' FROM generate_series(0, 274) n",
            [acting.pk],
        )
        cursor.execute(
            "INSERT INTO clients_order (organization_id, client_id, code, ordered_on, amount_cents, status)"
            " SELECT %s, %s, 'O' || n, '2026-01-05', n, 'valid' FROM generate_series(0, 999) n",
            [acting.pk, one.pk],
        )
        cursor.execute(
            "CREATE TEMP TABLE items ON COMMIT DROP AS SELECT n AS line, 1 AS times, 100::bigint AS amount_cents,"
            " 'O' || n % 1000 AS order_code, 'P' || n % 275 AS product_code, 1::numeric AS quantity, 1::numeric AS unit_price"
            " FROM generate_series(1, 4000) n; ANALYZE items"
        )
        cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + lines_sql.WANTED_ITEMS, {"organization": acting.pk})
        plan = cursor.fetchone()[0][0]["Plan"]
    assert plan["Actual Rows"] == 4000
    assert [node["Actual Loops"] for node in scans(plan, "items")] == [1]


def rows_expected(organization_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) SELECT 1 FROM clients_client WHERE organization_id = %s", [organization_id])
        return cursor.fetchone()[0][0]["Plan"]["Plan Rows"]


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_planner_gets_to_know_a_company_that_came_since_it_last_looked(organization, other):
    with acting_for(organization.pk):
        Client.objects.bulk_create([Client(organization=organization, code=f"C{n}", name=f"Cliente {n}") for n in range(2_000)])
        look_again_at_parties()
    with acting_for(other.pk):
        Client.objects.bulk_create([Client(organization=other, code=f"C{n}", name=f"Cliente {n}") for n in range(2_500)])
        assert rows_expected(other.pk) < 100
        assert know_organization(other.pk, many=1_000) >= 1
        assert rows_expected(other.pk) > 1_500
        assert know_organization(other.pk, many=1_000) == 0  # it knows now: nothing is read again
