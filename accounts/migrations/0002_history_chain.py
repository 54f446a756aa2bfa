"""Hash-chain audit events by row trigger, and let the scheduler learn organizations' ids."""

from django.db import migrations

CHAIN = """
CREATE FUNCTION carteira_audit_text(e accounts_auditevent) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws(chr(31), e.organization_id, e.stream, e.seq, e.action, coalesce(e.actor_id::text, ''), e.actor_label,
                   e.before::text, e.after::text, e.reason, e.request_id,
                   to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')) $$;

CREATE FUNCTION carteira_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE head record;
BEGIN
  -- The subject's row is locked by the change this event records, so the head cannot move under us.
  SELECT seq, hash INTO head FROM accounts_auditevent
   WHERE organization_id = NEW.organization_id AND stream = NEW.stream ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(head.seq, 0) + 1;
  NEW.previous_hash := coalesce(head.hash, '');
  NEW.hash := encode(sha256(convert_to(NEW.previous_hash || carteira_audit_text(NEW), 'UTF8')), 'hex');
  RETURN NEW;
END $$;

CREATE TRIGGER auditevent_chain BEFORE INSERT ON accounts_auditevent FOR EACH ROW EXECUTE FUNCTION carteira_audit_chain();
"""
NO_CHAIN = """
DROP TRIGGER auditevent_chain ON accounts_auditevent;
DROP FUNCTION carteira_audit_chain();
DROP FUNCTION carteira_audit_text(accounts_auditevent);
"""

# The scheduler works for every organization and may see of each no more than its id.
DUE = """
CREATE FUNCTION organizations_due() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
$$ SELECT id FROM public.accounts_organization WHERE suspended_at IS NULL ORDER BY id $$;
REVOKE ALL ON FUNCTION organizations_due() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(CHAIN, NO_CHAIN),
        migrations.RunSQL(DUE, "DROP FUNCTION organizations_due()"),
    ]
