"""Solutions where clients weigh differently: built in several orders, mended by shifts, ejections and retirements."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .problem import Problem

ORDERS = ("regret", "regret_per_unit", "value_per_unit", "value", "net")
CELLS = 4_000_000  # ejections looked at together: about 300 MB of temporaries
ROUNDS = 60
RETIRED = 200  # of those waiting, looked at in one round


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
