"""Several words of a client a row; rows of one word stay as they are until their client is written next."""

from django.db import migrations, models

# The way back gives every word a row of its own again.
APART = """
INSERT INTO clients_clientword (organization_id, client_id, word)
SELECT w.organization_id, w.client_id, v.word
  FROM clients_clientword w, unnest(ARRAY[w.word_2, w.word_3, w.number, w.number_2]) AS v(word)
 WHERE v.word IS NOT NULL ORDER BY 1, 2, 3 ON CONFLICT (organization_id, client_id, word) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0025_mail_refused_notice"),
        ("clients", "0025_changes_of_visits"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="clientword",
            name="clientword_once",
        ),
        migrations.AddField(
            model_name="clientword",
            name="number",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
        migrations.AddField(
            model_name="clientword",
            name="number_2",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
        migrations.AddField(
            model_name="clientword",
            name="word_2",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
        migrations.AddField(
            model_name="clientword",
            name="word_3",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
        migrations.AddIndex(
            model_name="clientword",
            index=models.Index(
                condition=models.Q(("word_2__isnull", False)), fields=["organization", "word_2", "client"], name="clientword_lookup_2"
            ),
        ),
        migrations.AddIndex(
            model_name="clientword",
            index=models.Index(
                condition=models.Q(("word_3__isnull", False)), fields=["organization", "word_3", "client"], name="clientword_lookup_3"
            ),
        ),
        migrations.AddIndex(
            model_name="clientword",
            index=models.Index(
                condition=models.Q(("number__isnull", False)), fields=["organization", "number", "client"], name="clientword_number"
            ),
        ),
        migrations.AddIndex(
            model_name="clientword",
            index=models.Index(
                condition=models.Q(("number_2__isnull", False)), fields=["organization", "number_2", "client"], name="clientword_number_2"
            ),
        ),
        migrations.AddConstraint(
            model_name="clientword",
            constraint=models.UniqueConstraint(
                fields=("organization", "client", "word"), include=("word_2", "word_3", "number", "number_2"), name="clientword_once"
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, APART),
    ]
