# Figures that reach the present are kept too, each for less than a minute from when it was last known to be true.

from django.db import migrations, models

# As 0016 made it, and telling of visits alone.
VISIT = """
CREATE OR REPLACE FUNCTION carteira_visit_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM {tell}(OLD.organization_id, least(OLD.visited_on, OLD.planned_on));
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM {tell}(NEW.organization_id, least(NEW.visited_on, NEW.planned_on));
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0025_changes_of_visits"), ("portfolio", "0016_kept_figures")]

    operations = [
        migrations.AddField(model_name="keptfigures", name="counted_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="keptfigures", name="true_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="keptfigures", name="seen", field=models.CharField(db_default="", max_length=60)),
        migrations.RunSQL(
            VISIT.format(tell="carteira_visits_changed_since"),
            VISIT.format(tell="carteira_changed_since"),
        ),
    ]
