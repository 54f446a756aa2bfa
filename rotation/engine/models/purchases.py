"""What the models read of a client: how many orders, when the last one came, for how long it has been watched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FactsError
from ..facts import Array

FIT_AT_MOST = 50_000
MIN_CLIENTS = 10


class TooFewClients(ValueError):
    """Fewer clients with an order than a model needs: the caller answers with the day rule and says so."""

    def __init__(self, found: int) -> None:
        self.found = found
        self.needed = MIN_CLIENTS
        super().__init__(f"{found} clients with an order; the model needs {MIN_CLIENTS}, the day rule answers below that")


@dataclass(frozen=True, eq=False)
class Purchases:
    """Sufficient statistics, one row a client, any order. Every array has shape (n,).

    Parameters
    ----------
    x : int64
        Repeat order days; -1 for a client that never ordered (its other columns are not read, its answers are NaN).
    t : float64, days (or any other unit, used throughout)
        From first to last order; 0 where ``x`` is 0.
    T : float64, same unit
        From first order to the day of the question; ``t <= T``.
    sum_log_gap : float64 or None
        Sum of the natural logarithms of the ``x`` gaps, same unit. None when gaps are unknown: only regularity class
        1, which does not read it, can then be fitted.
    client_id : int64 or None
        Decides which rows are fitted when there are more than ``FIT_AT_MOST``; row numbers stand in for None.

    Raises
    ------
    FactsError
        A column of another length, or a row that no history of orders can give; the message names row and value.
    """

    x: Array
    t: Array
    T: Array
    sum_log_gap: Array | None = None
    client_id: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", np.ascontiguousarray(self.x, np.int64))
        n = len(self.x)
        for name in ("t", "T", "sum_log_gap", "client_id"):
            given = getattr(self, name)
            if given is None:
                continue
            column = np.ascontiguousarray(given, np.int64 if name == "client_id" else np.float64)
            if column.shape != (n,):
                raise FactsError("wrong_shape", column=name, found=column.shape, expected=(n,))
            object.__setattr__(self, name, column)
        known = self.x >= 0
        # written so that NaN fails too
        possible = (self.t >= 0) & (self.t <= self.T) & np.isfinite(self.T) & ((self.x > 0) == (self.t > 0))
        if self.sum_log_gap is not None:
            possible &= np.isfinite(self.sum_log_gap)
        wrong = known & ~possible
        if wrong.any():
            row = int(np.argmax(wrong))
            found = f"x={self.x[row]}, t={self.t[row]:g}, T={self.T[row]:g}"
            raise FactsError("impossible_history", row=row, found=found)

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def on(
        cls, as_of: int, *, x: Array, first_on: Array, last_on: Array, sum_log_gap: Array | None = None, client_id: Array | None = None
    ) -> Purchases:
        """From the columns of ``Facts``: days since 1970-01-01, nothing in them after ``as_of``."""
        ordered = np.asarray(x) >= 0
        first = np.where(ordered, first_on, as_of).astype(np.float64)
        last = np.where(ordered, last_on, as_of).astype(np.float64)
        return cls(x=x, t=last - first, T=as_of - first, sum_log_gap=sum_log_gap, client_id=client_id)

    def later(self, days: float) -> Purchases:
        """The same histories after ``days`` more of silence."""
        return Purchases(self.x, self.t, self.T + days, self.sum_log_gap, self.client_id)

    def take(self, rows: Array | slice) -> Purchases:
        """The given rows only, in the given order; a mask, positions or a slice."""

        def of(column: Array | None) -> Array | None:
            return None if column is None else column[rows]

        return Purchases(self.x[rows], self.t[rows], self.T[rows], of(self.sum_log_gap), of(self.client_id))

    def fitting_rows(self, at_most: int = FIT_AT_MOST) -> Purchases:
        """Clients with an order, at most ``at_most`` of them, sorted by content.

        Chosen are those with the smallest hash of their id: the same clients tomorrow, whatever order the rows come
        in. Sorting makes every later sum add up in one order, so that shuffled rows give the same parameters bit by bit.

        Raises
        ------
        TooFewClients
            Fewer than ``MIN_CLIENTS``.
        """
        rows = np.flatnonzero(self.x >= 0)
        if len(rows) < MIN_CLIENTS:
            raise TooFewClients(len(rows))
        rows = sample(rows, rows if self.client_id is None else self.client_id[rows], at_most)
        gaps = np.zeros(len(rows)) if self.sum_log_gap is None else self.sum_log_gap[rows]
        return self.take(rows[np.lexsort((gaps, self.T[rows], self.t[rows], self.x[rows]))])


@dataclass(frozen=True, eq=False)
class Compressed:
    """Distinct (x, t, T) of sorted rows, and the distinct values of each: logarithms are taken of these alone.

    ``x, t, T`` hold distinct values and ``x_at, t_at, T_at`` the position in them of each distinct row, shape
    (n_distinct,); ``row_of`` (n_rows,) is the distinct row of each original one.
    """

    x: Array
    t: Array
    T: Array
    x_at: Array
    t_at: Array
    T_at: Array
    row_of: Array

    @classmethod
    def of(cls, sorted_rows: Purchases) -> Compressed:
        x, t, T = sorted_rows.x, sorted_rows.t, sorted_rows.T
        fresh = np.ones(len(x), bool)
        fresh[1:] = (x[1:] != x[:-1]) | (t[1:] != t[:-1]) | (T[1:] != T[:-1])
        x_values, x_at = np.unique(x[fresh], return_inverse=True)
        t_values, t_at = np.unique(t[fresh], return_inverse=True)
        T_values, T_at = np.unique(T[fresh], return_inverse=True)
        return cls(x_values.astype(np.float64), t_values, T_values, x_at, t_at, T_at, np.cumsum(fresh) - 1)

    def __len__(self) -> int:
        return len(self.x_at)

    def weigh(self, weight: Array | None) -> NDArray[np.float64]:
        """Weight of each distinct row from that of the original ones (each one counts 1 without)."""
        return np.bincount(self.row_of, weight, minlength=len(self)).astype(np.float64)


def sample(rows: Array, ids: Array, at_most: int) -> Array:
    """Those ``rows`` with the smallest hashes of ``ids`` (both (m,)), in no order; all of them where they are no more than ``at_most``."""
    return rows if len(rows) <= at_most else rows[np.argpartition(mix(ids), at_most)[:at_most]]


def mix(ids: Array) -> NDArray[np.uint64]:
    """A 64-bit hash of each id (splitmix64's finalizer: a bijection, so distinct ids never tie)."""
    with np.errstate(over="ignore"):
        h = np.asarray(ids).astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
        return h ^ (h >> np.uint64(31))
