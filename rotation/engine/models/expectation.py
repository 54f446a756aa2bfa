"""How many orders to expect: closed forms of the models with exponential gaps, BG/NBD and MBG/NBD."""

from __future__ import annotations

import numpy as np
import scipy as sp

from ..facts import Array
from .likelihood import Floats
from .mixture import Fit
from .purchases import Purchases

ROWS_AT_A_TIME = 4_096


def expected_orders(fitted: Fit, horizon: Array | float) -> Floats:
    """Repeat orders expected of a client in its first ``horizon`` days, before anything is known of it.

    Parameters
    ----------
    fitted : a fit with the one class k = 1
    horizon : any shape, the unit of the fit

    Returns
    -------
    Of the shape of ``horizon``.

    Raises
    ------
    ValueError
        The fit has another class: no closed form is known for Erlang gaps.

    Source: Fader, Hardie, Lee (2005), equation 9; for MBG Batislam, Denizel, Filiztekin (2007).
    """
    r, alpha, a, b = _exponential(fitted)
    t = np.asarray(horizon, np.float64)
    reach = t.ravel() / alpha
    stayed = 1.0 if fitted.drop_out.after_first else 0.0
    buying = _while_buying(np.full(reach.shape, r), a, np.full(reach.shape, b + stayed), reach)
    return (buying * (b / (a + b) if stayed else 1.0)).reshape(t.shape)


def orders_to_come(fitted: Fit, clients: Purchases, horizon: float) -> Floats:
    """Orders expected of each client in the coming ``horizon`` days, given its history; shape (n,), NaN where ``x`` is -1.

    Raises
    ------
    ValueError
        The fit has another class than k = 1.

    Source: Fader, Hardie, Lee (2005), equation 10.
    """
    r, alpha, a, b = _exponential(fitted)
    made = fitted.p_alive(clients)
    ordered = np.flatnonzero(clients.x >= 0)
    for begin in range(0, len(ordered), ROWS_AT_A_TIME):
        rows = ordered[begin : begin + ROWS_AT_A_TIME]
        x = clients.x[rows].astype(np.float64)
        made[rows] *= _while_buying(r + x, a, b + x + fitted.drop_out.after_first, horizon / (alpha + clients.T[rows]))
    return made


def _exponential(fitted: Fit) -> Floats:
    if fitted.classes != (1,):
        raise ValueError(f"expected orders have a closed form for class 1 alone, not for {fitted.classes}")
    return fitted.parameters[0]


def _while_buying(shape: Floats, a: float, b: Floats, reach: Floats) -> Floats:
    """E of (1 - (1 + p reach)^-shape) / p over p ~ Beta(a, b): orders of a client still buying at the outset; all (m,).

    The papers write it with Gauss's hypergeometric function, which SciPy answers with NaN for clients of many orders,
    and divide 0 by 0 at a = 1. The quantiles of p make the same expectation a smooth integral over (0, 1).
    """
    places, at = np.unique(b, return_inverse=True)
    p = np.maximum(sp.special.betaincinv(a, places[:, None], _PLACES), _TINY)[at]
    return (-np.expm1(-shape[:, None] * np.log1p(p * reach[:, None])) / p) @ _WEIGHTS


def _rule(n: int) -> tuple[Floats, Floats]:
    """Gauss and Legendre's rule on (0, 1), its ends stretched (u = v^3 (10 - 15 v + 6 v^2)), for quantiles are steep there."""
    node, weight = np.polynomial.legendre.leggauss(n)
    v = (node + 1.0) / 2.0
    return v**3 * (10.0 - 15.0 * v + 6.0 * v**2), weight / 2.0 * 30.0 * (v * (1.0 - v)) ** 2


_PLACES, _WEIGHTS = _rule(64)
_TINY = 1e-280  # a quantile too small for a float; the integrand is flat there
