"""Rows that belong to another row carry its organization: one check less for each row written."""

from django.db import migrations

from accounts.tenancy.migrating import OrganizationCarried


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0005_defaults_for_imports")]
    operations = [OrganizationCarried("ownership")]
