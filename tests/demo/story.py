"""The demonstration's files read back, with what the tests ask of them."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from demo import shift

ANCHOR = shift._anchor()
# Every remainder a week can leave, at the anchor and years later.
LAST_DAYS = [ANCHOR + timedelta(days=n) for n in range(7)] + [ANCHOR + timedelta(days=7 * 150 + 3), ANCHOR - timedelta(days=5)]


@dataclass(frozen=True)
class Story:
    """Rows by kind, as an importer would read them on the day after ``last_day``."""

    last_day: date
    rows: dict[str, list[dict[str, str]]]

    @cached_property
    def orders(self) -> dict[str, tuple[str, date, str, int]]:
        """(client, day, status, amount in cents) by code."""
        orders: dict[str, tuple[str, date, str, int]] = {}
        for row in self.rows["orders"]:
            *head, amount = orders.get(row["order_code"], (row["client_code"], date.fromisoformat(row["ordered_on"]), row["status"], 0))
            orders[row["order_code"]] = (*head, amount + int(row["quantity"]) * int(row["unit_price"].replace(".", "")))
        return orders

    @cached_property
    def silence(self) -> dict[str, int]:
        """Days since the last valid order of every client that ever ordered."""
        last: dict[str, date] = {}
        for client, day, status, _ in self.orders.values():
            if status == "valid":
                last[client] = max(day, last.get(client, day))
        return {client: (self.last_day - day).days for client, day in last.items()}

    @cached_property
    def abc(self) -> dict[str, str]:
        """Class of every client by net value of the last 365 days, cut at 80 and 95 %."""
        net: dict[str, int] = defaultdict(int)
        for client, day, status, amount in self.orders.values():
            if (self.last_day - day).days < 365 and (status == "valid" or (status == "returned" and amount < 0)):
                net[client] += amount
        total, running, classes = sum(net.values()), 0, {}
        for client, value in sorted(net.items(), key=lambda pair: -pair[1]):
            running += value
            classes[client] = "A" if running <= 0.8 * total else "B" if running <= 0.95 * total else "C"
        return classes

    @cached_property
    def spells(self) -> dict[str, list[tuple[date, date | None, str]]]:
        """(first day, day after the last one, representative) of every client with an owner, in order."""
        spells = defaultdict(list)
        for row in self.rows["ownership"]:
            ended = date.fromisoformat(row["ended_on"]) if row["ended_on"] else None
            spells[row["client_code"]].append((date.fromisoformat(row["started_on"]), ended, row["representative_code"]))
        return {client: sorted(found, key=lambda spell: spell[0]) for client, found in spells.items()}

    def owner_on(self, client: str, day: date) -> str | None:
        return next((who for start, end, who in self.spells.get(client, ()) if start <= day and (end is None or day < end)), None)

    def flagged(self) -> set[str]:
        """Clients the general preset flags: 90 to 359 days without a valid order."""
        return {client for client, days in self.silence.items() if 90 <= days <= 359}


@lru_cache
def story(last_day: date) -> Story:
    """The demonstration as loaded on the day after ``last_day``."""
    with TemporaryDirectory() as folder:
        return Story(last_day, {kind: read(path) for kind, path in shift.shifted_files(Path(folder), last_day)})


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
