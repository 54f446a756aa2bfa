"""Keeps the panel's figures: of days that are over, anew where a fact changed; of the present, again and again while it is read."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.db.models import QuerySet

from accounts.models import Membership, Organization, Role
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.limits import allow_minutes
from clients.models import ChangedSince, Client
from clients.selectors.lifecycle import Limits
from portfolio.models import KeptFigures
from portfolio.selectors.figures import Figures, Span
from portfolio.selectors.figures.base import abc_counted, movement_counted, movement_family
from portfolio.selectors.figures.kept import numbers_of
from portfolio.selectors.figures.reach import moves_counted, reached_counted, visits_counted
from portfolio.selectors.figures.risk import at_stake_counted, risk_family
from portfolio.selectors.figures.selling import mix_counted, month_counted, sales_counted
from portfolio.selectors.figures.standing import base_family, composition_counted, states_counted

MANY_CLIENTS = 5_000
MOST_CLIENTS = 300_000  # beyond, a worker would do little else than count the present
LATELY = timedelta(minutes=20)  # when members were seen is remembered to ten
ENOUGH = timedelta(seconds=12)
COUNTED_ANYWAY = timedelta(minutes=5)
YEAR = 12  # months, as many as the panel offers
ADD_UP = {"sales", "visits", "month"}  # a year's are made of its months'
PAGE = {"sales", "reached", "visits", "states"}
EVERY = ADD_UP | PAGE | {"moves", "mix", "movement"}
TODAY = {"abc", "base", "risk"}  # of no months: kept with the month in course
SEES_VISITS = {"reached", "visits"}
# now() is when the transaction began, before anything was counted in it.
_STORE = """
INSERT INTO portfolio_keptfigures (organization_id, family, since, until, numbers, seen, counted_at, true_at)
SELECT %(organization)s, %(family)s, %(since)s, %(until)s, %(numbers)s, %(seen)s, at, at
  FROM (SELECT CASE WHEN %(present)s THEN now() END) begun (at)
ON CONFLICT (organization_id, family, since, until) DO UPDATE SET numbers = excluded.numbers, seen = excluded.seen,
    counted_at = excluded.counted_at, true_at = excluded.true_at
"""
# Marks are added, and taken away all at once: how many there are and what their numbers add up to differs after any change, also
# after one whose transaction began before another's and ended after it.
_MARKS = """
SELECT count(*) FILTER (WHERE NOT of_visits) || ' ' || coalesce(sum(id) FILTER (WHERE NOT of_visits), 0),
       count(*) || ' ' || coalesce(sum(id), 0) FROM clients_changedsince WHERE organization_id = %s
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


def _listed(found: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    return {"total": [], "by": found}


def families(limits: Limits) -> dict[str, tuple[str, Callable[[Span], dict[str, Any]]]]:
    """Every family that is kept: what it is kept as, and what counts it from the facts."""
    return {
        "sales": ("sales", lambda span: _stored(sales_counted(span))),
        "reached": ("reached", lambda span: _stored(reached_counted(span))),
        "visits": ("visits", lambda span: _stored(visits_counted(span))),
        "month": ("month", month_counted),
        "states": ("states", lambda span: _listed([numbers_of(row) for row in states_counted(span)])),
        "moves": ("moves", lambda span: _stored(moves_counted(span))),
        "movement": (movement_family(limits), lambda span: _stored(movement_counted(span, limits))),
        "mix": ("mix", lambda span: _stored(mix_counted(span))),
        "abc": ("abc", lambda _span: _listed(abc_counted())),
        "base": (base_family(limits), lambda span: _listed(composition_counted(span.until, limits))),
        "risk": (risk_family(limits), lambda span: _listed([astuple(each) for each in at_stake_counted(span.until, limits)])),
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
    return set(_of_days_over().values_list("since", "until", "family"))


def _of_days_over() -> QuerySet[KeptFigures]:
    return KeptFigures.objects.filter(true_at=None)


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
        with tenant_atomic(organization_id):
            if not _alone(organization_id):
                break
            _keep(key, span, count)
        counted += 1
    return counted


def _keep(key: Kept, span: Span, count: Callable[[Span], dict[str, Any]], *, seen: str = "") -> None:
    allow_minutes()
    since, until, family = key
    values: dict[str, Any] = {"organization": active_organization_id(), "family": family, "since": since, "until": until, "seen": seen}
    with connection.cursor() as cursor:
        cursor.execute(_STORE, values | {"present": span.now, "numbers": json.dumps(count(span))})


def _seen() -> dict[bool, str]:
    """The marks of changes that are there: of all, and of all but visits alone."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, [active_organization_id()])
        others, every = cursor.fetchone()
    return {True: every, False: others}


def spans_present(today: date) -> dict[Span, Collection[str]]:
    """The spans that reach ``today`` the panel opens, and which families of each are kept: the month in course first.

    What adds up is made of the months, for the others. Their mix would be as much counting as all of this.
    """
    month, quarter = Span.month(today, as_of=today), _quarter(today, today)
    year = month
    while year.n_months < YEAR:
        year = Span(_day_before(year.since).replace(day=1), today, now=True)
    spans: dict[Span, Collection[str]] = {month: EVERY | TODAY}
    spans.setdefault(quarter, PAGE - ADD_UP | {"moves", "movement"})
    spans.setdefault(year, PAGE - ADD_UP)
    return spans


def read_now(organization: Organization, *, at: datetime) -> bool:
    """Whether somebody who reads the panel used the active organization's pages lately, and it is one for which counting takes time."""
    leaders = Membership.objects.filter(role__in=[Role.ADMIN, Role.MANAGER, Role.AUDITOR], seen_at__gt=at - LATELY)
    if not leaders.exists():
        return False
    return MANY_CLIENTS <= len(Client.objects.values_list("pk")[: MOST_CLIENTS + 1]) <= MOST_CLIENTS


def keep_present(organization_id: int, *, today: date) -> int:
    """Keep the figures that reach ``today``, the organization's day; returns how many families were counted.

    What no transaction changed since it was counted is true still, and dated anew. Not all that figures speak of is told, as orders,
    visits and owners are: a class of ABC, a score, a debt; so all is counted again after some minutes. Of two tasks at once the second does
    nothing, and what was looked at a few seconds ago is left: those that waited behind a long one come together.
    """
    with tenant_atomic(organization_id):
        if not _alone(organization_id, "present"):
            return 0
        keys = list(_keys(spans_present(today), Limits.of(Organization.objects.get(pk=organization_id))))
        kept, now = KeptFigures.objects.filter(true_at__isnull=False), TransactionNow()
        kept.exclude(until=today).delete()
        left = set(kept.filter(true_at__gt=now - ENOUGH).values_list("since", "until", "family"))
        for of_visits, seen in _seen().items():
            same = kept.filter(seen=seen, counted_at__gt=now - COUNTED_ANYWAY)
            same = same.filter(family__in=SEES_VISITS) if of_visits else same.exclude(family__in=SEES_VISITS)
            left |= set(same.values_list("since", "until", "family"))
            same.update(true_at=now)
    counted = 0
    for key, span, count in keys:
        if key in left:
            continue
        with tenant_atomic(organization_id):
            if not _alone(organization_id, "present"):
                break
            _keep(key, span, count, seen=_seen()[key[2] in SEES_VISITS])
        counted += 1
    return counted


def _alone(organization_id: int, what: str = "kept") -> bool:
    """Whether nobody else keeps these figures of the organization, until the transaction ends.

    A change's row goes only together with all that was kept before it, and never while something is being counted that it may not see.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{what} figures:{organization_id}"])
        return bool(cursor.fetchone()[0])


def _let_go(wanted: set[Kept]) -> set[Kept]:
    """Take away what changes touched, with the rows that told of them, and what is not wanted; returns what is left."""
    changes = dict(ChangedSince.objects.values_list("pk", "day"))
    if changes:
        _of_days_over().filter(until__gte=min(changes.values())).delete()
        ChangedSince.objects.filter(pk__in=changes).delete()
        with connection.cursor() as cursor:
            # This transaction's own word may be among them: what it changes from here on must be told again.
            cursor.execute("SELECT set_config('app.changed_since', '', true), set_config('app.visits_changed_since', '', true)")
    there = _there()
    for since, until, family in there - wanted:
        _of_days_over().filter(since=since, until=until, family=family).delete()
    return there & wanted
