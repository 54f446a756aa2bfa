"""Where the clients of a filter are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import FilteredRelation, Q, QuerySet

from clients.models import Client
from clients.models.score import HORIZON_DAYS
from clients.selectors.client_filter import ClientFilter
from clients.selectors.lifecycle import Lifecycle, Limits, lifecycle_of
from clients.selectors.matching import matching

MOST_POINTS = 2_000


class Point(NamedTuple):
    """A client on the map; degrees."""

    pk: int
    name: str
    latitude: float
    longitude: float
    state: Lifecycle


@dataclass(frozen=True)
class Points:
    points: Sequence[Point]
    more: bool  # of the filter's clients with coordinates, some are not among them


def client_points(
    clients: QuerySet[Client], wanted: ClientFilter, *, as_of: date, limits: Limits, base: tuple[float, float] | None = None
) -> Points:
    """The first 2,000 by name of those with coordinates: one query."""
    found = matching(clients, wanted, as_of=as_of, limits=limits, base=base).filter(latitude__isnull=False, longitude__isnull=False)
    found = found.annotate(score=FilteredRelation("scores", condition=Q(scores__horizon=HORIZON_DAYS))).order_by("name_key", "id")
    columns = (
        "id",
        "name",
        "trade_name",
        "latitude",
        "longitude",
        "activity__last_on",
        "discarded_on",
        "lost_silence",
        "score__made_for",
        "score__state",
    )
    rows = list(found.values_list(*columns)[: MOST_POINTS + 1])
    points = [
        Point(
            pk,
            trade_name or name,
            latitude,
            longitude,
            lifecycle_of(
                last_on,
                discarded_on,
                as_of=as_of,
                limits=limits,
                scored_at_risk_on=scored_for if scored == Lifecycle.AT_RISK else None,
                lost_silence=lost_silence,
            ),
        )
        for pk, name, trade_name, latitude, longitude, last_on, discarded_on, lost_silence, scored_for, scored in rows[:MOST_POINTS]
    ]
    return Points(points, len(rows) > MOST_POINTS)
