"""The outlines of Brazil's states as SVG paths, made once a process from the same file the maps are drawn with."""

import json
from functools import lru_cache
from math import cos, radians
from pathlib import Path

from django.conf import settings

WIDTH, HEIGHT = 400, 396
_WEST, _NORTH, _SCALE = -74.1, 5.4, 9.95
_SQUEEZE = cos(radians(14))  # degrees of longitude are shorter than those of latitude, by this in the middle of the country
_TOLERANCE = 0.9  # a point this near to the line between its neighbours is not drawn
_SMALLEST = 1.5  # islands smaller than this, in units of the drawing, are left out

Point = tuple[float, float]


@lru_cache(maxsize=1)
def outlines() -> tuple[tuple[str, str, str], ...]:
    """(UF, name, path) of each state, coordinates in a box of ``WIDTH`` by ``HEIGHT``."""
    file = Path(settings.BASE_DIR, "static", "maps", "br-ufs.geojson")
    found = []
    for feature in json.loads(file.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]
        parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        rings = [_ring(part[0]) for part in parts]
        found.append((feature["properties"]["uf"], feature["properties"]["nome"], "".join(filter(None, rings))))
    return tuple(sorted(found))


def _ring(points: list[list[float]]) -> str:
    placed = [((x - _WEST) * _SCALE * _SQUEEZE, (_NORTH - y) * _SCALE) for x, y in points]
    xs, ys = [x for x, _y in placed], [y for _x, y in placed]
    if max(xs) - min(xs) < _SMALLEST and max(ys) - min(ys) < _SMALLEST:
        return ""
    half = len(placed) // 2  # a ring ends where it begins: each half is a line of its own
    kept = _fewer(placed[: half + 1])[:-1] + _fewer(placed[half:])[:-1]
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in kept) + "Z"


def _fewer(points: list[Point]) -> list[Point]:
    """Douglas and Peucker (1973): the fewest of the points from which none of the others is farther than the tolerance."""
    if len(points) < 3:
        return points
    (x1, y1), (x2, y2) = points[0], points[-1]
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5

    def off(point: Point) -> float:
        x, y = point
        if not length:
            return ((x - x1) ** 2 + (y - y1) ** 2) ** 0.5
        return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length

    farthest = max(range(1, len(points) - 1), key=lambda i: off(points[i]))
    if off(points[farthest]) <= _TOLERANCE:
        return [points[0], points[-1]]
    return _fewer(points[: farthest + 1])[:-1] + _fewer(points[farthest:])
