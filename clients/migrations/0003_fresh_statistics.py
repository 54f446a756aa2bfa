"""Let the application have the planner look again at tables that foreign keys point at, right after a large load.

On a table never analysed PostgreSQL checks a key to clients_client through whatever index begins with the
organization: every check then reads the whole company, and a first import grows with the square of its size.
"""

from django.db import migrations

UP = """
CREATE FUNCTION carteira_fresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS
$$ BEGIN ANALYZE public.clients_client; ANALYZE public.accounts_representative; END $$;
REVOKE ALL ON FUNCTION carteira_fresh_statistics() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0002_order_days")]
    operations = [migrations.RunSQL(UP, "DROP FUNCTION carteira_fresh_statistics()")]
