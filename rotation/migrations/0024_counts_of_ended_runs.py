"""What the guard figures count of a run's line is kept once the run has ended; lines of before are counted by the watch, bit by bit."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rotation", "0023_flags_of_backtests")]
    operations = [migrations.AddField("runrule", "counts", models.JSONField(null=True, blank=True))]
