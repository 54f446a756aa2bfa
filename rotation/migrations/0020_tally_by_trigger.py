"""Count the proposals of a run as they are written, so that no page counts them all again.

One trigger a statement, whoever writes. A kind's number is the sum of its rows: a writer adds to one that nobody has locked, and
where all are locked, or there is none, writes one more. So nobody waits for a tally, nothing deadlocks on one, and there are at
most as many rows of a kind as there were writers at one time.
"""

from django.db import migrations

KIND = ("organization_id", "run_id", "state", "from_representative_id", "to_representative_id", "rule_version_id")
KIND += ("placed", "postponed", "caution", "abc")
SUMS = ("n", "net_12m_cents", "m_from", "n_from", "m_to", "n_to")
# Receiver, caveats and class are told apart only while nobody has decided: applying ten thousand moves then changes few kinds.
ROW = """
  organization_id, run_id, state, coalesce(from_representative_id, 0) AS from_representative_id,
  CASE WHEN state = 'proposed' THEN coalesce(to_representative_id, 0) ELSE 0 END AS to_representative_id,
  coalesce(rule_version_id, 0) AS rule_version_id, to_representative_id IS NOT NULL AS placed,
  state = 'proposed' AND postponed_at IS NOT NULL AS postponed, state = 'proposed' AND cardinality(caveats) > 0 AS caution,
  CASE WHEN state = 'proposed' THEN abc ELSE '' END AS abc, net_12m_cents,
  CASE WHEN km_to IS NOT NULL THEN round(km_from * 1000)::bigint END AS m_from, round(km_to * 1000)::bigint AS m_to
"""
CHANGED = f"""
  SELECT {", ".join(KIND)}, sum(sign) AS n, sum(sign * net_12m_cents)::bigint AS net_12m_cents,
         coalesce(sum(sign * m_from), 0)::bigint AS m_from, coalesce(sum(sign) FILTER (WHERE m_from IS NOT NULL), 0) AS n_from,
         coalesce(sum(sign * m_to), 0)::bigint AS m_to, coalesce(sum(sign) FILTER (WHERE m_to IS NOT NULL), 0) AS n_to
    FROM ({{rows}}) written GROUP BY {", ".join(KIND)}
"""
# The sub-select takes a row of each kind that is free, through the index: plans are kept from the first, empty days on.
TALLY = f"""
CREATE OR REPLACE FUNCTION {{name}}() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH changed AS MATERIALIZED ({CHANGED}), found AS MATERIALIZED (
    SELECT c.*, free.id AS free_id FROM changed c LEFT JOIN LATERAL (
      SELECT t.id FROM rotation_proposaltally t WHERE {" AND ".join(f"t.{each} = c.{each}" for each in KIND)}
       LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) free ON true
     WHERE {" OR ".join(f"c.{each} <> 0" for each in SUMS)}
  ), added AS (
    UPDATE rotation_proposaltally t SET {", ".join(f"{each} = t.{each} + f.{each}" for each in SUMS)}
      FROM found f WHERE t.organization_id = f.organization_id AND t.id = f.free_id
  )
  INSERT INTO rotation_proposaltally ({", ".join((*KIND, *SUMS))})
  SELECT {", ".join((*KIND, *SUMS))} FROM found WHERE free_id IS NULL;
  RETURN NULL;
END $$;
"""
PLUS, MINUS = (f"SELECT {sign} AS sign, {ROW} FROM {table}" for sign, table in ((1, "new_rows"), (-1, "old_rows")))
ROWS = {"insert": PLUS, "update": f"{PLUS} UNION ALL {MINUS}", "delete": MINUS}
TABLES = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
UP = "".join(
    TALLY.format(name=f"carteira_tally_{act}", rows=rows)
    + f"CREATE TRIGGER proposal_tally_{act} AFTER {act.upper()} ON rotation_proposal REFERENCING {TABLES[act]}"
    f" FOR EACH STATEMENT EXECUTE FUNCTION carteira_tally_{act}();\n"
    for act, rows in ROWS.items()
)
# Room in each page, so that adding to a row writes no index entry.
UP += f"""
ALTER TABLE rotation_proposaltally SET (fillfactor = 60);
INSERT INTO rotation_proposaltally ({", ".join((*KIND, *SUMS))})
SELECT {", ".join((*KIND, *SUMS))} FROM ({CHANGED.format(rows=f"SELECT 1 AS sign, {ROW} FROM rotation_proposal")}) counted;
"""
DOWN = "".join(f"DROP TRIGGER proposal_tally_{act} ON rotation_proposal; DROP FUNCTION carteira_tally_{act}();\n" for act in reversed(ROWS))
DOWN += "DELETE FROM rotation_proposaltally; ALTER TABLE rotation_proposaltally RESET (fillfactor);"


class Migration(migrations.Migration):
    dependencies = [("rotation", "0019_proposal_tally")]
    operations = [migrations.RunSQL(UP, DOWN)]
