"""The organization's own words that a rule may name: segments, cities, labels, people, teams."""

from collections.abc import Iterable

from django.db import connection
from psycopg2 import sql

from accounts.models import Representative, Team
from accounts.tenancy import active_organization_id

MOST_WORDS = 60
_COLUMNS = {"segment": "segment", "uf": "state", "region": "state", "city": "city", "size": "size"}
_WORDS = sql.SQL("""
    SELECT {column} FROM clients_client WHERE organization_id = %s AND {column} <> ''
    GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT %s
""")
_TAG_WORDS = """
    SELECT word FROM clients_client, unnest(tags) AS word WHERE organization_id = %s AND cardinality(tags) > 0
    GROUP BY word ORDER BY count(*) DESC, word LIMIT %s
"""


def words_in_use(fields: Iterable[str]) -> dict[str, list[str]]:
    """Of each of these fields (segment, uf, region, city, size, tags) the words most clients have, most frequent first.

    At most ``MOST_WORDS`` each; one query a field.
    """
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for name in sorted(set(fields)):
            if name == "tags":
                cursor.execute(_TAG_WORDS, [active_organization_id(), MOST_WORDS])
            elif name in _COLUMNS:
                cursor.execute(_WORDS.format(column=sql.Identifier(_COLUMNS[name])), [active_organization_id(), MOST_WORDS])
            else:
                continue
            found[name] = [row[0] for row in cursor.fetchall()]
    return found


def people_in_use(fields: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """Of ``owner`` and ``team`` among the fields, everyone there is: (id, name as shown); one query each."""
    found: dict[str, list[tuple[int, str]]] = {}
    asked = set(fields)
    if "owner" in asked:
        rows = Representative.objects.order_by("code").values_list("pk", "code", "name")
        found["owner"] = [(pk, f"{code} {name}") for pk, code, name in rows]
    if "team" in asked:
        found["team"] = list(Team.objects.order_by("name").values_list("pk", "name"))
    return found
