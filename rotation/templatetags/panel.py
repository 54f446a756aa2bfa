"""The panel's drawings: revenue against goal, what came and went, the states, the composition. SVG attributes only, colours are classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.numbers import format_compact_decimal
from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.templatetags import formats
from rotation.states import HEIGHT, WIDTH, outlines

register = template.Library()
STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
LINES = 3
# From which share of the greatest state's a state has each tone.
TONES = ((0.6, "c5"), (0.35, "c4"), (0.15, "c3"), (0.05, "c2"), (0.0, "c1"))


@register.filter
def currency_sign(currency: str) -> str:
    """R$, US$, €."""
    return formats.symbol(currency)


@dataclass(frozen=True)
class Bar:
    """One month of revenue, in cents; ``goal`` and ``projected`` are None where there is none."""

    month: date
    cents: int
    goal: int | None = None
    projected: int | None = None
    now: bool = False


def _f(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def nice_step(most: float, lines: int = LINES) -> float:
    """The smallest round step of which ``lines`` reach ``most``; 1 where there is nothing."""
    if most <= 0:
        return 1.0
    scale = 10.0 ** (len(str(max(int(most / lines), 1))) - 1)
    while True:
        for step in STEPS:
            if step * scale * lines >= most:
                return step * scale
        scale *= 10


def compact(units: float) -> str:
    """4.500.000 as 4,5 mi."""
    return format_compact_decimal(units, fraction_digits=1, locale=formats.locale())


def _bars(rows: Sequence[Bar], width: float, currency: str) -> dict[str, Any]:
    height, top, base, left = 250.0, 14.0, 214.0, 58.0
    most = max((max(row.cents, row.goal or 0, row.projected or 0) for row in rows), default=0) / 100
    step = nice_step(most)
    slot = (width - left) / max(len(rows), 1)
    wide = min(slot * 0.62, 44)

    def y(cents: float) -> float:
        return base - (base - top) * max(cents, 0) / 100 / (step * LINES)

    columns = []
    for place, row in enumerate(rows):
        middle = left + (place + 0.5) * slot
        said = [f"{formats.month_year(row.month)}: {formats.money_short(row.cents, currency)}"]
        if row.goal:
            said.append(_("meta %(goal)s") % {"goal": formats.money_short(row.goal, currency)})
        if row.projected:
            said.append(_("projeção %(projected)s") % {"projected": formats.money_short(row.projected, currency)})
        columns.append(
            {
                "x": _f(middle - wide / 2),
                "width": _f(wide),
                "y": _f(y(row.cents)),
                "height": _f(max(base - y(row.cents), 0)),
                "middle": _f(middle),
                "goal": _f(y(row.goal)) if row.goal else "",
                "goal_from": _f(middle - wide * 0.64),
                "goal_to": _f(middle + wide * 0.64),
                "projected": _f(y(row.projected)) if row.projected else "",
                "projected_height": _f(base - y(row.projected)) if row.projected else "",
                "label": formats.month(row.month),
                "now": row.now,
                "said": " · ".join(said),
            }
        )
    lines = [{"y": _f(y(step * n * 100)), "text": compact(step * n) if n else "0"} for n in range(LINES + 1)]
    return {"columns": columns, "lines": lines, "width": _f(width), "height": _f(height), "left": _f(left)}


@register.inclusion_tag("rotation/dashboard/_revenue_drawing.html")
def revenue_drawing(rows: Sequence[Bar], currency: str, title: Any) -> dict:
    """Revenue by month with goal and projection, twice: all months for a wide page, the last six for a narrow one."""
    return {"title": title, "drawings": [(_bars(rows, 720.0, currency), "wide"), (_bars(rows[-6:], 360.0, currency), "narrow")]}


@register.inclusion_tag("rotation/dashboard/_turnover_drawing.html")
def turnover_drawing(rows: Sequence[Any], title: Any) -> dict:
    """New and won back above the line, turned inactive below it; one scale for both."""
    width, height, top, base_room, left = 640.0, 240.0, 10.0, 26.0, 46.0
    up = max((row.new + row.won_back for row in rows), default=0)
    down = max((row.inactivated for row in rows), default=0)
    step = max(nice_step(max(up, down, 1), 2), 1)
    ups, downs = -(-up // step) or 1, -(-down // step) or 1
    unit = (height - top - base_room) / (step * (ups + downs))
    zero = top + step * ups * unit
    slot = (width - left) / max(len(rows), 1)
    wide = min(slot * 0.5, 30)
    columns = []
    for place, row in enumerate(rows):
        middle = left + (place + 0.5) * slot
        x = _f(middle - wide / 2)
        parts = [
            ("t-back", zero - row.won_back * unit, row.won_back),
            ("t-new", zero - (row.won_back + row.new) * unit, row.new),
            ("t-gone", zero, row.inactivated),
        ]
        columns.append(
            {
                "parts": [{"tone": tone, "x": x, "y": _f(y), "height": _f(n * unit), "width": _f(wide)} for tone, y, n in parts if n],
                "middle": _f(middle),
                "label": formats.month(row.month),
                "said": _("%(month)s: %(new)s novos, %(back)s recuperados, %(gone)s inativados")
                % {
                    "month": formats.month_year(row.month),
                    "new": formats.number(row.new),
                    "back": formats.number(row.won_back),
                    "gone": formats.number(row.inactivated),
                },
            }
        )
    levels = [n * step for n in range(-int(downs), int(ups) + 1)]
    lines = [{"y": _f(zero - level * unit), "text": formats.number(abs(level)), "zero": level == 0} for level in levels]
    return {"title": title, "columns": columns, "lines": lines, "width": _f(width), "height": _f(height), "left": _f(left)}


@register.simple_tag
def choropleth(shares: dict[str, float], said: dict[str, str], label: Any) -> SafeString:
    """Brazil's states, darker the greater their share of the greatest one's. ``said``: what the hover says of each."""
    greatest = max(shares.values(), default=0) or 1

    def tone(uf: str) -> str:
        part = shares.get(uf, 0) / greatest
        return next((name for least, name in TONES if part > least), "c0")

    states = format_html_join(
        "",
        '<path class="{}" d="{}"><title>{}</title></path>',
        ((tone(uf), path, f"{name}: {said.get(uf) or formats.BLANK}") for uf, name, path in outlines()),
    )
    return format_html('<svg class="choropleth" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>', WIDTH, HEIGHT, label, states)


@register.simple_tag
def parts_bar(parts: Sequence[tuple[str, int]], label: Any) -> SafeString:
    """One bar cut in parts: ``(tone, number)`` each, with a gap between."""
    whole = sum(n for _tone, n in parts) or 1
    drawn, x = [], 0.0
    for tone, n in parts:
        wide = 100 * n / whole
        if n:
            drawn.append((tone, _f(x), f"{max(wide - 0.4, 0.3):.2f}"))
        x += wide
    rects = format_html_join("", '<rect class="p-{}" x="{}" width="{}" height="10"/>', drawn)
    return format_html(
        '<svg class="parts" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>', label, rects
    )


@register.simple_tag
def whisker(low: int, expected: int, high: int, whole: int, label: Any) -> SafeString:
    """Where the expected lies between its bounds, on the line from nothing to ``whole``."""
    top = max(high * 1.15, 1.0) if whole > high * 3 else max(float(whole), 1.0)

    def at(cents: float) -> str:
        return _f(100 * cents / top)

    return format_html(
        '<svg class="whisker" viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="f-well" y="5" width="100" height="4"/><rect class="w-range" x="{}" width="{}" y="3" height="8"/>'
        '<line class="w-point" x1="{}" x2="{}" y1="0" y2="14"/></svg>',
        label,
        at(low),
        _f(max(100 * (high - low) / top, 0.6)),
        at(expected),
        at(expected),
    )
