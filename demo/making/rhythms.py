"""The rhythm of the demonstration's clients: gaps between orders taken from real order books.

Nothing here invents when a client buys. A rhythm is a stretch of one real client's order days (two for the irregular
ones, whose book covers a single year), moved by whole weeks onto the demonstration's calendar, so that its fading,
stopping and coming back are those of a real business.
"""

import csv
import gzip
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from .days import LAST

DAYS_KEPT = LAST + 1


@dataclass(frozen=True)
class Rhythm:
    """Order days counted from the first day kept, 0 to ``DAYS_KEPT`` - 1, each with its size against the client's usual order."""

    days: tuple[int, ...]
    sizes: tuple[float, ...]


def _book(path: Path, client: str, day: str, amount: str, *, keep=lambda row: True) -> dict[str, list[tuple[date, float]]]:
    """Order days of every client with the amount of each, in order."""
    totals: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row[client] and keep(row) and float(row[amount]) > 0:
                totals[row[client]][date.fromisoformat(row[day][:10])] += float(row[amount])
    return {client: sorted(days.items()) for client, days in sorted(totals.items())}


class RealOrderBooks:
    """Both public order books, and the drawing of rhythms from them."""

    def __init__(self, source: Path):
        self._iowa = _book(source / "iowa_wholesale/orders_2012_2020.csv.gz", "client_id", "date", "amount_usd")
        self._retail = _book(
            source / "online_retail/invoices_2009-12_2010-12.csv.gz",
            "customer_id",
            "invoice_ts",
            "amount_gbp",
            keep=lambda row: row["is_cancellation"] == "0",
        )
        self._iowa_names = [c for c, days in self._iowa.items() if len(days) >= 24]
        self._retail_names = [c for c, days in self._retail.items() if len(days) >= 5]

    def regular(self, rng: random.Random, mean_gap: float) -> Rhythm:
        """Two years of a wholesaler's client, thinned to about ``mean_gap`` days by keeping every k-th order."""
        name = rng.choice(self._iowa_names)
        days = self._iowa[name]
        last_end, first_end = date(2020, 12, 31), days[0][0] + timedelta(days=120)
        end = first_end + timedelta(days=rng.randrange(max((last_end - first_end).days, 1)))
        begin = end - timedelta(days=DAYS_KEPT - 1)
        begin -= timedelta(days=begin.weekday())  # whole weeks: a Tuesday order stays on a Tuesday
        window = [((day - begin).days, amount) for day, amount in days if 0 <= (day - begin).days < DAYS_KEPT]
        if len(window) > 2:
            gap = median(b[0] - a[0] for a, b in pairwise(window))
            step = max(round(mean_gap / max(gap, 1)), 1)
            window = window[rng.randrange(step) :: step]
        return _rhythm(window)

    def irregular(self, rng: random.Random) -> Rhythm:
        """A giftware buyer's year, with the year of another one of like pace before it (the book covers one year)."""
        name = rng.choice(self._retail_names)
        pace = len(self._retail[name])
        alike = [c for c in self._retail_names if abs(len(self._retail[c]) - pace) <= max(1, pace // 5)]
        earlier = rng.choice(alike)
        year, monday = 364, date(2009, 11, 30)  # whole weeks; the Monday before the book opens
        late = {(day - monday).days + year: amount for day, amount in self._retail[name]}
        early = {(day - monday).days: amount for day, amount in self._retail[earlier] if (day - monday).days < year}
        if rng.random() < 0.25:
            early = {}  # a client of the last year only
        window = sorted((early | late).items())
        return _rhythm([(d, amount) for d, amount in window if d < DAYS_KEPT])


def _rhythm(window: list[tuple[int, float]]) -> Rhythm:
    """Order days off the weekend (Saturday to Friday, Sunday to Monday), amounts against their median, one order a day."""
    usual = median(a for _, a in window) if window else 1.0
    sizes: dict[int, float] = {}
    for day, amount in window:
        weekday = day % 7  # day 0 is a Monday
        day += {5: -1, 6: 1}.get(weekday, 0)
        if 0 <= day < DAYS_KEPT:
            # The square root keeps the pattern and tames a liquor store's Christmas order.
            sizes[day] = min(max((amount / usual) ** 0.5, 0.3), 3.0)
    return Rhythm(tuple(sorted(sizes)), tuple(sizes[d] for d in sorted(sizes)))
