"""Finding clients, and the people at them, by what a person types: words begun, accents left out, one typo forgiven."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from clients.models import Client, Contact
from clients.selectors.by_word import client_ids, is_few_people, one_typo, typed_terms
from clients.selectors.client_filter import ClientFilter
from clients.selectors.lifecycle import Limits
from clients.selectors.lists import ListedClient, client_rows
from clients.selectors.visibility import Reach, clients_within
from clients.selectors.words import search_tokens, telling

FEW = 5  # fewer answers than this, and what may have been meant is looked for too
FEW_OWN = 1  # among one person's few clients the beginning of a word names one or two, and these are meant


@dataclass(frozen=True)
class Found:
    """Clients found by the words as typed, and after them those found by words one typo away (``meant``); each by name."""

    rows: Sequence[ListedClient]
    meant: Sequence[ListedClient]


def found_clients(reach: Reach, q: str, *, size: int = 25, as_of: date, limits: Limits) -> Found:
    """The clients of ``reach`` that ``q`` names; six queries at most, however many there are.

    Fewer than five (none, among a person's own): the words every company has (comercial, ltda) may be left out and one word may
    hold one typo; a whole word one typo away comes before the beginning of one.
    """
    tokens = search_tokens(q)
    if not tokens:
        return Found([], [])
    typed = typed_terms(tokens)
    found = client_ids(reach, [typed], most=2 * size)
    meant: list[int] = []
    few = FEW_OWN if is_few_people(reach) else FEW
    if len(found) < few:
        words = telling(tokens)
        terms = typed if words == tokens else typed_terms(words)
        ways = [] if words == tokens else [terms]
        whole, begun = one_typo(words, terms)
        for more in (ways + whole, begun):
            if more and len(found) + len(meant) < few:
                meant += [pk for pk in client_ids(reach, more, most=2 * size) if pk not in found and pk not in meant]
    if not found and not meant:
        return Found([], [])
    both = Client.objects.filter(pk__in=[*found, *meant])
    rows = client_rows(both, ClientFilter(size=len(found) + len(meant)), as_of=as_of, limits=limits, counted=False).rows
    first = set(found)
    answer = [row for row in rows if row.pk in first][:size]
    return Found(answer, [row for row in rows if row.pk not in first][: size - len(answer)])


def found_contacts(reach: Reach, q: str, *, size: int = 10) -> list[Contact]:
    """People at clients of ``reach`` whose first or last name begins with the words of ``q``, with their client; one query."""
    tokens = search_tokens(q)
    if not tokens or not all(token.isalpha() for token in tokens):
        return []
    whole = " ".join(tokens)
    people = Q(name_key__prefix=whole) | Q(last_name_key__prefix=whole)
    if len(tokens) > 1:
        people |= Q(name_key__prefix=tokens[0], last_name_key__prefix=tokens[-1])
    within = {} if reach.representatives is None else {"client__in": clients_within(reach)}
    return list(Contact.objects.filter(people, **within).select_related("client").order_by("name_key", "pk")[:size])
