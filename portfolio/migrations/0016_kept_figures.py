# What families of figures came to in days that are over, and the word of visits and ledger that such days changed.

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints

TELL = """
CREATE FUNCTION carteira_visit_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM carteira_changed_since(OLD.organization_id, least(OLD.visited_on, OLD.planned_on));
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM carteira_changed_since(NEW.organization_id, least(NEW.visited_on, NEW.planned_on));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER visit_changed AFTER INSERT OR UPDATE OR DELETE ON portfolio_visit FOR EACH ROW EXECUTE FUNCTION carteira_visit_changed();
CREATE FUNCTION carteira_ownership_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM carteira_changed_since(NEW.organization_id, CASE WHEN TG_OP = 'INSERT' THEN NEW.started_on ELSE NEW.ended_on END);
  RETURN NULL;
END $$;
CREATE TRIGGER ownership_changed AFTER INSERT OR UPDATE ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_changed();
"""
BACK = """
DROP TRIGGER visit_changed ON portfolio_visit;
DROP TRIGGER ownership_changed ON portfolio_ownership;
DROP FUNCTION carteira_visit_changed();
DROP FUNCTION carteira_ownership_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_stop_reasons"),
        ("clients", "0021_changed_since"),
        ("portfolio", "0015_goals_of_satisfaction"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptFigures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("family", models.CharField(max_length=40)),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("numbers", models.JSONField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="keptfigures_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="keptfigures_tenant"),
                    models.UniqueConstraint(fields=("organization", "family", "since", "until"), name="keptfigures_once"),
                ],
            },
        ),
        migrations.RunSQL(TELL, BACK),
    ]
