# People are found by first and last name, and clients by the local part of their phone, which imports write from now on.

from django.db import migrations, models

import clients.models.client

# As clients/services/words.py writes it; a statement for all organizations, which the owner sees past the policies.
PHONES = """
INSERT INTO clients_clientword (organization_id, client_id, word)
SELECT organization_id, id, right(digits, CASE WHEN length(digits) % 2 = 1 THEN 9 ELSE 8 END)
  FROM (SELECT organization_id, id, regexp_replace(phone, '[^0-9]', '', 'g') AS digits FROM clients_client) c
 WHERE length(digits) > 9
 ORDER BY organization_id, id
ON CONFLICT (organization_id, client_id, word) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_field_work_settings"),
        ("clients", "0011_months_by_representative"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="last_name_key",
            field=models.GeneratedField(
                db_persist=True, expression=clients.models.client.LastWord("name"), output_field=models.TextField()
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="name_key",
            field=models.GeneratedField(
                db_persist=True, expression=clients.models.client.Unaccented("name"), output_field=models.TextField()
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["organization", "name_key"], name="contact_by_name"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["organization", "last_name_key"], name="contact_by_last_name"),
        ),
        # A word too many finds nobody wrong: going back leaves them.
        migrations.RunSQL(PHONES, migrations.RunSQL.noop),
    ]
