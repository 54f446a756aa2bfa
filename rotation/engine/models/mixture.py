"""Stage 1: every client is of one regularity class; which one is learnt from its own gaps (ENGINE.md section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import lgamma

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from ..facts import Array
from .likelihood import MBG, DropOut, Floats, Silence, log_likelihood, silence
from .purchases import Compressed, Purchases

CLASSES = (1, 2, 4, 8, 16)
MAX_ROUNDS = 200
WARM_UP = 4_000
GAIN = 0.01  # nats of the whole posterior
SD_ORGANIZATION, SD_SEGMENT = 1.0, 0.3
DIRICHLET = 2.0
ROWS_AT_A_TIME = 4_096  # a class's arrays then stay in the processor's own cache
REACH = 14.0  # how far, in logarithms, a parameter may go from its prior mean: e^14 is a million


@dataclass(frozen=True, eq=False)
class Prior:
    """Normal(mean, sd) on (ln r, ln alpha, ln a, ln b) of each class; ``mean`` (n_classes, 4), ``sd`` infinite for none."""

    mean: Floats
    sd: float = SD_ORGANIZATION


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture, and what it says of any clients.

    Parameters
    ----------
    classes : the K regularity classes k
    parameters : shape (K, 4): r, alpha, a, b of each; alpha in the unit of the statistics
    weights : shape (K,), share of each class, sum 1
    log_likelihood : nats, of the fitted rows, prior not counted
    rounds : steps of the optimiser over the fitted rows
    n : rows fitted; n_clients : rows with an order, of which the fitted ones are a sample

    Every method takes ``Purchases`` in the unit of the fit and answers in shape (n,), NaN where ``x`` is -1.
    """

    classes: tuple[int, ...]
    parameters: Floats
    weights: Floats
    log_likelihood: float
    rounds: int
    n: int
    n_clients: int
    drop_out: DropOut = MBG

    def p_silent(self, clients: Purchases, horizon: Array | float) -> Floats:
        """Chance of no valid order in the ``horizon`` after the day of the statistics; 1 at 0, falls as it grows.

        Parameters
        ----------
        horizon : one number or shape (n,), >= 0, in the unit of the statistics
        """
        far = np.broadcast_to(np.asarray(horizon, np.float64), len(clients))

        def answer(rows: Array, weight: Floats, classes: list[Silence]) -> Floats:
            # from the side of the order, so that no horizon at all is silence for certain
            return 1.0 - _blend(weight, [c.ordered(far[rows]) for c in classes])

        return np.clip(self._each(clients, answer), 0.0, 1.0)

    def p_cross(self, clients: Purchases, inactive_after: Array | float) -> Floats:
        """Chance of reaching the inactivity limit without an order; exactly 1 once it is reached.

        Parameters
        ----------
        inactive_after : one number or shape (n,), the limit N counted from the last order
        """
        left = np.asarray(inactive_after, np.float64) - (clients.T - clients.t)
        return self.p_silent(clients, np.where(clients.x >= 0, np.maximum(left, 0.0), 0.0))

    def p_alive(self, clients: Purchases) -> Floats:
        """Chance that the client has not left for good. Shown, never used as the risk: it ignores how soon an order is due."""

        def answer(rows: Array, weight: Floats, classes: list[Silence]) -> Floats:
            return _blend(weight, [c.there for c in classes])

        return self._each(clients, answer)

    def order_rate(self, clients: Purchases) -> Floats:
        """Expected orders a unit of time while the client buys, shrunk towards the organization's; times 365 for a year of days.

        A client that has probably left keeps the pace it had: this is what it is worth if it stays.
        """

        def answer(rows: Array, weight: Floats, classes: list[Silence]) -> Floats:
            return _blend(weight, [c.rate() for c in classes])

        return self._each(clients, answer)

    def days_until_order(
        self, clients: Purchases, silent: Array | float, within: int = 400, elapsed: Callable[[Array], Array] | None = None
    ) -> Floats:
        """Smallest whole h with ``p_silent(h) <= silent``; NaN where that takes more than ``within``.

        Parameters
        ----------
        silent : one number or shape (n,); 0.75, 0.5, 0.25 are the early, middle and late dates of the next order
        elapsed : whole days to come in the unit of the statistics (a clock's), any shape; the days themselves without
        """
        goal = np.broadcast_to(np.asarray(silent, np.float64), len(clients))

        def answer(rows: Array, weight: Floats, classes: list[Silence]) -> Floats:
            least = goal[rows]

            def at(h: Array) -> Floats:
                far = h if elapsed is None else elapsed(h)
                return 1.0 - _blend(weight, [c.ordered(far) for c in classes])

            low, high = np.zeros(len(rows)), np.full(len(rows), float(within))
            never = at(high) > least
            while (high - low > 1).any():
                middle = np.floor((low + high) / 2)
                enough = at(middle) <= least
                high, low = np.where(enough, middle, high), np.where(enough, low, middle)
            return np.where(never, np.nan, high)

        return self._each(clients, answer)

    def class_weights(self, clients: Purchases) -> Floats:
        """w_k: chance of each class given the client's own history, shape (n, K)."""
        weights = np.full((len(clients), len(self.classes)), np.nan)
        for rows, weight, _ in self._posterior(clients):
            weights[rows] = weight.T
        return weights

    def _each(self, clients: Purchases, answer: Callable[[Array, Floats, list[Silence]], Floats]) -> Floats:
        made = np.full(len(clients), np.nan)
        for rows, weight, classes in self._posterior(clients):
            made[rows] = answer(rows, weight, classes)
        return made

    def _posterior(self, clients: Purchases) -> Iterator[tuple[Array, Floats, list[Silence]]]:
        """Rows, weights (K, rows) and the classes' views, a cacheful at a time."""
        ordered = np.flatnonzero(clients.x >= 0)
        x_values, rank = _distinct(clients.x[ordered])
        theta = np.log(self.parameters)
        with np.errstate(divide="ignore"):
            log_share = np.log(self.weights)
        for begin in range(0, len(ordered), ROWS_AT_A_TIME):
            rows = ordered[begin : begin + ROWS_AT_A_TIME]
            x_at = rank[clients.x[rows]]
            x, t, T = clients.x[rows].astype(np.float64), clients.t[rows], clients.T[rows]
            classes = [silence(theta[i], x, x_values, x_at, t, T, k, self.drop_out) for i, k in enumerate(self.classes)]
            if len(classes) == 1:
                yield rows, np.ones((1, len(rows))), classes
                continue
            gaps = _gaps(clients)[rows]
            weight = np.array([share + c.log_seen for share, c in zip(log_share, classes, strict=True)])
            for i, k in enumerate(self.classes):
                weight[i] += (k - 1) * gaps - x * lgamma(k)
            weight -= weight.max(axis=0)
            np.exp(weight, out=weight)
            weight /= weight.sum(axis=0)
            yield rows, weight, classes


def fit(clients: Purchases, *, classes: tuple[int, ...] = CLASSES, prior: Prior | None = None, drop_out: DropOut = MBG) -> Fit:
    """Fit the mixture to an organization's clients: the parameters and shares of greatest likelihood times prior.

    Parameters
    ----------
    clients : prospects (``x`` -1) are left out; above ``FIT_AT_MOST`` a sample decided by the ids is fitted
    prior : ``organization_prior(clients)`` when None; ``segment_prior(fit)`` to fit a part of a fitted whole

    Returns
    -------
    Fit
        The same, bit by bit, whatever order the rows come in.

    Raises
    ------
    TooFewClients
        Fewer than ``MIN_CLIENTS`` clients with an order.
    ValueError
        A class above 1 without ``sum_log_gap``.

    Source: Reutterer, Platzer, Schroeder (2021), (M)BG/CNBD-k; the mixture and its priors are design page ENGINE.md 3.
    The steps are those of EM's own gradient, all parameters at once: twelve rounds of EM had not arrived (a year of a
    wholesaler's clients: AUC 0.730 against 0.732, Brier 0.2090 against 0.2082) and took as long.
    """
    if prior is None:
        prior = organization_prior(clients, classes)
    chosen = clients.fitting_rows()
    away, curvature = np.zeros(5 * len(classes)), None
    if len(classes) > 1 and len(chosen) > 2 * WARM_UP:
        # the way to the neighbourhood is walked on a few, where a step costs little; what was learnt of the
        # landscape then makes the rest of the way a handful of steps
        few = chosen.take(np.arange(0, len(chosen), -(-len(chosen) // WARM_UP)))
        away, _, curvature = _Posterior(few, classes, prior, drop_out).climb(away)
    whole = _Posterior(chosen, classes, prior, drop_out)
    away, rounds, _ = whole.climb(away, curvature)
    theta, log_share = whole.parts(away)
    return Fit(
        classes=tuple(classes),
        parameters=np.exp(theta),
        weights=np.exp(log_share),
        log_likelihood=whole.log_likelihood(away),
        rounds=rounds,
        n=len(chosen),
        n_clients=int((clients.x >= 0).sum()),
        drop_out=drop_out,
    )


def fit_single(clients: Purchases, *, k: int = 1, drop_out: DropOut = MBG) -> Fit:
    """One class by maximum likelihood, without prior: the published BG/NBD and MBG/NBD where ``k`` is 1.

    Raises TooFewClients below ``MIN_CLIENTS`` clients with an order.
    """
    return fit(clients, classes=(k,), prior=organization_prior(clients, (k,), np.inf), drop_out=drop_out)


class _Posterior:
    """Likelihood times prior of sorted clients, by ``away``: for each class its distance from the prior's mean in theta
    (4 K numbers), then the logarithm of its share up to a constant (K)."""

    def __init__(self, chosen: Purchases, classes: tuple[int, ...], prior: Prior, drop_out: DropOut) -> None:
        self.classes, self.prior, self.drop_out = classes, prior, drop_out
        self.curb = 0.0 if np.isinf(prior.sd) else 1.0 / prior.sd**2
        self.pseudo = DIRICHLET - 1.0 if len(classes) > 1 else 0.0
        self.n = len(chosen)
        slices = [chosen.take(slice(begin, begin + ROWS_AT_A_TIME)) for begin in range(0, self.n, ROWS_AT_A_TIME)]
        self.slices = [(Compressed.of(part), _log_regularity(part, classes)) for part in slices]

    def parts(self, away: Array) -> tuple[Floats, Floats]:
        """theta (K, 4) and the logarithms of the shares (K,)."""
        K = len(self.classes)
        share = away[4 * K :]
        top = share.max()
        return self.prior.mean + away[: 4 * K].reshape(K, 4), share - top - np.log(np.exp(share - top).sum())

    def log_likelihood(self, away: Array) -> float:
        return self._look(away)[0]

    def climb(self, start: Array, curvature: Floats | None = None) -> tuple[Floats, int, Floats]:
        """The best place reachable from ``start``, the steps it took, and the inverse curvature met there.

        With ``curvature`` the search goes in coordinates in which the summit is round.
        """
        axes = np.eye(len(start)) if curvature is None else np.linalg.cholesky(curvature)
        alone = len(self.classes) == 1
        # a step that gains less changes no answer anybody could see; the published maxima are asked to the last digit
        enough = 1e-15 if alone else GAIN / abs(self._loss(start)[0] * self.n)

        def turned(y: Array) -> tuple[float, Floats]:
            value, slope = self._loss(start + axes @ y)
            return value, axes.T @ slope

        found = sp.optimize.minimize(
            turned,
            np.zeros(len(start)),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-REACH, REACH)] * len(start),
            options={"maxiter": MAX_ROUNDS, "maxcor": 25, "ftol": enough, "gtol": 1e-9 if alone else 1e-6},
        )
        return start + axes @ found.x, int(found.nit), found.hess_inv.todense()

    def _loss(self, away: Array) -> tuple[float, Floats]:
        K = len(self.classes)
        seen, slope, held = self._look(away)
        log_share = self.parts(away)[1]
        steps = away[: 4 * K]
        value = seen - 0.5 * self.curb * float(steps @ steps) + self.pseudo * float(log_share.sum())
        held = held + self.pseudo
        by_share = held - held.sum() * np.exp(log_share)
        return -value / self.n, -np.concatenate((slope - self.curb * steps, by_share)) / self.n

    def _look(self, away: Array) -> tuple[float, Floats, Floats]:
        """Log-likelihood, its gradient by theta (4 K,), and how many clients each class answers for (K,)."""
        theta, log_share = self.parts(away)
        value, slope, held = 0.0, np.zeros(theta.shape), np.zeros(len(theta))
        for rows, regularity in self.slices:
            views = [log_likelihood(row, rows, k, self.drop_out) for row, k in zip(theta, self.classes, strict=True)]
            joint = np.array([log_seen[rows.row_of] for log_seen, _ in views])
            joint += regularity
            joint += log_share[:, None]
            top = joint.max(axis=0)
            joint -= top
            np.exp(joint, out=joint)
            total = joint.sum(axis=0)
            joint /= total
            value += float(np.log(total).sum() + top.sum())
            held += joint.sum(axis=1)
            slope += [make(rows.weigh(weight)) for (_, make), weight in zip(views, joint, strict=True)]
        return value, slope.ravel(), held


def organization_prior(clients: Purchases, classes: tuple[int, ...] = CLASSES, sd: float = SD_ORGANIZATION) -> Prior:
    """Prior mean (ln 1, ln(i / k), ln 0.5, ln 3), with i the median of T / (x + 1) among clients that came back.

    It is what lets ten clients suffice. Where nobody came back, everybody's T stands in.
    """
    came_back = clients.x > 0
    of = came_back if came_back.any() else clients.x >= 0
    pace = clients.T[of] / (clients.x[of] + 1)
    pace = pace[pace > 0]
    i = float(np.median(pace)) if len(pace) else 1.0
    return Prior(np.array([(0.0, np.log(i / k), np.log(0.5), np.log(3.0)) for k in classes]), sd)


def segment_prior(whole: Fit) -> Prior:
    """For a part of the organization: the whole's parameters, held closely."""
    return Prior(np.log(whole.parameters), SD_SEGMENT)


def _blend(weight: Floats, answers: list[Floats]) -> Floats:
    """Mean of the classes' answers by their weights; (K, m) and K times (m,) to (m,)."""
    return sum((w * answer for w, answer in zip(weight, answers, strict=True)), np.zeros(weight.shape[1]))


def _gaps(clients: Purchases) -> Array:
    if clients.sum_log_gap is None:
        raise ValueError("sum_log_gap is needed by a mixture of regularity classes; without gaps fit classes=(1,)")
    return clients.sum_log_gap


def _log_regularity(clients: Purchases, classes: tuple[int, ...]) -> Floats:
    """g_k, the gaps' own factor, shape (K, n): free of parameters, it only decides between classes."""
    if classes == (1,):
        return np.zeros((1, len(clients)))
    return np.array([(k - 1) * _gaps(clients) - clients.x * lgamma(k) for k in classes])


def _distinct(x: Array) -> tuple[Floats, NDArray[np.int64]]:
    """Distinct values of x >= 0, rising, and the position of value v in them at ``rank[v]``; one pass, no sorting."""
    present = np.bincount(x, minlength=1) > 0
    return np.flatnonzero(present).astype(np.float64), np.cumsum(present) - 1
