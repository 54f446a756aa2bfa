"""Bars of load against capacity: where each rectangle stands. Sizes are SVG attributes, colours are classes."""

from collections.abc import Sequence
from typing import Any

from accounts.templatetags.formats import number
from rotation.selectors.team_load import TeamLoad

WIDTH, ROW, THICK = 600.0, 34, 12
LEFT, RIGHT = 2.0, 590.0


def load_bars(lines: Sequence[TeamLoad], *, minutes: bool = False) -> dict[str, Any]:
    """Rows of bars from zero, all on one scale: ``was`` thin behind ``now``, and the capacity as a line (None where unknown).

    Minutes are a week's. With nothing moving both bars are the same, and only ``now`` is drawn.
    """
    values = [(line, *_numbers(line, minutes)) for line in lines]
    top = max((max(before, after, cap or 0) for _line, before, after, cap in values), default=0) or 1
    scale = (RIGHT - LEFT) / top
    rows = [
        {
            "line": line,
            "y": position * ROW + (ROW - THICK) / 2,
            "middle": position * ROW + ROW / 2,
            "top": position * ROW + 4,
            "bottom": (position + 1) * ROW - 4,
            "before": round(before * scale, 1),
            "after": max(round(after * scale, 1), 1.0),
            "cap": round(LEFT + cap * scale, 1) if cap else None,
            "over": bool(cap) and round(after) > round(cap or 0),
            "moved": round(before, 1) != round(after, 1),
            "words": _words(before, after, cap),
        }
        for position, (line, before, after, cap) in enumerate(values)
    ]
    return {"rows": rows, "height": len(rows) * ROW, "x": LEFT, "thick": THICK, "any": any(value[3] for value in values)}


def _numbers(line: TeamLoad, minutes: bool) -> tuple[float, float, float | None]:
    if minutes:
        return line.now.minutes, line.minutes_after, line.capacity_minutes
    return line.now.clients, line.clients_after, line.capacity


def _words(before: float, after: float, cap: float | None) -> str:
    changed = f"{number(round(before))} → {number(round(after))}" if round(before) != round(after) else number(round(after))
    return f"{changed} / {number(round(cap))}" if cap else changed
