"""Figures as they were kept: of days that are over for as long as nothing of those days changed, of the present for less than a minute.

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
_OVER = f"k.true_at IS NULL AND {_UNCHANGED}"
# What reaches the present may change with every order and visit. While it is read it is counted again wherever something did
# (``keep_present``), well within this time; what was not known to be true since then is read by nobody, so that a new order or visit
# shows within the minute it is promised in. When that was, is told by the database's clock, here and there.
PRESENT_SECONDS = 50
_PRESENT = "k.true_at > statement_timestamp() - make_interval(secs => %(present)s)"
_ONE = """
SELECT k.numbers FROM portfolio_keptfigures k WHERE k.organization_id = %(organization)s AND k.family = %(family)s
   AND k.since = %(since)s AND k.until = %(until)s AND """
_MONTHS = f"""
SELECT k.since, {{numbers}} FROM portfolio_keptfigures k WHERE k.organization_id = %(organization)s AND k.family = %(family)s
   AND k.since = ANY(%(months)s) AND (k.until = (k.since + interval '1 month' - interval '1 day')::date AND {_OVER}
                                      OR k.since = %(last)s AND k.until = %(until)s AND {_PRESENT})"""  # noqa: S608 - constants


def kept_numbers(family: str, span: Span) -> dict[str, Any] | None:
    """The numbers kept of the family over the span as they are stored; None where there are none, or none that hold. One statement."""
    given = {"organization": active_organization_id(), "family": family, "since": span.since, "until": span.until}
    for (numbers,) in rows(_ONE + (_PRESENT if span.now else _OVER), given | {"present": PRESENT_SECONDS}):
        return json.loads(numbers)
    return None


def kept_today(family: str, today: date, people: People) -> list[list[Any]] | None:
    """The rows of a family that speaks of no months but of ``today``, each of one of these people: (representative, ...).

    It is kept with the month in course.
    """
    numbers = kept_numbers(family, Span.month(today, as_of=today))
    wanted = frozenset(people or ())
    return None if numbers is None else [row for row in numbers["by"] if people is None or row[0] in wanted]


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


def kept_months(family: str, span: Span, people: People) -> Mapping[date, list[int]]:
    """What the family, which adds up, came to in each of the span's months that is kept whole, or up to now; one statement."""
    wanted = None if people is None else set(people)
    return {
        month: numbers["total"] if wanted is None else added([own for person, *own in numbers["by"] if person in wanted])
        for month, numbers in _each_month(family, span, each=people is not None).items()
    }


def _each_month(family: str, span: Span, *, each: bool = True) -> dict[date, dict[str, Any]]:
    """A month that is not there to its end, and not up to now, is not among them. Without ``each``, nobody's own is."""
    numbers = "k.numbers" if each else """jsonb_set(k.numbers - 'by', '{by}', '[]')"""
    months = span.each_month()
    given = {"organization": active_organization_id(), "family": family, "until": span.until, "present": PRESENT_SECONDS}
    given |= {"months": months if span.now or not span.partial else months[:-1], "last": span.last_month if span.now else None}
    return {month: json.loads(text) for month, text in rows(_MONTHS.format(numbers=numbers), given)}


def numbers_of(figure: Any) -> tuple[int, ...]:
    """A family's numbers in order, as they are kept."""
    return astuple(figure)


def added(rows_of: Sequence[Sequence[int]]) -> list[int]:
    """The sums of the columns; none where there is no row."""
    return [sum(column) for column in zip(*rows_of, strict=True)]


def kept_by_month(
    family: str, make: Callable[..., T], span: Span, people: People, count: Callable[[Span, People], Figures[T]], *, each: bool = True
) -> Figures[T] | None:
    """A family that adds up over days too: kept of the span, or of each of its months, with the last counted if it is not over.

    None where one of those months is not kept; two statements, and the counting. Without ``each`` no more than the total is asked for:
    of everybody's months it is found without going through a thousand people's.
    """
    alone = span.n_months == 1
    if (alone or not span.now) and ((whole := kept_figures(family, make, span, people)) or alone):
        return whole
    months, open_to = span.each_month(), span.now or span.partial
    kept = _each_month(family, span, each=each or people is not None)
    if not kept.keys() >= {*(months[:-1] if open_to else months)}:
        return None
    parts = [Figures(n["total"], {person: own for person, *own in n["by"]}) for n in kept.values()]
    if months[-1] not in kept:
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
