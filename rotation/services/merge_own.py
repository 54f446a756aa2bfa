"""Where two registrations both say something of their own fields, or of one person, and say it differently: which of the two stays.

The survivor's row takes the other's values and notes what it said, so that undoing a merge says it again unless somebody wrote since.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from clients.models import ClientMerge

# What one person may say differently in the two registrations; of the chosen entry what is empty is filled from the other.
CONTACT = ("role", "decision_role", "email", "phone", "preferred_channel")
OWN, PERSON = "own-", "person-"
_VALUE = ("value", "set_at", "set_by_id")


def own_chosen(take: Mapping[str, str]) -> list[int]:
    """Ids of the own fields of which the absorbed client's value stays."""
    return _chosen(take, OWN)


def people_chosen(take: Mapping[str, str]) -> list[int]:
    """Ids of contacts of either client of whom the absorbed client's details stay, against those of the namesake at the survivor."""
    return _chosen(take, PERSON)


def _chosen(take: Mapping[str, str], prefix: str) -> list[int]:
    ids = [name.removeprefix(prefix) for name, whose in take.items() if name.startswith(prefix) and whose == "absorbed"]
    return sorted(int(text) for text in ids if text.isascii() and text.isdigit() and len(text) < 16)


_THEIRS = "(a.id = ANY(%(people)s::bigint[]) OR m.id = ANY(%(people)s::bigint[]))"
_NOW = {
    name: f"CASE WHEN {_THEIRS} THEN coalesce(nullif(a.{name}, ''), m.{name}) ELSE coalesce(nullif(m.{name}, ''), a.{name}) END"
    for name in CONTACT
}
# A person both had under one name stays one.
_FILL = f"""
WITH filled AS (
  UPDATE clients_contact m SET {", ".join(f"{name} = {now}" for name, now in _NOW.items())}
    FROM clients_contact a, clients_contact o
   WHERE m.organization_id = %(organization)s AND m.client_id = %(survivor)s AND o.organization_id = m.organization_id AND o.id = m.id
     AND a.organization_id = m.organization_id AND a.client_id = %(absorbed)s AND a.name = m.name
     AND ({" OR ".join(f"m.{name} <> {now}" for name, now in _NOW.items())})
  RETURNING m.id, jsonb_build_object({", ".join(f"'{name}', o.{name}" for name in CONTACT)}) AS before, md5(to_jsonb(m)::text) AS digest
)
INSERT INTO clients_mergedrow (organization_id, merge_id, "table", row_id, before, digest)
SELECT %(organization)s, %(merge)s, 'clients_contact:filled', id, before, digest FROM filled"""  # noqa: S608 - constants of this module
_UNFILL = f"""
UPDATE clients_contact m SET {", ".join(f"{name} = r.before->>'{name}'" for name in CONTACT)} FROM clients_mergedrow r
 WHERE r.organization_id = %(organization)s AND r.merge_id = %(merge)s AND r."table" = 'clients_contact:filled'
   AND m.organization_id = r.organization_id AND m.id = r.row_id AND md5(to_jsonb(m)::text) = r.digest"""  # noqa: S608
_CHOOSE = f"""
WITH chosen AS (
  UPDATE clients_customvalue m SET {", ".join(f"{name} = a.{name}" for name in _VALUE)}
    FROM clients_customvalue o, clients_customvalue a
    LEFT JOIN clients_contact p ON p.organization_id = a.organization_id AND p.id = a.contact_id
   WHERE m.organization_id = %(organization)s AND m.client_id = %(survivor)s AND o.organization_id = m.organization_id AND o.id = m.id
     AND a.organization_id = m.organization_id AND a.client_id = %(absorbed)s AND a.field_id = m.field_id AND a.value <> m.value
     AND (m.contact_id IS NULL AND a.contact_id IS NULL AND m.field_id = ANY(%(own)s::bigint[])
          OR (a.contact_id = ANY(%(people)s::bigint[]) OR m.contact_id = ANY(%(people)s::bigint[])) AND EXISTS (
            SELECT FROM clients_contact k WHERE k.organization_id = m.organization_id AND k.id = m.contact_id AND k.name = p.name))
  RETURNING m.id, jsonb_build_object({", ".join(f"'{name}', o.{name}" for name in _VALUE)}) AS before, md5(to_jsonb(m)::text) AS digest
)
INSERT INTO clients_mergedrow (organization_id, merge_id, "table", row_id, before, digest)
SELECT %(organization)s, %(merge)s, 'clients_customvalue:chosen', id, before, digest FROM chosen"""  # noqa: S608
_UNCHOOSE = """
WITH c AS (
  SELECT row_id, before, digest FROM clients_mergedrow
   WHERE organization_id = %(organization)s AND merge_id = %(merge)s AND "table" = 'clients_customvalue:chosen'
), returned AS (
  UPDATE clients_customvalue m
     SET value = c.before->>'value', set_at = (c.before->>'set_at')::timestamptz, set_by_id = (c.before->>'set_by_id')::bigint FROM c
   WHERE m.organization_id = %(organization)s AND m.id = c.row_id AND md5(to_jsonb(m)::text) = c.digest
  RETURNING m.id
)
SELECT row_id FROM c WHERE row_id NOT IN (SELECT id FROM returned) ORDER BY row_id"""


def keep_chosen(merge: ClientMerge, take: Mapping[str, str]) -> int:
    """Let the survivor say what was chosen, of its own fields and of people both knew; call it once rows were moved.

    Returns how many values of own fields were taken from the absorbed client.
    """
    values = _parameters(merge) | {"own": own_chosen(take), "people": people_chosen(take)}
    with connection.cursor() as cursor:
        cursor.execute(_FILL, values)
        cursor.execute(_CHOOSE, values)
        return cursor.rowcount


def restore_chosen(merge: ClientMerge) -> list[dict[str, Any]]:
    """Let the survivor say again what it said; call it before rows go back. What somebody wrote since stays and is named."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFILL, _parameters(merge))
        cursor.execute(_UNCHOOSE, _parameters(merge))
        left = [row[0] for row in cursor.fetchall()]
    return [{"what": "clients_customvalue", "n": len(left), "ids": left[:20]}] if left else []


def _parameters(merge: ClientMerge) -> dict[str, Any]:
    ids = {"survivor": merge.survivor_id, "absorbed": merge.absorbed_id}
    return {"organization": merge.organization_id, "merge": merge.pk, **ids}
