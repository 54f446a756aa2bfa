"""Keeps the panel's figures of days that are over, and keeps anew those of which a fact changed."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
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

MANY_CLIENTS = 5_000
YEAR = 12  # months, as many as the panel offers
ADD_UP = {"sales", "visits", "month"}  # a year's are made of its months'
PAGE = {"sales", "reached", "visits", "states"}
EVERY = ADD_UP | PAGE | {"moves", "mix", "movement"}
_STORE = """
INSERT INTO portfolio_keptfigures (organization_id, family, since, until, numbers) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (organization_id, family, since, until) DO UPDATE SET numbers = excluded.numbers
"""
Kept = tuple[date, date, str]  # since, until, family


def spans_kept(today: date) -> dict[Span, Collection[str]]:
    """The spans the panel opens that are over on ``today``, those opened most first, and which families of each are kept.

    All of them of every month on offer and the one before, of what the month and the quarter in course are compared with, of the
    quarter and the twelve months that ended last and what these are compared with. Of earlier quarters and years what the
    page itself shows, and of earlier months what a line of a year is drawn from.
    """
    month, quarter = Span.month(today, as_of=today), _quarter(today, today)
    months = [month]
    while len(months) <= 3 * YEAR:
        months.append(months[-1].before_last())
    years = [Span(months[n + YEAR - 1].since, months[n].until) for n in range(1, 2 * YEAR + 1)]
    quarters = [_quarter(_day_before(quarter.since), today)]
    while len(quarters) <= YEAR // 3:
        quarters.append(quarters[-1].before())
    whole = [*months[1 : YEAR + 2], month.before(), quarter.before(), *quarters[:2], years[0], years[YEAR]]
    every: dict[Span, Collection[str]] = dict.fromkeys(whole, EVERY)
    for spans, families in ((quarters, PAGE), (years[:YEAR], PAGE), (years, {"reached"}), (months[1:], ADD_UP)):
        every |= {span: {*every.get(span, ()), *families} for span in spans}
    return every


def _quarter(day: date, today: date) -> Span:
    first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return Span.months(first, min(first.replace(month=first.month + 2), today), as_of=today)


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _stored(found: Figures[Any]) -> dict[str, Any]:
    return {"total": numbers_of(found.total), "by": [(person, *numbers_of(own)) for person, own in found.by.items()]}


def families(limits: Limits) -> dict[str, tuple[str, Callable[[Span], dict[str, Any]]]]:
    """Every family that is kept: what it is kept as, and what counts it from the facts."""
    return {
        "sales": ("sales", lambda span: _stored(sales_counted(span))),
        "reached": ("reached", lambda span: _stored(reached_counted(span))),
        "visits": ("visits", lambda span: _stored(visits_counted(span))),
        "month": ("month", month_counted),
        "states": ("states", lambda span: {"total": [], "by": [numbers_of(row) for row in states_counted(span)]}),
        "moves": ("moves", lambda span: _stored(moves_counted(span))),
        "movement": (movement_family(limits), lambda span: _stored(movement_counted(span, limits))),
        "mix": ("mix", lambda span: _stored(mix_counted(span))),
    }


def _keys(spans: Mapping[Span, Collection[str]], limits: Limits) -> Iterator[tuple[Kept, Span, Callable[[Span], dict[str, Any]]]]:
    for span, wanted in spans.items():
        for name, (family, count) in families(limits).items():
            if name in wanted and (name != "month" or (span.n_months == 1 and not span.cut)):
                yield (span.since, span.until, family), span, count


def due(organization: Organization, *, today: date) -> bool:
    """Whether figures the active organization should have kept are not there or hold no longer; a few statements.

    A small one keeps none: the figures are counted in less than the panel may take, and what told of changes is taken away here.
    """
    if len(Client.objects.values_list("pk")[:MANY_CLIENTS]) < MANY_CLIENTS:
        if _alone(organization.pk):
            _let_go(set())
        return False
    wanted = {key for key, _span, _count in _keys(spans_kept(today), Limits.of(organization))}
    last = max(until for _since, until, _family in wanted)
    return ChangedSince.objects.filter(day__lte=last).exists() or not wanted <= _there()


def _there() -> set[Kept]:
    return set(KeptFigures.objects.values_list("since", "until", "family"))


def keep_figures(organization_id: int, *, spans: Mapping[Span, Collection[str]]) -> int:
    """Let go of what holds no longer or is not among these; count and keep what is missing. Returns how many families were counted.

    Each family of a span is a transaction of its own, so that a worker that dies halfway has done half. Of two at once the second does
    nothing. A change committed while something is counted leaves its row, and what it touches is let go and counted again next time.

    Parameters
    ----------
    spans : days that are over, and the names of the families to keep of each: ``spans_kept`` of the organization's day

    Raises
    ------
    ValueError
        A span reaches the present.
    """
    if any(span.now for span in spans):
        raise ValueError("figures of days that are not over are not kept")
    with tenant_atomic(organization_id):
        keys = list(_keys(spans, Limits.of(Organization.objects.get(pk=organization_id))))
        if not _alone(organization_id):
            return 0
        there = _let_go({key for key, _span, _count in keys})
    counted = 0
    for key, span, count in keys:
        if key in there:
            continue
        with tenant_atomic(organization_id), connection.cursor() as cursor:
            if not _alone(organization_id):
                break
            allow_minutes()
            cursor.execute(_STORE, [active_organization_id(), key[2], key[0], key[1], json.dumps(count(span))])
        counted += 1
    return counted


def _alone(organization_id: int) -> bool:
    """Whether nobody else keeps this organization's figures, until the transaction ends.

    A change's row goes only together with all that was kept before it, and never while something is being counted that it may not see.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"kept figures:{organization_id}"])
        return bool(cursor.fetchone()[0])


def _let_go(wanted: set[Kept]) -> set[Kept]:
    """Take away what changes touched, with the rows that told of them, and what is not wanted; returns what is left."""
    changes = dict(ChangedSince.objects.values_list("pk", "day"))
    if changes:
        KeptFigures.objects.filter(until__gte=min(changes.values())).delete()
        ChangedSince.objects.filter(pk__in=changes).delete()
        with connection.cursor() as cursor:
            # This transaction's own word may be among them: what it changes from here on must be told again.
            cursor.execute("SELECT set_config('app.changed_since', '', true)")
    there = _there()
    for since, until, family in there - wanted:
        KeptFigures.objects.filter(since=since, until=until, family=family).delete()
    return there & wanted
