"""The sign-in library's tables hold one person's rows; they show only to who names that person."""

from django.db import migrations

# The inner select passes through accounts_user's own policy, so it yields the named person or nobody.
TABLES = ("account_emailaddress", "mfa_authenticator")
UP = "".join(
    f"""ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY {table}_self ON {table} USING (user_id IN (SELECT id FROM accounts_user));"""
    for table in TABLES
)
DOWN = "".join(
    f"DROP POLICY {table}_self ON {table}; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_throttle_counter"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations = [migrations.RunSQL(UP, DOWN)]
