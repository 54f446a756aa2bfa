"""What serving a client costs in minutes a quarter, at its class's rhythm of visits and from where the representative lives.

The numbers are assumptions to plan with, the same for everyone: classes A, B, C are visited every 14, 28, 60 days
(PRODUCT.md), a visit takes half an hour, and a day's trip there and back at 50 km/h serves four clients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array, Facts, Representatives
from .geometry import haversine_km
from .pairs import KM_SCALE, SAME_CITY_KM, Pairs
from .problem import Workload
from .rules import Rule

QUARTER_DAYS, QUARTER_WEEKS = 91, 13
VISIT_EVERY_DAYS = (14, 28, 60)  # by class A, B, C
VISIT_MINUTES = 30.0
SPEED_KMH = 50.0
VISITS_A_TRIP = 4
TRAVEL_MINUTES_KM = 2 / VISITS_A_TRIP / SPEED_KMH * 60  # of one visit, for each km between the two
SECONDS = 60
NO_LIMIT = 2**40  # seconds: a representative whose minutes nobody wrote down is held by clients alone


def client_minutes(abc: Array) -> NDArray[np.float64]:
    """Minutes of visits a quarter by class (0, 1, 2 for A, B, C; unknown counts as C), without travel."""
    spent = QUARTER_DAYS * VISIT_MINUTES / np.array([*VISIT_EVERY_DAYS, VISIT_EVERY_DAYS[-1]], np.float64)
    return spent[np.asarray(abc, np.int64)]


def with_travel(minutes: Array, km: Array) -> NDArray[np.float64]:
    """Minutes a quarter with the way: as many trips' shares as there are visits in ``minutes``."""
    return minutes * (1 + km * (TRAVEL_MINUTES_KM / VISIT_MINUTES))


def reckoned_km(facts: Facts, reps: Representatives, rows: Array, at: Array, unknown: float) -> NDArray[np.float64]:
    """Distance between clients ``rows`` and representatives ``at``; unknown ones as the pairs count them."""
    if facts.lat is None or facts.lon is None or reps.lat is None or reps.lon is None:
        km = np.full(len(rows), np.nan)
    else:
        km = haversine_km(facts.lat[rows], facts.lon[rows], reps.lat[at], reps.lon[at])
    guess = np.full(len(rows), unknown)
    if facts.city is not None and reps.city is not None:
        here = (facts.city[rows] == reps.city[at]) & (facts.city[rows] >= 0)
        guess[here] = min(SAME_CITY_KM, unknown)
    return np.where(np.isnan(km), guess, km).astype(np.float64)


def minutes_held(facts: Facts, reps: Representatives) -> NDArray[np.float64]:
    """Minutes a quarter each representative's present clients take, shape (n_representatives,).

    Raises
    ------
    MissingColumn
        ``minutes`` was not given.
    """
    minutes = facts.need("minutes", "receivers.capacity")
    rows = np.flatnonzero(facts.owner >= 0)
    if facts.discarded is not None:
        rows = rows[~facts.discarded[rows]]
    at = facts.owner[rows]
    spent = with_travel(minutes[rows], reckoned_km(facts, reps, rows, at, KM_SCALE))
    return np.bincount(at, spent, minlength=len(reps)).astype(np.float64)


def pair_seconds(facts: Facts, reps: Representatives, rows: Array, pairs: Pairs, rule: Rule) -> NDArray[np.int64]:
    """Seconds a quarter of each pair (n_pairs,), rounded up so that no sum of them passes its minutes; ``rows`` the clients'."""
    unknown = KM_SCALE if rule.receivers.max_km is None else float(rule.receivers.max_km)
    client = rows[pairs.client]
    known = np.asarray(pairs.km, np.float64)
    km = np.where(np.isnan(known), reckoned_km(facts, reps, client, pairs.representative, unknown), known)
    return np.ceil(with_travel(facts.need("minutes", "receivers.capacity")[client], km) * SECONDS - 1e-6).astype(np.int64)


def workload_for(rule: Rule, facts: Facts, reps: Representatives, rows: Array, pairs: Pairs, received: Array) -> Workload:
    """What the pairs weigh and the seconds a quarter each representative may still take; ``received`` came from earlier rules.

    The smaller of what is free of the quarter's minutes and the rule's share of them. Clients leaving in the same run free
    nothing: a manager may refuse them.

    Raises
    ------
    MissingColumn
        ``minutes`` of clients, or ``capacity_minutes`` or ``minutes_held`` of representatives, were not given.
    """
    weight = pair_seconds(facts, reps, rows, pairs, rule)
    capacity, held = (reps.need(name, "receivers.capacity") for name in ("capacity_minutes", "minutes_held"))
    free = np.minimum(capacity - held, capacity * rule.limits.receive_share)
    room = np.where(np.isfinite(free), np.floor(np.nan_to_num(free, posinf=0, neginf=0) * SECONDS), NO_LIMIT).astype(np.int64)
    return Workload(weight, np.maximum(room - received, 0))
