"""A forward auction under nested ceilings (ENGINE.md section 5): clients bid for places, places and tickets have prices.

Sources: Bertsekas (1988), auction; Bertsekas and Castanon (1989), similar objects. Tickets and steps are worked out in
design page ENGINE.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .ceilings import STEPS, Ceilings
from .errors import FactsError
from .exchange import BUDGET, improve
from .facts import Array
from .ordering import falling, grouped
from .pairs import Pairs
from .ranking import exact_sum, rank_in_order, rank_within
from .teams import Teams

TIES = 1024
PATIENCE, LONG_PATIENCE = 40, 960  # rounds with the smallest increment; the long one while few still bid
GLANCE, SETTLING = 8, 8  # where exchanges cannot help: rounds before looking whether fewer than one in so many still bid
SKIRMISH = 64, 200  # more bidders than this, or than one client in so many, are a price war
PHASES, PHASE_ROUNDS = 8, 300
STRAGGLERS = 1000  # a phase ends when fewer than one in so many of those placed still bid
FIRST, FINER, MARGIN = 0.3, 4, 2  # first increment in medians; how much finer each phase; overshoot in increments
GOOD_GAP = 1e-4
LARGE = 1000  # people; beyond that exchanges cost more than the last hundredth of a percent
FEW = 100  # people and teams; a full team makes all its people bid as one, and more than these then need coarser increments first
MOST = 2**62
SPARE = 12  # clients of an owner looked at beyond those its tickets let bid
NOTHING = -(2**62)
NEAR = 2048  # clients whose cells are looked at together: they stay in the processor's cache


class Auction:
    """Values are counted in ``unit`` per cent, a multiple of the smallest bid increment (1)."""

    def __init__(self, pairs: Pairs, ceilings: Ceilings, ties: Array | None) -> None:
        n, m = pairs.n_clients, len(ceilings.room)
        self.pairs, self.ceilings, self.n, self.m = pairs, ceilings, n, m
        self.teams = Teams(ceilings)
        self.room = self.teams.open_room(ceilings.room)
        self.everyone = np.arange(n)
        # A cent is worth more than all ties together, and a tie, where 64 bits allow, more than all increments together:
        # the last increments can then add up to neither.
        largest = max(int(pairs.value.max(initial=0)), ceilings.step_cost * STEPS, 1) + 1
        largest *= 1 + self.teams.bind  # a place in a full team costs a bid and a step together
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
        self.net, self.column, self.second = self._nets(self.everyone)
        self.fresh = np.zeros(n, np.int64)
        self.rounds = 0
        self.eps = 1
        self.best_bound, self.best_objective = MOST * self.n + MOST * self.m, -1
        # everyone's clients, an owner after the other
        self.owned = np.argsort(self.owner, kind="stable")
        self.owned_start = np.concatenate(([0], np.cumsum(np.bincount(self.owner, minlength=len(self.tickets)))))
        self._empty_head()
        self.placed = np.empty(0, np.int64)
        self.mark = np.zeros(n, bool)

    def _empty_head(self) -> None:
        """The head are those worth asking first: everyone waiting whose remembered net value is at least their owner's floor."""
        self.head, self.floor = np.empty(0, np.int64), np.full(len(self.tickets), MOST)

    def _spread(self, worth: Array) -> None:
        """Pairs as rows of equal width; empty cells point to a representative that does not exist."""
        length = np.diff(self.pairs.start)
        width = int(length.max(initial=1))
        # as wide as an index: numpy would widen it at every look-up
        self.place = np.full((self.n, width), self.m, np.intp)
        self.worth = np.zeros((self.n, width), np.int64)
        inside = np.arange(width) < length[:, None]
        self.place[inside] = self.pairs.representative
        self.worth[inside] = worth

    def _reserve(self, representative: Array, load: Array) -> NDArray[np.int64]:
        return self.ceilings.reserve(representative, load) * self.unit

    def _nets(self, clients: Array) -> tuple[Array, Array, Array]:
        """Best net value of each client at present prices, its column, and the second best."""
        k, width = len(clients), self.worth.shape[1]
        best, column, second = np.empty(k, np.int64), np.empty(k, np.intp), np.empty(k, np.int64)
        for first in range(0, k, NEAR):
            some = clients[first : first + NEAR]
            here = slice(first, first + len(some))
            net = self.price.take(self.place.take(some, axis=0), mode="clip")
            np.subtract(self.worth.take(some, axis=0), net, out=net)
            net.argmax(axis=1, out=column[here])
            at = np.arange(0, len(some) * width, width) + column[here]
            flat = net.reshape(-1)
            flat.take(at, out=best[here], mode="clip")
            flat[at] = NOTHING
            # along the long side: the short one would be a call a client
            np.ascontiguousarray(net.T).max(axis=0, out=second[here])
        return best, column, second

    def run(self) -> None:
        """Bid until nobody can gain, or, in a price war, until the bound shows that nothing worth waiting for is left."""

        def settling(bidders: int) -> bool:
            return self.small or self.rounds < GLANCE or bidders * SETTLING < len(self.placed)

        checked: dict[int, int] = {}

        def few(bidders: int) -> bool:
            # fewer and fewer: bidders that climb by single increments stay as many for ever
            turn = self.rounds // PATIENCE
            checked.setdefault(turn, bidders)
            before = checked.get(turn - 1, 2 * bidders)
            return bidders <= max(SKIRMISH[0], self.n // SKIRMISH[1]) and (not self.small or 2 * checked[turn] <= before)

        if self._rounds(PATIENCE, settling) or self._rounds(LONG_PATIENCE, few):
            return
        if not self.small:
            self._scale_down()
        self._complete()
        self._remember()
        self._restore()
        good = self.best_objective >= self.best_bound * (1 - GOOD_GAP)
        if self.best_objective < self.best_bound and not (good and not self.affordable):
            self._polish()

    @property
    def nodes(self) -> int:
        """People and teams."""
        return self.m + len(self.ceilings.give) + len(self.teams)

    @property
    def affordable(self) -> bool:
        """Exchanges cost less than what they may still gain is worth."""
        return self.nodes <= LARGE

    @property
    def small(self) -> bool:
        """Exchanges alone reach the optimum sooner than a price war would."""
        return self.nodes**2 * 500 <= BUDGET and not (self.teams.bind and self.nodes > FEW)

    def _rounds(self, most: int, worthwhile: Callable[[int], bool]) -> bool:
        """Rounds of bidding while ``worthwhile(number of bidders)``; True if they ended by themselves."""
        for _ in range(most):
            chosen, alternative = self._choose()
            if len(chosen) == 0:
                return True
            if not worthwhile(len(chosen)):
                return False
            self.rounds += 1
            self._bid(chosen, alternative)
        return False

    def _scale_down(self) -> None:
        """Coarse increments first, then finer ones from prices a little below those found.

        Two representatives at the same distance are worth the same to everyone nearby, and single increments would then
        climb for ever. A place left empty at a price above its step spoils only the bound, and the next phase
        starts it from its step again.
        """
        positive = self.worth[self.worth > 0]
        eps = max(int(FIRST * float(np.median(positive))), 1)
        for _ in range(PHASES):
            self._restart(eps)
            self._rounds(PHASE_ROUNDS, lambda bidders: bidders * STRAGGLERS >= len(self.placed))
            self._complete()
            self._remember()
            if self.best_objective >= self.best_bound * (1 - GOOD_GAP):
                return
            eps = max(eps // FINER, 1)

    def _restart(self, eps: int) -> None:
        """Take every client back and begin from the prices reached, less what the last increments may have overshot."""
        reps = np.arange(self.m)
        price = self.price[:-1]
        step = self._reserve(reps, np.clip(self.load, 0, np.maximum(self.room - 1, 0)))
        left = (self.load < self.room) & ~self.teams.full(self.load)
        price = np.where(left, np.minimum(price, step), price)
        overshot = MARGIN * self.eps if self.eps > 1 else 0
        price = np.maximum(price - overshot, self._reserve(reps, np.zeros(self.m, np.int64)))
        self.price[:-1] = np.where(self.room > 0, price, MOST)
        self.eps = eps
        self.at[:] = -1
        self.load[:] = 0
        self.tickets = np.append(self.ceilings.give, MOST)
        self.run_tickets = int(self.ceilings.run)
        self.net, self.column, self.second = self._nets(self.everyone)
        self.fresh[:] = self.rounds
        self._empty_head()
        self.placed = np.empty(0, np.int64)

    def _remember(self) -> None:
        """Keep the best assignment and the least bound seen, each on its own."""
        bound = self.bound()
        if bound < self.best_bound:
            self.best_bound, self.best_price = bound, self.price.copy()
        objective = self._objective()
        if objective > self.best_objective:
            self.best_objective, self.best = objective, (self.at.copy(), self.slot.copy())

    def _restore(self) -> None:
        self.at, self.slot = self.best
        self.price = self.best_price

    def _choose(self) -> tuple[Array, Array]:
        """Bidders of this round in falling order of net value while tickets last, and what each one's ticket is worth elsewhere.

        Prices only rise, so a remembered net value is an upper bound: of each owner only those are looked at again who could
        be among its bidders, or next in line.
        """
        while self.run_tickets > 0:
            head = self.head = self.head[self.net[self.head] >= self.floor[self.owner[self.head]]]
            head = head[self.tickets[self.owner[head]] > 0]
            stale = head[self.fresh[head] < self.rounds]
            if len(stale):
                self._refresh(stale)
                head = head[self.net[head] >= self.floor[self.owner[head]]]
            if self._refill(head):
                continue
            order = head[falling(self.net[head])]
            owner = self.owner[order]
            rank = rank_within(owner)
            ticketed = rank < self.tickets[owner]
            taken = ticketed & (np.cumsum(ticketed) <= self.run_tickets)
            return self._with_alternatives(order, owner, taken, ticketed)
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def _refresh(self, clients: Array) -> None:
        """Look at the prices again."""
        self.net[clients], self.column[clients], self.second[clients] = self._nets(clients)
        self.fresh[clients] = self.rounds

    def _refill(self, head: Array) -> bool:
        """Let more of an owner's clients into the head where it does not fill the owner's tickets, or hides who comes next."""
        wanted = np.minimum(self.tickets, min(self.run_tickets, self.n))
        short = (np.bincount(self.owner[head], minlength=len(wanted)) <= wanted) & (wanted > 0) & (self.floor > 1)
        if not short.any():
            return False
        owners = np.flatnonzero(short)
        first, length = self.owned_start[owners], self.owned_start[owners + 1] - self.owned_start[owners]
        inside = np.repeat(first - np.cumsum(length) + length, length) + np.arange(int(length.sum()))
        clients = self.owned[inside]
        clients = clients[(self.at[clients] < 0) & (self.net[clients] > 0)]
        clients = clients[falling(self.net[clients])]
        owner = self.owner[clients]
        order = grouped(owner, len(self.tickets))
        clients, owner = clients[order], owner[order]
        # a few more than needed: they would be asked for a moment later
        last = rank_in_order(owner) == wanted[owner] + wanted[owner] // 4 + SPARE
        self.floor[owners] = 1
        self.floor[owner[last]] = self.net[clients[last]]
        self.head = np.concatenate((self.head[~short[self.owner[self.head]]], clients[self.net[clients] >= self.floor[owner]]))
        return True

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
        best, column, second = self.net[chosen], self.column[chosen], self.second[chosen]
        rival = np.maximum(np.maximum(second, alternative), 0)
        target = self.place[chosen, column].astype(np.int64)
        offer = self.price[target] + np.maximum(best - rival, 0) + self.eps

        touched = np.zeros(self.m, bool)
        touched[target] = True
        if self.teams.bind:
            touched = self.teams.whole(touched)
        held = self.placed[touched[self.at[self.placed]]]
        who = np.concatenate((held, chosen))
        where = np.concatenate((self.at[held], target))
        bids = np.concatenate((self.bid[held], offer))
        slots = np.concatenate((self.slot[held], column))
        # stable twice over: equal bids stay in the order in which they came, the earlier holder first
        order = falling(bids)
        order = order[grouped(where[order], self.m)]
        who, where, bids, slots = who[order], where[order], bids[order], slots[order]
        first = np.flatnonzero(np.concatenate(([True], where[1:] != where[:-1])))
        rank = np.arange(len(where)) - np.repeat(first, np.diff(np.append(first, len(where))))
        step = self._reserve(where, rank)
        keeps = (rank < self.room[where]) & (bids >= step)
        if self.teams.bind:
            keeps = self.teams.keep(where, bids - step, self.at[who] < 0, keeps)

        np.add.at(self.tickets, self.owner[held], 1)
        self.run_tickets += len(held)
        self.at[held] = -1
        winners = who[keeps]
        self.at[winners], self.bid[winners], self.slot[winners] = where[keeps], bids[keeps], slots[keeps]
        np.subtract.at(self.tickets, self.owner[winners], 1)
        self.run_tickets -= len(winners)

        loads = np.bincount(where[keeps], minlength=self.m)
        lowest = np.full(self.m, MOST, np.int64)
        np.minimum.at(lowest, where[keeps], bids[keeps])
        reps: Array = where[first]
        beside: Array = np.zeros(len(reps), np.int64)
        if self.teams.bind:
            reps = np.flatnonzero(touched)
            last = self._reserve(np.arange(self.m), np.maximum(loads - 1, 0))
            beside = self.teams.entry(loads, lowest - last)[reps]
        load = loads[reps]
        free = load < self.room[reps]
        next_place = np.where(free, self._reserve(reps, np.minimum(load, self.room[reps] - 1)) + beside, MOST)
        self.load[reps] = load
        self.price[reps] = np.maximum(self.price[reps], np.minimum(lowest[reps], next_place))
        # whoever was outbid remembers a net value from before the prices rose: still an upper bound
        lost = who[~keeps]
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
        if self.teams.bind:
            over = self.teams.best(over, representative)
        net = self._nets(self.everyone)[0]
        order = np.flatnonzero(net > 0)
        order = order[falling(net[order])]
        owner = self.owner[order]
        give = np.append(self.ceilings.give, MOST)
        ticketed = order[rank_within(owner) < give[owner]][: int(min(self.ceilings.run, self.n))]
        return exact_sum(over) + exact_sum(net[ticketed])

    def _complete(self) -> None:
        """Fill places left empty with whoever is worth most there."""
        reps = np.arange(self.m)
        step = np.where(self.load < self.room, self._reserve(reps, np.clip(self.load, 0, np.maximum(self.room - 1, 0))), MOST)
        step = np.append(np.where(self.teams.full(self.load), MOST, step), MOST)
        waiting = np.flatnonzero((self.at < 0) & (self.tickets[self.owner] > 0))
        gain = (self.worth[waiting] - step[self.place[waiting]]).max(axis=1, initial=0)
        order = falling(gain)
        for client in waiting[order[: int((gain > 0).sum())]]:
            if self.run_tickets <= 0:
                return
            if self.tickets[self.owner[client]] <= 0:
                continue
            gains = self.worth[client] - step[self.place[client]]
            column = int(gains.argmax())
            if gains[column] <= 0:
                continue
            rep = int(self.place[client, column])
            self.at[client], self.slot[client] = rep, column
            self.load[rep] += 1
            full = self.load[rep] >= self.room[rep]
            step[rep] = MOST if full else self._reserve(np.array([rep]), self.load[rep : rep + 1])[0]
            if self.teams.of[rep] >= 0:
                step[:-1][self.teams.full(self.load)] = MOST
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
        load = np.bincount(self.at[placed], minlength=self.m)
        return exact_sum(self.worth[placed, self.slot[placed]]) - self.ceilings.penalty(load) * self.unit
