"""What a list of clients was asked for, as data: from a query string, to a query string, kept as a segment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from clients.selectors.lifecycle import Lifecycle
from clients.selectors.temperature import Temperature

# What a page may be sorted by: the column, whether it falls, and what stands in for an absent value.
SORTS: dict[str, tuple[str, bool]] = {
    "name": ("name_key", False),
    "silence": ("activity__last_on", False),
    "value": ("activity__net_12m_cents", True),
    "stake": ("score__at_stake_cents", True),
}
# Chances of silence a list may be narrowed to, in tenths.
CHANCES = {"4": 0.35, "7": 0.65, "9": 0.85}
VIEWS = ("list", "map")
BASE = "base"  # a place: where the representative starts from
MOST_RENEWAL_DAYS = 365
MAX_KM = 20_040  # no two points of the Earth are farther apart
# Neither what is looked for by name nor how the page is shown makes a segment.
NOT_SEGMENT = frozenset({"q", "sort", "after", "size", "view"})
_PLACES = re.compile(r"(-?\d{1,3}(?:\.\d{1,7})?),(-?\d{1,3}(?:\.\d{1,7})?)")


@dataclass(frozen=True)
class ClientFilter:
    """Every field narrows, and an empty one narrows nothing. Ends of ranges are included.

    Days, orders and money are whole numbers (money in the currency's whole units); ``late`` is in cycles of the client's own.
    """

    q: str = ""
    state: str = ""
    representative: int | None = None
    uf: str = ""
    city: str = ""
    near: str = ""  # "base" or "latitude,longitude"
    km: int | None = None  # from ``near``; neither narrows without the other
    segment: str = ""
    porte: str = ""
    tag: str = ""
    abc: str = ""
    chance: str = ""
    silent_from: int | None = None  # days since the last order
    silent_to: int | None = None
    orders_from: int | None = None  # days with an order, within ``orders_in`` days
    orders_to: int | None = None
    orders_in: int = 365
    value_from: int | None = None  # net revenue of twelve months
    value_to: int | None = None
    ticket_from: int | None = None  # what a day with an order was worth, of twelve months
    ticket_to: int | None = None
    heat: str = ""
    late: str = ""  # a decimal number of own cycles without an order, or more
    renewal: int | None = None  # days within which a contract ends that waits to be renewed
    sort: str = "name"
    view: str = "list"
    after: str = ""  # key of the last row of the page before
    size: int = 50

    @classmethod
    def parse(cls, query: Mapping[str, Any]) -> "ClientFilter":
        """Unknown or malformed values are dropped, so that an old bookmark or segment still opens."""

        def text(name: str, most: int = 80) -> str:
            return str(query.get(name, "")).strip()[:most].strip()

        def one_of(name: str, allowed, default: str = "") -> str:
            return text(name) if text(name) in allowed else default

        def number(name: str, most: int) -> int | None:
            found = re.fullmatch(r"\d{1,15}", text(name), re.ASCII)
            return min(int(found[0]), most) if found else None

        near, km = _place(text("near")), number("km", MAX_KM)
        return cls(
            q=text("q", 64),
            state=one_of("state", Lifecycle.values),
            representative=number("representative", 10**15),
            uf=text("uf", 3),
            city=text("city"),
            near=near,
            km=km or None,
            segment=text("segment", 60),
            porte=text("porte", 30),
            tag=text("tag", 40),
            abc=one_of("abc", ("A", "B", "C")),
            chance=one_of("chance", CHANCES),
            silent_from=number("silent_from", 36_500),
            silent_to=number("silent_to", 36_500),
            orders_from=number("orders_from", 100_000),
            orders_to=number("orders_to", 100_000),
            orders_in=90 if text("orders_in") == "90" else 365,
            value_from=number("value_from", 10**13),
            value_to=number("value_to", 10**13),
            ticket_from=number("ticket_from", 10**13),
            ticket_to=number("ticket_to", 10**13),
            heat=one_of("heat", Temperature.values),
            late=_cycles(text("late")),
            renewal=number("renewal", MOST_RENEWAL_DAYS) or None,
            sort=one_of("sort", SORTS, "name"),
            view=one_of("view", VIEWS, "list"),
            after=str(query.get("after", ""))[:300],
            size=int(text("size")) if text("size") in {"25", "50", "100"} else 50,
        )

    @property
    def narrows(self) -> bool:
        """Whether anything but order, page and view was asked for."""
        return bool(self.q or self.definition())

    @property
    def reads_orders(self) -> bool:
        """Whether it narrows by what the clients bought, which no index of the clients themselves knows."""
        days, orders = (self.silent_from, self.silent_to), (self.orders_from, self.orders_to)
        money = (self.value_from, self.value_to, self.ticket_from, self.ticket_to)
        return bool(self.state or self.abc or self.chance or self.late or self.heat) or any(
            each is not None for each in (*days, *orders, *money)
        )

    @property
    def finds_few(self) -> bool:
        """Whether it asks for what only few clients of a company have."""
        return bool(self.q or self.tag or self.chance or self.city or self.km or self.porte or self.late or self.renewal)

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees, where the place is a point of the map."""
        found = _PLACES.fullmatch(self.near)
        return (float(found[1]), float(found[2])) if found else None

    def definition(self) -> dict[str, Any]:
        """What a segment keeps of it: the narrowing fields, as JSON; ``parse`` reads it back."""
        kept = {name: value for name, value in _told(self).items() if name not in NOT_SEGMENT}
        if "near" not in kept or "km" not in kept:
            kept.pop("near", None), kept.pop("km", None)
        if "orders_from" not in kept and "orders_to" not in kept:
            kept.pop("orders_in", None)
        return kept

    def query(self, **changes: Any) -> str:
        """The query string of this filter with ``changes``; a change of anything but ``after`` starts at the first page."""
        return urlencode(_told(replace(self, **({"after": ""} | changes))))

    def without(self, *names: str) -> "ClientFilter":
        """This filter without those fields, at its first page."""
        return replace(self, after="", **{name: _DEFAULTS[name] for name in names})


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(ClientFilter)}


def _told(wanted: ClientFilter) -> dict[str, Any]:
    return {name: value for name, value in vars(wanted).items() if value not in (None, "") and value != _DEFAULTS[name]}


def _place(text: str) -> str:
    if text == BASE:
        return BASE
    found = _PLACES.fullmatch(text.replace(" ", ""))
    if not found or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        return ""
    return found[0]


def _cycles(text: str) -> str:
    """A decimal from 0.1 to 99, written one way; "" for anything else."""
    if not re.fullmatch(r"\d{1,2}([.,]\d)?", text, re.ASCII):
        return ""
    number = Decimal(text.replace(",", "."))
    return f"{number.normalize():f}" if number else ""
