"""A published rule version never changes what it says, whoever asks."""

from django.db import migrations

GUARD = """
CREATE FUNCTION carteira_ruleversion_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state = 'draft' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'rule version % was published and stays', OLD.number USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.state <> 'draft' AND (NEW.definition <> OLD.definition OR NEW.definition_hash <> OLD.definition_hash
                               OR NEW.number <> OLD.number OR NEW.rule_id <> OLD.rule_id OR NEW.state = 'draft') THEN
    RAISE EXCEPTION 'rule version % was published and never changes', OLD.number USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ruleversion_guard BEFORE UPDATE OR DELETE ON rotation_ruleversion FOR EACH ROW EXECUTE FUNCTION carteira_ruleversion_guard();
"""
NO_GUARD = "DROP TRIGGER ruleversion_guard ON rotation_ruleversion; DROP FUNCTION carteira_ruleversion_guard();"


class Migration(migrations.Migration):
    dependencies = [("rotation", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
