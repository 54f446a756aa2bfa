# The filters of a list of clients hop over these from value to value (clients/selectors/choices.py).

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sessions_and_unread_notices"),
        ("clients", "0005_client_scores"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="client",
            index=models.Index(fields=["organization", "state", "representative"], name="client_by_state"),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(fields=["organization", "segment", "representative"], name="client_by_segment"),
        ),
    ]
