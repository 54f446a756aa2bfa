"""Clients that weigh differently by representative: the problem, its price bound, and solutions built and mended by hand.

maximise  sum of v_ij over moves, less the fairness steps of each load
subject   client <= 1, minutes of representative <= room, heads of representative <= places, heads of team <= places,
          owner's give, run

A generalised assignment problem: with prices on rooms and places what remains is the best net value of each client
under the nested tickets, which is sorting. Any prices give a bound (Fisher 1981).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import STEPS, UNLIMITED, Ceilings
from .facts import Array
from .pairs import Pairs
from .ranking import rank_within

ORDERS = ("regret", "regret_per_unit", "value_per_unit", "value", "net")
STALL = 10  # rounds without a better bound before the steps of the prices are halved
CELLS = 4_000_000  # ejections looked at together: about 300 MB of temporaries
ROUNDS = 60
RETIRED = 200  # of those waiting, looked at in one round
NOWHERE = -(2.0**60)


@dataclass(frozen=True, eq=False)
class Workload:
    """``weight`` (n_pairs,) whole units that each pair costs the representative, at least 0; ``room`` (n_representatives,) units free.

    A unit is a second in the engine's runs, whatever the file counts in published problems.
    """

    weight: Array
    room: Array

    def __post_init__(self) -> None:
        for name in ("weight", "room"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(np.int64))


class Problem:
    """The pairs that fit by themselves, as rows of equal width; empty cells point to a representative that does not exist.

    ``everyone``: every client must be placed and neither tickets nor teams count.

    ``places`` holds the heads each representative may take, 0 for the one that does not exist, then those of each team with a
    ceiling, then those of no team, without end; ``beside`` (n_representatives + 1,) says which of them counts beside one's own.
    Prices of places have the same shape.
    """

    def __init__(self, pairs: Pairs, workload: Workload, ceilings: Ceilings, *, everyone: bool = False) -> None:
        self.pairs, self.ceilings, self.everyone = pairs, ceilings, everyone
        self.n, self.m = pairs.n_clients, len(ceilings.room)
        self.room = np.append(np.maximum(workload.room, 0), 0)
        teams = np.full(len(ceilings.team_room), self.n) if everyone else np.clip(ceilings.team_room, 0, self.n)
        self.n_teams = len(teams)
        self.places = np.concatenate((np.clip(ceilings.room, 0, self.n), [0], teams, [UNLIMITED]))
        teamless = self.m + 1 + self.n_teams
        self.beside = np.append(np.where(ceilings.team < 0, teamless, self.m + 1 + ceilings.team), teamless)
        open_ = (self.places[: self.m + 1] > 0) & (self.places[self.beside] > 0)
        fits = (workload.weight <= self.room[pairs.representative]) & open_[pairs.representative]
        fits &= (pairs.value > 0) | everyone
        rows = np.flatnonzero(fits)
        self.n_pairs = len(rows)
        count = np.bincount(pairs.client[rows], minlength=self.n)
        begin = np.concatenate(([0], np.cumsum(count)))
        width = max(int(count.max(initial=0)), 1)
        client = pairs.client[rows]
        column = np.arange(len(rows)) - begin[client]
        self.place = np.full((self.n, width), self.m, np.int64)
        self.value = np.full((self.n, width), NOWHERE)
        self.weight = np.zeros((self.n, width), np.int64)
        self.row = np.full((self.n, width), -1, np.int64)
        self.place[client, column] = pairs.representative[rows]
        self.value[client, column] = pairs.value[rows]
        self.weight[client, column] = workload.weight[rows]
        self.row[client, column] = rows
        self.real = self.row >= 0
        self.cells = (client, column)
        self.typical = max(float(np.median(workload.weight[rows])), 1.0) if len(rows) else 1.0
        self.owner = np.where(ceilings.owner < 0, len(ceilings.give), ceilings.owner)
        self.give = np.append(ceilings.give, UNLIMITED)
        self.run = UNLIMITED if everyone else int(ceilings.run)
        if everyone:
            self.give = np.full_like(self.give, UNLIMITED)
        # a client asks a team once, however many of its people it may go to
        asks = np.unique(np.repeat(np.arange(self.n), count) * len(self.places) + self.beside[self.place[self.real]])
        wanted = np.bincount(asks % len(self.places), minlength=len(self.places))
        self.places_bind = wanted + np.bincount(self.place[self.real], minlength=len(self.places)) > self.places
        asking = np.bincount(self.owner[count > 0], minlength=len(self.give))
        self.tickets_bind = asking > self.give
        self.run_binds = int((count > 0).sum()) > self.run
        self.step = self._steps()

    def _steps(self) -> NDArray[np.float64]:
        """Cents a unit in each twelfth of the room, (n_representatives + 1, 12); what a typical client pays by heads."""
        step = np.broadcast_to(np.arange(STEPS), (self.m, STEPS))
        if self.ceilings.shift is not None:
            step = np.clip(step + self.ceilings.shift[:, None], 0, STEPS - 1)
        return np.vstack((step * (self.ceilings.step_cost / self.typical), np.zeros(STEPS)))

    def penalty(self, load: Array) -> NDArray[np.int64]:
        """Cents of fairness steps at each load (n_representatives,) or at one column of them, whole cents upwards."""
        if self.ceilings.step_cost == 0:
            return np.zeros(len(load), np.int64)
        room = self.room[: self.m]
        filled = np.clip(load[:, None] - room[:, None] * np.arange(STEPS) / STEPS, 0, room[:, None] / STEPS)
        return np.ceil((filled * self.step[: self.m]).sum(axis=1) - 1e-9).astype(np.int64)

    def penalty_of(self, j: int, load: int) -> int:
        if self.ceilings.step_cost == 0:
            return 0
        size = float(self.room[j]) / STEPS
        filled = np.clip(load - size * np.arange(STEPS), 0, size)
        return int(np.ceil(float(filled @ self.step[j]) - 1e-9))

    def net(self, price: Array, place_price: Array) -> NDArray[np.float64]:
        """Net value of every cell at cents a unit (n_representatives + 1,) and cents a place."""
        net: NDArray[np.float64] = self.value - price[self.place] * self.weight
        return net - self.seat_price(place_price)[self.place] if place_price.any() else net

    def seat_price(self, place_price: Array) -> NDArray[np.float64]:
        """What a place at each representative costs, its team's included, (n_representatives + 1,)."""
        price: NDArray[np.float64] = place_price[: self.m + 1] + place_price[self.beside]
        return price

    def heads(self, at: Array) -> NDArray[np.int64]:
        """How many of the places are taken by clients at these representatives."""
        size = len(self.places)
        return np.bincount(at, minlength=size) + np.bincount(self.beside[at], minlength=size)

    def dual(self, price: Array, place_price: Array) -> tuple[float, NDArray[np.int64], NDArray[np.float64]]:
        """Bound in cents of any assignment's value less penalty, the column each client takes (-1 none), and the units each room yields."""
        net = self.net(price, place_price)
        column = net.argmax(axis=1)
        best = net[np.arange(self.n), column]
        chosen = np.full(self.n, -1, np.int64)
        taken = self.ticketed(best)
        chosen[taken] = column[taken]
        size = self.room[:, None] / STEPS
        over = price[:, None] > self.step
        yields = (size * over).sum(axis=1)
        bound = float(best[taken].sum()) + float((size * np.where(over, price[:, None] - self.step, 0)).sum())
        return bound + float(place_price @ self.places), chosen, yields

    def ticketed(self, worth: Array) -> NDArray[np.int64]:
        """The best clients by ``worth`` (n_clients,) cents that the nested tickets let go, where it gains; everyone where all must."""
        if self.everyone:
            return np.arange(self.n)
        taken = np.flatnonzero(worth > 0)
        if self.run_binds or self.tickets_bind.any():
            taken = taken[np.argsort(-worth[taken], kind="stable")]
            taken = taken[rank_within(self.owner[taken]) < self.give[self.owner[taken]]][: self.run]
        return taken

    def whole_bound(self, bound: float) -> int:
        """Values are whole: the bound may be cut to cents, with room for rounding in its sum."""
        return int(np.floor(bound + max(1e-6, 1e-12 * abs(bound))))


def subgradient(problem: Problem, lower: float, steps: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Best bound in cents within ``steps`` rounds, and its prices a unit (n_representatives + 1,) and a place.

    ``lower`` is the value of some assignment; Polyak steps towards it. Prices of rooms are counted a typical client, so that
    minutes and places weigh alike.
    """
    m, typical = problem.m, problem.typical
    price, place_price = np.zeros(m + 1), np.zeros(len(problem.places))
    best = (np.inf, price, place_price)
    here = np.arange(problem.n)
    theta, stalled = 1.0, 0
    for _ in range(steps):
        bound, chosen, yields = problem.dual(price, place_price)
        if bound < best[0] - 1e-9 * abs(best[0] if np.isfinite(best[0]) else 1.0):
            best, stalled = (bound, price, place_price), 0
        else:
            stalled += 1
            if stalled >= STALL:
                theta, stalled = theta / 2, 0
                bound, price, place_price = best
                bound, chosen, yields = problem.dual(price, place_price)
        taken = np.flatnonzero(chosen >= 0)
        at = problem.place[here[taken], chosen[taken]]
        over = (np.bincount(at, problem.weight[taken, chosen[taken]], minlength=m + 1) - yields) / typical
        crowd = np.where(problem.places_bind, problem.heads(at) - problem.places, 0).astype(float)
        over[(price <= 0) & (over < 0)] = 0
        crowd[(place_price <= 0) & (crowd < 0)] = 0
        size = float(over @ over + crowd @ crowd)
        if size < 1e-12 or bound - lower < 0.5:
            break
        step = theta * (bound - lower) / size
        price = np.maximum(price + step * over / typical, 0)
        place_price = np.maximum(place_price + step * crowd, 0)
    return best


class Packing:
    """Who is where: ``column`` (n_clients,) of the problem's rows, -1 nowhere. Always within every ceiling."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.column = np.full(problem.n, -1, np.int64)
        self.left = problem.room.tolist()
        self.seats = problem.places.tolist()
        self.tickets = problem.give.tolist()
        self.run = problem.run

    @classmethod
    def of(cls, problem: Problem, column: Array) -> Packing:
        """From columns that respect every ceiling."""
        made = cls(problem)
        for client in np.flatnonzero(column >= 0).tolist():
            made.put(client, int(column[client]))
        return made

    def copy(self) -> Packing:
        return Packing.of(self.problem, self.column)

    def fits(self, client: int, column: int) -> bool:
        """Room and places for the client there, its own present place not counted as free; a ticket if it has no place yet."""
        p = self.problem
        j = p.place[client, column]
        ticket = self.column[client] >= 0 or (self.run > 0 and self.tickets[p.owner[client]] > 0)
        return bool(ticket and self.seats[j] > 0 and self.seats[p.beside[j]] > 0 and self.left[j] >= p.weight[client, column])

    def put(self, client: int, column: int) -> None:
        p = self.problem
        j = p.place[client, column]
        self.column[client] = column
        self.left[j] -= int(p.weight[client, column])
        self.seats[j] -= 1
        self.seats[p.beside[j]] -= 1
        self.tickets[p.owner[client]] -= 1
        self.run -= 1

    def take(self, client: int) -> int:
        """Out of its place, if any; the column it had."""
        column = int(self.column[client])
        if column >= 0:
            p = self.problem
            j = p.place[client, column]
            self.column[client] = -1
            self.left[j] += int(p.weight[client, column])
            self.seats[j] += 1
            self.seats[p.beside[j]] += 1
            self.tickets[p.owner[client]] += 1
            self.run += 1
        return column

    @property
    def at(self) -> NDArray[np.int64]:
        """Representative of each client, the one that does not exist for nobody."""
        here = np.where(self.column >= 0, self.problem.place[np.arange(self.problem.n), self.column], self.problem.m)
        return here.astype(np.int64)

    def open_to(self, *, any_team: bool = False) -> NDArray[np.bool_]:
        """Cells (n_clients, width) with room and a place for their client, in its own team or one that has places left.

        ``any_team``: in a full one too.
        """
        p = self.problem
        seats = np.array(self.seats)
        free = p.real & (p.weight <= np.array(self.left)[p.place]) & (seats[p.place] > 0)
        if p.n_teams and not any_team:
            team = p.beside[p.place]
            free &= (seats[team] > 0) | (team == p.beside[self.at][:, None])
        return free

    @property
    def load(self) -> NDArray[np.int64]:
        return self.problem.room[:-1] - np.array(self.left[:-1], np.int64)

    @property
    def value(self) -> int:
        placed = np.flatnonzero(self.column >= 0)
        return int(self.problem.value[placed, self.column[placed]].sum())

    @property
    def objective(self) -> int:
        """Value less penalty in cents."""
        return self.value - int(self.problem.penalty(self.load).sum())

    def change(self, moves: Iterable[tuple[int, int]]) -> int:
        """Make the moves (client, column or -1) together if they fit and gain; the gain in cents, 0 if nothing was done."""
        p = self.problem
        asked = list(moves)
        touched = {int(p.place[client, column]) for client, column in asked if column >= 0}
        touched |= {int(p.place[client, self.column[client]]) for client, _ in asked if self.column[client] >= 0}
        before = [(client, self.take(client)) for client, _ in asked]
        gain = sum(self._worth(client, to) for client, to in asked) - sum(self._worth(client, was) for client, was in before)
        if p.ceilings.step_cost:
            was = {j: int(p.room[j]) - self.left[j] for j in touched}
            for client, column in before:
                if column >= 0:
                    was[int(p.place[client, column])] += int(p.weight[client, column])
        done = []
        for client, column in asked:
            if column >= 0 and not self.fits(client, column):
                gain = 0
                break
            if column >= 0:
                self.put(client, column)
            done.append(client)
        else:
            if p.ceilings.step_cost:
                gain -= sum(p.penalty_of(j, int(p.room[j]) - self.left[j]) - p.penalty_of(j, was[j]) for j in touched)
        if gain > 0:
            return int(gain)
        for client in done:
            self.take(client)
        for client, column in before:
            if column >= 0:
                self.put(client, column)
        return 0

    def _worth(self, client: int, column: int) -> int:
        return int(self.problem.value[client, column]) if column >= 0 else 0


def build(problem: Problem, net: Array, order: str, first: Array | None = None) -> Packing:
    """Clients one by one in falling ``order``, each to its best net value that still fits.

    ``net`` (n_clients, width) ranks a client's places; ``first`` (n_clients,) columns to try before them, -1 none. Clients
    whose net value is positive come first, those left fill what room remains.
    """
    here = np.arange(problem.n)
    ranked = np.argsort(-net, axis=1, kind="stable")
    best = net[here, ranked[:, 0]]
    second = net[here, ranked[:, 1]] if net.shape[1] > 1 else np.zeros(problem.n)
    regret = best - (second if problem.everyone else np.maximum(second, 0))
    unit = np.maximum(problem.weight[here, ranked[:, 0]], 1)
    value = problem.value[here, ranked[:, 0]]
    key = {"regret": regret, "regret_per_unit": regret / unit, "value_per_unit": value / unit, "value": value, "net": best}[order]
    made = Packing(problem)
    has: NDArray[np.bool_] = np.asarray(problem.real.any(axis=1))
    worth = has if problem.everyone else has & (best > 0)
    sure = np.zeros(problem.n, bool) if first is None else has & (first >= 0)
    turn = np.lexsort((-key, ~worth, ~sure))
    turn = turn[has[turn]]
    count = problem.real.sum(axis=1)
    steps = problem.ceilings.step_cost > 0
    wanted: NDArray[np.bool_] = np.take(sure | worth, turn)
    for late in (False, True):
        waiting = turn[made.column[turn] < 0] if late else turn[wanted]
        for client in waiting.tolist():
            columns = [c for c in ranked[client].tolist() if problem.real[client, c]][: count[client]]
            if first is not None and first[client] >= 0:
                columns.insert(0, int(first[client]))
            for column in columns:
                if not late and not problem.everyone and net[client, column] <= 0 and not sure[client]:
                    break
                if not made.fits(client, column):
                    continue
                if not steps:
                    made.put(client, column)
                    break
                if made.change([(client, column)]):
                    break
    return made


def improve(packing: Packing, net: Array, rounds: int = ROUNDS) -> int:
    """Shift and insert, then ejections (one goes in, one comes out and goes to its best place left, or nowhere); cents gained."""
    gained = 0
    for _ in range(rounds):
        won = _shift(packing) + _eject(packing, net) + _retire(packing)
        gained += won
        if not won:
            break
    return gained


def _present(packing: Packing) -> NDArray[np.float64]:
    p = packing.problem
    return np.where(packing.column >= 0, p.value[np.arange(p.n), packing.column], 0.0)


def _shift(packing: Packing) -> int:
    p = packing.problem
    gain = p.value - _present(packing)[:, None]
    open_to = packing.open_to() & (p.place != packing.at[:, None])
    gain[~open_to | (gain <= 0)] = 0
    column = gain.argmax(axis=1)
    best = gain[np.arange(p.n), column]
    clients = np.flatnonzero(best > 0)
    clients = clients[np.argsort(-best[clients], kind="stable")]
    return sum(packing.change([(client, int(column[client]))]) for client in clients.tolist())


def _eject(packing: Packing, net: Array) -> int:
    p = packing.problem
    here = np.arange(p.n)
    left, at, present = np.array(packing.left), packing.at, _present(packing)
    # where each placed client would go if it were put out
    other = np.where(packing.open_to() & (p.place != at[:, None]), p.value, 0.0)
    out_column = other.argmax(axis=1)
    out_value = other[here, out_column]
    out_column = np.where(out_value > 0, out_column, -1)
    weight = np.where(packing.column >= 0, p.weight[here, packing.column], 0)

    placed = np.flatnonzero(at < p.m)
    placed = placed[np.argsort(at[placed], kind="stable")]
    begin = np.searchsorted(at[placed], np.arange(p.m + 2))
    client, column = np.nonzero(p.real & (p.place != at[:, None]) & (p.value > 0))
    to = p.place[client, column]
    own = np.where(packing.column >= 0, net[here, packing.column], 0.0)
    # the likeliest first: by net value a place, not by value alone
    likely = np.argsort(own[client] - net[client, column], kind="stable")
    crowd = (begin[to + 1] - begin[to])[likely]
    likely = likely[np.cumsum(crowd) <= CELLS]
    client, column, to = client[likely], column[likely], to[likely]
    crowd = begin[to + 1] - begin[to]
    cell = np.repeat(np.arange(len(client)), crowd)
    inside = np.arange(len(cell)) - np.repeat(np.cumsum(crowd) - crowd, crowd)
    rival = placed[begin[to[cell]] + inside]
    enters = client[cell]
    wants = p.weight[client, column][cell]
    back = _column_at(p, rival, at[enters])
    back_value = np.where(back >= 0, p.value[rival, np.maximum(back, 0)], 0.0)
    freed = left[np.minimum(at[enters], p.m)] + weight[enters]
    back_ok = (back >= 0) & (p.weight[rival, np.maximum(back, 0)] <= freed)
    back_value = np.where(back_ok, back_value, 0.0)
    goes_back = back_value > out_value[rival]
    gain = p.value[client, column][cell] - present[enters] - present[rival] + np.maximum(back_value, out_value[rival])
    good = (wants <= left[to[cell]] + weight[rival]) & (gain > 0)
    if p.everyone:
        good &= (goes_back & back_ok) | (out_column[rival] >= 0)
    chosen = np.flatnonzero(good)
    chosen = chosen[np.argsort(-gain[chosen], kind="stable")]
    won = 0
    moved = np.zeros(p.n, bool)
    for k in chosen.tolist():
        i, r = int(enters[k]), int(rival[k])
        if moved[i] or moved[r]:
            continue
        away = int(back[k]) if goes_back[k] else int(out_column[r])
        # out first, so that room and ticket are free
        got = packing.change([(r, away), (i, int(column[cell[k]]))])
        if got:
            moved[i] = moved[r] = True
            won += got
    return won


def _retire(packing: Packing) -> int:
    """Where tickets or places of teams are what is short: one who waits goes in, and the cheapest of its owner, of the team, or of
    all, gives up its own."""
    p = packing.problem
    if not (p.run_binds or p.tickets_bind.any() or p.places_bind[p.m + 1 :].any()):
        return 0
    open_to = packing.open_to(any_team=True) & (packing.column[:, None] < 0)
    value = np.where(open_to, p.value, 0.0)
    column = value.argmax(axis=1)
    best = value.max(axis=1)
    waiting = np.flatnonzero(best > 0)
    waiting = waiting[np.argsort(-best[waiting], kind="stable")][:RETIRED]
    won = 0
    for client in waiting.tolist():
        present = np.where(packing.column >= 0, _present(packing), np.inf)
        if packing.tickets[p.owner[client]] <= 0:
            present = np.where(p.owner == p.owner[client], present, np.inf)
        team = int(p.beside[p.place[client, column[client]]])
        if packing.seats[team] <= 0:
            present = np.where(p.beside[packing.at] == team, present, np.inf)
        cheapest = int(present.argmin())
        if present[cheapest] < best[client]:
            won += packing.change([(cheapest, -1), (client, int(column[client]))])
    return won


def _column_at(p: Problem, clients: Array, representative: Array) -> NDArray[np.int64]:
    """The column of each client's pair with that representative, -1 where there is none."""
    found = p.place[clients] == representative[:, None]
    return np.where(found.any(axis=1) & (representative < p.m), found.argmax(axis=1), -1)
