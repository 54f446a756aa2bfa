"""A first ownership has a guard that looks for nothing, and whether days changed is weighed in the triggers' own conditions.

Once a transaction has told of an organization and a day, its later rows still called two functions each to find nothing left to
say. Before the row, not after it: the conditions of what comes after rows are all weighed before the first of them has spoken.
"""

from django.db import migrations

FIRST = """
CREATE FUNCTION carteira_ownership_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A second row with seq 1 is refused by the key over client and seq: no row of the ledger goes away.
  NEW.previous_hash := '';
  NEW.hash := encode(sha256(convert_to(carteira_ownership_text(NEW), 'UTF8')), 'hex');
  NEW.closing_hash := CASE WHEN NEW.ended_on IS NULL THEN ''
                           ELSE encode(sha256(convert_to(NEW.hash || NEW.ended_on::text, 'UTF8')), 'hex') END;
  RETURN NEW;
END $$;
DROP TRIGGER ownership_opened ON portfolio_ownership;
CREATE TRIGGER ownership_begun BEFORE INSERT ON portfolio_ownership FOR EACH ROW
  WHEN (NEW.seq = 1) EXECUTE FUNCTION carteira_ownership_begun();
CREATE TRIGGER ownership_opened BEFORE INSERT ON portfolio_ownership FOR EACH ROW
  WHEN (NEW.seq IS DISTINCT FROM 1) EXECUTE FUNCTION carteira_ownership_opened();
"""
NOT_FIRST = """
DROP TRIGGER ownership_begun ON portfolio_ownership;
DROP TRIGGER ownership_opened ON portfolio_ownership;
DROP FUNCTION carteira_ownership_begun();
CREATE TRIGGER ownership_opened BEFORE INSERT ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_opened();
"""
# The setting holds what carteira_changed_since (clients/0021) told last: organization, space, day.
TELLING = """
CREATE TRIGGER {name} BEFORE {act} ON portfolio_ownership FOR EACH ROW
  WHEN (CASE WHEN split_part(coalesce(current_setting('app.changed_since', true), ''), ' ', 1) = NEW.organization_id::text
             THEN NEW.{day} < split_part(current_setting('app.changed_since', true), ' ', 2)::date ELSE true END)
  EXECUTE FUNCTION carteira_ownership_changed();
"""
CHANGED = """
CREATE OR REPLACE FUNCTION carteira_ownership_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM carteira_changed_since(NEW.organization_id, CASE WHEN TG_OP = 'INSERT' THEN NEW.started_on ELSE NEW.ended_on END);
  RETURN {answer};
END $$;
"""
TELL = (
    "DROP TRIGGER ownership_changed ON portfolio_ownership;"
    + CHANGED.format(answer="NEW")
    + TELLING.format(name="ownership_changed", act="INSERT", day="started_on")
    + TELLING.format(name="ownership_changed_by_end", act="UPDATE", day="ended_on")
)
TELL_AFTER = (
    "DROP TRIGGER ownership_changed ON portfolio_ownership; DROP TRIGGER ownership_changed_by_end ON portfolio_ownership;"
    + CHANGED.format(answer="NULL")
    + "CREATE TRIGGER ownership_changed AFTER INSERT OR UPDATE ON portfolio_ownership"
    " FOR EACH ROW EXECUTE FUNCTION carteira_ownership_changed();"
)


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0018_ownership_sources_say_vendedor")]
    operations = [migrations.RunSQL(FIRST, NOT_FIRST), migrations.RunSQL(TELL, TELL_AFTER)]
