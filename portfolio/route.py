"""The order of a day's visits: nearest insertion, then 2-opt, over great-circle distances. No Django, no clock, no chance."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EARTH_KM = 6371.0088
SHORTER = 1e-9  # km: less than this is the arithmetic's noise, and no reason to change an order

Point = tuple[float | None, float | None]  # latitude, longitude in degrees; None or NaN where the place is unknown


class Route(NamedTuple):
    """``order`` holds positions of the points given; ``km_before`` is the length of the order given, ``km_after`` of ``order``."""

    order: list[int]
    km_before: float
    km_after: float


def haversine_km(a: Point, b: Point) -> float:
    """Great-circle kilometres between two known points."""
    lat_a, lon_a, lat_b, lon_b = (math.radians(degrees) for degrees in (*a, *b))  # type: ignore[arg-type]
    chord = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(chord, 1.0)))


def located(point: Point | None) -> bool:
    """Whether both degrees are known numbers."""
    return point is not None and all(degrees is not None and math.isfinite(degrees) for degrees in point)


def route_km(points: Sequence[Point], start: Point | None = None) -> float:
    """Kilometres from ``start`` (if known) through the points in the order given; points nobody located add nothing."""
    known = [point for point in ([start] if start else []) + list(points) if located(point)]
    return sum(haversine_km(a, b) for a, b in pairwise(known))


def ordered_route(points: Sequence[Point], start: Point | None = None, *, hours: Sequence[float | None] | None = None) -> Route:
    """A short order to visit the points in, once each, leaving from ``start`` and ending at the last of them.

    Parameters
    ----------
    points : shape (n, 2), degrees of latitude and longitude, in today's order; meant for n <= 30, where it takes milliseconds
        Points without a known place keep their order and come last: nothing is known of the way to them.
    start : where the day begins; None or unknown begins at whichever point is best
    hours : shape (n,), any growing number (an hour, a timestamp) or None where none was agreed
        Points with an hour keep the order of their hours among themselves.

    Returns
    -------
    Route
        Never longer than the order given, as long as that order keeps the hours; the order given where nothing is shorter.
        The same input gives the same output.

    Source: Rosenkrantz, Stearns and Lewis (1977) for nearest insertion; Croes (1958) for 2-opt, and Or (1976) for moving
    runs of up to three stops, both here on an open path whose start is fixed. Both are tried from the order given too.
    """
    known = [n for n, point in enumerate(points) if located(point)]
    unknown = [n for n, point in enumerate(points) if not located(point)]
    begin = start if located(start) else None
    given = route_km(points, begin)
    # Stop 0 is the start; without one, a place no farther from anything than from anything else.
    places = [points[n] for n in known]
    rows = [[0.0, *(haversine_km(begin, place) if begin else 0.0 for place in places)]]
    rows += [[rows[0][n + 1], *(haversine_km(place, other) for other in places)] for n, place in enumerate(places)]
    rank = [None, *((hours[n] if hours else None) for n in known)]
    first = _keeping_hours(list(range(1, len(known) + 1)), rank)
    tours = [_improved(tour, rows, rank) for tour in (first, _inserted(rows, rank))]
    best = min([first, *tours], key=lambda tour: round(_length(tour, rows), 9))  # the first of equals: the order given
    return Route([known[stop - 1] for stop in best] + unknown, given, _length(best, rows))


def _length(tour: Sequence[int], rows: list[list[float]]) -> float:
    here, total = 0, 0.0
    for stop in tour:
        total += rows[here][stop]
        here = stop
    return total


def _keeping_hours(tour: list[int], rank: list[float | None]) -> list[int]:
    """The same tour with its timed stops, where they are out of order, exchanged among their own places."""
    timed = iter(sorted((stop for stop in tour if rank[stop] is not None), key=lambda stop: (rank[stop], stop)))
    return [stop if rank[stop] is None else next(timed) for stop in tour]


def _in_order(tour: Sequence[int], rank: list[float | None]) -> bool:
    timed = [hour for stop in tour if (hour := rank[stop]) is not None]
    return all(a <= b for a, b in pairwise(timed))


def _inserted(rows: list[list[float]], rank: list[float | None]) -> list[int]:
    """Nearest insertion: the stop nearest to the tour goes where it lengthens it least, its hour allowing."""
    left, tour = set(range(1, len(rows))), [0]
    near = list(rows[0])
    while left:
        stop = min(left, key=lambda each: (near[each], each))
        left.remove(stop)
        best, place = math.inf, len(tour)
        for after in range(len(tour)):
            candidate = [*tour[: after + 1], stop, *tour[after + 1 :]]
            if rank[stop] is not None and not _in_order(candidate, rank):
                continue
            beyond = tour[after + 1] if after + 1 < len(tour) else None
            longer = rows[tour[after]][stop] + (rows[stop][beyond] - rows[tour[after]][beyond] if beyond is not None else 0.0)
            if longer < best - SHORTER:
                best, place = longer, after + 1
        tour.insert(place, stop)
        near = [min(a, b) for a, b in zip(near, rows[stop], strict=True)]
    return tour[1:]


def _improved(tour: list[int], rows: list[list[float]], rank: list[float | None]) -> list[int]:
    """2-opt and moves of runs until neither shortens the path: each change is kept at once, so the end is a local minimum."""
    path, again = [0, *tour], True
    while again:
        again = _reversals(path, rows, rank) or _moves(path, rows, rank)
    return path[1:]


def _reversals(path: list[int], rows: list[list[float]], rank: list[float | None]) -> bool:
    changed, n = False, len(path)
    for i in range(1, n - 1):
        for j in range(i + 1, n):
            before, after = path[i - 1], path[j + 1] if j + 1 < n else None
            gain = rows[before][path[i]] - rows[before][path[j]]
            if after is not None:
                gain += rows[path[j]][after] - rows[path[i]][after]
            if gain > SHORTER and _in_order(path[j : i - 1 : -1], rank):
                path[i : j + 1] = path[j : i - 1 : -1]
                changed = True
    return changed


def _moves(path: list[int], rows: list[list[float]], rank: list[float | None]) -> bool:
    """A run of one to three stops taken out and put elsewhere, either way round; the first that shortens is kept."""
    now = _length(path[1:], rows)
    for size in (1, 2, 3):
        for i in range(1, len(path) - size + 1):
            run, rest = path[i : i + size], path[:i] + path[i + size :]
            for k in range(1, len(rest) + 1):
                for piece in (run, run[::-1]) if size > 1 else (run,):
                    candidate = rest[:k] + piece + rest[k:]
                    if _length(candidate[1:], rows) < now - SHORTER and _in_order(candidate, rank):
                        path[:] = candidate
                        return True
    return False
