"""What a report is made of, whatever it is about: tables whose numbers open lists, charts, and the lists themselves.

The page, the file and the print are made from the same ``Report``, so that they cannot say different things.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from accounts.models import Representative
from accounts.templatetags import formats


@dataclass(frozen=True)
class Column:
    """One column of figures. ``unit``: count, money (cents), share (0 to 1), ratio (a mean, one decimal), signed.

    ``behind`` names the list its numbers open ("" for none: a number worked out of others); ``notes`` a second, quiet line.
    """

    key: str
    label: Any
    unit: str = "count"
    behind: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Line:
    """One row: who or what it is about, its figures by column, and what narrows the lists behind them (``{"rep": 5}``)."""

    label: str
    values: dict[str, Any]
    narrows: dict[str, Any] = field(default_factory=dict)
    representative: Representative | None = None


@dataclass(frozen=True)
class Chart:
    """Columns from zero in groups: (label, values) with names and tones, and how the table beside them writes a value."""

    title: Any
    rows: Sequence[tuple[str, Sequence[float]]]
    names: Sequence[Any]
    tones: Sequence[str]
    unit: str = "count"
    note: Any = ""
    stacked: bool = False

    @property
    def empty(self) -> bool:
        return not any(any(values) for _label, values in self.rows)


@dataclass(frozen=True)
class Part:
    """A table with its total, under its own heading; ``name`` tells the parts of a file apart."""

    name: str
    title: Any
    first: Any  # heading of the column of labels
    columns: Sequence[Column]
    lines: Sequence[Line]
    total: Line | None = None
    empty: Any = ""  # what to say where there is no line
    note: Any = ""
    beside: bool = False  # narrow enough to stand beside the charts


@dataclass(frozen=True)
class Figure:
    """A number above the tables: what it is, its value and unit, a word beside it, and the list behind it."""

    label: Any
    value: Any
    unit: str = "count"
    note: Any = ""
    behind: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Report:
    figures: Sequence[Figure]
    charts: Sequence[Chart]
    parts: Sequence[Part]
    notes: Sequence[Any] = ()
    # Why there is nothing to say, and the one next step: title, sentence, path under the organization, label of the link.
    nothing: tuple[Any, Any, str, Any] | None = None


@dataclass(frozen=True)
class Field:
    """One column of a list: how a row answers it. ``kind``: text, client, person, day, instant, count, money, minutes."""

    label: Any
    take: Callable[[Any], Any]
    kind: str = "text"


@dataclass(frozen=True)
class Listing:
    """The rows behind a number: how many, a slice of them, and their columns. ``client_of`` names the client of a row, to link to."""

    title: Any
    fields: Sequence[Field]
    count: int
    cut: Callable[[int, int], Sequence[Any]]
    client_of: Callable[[Any], int] | None = None

    def every(self, most: int, size: int = 2_000) -> Iterator[Any]:
        """All rows up to ``most``, read ``size`` at a time."""
        for start in range(0, min(self.count, most), size):
            yield from self.cut(start, min(start + size, most))


def written(value: Any, unit: str, currency: str) -> str:
    """A figure as a person reads it."""
    if value is None:
        return formats.BLANK
    match unit:
        case "money":
            return formats.money_whole(value, currency)
        case "share":
            return formats.percent(value, 1)
        case "ratio":
            return formats.number(value, 1)
        case "signed":
            return formats.signed(value)
    return formats.number(value)


def in_file(value: Any, unit: str) -> Any:
    """The same in a spreadsheet, where it stays a number: money in whole units, shares as hundredths."""
    if value is None:
        return None
    if unit == "money":
        return value / 100
    return round(value * 100, 2) if unit == "share" else round(value, 4) if unit == "ratio" else value


def address(base: str, *queries: dict[str, Any]) -> str:
    """``base`` with the parameters of all the queries that say something."""
    told = {key: value for query in queries for key, value in query.items() if value not in (None, "")}
    return f"{base}?{urlencode(told)}" if told else base
