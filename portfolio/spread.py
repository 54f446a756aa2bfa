"""On which day each due client is visited: the latest first, near ones together, never beyond a day's room. No Django, no clock."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from portfolio.route import haversine_km, located

EARLY_DAYS = 3  # a client may be visited this much before its turn where the person is near anyway
SAME_CITY_KM = 5.0  # between two of one city of which one has no place on the map
FAR_KM = 1e6


class Due(NamedTuple):
    """A client whose turn comes. Sequences of these are in order of precedence: who is visited first where room is short."""

    client_id: int
    due_on: date
    agreed: bool  # the day was agreed with the client: never earlier than that
    latitude: float | None
    longitude: float | None
    city: str


def distance_km(a: Due, b: Due) -> float:
    """Kilometres between two clients; by their cities where a place is missing."""
    here, there = (a.latitude, a.longitude), (b.latitude, b.longitude)
    if located(here) and located(there):
        return haversine_km(here, there)
    return SAME_CITY_KM if a.city and a.city == b.city else FAR_KM


def spread(due: Sequence[Due], rooms: Sequence[tuple[date, int]]) -> list[tuple[int, date]]:
    """A day for each client that fits: ``(client_id, day)``, in order of days.

    Parameters
    ----------
    due : in order of precedence; each client once
    rooms : days in order with how many more visits each takes; none or less is a full day

    Notes
    -----
    Each day begins with the first in precedence whose turn has come and goes on with those nearest to it, taken from as
    many as all the days left still have room for: precedence decides who is visited, nearness only when. A day keeps room
    only where nobody's turn has come, so doing it again with what is left over changes nothing.
    """
    waiting, planned = list(due), []
    slots = sum(max(room, 0) for _day, room in rooms)
    for day, room in rooms:
        if room <= 0:
            continue
        eligible = [one for one in waiting if one.due_on - timedelta(0 if one.agreed else EARLY_DAYS) <= day]
        eligible = sorted(eligible, key=lambda one: one.due_on > day)[:slots]
        if eligible and eligible[0].due_on <= day:
            seed, *others = eligible
            others.sort(key=lambda one: (not _must(one, day), distance_km(seed, one)))
            chosen = [seed, *others[: room - 1]]
            planned += [(one.client_id, day) for one in chosen]
            gone = {one.client_id for one in chosen}
            waiting = [one for one in waiting if one.client_id not in gone]
        slots -= room
    return planned


def _must(one: Due, day: date) -> bool:
    return one.agreed and one.due_on <= day
