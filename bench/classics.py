"""Pareto/NBD and BG/BB by maximum likelihood: classics beside which the engine's own models are read.

The engine does not use them (Pareto/NBD has no regularity and costs a hypergeometric function a row; BG/BB needs fixed
opportunities), so they stay out of the product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Floats = NDArray[np.float64]


def _climb(log_likelihood: Callable[[Floats], Floats], weight: Floats) -> tuple[Floats, float]:
    """Four positive parameters of greatest likelihood, and that likelihood in nats; slopes by differences."""
    n = weight.sum()

    def loss(theta: Floats) -> float:
        return -float(weight @ log_likelihood(np.exp(theta))) / n

    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-8}
    found = minimize(loss, np.zeros(4), jac="3-point", method="L-BFGS-B", bounds=[(-9, 9)] * 4, options=options)
    return np.exp(found.x), -float(found.fun) * n


@dataclass(frozen=True, eq=False)
class Pareto:
    """Pareto/NBD: rate of orders ~ Gamma(r, alpha), rate of leaving ~ Gamma(s, beta).

    Source: Schmittlein, Morrison, Colombo (1987), in the form of Fader, Hardie (2005), note 009.
    """

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = np.nan

    @classmethod
    def fit(cls, x: Floats, t: Floats, T: Floats) -> Pareto:
        """``x, t, T`` (n,): repeat purchases, time of the last, time observed."""
        rows, weight = np.unique(np.column_stack((x, t, T)), axis=0, return_counts=True)
        parameters, value = _climb(lambda p: cls(*p).seen(*rows.T), weight.astype(float))
        return cls(*parameters.tolist(), value)

    def _parts(self, x: Floats, t: Floats, T: Floats) -> tuple[Floats, Floats]:
        """ln of the likelihood still buying at T and of that gone before, both short of the factor they share."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        whole = r + s + x
        low, high, other = (beta, alpha, s + 1.0) if alpha >= beta else (alpha, beta, r + x)

        def until(when: Floats) -> Floats:
            return np.log(hyp2f1(whole, other, whole + 1.0, (high - low) / (high + when))) - whole * np.log(high + when)

        begin, end = until(t), until(T)
        with np.errstate(divide="ignore"):
            gone = np.log(s / whole) + begin + np.log(-np.expm1(np.minimum(end - begin, 0.0)))
        return -(r + x) * np.log(alpha + T) - s * np.log(beta + T), gone

    def seen(self, x: Floats, t: Floats, T: Floats) -> Floats:
        """Log-likelihood of each row, nats."""
        there, gone = self._parts(x, t, T)
        shared = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha) + self.s * np.log(self.beta)
        return shared + np.logaddexp(there, gone)

    def p_alive(self, x: Floats, t: Floats, T: Floats) -> Floats:
        there, gone = self._parts(x, t, T)
        return np.exp(there - np.logaddexp(there, gone))

    def expected_orders(self, horizon: Floats) -> Floats:
        """Of a client nothing is known of, in its first ``horizon``."""
        return self.r / self.alpha * self._living(self.beta, horizon)

    def orders_to_come(self, x: Floats, t: Floats, T: Floats, horizon: float) -> Floats:
        return self.p_alive(x, t, T) * (self.r + x) / (self.alpha + T) * self._living(self.beta + T, horizon)

    def _living(self, beta: Floats | float, horizon: Floats | float) -> Floats:
        return beta / (self.s - 1.0) * (1.0 - (beta / (beta + horizon)) ** (self.s - 1.0))


@dataclass(frozen=True, eq=False)
class Opportunities:
    """BG/BB: a purchase or none in each of n opportunities, chance ~ Beta(alpha, beta), leaving ~ Beta(gamma, delta).

    Source: Fader, Hardie, Shang (2010).
    """

    alpha: float
    beta: float
    gamma: float
    delta: float
    log_likelihood: float = np.nan

    @classmethod
    def fit(cls, x: Floats, t: Floats, n: Floats, clients: Floats) -> Opportunities:
        """Rows (m,) of ``clients`` alike: ``x`` purchases, the last in opportunity ``t`` of ``n``."""
        parameters, value = _climb(lambda p: cls(*p).seen(x, t, n), clients.astype(float))
        return cls(*parameters.tolist(), value)

    def _history(self, x: Floats, bought_not: Floats, left: int, stayed: Floats) -> Floats:
        prior = betaln(self.alpha, self.beta) + betaln(self.gamma, self.delta)
        return betaln(self.alpha + x, self.beta + bought_not) + betaln(self.gamma + left, self.delta + stayed) - prior

    def seen(self, x: Floats, t: Floats, n: Floats) -> Floats:
        """Log-likelihood of one client of each row, nats."""
        total = self._history(x, n - x, 0, n)
        for i in range(int((n - t).max())):
            gone = np.where(i < n - t, self._history(x, t - x + i, 1, t + i), -np.inf)
            total = np.logaddexp(total, gone)
        return total

    def p_alive_next(self, x: Floats, t: Floats, n: Floats) -> Floats:
        """Chance of still being there at opportunity n + 1."""
        return np.exp(self._history(x, n - x, 0, n + 1) - self.seen(x, t, n))

    def orders_to_come(self, x: Floats, t: Floats, n: Floats, opportunities: int) -> Floats:
        seen = self.seen(x, t, n)
        return sum((np.exp(self._history(x + 1, n - x, 0, n + i) - seen) for i in range(1, opportunities + 1)), np.zeros(len(x)))
