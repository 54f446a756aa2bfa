"""The first event of a stream follows none: who says that it is the first has nothing looked for.

A second one with ``seq`` 1 is refused by the key over stream and seq; any other number is still the database's own to give.
"""

from django.db import migrations

FIRST = """
CREATE FUNCTION carteira_audit_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.previous_hash := '';
  NEW.hash := encode(sha256(convert_to(carteira_audit_text(NEW), 'UTF8')), 'hex');
  RETURN NEW;
END $$;
DROP TRIGGER auditevent_chain ON accounts_auditevent;
CREATE TRIGGER auditevent_begun BEFORE INSERT ON accounts_auditevent FOR EACH ROW
  WHEN (NEW.seq = 1) EXECUTE FUNCTION carteira_audit_begun();
CREATE TRIGGER auditevent_chain BEFORE INSERT ON accounts_auditevent FOR EACH ROW
  WHEN (NEW.seq IS DISTINCT FROM 1) EXECUTE FUNCTION carteira_audit_chain();
"""
BACK = """
DROP TRIGGER auditevent_begun ON accounts_auditevent;
DROP TRIGGER auditevent_chain ON accounts_auditevent;
DROP FUNCTION carteira_audit_begun();
CREATE TRIGGER auditevent_chain BEFORE INSERT ON accounts_auditevent FOR EACH ROW EXECUTE FUNCTION carteira_audit_chain();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0025_mail_refused_notice")]
    operations = [migrations.RunSQL(FIRST, BACK)]
