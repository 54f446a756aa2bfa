"""A proposal's computed receiver is checked by a key of its own only where somebody chose another."""

from django.db import migrations

import accounts.tenancy.constraints


class Migration(migrations.Migration):
    dependencies = [("rotation", "0021_campaigns_say_vendedor")]
    operations = [
        migrations.RemoveConstraint("proposal", "proposal_computed_to_fk"),
        migrations.AddConstraint(
            "proposal",
            accounts.tenancy.constraints.TenantFK(field="computed_to", name="proposal_computed_to_fk", unless="to_representative"),
        ),
    ]
