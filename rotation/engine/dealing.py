"""Dealing clients out to a few people for a while, without anybody changing hands: a campaign's work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .assignment import assign
from .ceilings import Ceilings
from .facts import Array
from .geometry import haversine_km
from .pairs import Pairs

FADING_KM = 100.0  # as in a proposal's value (ENGINE.md section 3)
LEAST_CENTS = 100  # a client nothing is known of is still worth somebody's call


def deal_evenly(worth: Array, client_id: Array, people: int) -> NDArray[np.int64]:
    """Deal clients out in turns, best first, each round in the other direction.

    Parameters
    ----------
    worth : shape (n,), cents; what a client is ranked by, ties by id
    client_id : shape (n,)
    people : how many receive, at least 1

    Returns
    -------
    shape (n,), 0 to people - 1
        Counts differ by one at most, and everyone's worth is about the same.

    Raises
    ------
    ValueError
        Nobody receives.
    """
    if people < 1:
        raise ValueError("nobody to deal to")
    order = np.lexsort((client_id, -worth))
    turn = np.arange(len(worth))
    place, round_ = turn % people, turn // people
    dealt = np.empty(len(worth), np.int64)
    dealt[order] = np.where(round_ % 2 == 0, place, people - 1 - place)
    return dealt


def deal_near(worth: Array, latitude: Array, longitude: Array, base_latitude: Array, base_longitude: Array) -> NDArray[np.int64]:
    """Deal clients out so that what is lost to distance is least while nobody has more than an even share, rounded up.

    Parameters
    ----------
    worth, latitude, longitude : shape (n,); cents, and degrees, NaN unknown
    base_latitude, base_longitude : shape (m,), m at least 1; degrees, NaN unknown

    Returns
    -------
    shape (n,), 0 to m - 1
        The optimum of the assignment engine. A pair of which a place is unknown counts as ``FADING_KM`` apart.

    Raises
    ------
    ValueError
        Nobody receives.
    """
    n, m = len(worth), len(base_latitude)
    if m < 1:
        raise ValueError("nobody to deal to")
    if n == 0:
        return np.zeros(0, np.int64)
    km = haversine_km(latitude[:, None], longitude[:, None], base_latitude[None, :], base_longitude[None, :])
    near = np.exp(-np.nan_to_num(km, nan=FADING_KM) / FADING_KM)
    value = np.maximum(np.rint(np.maximum(worth, LEAST_CENTS)[:, None] * near), 1).astype(np.int64)
    client = np.repeat(np.arange(n, dtype=np.int64), m)
    who = np.tile(np.arange(m, dtype=np.int64), n)
    start = np.arange(0, n * m + 1, m, dtype=np.int64)
    pairs = Pairs(start, client, who, value.reshape(-1), km.reshape(-1).astype(np.float32), np.full(n, -1, np.int8))
    room = np.full(m, -(-n // m), np.int64)
    found = assign(pairs, Ceilings(room, np.full(n, -1, np.int64), np.zeros(0, np.int64)))
    return found.representative_of.astype(np.int64)


def first_turns(who: Array, worth: Array, client_id: Array, per_day: int) -> NDArray[np.int64]:
    """On which of the campaign's working days each client's first step is, 0 the first: a person's best clients come first.

    Parameters
    ----------
    who, worth, client_id : shape (n,); the person's position, cents, id
    per_day : how many clients a person begins with in a day, at least 1
    """
    order = np.lexsort((client_id, -worth, who))
    ranked = who[order]
    begins = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1]))) if len(ranked) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(begins, len(ranked)))
    turn = np.empty(len(who), np.int64)
    turn[order] = (np.arange(len(ranked)) - np.repeat(begins, sizes)) // per_day
    return turn
