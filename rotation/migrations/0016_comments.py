"""Words about a proposal stand among the decisions about it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rotation", "0015_campaigns")]
    operations = [
        migrations.AlterField(
            "decision",
            "action",
            models.CharField(
                choices=[
                    ("approve", "Aprovou"),
                    ("reject", "Recusou"),
                    ("postpone", "Adiou"),
                    ("change", "Mudou o destino"),
                    ("reopen", "Desfez"),
                    ("comment", "Comentou"),
                ],
                max_length=8,
            ),
        )
    ]
