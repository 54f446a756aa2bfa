"""After a large load the planner checks foreign keys through the primary key, before autovacuum has come by."""

import pytest
from django.db import connection

from clients.models import Client
from clients.services.statistics import look_again_at_parties


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
