# Figures kept of days that are over hold until facts of those days change: every transaction that changes some says so.

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints

# One row a transaction, and another only where it reaches farther back: what it has told is kept in a setting of its own, which
# a savepoint rolled back takes back together with the row.
TELL = """
CREATE FUNCTION carteira_changed_since(of_organization bigint, since date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE told text := coalesce(current_setting('app.changed_since', true), '');
BEGIN
  IF since IS NULL THEN
    RETURN;
  ELSIF split_part(told, ' ', 1) = of_organization::text THEN
    IF split_part(told, ' ', 2)::date <= since THEN
      RETURN;
    END IF;
  END IF;
  INSERT INTO clients_changedsince (organization_id, day) VALUES (of_organization, since);
  PERFORM set_config('app.changed_since', of_organization || ' ' || since, true);
END $$;
"""
# Who left, and when, counts from that day on; where a client is, for all days.
CLIENT = """
CREATE FUNCTION carteira_client_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM carteira_changed_since(NEW.organization_id, CASE
    WHEN OLD.state IS DISTINCT FROM NEW.state OR OLD.registered_on IS DISTINCT FROM NEW.registered_on THEN date '0001-01-01'
    ELSE least(OLD.discarded_on, NEW.discarded_on) END);
  RETURN NULL;
END $$;
CREATE TRIGGER client_changed AFTER UPDATE ON clients_client FOR EACH ROW
  WHEN ((OLD.discarded_on, OLD.state, OLD.registered_on) IS DISTINCT FROM (NEW.discarded_on, NEW.state, NEW.registered_on))
  EXECUTE FUNCTION carteira_client_changed();
"""
BACK = """
DROP TRIGGER client_changed ON clients_client;
DROP FUNCTION carteira_client_changed();
DROP FUNCTION carteira_changed_since(bigint, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_stop_reasons"),
        ("clients", "0020_silences"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangedSince",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "day"], name="changedsince_by_day")],
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="changedsince_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="changedsince_tenant"),
                ],
            },
        ),
        migrations.RunSQL(TELL + CLIENT, BACK),
    ]
