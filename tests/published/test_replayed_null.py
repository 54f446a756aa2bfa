"""An experiment in which nothing is done, replayed on a real order book: intervals cover, and twelve looks rarely cry wolf."""

import csv
import gzip
from datetime import date

import numpy as np
import pytest

from rotation.engine.experiment import draw_hold_out, seed_number, terciles
from rotation.engine.outcome import Drawn, net_per_client, reactivation
from rotation.engine.rules import Experiment
from rotation.engine.uplift import sequence

from .shared import published

pytestmark = pytest.mark.slow

HORIZON, SILENT, WEEKS = 42, 30, 156
SHARE = 0.3
LOOKS = 12
FIRST = date(2015, 3, 30).toordinal()


def order_days():
    """Clients' order days, rising: (start, day, cents)."""
    days: dict[tuple[int, int], float] = {}
    with gzip.open(published("iowa_wholesale") / "orders_2012_2020.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = int(row["client_id"]), date.fromisoformat(row["date"]).toordinal()
            days[key] = days.get(key, 0.0) + float(row["amount_usd"])
    kept = np.array([(client, day, round(cents * 100)) for (client, day), cents in sorted(days.items()) if cents > 0], np.int64)
    clients, start = np.unique(kept[:, 0], return_index=True)
    return clients, np.append(start, len(kept)), kept[:, 1], kept[:, 2]


@pytest.fixture(scope="module")
def flagged():
    """Weekly flags of clients silent for 30 days, each once a window, with what they did in the next 42 days."""
    clients, start, day, cents = order_days()
    rows = []
    free_on = np.zeros(len(clients), np.int64)
    for week in range(WEEKS):
        as_of = FIRST + 7 * week
        for i in range(len(clients)):
            if free_on[i] > as_of:
                continue
            mine = slice(start[i], start[i + 1])
            seen = np.searchsorted(day[mine], as_of, side="right")
            if seen < 2 or not SILENT <= as_of - day[mine][seen - 1] <= 180:
                continue
            until = np.searchsorted(day[mine], as_of + HORIZON, side="right")
            year = cents[mine][max(seen - 52, 0) : seen].sum()
            silent = as_of - day[mine][seen - 1]
            rows.append((week, clients[i], silent, year, until > seen, cents[mine][seen:until].sum()))
            free_on[i] = as_of + HORIZON
    return np.array(rows, np.int64)


def replay(flagged, seed):
    """Draw every week as a run does; nobody is treated."""
    week, client, silent, year, ordered, net = flagged.T
    held = np.zeros(len(week), bool)
    stratum = np.zeros(len(week), np.int64)
    experiment = Experiment(SHARE, ("abc", "risk"), {})
    for each in np.unique(week):
        rows = np.flatnonzero(week == each)
        stratum[rows] = terciles(year[rows]) * 3 + terciles(silent[rows])
        number = seed_number(f"salt {seed}", 1, int(each))
        held[rows] = draw_hold_out(experiment, client[rows], stratum[rows], np.zeros(len(rows), bool), year[rows].astype(float), number)
    return Drawn(~held, ordered.astype(bool), net, stratum, np.zeros(len(week), np.int64)), week


@pytest.mark.parametrize("times", [60, pytest.param(200, marks=pytest.mark.faults)])
def test_on_replayed_orders_intervals_cover_and_twelve_looks_rarely_cry_wolf(flagged, times):
    covered = {"reactivation": 0, "money": 0}
    wolf = {"sequence": 0, "weekly interval": 0}
    for seed in range(times):
        drawn, week = replay(flagged, seed)
        whole = reactivation(drawn)
        money = net_per_client(drawn)
        covered["reactivation"] += whole.low <= 0 <= whole.high
        covered["money"] += money.low <= 0 <= money.high
        looks = [reactivation(drawn.only(week < (look + 1) * WEEKS // LOOKS)) for look in range(LOOKS)]
        wolf["weekly interval"] += any(not each.low <= 0 <= each.high for each in looks)
        wolf["sequence"] += any(not low <= 0 <= high for low, high in map(sequence, looks))
    shares = {name: count / times for name, count in {**covered, **wolf}.items()}
    # the design's bounds, and one standard error of so many draws: 1.5 points where they are 200
    error = (0.05 * 0.95 / times) ** 0.5
    assert 0.93 - error <= shares["reactivation"] <= 0.97 + error, shares
    assert 0.93 - error <= shares["money"] <= 0.97 + error, shares
    assert shares["sequence"] <= 0.05 < shares["weekly interval"], shares
