"""Rows that belong to another row carry its organization: one check less for each row written."""

from django.db import migrations

from accounts.tenancy.migrating import OrganizationCarried


class Migration(migrations.Migration):
    dependencies = [("clients", "0008_defaults_for_imports")]
    operations = [OrganizationCarried(name) for name in ("clientactivity", "clientmonth", "clientscore", "clientword")]
