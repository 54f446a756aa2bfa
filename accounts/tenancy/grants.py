"""What the application's role may do, granted again after every migration by the owner."""

from django.apps import apps
from django.conf import settings
from django.db import connections

from accounts.tenancy.constraints import AppendOnly

# Definer functions the application may call; each is allowed by name in tests/isolation too.
FUNCTIONS = ("organizations_due()", "carteira_fresh_statistics()", "carteira_know_organization(bigint, integer)", "carteira_members()")


def grant_to_application(sender=None, using: str = "owner", **kwargs) -> None:
    """``post_migrate``: read and write rows, never truncate (it ignores policies), never change append-only history."""
    if using != "owner":
        return
    role = settings.DATABASES["default"]["USER"]
    with connections[using].cursor() as cursor:
        quoted = connections[using].ops.quote_name(role)
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
        tables = set(connections[using].introspection.table_names(cursor))
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {quoted}")
        for model in apps.get_models():
            table = model._meta.db_table
            if table in tables and any(isinstance(each, AppendOnly) for each in model._meta.constraints):
                cursor.execute(f"REVOKE UPDATE, DELETE ON {connections[using].ops.quote_name(table)} FROM {quoted}")
        for function in FUNCTIONS:
            cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", [function])
            if cursor.fetchone()[0]:
                cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")
        if "portfolio_ownership" in tables:
            cursor.execute(f"REVOKE DELETE ON portfolio_ownership FROM {quoted}")
