"""What clients signed and how they pay: supply agreements, and their credit as the bureau and the ledger told it month by month."""

import random
from dataclasses import dataclass

from .companies import Client
from .days import ANCHOR

_YEAR, _HALF = 365, 182
_EVENTS = (
    "Protesto em cartório",
    "Cheque devolvido",
    "Pendência no bureau de crédito",
    "Ação de execução",
    "Alteração do quadro societário",
)
# By kind of client: score at its best and worst, and the shares of those in arrears and of those under restriction today.
_CREDIT = {
    "active": (880, 610, 0.05, 0.01),
    "fading": (760, 470, 0.2, 0.06),
    "silent": (680, 300, 0.3, 0.16),
    "lost": (560, 190, 0.42, 0.3),
    "new": (790, 520, 0.04, 0.0),
    "prospect": (700, 330, 0.0, 0.34),
}
# How many of each kind are looked up every month (the others were once, when they registered or asked for terms), of how many known.
_KNOWN = {"active": (26, 96), "fading": (18, 34), "silent": (22, 58), "lost": (6, 20), "new": (0, 18), "prospect": (0, 6)}
MONTHS = 6


@dataclass(frozen=True)
class Contract:
    """One agreement from ``start`` to its last day ``end``; ``amount`` in cents over its whole length."""

    code: str
    client: str
    start: int
    end: int
    amount: int
    period: str


@dataclass(frozen=True)
class CreditDay:
    """A client's credit as seen on ``day``; ``overdue`` in cents."""

    client: str
    day: int
    score: int
    overdue: int
    restrictions: int
    event: str


def contracts_of(rng: random.Random, clients: list[Client]) -> list[Contract]:
    """Agreements of 46 of the larger clients: some end within weeks, some ended and were renewed, four ended and were not."""
    buyers = [c for c in clients if c.owner and not c.blocked and c.kind in ("active", "fading") and c.size in ("Média", "Grande")]
    # Days until the agreement ends, spread so that every month to come has some; those below zero are over.
    ends = [*(-(9 + 23 * n) for n in range(4)), *(4 + 4 * n for n in range(14)), *(66 + 9 * n for n in range(28))]
    made: list[Contract] = []
    chosen = sorted(rng.sample(buyers, len(ends)), key=lambda c: c.code)
    rng.shuffle(ends)
    for client, ends_in in zip(chosen, ends, strict=True):
        length, period = (_HALF, "half_yearly") if rng.random() < 0.3 else (_YEAR, "yearly")
        end = ANCHOR + ends_in
        made.append(_contract(rng, client, end - length + 1, end, period))
        if ends_in > length - 120 or rng.random() < 0.25:  # the one before it, which it renewed
            made.insert(-1, _contract(rng, client, end - 2 * length + 1, end - length, period))
    coded = sorted(made, key=lambda c: (c.start, c.client))
    return [Contract(f"CF-{401 + n}", *(getattr(c, name) for name in _REST)) for n, c in enumerate(coded)]


_REST = ("client", "start", "end", "amount", "period")


def _contract(rng: random.Random, client: Client, start: int, end: int, period: str) -> Contract:
    """An agreement over what the client is used to buy in that time, in round figures."""
    orders = max(4, sum(ANCHOR - 365 < day <= ANCHOR for day in client.rhythm.days)) * (end - start) / 365
    worth = client.order_value * orders * rng.uniform(0.8, 1.1)
    return Contract("", client.code, start, end, max(1, round(worth / 500)) * 50_000, period)


def credit_of(rng: random.Random, clients: list[Client]) -> list[CreditDay]:
    """Credit by day: who is looked up monthly has six days of it and a trend, the others one; what happened is told with its day."""
    seen: list[CreditDay] = []
    for kind, (monthly, known) in _KNOWN.items():
        best, worst, late, restricted = _CREDIT[kind]
        group = [c for c in clients if c.kind == kind]
        for position, client in enumerate(rng.sample(group, min(known, len(group)))):
            behind, bad = rng.random() < late, rng.random() < restricted
            score = round(worst + (best - worst) * rng.betavariate(2.2, 1.6)) - 130 * bad - 60 * behind
            last = ANCHOR - rng.randrange(3, 24)
            days = [last - 30 * back for back in reversed(range(MONTHS))] if position < monthly else [last - rng.choice((0, 0, 31, 75))]
            slope = (rng.uniform(8, 32) if behind or bad else rng.uniform(-9, 7)) * (len(days) > 1)
            for n, day in enumerate(days, start=1):
                left = len(days) - n
                owed = round(client.order_value * rng.uniform(0.6, 2.4)) * 100 if behind and left < 3 else 0
                found = max(1, round(3 * rng.random())) if bad and left < 2 else 0
                event = rng.choice(_EVENTS[:-1]) if found and not left else _EVENTS[-1] if rng.random() < 0.006 else ""
                seen.append(
                    CreditDay(client.code, day, max(60, min(990, round(score + slope * left + rng.gauss(0, 6)))), owed, found, event)
                )
    return sorted(seen, key=lambda each: (each.day, each.client))
