"""Compiles a ``ClientFilter`` to one query."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import cos, radians, sin

from django.db.models import (
    Case,
    CharField,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    IntegerField,
    Lookup,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cos, Power, Radians, Sin
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThanOrEqual

from clients.models import Client, ClientScore, ClientWord
from clients.models.score import HORIZON_DAYS
from clients.selectors.by_word import rare_clients
from clients.selectors.client_filter import BASE, CHANCES, ClientFilter
from clients.selectors.lifecycle import SCORES_HOLD_DAYS, Limits, lifecycle_filter
from clients.selectors.page import CYCLE_FROM_ORDERS
from clients.selectors.renewing import renewing
from clients.selectors.temperature import HOT_CYCLES, HOT_DAYS, WARM_CYCLES, WARM_DAYS, Temperature
from clients.selectors.words import bearing, search_tokens, spellings

EARTH_KM = 6371.0088
KM_A_DEGREE = 111.0  # of latitude, a little less than any: a box of so many degrees holds the circle


class Prefix(Lookup):
    """``word ^@ 'abc'``: PostgreSQL's starts-with, leakproof, so an index serves it under row security (LIKE is not)."""

    lookup_name = "prefix"

    def as_sql(self, compiler, connection):
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        return f"{left} ^@ {right}", (*left_parameters, *right_parameters)


CharField.register_lookup(Prefix)
TextField.register_lookup(Prefix)


class DaysSince(Func):
    """Whole days from a column's day to ``as_of``; NULL where there is none."""

    template = "(%(expressions)s)"
    arg_joiner = "::date - "
    output_field = IntegerField()

    def __init__(self, as_of: date, column: str) -> None:
        super().__init__(Value(as_of, DateField()), F(column))


def named(clients: QuerySet[Client], q: str) -> QuerySet[Client]:
    """Those with a word beginning with each word of ``q``; where one of them is rare, its clients are looked up first."""
    tokens = search_tokens(q)
    if not tokens:
        return clients
    rare = rare_clients(tokens)
    if rare is not None:
        return clients.filter(pk__in=rare)
    for token in tokens:
        begins = Q()
        for spelling in spellings(token):
            begins |= bearing(spelling, "__prefix")
        clients = clients.filter(Exists(ClientWord.objects.filter(begins, client=OuterRef("pk"))))
    return clients


def matching(
    clients: QuerySet[Client], wanted: ClientFilter, *, as_of: date, limits: Limits, base: tuple[float, float] | None = None
) -> QuerySet[Client]:
    """``clients`` narrowed to ``wanted``.

    Parameters
    ----------
    base : latitude and longitude that the place "base" stands for; where it is not known, nobody is near it
    """
    plain = {"representative_id": wanted.representative, "state": wanted.uf, "city": wanted.city, "segment": wanted.segment}
    plain |= {"size": wanted.porte, "activity__abc": wanted.abc}
    conditions = [Q(**{column: value}) for column, value in plain.items() if value]
    if wanted.state:
        conditions.append(lifecycle_filter(wanted.state, as_of=as_of, limits=limits))
    if wanted.tag:
        conditions.append(Q(tags__contains=[wanted.tag]))
    conditions += _bought(wanted, as_of)
    if wanted.heat:
        conditions.append(_as_warm_as(wanted.heat, as_of, limits))
    if wanted.near and wanted.km:
        conditions += _near(base if wanted.near == BASE else wanted.point, wanted.km)
    if wanted.chance:
        conditions.append(_told_chance(wanted.chance, as_of))
    if wanted.renewal:
        conditions.append(renewing(as_of=as_of, within=wanted.renewal))
    return named(clients.filter(*conditions) if conditions else clients, wanted.q)


def _bought(wanted: ClientFilter, as_of: date) -> Sequence[Q]:
    """Recency, frequency, value and lateness; recency and lateness say nothing of who never ordered."""
    conditions = []
    if wanted.silent_from is not None:
        conditions.append(Q(activity__last_on__lte=as_of - timedelta(days=wanted.silent_from)))
    if wanted.silent_to is not None:
        conditions.append(Q(activity__last_on__gte=as_of - timedelta(days=wanted.silent_to)))
    for end, lookup in ((wanted.orders_from, "gte"), (wanted.orders_to, "lte")):
        if end is not None:
            conditions.append(Q(**{f"activity__n{wanted.orders_in}__{lookup}": end}))
    if wanted.value_from is not None:
        conditions.append(Q(activity__net_12m_cents__gte=wanted.value_from * 100))
    if wanted.value_to is not None:
        conditions.append(Q(activity__net_12m_cents__lte=wanted.value_to * 100))
    # As it is shown: whole cents, rounded down.
    if wanted.ticket_from is not None:
        conditions.append(Q(activity__n365__gt=0, activity__net_12m_cents__gte=F("activity__n365") * (wanted.ticket_from * 100)))
    if wanted.ticket_to is not None:
        conditions.append(Q(activity__n365__gt=0, activity__net_12m_cents__lt=F("activity__n365") * (wanted.ticket_to * 100 + 1)))
    if wanted.late:
        known = Q(activity__repeat_days__gte=CYCLE_FROM_ORDERS - 1, activity__median_gap__gt=0)
        cycles = ExpressionWrapper(F("activity__median_gap") * float(wanted.late), FloatField())
        late = Q(GreaterThanOrEqual(DaysSince(as_of, "activity__last_on"), cycles))
        conditions.append(known & late)
    return conditions


def _as_warm_as(heat: str, as_of: date, limits: Limits) -> Q:
    """``temperature_of``, said to the database."""
    silent = DaysSince(as_of, "activity__last_on")
    has_cycle = Q(activity__repeat_days__gte=CYCLE_FROM_ORDERS - 1, activity__median_gap__gt=0)

    def until(cycles: int, days: int) -> Case:
        own = ExpressionWrapper(F("activity__median_gap") * float(cycles), FloatField())
        return Case(When(has_cycle, then=own), default=Value(float(days), FloatField()))

    hot, warm = until(HOT_CYCLES, HOT_DAYS), until(WARM_CYCLES, WARM_DAYS)
    near_on, inactive_on = as_of - timedelta(days=limits.warn), as_of - timedelta(days=limits.inactive)
    if heat == Temperature.HOT:
        return Q(LessThanOrEqual(silent, hot)) & Q(activity__last_on__gt=near_on)
    if heat == Temperature.COLD:
        return Q(GreaterThan(silent, warm)) | Q(activity__last_on__lte=inactive_on)
    not_hot = Q(GreaterThan(silent, hot)) | Q(activity__last_on__lte=near_on)
    return Q(LessThanOrEqual(silent, warm)) & Q(activity__last_on__gt=inactive_on) & not_hot


def _near(point: tuple[float, float] | None, km: int) -> Sequence[Q]:
    if point is None:
        return [Q(pk__in=[])]
    latitude, longitude = point
    tall = km / KM_A_DEGREE
    # Degrees of longitude shrink towards the poles; where the box would reach one, or go around, the formula decides alone.
    shrunk = cos(radians(min(abs(latitude) + tall, 90)))
    wide = tall / shrunk if shrunk > 0.01 else 360
    box = Q(latitude__range=(latitude - tall, latitude + tall))
    if longitude - wide >= -180 and longitude + wide <= 180:
        box &= Q(longitude__range=(longitude - wide, longitude + wide))
    # The haversine of the angle, compared without taking its arc: NULL, so not near, where the client has no coordinates.
    haversine = Power(Sin(Radians(F("latitude") - latitude) / 2), 2) + (
        Cos(Radians(F("latitude"))) * cos(radians(latitude)) * Power(Sin(Radians(F("longitude") - longitude) / 2), 2)
    )
    return [box, Q(LessThanOrEqual(ExpressionWrapper(haversine, FloatField()), Value(sin(km / EARTH_KM / 2) ** 2, FloatField())))]


def _told_chance(tenths: str, as_of: date) -> Q:
    since = as_of - timedelta(days=SCORES_HOLD_DAYS)
    told = ClientScore.objects.filter(client=OuterRef("pk"), horizon=HORIZON_DAYS, p_alive__isnull=False, made_for__gte=since)
    return Q(Exists(told.filter(p_silent__gte=CHANCES[tenths], made_for__gte=OuterRef("activity__last_on"))))
