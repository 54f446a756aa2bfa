"""The valid order days of an organization's clients: what prediction and back-test look at, one day at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError
from .facts import Array
from .features import OrderStatistics, order_statistics


@dataclass(frozen=True, eq=False)
class OrderHistory:
    """Valid order days, one row a client, the days of client i at ``[start[i]:start[i + 1]]``.

    Parameters
    ----------
    client_id : int64, shape (n,)
    start : int64, shape (n + 1,)
    day : int32 days since 1970-01-01, shape (n_order_days,)
        Strictly rising inside a client: the orders of one day are one order day, and a day whose orders do not sum
        above zero is none (ENGINE.md section 1).
    net_cents : int64, shape (n_order_days,)
    products : int32 or None, shape (n_order_days,)
        Distinct products of the day, where known.

    Raises
    ------
    FactsError
        Bounds or columns that do not fit, or days of a client out of order; the message names column and row.
    """

    client_id: Array
    start: Array
    day: Array
    net_cents: Array
    products: Array | None = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("client_id", np.int64),
            ("start", np.int64),
            ("day", np.int32),
            ("net_cents", np.int64),
            ("products", np.int32),
        ):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, np.ascontiguousarray(given, kind))
        if self.start.shape != (len(self.client_id) + 1,):
            raise FactsError("wrong_shape", column="start", found=self.start.shape, expected=(len(self.client_id) + 1,))
        if self.start[0] != 0 or (np.diff(self.start) < 0).any():
            raise FactsError("not_sorted", column="start", row=int(np.argmax(np.diff(self.start) < 0)) + 1)
        for name in ("day", "net_cents", "products"):
            column = getattr(self, name)
            if column is not None and column.shape != (int(self.start[-1]),):
                raise FactsError("wrong_shape", column=name, found=column.shape, expected=(int(self.start[-1]),))
        client = self.client_of_day()
        backwards = (client[1:] == client[:-1]) & (self.day[1:] <= self.day[:-1])
        if backwards.any():
            raise FactsError("not_sorted", column="day", row=int(np.argmax(backwards)) + 1)

    def __len__(self) -> int:
        return len(self.client_id)

    @classmethod
    def of_orders(cls, client_id: Array, client: Array, day: Array, net_cents: Array, products: Array | None = None) -> OrderHistory:
        """From single orders in any sequence: summed by client and day, days that do not sum above zero left out.

        Parameters
        ----------
        client_id : shape (n,), the clients, those without an order included
        client : shape (n_orders,), the row in ``client_id`` each order belongs to
        day, net_cents, products : shape (n_orders,)
        """
        client, day = np.asarray(client, np.int64), np.asarray(day, np.int64)
        order = np.lexsort((day, client))
        client, day = client[order], day[order]
        fresh = np.ones(len(day), bool)
        fresh[1:] = (client[1:] != client[:-1]) | (day[1:] != day[:-1])
        begin = np.flatnonzero(fresh)

        def summed(column: Array) -> NDArray[np.int64]:
            # reduceat answers an empty table with an error
            return np.add.reduceat(np.asarray(column, np.int64)[order], begin) if len(begin) else np.empty(0, np.int64)

        net = summed(net_cents)
        valid = net > 0
        count = np.bincount(client[begin][valid], minlength=len(client_id))
        return cls(
            client_id=client_id,
            start=np.concatenate(([0], np.cumsum(count))),
            day=day[begin][valid],
            net_cents=net[valid],
            products=None if products is None else summed(products)[valid],
        )

    def client_of_day(self) -> NDArray[np.int64]:
        """Row of the client of each order day, shape (n_order_days,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def until(self, as_of: int) -> OrderHistory:
        """The same clients with only what was known on the day ``as_of``."""
        return self._keep(self.day <= as_of)

    def take(self, rows: Array) -> OrderHistory:
        """The clients at the given positions, in the given order."""
        rows = np.asarray(rows, np.int64)
        count = np.diff(self.start)[rows]
        start = np.concatenate(([0], np.cumsum(count)))
        inside = np.repeat(self.start[rows] - start[:-1], count) + np.arange(start[-1])
        products = None if self.products is None else self.products[inside]
        return OrderHistory(self.client_id[rows], start, self.day[inside], self.net_cents[inside], products)

    def statistics(self, as_of: int, horizon: int = 90) -> OrderStatistics:
        """Sufficient statistics on the day ``as_of``; later order days are not looked at."""
        return order_statistics(self.start, self.day, self.net_cents, as_of=as_of, horizon=horizon)

    def ordered_within(self, as_of: int, days: int) -> NDArray[np.bool_]:
        """Whether each client has an order day in (as_of, as_of + days]; shape (n,)."""
        inside = (self.day > as_of) & (self.day <= as_of + days)
        return np.bincount(self.client_of_day()[inside], minlength=len(self)) > 0

    def _keep(self, kept: Array) -> OrderHistory:
        start = np.concatenate(([0], np.cumsum(kept)))[self.start]
        products = None if self.products is None else self.products[kept]
        return OrderHistory(self.client_id, start, self.day[kept], self.net_cents[kept], products)
