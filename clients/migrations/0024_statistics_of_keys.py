"""After a load the planner looks again at the columns keys are checked and codes looked up by, and at no other.

All forty of a client's took three quarters of the time, once a chunk of an import: 0.53 s of CPU beside 120,000 clients,
0.15 s for these. Autovacuum still comes for the rest: an ANALYZE of some columns leaves its count of changed rows alone.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION carteira_fresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS
$$ BEGIN ANALYZE public.clients_client{columns}; ANALYZE public.accounts_representative; END $$;
"""
KEYS = FUNCTION.replace("{columns}", " (organization_id, id, code, representative_id)")


class Migration(migrations.Migration):
    dependencies = [("clients", "0023_lost_by_hand")]
    operations = [migrations.RunSQL(KEYS, FUNCTION.replace("{columns}", ""))]
