# The review counts proposals of class A on every page; asking each client's activity cost as much as all its other counts.

from django.db import migrations, models

FILL = """
UPDATE rotation_proposal p SET abc = a.abc FROM clients_clientactivity a
 WHERE a.organization_id = p.organization_id AND a.client_id = p.client_id AND a.abc <> ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0006_filter_choices"),
        ("rotation", "0008_backtest"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="abc",
            field=models.CharField(blank=True, db_default="", default="", max_length=1),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
