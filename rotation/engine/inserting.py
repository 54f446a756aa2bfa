"""Clients left out of a packing put in by moving one other on: what many quick constructions leave undone where minutes are short."""

from __future__ import annotations

import numpy as np

from .packing import Packing


def insert(packing: Packing) -> int:
    """Put whoever has no place where another client can make room by moving on; cents gained.

    Dearest first; of all who could make room, the one that loses least by it goes to its best open place. Within every ceiling, as each
    change is checked again when it is made.
    """
    p = packing.problem
    here = np.arange(p.n)
    waiting = np.flatnonzero((packing.column < 0) & p.real.any(axis=1))
    gained = 0
    for client in waiting[np.argsort(-p.value[waiting].max(axis=1), kind="stable")].tolist():
        at, placed = packing.at, packing.column >= 0
        weight = np.where(placed, p.weight[here, packing.column], 0)
        present = np.where(placed, p.value[here, packing.column], 0.0)
        elsewhere = packing.open_to() & (p.place != at[:, None]) & placed[:, None]
        onward = np.where(elsewhere, p.value, -np.inf)
        column = onward.argmax(axis=1)
        loss = present - onward[here, column]
        # what the client lacks at each representative, in units; infinite where it has no pair
        mine = np.flatnonzero(p.real[client])
        lacks, worth, mine_at = np.full(p.m + 1, np.inf), np.full(p.m + 1, -np.inf), np.full(p.m + 1, -1)
        to = p.place[client, mine]
        lacks[to] = p.weight[client, mine] - np.array(packing.left)[to]
        worth[to], mine_at[to] = p.value[client, mine], mine
        frees = placed & (weight >= lacks[at]) & np.isfinite(loss)
        gain = np.where(frees, worth[at] - np.where(frees, loss, 0), -np.inf)
        other = int(gain.argmax())
        if gain[other] > 0:
            gained += packing.change([(other, int(column[other])), (client, int(mine_at[at[other]]))])
    return gained
