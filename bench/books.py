"""Order books of published data sets, read into the engine's own form: header names decide, no format is asked for.

A file is CSV, plain or gzipped, with a header line, one row an order or one row an order line. Columns looked for, the
first that is there: client (client_id, customer_id, client_code), day (date, invoice_ts, ordered_on, order_date; what follows
YYYY-MM-DD is not read), and amount (amount, or a name that begins with amount_ or sales_amount); without an amount, lines
are quantity x unit_price (a name that begins so). ``products`` is a count of distinct products, ``stock_code`` one of them.
Rows without a client are left out.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from rotation.engine.prediction import OrderHistory

CLIENT = ("client_id", "customer_id", "client_code")
DAY = ("date", "invoice_ts", "ordered_on", "order_date")
EPOCH = date(1970, 1, 1).toordinal()
SHARED = Path(os.environ.get("CARTEIRA_SHARED", Path(__file__).resolve().parents[1] / "../shared")) / "data"


def day_number(text: str) -> int:
    """Days since 1970-01-01 of a date written YYYY-MM-DD; ValueError otherwise."""
    return date.fromisoformat(text[:10]).toordinal() - EPOCH


def read_book(orders: Path, clients: Path | None = None) -> OrderHistory:
    """The order days in a file; with ``clients``, a file with a client column, of those alone and of all of them.

    Raises
    ------
    ValueError
        A needed column is absent, or a row cannot be read; the message names the line.
    """
    known = {row[0]: i for i, row in enumerate(_rows(clients, [CLIENT]))} if clients else {}
    client, day, cents, products = [], [], [], []
    days: dict[str, int] = {}
    baskets: set[tuple[int, int, str]] = set()
    for number, (who, when, value, count, code) in enumerate(_orders(orders), start=2):
        if not who or (clients and who not in known):
            continue
        at = known.setdefault(who, len(known))
        try:
            on = days.get(when[:10])
            if on is None:
                on = days[when[:10]] = day_number(when)
            amount = round(100 * value())
            if code:
                fresh = amount > 0 and (at, on, code) not in baskets
                if fresh:
                    baskets.add((at, on, code))
                count = "1" if fresh else "0"
            products.append(int(float(count or 0)))
        except (TypeError, ValueError) as wrong:
            raise ValueError(f"{orders}, line {number}: {wrong}") from None
        client.append(at)
        day.append(on)
        cents.append(amount)
    ids = np.arange(len(known)) + 1
    told = np.array(products, np.int64)
    return OrderHistory.of_orders(ids, np.array(client, np.int64), np.array(day), np.array(cents), told if told.any() else None)


def _orders(path: Path) -> Iterator[tuple]:
    with _open(path) as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        at = [_place(header, path, names) for names in (CLIENT, DAY)]
        amount = _find(header, "amount", "sales_amount")
        quantity, price = _find(header, "quantity"), _find(header, "unit_price")
        if amount is None and (quantity is None or price is None):
            raise ValueError(f"{path}: the header has neither an amount nor quantity and unit_price")
        count = header.index("products") if "products" in header else None
        code = header.index("stock_code") if "stock_code" in header else None
        for row in rows:

            def value(row: list[str] = row) -> float:
                return float(row[amount]) if amount is not None else float(row[quantity]) * float(row[price])

            yield row[at[0]], row[at[1]], value, row[count] if count is not None else "", row[code] if code is not None else ""


def _rows(path: Path, columns: list[tuple[str, ...]]) -> Iterator[list[str]]:
    with _open(path) as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        at = [_place(header, path, names) for names in columns]
        for row in rows:
            yield [row[i] for i in at]


def _open(path: Path) -> io.TextIOBase:
    if path.read_bytes()[:2] == b"\x1f\x8b":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _place(header: list[str], path: Path, names: tuple[str, ...]) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise ValueError(f"{path}: the header has none of {', '.join(names)}")


def _find(header: list[str], *beginnings: str) -> int | None:
    for i, name in enumerate(header):
        if any(name == b or name.startswith(b + "_") for b in beginnings):
            return i
    return None
