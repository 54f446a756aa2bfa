from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rotation", "0005_outcome"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="lift",
            field=models.FloatField(blank=True, null=True),
        ),
    ]
