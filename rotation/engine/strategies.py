"""Other ways to hand out clients, under the same pairs and ceilings: what people are used to, and what it costs.

Each walks the clients one by one; ``ladder`` steps are not reckoned with, only rooms and tickets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array
from .packing import Workload
from .pairs import Pairs

Choice = Callable[[list[int], int, int], int]


def distribute(
    kind: str, pairs: Pairs, ceilings: Ceilings, holds: Array, capacity: Array, workload: Workload | None = None
) -> NDArray[np.int64]:
    """Row among the pairs that each client gets, shape (n_clients,), -1 for none.

    Parameters
    ----------
    kind
        ``greedy``: clients in falling order of their best pair, each to the best place left. ``round_robin``: clients
        by id, representatives in turn. ``weighted``: in turn, in proportion to room. ``least_loaded``: to whoever has
        the least of its capacity in use.
    holds, capacity : shape (n_representatives,), clients
    workload : where the rule counts minutes, what each pair weighs and the room for it

    Raises
    ------
    ValueError
        Unknown kind.
    """
    room = ceilings.room.astype(np.int64).tolist()
    first = room.copy()
    representative = pairs.representative.tolist()
    value = pairs.value.tolist()
    load = holds.astype(np.int64).tolist()
    size = np.maximum(capacity, 1).astype(np.int64).tolist()
    m = len(room)
    turn = 0

    def best_value(row: int) -> tuple[float, ...]:
        return (-value[row],)

    def next_in_turn(row: int) -> tuple[float, ...]:
        return ((representative[row] - turn) % m,)

    def fewest_for_weight(row: int) -> tuple[float, ...]:
        j = representative[row]
        return ((first[j] - room[j] + 1) / first[j], (j - turn) % m)

    def least_used(row: int) -> tuple[float, ...]:
        j = representative[row]
        return ((load[j] + 1) / size[j],)

    keys = {"greedy": best_value, "round_robin": next_in_turn, "weighted": fewest_for_weight, "least_loaded": least_used}
    if kind not in keys:
        raise ValueError(f"unknown strategy {kind}")
    key = keys[kind]
    start = pairs.start.tolist()
    has = np.flatnonzero(np.diff(pairs.start) > 0)
    order = has
    if kind == "greedy" and len(has):
        order = has[np.argsort(-np.maximum.reduceat(pairs.value, pairs.start[:-1][has]), kind="stable")]
    owner = ceilings.owner.tolist()
    give = [*ceilings.give.tolist(), np.iinfo(np.int64).max]
    run = int(ceilings.run)
    chosen = np.full(pairs.n_clients, -1, np.int64)
    places = sum(room)
    weight = [0] * len(pairs) if workload is None else workload.weight.tolist()
    left = [0] * m if workload is None else workload.room.tolist()
    for client in order.tolist():
        if run <= 0 or places <= 0:
            break
        if give[owner[client]] <= 0:
            continue
        rows = [row for row in range(start[client], start[client + 1]) if room[representative[row]] > 0]
        rows = [row for row in rows if weight[row] <= left[representative[row]]]
        if not rows:
            continue
        row = min(rows, key=key)
        j = representative[row]
        chosen[client] = row
        room[j] -= 1
        left[j] -= weight[row]
        load[j] += 1
        give[owner[client]] -= 1
        run -= 1
        places -= 1
        turn = (j + 1) % m
    return chosen


def worth(chosen: Array, pairs: Pairs, ceilings: Ceilings) -> int:
    """Cents of the pairs chosen less the steps of fairness their loads cost: the measure the assignment maximises.

    Without the steps a strategy that crowds one representative would look better than the optimum.
    """
    rows = chosen[chosen >= 0]
    load = np.bincount(pairs.representative[rows], minlength=len(ceilings.room))
    return int(pairs.value[rows].sum()) - ceilings.penalty(load)
