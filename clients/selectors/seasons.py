"""When a product sells: the season its file names, as months of the year, and how long its stock has stood."""

import unicodedata
from datetime import date, timedelta
from enum import StrEnum

STANDS_FROM_DAYS = 90  # stock untouched for longer than this is said to stand still
# The months in which a company sells to shops what their customers buy in the season; the southern year.
SEASONS: dict[str, tuple[int, ...]] = {
    "natal": (10, 11, 12),
    "navidad": (10, 11, 12),
    "christmas": (10, 11, 12),
    "ano novo": (11, 12),
    "verao": (10, 11, 12, 1, 2),
    "verano": (10, 11, 12, 1, 2),
    "outono": (2, 3, 4, 5),
    "inverno": (4, 5, 6, 7, 8),
    "invierno": (4, 5, 6, 7, 8),
    "primavera": (8, 9, 10, 11),
    "volta as aulas": (11, 12, 1, 2),
    "carnaval": (12, 1, 2),
    "pascoa": (1, 2, 3, 4),
    "pascua": (1, 2, 3, 4),
    "dia das maes": (3, 4, 5),
    "festa junina": (4, 5, 6, 7),
    "dia dos pais": (6, 7, 8),
    "dia das criancas": (8, 9, 10),
    "black friday": (10, 11),
    "plantio": (8, 9, 10, 11),
    "safra": (1, 2, 3, 4),
    "colheita": (1, 2, 3, 4),
}


class Mark(StrEnum):
    """What a product's file says of its moment."""

    IN_SEASON = "in_season"
    OUT_OF_SEASON = "out_of_season"
    STANDING = "standing"


def plain(text: str) -> str:
    """Lower case without accents."""
    split = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def seasons_on(day: date) -> list[str]:
    """The seasons, as ``plain`` writes them, that sell in the month of that day."""
    return [name for name, months in SEASONS.items() if day.month in months]


def stands_since(day: date) -> date:
    """Stock that came on or before this day has stood still on ``day``."""
    return day - timedelta(days=STANDS_FROM_DAYS)


def marks_of(season: str, stock_since: date | None, *, as_of: date) -> tuple[Mark, ...]:
    """What to say of a product today; of a season this page does not know, nothing."""
    marks: list[Mark] = []
    if plain(season) in SEASONS:
        marks.append(Mark.IN_SEASON if as_of.month in SEASONS[plain(season)] else Mark.OUT_OF_SEASON)
    if stock_since is not None and stock_since <= stands_since(as_of):
        marks.append(Mark.STANDING)
    return tuple(marks)
