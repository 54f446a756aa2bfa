"""What moving did: stratified differences between clients drawn to be moved and clients drawn to be left (ENGINE.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from .errors import FactsError
from .facts import Array

LEVEL = 0.95
WINSOR = 0.99


@dataclass(frozen=True, eq=False)
class Drawn:
    """Clients drawn to one of the two arms, their windows closed and measured; every array has shape (n,).

    ``treated``, ``ordered`` bool; ``net_cents`` int64, of the window; ``stratum`` codes, any integers; ``block`` codes
    of draws that gave everyone the same chance (the share asked for): strata too thin to compare are joined inside it.
    Moved or not plays no part: who was drawn to treatment counts there (intention to treat).
    """

    treated: Array
    ordered: Array
    net_cents: Array
    stratum: Array
    block: Array

    def __post_init__(self) -> None:
        sizes = {name: np.shape(getattr(self, name)) for name in ("treated", "ordered", "net_cents", "stratum", "block")}
        for name, shape in sizes.items():
            if shape != (len(self.treated),):
                raise FactsError("wrong_shape", column=name, found=shape, expected=(len(self.treated),))

    def __len__(self) -> int:
        return len(self.treated)

    def only(self, rows: Array) -> Drawn:
        """These rows alone (a mask or positions)."""
        return Drawn(self.treated[rows], self.ordered[rows], self.net_cents[rows], self.stratum[rows], self.block[rows])


@dataclass(frozen=True)
class Difference:
    """Treatment less control, weighted over strata, with a 95% interval.

    ``low`` and ``high`` bound ``value``; ``treated`` and ``control`` are the arms' weighted means, ``n_treated`` and
    ``n_control`` the clients that could be compared. ``effective`` is the size of an experiment of two equal arms that would
    know as much. NaN, and an interval as wide as can be, where nobody could be compared.
    """

    value: float
    low: float
    high: float
    treated: float
    control: float
    n_treated: int
    n_control: int
    effective: float


def wilson(share: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a proportion seen in ``n`` cases, which may be an effective number, not whole."""
    z = float(sp.special.ndtri((1 + level) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def newcombe(p1: float, n1: float, p0: float, n0: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the difference of two independent proportions, p1 - p0.

    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10 (score, no continuity correction).
    """
    low1, high1 = wilson(p1, n1, level=level)
    low0, high0 = wilson(p0, n0, level=level)
    d = p1 - p0
    return d - float(np.hypot(p1 - low1, high0 - p0)), d + float(np.hypot(high1 - p1, p0 - low0))


def reactivation(drawn: Drawn, *, level: float = LEVEL) -> Difference:
    """Difference in the share of clients that ordered inside their window.

    Strata weigh as Mantel and Haenszel's; each arm's proportion enters Newcombe's interval with the number of cases
    that would know it as well: weights cost some, and what the strata explain needs no cases. One stratum gives the
    published interval. Strata in which an arm has fewer
    than two clients are joined with one another inside their block.
    """
    weight, n1, n0, member = _strata(drawn, least=1)
    if not len(weight):
        return Difference(np.nan, -1.0, 1.0, np.nan, np.nan, 0, 0, 0.0)
    sum1, sum0 = _sums(drawn.ordered.astype(float), drawn.treated, member, len(weight))
    p1, p0 = float(weight @ (sum1 / n1)), float(weight @ (sum0 / n0))
    one, none = float(weight**2 @ (1 / n1)), float(weight**2 @ (1 / n0))
    left = _left_within(weight, sum1 + sum0, n1 + n0)
    low, high = newcombe(min(max(p1, 0.0), 1.0), 1 / (one * left), min(max(p0, 0.0), 1.0), 1 / (none * left), level=level)
    return Difference(p1 - p0, low, high, p1, p0, int(n1.sum()), int(n0.sum()), 4 / (one + none))


def net_per_client(drawn: Drawn, *, margin_rate: float = 1.0, level: float = LEVEL) -> Difference:
    """Difference in net margin a client and window, in cents.

    Each client's net is winsorised at the 1st and 99th percentile of all drawn, so that one exceptional order does not
    decide. Inside strata the variance is HC2's, which in a regression on arm by stratum is each arm's own sample
    variance over its size; the interval takes Student's t with Satterthwaite's degrees of freedom. Weights as in
    ``reactivation``; strata with fewer than two clients in an arm, after joining, say nothing and are left out.
    """
    weight, n1, n0, member = _strata(drawn, least=2)
    if not len(weight):
        return Difference(np.nan, -np.inf, np.inf, np.nan, np.nan, 0, 0, 0.0)
    value = winsorised(drawn.net_cents.astype(float)) * margin_rate
    sum1, sum0 = _sums(value, drawn.treated, member, len(weight))
    mean1, mean0 = sum1 / n1, sum0 / n0
    kept = member >= 0
    off = value[kept] - np.where(drawn.treated[kept], mean1[member[kept]], mean0[member[kept]])
    square1, square0 = _sums(_placed(off**2, kept), drawn.treated, member, len(weight))
    part1, part0 = weight**2 * square1 / (n1 - 1) / n1, weight**2 * square0 / (n0 - 1) / n0
    variance = float(part1.sum() + part0.sum())
    d = float(weight @ (mean1 - mean0))
    if variance > 0:
        freedom = variance**2 / float((part1**2 / (n1 - 1)).sum() + (part0**2 / (n0 - 1)).sum())
        half = float(sp.special.stdtrit(freedom, (1 + level) / 2)) * np.sqrt(variance)
    else:
        half = 0.0
    effective = 4 / float(weight**2 @ (1 / n1 + 1 / n0))
    return Difference(d, d - half, d + half, float(weight @ mean1), float(weight @ mean0), int(n1.sum()), int(n0.sum()), effective)


def winsorised(value: Array, share: float = WINSOR) -> NDArray[np.float64]:
    """Values outside the percentiles ``1 - share`` and ``share`` moved to them."""
    if not len(value):
        return value.astype(float)
    low, high = np.quantile(value, [1 - share, share])
    return np.clip(value, low, high)


def _strata(drawn: Drawn, *, least: int) -> tuple[NDArray[np.float64], Array, Array, Array]:
    """Weights (summing to 1) and sizes of the strata compared, and each client's (-1: compared with nobody)."""
    treated = drawn.treated
    _, member = np.unique(np.stack([drawn.block, drawn.stratum]), axis=1, return_inverse=True)
    member = member.reshape(-1)
    n1, n0 = _counts(treated, member)
    thin = (np.minimum(n1, n0) < 2)[member] if len(member) else np.zeros(0, bool)
    if thin.any():
        # joined inside their block: everyone there had the same chance of either arm
        _, joined = np.unique(drawn.block[thin], return_inverse=True)
        member = member.copy()
        member[thin] = len(n1) + joined.reshape(-1)
        n1, n0 = _counts(treated, member)
    used = np.minimum(n1, n0) >= least
    place = np.where(used, np.cumsum(used) - 1, -1)
    n1, n0 = n1[used].astype(float), n0[used].astype(float)
    weight = n1 * n0 / (n1 + n0)
    return weight / weight.sum() if len(weight) else weight, n1, n0, place[member] if len(member) else member


def _left_within(weight: Array, ordered: Array, n: Array) -> float:
    """Share of the variance of a proportion that strata leave unexplained, both arms together; 1 where they explain nothing."""
    p = ordered / n
    whole = float(weight @ p) * (1 - float(weight @ p))
    inside = float(weight @ (p * (1 - p) * n / np.maximum(n - 1, 1)))
    return min(inside / whole, 1.0) if whole > 0 and inside > 0 else 1.0


def _counts(treated: Array, member: Array) -> tuple[Array, Array]:
    size = int(member.max()) + 1 if len(member) else 0
    n1 = np.bincount(member[treated], minlength=size)
    return n1, np.bincount(member, minlength=size) - n1


def _sums(value: Array, treated: Array, member: Array, size: int) -> tuple[Array, Array]:
    kept = member >= 0
    one, none = kept & treated, kept & ~treated
    return np.bincount(member[one], value[one], minlength=size), np.bincount(member[none], value[none], minlength=size)


def _placed(values: Array, kept: Array) -> Array:
    full = np.zeros(len(kept))
    full[kept] = values
    return full
