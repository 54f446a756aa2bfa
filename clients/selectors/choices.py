"""What a list of clients can be narrowed to: the states (UF) and segments that occur in it."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.tenancy import active_organization_id
from clients.models import Client

MOST = 60

# DISTINCT reads every client of the company; this asks the index for the first value, then for the first one beyond it.
_HOP = """
    {column}_of(value) AS (
        (SELECT {column} FROM clients_client WHERE organization_id = %(organization)s AND {column} > '' ORDER BY {column} LIMIT 1)
        UNION ALL
        SELECT (SELECT c.{column} FROM clients_client c
                WHERE c.organization_id = %(organization)s AND c.{column} > found.value ORDER BY c.{column} LIMIT 1)
        FROM {column}_of found WHERE found.value IS NOT NULL
    )"""
_TAKE = """
    ARRAY(SELECT found.value FROM {column}_of found WHERE found.value IS NOT NULL {within} LIMIT %(most)s)"""
# A probe of the index for each representative until one holds; as a plain EXISTS the planner would read every client instead.
_WITHIN = """AND (SELECT true FROM unnest(%(reach)s::bigint[]) AS reach(id), LATERAL (
        SELECT FROM clients_client c WHERE c.organization_id = %(organization)s AND c.{column} = found.value
            AND c.representative_id = reach.id LIMIT 1) held LIMIT 1)"""


def list_choices(reach: Sequence[int] | None) -> tuple[list[str], list[str]]:
    """States and segments of the clients of these representatives (None: of all clients), sorted, 60 of each at most; one query."""
    columns = ("state", "segment")
    within = "" if reach is None else _WITHIN
    hops = ",".join(_HOP.format(column=column) for column in columns)
    takes = ",".join(_TAKE.format(column=column, within=within.format(column=column)) for column in columns)
    values: dict[str, Any] = {"organization": active_organization_id(), "most": MOST, "reach": list(reach or [])}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH RECURSIVE {hops} SELECT {takes}", values)
        states, segments = cursor.fetchone()
    return sorted(states), sorted(segments)


LOOKED_AT = 3_000  # clients that hints are taken from


def hints(clients: QuerySet[Client]) -> tuple[list[str], list[str], list[str]]:
    """Cities, sizes and tags that occur among the first clients by name, sorted, 60 of each at most; one query.

    Hints of what may be typed, not all there is: reading every client of a large company would cost more than the list itself.
    """
    cities, sizes, tags = set(), set(), set()
    for city, size, tagged in clients.order_by("name_key", "id").values_list("city", "size", "tags")[:LOOKED_AT]:
        cities.add(city)
        sizes.add(size)
        tags.update(tagged)
    return tuple(sorted(filter(None, found))[:MOST] for found in (cities, sizes, tags))  # type: ignore[return-value]
