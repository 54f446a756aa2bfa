"""What the reports share: lines by representative, the fields of a client, charts by month."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from accounts.templatetags import formats
from portfolio.reporting.filters import Asked
from portfolio.reporting.shape import Chart, Field, Line


def by_representative(asked: Asked, figures: Mapping[int, Any], values: Callable[[Any], dict[str, Any]]) -> list[Line]:
    """A line for each representative of the scope with anything to say, by code."""
    lines = []
    for pk, person in asked.people.items():
        told = values(figures[pk]) if pk in figures else {}
        if any(told.values()):
            lines.append(Line(str(person), told, {"rep": pk}, person))
    return lines


def months_chart(
    title: Any, rows: Sequence[tuple[date, Sequence[float]]], names: Sequence[Any], tones: Sequence[str], **more: Any
) -> Chart:
    """One group of columns a month; the year stands at its January and at the first."""
    labels = [formats.month(month) for month, _values in rows]
    return Chart(title, [(label, values) for label, (_m, values) in zip(labels, rows, strict=True)], names, tones, **more)


def client_fields(prefix: str = "client__") -> list[Field]:
    """Code, name and place of the client of a ``values()`` row."""
    return [
        Field(_("Cliente"), lambda row: row[f"{prefix}trade_name"] or row[f"{prefix}name"], "client"),
        Field(_("Código"), lambda row: row[f"{prefix}code"]),
        Field(_("Cidade"), lambda row: place(row[f"{prefix}city"], row[f"{prefix}state"])),
    ]


def client_columns(prefix: str = "client__") -> list[str]:
    """What ``client_fields`` reads."""
    return [f"{prefix}{name}" for name in ("code", "name", "trade_name", "city", "state")]


def place(city: str, state: str) -> str:
    return f"{city}/{state}" if city and state else city or state


def person(code: str | None, name: str | None) -> str:
    return f"{code} {name}" if code else ""
