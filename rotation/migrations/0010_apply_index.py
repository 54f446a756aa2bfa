"""Keep only approved proposals in the index applying reads: a proposal leaves it as it is applied, and most never enter it."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("rotation", "0009_proposal_abc")]
    operations = [
        migrations.RemoveIndex("proposal", "proposal_apply"),
        migrations.AddIndex(
            "proposal", models.Index(fields=["organization", "run", "client"], condition=Q(state="approved"), name="proposal_apply")
        ),
    ]
