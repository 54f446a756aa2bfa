# Which products a client bought in a month, and how many lines: the mix is told from a row a client instead of from every line.

import django.contrib.postgres.fields
from django.db import migrations, models

# As clients/services/projection_sql.py writes them; a statement for all organizations, which the owner sees past the policies.
FILL = """
UPDATE clients_clientmonth m SET items = f.items, product_ids = f.product_ids FROM (
    SELECT o.organization_id, o.client_id, date_trunc('month', o.ordered_on)::date AS month, o.representative_id,
           count(*) AS items, array_agg(DISTINCT i.product_id ORDER BY i.product_id) AS product_ids
      FROM clients_order o JOIN clients_orderitem i ON i.organization_id = o.organization_id AND i.order_id = o.id
      JOIN clients_clientactivity a ON a.organization_id = o.organization_id AND a.client_id = o.client_id
     WHERE o.status = 'valid' AND o.ordered_on <= a.windows_on GROUP BY 1, 2, 3, 4) f
 WHERE m.organization_id = f.organization_id AND m.client_id = f.client_id AND m.month = f.month
   AND coalesce(m.representative_id, 0) = coalesce(f.representative_id, 0)
"""
IDS = django.contrib.postgres.fields.ArrayField(models.BigIntegerField())


class Migration(migrations.Migration):
    dependencies = [("clients", "0026_words_several_a_row")]

    operations = [
        migrations.AddField(model_name="clientmonth", name="items", field=models.IntegerField(db_default=0, default=0)),
        migrations.AddField(
            model_name="clientmonth",
            name="product_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), db_default=models.Value([], IDS), default=list, size=None
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
