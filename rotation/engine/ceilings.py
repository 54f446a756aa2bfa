"""Rooms, steps of fairness and tickets: what an assignment may not exceed, and how it is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError
from .facts import Array
from .pairs import Pairs

STEPS = 12
MAX_SHIFT = 2
UNLIMITED = np.iinfo(np.int64).max // 4
NEAR = 2**15  # pairs mixed together: they stay in the processor's cache, a fifth of the time of millions at once


def _nobody() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Ceilings:
    """``room`` (n_representatives,) clients each may take; ``owner`` (n_clients,) position of each client's owner, -1 none;
    ``give`` (n_owners,) clients each owner may lose; ``run`` moves altogether. They nest: client < owner < run.

    ``team`` (n_representatives,) position of each one's team among ``team_room`` (n_teams,), clients each team may take, -1
    where no ceiling counts (empty: nowhere). They nest on the other side: place < representative < team.

    ``step_cost`` is the cost in cents of one step of fairness (0: none) and ``shift`` (n_representatives,) whole steps
    by which a representative's ladder begins higher (received more before) or lower.
    """

    room: Array
    owner: Array
    give: Array
    run: int = UNLIMITED
    step_cost: int = 0
    shift: Array | None = None
    team: Array = field(default_factory=_nobody)
    team_room: Array = field(default_factory=_nobody)

    def __post_init__(self) -> None:
        for name in ("room", "owner", "give", "team", "team_room"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(np.int64))
        if not len(self.team):
            object.__setattr__(self, "team", np.full(len(self.room), -1))

    def reserve(self, representative: Array, load: Array) -> NDArray[np.int64]:
        """Cost in cents of the place after ``load`` others, R_j,load+1; never falls as load grows."""
        if self.step_cost == 0:
            return np.zeros(len(representative), np.int64)
        step = STEPS * load // np.maximum(self.room[representative], 1)
        if self.shift is not None:
            step = np.clip(step + self.shift[representative], 0, STEPS - 1)
        return self.step_cost * step.astype(np.int64)

    def penalty(self, load: Array) -> int:
        """Cents of fairness steps for the given loads (n_representatives,)."""
        if self.step_cost == 0:
            return 0
        representative = np.repeat(np.arange(len(load)), load)
        before = np.arange(len(representative)) - np.repeat(np.cumsum(load) - load, load)
        return int(self.reserve(representative, before).sum())


def fairness_cost(pairs: Pairs, fairness: float) -> int:
    """Cents of one step: ``fairness`` times the median value of all pairs."""
    if fairness == 0 or len(pairs) == 0:
        return 0
    return int(np.rint(fairness * np.median(pairs.value)))


def ledger_shift(balance: Array | None) -> Array | None:
    """Steps by which each ladder begins higher: the ledger's balance, whole, at most two either way."""
    if balance is None:
        return None
    return np.clip(np.rint(balance), -MAX_SHIFT, MAX_SHIFT).astype(np.int64)


def check_problem(pairs: Pairs, ceilings: Ceilings) -> None:
    """Positions inside their tables, values not negative, shapes that fit.

    Raises
    ------
    FactsError
        Naming the column and the first row.
    """
    n, m = pairs.n_clients, len(ceilings.room)
    for name, column, low, size in (
        ("representative", pairs.representative, 0, m),
        ("client", pairs.client, 0, n),
        ("owner", ceilings.owner, -1, len(ceilings.give)),
        ("team", ceilings.team, -1, len(ceilings.team_room)),
    ):
        wrong = (column < low) | (column >= size)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FactsError("not_a_position", column=name, row=row, value=int(column[row]), size=size)
    for name, column, size in (("owner", ceilings.owner, n), ("team", ceilings.team, m)):
        if len(column) != size:
            raise FactsError("wrong_shape", column=name, found=column.shape, expected=(size,))
    if (pairs.value < 0).any():
        row = int(np.argmax(pairs.value < 0))
        raise FactsError("negative_value", row=row, value=int(pairs.value[row]))


def tie_hash(client_id: Array, representative_id: Array, salt: int) -> NDArray[np.int64]:
    """Ten bits from client, representative and rule version: settles equal values alike on every machine and in every order."""
    out = np.empty(len(client_id), np.int64)
    for first in range(0, len(out), NEAR):
        here = slice(first, first + NEAR)
        out[here] = _mixed(client_id[here].astype(np.uint64), representative_id[here].astype(np.uint64), np.uint64(salt % 2**64))
    return out


def _mixed(x: NDArray[np.uint64], y: NDArray[np.uint64], salt: np.uint64) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        x *= np.uint64(0x9E3779B97F4A7C15)
        y *= np.uint64(0xC2B2AE3D27D4EB4F)
        x ^= y
        x += salt
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x ^= x >> np.uint64(shift)
            x *= np.uint64(factor)
        x ^= x >> np.uint64(31)
    x &= np.uint64(1023)
    return x
