"""The words clients are found by: of their names, code, CNPJ and phone; kept as rows, because LIKE cannot use an index under a policy."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from accounts.arrays import array
from accounts.tenancy import active_organization_id

# Letters and digits of the names and the code without accents, the tax id, and the phone's digits; as Unaccented does.
# The phone stands once more without country and area, which people leave out: nine digits of a mobile's, else eight.
# What was merged into a client is found by its own names and numbers too, and is not found itself.
_WORDS = r"""
own AS (
    SELECT id, name, trade_name, code, tax_id, phone FROM clients_client
     WHERE organization_id = %(organization)s AND id = ANY(%(clients)s::bigint[]) AND merged_into_id IS NULL
    UNION ALL
    SELECT merged_into_id, name, trade_name, code, tax_id, phone FROM clients_client
     WHERE organization_id = %(organization)s AND merged_into_id = ANY(%(clients)s::bigint[])
), spelled AS (
    SELECT c.id AS client_id, left(word, 60) AS word, ltrim(word, '0123456789') = '' AS digits
      FROM own c, LATERAL (SELECT regexp_replace(c.phone, '[^0-9]', '', 'g') AS digits) p, LATERAL unnest(
           regexp_split_to_array(lower(regexp_replace(normalize(c.name || ' ' || c.trade_name || ' ' || c.code, NFKD),
                                                      '[\u0300-\u036f]', '', 'g')), '[^[:alnum:]]+')
           || lower(c.code) || lower(c.tax_id) || p.digits
           || CASE WHEN length(p.digits) <= 9 THEN '' WHEN length(p.digits) %% 2 = 1 THEN right(p.digits, 9) ELSE right(p.digits, 8) END
           ) AS word
     WHERE word <> ''
), listed AS (
    SELECT client_id, array_agg(DISTINCT word) FILTER (WHERE NOT digits) AS words, array_agg(DISTINCT word) FILTER (WHERE digits) AS numbers
      FROM spelled GROUP BY client_id
), placed AS (
    -- Two numbers to every row that words make; further ones stand among the words.
    SELECT client_id, words || numbers[1 + room:] AS words, numbers[:room] AS numbers
      FROM listed, LATERAL (SELECT (coalesce(cardinality(words), 0) + 2) / 3 * 2 AS room) r
), found AS (
    SELECT client_id, words[3 * i + 1] AS word, words[3 * i + 2] AS word_2, words[3 * i + 3] AS word_3,
           numbers[2 * i + 1] AS number, numbers[2 * i + 2] AS number_2
      FROM placed, generate_series(0, (cardinality(words) - 1) / 3) AS i
)
"""
_INSERT_FIRST = f"""WITH {_WORDS} INSERT INTO clients_clientword (organization_id, client_id, word, word_2, word_3, number, number_2)
SELECT %(organization)s, client_id, word, word_2, word_3, number, number_2 FROM found ORDER BY client_id, word
"""  # noqa: S608 - constants of this module
_INSERT = f"{_INSERT_FIRST} ON CONFLICT (organization_id, client_id, word) DO NOTHING"
_DELETE = f"""WITH {_WORDS} DELETE FROM clients_clientword w
 WHERE w.organization_id = %(organization)s AND w.client_id = ANY(%(clients)s::bigint[])
   AND NOT EXISTS (SELECT FROM found f WHERE f.client_id = w.client_id AND f.word = w.word
                      AND (f.word_2, f.word_3, f.number, f.number_2)
                          IS NOT DISTINCT FROM (w.word_2, w.word_3, w.number, w.number_2))
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
    facts: dict[str, Any] = {"organization": active_organization_id(), "clients": array(client_ids)}
    with connection.cursor() as cursor:
        if not new:
            cursor.execute(_DELETE, facts)
        cursor.execute(_INSERT_FIRST if new else _INSERT, facts)
