from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    """A silence that a person declared lost: when and until when, beside why; and on the client, which silence that is."""

    dependencies = [("clients", "0022_statistics_of_a_new_company")]

    operations = [
        migrations.AddField("client", "lost_silence", models.DateField(blank=True, null=True)),
        migrations.AddField("clientstop", "lost_on", models.DateField(blank=True, null=True)),
        migrations.AddField("clientstop", "lost_until", models.DateField(blank=True, null=True)),
        migrations.AddConstraint(
            "clientstop",
            models.CheckConstraint(condition=Q(lost_until=None) | Q(lost_until__gte=F("lost_on")), name="clientstop_lost_days_in_order"),
        ),
    ]
