"""Every flag of a back-test is kept with what came of it; proofs made before have none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rotation", "0022_one_key_for_one_receiver")]
    operations = [
        migrations.AddField("backtest", "flags", models.BinaryField(null=True)),
    ]
