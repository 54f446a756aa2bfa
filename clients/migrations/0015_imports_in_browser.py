import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_import_notice"),
        ("clients", "0014_facts_by_day"),
    ]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="done_rows",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="erased_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="found",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="importjob",
            name="header",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="importjob",
            name="header_key",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="importjob",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="language",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.AddField(
            model_name="importjob",
            name="mapping",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="mends",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="mended_by", to="clients.importjob"
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="merged",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="phase",
            field=models.CharField(blank=True, default="", max_length=5),
        ),
        migrations.AddField(
            model_name="importjob",
            name="reasons",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="importjob",
            name="refusals",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="importjob",
            name="sample",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="importjob",
            name="size_bytes",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="stored_as",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="importjob",
            name="total_rows",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="importjob",
            name="state",
            field=models.CharField(
                choices=[
                    ("uploaded", "Colunas por indicar"),
                    ("checking", "Conferindo"),
                    ("checked", "Conferida, por confirmar"),
                    ("waiting", "Na fila"),
                    ("running", "Em andamento"),
                    ("done", "Concluída"),
                    ("failed", "Falhou"),
                    ("cancelled", "Cancelada"),
                ],
                default="running",
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(fields=["organization", "kind", "header_key", "-id"], name="importjob_same_headers"),
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(
                condition=models.Q(("state__in", ["checking", "waiting", "running"])),
                fields=["organization", "id"],
                name="importjob_at_work",
            ),
        ),
        migrations.AddConstraint(
            model_name="importjob",
            constraint=accounts.tenancy.constraints.TenantFK(field="mends", name="importjob_mends_fk"),
        ),
    ]
