import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sessions_and_unread_notices"),
        ("clients", "0003_fresh_statistics"),
        ("rotation", "0004_event_trigger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Outcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "arm",
                    models.CharField(
                        choices=[("treatment", "Giro"), ("control", "Controle"), ("outside", "Fora do sorteio")], max_length=9
                    ),
                ),
                ("share", models.FloatField(default=0)),
                ("stratum", models.CharField(blank=True, max_length=40)),
                ("drawn_on", models.DateField()),
                ("until_on", models.DateField()),
                ("moved_on", models.DateField(blank=True, null=True)),
                ("ordered", models.BooleanField(null=True)),
                ("recovered", models.BooleanField(null=True)),
                ("net_cents", models.BigIntegerField(null=True)),
                ("first_order_on", models.DateField(blank=True, null=True)),
                ("measured_at", models.DateTimeField(blank=True, null=True)),
                (
                    "client",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="clients.client"
                    ),
                ),
                (
                    "moved_to",
                    accounts.tenancy.models.TenantForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes_received",
                        to="accounts.representative",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "rule",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="rotation.rule"
                    ),
                ),
                (
                    "rule_version",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="rotation.ruleversion"
                    ),
                ),
                (
                    "run",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="rotation.run"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "client", "until_on"], name="outcome_of_client"),
                    models.Index(fields=["organization", "rule", "until_on"], name="outcome_of_rule"),
                    models.Index(condition=models.Q(("measured_at", None)), fields=["organization", "until_on"], name="outcome_open"),
                ],
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="outcome_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="outcome_tenant"),
                    accounts.tenancy.constraints.TenantFK(field="run", name="outcome_run_fk"),
                    accounts.tenancy.constraints.TenantFK(field="rule", name="outcome_rule_fk"),
                    accounts.tenancy.constraints.TenantFK(field="rule_version", name="outcome_rule_version_fk"),
                    accounts.tenancy.constraints.TenantFK(field="client", name="outcome_client_fk"),
                    accounts.tenancy.constraints.TenantFK(field="moved_to", name="outcome_moved_to_fk"),
                    models.UniqueConstraint(fields=("organization", "run", "client"), name="outcome_once"),
                    models.CheckConstraint(condition=models.Q(("until_on__gt", models.F("drawn_on"))), name="outcome_days_in_order"),
                ],
            },
        ),
    ]
