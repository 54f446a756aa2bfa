"""Money: the Gamma-Gamma model of what one order of a client is worth (ENGINE.md section 3, Money)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from ..facts import Array
from .purchases import MIN_CLIENTS, TooFewClients

START_P, START_Q = 6.0, 4.0
LEAST_Q = 1.05  # below 1 the mean ticket of an unknown client would be infinite


@dataclass(frozen=True)
class TicketFit:
    """p, q and v of Gamma-Gamma: orders ~ Gamma(p, nu), nu ~ Gamma(q, v); ``v`` in the unit of the tickets."""

    p: float
    q: float
    v: float
    log_likelihood: float
    n: int

    def ticket(self, x: Array, mean_ticket: Array) -> NDArray[np.float64]:
        """Posterior mean ticket: the client's own mean drawn towards everybody's, less so the more orders it has.

        Parameters
        ----------
        x : shape (n,), orders behind the mean; at 0 or below everybody's mean answers
        mean_ticket : shape (n,), unit of the fit (cents where cents were fitted); read where ``x`` is above 0

        Returns
        -------
        shape (n,), same unit
        """
        orders = np.maximum(np.asarray(x, np.float64), 0.0)
        own = np.where(orders > 0, mean_ticket, 0.0)
        return self.p * (self.v + orders * own) / (self.p * orders + self.q - 1.0)


def fit_tickets(x: Array, mean_ticket: Array, *, prior_sd: float = 1.0) -> TicketFit:
    """Fit p, q, v to clients with repeat orders.

    Parameters
    ----------
    x : shape (n,), repeat orders; rows with none, or without a positive mean, are left out
    mean_ticket : shape (n,), mean value of those orders, any unit of money
    prior_sd : of a Normal prior on the three logarithms about the start (p 6, q 4, v half the median ticket);
        infinity for the published maximum of the likelihood. Ten clients leave a long ridge without an end: the prior ends it.

    Raises
    ------
    TooFewClients
        Fewer than ``MIN_CLIENTS`` clients with repeat orders.

    Source: Fader, Hardie (2013), note 025, equation 1a. From other starts gradient methods run away along the ridge.
    """
    x, z = np.asarray(x, np.float64), np.asarray(mean_ticket, np.float64)
    used = (x > 0) & (z > 0) & np.isfinite(z)
    if used.sum() < MIN_CLIENTS:
        raise TooFewClients(int(used.sum()))
    # equal clients are counted once; sorting makes the sums, and so the parameters, free of the rows' order
    pairs, count = np.unique(np.column_stack((x[used], z[used])), axis=0, return_counts=True)
    x, z = pairs[:, 0], pairs[:, 1]
    unit = float(np.median(np.repeat(z, count)))
    z = z / unit
    start = np.log([START_P, START_Q, 0.5])
    curb = 0.0 if np.isinf(prior_sd) else 1.0 / prior_sd**2
    n = float(count.sum())
    fixed = -float(count @ np.log(z))
    gammaln, digamma = sp.special.gammaln, sp.special.digamma

    def loss(theta: Array) -> tuple[float, NDArray[np.float64]]:
        p, q, v = np.exp(theta)
        px, log_v = p * x, np.log(v)
        log_all = np.log(v + x * z)
        each = gammaln(px + q) - gammaln(px) - gammaln(q) + q * log_v + px * (np.log(x) + np.log(z)) - (px + q) * log_all
        away = theta - start
        by_sum = digamma(px + q) - log_all
        slope = np.array(
            [
                p * (count @ (x * (by_sum - digamma(px) + np.log(x) + np.log(z)))),
                q * (count @ (by_sum - digamma(q) + log_v)),
                count @ (q - v * (px + q) / (v + x * z)),
            ]
        )
        return -(float(count @ each) - 0.5 * curb * float(away @ away)) / n, -(slope - curb * away) / n

    reach = [(-9.0, 14.0), (float(np.log(LEAST_Q)), 14.0), (-14.0, 14.0)]
    found = sp.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=reach, options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9}
    )
    p, q, v = np.exp(found.x)
    away = found.x - start
    value = -float(found.fun) * n + 0.5 * curb * float(away @ away) + fixed - n * np.log(unit)
    return TicketFit(float(p), float(q), float(v * unit), value, int(n))
