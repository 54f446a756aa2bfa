"""Guard the ownership ledger by row trigger: next seq after a closed row, one closing, nothing else, hash-chained."""

from django.db import migrations

LEDGER = """
CREATE FUNCTION carteira_ownership_text(o portfolio_ownership) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws(chr(31), o.organization_id, o.client_id, o.seq, o.representative_id, o.started_on, o.source, o.reason,
                   coalesce(o.actor_id::text, ''), o.actor_label, coalesce(o.proposal_id::text, '')) $$;

CREATE FUNCTION carteira_ownership_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE head record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT seq, ended_on, hash INTO head FROM portfolio_ownership
     WHERE organization_id = NEW.organization_id AND client_id = NEW.client_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(head.seq, 0) + 1 THEN
      RAISE EXCEPTION 'ownership of client %: seq % does not follow %', NEW.client_id, NEW.seq, coalesce(head.seq, 0)
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF head.seq IS NOT NULL AND (head.ended_on IS NULL OR head.ended_on > NEW.started_on) THEN
      RAISE EXCEPTION 'ownership of client %: seq % is not closed on or before %', NEW.client_id, head.seq, NEW.started_on
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.previous_hash := coalesce(head.hash, '');
    NEW.hash := encode(sha256(convert_to(NEW.previous_hash || carteira_ownership_text(NEW), 'UTF8')), 'hex');
  ELSE
    IF OLD.ended_on IS NOT NULL OR NEW.ended_on IS NULL
       OR to_jsonb(NEW) - ARRAY['ended_on', 'closing_hash'] <> to_jsonb(OLD) - ARRAY['ended_on', 'closing_hash'] THEN
      RAISE EXCEPTION 'ownership of client % seq %: a row is closed once and never changed otherwise', OLD.client_id, OLD.seq
        USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  NEW.closing_hash := CASE WHEN NEW.ended_on IS NULL THEN ''
                           ELSE encode(sha256(convert_to(NEW.hash || NEW.ended_on::text, 'UTF8')), 'hex') END;
  RETURN NEW;
END $$;

CREATE TRIGGER ownership_guard BEFORE INSERT OR UPDATE ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_ownership_guard();
CREATE TRIGGER ownership_no_delete BEFORE DELETE ON portfolio_ownership FOR EACH ROW EXECUTE FUNCTION carteira_append_only();
CREATE TRIGGER ownership_no_truncate BEFORE TRUNCATE ON portfolio_ownership FOR EACH STATEMENT EXECUTE FUNCTION carteira_append_only();
"""
NO_LEDGER = """
DROP TRIGGER ownership_no_truncate ON portfolio_ownership;
DROP TRIGGER ownership_no_delete ON portfolio_ownership;
DROP TRIGGER ownership_guard ON portfolio_ownership;
DROP FUNCTION carteira_ownership_guard();
DROP FUNCTION carteira_ownership_text(portfolio_ownership);
"""


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0001_initial"), ("accounts", "0002_history_chain")]
    operations = [migrations.RunSQL(LEDGER, NO_LEDGER)]
