"""What may be said about an effect, and when: intervals safe to look at every week, shrinkage, sizes (ENGINE.md section 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import scipy as sp

from .facts import Array
from .outcome import LEVEL, Difference, Drawn, net_per_client, reactivation

ALPHA = 1 - LEVEL
Q = (6 + math.log(7)) / 600  # tightest around 600 clients (Waudby-Smith et al., arXiv 2103.06476)
POWER = (NormalDist().inv_cdf(1 - ALPHA / 2) + NormalDist().inv_cdf(0.8)) ** 2  # 7.85: 5% two-sided, 80% power

ASSUMED_TAU = 0.10
PRIOR_CLIENTS = 200  # what the assumption weighs
LEAST_TAU = 0.01  # at nothing nobody would be proposed, and nothing measured again; stopping is a person's decision
LEAST_TO_SAY = 12  # of either arm: below that the interval says nothing a person could use
LEAST_CONTROLS = 30
EXPECTED_EFFECT = 0.10
USUAL_BASE = 0.40
NARROW = 0.05
SMALLER_SHARE = 0.10


def sequence_factor(n: float, *, alpha: float = ALPHA) -> float:
    """Half-width of the confidence sequence in standard errors, after ``n`` clients; infinite at 0.

    The interval holds at every look at once with probability 1 - alpha (asymptotically), however often one looks and
    whenever one stops. Source: Waudby-Smith et al., arXiv 2103.06476, with q of ENGINE.md section 7.
    """
    if n <= 0:
        return math.inf
    nq = n * Q
    return math.sqrt(2 * (nq + 1) / nq * math.log(math.sqrt(nq + 1) / alpha))


def sequence(found: Difference, *, floor: float = -math.inf, ceiling: float = math.inf) -> tuple[float, float]:
    """The interval that is safe at every look: each side of the fixed-size interval, stretched.

    The standard error of a side is its length over the normal quantile: of Newcombe's interval it is never zero, and
    keeps the lean of small samples.
    """
    z = float(sp.special.ndtri((1 + LEVEL) / 2))
    stretch = sequence_factor(found.n_treated + found.n_control) / z
    if not math.isfinite(stretch):
        return floor, ceiling
    low = found.value - (found.value - found.low) * stretch
    high = found.value + (found.high - found.value) * stretch
    return max(low, floor), min(high, ceiling)


def shrunk(difference: float, effective: float, *, prior: float = ASSUMED_TAU, weight: float = PRIOR_CLIENTS) -> float:
    """The effect to plan with: measured and assumed, each by what it weighs."""
    if effective <= 0 or math.isnan(difference):
        return prior
    return (effective * difference + weight * prior) / (effective + weight)


def needed_clients(base: float, effect: float, share: float) -> int:
    """Clients of both arms together that show ``effect`` over ``base`` with 80% power, ``share`` of them control.

    Raises
    ------
    ValueError
        The effect is 0, or the share leaves one arm empty.
    """
    if effect == 0 or not 0 < share < 1:
        raise ValueError(f"no size answers effect {effect} with a control group of {share}")
    lifted = min(max(base + effect, 0.0), 1.0)
    return math.ceil(POWER * (lifted * (1 - lifted) / (1 - share) + base * (1 - base) / share) / effect**2 - 1e-9)


@dataclass(frozen=True)
class Plan:
    """When an effect of ``EXPECTED_EFFECT`` can be known. ``on`` is a day, None where nobody is being drawn any more."""

    needed: int
    drawn: int
    on: int | None


def plan(closes_on: Array, drawn_on: Array, as_of: int, *, base: float, share: float, horizon: int) -> Plan:
    """When enough windows will have closed, at the pace of the last twelve weeks.

    Parameters
    ----------
    closes_on, drawn_on : shape (n,), int days
        Of every client drawn to either arm so far, in any order.
    share, horizon : of the version in force: the control group's share, and its days
    """
    needed = needed_clients(base, EXPECTED_EFFECT, share)
    return Plan(needed, len(closes_on), day_seen(closes_on, drawn_on, as_of, needed=needed, horizon=horizon))


def day_seen(closes_on: Array, drawn_on: Array, as_of: int, *, needed: int, horizon: int) -> int | None:
    """The day after ``needed`` windows have closed, at the pace of the last twelve weeks; None where nobody is drawn any more."""
    n = len(closes_on)
    if n >= needed:
        return int(np.sort(closes_on)[needed - 1]) + 1
    weeks = min(max((as_of - int(drawn_on.min())) / 7, 1.0), 12.0) if n else 0.0
    recent = int((drawn_on > as_of - 84).sum()) if n else 0
    if not recent:
        return None
    return as_of + math.ceil((needed - n) * weeks / recent * 7) + horizon + 1


@dataclass(frozen=True)
class Uplift:
    """One look at an experiment. ``low`` and ``high`` are the confidence sequence of the difference in reactivation,
    ``money_low`` and ``money_high`` that of net margin a client, in cents. ``ordered`` counts clients, drawn as they were."""

    n_treated: int
    n_control: int
    ordered_treated: int
    ordered_control: int
    reactivation: Difference
    low: float
    high: float
    money: Difference
    money_low: float
    money_high: float
    tau: float

    @property
    def sayable(self) -> bool:
        """Whether there are clients enough for the interval to mean something to a person."""
        return min(self.reactivation.n_treated, self.reactivation.n_control) >= LEAST_TO_SAY

    @property
    def measured(self) -> bool:
        """Whether what was measured weighs at least as much as what was assumed."""
        return self.reactivation.n_control >= LEAST_CONTROLS and self.reactivation.effective >= PRIOR_CLIENTS

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def uplift(drawn: Drawn, *, margin_rate: float = 1.0) -> Uplift:
    """Everything one look may say about these clients."""
    found, money = reactivation(drawn), net_per_client(drawn, margin_rate=margin_rate)
    low, high = sequence(found, floor=-1.0, ceiling=1.0)
    money_low, money_high = sequence(money)
    treated = drawn.treated.astype(bool)
    return Uplift(
        n_treated=int(treated.sum()),
        n_control=int((~treated).sum()),
        ordered_treated=int(drawn.ordered[treated].sum()),
        ordered_control=int(drawn.ordered[~treated].sum()),
        reactivation=found,
        low=low,
        high=high,
        money=money,
        money_low=money_low,
        money_high=money_high,
        tau=shrunk(found.value, found.effective),
    )


def looks(drawn: Drawn, closes_on: Array, days: Array, *, margin_rate: float = 1.0) -> list[Uplift]:
    """What each day of ``days`` (int, rising) would have said: of windows closed before it."""
    return [uplift(drawn.only(closes_on < day), margin_rate=margin_rate) for day in days.tolist()]


def smaller_share(found: Uplift, share: float) -> float | None:
    """A smaller control group, once the interval is narrow enough to afford it; None while it is not."""
    return SMALLER_SHARE if share > SMALLER_SHARE and found.sayable and found.half_width < NARROW else None


@dataclass(frozen=True)
class Effects:
    """The recovery lift a run ranks by: ``tau`` of the organization, and of strata that differ from it, by name."""

    tau: float
    by_stratum: Mapping[str, float] = field(default_factory=dict)
    n: int = 0  # clients measured

    def of(self, names: tuple[str, ...], stratum: Array) -> Array:
        """Lift of each client, shape (k,), by its stratum's code in ``names``; -1 has the organization's."""
        known = np.array([*(self.by_stratum.get(name, self.tau) for name in names), self.tau])
        return known[stratum]

    def as_json(self) -> dict[str, object]:
        return {"tau": self.tau, "by_stratum": dict(self.by_stratum), "n": self.n}


def effects(drawn: Drawn, names: tuple[str, ...]) -> Effects | None:
    """Measured effects to rank by, or None while the assumption weighs more.

    Parameters
    ----------
    names : name of each code of ``drawn.stratum``

    Returns
    -------
    Effects
        The organization's effect is shrunk to the assumed one, each stratum's to the organization's.
    """
    whole = uplift(drawn)
    if not whole.measured:
        return None
    tau = max(whole.tau, LEAST_TAU)
    by_stratum = {}
    for code in np.unique(drawn.stratum).tolist():
        found = reactivation(drawn.only(drawn.stratum == code))
        by_stratum[names[code]] = round(max(shrunk(found.value, found.effective, prior=tau), LEAST_TAU), 6)
    return Effects(round(tau, 6), by_stratum, len(drawn))
