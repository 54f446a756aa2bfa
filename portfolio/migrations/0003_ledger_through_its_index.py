"""Guard the ledger through its index whatever the statistics say, and compare rows as rows.

A session keeps the plan of its first calls: made while the table is empty it is a scan, and the first import of a company then
reads the whole ledger once a row. Nothing but the index is left to that plan. What closing may change is decided by
comparing records: two JSON documents a row cost a fifth of closing it.
"""

from django.db import migrations, models
from django.db.models import Q

OPENED = """
CREATE FUNCTION carteira_ownership_opened() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE last_seq integer; last_day date; last_hash text;
BEGIN
  SELECT seq, ended_on, hash INTO last_seq, last_day, last_hash FROM portfolio_ownership
   WHERE organization_id = NEW.organization_id AND client_id = NEW.client_id ORDER BY seq DESC LIMIT 1;
  IF NEW.seq <> coalesce(last_seq, 0) + 1 THEN
    RAISE EXCEPTION 'ownership of client %: seq % does not follow %', NEW.client_id, NEW.seq, coalesce(last_seq, 0)
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF last_seq IS NOT NULL AND (last_day IS NULL OR last_day > NEW.started_on) THEN
    RAISE EXCEPTION 'ownership of client %: seq % is not closed on or before %', NEW.client_id, last_seq, NEW.started_on
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  NEW.previous_hash := coalesce(last_hash, '');
  NEW.hash := encode(sha256(convert_to(NEW.previous_hash || carteira_ownership_text(NEW), 'UTF8')), 'hex');
  NEW.closing_hash := CASE WHEN NEW.ended_on IS NULL THEN ''
                           ELSE encode(sha256(convert_to(NEW.hash || NEW.ended_on::text, 'UTF8')), 'hex') END;
  RETURN NEW;
END $$;
CREATE TRIGGER ownership_opened BEFORE INSERT ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_opened();
"""
CLOSED = """
CREATE FUNCTION carteira_ownership_closed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed portfolio_ownership := OLD;
BEGIN
  closed.ended_on := NEW.ended_on;
  closed.closing_hash := encode(sha256(convert_to(OLD.hash || NEW.ended_on::text, 'UTF8')), 'hex');
  NEW.closing_hash := closed.closing_hash;
  IF OLD.ended_on IS NOT NULL OR NEW.ended_on IS NULL OR closed IS DISTINCT FROM NEW THEN
    RAISE EXCEPTION 'ownership of client % seq %: a row is closed once and never changed otherwise', OLD.client_id, OLD.seq
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ownership_closed BEFORE UPDATE ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_closed();
DROP TRIGGER ownership_guard ON portfolio_ownership;
"""
BACK = """
CREATE TRIGGER ownership_guard BEFORE INSERT OR UPDATE ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_guard();
DROP TRIGGER ownership_opened ON portfolio_ownership;
DROP TRIGGER ownership_closed ON portfolio_ownership;
DROP FUNCTION carteira_ownership_opened();
DROP FUNCTION carteira_ownership_closed();
"""


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0002_ledger")]
    operations = [
        migrations.RunSQL(OPENED + CLOSED, BACK),
        # Rows that name no proposal need no entry: each closing would write one more.
        migrations.RemoveConstraint("ownership", "ownership_one_per_proposal"),
        migrations.AddConstraint(
            "ownership",
            models.UniqueConstraint(
                fields=["organization", "proposal_id"], condition=~Q(proposal_id=None), name="ownership_one_per_proposal"
            ),
        ),
    ]
