"""Who receives whom: a forward auction under nested ceilings, with its own certificate (ENGINE.md section 5).

maximise  sum of v_ij over moves, less the fairness steps of each load
subject   client <= 1, representative <= room, moves out of an owner <= give, all moves <= run

The ceilings nest, so the problem is a min-cost flow with integral optima, and every subset of a solution is feasible:
a manager may strike any line.

Sources: Bertsekas (1988), auction; Bertsekas and Castanon (1989), similar objects. Tickets and steps are worked out in
design page ENGINE.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import STEPS, Ceilings, check_problem
from .errors import FactsError
from .exchange import BUDGET, improve
from .facts import Array
from .pairs import Pairs

TIES = 1024
PATIENCE = 1000  # rounds with the smallest increment before a price war is cut short
CHECK_EVERY = 200
GOOD_GAP = 1e-4
COARSE = 1e-3
MOST = 2**62
HEAD = 2048
FEW = 1024
NOTHING = -(2**62)


@dataclass(frozen=True, eq=False)
class Assignment:
    """``representative_of`` (n_clients,), -1 where nobody was better; ``pair_of`` (n_clients,) its row among the pairs.

    ``value_cents`` is the worth of the moves; ``penalty_cents`` the fairness steps they cost; ``bound_cents`` no
    assignment's value less penalty can exceed; ``gap`` = (bound - (value - penalty)) / bound. ``prices``
    (n_representatives,) float64 cents is what one more place is worth, infinity where there is no room.
    ``exact`` says the bound is reached.
    """

    representative_of: Array
    pair_of: Array
    value_cents: int
    penalty_cents: int
    bound_cents: int
    gap: float
    prices: Array
    rounds: int
    exact: bool

    @property
    def objective_cents(self) -> int:
        return self.value_cents - self.penalty_cents


def assign(pairs: Pairs, ceilings: Ceilings, ties: Array | None = None) -> Assignment:
    """Give each client at most one representative so that value less fairness steps is greatest.

    Parameters
    ----------
    pairs : eligible pairs with value in cents; a pair the rules forbid is simply absent
    ceilings : rooms, tickets and steps
    ties : shape (n_pairs,), 0 to 1023, optional
        Settles equal values (``tie_hash``). It never outweighs a cent unless values are so large that counting would
        overflow; then at most a cent a client is at stake and the certificate includes it.

    Returns
    -------
    Assignment
        Clients with no pair worth more than zero stay where they are.

    Raises
    ------
    FactsError
        A value is negative, a position lies outside its table (the message names the first), or values are beyond
        what 64 bits count.
    """
    check_problem(pairs, ceilings)
    auction = _Auction(pairs, ceilings, ties)
    auction.run()
    return auction.result()


def assignment_of(chosen: Array, pairs: Pairs, ceilings: Ceilings, optimum: Assignment) -> Assignment:
    """Another way's choice (row among the pairs of each client, -1 none), held against the optimum's bound and prices."""
    placed = chosen >= 0
    representative_of = np.full(pairs.n_clients, -1, np.int32)
    representative_of[placed] = pairs.representative[chosen[placed]]
    value = int(pairs.value[chosen[placed]].sum())
    penalty = ceilings.penalty(np.bincount(representative_of[placed], minlength=len(ceilings.room)))
    bound = optimum.bound_cents
    gap = (bound - (value - penalty)) / bound if bound > 0 else 0.0
    return Assignment(representative_of, chosen, value, penalty, bound, gap, optimum.prices, optimum.rounds, exact=bound == value - penalty)


class _Auction:
    """Values are counted in ``unit`` per cent, a multiple of the smallest bid increment (1)."""

    def __init__(self, pairs: Pairs, ceilings: Ceilings, ties: Array | None) -> None:
        n, m = pairs.n_clients, len(ceilings.room)
        self.pairs, self.ceilings, self.n, self.m = pairs, ceilings, n, m
        self.room = ceilings.room.astype(np.int64)
        # A cent is worth more than all ties together, and a tie, where 64 bits allow, more than all increments together:
        # the last increments can then add up to neither.
        largest = max(int(pairs.value.max(initial=0)), ceilings.step_cost * STEPS, 1) + 1
        per_cent = TIES * (n + 1)
        self.scale = n + 1 if largest * per_cent * (n + 1) < MOST else 1
        if largest * per_cent * self.scale >= MOST:
            raise FactsError("too_large", value=largest - 1)
        self.unit = per_cent * self.scale
        worth = pairs.value * self.unit
        if ties is not None:
            worth = worth + ties * self.scale
        self._spread(worth)
        self.owner = np.where(ceilings.owner < 0, len(ceilings.give), ceilings.owner)
        self.tickets = np.append(ceilings.give.astype(np.int64), MOST)
        self.run_tickets = int(ceilings.run)

        self.at = np.full(n, -1, np.int64)
        self.slot = np.full(n, -1, np.int64)
        self.bid = np.zeros(n, np.int64)
        self.load = np.zeros(m, np.int64)
        self.price = np.append(self._reserve(np.arange(m), np.zeros(m, np.int64)), MOST)
        self.price[:-1][self.room <= 0] = MOST
        self.net = self._nets(np.arange(n))[0]
        self.fresh = np.zeros(n, np.int64)
        self.rounds = 0
        self.eps = 1
        # those worth asking first: everyone waiting whose remembered net value is at least the floor
        self.head, self.floor = np.empty(0, np.int64), MOST
        self.placed = np.empty(0, np.int64)
        self.mark = np.zeros(n, bool)

    def _spread(self, worth: Array) -> None:
        """Pairs as rows of equal width; empty cells point to a representative that does not exist."""
        length = np.diff(self.pairs.start)
        width = int(length.max(initial=1))
        self.place = np.full((self.n, width), self.m, np.int32)
        self.worth = np.zeros((self.n, width), np.int64)
        column = np.arange(len(self.pairs)) - self.pairs.start[self.pairs.client]
        self.place[self.pairs.client, column] = self.pairs.representative
        self.worth[self.pairs.client, column] = worth

    def _reserve(self, representative: Array, load: Array) -> NDArray[np.int64]:
        return self.ceilings.reserve(representative, load) * self.unit

    def _nets(self, clients: Array) -> tuple[Array, Array, Array]:
        """Best net value of each client at present prices, its column, and the second best."""
        net = self.worth[clients] - self.price[self.place[clients]]
        column = net.argmax(axis=1)
        here = np.arange(len(clients))
        best = net[here, column]
        net[here, column] = NOTHING
        return best, column, net.max(axis=1)

    def run(self) -> None:
        """Bid until nobody can gain, or the bound shows that nothing worth waiting for is left."""
        while True:
            chosen, alternative = self._choose()
            if len(chosen) == 0:
                break
            self.rounds += 1
            self._bid(chosen, alternative)
            if self.rounds >= PATIENCE and self.rounds % CHECK_EVERY == 0:
                if self.eps == 1:
                    positive = self.worth[self.worth > 0]
                    self.eps = max(int(COARSE * float(np.median(positive))), 1)
                self._complete_if_good()
                if self.done:
                    break
        if self.eps > 1:
            self._polish()

    done = False

    @property
    def small(self) -> bool:
        """Exchanges alone reach the optimum sooner than a price war would."""
        return (self.m + len(self.ceilings.give)) ** 2 * 2000 <= BUDGET

    def _choose(self) -> tuple[Array, Array]:
        """Bidders of this round in falling order of net value while tickets last, and what each one's ticket is worth elsewhere.

        Prices only rise, so a remembered net value is an upper bound: only those it could put among the bidders, or
        next in line, are looked at again.
        """
        while self.run_tickets > 0:
            head = self.head[self.net[self.head] >= self.floor]
            self.head = head
            head = head[self.tickets[self.owner[head]] > 0]
            if len(head) <= FEW:
                # asking all of them at once costs less than asking twice
                self._refresh(head[self.fresh[head] < self.rounds])
                head = head[self.net[head] >= self.floor]
            order = head[np.argsort(-self.net[head], kind="stable")]
            owner = self.owner[order]
            rank = _rank_within(owner)
            ticketed = rank < self.tickets[owner]
            taken = ticketed & (np.cumsum(ticketed) <= self.run_tickets)
            out = np.flatnonzero(ticketed & ~taken)[:1]
            if len(out) == 0 and self.floor > 1:
                # the head does not fill the tickets, or hides who comes next
                self._refill()
                continue
            looked_at = taken | (rank == self.tickets[owner])
            looked_at[out] = True
            # a few more than needed: those next in line would be asked a moment later
            looked_at[: 2 * int(taken.sum()) + 32] = True
            stale = order[looked_at & (self.fresh[order] < self.rounds)]
            if len(stale) == 0 or self._refresh(stale):
                return self._with_alternatives(order, owner, taken, ticketed)
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def _refresh(self, clients: Array) -> bool:
        """Look at the prices again; True if nothing had changed for these clients."""
        net = self._nets(clients)[0]
        same = bool((net == self.net[clients]).all())
        self.net[clients] = net
        self.fresh[clients] = self.rounds
        return same

    def _refill(self) -> None:
        """Begin a new head: everyone waiting whose remembered net value reaches a floor low enough to fill the tickets."""
        waiting = np.flatnonzero((self.at < 0) & (self.net > 0))
        able = self.net[waiting[self.tickets[self.owner[waiting]] > 0]]
        below = able[able < self.floor]
        size = len(able) - len(below) + 2 * self.run_tickets + HEAD
        self.floor = max(int(np.partition(able, len(able) - size)[len(able) - size]), 1) if size < len(able) and len(below) else 1
        self.head = waiting[self.net[waiting] >= self.floor]

    def _with_alternatives(self, order: Array, owner: Array, taken: Array, ticketed: Array) -> tuple[Array, Array]:
        chosen = order[taken]
        alternative = np.zeros(len(chosen), np.int64)
        left = ~ticketed
        if left.any():
            # the best one of the same owner left without a ticket
            best = np.zeros(len(self.tickets), np.int64)
            np.maximum.at(best, owner[left], self.net[order[left]])
            alternative = best[owner[taken]]
        out = np.flatnonzero(ticketed & ~taken)
        if len(out):
            alternative = np.maximum(alternative, self.net[order[out[0]]])
        return chosen, alternative

    def _bid(self, chosen: Array, alternative: Array) -> None:
        best, column, second = self._nets(chosen)
        rival = np.maximum(np.maximum(second, alternative), 0)
        target = self.place[chosen, column].astype(np.int64)
        offer = self.price[target] + np.maximum(best - rival, 0) + self.eps

        touched = np.zeros(self.m, bool)
        touched[target] = True
        held = self.placed[touched[self.at[self.placed]]]
        who = np.concatenate((held, chosen))
        where = np.concatenate((self.at[held], target))
        bids = np.concatenate((self.bid[held], offer))
        slots = np.concatenate((self.slot[held], column))
        order = np.lexsort((who, -bids, where))
        who, where, bids, slots = who[order], where[order], bids[order], slots[order]
        first = np.flatnonzero(np.concatenate(([True], where[1:] != where[:-1])))
        rank = np.arange(len(where)) - np.repeat(first, np.diff(np.append(first, len(where))))
        keeps = (rank < self.room[where]) & (bids >= self._reserve(where, rank))

        np.add.at(self.tickets, self.owner[held], 1)
        self.run_tickets += len(held)
        self.at[held] = -1
        winners = who[keeps]
        self.at[winners], self.bid[winners], self.slot[winners] = where[keeps], bids[keeps], slots[keeps]
        np.subtract.at(self.tickets, self.owner[winners], 1)
        self.run_tickets -= len(winners)

        reps = where[first]
        load = np.bincount(where[keeps], minlength=self.m)[reps]
        lowest = np.full(self.m, MOST, np.int64)
        np.minimum.at(lowest, where[keeps], bids[keeps])
        free = load < self.room[reps]
        next_place = np.where(free, self._reserve(reps, np.minimum(load, self.room[reps] - 1)), MOST)
        self.load[reps] = load
        self.price[reps] = np.maximum(self.price[reps], np.minimum(lowest[reps], next_place))
        # whoever was outbid remembers a net value from before the prices rose: still an upper bound
        lost = who[~keeps]
        self.net[lost] = self._nets(lost)[0]
        self.fresh[lost] = self.rounds
        self.placed = np.concatenate((self.placed[self.at[self.placed] >= 0], chosen[self.at[chosen] >= 0]))
        self.mark[chosen] = True
        self.head = np.concatenate((self.head[~self.mark[self.head]], lost))
        self.mark[chosen] = False

    def bound(self) -> int:
        """No assignment is worth more: prices of places above their steps, plus the best ticketed net values."""
        room = np.maximum(self.room, 0)
        representative = np.repeat(np.arange(self.m), room)
        before = np.arange(len(representative)) - np.repeat(np.cumsum(room) - room, room)
        over = np.maximum(self.price[representative] - self._reserve(representative, before), 0)
        over[self.price[representative] >= MOST] = 0
        net = self._nets(np.arange(self.n))[0]
        order = np.flatnonzero(net > 0)
        order = order[np.argsort(-net[order], kind="stable")]
        owner = self.owner[order]
        give = np.append(self.ceilings.give, MOST)
        ticketed = order[_rank_within(owner) < give[owner]][: int(min(self.ceilings.run, self.n))]
        return _exact_sum(over) + _exact_sum(net[ticketed])

    def _complete_if_good(self) -> None:
        """Fill places left empty with whoever is worth most there; stop when exchanges can do the rest."""
        kept = self.at.copy(), self.slot.copy(), self.load.copy(), self.tickets.copy(), self.run_tickets
        self._complete()
        if self.small or self._objective() >= self.bound() * (1 - GOOD_GAP):
            self.done = True
        else:
            self.at, self.slot, self.load, self.tickets, self.run_tickets = kept

    def _complete(self) -> None:
        waiting = np.flatnonzero((self.at < 0) & (self.tickets[self.owner] > 0) & (self.worth.max(axis=1) > 0))
        for client in waiting[np.argsort(-self.worth[waiting].max(axis=1), kind="stable")]:
            if self.run_tickets <= 0:
                return
            place = self.place[client]
            real = np.flatnonzero((place < self.m) & (np.append(self.load < self.room, False)[place]))
            if self.tickets[self.owner[client]] <= 0 or len(real) == 0:
                continue
            gain = self.worth[client, real] - self._reserve(place[real], self.load[place[real]])
            if gain.max() <= 0:
                continue
            column = real[gain.argmax()]
            self.at[client], self.slot[client] = place[column], column
            self.load[place[column]] += 1
            self.tickets[self.owner[client]] -= 1
            self.run_tickets -= 1

    def _polish(self) -> None:
        """After coarse increments: exchanges until nothing gains, while the graph is small enough to look at."""
        pair_of = np.where(self.at >= 0, self.pairs.start[:-1] + self.slot, -1)
        start = np.where(self.price[:-1] >= MOST, np.inf, self.price[:-1] / self.unit)
        pair_of, prices = improve(self.pairs, self.ceilings, pair_of, start)
        placed = pair_of >= 0
        self.at[:] = -1
        self.at[placed] = self.pairs.representative[pair_of[placed]]
        self.slot = np.where(placed, pair_of - self.pairs.start[:-1], -1)
        if prices is not None:
            open_to = self.price[:-1] < MOST
            self.price[:-1][open_to] = prices[open_to] * self.unit

    def _objective(self) -> int:
        placed = np.flatnonzero(self.at >= 0)
        return _exact_sum(self.worth[placed, self.slot[placed]]) - self.ceilings.penalty(self.load) * self.unit

    def result(self) -> Assignment:
        pairs = self.pairs
        placed = np.flatnonzero(self.at >= 0)
        pair_of = np.full(self.n, -1, np.int64)
        pair_of[placed] = pairs.start[placed] + self.slot[placed]
        value = int(pairs.value[pair_of[placed]].sum())
        load = np.bincount(self.at[placed], minlength=self.m)
        penalty = self.ceilings.penalty(load)
        bound = self.bound() // self.unit
        prices = np.where(self.price[:-1] >= MOST, np.inf, self.price[:-1] / self.unit)
        return Assignment(
            representative_of=self.at.astype(np.int32),
            pair_of=pair_of,
            value_cents=value,
            penalty_cents=penalty,
            bound_cents=bound,
            gap=(bound - (value - penalty)) / bound if bound > 0 else 0.0,
            prices=prices,
            rounds=self.rounds,
            exact=bound == value - penalty,
        )


def _rank_within(groups: Array) -> NDArray[np.int64]:
    """How many of the same group come before each entry."""
    if len(groups) == 0:
        return np.empty(0, np.int64)
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    rank = np.empty(len(groups), np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(first, np.diff(np.append(first, len(groups))))
    return rank


def _exact_sum(values: Array) -> int:
    """A sum that may pass 64 bits: halves are added apart."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())
