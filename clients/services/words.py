"""The words clients are found by: of their names, code, CNPJ and phone; kept as rows, because LIKE cannot use an index under a policy."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from accounts.tenancy import active_organization_id

# Letters and digits of the names and the code without accents, the tax id, and the phone's digits; as Unaccented does.
# The phone stands once more without country and area, which people leave out: nine digits of a mobile's, else eight.
# What was merged into a client is found by its own names and numbers too, and is not found itself.
_WORDS = r"""
own AS (
    SELECT id, name, trade_name, code, tax_id, phone FROM clients_client
     WHERE organization_id = %(organization)s AND id = ANY(%(clients)s) AND merged_into_id IS NULL
    UNION ALL
    SELECT merged_into_id, name, trade_name, code, tax_id, phone FROM clients_client
     WHERE organization_id = %(organization)s AND merged_into_id = ANY(%(clients)s)
), found AS (
    SELECT DISTINCT c.id AS client_id, left(word, 60) AS word
      FROM own c, LATERAL (SELECT regexp_replace(c.phone, '[^0-9]', '', 'g') AS digits) p, LATERAL unnest(
           regexp_split_to_array(lower(regexp_replace(normalize(c.name || ' ' || c.trade_name || ' ' || c.code, NFKD),
                                                      '[\u0300-\u036f]', '', 'g')), '[^[:alnum:]]+')
           || lower(c.code) || lower(c.tax_id) || p.digits
           || CASE WHEN length(p.digits) <= 9 THEN '' WHEN length(p.digits) %% 2 = 1 THEN right(p.digits, 9) ELSE right(p.digits, 8) END
           ) AS word
     WHERE word <> ''
)
"""
_INSERT_FIRST = f"""WITH {_WORDS} INSERT INTO clients_clientword (organization_id, client_id, word)
SELECT %(organization)s, client_id, word FROM found ORDER BY client_id, word
"""  # noqa: S608 - constants of this module
_INSERT = f"{_INSERT_FIRST} ON CONFLICT (organization_id, client_id, word) DO NOTHING"
_DELETE = f"""WITH {_WORDS} DELETE FROM clients_clientword w
 WHERE w.organization_id = %(organization)s AND w.client_id = ANY(%(clients)s)
   AND NOT EXISTS (SELECT FROM found f WHERE f.client_id = w.client_id AND f.word = w.word)
"""  # noqa: S608 - constants of this module


def refresh_words(client_ids: Sequence[int], *, new: bool = False) -> None:
    """Make the stored words of these clients those of their present names and numbers.

    Parameters
    ----------
    client_ids : ids of the active organization
    new : the clients have no words yet, so there are none to delete
    """
    if not client_ids:
        return
    facts: dict[str, Any] = {"organization": active_organization_id(), "clients": list(client_ids)}
    with connection.cursor() as cursor:
        if not new:
            cursor.execute(_DELETE, facts)
        cursor.execute(_INSERT_FIRST if new else _INSERT, facts)
