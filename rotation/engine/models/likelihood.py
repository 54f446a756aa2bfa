"""Likelihood of one regularity class, MBG/CNBD-k, and of BG/CNBD-k beside it (ENGINE.md section 3).

A client orders with Erlang-k gaps of rate l ~ Gamma(r, alpha) and leaves for good with probability p ~ Beta(a, b) after
every order; in the BG form only after repeat orders. ``theta`` is everywhere (ln r, ln alpha, ln a, ln b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from ..facts import Array
from .purchases import Compressed

Floats = NDArray[np.float64]


def waiting(e: Array, z: Array, k: int) -> Floats:
    """P = sum over j < k of Gamma(e + j) / (Gamma(e) j!) z^j, by Horner's rule; shapes broadcast.

    (alpha + T)^-e P is, up to Gamma(e), the chance that fewer than k of the k steps to the next order have passed.
    """
    P = np.ones(np.broadcast_shapes(np.shape(e), np.shape(z)))
    for j in range(k - 1, 0, -1):
        P *= z
        P *= (e + (j - 1)) * (1.0 / j)
        P += 1.0
    return P


def waiting_slopes(e: Array, z: Array, k: int) -> tuple[Floats, Floats, Floats]:
    """P of ``waiting`` with its derivatives by e and by ln z, in one pass; all three of the shape of z."""
    P, by_e, by_log_z = np.ones_like(z), np.zeros_like(z), np.zeros_like(z)
    for j in range(k - 1, 0, -1):
        step = z * (1.0 / j)
        m = step * (e + (j - 1))
        by_e *= m
        by_e += step * P
        by_log_z += P
        by_log_z *= m
        P *= m
        P += 1.0
    return P, by_e, by_log_z


def both_ways(log_odds: Array) -> tuple[Floats, Floats]:
    """ln(1 + exp(log_odds)) and the chance of those odds; no overflow, several times SciPy's speed on long arrays."""
    small = np.exp(-np.abs(log_odds))
    softplus = np.maximum(log_odds, 0.0) + np.log(1.0 + small)
    return softplus, np.where(log_odds > 0, 1.0, small) / (1.0 + small)


@dataclass(frozen=True)
class DropOut:
    """Whether a client may already leave after its first order: it may in MBG, it may not in BG."""

    after_first: bool = True

    def log_stayed(self, x: Array, a: float, b: float) -> Floats:
        """ln of the chance of having stayed after each of its orders: B(a, b + s) / B(a, b)."""
        s, gammaln = x + self.after_first, sp.special.gammaln
        return gammaln(b + s) - gammaln(a + b + s) + (gammaln(a + b) - gammaln(b))

    def log_left(self, x: Array, a: float, b: float) -> Floats:
        """ln of having left after the last order over having stayed; -infinity where leaving is not yet possible."""
        before = b + x - (not self.after_first)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((x > 0) | self.after_first, np.log(a / before), -np.inf)


MBG, BG = DropOut(True), DropOut(False)


Slope = Callable[[Array], Floats]


def log_likelihood(theta: Array, rows: Compressed, k: int, drop_out: DropOut = MBG) -> tuple[Floats, Slope]:
    """l_k(0) of each distinct row, and a function that makes its gradient.

    Parameters
    ----------
    theta : shape (4,)
    rows : the clients, compressed

    Returns
    -------
    log_seen : shape (n_distinct,), nats; the factor g_k of the gaps, free of parameters, is left out
    slope : weight (n_distinct,) -> gradient by theta (4,) of sum of weight x log_seen
    """
    r, alpha, a, b = np.exp(theta)
    gammaln, digamma = sp.special.gammaln, sp.special.digamma
    x, x_at = rows.x, rows.x_at
    e_x = r + k * x
    e = e_x[x_at]
    inv_T, inv_t = 1.0 / (alpha + rows.T), 1.0 / (alpha + rows.t)
    log_T, log_t = -np.log(inv_T)[rows.T_at], -np.log(inv_t)[rows.t_at]
    inv_T, inv_t = inv_T[rows.T_at], inv_t[rows.t_at]
    P, P_e, P_z = waiting_slopes(e, (rows.T[rows.T_at] - rows.t[rows.t_at]) * inv_T, k)
    log_P = np.log(P)
    log_any, gone = both_ways(drop_out.log_left(x, a, b)[x_at] + e * (log_T - log_t) - log_P)
    by_x = r * np.log(alpha) - gammaln(r) + gammaln(e_x) + drop_out.log_stayed(x, a, b)
    log_seen = by_x[x_at] - e * log_T + log_P + log_any

    def slope(weight: Array) -> Floats:
        left = weight * gone
        there = weight - left
        weight_x, left_x = np.bincount(x_at, weight, len(x)), np.bincount(x_at, left, len(x))
        total = weight_x.sum()
        s = x + drop_out.after_first
        by_sum = digamma(a + b) - digamma(a + b + s)
        # nobody can have left where the BG form forbids it: any divisor will do there
        before = np.where(left_x > 0, b + x - (not drop_out.after_first), 1.0)
        there_P = there / P
        return np.array(
            [
                r * (total * (np.log(alpha) - digamma(r)) + weight_x @ digamma(e_x) - there @ log_T + there_P @ P_e - left @ log_t),
                total * r - alpha * (there @ (e * inv_T) + there_P @ (P_z * inv_T) + left @ (e * inv_t)),
                a * (weight_x @ by_sum) + left_x.sum(),
                b * (weight_x @ (by_sum + digamma(b + s) - digamma(b)) - left_x @ (1.0 / before)),
            ]
        )

    return log_seen, slope


@dataclass(frozen=True, eq=False)
class Silence:
    """One class's view of some clients, ready to be asked about any horizon; arrays of shape (m,).

    ``log_seen`` is l_k(0); ``there`` the chance that the client still buys, inside this class; ``rate()`` the expected
    orders a unit of time while it buys, or bought; ``ordered(horizon)`` the chance of an order in so long a time,
    (m,) or one number.
    """

    log_seen: Floats
    there: Floats
    rate: Callable[[], Floats]
    ordered: Callable[[Array | float], Floats]


def silence(theta: Array, x: Array, x_values: Array, x_at: Array, t: Array, T: Array, k: int, drop_out: DropOut = MBG) -> Silence:
    """Posterior of one class for rows (x, t, T); ``x_values[x_at] == x``, so that gamma functions are taken once a value."""
    r, alpha, a, b = np.exp(theta)
    e = r + k * x
    until, u = alpha + T, T - t
    log_P = waiting(e, u / until, k)
    P_0 = log_P.copy()
    np.log(log_P, out=log_P)
    ratio = e * np.log(until / (alpha + t)) - log_P
    left = drop_out.log_left(x_values, a, b)[x_at] + ratio
    by_x = r * np.log(alpha) - sp.special.gammaln(r) + sp.special.gammaln(r + k * x_values) + drop_out.log_stayed(x_values, a, b)
    log_any, gone = both_ways(left)
    log_seen = by_x[x_at] - e * np.log(until) + log_P + log_any
    there = 1.0 - gone

    def ordered(horizon: Array | float) -> Floats:
        """One less the same history's likelihood observed longer, over today's; 0, to the last bit, at horizon 0."""
        later = until + horizon
        still = np.exp(-e * np.log(later / until))
        still *= waiting(e, (u + horizon) / later, k)
        still /= P_0
        return there * (1.0 - np.minimum(still, 1.0))

    def rate() -> Floats:
        P, _, P_z = waiting_slopes(e, u / until, k)
        return (there * (e + P_z / P) / until + (1.0 - there) * e / (alpha + t)) / k

    return Silence(log_seen, there, rate, ordered)
