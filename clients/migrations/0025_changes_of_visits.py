# Visits come all day long: a change of them alone is told apart, so that only figures that speak of visits are counted again.

from django.db import migrations, models

TELL = """
CREATE FUNCTION carteira_visits_changed_since(of_organization bigint, since date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE told text := coalesce(current_setting('app.visits_changed_since', true), '');
BEGIN
  IF since IS NULL THEN
    RETURN;
  ELSIF split_part(told, ' ', 1) = of_organization::text THEN
    IF split_part(told, ' ', 2)::date <= since THEN
      RETURN;
    END IF;
  END IF;
  INSERT INTO clients_changedsince (organization_id, day, of_visits) VALUES (of_organization, since, TRUE);
  PERFORM set_config('app.visits_changed_since', of_organization || ' ' || since, true);
END $$;
"""
BACK = "DROP FUNCTION carteira_visits_changed_since(bigint, date);"


class Migration(migrations.Migration):
    dependencies = [("clients", "0024_statistics_of_keys")]

    operations = [
        migrations.AddField(model_name="changedsince", name="of_visits", field=models.BooleanField(db_default=False)),
        migrations.RunSQL(TELL, BACK),
    ]
