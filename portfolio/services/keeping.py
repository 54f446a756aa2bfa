"""Keeps the panel's figures of days that are over, and keeps anew those of which a fact changed."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import Organization
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.limits import allow_minutes
from clients.models import ChangedSince, Client
from clients.selectors.lifecycle import Limits
from portfolio.models import KeptFigures
from portfolio.selectors.figures import Figures, Span
from portfolio.selectors.figures.base import movement_counted, movement_family
from portfolio.selectors.figures.kept import numbers_of
from portfolio.selectors.figures.reach import moves_counted, reached_counted, visits_counted
from portfolio.selectors.figures.selling import mix_counted, month_counted, sales_counted
from portfolio.selectors.figures.standing import states_counted

# Below this many clients the figures are counted in less than the panel may take.
MANY_CLIENTS = 5_000
MONTHS_KEPT = 13  # those the panel offers, and the one the oldest is compared with
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
_STORE = """
INSERT INTO portfolio_keptfigures (organization_id, family, since, until, numbers) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (organization_id, family, since, until) DO UPDATE SET numbers = excluded.numbers
"""
Kept = tuple[date, date, str]  # since, until, family


def spans_kept(today: date) -> list[Span]:
    """The spans the panel opens with that are over on ``today``: each month of a year and one more, the last twelve together and the
    quarter that ended last, what each of these is compared with, and what the month and the quarter in course are."""
    month, quarter = Span.month(today, as_of=today), _quarter(today, today)
    months = [month]
    while len(months) <= MONTHS_KEPT:
        months.append(months[-1].before_last())
    year = Span(months[12].since, months[1].until)
    past = _quarter(_day_before(quarter.since), today)
    every = [*months[1:], month.before(), quarter.before(), past, past.before(), year, year.before()]
    return list({(span.since, span.until): span for span in every}.values())


def _quarter(day: date, today: date) -> Span:
    first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return Span.months(first, min(first.replace(month=first.month + 2), today), as_of=today)


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _stored(found: Figures[Any]) -> dict[str, Any]:
    return {"total": numbers_of(found.total), "by": [(person, *numbers_of(own)) for person, own in found.by.items()]}


def families(limits: Limits) -> dict[str, Callable[[Span], dict[str, Any]]]:
    """Every family that is kept: its name, and what counts it from the facts."""
    return {
        "sales": lambda span: _stored(sales_counted(span)),
        "reached": lambda span: _stored(reached_counted(span)),
        "visits": lambda span: _stored(visits_counted(span)),
        "moves": lambda span: _stored(moves_counted(span)),
        "mix": lambda span: _stored(mix_counted(span)),
        movement_family(limits): lambda span: _stored(movement_counted(span, limits)),
        "states": lambda span: {"total": [], "by": [numbers_of(row) for row in states_counted(span)]},
    }


def _wanted(spans: Iterable[Span], limits: Limits) -> Iterator[tuple[Kept, Callable[[], dict[str, Any]]]]:
    for span in spans:
        for family, count in families(limits).items():
            yield (span.since, span.until, family), lambda span=span, count=count: count(span)  # type: ignore[misc]
        if span.n_months == 1 and not span.cut:
            yield (span.since, span.until, "month"), lambda span=span: month_counted(span)  # type: ignore[misc]


def worth_keeping(organization: Organization, *, today: date) -> bool:
    """Whether the active organization is large, and figures it should have kept are not there or hold no longer; a few statements."""
    if len(Client.objects.values_list("pk")[:MANY_CLIENTS]) < MANY_CLIENTS:
        return False
    wanted = [key for key, _count in _wanted(spans_kept(today), Limits.of(organization))]
    last = max(until for _since, until, _family in wanted)
    return ChangedSince.objects.filter(day__lte=last).exists() or not set(wanted) <= _there()


def _there() -> set[Kept]:
    return set(KeptFigures.objects.values_list("since", "until", "family"))


def keep_figures(organization_id: int, *, spans: Sequence[Span]) -> int:
    """Count and keep what of these spans is not kept or holds no longer; what is kept of others is let go.

    One transaction: what is kept and the changes it takes in become visible together. Of two at once the second does nothing. A change
    committed after this began leaves its row, and what it touches is counted again the next time. Returns how many families were counted.

    Parameters
    ----------
    spans : days that are over, and none that was not when they were: ``spans_kept`` of the organization's day

    Raises
    ------
    ValueError
        A span reaches the present.
    """
    if any(span.now for span in spans):
        raise ValueError("figures of days that are not over are not kept")
    with tenant_atomic(organization_id), connection.cursor() as cursor:
        allow_minutes()
        cursor.execute(_LOCK, [f"kept figures:{organization_id}"])
        if not cursor.fetchone()[0]:
            return 0
        # Before anything is counted: each statement below sees at least what these rows speak of.
        changes = dict(ChangedSince.objects.values_list("pk", "day"))
        changed = min(changes.values(), default=date.max)
        there, counted = _there(), 0
        wanted = dict(_wanted(spans, Limits.of(Organization.objects.get(pk=organization_id))))
        for key, count in wanted.items():
            if key in there and key[1] < changed:
                continue
            cursor.execute(_STORE, [active_organization_id(), key[2], key[0], key[1], json.dumps(count())])
            counted += 1
        _let_go(there - wanted.keys())
        ChangedSince.objects.filter(pk__in=changes).delete()
        # This transaction's own word was among them: what it may yet change must be told again.
        cursor.execute("SELECT set_config('app.changed_since', '', true)")
        return counted


def _let_go(keys: set[Kept]) -> None:
    for since, until, family in keys:
        KeptFigures.objects.filter(since=since, until=until, family=family).delete()
