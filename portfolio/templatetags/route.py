"""The day's route as a drawing: ``{% load route %}{% route stops %}``."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from django import template

register = template.Library()

WIDTH, HEIGHT, EDGE = 320.0, 200.0, 26.0
TONES = {"done": "done", "now": "now"}


class Stop(NamedTuple):
    """One place of the drawing, in the order of the day. ``state``: done, now (the next one) or "" (to come)."""

    latitude: float | None
    longitude: float | None
    label: str = ""
    state: str = ""
    place: str = ""  # the city, written once beside the first stop in it


@register.inclusion_tag("portfolio/_route.html")
def route(stops: Sequence[Stop], *, start: tuple[float | None, float | None] | None = None, title: Any = "") -> dict[str, Any]:
    """Numbered stops joined in their order, north above, kilometres to one scale; stops without a place keep their number
    and are left out. ``start`` is drawn as a small house. What it shows is also in the list beside it.
    """
    base = start if start and None not in start else None
    placed = [(number, stop) for number, stop in enumerate(stops, start=1) if stop.latitude is not None and stop.longitude is not None]
    points = [(stop.latitude, stop.longitude) for _number, stop in placed] + ([base] if base else [])
    if not placed:
        return {"marks": [], "title": title}
    x_of, y_of = _projection(points)  # type: ignore[arg-type]
    marks, written, boxes = [], set(), []
    for number, stop in placed:
        x, y = x_of(stop.longitude), y_of(stop.latitude)
        end, text_y = x > WIDTH / 2, y + 17 if y < EDGE else y - 9
        box = _box(stop.place, x - 13 if end else x + 13, text_y, end)
        free = stop.place not in written and not any(_meet(box, other) for other in boxes)
        place = stop.place if free else ""
        if free:
            written.add(stop.place)
            boxes.append(box)
        marks.append(
            {
                "number": number,
                "x": _f(x),
                "y": _f(y),
                "text_y": _f(y + 3.6),
                "tone": TONES.get(stop.state, "later"),
                "label": stop.label,
                "place": place,
                "place_x": _f(x - 13 if end else x + 13),
                "place_y": _f(text_y),
                "end": end,
            }
        )
    home = {"x": _f(x_of(base[1])), "y": _f(y_of(base[0]))} if base else None
    line = ([f"{home['x']},{home['y']}"] if home else []) + [f"{mark['x']},{mark['y']}" for mark in marks]
    return {"marks": marks, "home": home, "line": " ".join(line), "title": title, "width": _f(WIDTH), "height": _f(HEIGHT)}


def _box(text: str, x: float, y: float, end: bool) -> tuple[float, float, float, float]:
    """Where a name would stand: left, right, top, bottom; letters taken as 6 wide."""
    wide = 6.0 * len(text)
    return (x - wide if end else x, x if end else x + wide, y - 9, y + 2)


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _projection(points: Sequence[tuple[float, float]]) -> tuple[Any, Any]:
    """Degrees to the drawing's units, the same scale both ways; one lone place stands in the middle."""
    south, north = min(lat for lat, _lon in points), max(lat for lat, _lon in points)
    west, east = min(lon for _lat, lon in points), max(lon for _lat, lon in points)
    narrow = math.cos(math.radians((south + north) / 2))
    across, tall = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH - 2 * EDGE) / across, (HEIGHT - 2 * EDGE) / tall)
    left, top = (WIDTH - across * scale) / 2, (HEIGHT - tall * scale) / 2
    return (lambda lon: left + (lon - west) * narrow * scale), (lambda lat: top + (north - lat) * scale)


def _f(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
