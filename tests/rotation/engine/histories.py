"""Order histories that say what a test is about: a small wholesaler, and the same with its rows in another order."""

import numpy as np

from rotation.engine.prediction import OrderHistory

TODAY = 20_000


def history(*days_of_client, cents=10_000):
    """One client per list of days before TODAY (0 is today, negative is the future)."""
    days = [sorted(TODAY - d for d in days) for days in days_of_client]
    flat = np.array([d for client in days for d in client], np.int32)
    start = np.cumsum([0, *(len(client) for client in days)])
    return OrderHistory(np.arange(len(days)) + 1, start, flat, np.full(len(flat), cents))


def wholesaler(n=120, *, span=700, leave=0.004, seed=5, future=0):
    """``n`` clients with a pace, a regularity and a ticket of their own, some gone for good, over ``span`` days up to TODAY + future."""
    luck = np.random.default_rng(seed)
    first, last = TODAY - span, TODAY + future
    client, day, cents = [], [], []
    for i in range(n):
        mean, k = luck.choice([7, 14, 30, 60]), luck.choice([1, 4, 16])
        ticket = luck.lognormal(10, 0.7)
        at = first + luck.integers(0, span // 2)
        end = at + luck.exponential(1 / leave)
        while at <= min(last, end):
            client.append(i)
            day.append(int(at))
            cents.append(int(ticket * luck.gamma(8, 1 / 8)) + 1)
            at += max(1, luck.gamma(k, mean / k))
    return OrderHistory.of_orders(np.arange(n) + 1, np.array(client), np.array(day), np.array(cents))
