import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The key to the run carries the organization: one check less of every proposal written."""

    dependencies = [("rotation", "0010_apply_index")]

    operations = [
        migrations.AlterField(
            "proposal",
            "organization",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organization",
            ),
        ),
    ]
