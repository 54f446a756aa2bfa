"""A client's first ownership follows none: nothing is looked for.

A second one with ``seq`` 1 is refused by the key over client and seq, since the ledger has no gaps and no row of it goes away.
Looking for what cannot be there was an eighth of importing clients with owners.
"""

from django.db import migrations

OPENED = """
CREATE OR REPLACE FUNCTION carteira_ownership_opened() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE last_seq integer; last_day date; last_hash text;
BEGIN
  {looked_for}
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
"""
HEAD = """SELECT seq, ended_on, hash INTO last_seq, last_day, last_hash FROM portfolio_ownership
   WHERE organization_id = NEW.organization_id AND client_id = NEW.client_id ORDER BY seq DESC LIMIT 1;"""
UNLESS_FIRST = f"IF NEW.seq IS DISTINCT FROM 1 THEN\n    {HEAD}\n  END IF;"


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0006_details_carry_organization")]
    operations = [migrations.RunSQL(OPENED.replace("{looked_for}", UNLESS_FIRST), OPENED.replace("{looked_for}", HEAD))]
