import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sessions_and_unread_notices"),
        ("clients", "0004_contracts_and_credit"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientScore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("horizon", models.PositiveSmallIntegerField()),
                ("made_for", models.DateField()),
                ("p_silent", models.FloatField()),
                ("p_cross", models.FloatField()),
                ("p_alive", models.FloatField(null=True)),
                ("state", models.CharField(max_length=20)),
                ("cycle_days", models.FloatField(null=True)),
                ("lateness", models.FloatField(null=True)),
                ("early_on", models.DateField(null=True)),
                ("likely_on", models.DateField(null=True)),
                ("late_on", models.DateField(null=True)),
                ("ticket_cents", models.BigIntegerField(default=0)),
                ("year_cents", models.BigIntegerField(default=0)),
                ("at_stake_cents", models.BigIntegerField(default=0)),
                (
                    "client",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="clients.client"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "horizon", "-at_stake_cents", "client"], name="clientscore_by_stake"),
                    models.Index(condition=models.Q(("state", "at_risk")), fields=["organization", "client"], name="clientscore_at_risk"),
                ],
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="clientscore_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="clientscore_tenant"),
                    accounts.tenancy.constraints.TenantFK(field="client", name="clientscore_client_fk"),
                    models.UniqueConstraint(fields=("organization", "client", "horizon"), name="clientscore_once"),
                    models.CheckConstraint(
                        condition=models.Q(("p_cross__range", (0, 1)), ("p_silent__range", (0, 1))), name="clientscore_chances"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Scoring",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("as_of", models.DateField()),
                ("horizon", models.PositiveSmallIntegerField()),
                ("method", models.CharField(max_length=30)),
                ("basis", models.JSONField(default=dict)),
                ("calibration", models.JSONField(null=True)),
                ("clients", models.IntegerField(default=0)),
                ("scored", models.IntegerField(default=0)),
                ("seconds", models.JSONField(default=dict)),
                ("engine_version", models.CharField(max_length=20)),
                ("orders_received_at", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="scoring_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="scoring_tenant"),
                    models.UniqueConstraint(fields=("organization", "horizon", "as_of"), name="scoring_once"),
                ],
            },
        ),
    ]
