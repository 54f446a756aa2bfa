"""What the database itself says of its walls: one query a rule, and each must find nothing."""

import pytest
from django.db import connections

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

TENANT = """
SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE a.attname = 'organization_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"""
QUIET = ("accounts_membership", "accounts_apitoken")
# Read before anybody is known, or holding nobody's data.
GLOBAL = {
    "accounts_organization",
    "accounts_session",
    "accounts_user",
    "accounts_throttlecounter",
    "account_emailaddress",
    "account_emailconfirmation",
    "mfa_authenticator",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_session",
}


def rows(sql: str, *parameters) -> list:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_every_table_belongs_to_an_organization_or_is_a_known_global_one():
    tenant = {name for (name,) in rows(f"SELECT relname FROM pg_class WHERE oid IN ({TENANT})")}
    every = {name for (name,) in rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace")}
    assert len(tenant) > 20
    assert every - tenant == GLOBAL


def test_row_security_is_enabled_and_forced_on_every_tenant_table_and_on_identity_tables():
    guarded = f"c.oid IN ({TENANT}) OR c.relname IN ('accounts_organization', 'accounts_user', 'account_emailaddress', 'mfa_authenticator')"
    assert rows(f"SELECT relname FROM pg_class c WHERE ({guarded}) AND NOT (relrowsecurity AND relforcerowsecurity)") == []


def test_every_tenant_policy_has_the_exact_form():
    loud = "(organization_id = ( SELECT (current_setting('app.organization_id'::text))::bigint AS current_setting))"
    quiet = "(organization_id = ( SELECT (NULLIF(current_setting('app.organization_id'::text, true), ''::text))::bigint AS \"nullif\"))"
    found = rows(f"""
        SELECT c.relname, p.polcmd::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
               p.polpermissive, p.polroles = '{{0}}'
          FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname LIKE '%%\\_tenant' WHERE c.oid IN ({TENANT})""")
    wrong = []
    for table, command, using, check, permissive, everyone in found:
        expected = quiet if table in QUIET else loud
        if (command, using, check, permissive, everyone) != ("*", expected, expected, True, True):
            wrong.append((table, command, using, check))
    assert wrong == []


def test_only_membership_and_token_have_a_second_policy():
    extra = rows(
        f"SELECT c.relname, p.polname, p.polcmd::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        f" WHERE c.oid IN ({TENANT}) AND p.polname NOT LIKE '%%\\_tenant'"
    )
    assert sorted(extra) == [("accounts_apitoken", "k_hash", "r"), ("accounts_membership", "m_self", "r")]


def test_every_tenant_table_has_organization_id_not_null_and_a_composite_primary_key():
    assert (
        rows(
            f"SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'organization_id' AND attrelid IN ({TENANT})"
            f" AND NOT attnotnull"
        )
        == []
    )
    assert (
        rows(f"""
        SELECT c.relname FROM pg_class c WHERE c.oid IN ({TENANT}) AND NOT EXISTS (
          SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p' AND ARRAY(
            SELECT a.attname::text
              FROM unnest(k.conkey) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.n
              ORDER BY o
          ) = ARRAY['organization_id', 'id'])""")
        == []
    )


def test_no_unique_index_of_a_tenant_table_leaves_the_organization_out():
    assert (
        rows(f"""
        SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid IN ({TENANT}) AND i.indisunique AND NOT EXISTS (
          SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid
             AND a.attname = 'organization_id' AND a.attnum = ANY(i.indkey::int2[]))""")
        == []
    )


def test_no_foreign_key_between_tenant_tables_leaves_the_organization_out_and_all_are_validated():
    assert (
        rows(f"""
        SELECT k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid IN ({TENANT}) AND k.confrelid IN ({TENANT})
           AND NOT EXISTS (
          SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attname = 'organization_id' AND a.attnum = ANY(k.conkey))""")
        == []
    )
    assert rows("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []


def test_every_row_stands_in_an_organization_that_exists_by_its_own_key_or_through_rows_it_requires():
    assert (
        rows(f"""
        WITH RECURSIVE held AS (
          SELECT k.conrelid AS relation FROM pg_constraint k
           WHERE k.contype = 'f' AND k.confrelid = 'accounts_organization'::regclass AND k.conrelid IN ({TENANT})
             AND ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey))
                 = ARRAY['organization_id']
          UNION
          SELECT k.conrelid FROM pg_constraint k JOIN held ON held.relation = k.confrelid
           WHERE k.contype = 'f' AND k.conrelid IN ({TENANT})
             AND (SELECT bool_and(a.attnotnull) AND bool_or(a.attname = 'organization_id')
                    FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)))
        SELECT c.relname FROM pg_class c WHERE c.oid IN ({TENANT}) AND c.oid NOT IN (SELECT relation FROM held)""")
        == []
    )


def test_views_run_as_their_reader_and_definer_functions_are_the_known_ones():
    views = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        " AND NOT coalesce(reloptions::text, '') LIKE '%%security_invoker=true%%'"
    )
    assert views == []
    assert rows("SELECT relname FROM pg_class WHERE relkind = 'm' AND relnamespace = 'public'::regnamespace") == []
    assert rows("SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1") == [
        ("carteira_fresh_statistics",),
        ("carteira_know_organization",),
        ("carteira_members",),
        ("organizations_due",),
    ]
    assert rows("SELECT DISTINCT proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace") == [
        (["search_path=pg_catalog, public"],)
    ]


def test_the_application_may_not_truncate_nor_change_history_nor_write_migrations(settings):
    app = settings.DATABASES["default"]["USER"]
    assert (
        rows(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(%s, oid, 'TRUNCATE')",
            app,
        )
        == []
    )
    history = ["accounts_auditevent", "accounts_auditseal", "rotation_decision"]
    for table in history:
        assert rows("SELECT has_table_privilege(%s, %s, 'UPDATE') OR has_table_privilege(%s, %s, 'DELETE')", app, table, app, table) == [
            (False,)
        ], table
    assert rows("SELECT has_table_privilege(%s, 'portfolio_ownership', 'DELETE')", app) == [(False,)]
    assert rows("SELECT has_table_privilege(%s, 'django_migrations', 'INSERT, UPDATE, DELETE')", app) == [(False,)]


def test_the_tests_run_as_a_role_that_row_security_binds():
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False)
        cursor.execute("SELECT count(*) FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = current_user)")
        assert cursor.fetchone() == (0,)


def test_indexes_of_tenant_tables_start_with_the_organization():
    """Except the two that sign-in reads before an organization is known, and Django's own on a bare reference."""
    found = rows(f"""
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indrelid IN ({TENANT}) AND a.attname <> 'organization_id'""")
    assert sorted(name for (name,) in found) == ["apitoken_by_hash", "membership_of_user"]
