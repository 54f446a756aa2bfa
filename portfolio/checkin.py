"""Where a visit was reported from, against where the client is: pure arithmetic, asked by services and pages alike."""

from dataclasses import dataclass
from typing import Literal

from portfolio.route import haversine_km

FIX_HOLDS_S = 60  # an older fix tells where the device was, not where it is

State = Literal["none", "unplaced", "old", "vague", "outside", "inside"]


@dataclass(frozen=True)
class Fix:
    """What a device said of its own place when the person tapped: degrees, metres of accuracy, seconds of age."""

    latitude: float
    longitude: float
    accuracy_m: int | None = None
    age_s: int | None = None


def distance_of(fix: Fix | None, latitude: float | None, longitude: float | None) -> int | None:
    """Whole metres from a fix to a client's place; None where either is unknown."""
    if fix is None or latitude is None or longitude is None:
        return None
    return round(1000 * haversine_km((fix.latitude, fix.longitude), (latitude, longitude)))


def check_in(fix: Fix | None, distance_m: int | None, *, radius_m: int) -> State:
    """What a fix proves of a visit.

    Returns
    -------
    ``none`` nothing was given; ``unplaced`` the client's own place is unknown; ``old`` the fix is more than 60 s old, or its
    age unknown; ``vague`` its accuracy is worse than the radius, or unknown; else ``inside`` or ``outside`` the radius.
    """
    if fix is None:
        return "none"
    if distance_m is None:
        return "unplaced"
    if fix.age_s is None or fix.age_s > FIX_HOLDS_S:
        return "old"
    if fix.accuracy_m is None or fix.accuracy_m > radius_m:
        return "vague"
    return "inside" if distance_m <= radius_m else "outside"
