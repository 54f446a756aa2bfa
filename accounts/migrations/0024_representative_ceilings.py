from django.db import migrations, models


class Migration(migrations.Migration):
    """What one representative may receive and give away in one run, beside the rule's shares; empty for no limit of their own."""

    dependencies = [("accounts", "0023_exported_files")]

    operations = [
        migrations.AddField(
            model_name="representative",
            name=name,
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name=words),
        )
        for name, words in (("receive_ceiling", "máximo a receber por giro"), ("give_ceiling", "máximo a ceder por giro"))
    ]
