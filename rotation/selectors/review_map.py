"""Where the proposals of a filter are, and the bases of the representatives they move between."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import QuerySet

from accounts.models import Representative
from rotation.models import Proposal
from rotation.selectors.filters import ReviewFilter

MOST_POINTS = 10_000
MOST_WAYS = 40
MOST_NAMED = 2_000  # beyond, points go without the name a pointer shows: names are most of what travels


class Point(NamedTuple):
    """A proposal on the map; degrees. ``origin`` is None for a client of nobody."""

    pk: int
    latitude: float
    longitude: float
    origin: int | None
    receiver: int | None
    name: str


@dataclass(frozen=True)
class Places:
    """The points of greatest value and the people they name; ``unplaced`` rows have no coordinates, ``left_out`` do not fit."""

    points: Sequence[Point] = field(default_factory=list)
    people: Sequence[Representative] = field(default_factory=list)
    unplaced: int = 0
    left_out: int = 0


def places_of(proposals: QuerySet[Proposal], wanted: ReviewFilter, *, most: int = MOST_POINTS) -> Places:
    """The filter's rows on the map, whatever area it names, the most valuable ``most`` of them; three queries."""
    filtered = wanted.but(box=None).apply(proposals)
    placed = filtered.filter(client__latitude__isnull=False, client__longitude__isnull=False)
    columns = ("id", "client__latitude", "client__longitude", "from_representative_id", "to_representative_id")
    rows = list(placed.order_by("-value_cents", "id").values_list(*columns)[: most + 1])
    n_all = filtered.count()
    n_placed = len(rows) if len(rows) <= most else placed.count()
    rows = rows[:most]
    names: dict[int, str] = {}
    if len(rows) <= MOST_NAMED:
        named = Proposal.objects.filter(pk__in=[row[0] for row in rows]).order_by()
        names = {pk: trade_name or name for pk, trade_name, name in named.values_list("pk", "client__trade_name", "client__name")}
    ids = {each for row in rows for each in row[3:5] if each}
    people = list(Representative.objects.filter(pk__in=ids).order_by("code"))
    points = [Point(pk, round(lat, 5), round(lon, 5), origin, to, names.get(pk, "")) for pk, lat, lon, origin, to in rows]
    return Places(points, people, n_all - n_placed, n_placed - len(rows))


def ways_of(places: Places, *, most: int = MOST_WAYS) -> list[tuple[int, Point]]:
    """The busiest pairs of giver and receiver, as (receiver, the proposal nearest to the middle of theirs), busiest first.

    Only receivers whose base is known. The middle itself may lie where nobody is, hence the proposal nearest to it.
    """
    based = {each.pk for each in places.people if each.latitude is not None and each.longitude is not None}
    pairs: dict[tuple[int | None, int], list[Point]] = {}
    for point in places.points:
        if point.receiver in based:
            pairs.setdefault((point.origin, point.receiver), []).append(point)
    busiest = sorted(pairs.items(), key=lambda pair: -len(pair[1]))[:most]
    found = []
    for (_origin, receiver), points in busiest:
        latitude = sum(point.latitude for point in points) / len(points)
        longitude = sum(point.longitude for point in points) / len(points)
        near = min(points, key=lambda point: (point.latitude - latitude) ** 2 + (point.longitude - longitude) ** 2)
        found.append((receiver, near))
    return found
