"""One notice a person for a whole occasion, however many clients and batches it takes."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import Notice
from accounts.tenancy import active_organization_id

NAMED = 5  # clients a digest names; the rest are a number


@dataclass(frozen=True)
class Occasion:
    """What a set of transfers belongs to; ``facts`` go into the notices (``{"run": 7}``)."""

    key: str = field(default_factory=lambda: f"transfer:{uuid.uuid4()}")
    facts: dict[str, Any] = field(default_factory=dict)


# A later batch of the same occasion adds to the notice, and shows it as unread again.
_ADD = """
INSERT INTO accounts_notice AS n (organization_id, membership_id, kind, key, facts, created_at)
SELECT %(organization)s, d.membership_id, d.kind, d.key, d.facts, now()
  FROM unnest(%(membership)s::bigint[], %(kind)s::text[], %(key)s::text[], %(facts)s::jsonb[]) AS d(membership_id, kind, key, facts)
 ORDER BY d.membership_id, d.key
ON CONFLICT (organization_id, membership_id, key) DO UPDATE SET
  read_at = NULL,
  facts = n.facts || jsonb_build_object(
    'n', (n.facts->>'n')::int + (excluded.facts->>'n')::int,
    'clients', jsonb_path_query_array((n.facts->'clients') || (excluded.facts->'clients'), '$[0 to %(last)s]'))
"""


def tell_owners(
    occasion: Occasion,
    *,
    given: dict[int, list[tuple[int, str]]],
    received: dict[int, list[tuple[int, str]]],
    members: dict[int, int],
    source: str,
    on: date,
) -> None:
    """Notices ``clients_given`` and ``clients_received``; representatives without a sign-in get none.

    Facts: ``n`` clients, the first five as ``clients`` [[id, name], ...], ``source``, ``on`` (ISO day), and the occasion's own.
    """
    columns: dict[str, list] = {"membership": [], "kind": [], "key": [], "facts": []}
    for kind, parts in ((Notice.Kind.CLIENTS_GIVEN, given), (Notice.Kind.CLIENTS_RECEIVED, received)):
        for representative_id, clients in parts.items():
            if representative_id not in members:
                continue
            facts = occasion.facts | {"n": len(clients), "clients": clients[:NAMED], "source": source, "on": on.isoformat()}
            columns["membership"].append(members[representative_id])
            columns["kind"].append(str(kind.value))
            columns["key"].append(f"{occasion.key}:{kind.value}")
            columns["facts"].append(json.dumps(facts))
    if columns["membership"]:
        with connection.cursor() as cursor:
            cursor.execute(_ADD, columns | {"organization": active_organization_id(), "last": NAMED - 1})
