import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy.constraints
import accounts.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_rule_notices"),
        ("rotation", "0006_proposal_lift"),
    ]

    operations = [
        migrations.AddField(
            model_name="rotationsettings",
            name="publish_needs_two",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="rule",
            name="halt",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="rule",
            name="halted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="canary_team",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
            ),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="guard_limits",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="released_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="released_by",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.membership"
            ),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="watched_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="runrule",
            name="side",
            field=models.CharField(
                blank=True,
                choices=[("", "Todas as equipes"), ("canary", "Só a equipe do teste"), ("rest", "As outras equipes")],
                default="",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="runrule",
            name="team",
            field=accounts.tenancy.models.TenantForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
            ),
        ),
        migrations.AlterField(
            model_name="ruleversion",
            name="state",
            field=models.CharField(
                choices=[("draft", "Rascunho"), ("canary", "Em teste numa equipe"), ("published", "Em vigor"), ("retired", "Substituída")],
                default="draft",
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=accounts.tenancy.constraints.TenantFK(field="canary_team", name="ruleversion_canary_team_fk"),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=accounts.tenancy.constraints.TenantFK(field="released_by", name="ruleversion_released_by_fk"),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "canary")), fields=("organization", "rule"), name="ruleversion_one_canary"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("state", "canary"), _negated=True), ("canary_team__isnull", False), _connector="OR"),
                name="ruleversion_canary_has_team",
            ),
        ),
        migrations.AddConstraint(
            model_name="runrule",
            constraint=accounts.tenancy.constraints.TenantFK(field="team", name="runrule_team_fk"),
        ),
    ]
