# Who turned inactive, came back and began is read from the silences that ended, not from two years of order days.

import datetime

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models

# As clients/services/projection_sql.py writes them; a statement for all organizations, which the owner sees past the policies.
FILL = """
INSERT INTO clients_clientsilence (organization_id, client_id, since_on, until_on)
SELECT organization_id, client_id, since_on, until_on FROM (
    SELECT organization_id, client_id, lag(ordered_on) OVER (PARTITION BY organization_id, client_id ORDER BY ordered_on) AS since_on,
           ordered_on AS until_on
      FROM (SELECT o.organization_id, o.client_id, o.ordered_on FROM clients_order o
              JOIN clients_clientactivity a ON a.organization_id = o.organization_id AND a.client_id = o.client_id
             WHERE o.ordered_on <= a.windows_on GROUP BY 1, 2, 3 HAVING sum(o.net_cents) > 0) day) step
 WHERE since_on IS NULL OR until_on - since_on > 60 ORDER BY organization_id, client_id, since_on
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0021_planned_version_notice"),
        ("clients", "0019_client_stops"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientSilence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since_on", models.DateField(null=True)),
                ("until_on", models.DateField()),
                (
                    "client",
                    accounts.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="silences", to="clients.client"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("until_on__gt", datetime.date(1, 1, 1))),
                        fields=["organization", "until_on"],
                        include=("since_on", "client"),
                        name="clientsilence_by_end",
                    )
                ],
                "constraints": [
                    accounts.tenancy.constraints.TenantKey(name="clientsilence_pk"),
                    accounts.tenancy.constraints.TenantPolicy(name="clientsilence_tenant"),
                    accounts.tenancy.constraints.TenantFK(field="client", name="clientsilence_client_fk"),
                    models.UniqueConstraint(fields=("organization", "client", "since_on"), name="clientsilence_once", nulls_distinct=False),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(
                condition=models.Q(("discarded_on__isnull", False)),
                fields=["organization", "discarded_on"],
                include=("id",),
                name="client_discarded",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
