"""Charts drawn on the server as SVG: sizes from data are attributes and colours are classes, so no style is inline."""

import math
from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.templatetags import formats

register = template.Library()


def _f(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


@register.simple_tag
def progress(value: float, of: float, *, bad: float = 0, tone: str = "acc", label: Any = "") -> SafeString:
    """A bar of ``value`` out of ``of`` in a tone (acc, ok, warn, bad), followed by ``bad`` of it in red."""
    whole = max(float(of or 0), 0.0001)
    done = min(100 * float(value or 0) / whole, 100)
    lost = min(100 * float(bad or 0) / whole, 100 - done)
    second = format_html('<rect class="f-bad" x="{}" width="{}" height="6"/>', _f(done), _f(lost)) if bad else ""
    return format_html(
        '<svg class="progress" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="f-well" width="100" height="6"/><rect class="f-{}" width="{}" height="6"/>{}</svg>',
        label or f"{_f(done)}%",
        tone,
        _f(done),
        second,
    )


@register.simple_tag
def steps(done: int, of: int, label: Any = "") -> SafeString:
    """The day in pieces: ``done`` finished, the next one in progress, the rest to come."""
    kinds = ["done" if i < done else "now" if i == done else "" for i in range(of)]
    return format_html(
        '<div class="steps" role="img" aria-label="{}">{}</div>',
        label or f"{done}/{of}",
        format_html_join("", '<i class="{}"></i>', ((kind,) for kind in kinds)),
    )


@register.simple_tag
def sparkline(values: Sequence[float], label: Any = "") -> SafeString:
    """A small line over its own range (it does not start at zero); it says nothing that the number beside it does not."""
    if len(values) < 2:
        return mark_safe("")
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = 100 / (len(values) - 1)
    points = " ".join(f"{_f(i * step)},{_f(26 - 22 * (value - low) / span)}" for i, value in enumerate(values))
    voice = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" {}>'
        '<polygon points="0,28 {} 100,28"/><polyline points="{}" vector-effect="non-scaling-stroke"/></svg>',
        voice,
        points,
        points,
    )


@register.inclusion_tag("ui/bars.html")
def bars(rows: Sequence[tuple[Any, float, str]], *, title: Any, unit: Any = "", every: int = 2, table: bool = True) -> dict:
    """Columns from zero, one per ``(label, value, text)``; the text is what the table and the hover say.

    Labels stand under every ``every``-th column counted from the last, so the latest always has one.
    """
    width, height, base = 320.0, 84.0, 64.0
    top = max((float(value) for _label, value, _text in rows), default=0) or 1
    slot = width / max(len(rows), 1)
    columns = []
    for position, (label, value, text) in enumerate(rows):
        tall = (base - 6) * max(float(value), 0) / top
        shown = (len(rows) - 1 - position) % every == 0
        columns.append(
            {
                "x": _f(position * slot + slot * 0.18),
                "width": _f(slot * 0.64),
                "y": _f(base - max(tall, 1)),
                "height": _f(max(tall, 1)),
                "middle": _f((position + 0.5) * slot),
                "label": label,
                "shown": shown,
                "text": text,
                "zero": value <= 0,
            }
        )
    return {"columns": columns, "title": title, "unit": unit, "width": _f(width), "height": _f(height), "base": _f(base), "table": table}


@register.inclusion_tag("ui/calibration.html")
def calibration(groups: Sequence[dict[str, Any]], *, title: Any) -> dict:
    """What was said against what came: a dot a group, on the line where both are equal. ``groups``: predicted, observed (0 to 1), n.

    Both axes run from 0 to the next tenth above the largest value, so that small chances do not crowd one corner.
    """
    size, left, top = 200.0, 34.0, 8.0
    largest = max((max(float(group["predicted"]), float(group["observed"])) for group in groups), default=1.0)
    end = min(max(math.ceil(largest * 10 - 1e-9) / 10, 0.1), 1.0)

    def x(value: float) -> str:
        return _f(left + size * value / end)

    def y(value: float) -> str:
        return _f(top + size * (1 - value / end))

    dots = [{"x": x(group["predicted"]), "y": y(group["observed"]), **group} for group in groups]
    marks = [{"at_x": x(end * i / 2), "at_y": y(end * i / 2), "value": end * i / 2} for i in range(3)]
    return {
        "dots": dots,
        "marks": marks,
        "title": title,
        "left": _f(left),
        "right": _f(left + size),
        "top": _f(top),
        "bottom": _f(top + size),
    }


@register.inclusion_tag("ui/series.html")
def series(
    rows: Sequence[tuple[Any, Sequence[float]]], *, names: Sequence[Any], tones: Sequence[str], title: Any, stacked: bool = False
) -> dict:
    """Columns from zero in groups, one group per ``(label, values)``: the values beside each other, or stacked.

    ``names`` and ``tones`` (z1, was, warn, bad, ok) go with the values. Three lines show the scale, rounded up to an even number.
    """
    width, height, top, base, left = 320.0, 126.0, 8.0, 104.0, 26.0
    tallest = max((sum(values) if stacked else max(values, default=0) for _label, values in rows), default=0)
    scale = _even_above(tallest)
    slot = (width - left) / max(len(rows), 1)
    every = -(-len(rows) // 12)
    bar = slot * 0.7 / (1 if stacked or not names else len(names))
    columns, labels = [], []
    for position, (label, values) in enumerate(rows):
        x, foot = left + position * slot + slot * 0.15, base
        for i, value in enumerate(values):
            tall = (base - top) * float(value) / scale
            place = x if stacked else x + i * bar
            columns.append(
                {
                    "x": _f(place),
                    "y": _f(foot - tall),
                    "width": _f(max(bar - (0 if stacked else 1), 0.5)),
                    "height": _f(tall),
                    "tone": tones[i],
                    "text": f"{label} · {names[i]}: {formats.number(value)}",
                }
            )
            foot -= tall if stacked else 0
        if (len(rows) - 1 - position) % every == 0:
            labels.append({"x": _f(left + (position + 0.5) * slot), "text": label})
    lines = [{"y": _f(base - (base - top) * part / 2), "text": formats.number(scale * part / 2)} for part in (0, 1, 2)]
    shown = {"columns": columns, "labels": labels, "lines": lines, "legend": list(zip(tones, names, strict=True))}
    return {**shown, "title": title, "width": _f(width), "height": _f(height), "left": _f(left)}


def _even_above(value: float) -> int:
    """The smallest of 2, 4, 6, 8, 10, 20, 40, … that is not below ``value``: half of it is whole too."""
    step = 1
    while True:
        for part in (2, 4, 6, 8):
            if value <= part * step:
                return part * step
        step *= 10
