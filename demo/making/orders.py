"""Orders and their lines: when comes from the real rhythms, what and how much from the client's line of business."""

import random
from dataclasses import dataclass

from .catalogue import Product
from .companies import Client
from .days import ANCHOR, LAST, working


@dataclass(frozen=True)
class Line:
    """One order line: ``price`` in cents; a ``quantity`` below zero was given back."""

    product: str
    quantity: int
    price: int


@dataclass(frozen=True)
class Order:
    """One order of one day of the story."""

    code: str
    client: str
    day: int
    status: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """Total in cents."""
        return sum(line.quantity * line.price for line in self.lines)


def orders_of(rng: random.Random, clients: list[Client], products: list[Product]) -> list[Order]:
    """Every order, by day; its code grows with the day, so the codes are the same however the days are shifted later."""
    drafts = []
    trapped = [c.code for c in clients if c.kind == "silent" and not c.hold and not c.blocked]
    trapped = set(rng.sample(trapped, 4))  # their last order was cancelled: it must not count as a purchase
    for client in clients:
        basket = _basket(rng, client, products)
        habit = rng.uniform(0.93, 1.04)
        for day, size in zip(client.rhythm.days, client.rhythm.sizes, strict=True):
            status = rng.choices(("valid", "cancelled", "returned"), (0.973, 0.017, 0.01))[0]
            lines = _lines(rng, basket, client.order_value * size, day, habit)
            drafts.append((day, client, status, lines))
            if status == "valid" and rng.random() < 0.006 and working(day + 6) <= LAST:
                damaged = Line(lines[0].product, -max(1, lines[0].quantity // 4), lines[0].price)
                drafts.append((working(day + 6), client, "returned", (damaged,)))
        if client.code in trapped:
            day = ANCHOR - 28 - rng.randrange(4) * 7
            drafts.append((day, client, "cancelled", _lines(rng, basket, client.order_value, day, habit)))
    # An order returned whole keeps its amount and the status; goods given back later come as an order of less than nothing.
    drafts.sort(key=lambda draft: (draft[0], draft[1].code))
    return [Order(f"PV{100001 + n}", client.code, day, status, lines) for n, (day, client, status, lines) in enumerate(drafts)]


def _basket(rng: random.Random, client: Client, products: list[Product]) -> dict[Product, float]:
    """What the client usually buys, with weights; its main categories come first."""
    wanted = client.segment.categories
    # Christmas goods are left out: the story is shifted in time, and nobody buys panettone in June.
    sold = [p for p in products if p.category in wanted and p.season != "Natal"]
    count = {"Micro": 7, "Pequena": 11, "Média": 18, "Grande": 28}[client.size] + rng.randrange(5)
    weights = [1 / (1 + wanted.index(p.category)) ** 0.5 for p in sold]
    chosen: dict[Product, float] = {}
    while len(chosen) < min(count, len(sold)):
        chosen.setdefault(rng.choices(sold, weights)[0], rng.uniform(0.3, 2.0))
    return chosen


def _lines(rng: random.Random, basket: dict[Product, float], worth: float, day: int, habit: float) -> tuple[Line, ...]:
    """Lines worth about ``worth`` reais; prices rose by 6 % over the two years."""
    count = min(len(basket), rng.choices((1, 2, 3, 4, 5, 6, 7), (8, 18, 25, 21, 14, 9, 5))[0])
    chosen: dict[Product, float] = {}
    while len(chosen) < count:
        chosen.setdefault(rng.choices(list(basket), list(basket.values()))[0], rng.uniform(0.5, 1.5))
    total = sum(chosen.values())
    lines = []
    for product, share in chosen.items():
        price = round(product.price * habit * (0.94 + 0.06 * day / ANCHOR))
        lines.append(Line(product.code, max(1, round(worth * 100 * share / total / price)), price))
    return tuple(lines)
