"""Let an import have the planner look again at the tables in which it does not know of the organization yet.

Of an organization that came since a table was last analysed PostgreSQL expects one row, whatever there is, and every index that
begins with the organization looks as good as the right one: a page of one client may read the whole company until autovacuum comes
by, which for a small company among large ones it never does (it waits for a tenth of the table to change).
"""

from django.db import migrations

UP = """
CREATE FUNCTION carteira_know_organization(organization bigint, many integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    one text; plan json; believed bigint; there bigint; looked_at integer := 0;
BEGIN
    FOR one IN
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND pg_relation_size(c.oid) > 262144 ORDER BY c.oid
    LOOP
        EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE organization_id = %s', one, organization) INTO plan;
        believed := (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
        CONTINUE WHEN believed >= many;
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE organization_id = %s LIMIT %s) few', one, organization, 10 * believed + many)
            INTO there;
        IF there = 10 * believed + many THEN
            EXECUTE format('ANALYZE (SKIP_LOCKED) %s', one);
            looked_at := looked_at + 1;
        END IF;
    END LOOP;
    RETURN looked_at;
END $$;
REVOKE ALL ON FUNCTION carteira_know_organization(bigint, integer) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0021_changed_since")]
    operations = [migrations.RunSQL(UP, "DROP FUNCTION carteira_know_organization(bigint, integer)")]
