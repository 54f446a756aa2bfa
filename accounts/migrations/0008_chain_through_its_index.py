"""Find the head of an audit chain through its index whatever the statistics say.

A session keeps the plan of its first calls: made while the table is empty it is a scan, and the first import of a company then
reads the whole trail once an event.
"""

from django.db import migrations

HEAD = """
CREATE OR REPLACE FUNCTION carteira_audit_chain() RETURNS trigger LANGUAGE plpgsql {settings} AS $$
DECLARE last_seq bigint; last_hash text;
BEGIN
  -- The subject's row is locked by the change this event records, so the head cannot move under us.
  SELECT seq, hash INTO last_seq, last_hash FROM accounts_auditevent
   WHERE organization_id = NEW.organization_id AND stream = NEW.stream ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(last_seq, 0) + 1;
  NEW.previous_hash := coalesce(last_hash, '');
  NEW.hash := encode(sha256(convert_to(NEW.previous_hash || carteira_audit_text(NEW), 'UTF8')), 'hex');
  RETURN NEW;
END $$;
"""
INDEX_ONLY = HEAD.format(settings="SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_rule_notices")]
    operations = [migrations.RunSQL(INDEX_ONLY, HEAD.format(settings=""))]
