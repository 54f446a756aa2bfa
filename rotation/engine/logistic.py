"""Logistic regression with a Normal prior on its coefficients, on standardised columns (L-BFGS on the posterior)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from .facts import Array
from .models.likelihood import both_ways

Floats = NDArray[np.float64]
FURTHEST = 5.0  # standard deviations: a client beyond everything seen counts as the farthest seen
CERTAIN = 1e-6


def logit(p: Array) -> Floats:
    """ln(p / (1 - p)), with chances nearer to 0 or 1 than a millionth taken as that near."""
    held = np.clip(p, CERTAIN, 1.0 - CERTAIN)
    return np.log(held) - np.log1p(-held)


def chance(log_odds: Array) -> Floats:
    """1 / (1 + exp(-log_odds)), without overflow."""
    return both_ways(np.asarray(log_odds, np.float64))[1]


@dataclass(frozen=True, eq=False)
class Logistic:
    """``coefficients`` (d,) belong to columns brought to ``mean`` 0 and ``sd`` 1, a missing one being 0; ``intercept`` stands apart."""

    intercept: float
    coefficients: Floats
    mean: Floats
    sd: Floats

    def log_odds(self, columns: Array) -> Floats:
        """Log odds of each row; columns (m, d), NaN missing; shape (m,)."""
        return self.intercept + _standard(columns, self.mean, self.sd) @ self.coefficients


def fit_logistic(columns: Array, came: Array, *, weight: float = 1.0, prior_sd: float = 1.0) -> Logistic:
    """Coefficients of greatest posterior.

    Parameters
    ----------
    columns : shape (m, d), NaN where missing
    came : shape (m,), whether it came, or 0 and 1
    weight : of each row; below 1 where rows tell the same story more than once, as overlapping windows do
    prior_sd : of a Normal(0, sd) on each standardised coefficient, the intercept excepted

    Raises
    ------
    ValueError
        No row at all.
    """
    columns, came = np.asarray(columns, np.float64), np.asarray(came, np.float64)
    m, d = columns.shape
    if not m:
        raise ValueError("no rows to learn from")
    known = np.isfinite(columns)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, columns, 0.0).sum(axis=0) / count
    sd = np.sqrt((np.where(known, columns - mean, 0.0) ** 2).sum(axis=0) / count)
    sd[sd < 1e-9] = 1.0
    z = _standard(columns, mean, sd)
    curb = 1.0 / prior_sd**2

    def loss(theta: Array) -> tuple[float, Floats]:
        odds = theta[0] + z @ theta[1:]
        softplus, p = both_ways(odds)
        value = weight * float(softplus.sum() - came @ odds) + 0.5 * curb * float(theta[1:] @ theta[1:])
        wrong = p - came
        return value / m, np.concatenate(([weight * wrong.sum()], weight * (z.T @ wrong) + curb * theta[1:])) / m

    start = np.zeros(d + 1)
    start[0] = logit(np.array(came.mean()))
    found = sp.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-6}
    )
    return Logistic(float(found.x[0]), found.x[1:], mean, sd)


def _standard(columns: Array, mean: Array, sd: Array) -> Floats:
    return np.clip(np.nan_to_num((columns - mean) / sd), -FURTHEST, FURTHEST)
