"""Figures of days that are over, as they were kept, for as long as nothing of those days changed.

What is kept is what the family's own statement gave, of everyone: a total, and each representative's. Of a few people it is what
each of them has, and the total adds these up where a family adds up: where no client, visit or order counts for two of them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from datetime import date
from typing import Any, TypeVar

from accounts.tenancy import active_organization_id
from portfolio.selectors.figures.span import Figures, People, Span, rows

T = TypeVar("T")

# In the statement that reads them: what it sees of the facts and what it sees of their changes are of one moment.
_UNCHANGED = """NOT EXISTS (SELECT FROM clients_changedsince c WHERE c.organization_id = %(organization)s AND c.day <= k.until)"""
_ONE = f"""
SELECT k.numbers FROM portfolio_keptfigures k WHERE k.organization_id = %(organization)s AND k.family = %(family)s
   AND k.since = %(since)s AND k.until = %(until)s AND {_UNCHANGED}"""  # noqa: S608 - constants of this module
_MONTHS = f"""
SELECT k.since, k.numbers FROM portfolio_keptfigures k WHERE k.organization_id = %(organization)s AND k.family = %(family)s
   AND k.since = ANY(%(months)s) AND k.until = (k.since + interval '1 month' - interval '1 day')::date AND {_UNCHANGED}"""  # noqa: S608


def kept_numbers(family: str, span: Span) -> dict[str, Any] | None:
    """The numbers kept of the family over the span as they are stored; None where there are none, or none that hold. One statement.

    A span that reaches the present is not over, and nothing is asked.
    """
    if span.now:
        return None
    given = {"organization": active_organization_id(), "family": family, "since": span.since, "until": span.until}
    for (numbers,) in rows(_ONE, given):
        return json.loads(numbers)
    return None


def kept_figures(family: str, make: Callable[..., T], span: Span, people: People, *, adds_up: bool = True) -> Figures[T] | None:
    """The same as figures of those people; None also where their total cannot be told from each one's own."""
    numbers = kept_numbers(family, span)
    if numbers is None:
        return None
    wanted = frozenset(people or ())
    by = {person: make(*own) for person, *own in numbers["by"] if people is None or person in wanted}
    if len(by) == len(numbers["by"]):  # all there are: what nobody answered for is not among a few people's
        return Figures(make(*numbers["total"]), by)
    if not adds_up and len(by) > 1:
        return None
    return Figures(make(*added([own for person, *own in numbers["by"] if person in wanted])), by)


def kept_months(family: str, months: Sequence[date], people: People) -> Mapping[date, list[int]]:
    """What the family, which adds up, came to in each of these months that is kept whole; one statement."""
    given = {"organization": active_organization_id(), "family": family, "months": list(months)}
    wanted = None if people is None else set(people)
    found = {}
    for month, text in rows(_MONTHS, given):
        numbers = json.loads(text)
        found[month] = numbers["total"] if wanted is None else added([own for person, *own in numbers["by"] if person in wanted])
    return found


def numbers_of(figure: Any) -> tuple[int, ...]:
    """A family's numbers in order, as they are kept."""
    return astuple(figure)


def added(rows_of: Sequence[Sequence[int]]) -> list[int]:
    """The sums of the columns; none where there is no row."""
    return [sum(column) for column in zip(*rows_of, strict=True)]


def kept_by_month(
    family: str, make: Callable[..., T], span: Span, people: People, count: Callable[[Span, People], Figures[T]]
) -> Figures[T] | None:
    """A family that adds up over days too: kept of the span, or of each of its months that are over, with the last counted if it is not.

    None where one of those months is not kept; two statements, and the counting.
    """
    if (whole := kept_figures(family, make, span, people)) or span.n_months == 1:
        return whole
    months, open_to = span.each_month(), span.now or span.partial
    over = months[:-1] if open_to else months
    given = {"organization": active_organization_id(), "family": family, "months": over}
    parts = [
        Figures(n["total"], {person: own for person, *own in n["by"]}) for n in (json.loads(text) for _month, text in rows(_MONTHS, given))
    ]
    if len(parts) < len(over):
        return None
    if open_to:
        last = count(Span(months[-1], span.until, cut=span.cut, now=span.now), people)
        parts.append(Figures(numbers_of(last.total), {person: numbers_of(own) for person, own in last.by.items()}))
    wanted = None if people is None else set(people)
    own: dict[int | None, list[int]] = {}
    for part in parts:
        for person, numbers in part.by.items():
            if wanted is None or person in wanted:
                own[person] = added([own[person], numbers]) if person in own else list(numbers)
    total = added([part.total for part in parts]) if people is None else added(list(own.values()))
    return Figures(make(*total), {person: make(*numbers) for person, numbers in own.items()})
