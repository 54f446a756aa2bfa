"""A kind's row is looked up by a plan made for the tally as it is; the first proposals of a run are counted without looking.

A connection keeps a trigger's plan from the first time on. Made while the tally was empty, when any index looks as good, it went on
to read every row of the company for each kind: a run of 40,000 kinds after one of as many took six minutes for its four seconds.
"""

from importlib import import_module

from django.db import migrations

before = import_module("rotation.migrations.0020_tally_by_trigger")
SETTINGS = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
COLUMNS = ", ".join((*before.KIND, *before.SUMS))


def looking(rows: str) -> str:
    """The statement 0020 runs, planned each time it is run."""
    body = before.TALLY.format(name="x", rows=rows)
    statement = body[body.index("  WITH changed") : body.index("  RETURN NULL")].rstrip().removesuffix(";")
    return f"EXECUTE $statement$\n{statement}\n$statement$;"


# Whatever another transaction is writing of the same run meanwhile, the number of a kind is the sum of its rows.
FIRST = f"""
  EXECUTE $statement$
    SELECT EXISTS (SELECT FROM (SELECT DISTINCT organization_id, run_id FROM new_rows) written WHERE EXISTS (
      SELECT FROM rotation_proposaltally t WHERE t.organization_id = written.organization_id AND t.run_id = written.run_id))
  $statement$ INTO counted;
  IF NOT counted THEN
    INSERT INTO rotation_proposaltally ({COLUMNS})
    SELECT {COLUMNS} FROM ({before.CHANGED.format(rows=before.PLUS)}) kinds;
    RETURN NULL;
  END IF;
"""


def function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {SETTINGS} AS $$\nDECLARE counted boolean;\nBEGIN\n{body}\n  RETURN NULL;\nEND $$;\n"


UP = "".join(function(f"carteira_tally_{act}", (FIRST if act == "insert" else "") + looking(rows)) for act, rows in before.ROWS.items())
DOWN = "".join(before.TALLY.format(name=f"carteira_tally_{act}", rows=rows) for act, rows in before.ROWS.items())


class Migration(migrations.Migration):
    dependencies = [("rotation", "0024_counts_of_ended_runs")]
    operations = [migrations.RunSQL(UP, DOWN)]
