"""Who receives whom when clients weigh minutes, not heads: a good assignment, a proven bound, and the gap between them.

Prices by subgradient and, where it is small enough, by the linear programme; several constructions, mended by shifts and
ejections; then the integer programme over the cells that could still matter. It never says optimal, it says the gap.

Sources: Fisher (1981), Lagrangian bounds; Yagiura, Ibaraki, Glover (2006), generalised assignment; ENGINE.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assignment import Assignment
from .ceilings import Ceilings, check_problem
from .chains import search
from .errors import FactsError
from .facts import Array
from .inserting import insert
from .knapsacks import Sharpened, sharpen
from .packing import ORDERS, ROUNDS, Packing, build, improve
from .pairs import Pairs
from .problem import Problem, Workload, subgradient
from .programme import Programme, Relaxed

STEPS = 300  # of the prices
PROGRAMME_PAIRS = 60_000
CELLS_A_CLIENT = 6
MENDED, FEW_ROUNDS = 3_000, 10  # clients up to which three constructions are mended to the end; rounds for one of them beyond
SMALL = 20_000  # clients; beyond, only the two likeliest constructions
SHARPENED = 80  # rounds of the clients' prices; with few pairs, where a round costs little, four times as many
OFTEN, MOSTLY = 0.05, 0.3  # how often a knapsack must take a cell for the first integer programme, or for a construction
FEW_CELLS = 3  # a client
HOPED_CELLS = 2  # a client, to look for an assignment worth as much as the bound before any other
QUICK_STEPS, QUICK_ORDERS = (STEPS, 3 * STEPS, 0), ("net", "regret_per_unit", "value_per_unit")
NEAR = 3e-6  # a gap that no better price is sought for
AT_ONCE = 4_200  # pairs; so few that the integer programme may well end by itself, and comes before any walk


@dataclass(frozen=True)
class Effort:
    """How long to try. ``nodes`` and ``chains`` stop the same way everywhere; ``seconds`` is the brake, and where it stops the
    search (``stopped == "time"``) a slower machine may find less. ``quick``: prices and constructions in turns and no more, for who
    waits; it counts rounds alone, and stops the same way everywhere."""

    seconds: float = 30.0
    nodes: int = 20_000
    chains: int = 100_000
    quick: bool = False


@dataclass(frozen=True, eq=False)
class MinutesAssignment(Assignment):
    """As ``Assignment``; ``prices`` are cents a unit of room and ``team_prices`` those of the bound.

    ``pair_price`` (n_pairs,) cents is what the room and the place that pair would take are worth to the run. ``load``
    (n_representatives,) units given. ``first_gap`` is the gap before the integer programme; ``stopped`` what ended that one:
    ``proved``, ``nodes``, ``time`` or ``none``. ``complete``: everyone placed.
    """

    pair_price: Array
    load: Array
    first_gap: float
    stopped: str
    complete: bool


def assign_minutes(
    pairs: Pairs, workload: Workload, ceilings: Ceilings, *, everyone: bool = False, effort: Effort | None = None
) -> MinutesAssignment:
    """Give each client at most one representative so that value less fairness steps is great, and say how great it could be.

    Parameters
    ----------
    pairs : eligible pairs with value in cents
    workload : what each pair weighs, and the room there is
    ceilings : ``room`` counts heads, beside the workload's, and so do teams; owners' and the run's tickets; the steps of
        fairness, here in twelfths of the workload's room
    everyone : every client must be placed, and neither owners' and run's tickets nor teams count (published problems)
    effort : limits of the search

    Returns
    -------
    MinutesAssignment
        Within every ceiling. ``bound_cents`` no assignment exceeds; ``exact`` where it is reached.

    Raises
    ------
    FactsError
        A value or a weight is negative, or a position lies outside its table; the message names the first.
    """
    check_problem(pairs, ceilings)
    if len(workload.weight) != len(pairs):
        raise FactsError("wrong_shape", column="weight", found=workload.weight.shape, expected=(len(pairs),))
    if len(workload.room) != len(ceilings.room):
        raise FactsError("wrong_shape", column="room", found=workload.room.shape, expected=(len(ceilings.room),))
    if (workload.weight < 0).any():
        row = int(np.argmax(workload.weight < 0))
        raise FactsError("negative_value", row=row, value=int(workload.weight[row]))
    search_ = _Search(Problem(pairs, workload, ceilings, everyone=everyone), effort or Effort())
    search_.run()
    return search_.result(pairs, workload)


class _Search:
    def __init__(self, problem: Problem, effort: Effort) -> None:
        self.problem, self.effort = problem, effort
        self.began = monotonic()
        self.best = Packing(problem)
        self.bound = np.inf
        self.price, self.place_price = np.zeros(problem.m + 1), np.zeros(len(problem.places))
        self.relaxed: Relaxed | None = None
        self.sharpened: Sharpened | None = None
        self.narrowed = -1, problem.real  # the worth for which cells were last ruled out, and those left
        self.stopped, self.nodes, self.first_gap = "none", 0, 0.0
        self.walks = 0

    @property
    def complete(self) -> bool:
        return not self.problem.everyone or bool((self.best.column >= 0).all())

    @property
    def floor(self) -> int:
        """Cents already reached; where everyone must be placed, nothing before everyone is."""
        return self.best.objective if self.complete else -1

    @property
    def done(self) -> bool:
        return self.complete and self.floor >= self.problem.whole_bound(self.bound)

    def left(self, share: float = 1.0) -> float:
        return max(self.effort.seconds * share - (monotonic() - self.began), 0.0)

    def run(self) -> None:
        p = self.problem
        if p.n_pairs == 0:
            self.bound = 0.0
            return
        self._keep(build(p, p.value, "value_per_unit"))
        self._keep_prices(*subgradient(p, max(self.best.objective, 0), STEPS))
        if self.effort.quick:
            self._quickly()
            return
        if p.n_pairs <= PROGRAMME_PAIRS:
            self._relax()
        if not self.done:
            self._construct()
        self.first_gap = self._gap()
        if self.done or self.effort.nodes <= 0:
            return
        if p.everyone and not p.real.any(axis=1).all():
            # somebody fits nowhere, so nobody can place everyone
            return
        if self.relaxed is not None:
            self._sharpen(self.relaxed)
        if self.done:
            return
        if p.everyone:
            self._place_everyone()
        elif p.n_pairs <= PROGRAMME_PAIRS:
            self._prove(1.0)

    def _quickly(self) -> None:
        """Constructions at the prices found, whoever is left put in by moving another on, and better prices towards what that reached."""
        p = self.problem
        for steps in QUICK_STEPS:
            net = p.net(self.price, self.place_price)
            for order in QUICK_ORDERS:
                self._keep(build(p, net, order))
            if (self.best.column < 0).any():
                insert(self.best)
            self.first_gap = self._gap()
            if self.first_gap <= NEAR or not steps:
                return
            self._keep_prices(*subgradient(p, max(self.best.objective, 0), steps))

    def _place_everyone(self) -> None:
        """Walks and the integer programme in turns: the one makes what the other has to look at small."""
        p = self.problem
        if self.sharpened is not None and not self.done:
            self._programme(self.sharpened.share > OFTEN, self.left(0.2))
        if p.n_pairs <= AT_ONCE and not self.done:
            self._hope(0.9)
        if p.n_pairs <= AT_ONCE and not self.done:
            # with few cells left to choose from one long search ends sooner than two short ones
            self._programme(None, self.left(0.9 if int(self._could().sum()) <= FEW_CELLS * p.n else 0.4))
        if not self.done:
            self._chain(0.15)
            self.first_gap = self._gap()
        if not self.done and self._wide():
            self._chain(0.7)
            self.first_gap = self._gap()
        if not self.done and p.n_pairs <= PROGRAMME_PAIRS:
            self._prove(1.0 if self._wide() else 0.85)
        if not self.done:
            self._chain(1.0)

    def _relax(self) -> None:
        self.relaxed = Programme(self.problem, self.problem.real).relax()
        if self.relaxed is not None:
            bound, _, _ = self.problem.dual(self.relaxed.price, self.relaxed.place_price)
            self._keep_prices(bound, self.relaxed.price, self.relaxed.place_price)

    def _sharpen(self, relaxed: Relaxed) -> None:
        """Prices on clients instead of rooms: a lower bound, fewer cells that matter, and whom the knapsacks take together."""
        p = self.problem
        price = p.net(relaxed.price, relaxed.place_price).max(axis=1)
        # towards a value worth reaching, where none is known
        lower = float(self.floor) if self.complete else self.bound - 0.01 * abs(self.bound)
        found = sharpen(
            p,
            self._could(),
            relaxed.place_price,
            price if p.everyone else np.maximum(price, 0),
            floor=self.floor + 1 if self.complete else -np.inf,
            lower=lower,
            rounds=SHARPENED * (4 if p.n_pairs <= AT_ONCE else 1),
            seconds=self.left() * 0.3,
        )
        self.sharpened, self.bound = found, min(self.bound, found.bound)
        if self.done:
            return
        first = np.where(found.share.max(axis=1) > MOSTLY, found.share.argmax(axis=1), -1)
        net = p.net(relaxed.price, relaxed.place_price)
        for order in ("net", "regret"):
            packing = build(p, net, order, first=first)
            improve(packing, net, ROUNDS if p.n <= MENDED else FEW_ROUNDS)
            self._keep(packing)

    def _keep_prices(self, bound: float, price: Array, place_price: Array) -> None:
        if bound < self.bound:
            self.bound, self.price, self.place_price = bound, price, place_price

    def _keep(self, packing: Packing) -> None:
        p = self.problem
        placed, had = int((packing.column >= 0).sum()), int((self.best.column >= 0).sum())
        better = packing.objective > self.best.objective
        if (placed > had) if p.everyone and placed != had else better:
            self.best = packing

    def _construct(self) -> None:
        p = self.problem
        net = p.net(self.price, self.place_price)
        made = []
        if self.relaxed is not None:
            share = self.relaxed.share
            made.append(build(p, net, "net", first=np.where(share.max(axis=1) > 0.5, share.argmax(axis=1), -1)))
        made += [build(p, net, order) for order in (ORDERS if p.n <= SMALL else ("net", "regret_per_unit"))]
        made.sort(key=lambda packing: -packing.objective)
        for packing in made[: 3 if p.n <= MENDED else 1]:
            improve(packing, net, ROUNDS if p.n <= MENDED else FEW_ROUNDS)
            self._keep(packing)

    def _chain(self, until: float) -> None:
        p = self.problem
        start = self.best.column
        if self.relaxed is not None and not self.complete:
            start = self.relaxed.share.argmax(axis=1)
        self.walks += 1
        most = p.whole_bound(self.bound)
        found = search(p, self.price, start, steps=self.effort.chains, seconds=self.left(until), seed=self.walks, enough=most)
        if found.column is not None:
            self._keep(Packing.of(p, found.column))

    def _prove(self, until: float) -> None:
        """The integer programme: first over each client's best cells, then over all that the bound does not rule out."""
        p = self.problem
        if self.sharpened is not None and self._wide():
            # what knapsacks take often is little, and good assignments are made of it
            self._programme(self.sharpened.share > OFTEN, self.left(until) * 0.7)
        if self._wide() and not self.done:
            rank = self.relaxed.loss if self.relaxed is not None else -p.net(self.price, self.place_price)
            order = np.argsort(np.where(p.real, rank, np.inf), axis=1, kind="stable")
            place = np.empty_like(order)
            np.put_along_axis(place, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
            self._programme(place < CELLS_A_CLIENT, self.left(until) * 0.7)
        if not self.done:
            self._programme(None, self.left(until))

    def _wide(self) -> bool:
        return int(self._could().sum()) > CELLS_A_CLIENT * self.problem.n

    def _hope(self, until: float) -> None:
        """The integer programme over those cells only that an assignment worth the whole bound may use, where they are few: it is
        found there, or the bound falls, and what is found on the way is often all that is left."""
        most = self.problem.whole_bound(self.bound)
        if int(self._could(most).sum()) > HOPED_CELLS * self.problem.n:
            return
        self._programme(None, self.left(until), worth=most)

    def _could(self, worth: int | None = None) -> NDArray[np.bool_]:
        """Cells that an assignment worth that much may use (None: any better than the best): forcing another costs more than the gap."""
        p = self.problem
        if self.relaxed is None:
            return p.real
        least = self.floor + 1 if worth is None else worth
        bound, _, _ = p.dual(self.relaxed.price, self.relaxed.place_price)
        could: NDArray[np.bool_] = p.real & (bound - self.relaxed.loss + 1e-6 * max(1.0, abs(bound) * 1e-6) >= least)
        if self.sharpened is not None and least > 0:
            if self.narrowed[0] != least:
                self.narrowed = least, self.sharpened.could(least)
            could &= self.narrowed[1]
        return could

    def _programme(self, among: NDArray[np.bool_] | None, seconds: float, worth: int | None = None) -> None:
        """``among`` are the cells looked at, all that could matter where it is None; only for an assignment worth so much, if said."""
        p = self.problem
        least = self.floor + 1 if worth is None else worth
        could = self._could(least)
        keep = could if among is None else could & among
        if seconds < 0.05:
            self.stopped = "time"
            return
        every = bool(keep.sum() == could.sum())
        if not keep.any() or (p.everyone and not keep.any(axis=1).all()):
            if every and least > 0:
                self.bound, self.stopped = min(self.bound, float(least - 1)), "proved"
            return
        found = Programme(p, keep).solve(nodes=self.effort.nodes, seconds=seconds)
        self.stopped, self.nodes = found.stopped, self.nodes + found.nodes
        if found.column is not None:
            packing = Packing.of(p, found.column)
            improve(packing, p.net(self.price, self.place_price))
            self._keep(packing)
        if every:
            # one worth as much lies in these cells or nowhere
            self.bound = min(self.bound, max(found.bound, float(least - 1)))

    def _gap(self) -> float:
        bound = self.problem.whole_bound(self.bound)
        return (bound - self.best.objective) / bound if bound > 0 else 0.0

    def result(self, pairs: Pairs, workload: Workload) -> MinutesAssignment:
        p, best = self.problem, self.best
        placed = np.flatnonzero(best.column >= 0)
        pair_of = np.full(p.n, -1, np.int64)
        pair_of[placed] = p.row[placed, best.column[placed]]
        at = best.at
        penalty = int(p.penalty(best.load).sum())
        bound = p.whole_bound(self.bound)
        room = p.room[: p.m]
        open_ = (room > 0) & (p.places[: p.m] > 0) & (p.places[p.beside[: p.m]] > 0)
        prices = np.where(open_, self.price[: p.m], np.inf)
        weigh = np.where(np.isfinite(prices), prices, 0)[pairs.representative] * workload.weight
        pair_price = weigh + p.seat_price(self.place_price)[pairs.representative]
        fits = np.isfinite(prices)[pairs.representative] & (workload.weight <= room[pairs.representative])
        return MinutesAssignment(
            representative_of=np.where(at < p.m, at, -1).astype(np.int32),
            pair_of=pair_of,
            value_cents=best.value,
            penalty_cents=penalty,
            bound_cents=bound,
            gap=self._gap(),
            prices=prices,
            team_prices=self.place_price[p.m + 1 : -1],
            rounds=self.nodes,
            exact=self.done,
            pair_price=np.where(fits, pair_price, np.inf),
            load=best.load,
            first_gap=self.first_gap,
            stopped=self.stopped,
            complete=self.complete,
        )


def measured(chosen: Array, pairs: Pairs, workload: Workload, ceilings: Ceilings, optimum: MinutesAssignment) -> MinutesAssignment:
    """Another way's choice (row among the pairs of each client, -1 none), held against the same bound and prices."""
    placed = chosen >= 0
    representative_of = np.full(pairs.n_clients, -1, np.int32)
    representative_of[placed] = pairs.representative[chosen[placed]]
    load = np.bincount(representative_of[placed], workload.weight[chosen[placed]], minlength=len(ceilings.room)).astype(np.int64)
    value, penalty = int(pairs.value[chosen[placed]].sum()), worth_penalty(load, pairs, workload, ceilings)
    bound = optimum.bound_cents
    changed: dict[str, Any] = {
        "representative_of": representative_of,
        "pair_of": chosen,
        "value_cents": value,
        "penalty_cents": penalty,
        "load": load,
        "gap": (bound - (value - penalty)) / bound if bound > 0 else 0.0,
        "exact": bound == value - penalty,
    }
    return replace(optimum, **changed)


def worth_penalty(load: Array, pairs: Pairs, workload: Workload, ceilings: Ceilings) -> int:
    """Cents of fairness steps at these loads (n_representatives,), as the assignment counts them."""
    return int(Problem(pairs, workload, ceilings).penalty(load).sum())
