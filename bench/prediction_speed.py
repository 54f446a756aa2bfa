"""CPU seconds of the models beside a plain floor, on one thread: ``python -m bench.prediction --speed``.

The floor is what no scorer of that many rows could do without: twenty logarithms and exponentials a row (5 classes, two
horizons of each, likelihoods and weights). Ratios carry over to another machine, seconds do not.
"""

from collections.abc import Callable
from time import process_time

import numpy as np

from bench.books import SHARED
from rotation.engine.models import MBG, Purchases, fit, fit_single
from rotation.engine.prediction import OrderHistory, Predictor

ROWS = 1_000_000
TODAY = 20_000


def cpu(work: Callable[[], object], times: int = 3) -> tuple[float, object]:
    """Least CPU seconds of some repetitions, and what the work made."""
    best, made = np.inf, None
    for _ in range(times):
        began = process_time()
        made = work()
        best = min(best, process_time() - began)
    return best, made


def floor(n: int) -> float:
    column = np.random.default_rng(0).random(n) + 0.5

    def work() -> None:
        for _ in range(20):
            np.exp(np.log(column))

    return cpu(work)[0]


def buyers(n: int) -> Purchases:
    """Clients with a pace, an age and a regularity of their own, a third of them gone for some time."""
    luck = np.random.default_rng(1)
    T = luck.integers(30, 1500, n).astype(float)
    lived = np.where(luck.random(n) < 0.33, T * luck.random(n), T)
    x = luck.poisson(luck.gamma(1.2, 1 / 40, n) * lived)
    t = np.where(x > 0, np.maximum(np.floor(lived * luck.beta(np.maximum(x, 1), 1.0)), 1.0), 0.0)
    uneven = luck.gamma(2.0, 0.15, n)
    gaps = np.where(x > 0, x * (np.log(np.maximum(t, 1) / np.maximum(x, 1)) - uneven), 0.0)
    return Purchases(x, t, np.maximum(T, t), gaps, luck.permutation(n))


def orders(n: int) -> OrderHistory:
    """Order days over two years of ``n`` clients that buy every 10 to 60 days until they leave."""
    luck = np.random.default_rng(2)
    pace, end = luck.uniform(10, 60, n), TODAY - 730 + np.minimum(luck.exponential(900, n), 730)
    at, rows, days = TODAY - 730 + luck.uniform(0, 300, n), [], []
    going = at <= end
    while going.any():
        rows.append(np.flatnonzero(going))
        days.append(at[going].astype(np.int64))
        at = at + np.maximum(1.0, luck.gamma(3.0, pace / 3.0))
        going &= at <= end
    client, day = np.concatenate(rows), np.concatenate(days)
    return OrderHistory.of_orders(np.arange(n) + 1, client, day, np.full(len(day), 12_345))


def row(name: str, seconds: float, plain: float, aim: str = "") -> None:
    print(f"{name:58s} {seconds:8.3f} s {seconds / plain:9.1f} x floor   {aim}", flush=True)


def main() -> int:
    plain = floor(ROWS)
    row(f"floor, {ROWS:,} rows", plain, plain)
    sample = SHARED / "cdnow/sample_summary.csv"
    if sample.exists():
        from bench.published import read_summary

        cdnow = read_summary(sample).clients
        row(f"fit one class, {len(cdnow):,} rows (CDNOW)", cpu(lambda: fit_single(cdnow, drop_out=MBG))[0], plain, "aim 0.02 s")
    clients = buyers(ROWS)
    few = clients.take(slice(0, 2_357))
    row(f"fit five classes, {len(few):,} rows", cpu(lambda: fit(few))[0], plain)
    seconds, fitted = cpu(lambda: fit(clients), times=2)
    row(f"fit five classes, {ROWS:,} rows", seconds, plain, "aim 4 s")
    row(f"score five classes, {ROWS:,} rows", cpu(lambda: fitted.p_silent(clients, 90), times=2)[0], plain, "aim 1.5 s")
    for n in (2_000, 20_000):
        history = orders(n)
        seconds, made = cpu(lambda history=history: Predictor(history).on(TODAY, inactive_days=90, calibrate=False), times=1)
        row(f"a whole day's answer, {n:,} clients, {len(history.day):,} order days, {made.method}", seconds, plain)
        seconds, _ = cpu(lambda history=history: Predictor(history).on(TODAY, inactive_days=90), times=1)
        row("  with its comparison with the past", seconds, plain)
    return 0
