"""Clients by the words stored of them, beginning where it costs least.

The planner is told where to begin, because it cannot know: at the rarest word, or, where the reach is one person's few clients,
at these. Left to itself it reads thousands of clients in the order of their names for two words that meet in three of them.

A row holds up to three words of its client, and two numbers (``ClientWord``): whatever looks for a word looks in each of these places.

Nothing is stored for typos. Of a word of n letters about 54 n others are one typo away; each is looked for in the index of words,
which costs two microseconds, so every client one typo away is found, and imports write nothing for it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from accounts.tenancy import active_organization_id
from clients.selectors.visibility import Reach
from clients.selectors.words import PLACES, WORD_PLACES, corrections, places_of, spellings

COMMON = 500  # words of more clients than this are not where a search begins, if it can be helped
MOST_READ = 20_000  # clients of one word that are followed up
MOST_GUESSED = 1_000  # and of each beginning one typo away
FEW_PEOPLE = 3  # representatives whose clients are read one by one
END = chr(0x10FFFF)  # after every word that begins with what stands before it; words compare byte by byte


class Term(NamedTuple):
    """One word of a search: the stored words that will do, whole or as their beginning, and how many rows they have, up to COMMON."""

    words: list[str]
    whole: bool
    rows: int

    @property
    def ends(self) -> list[str]:
        """Where the range of each word ends; chr(1) comes before any letter, so that a whole word's range holds it alone."""
        return [word + (chr(1) if self.whole else END) for word in self.words]


def _each(part: str, between: str, places: Sequence[str] = PLACES) -> str:
    """The same part of a statement for every place a word can stand in, each of which has its own index."""
    return between.join(part.replace("{word}", f"w.{place}") for place in places)


# How many rows each range holds, counted only as far as it matters.
_FEW = """(SELECT count(*) FROM (SELECT FROM clients_clientword w WHERE w.organization_id = %(organization)s
                AND {word} >= span.word AND {word} < span.word || %(end)s LIMIT %(common)s) few)"""
_COUNTS = f"""
SELECT span.place, least(sum({_each(_FEW, " + ")}), %(common)s)::int
  FROM unnest(%(places)s::int[], %(words)s::text[]) AS span(place, word)
 GROUP BY span.place
"""  # noqa: S608 - constants of this module, as below
# The first word at or after each typo is the typo itself (a whole word), or one that begins with it, or nothing of it.
_NEXT = """(SELECT {word} FROM clients_clientword w
                      WHERE w.organization_id = %(organization)s AND {word} >= span.word ORDER BY {word} LIMIT 1)"""
_MEANT = f"""
SELECT span.place, span.word, next.word = span.word, least({_each(_FEW, " + ", WORD_PLACES)}, %(common)s)::int
  FROM unnest(%(places)s::int[], %(words)s::text[]) AS span(place, word)
 CROSS JOIN LATERAL (SELECT least({_each(_NEXT, ", ", WORD_PLACES)}) AS word OFFSET 0) next
 WHERE next.word ^@ span.word
"""  # noqa: S608
# LIMIT inside each LATERAL keeps the order of the loops as written; the places are merged in the order of their words.
_IN_ORDER = """SELECT {word} AS word, w.client_id FROM clients_clientword w
                      WHERE w.organization_id = %s AND {word} >= span.low AND {word} < span.high"""
_BY_WORD = """
SELECT found.client_id FROM unnest(%s::text[], %s::text[]) AS span(low, high)
 CROSS JOIN LATERAL (SELECT word, client_id FROM ({places}) w ORDER BY word, client_id LIMIT %s) found"""
_BY_CLIENT = """
SELECT found.client_id FROM (SELECT id AS client_id FROM clients_client
                              WHERE organization_id = %s AND (representative_id = ANY(%s) OR id = ANY(%s))) found"""
_HAS = """
 CROSS JOIN LATERAL (SELECT FROM clients_clientword w WHERE w.organization_id = %s
                        AND w.client_id = found.client_id AND {test} LIMIT 1) {name}"""
_BEGINS, _ONE_OF, _BEGINS_WITH_ONE_OF = "({word} >= %s AND {word} < %s)", "{word} = ANY(%s)", "{word} ^@ ANY(%s)"
_REACHED = """
 CROSS JOIN LATERAL (SELECT FROM clients_client c WHERE c.organization_id = %s AND c.id = found.client_id
                        AND (c.representative_id = ANY(%s) OR c.id = ANY(%s)) LIMIT 1) reached"""


def rare_clients(tokens: Sequence[str]) -> list[int] | None:
    """The clients of the company with every word, where one of the words is rare: one query or two; None where each is common."""
    terms = typed_terms(tokens)
    if min(term.rows for term in terms) >= COMMON:
        return None
    return client_ids(Reach(None, []), [terms], most=COMMON)


def typed_terms(tokens: Sequence[str]) -> list[Term]:
    """Each word as typed, a beginning, in the ways numbers are written; one query."""
    spelled = [spellings(token) for token in tokens]
    spans = [(place, word) for place, each in enumerate(spelled) for word in each]
    places, words = zip(*spans, strict=True)
    counted = dict(_asked(_COUNTS, {"places": list(places), "words": list(words), "end": END}))
    return [Term(each, False, counted.get(place, 0)) for place, each in enumerate(spelled)]


def one_typo(words: Sequence[str], typed: list[Term]) -> tuple[list[list[Term]], list[list[Term]]]:
    """The ways to read the words with one of them corrected: to whole words, and to beginnings of words; one query."""
    pairs = [(place, typo) for place, word in enumerate(words) for typo in corrections(word)]
    if not pairs:
        return [], []
    places, typos = zip(*pairs, strict=True)
    exist = _asked(_MEANT, {"places": list(places), "words": list(typos), "end": END})
    whole: list[Any] = []
    begun: list[Any] = []
    for place, token in enumerate(words):
        for ways, exact in ((whole, True), (begun, False)):
            # The word without its last letter begins with what was typed: as a beginning it corrects nothing.
            meant = [row for row in exist if row[0] == place and (row[2] if exact else row[1] != token[:-1])]
            if meant:
                term = Term([word for _place, word, _exact, _rows in meant], exact, min(COMMON, sum(row[3] for row in meant)))
                ways.append([term, *typed[:place], *typed[place + 1 :]])
    return whole, begun


def _asked(statement: str, facts: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts | {"organization": active_organization_id(), "common": COMMON})
        return cursor.fetchall()


def client_ids(reach: Reach, ways: list[list[Term]], *, most: int) -> list[int]:
    """Clients of the reach with all terms of one of the ways, at most ``most`` of each way, each once; one query."""
    parts: list[str] = []
    values: list[Any] = []
    for terms in ways:
        if any(term.rows == 0 for term in terms):
            continue
        text, told = _way(reach, terms)
        parts.append(f"({text} LIMIT %s)")
        values += [*told, most]
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return list(dict.fromkeys(row[0] for row in cursor.fetchall()))


def is_few_people(reach: Reach) -> bool:
    """Whether the reach is so few portfolios that their clients are read one by one."""
    return reach.representatives is not None and len(reach.representatives) <= FEW_PEOPLE


def _way(reach: Reach, terms: list[Term]) -> tuple[str, list[Any]]:
    organization, everyone = active_organization_id(), reach.representatives is None
    whose: list[Any] = [organization, reach.representatives, reach.beside]
    order = sorted(terms, key=lambda term: term.rows)  # a corrected word comes first among equals
    if is_few_people(reach) or (not everyone and order[0].rows >= COMMON and len(order[0].words) == 1):
        text, values, rest = _BY_CLIENT, list(whose), order
    else:
        places, rest = places_of(order[0].words[0]), order[1:]
        text = _BY_WORD.format(places=_each(_IN_ORDER, " UNION ALL ", places))
        most = MOST_READ if len(order[0].words) == 1 else MOST_GUESSED
        values = [order[0].words, order[0].ends, *[organization] * len(places), most]
    for place, term in enumerate(rest):
        one = len(term.words) == 1
        test, places = _BEGINS if one else _ONE_OF if term.whole else _BEGINS_WITH_ONE_OF, places_of(term.words[0])
        text += _HAS.format(name=f"has_{place}", test=f"({_each(test, ' OR ', places)})")
        values += [organization, *([term.words[0], term.ends[0]] if one else [term.words]) * len(places)]
    if not everyone and not text.startswith(_BY_CLIENT):
        text += _REACHED
        values += whose
    return text, values
