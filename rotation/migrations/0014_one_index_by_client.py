"""One index where there were two: a client's proposals are found through the key that allows one a run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rotation", "0013_answers_taken_back")]
    operations = [
        migrations.RemoveIndex("proposal", "proposal_of_client"),
        migrations.RemoveConstraint("proposal", "proposal_once_per_run"),
        migrations.AddConstraint(
            "proposal", models.UniqueConstraint(fields=["organization", "client", "run"], name="proposal_once_per_run")
        ),
    ]
