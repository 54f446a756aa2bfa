import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models
import clients.models.client


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_import_notice"),
        ("clients", "0016_who_buys_a_product"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("merged_at", models.DateTimeField()),
                ("merged_on", models.DateField()),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("absorbed_before", models.JSONField(default=dict)),
                ("counts", models.JSONField(default=dict)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("rest", models.JSONField(blank=True, default=list)),
            ],
        ),
        migrations.CreateModel(
            name="DistinctClients",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sign", models.CharField(choices=[("tax_id", "Tax Id"), ("name", "Name")], max_length=6)),
                ("key", models.CharField(max_length=300)),
                ("clients", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="MergedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=60)),
                ("row_id", models.BigIntegerField()),
                ("before", models.JSONField(null=True)),
                ("digest", models.CharField(blank=True, max_length=32)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="client",
            name="client_by_tax_root",
        ),
        migrations.AddField(
            model_name="client",
            name="merged_into",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="clients.client"
            ),
        ),
        migrations.AddField(
            model_name="client",
            name="merged_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="client",
            name="twin_key",
            field=models.GeneratedField(
                db_persist=True, expression=clients.models.client.TwinKey("name", "city"), output_field=models.TextField()
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="came_under",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
            ),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(
                condition=models.Q(("tax_id_root", ""), _negated=True),
                fields=["organization", "tax_id_root", "tax_id", "id"],
                name="client_by_tax_root",
            ),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(
                condition=models.Q(("twin_key", ""), _negated=True), fields=["organization", "twin_key", "id"], name="client_by_twin_key"
            ),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(condition=models.Q(("latitude", None)), fields=["organization", "id"], name="client_without_place"),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)), fields=["organization", "merged_into"], name="client_aliases"
            ),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=accounts.tenancy.constraints.TenantFK(field="merged_into", name="client_merged_into_fk"),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None),
                    models.Q(("discarded_on__isnull", False), ("merged_on__isnull", False), ("representative", None)),
                    _connector="OR",
                ),
                name="client_alias_is_nobodys",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=accounts.tenancy.constraints.TenantFK(field="came_under", name="order_came_under_fk"),
        ),
        migrations.AddField(
            model_name="clientmerge",
            name="absorbed",
            field=accounts.tenancy.models.TenantForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
            ),
        ),
        migrations.AddField(
            model_name="clientmerge",
            name="by",
            field=accounts.tenancy.models.TenantForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.membership"
            ),
        ),
        migrations.AddField(
            model_name="clientmerge",
            name="organization",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
            ),
        ),
        migrations.AddField(
            model_name="clientmerge",
            name="survivor",
            field=accounts.tenancy.models.TenantForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="merges", to="clients.client"
            ),
        ),
        migrations.AddField(
            model_name="clientmerge",
            name="undone_by",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.membership"
            ),
        ),
        migrations.AddField(
            model_name="distinctclients",
            name="by",
            field=accounts.tenancy.models.TenantForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.membership"
            ),
        ),
        migrations.AddField(
            model_name="distinctclients",
            name="organization",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
            ),
        ),
        migrations.AddField(
            model_name="mergedrow",
            name="merge",
            field=accounts.tenancy.models.TenantForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="clients.clientmerge"
            ),
        ),
        migrations.AddField(
            model_name="mergedrow",
            name="organization",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="clientmerge",
            index=models.Index(fields=["organization", "-merged_at"], name="clientmerge_recent"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantKey(name="clientmerge_pk"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantPolicy(name="clientmerge_tenant"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantFK(field="survivor", name="clientmerge_survivor_fk"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantFK(field="absorbed", name="clientmerge_absorbed_fk"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantFK(field="by", name="clientmerge_by_fk"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=accounts.tenancy.constraints.TenantFK(field="undone_by", name="clientmerge_undone_by_fk"),
        ),
        migrations.AddConstraint(
            model_name="clientmerge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("organization", "absorbed"), name="clientmerge_one_standing"
            ),
        ),
        migrations.AddConstraint(
            model_name="distinctclients",
            constraint=accounts.tenancy.constraints.TenantKey(name="distinctclients_pk"),
        ),
        migrations.AddConstraint(
            model_name="distinctclients",
            constraint=accounts.tenancy.constraints.TenantPolicy(name="distinctclients_tenant"),
        ),
        migrations.AddConstraint(
            model_name="distinctclients",
            constraint=accounts.tenancy.constraints.TenantFK(field="by", name="distinctclients_by_fk"),
        ),
        migrations.AddConstraint(
            model_name="distinctclients",
            constraint=models.UniqueConstraint(fields=("organization", "sign", "key"), name="distinctclients_once"),
        ),
        migrations.AddConstraint(
            model_name="mergedrow",
            constraint=accounts.tenancy.constraints.TenantKey(name="mergedrow_pk"),
        ),
        migrations.AddConstraint(
            model_name="mergedrow",
            constraint=accounts.tenancy.constraints.TenantPolicy(name="mergedrow_tenant"),
        ),
        migrations.AddConstraint(
            model_name="mergedrow",
            constraint=accounts.tenancy.constraints.TenantFK(field="merge", name="mergedrow_merge_fk"),
        ),
        migrations.AddConstraint(
            model_name="mergedrow",
            constraint=models.UniqueConstraint(fields=("organization", "merge", "table", "row_id"), name="mergedrow_once"),
        ),
    ]
