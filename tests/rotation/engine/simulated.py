"""Clients that order and leave exactly as MBG/CNBD-k says."""

import numpy as np

from rotation.engine.models import Purchases


def simulate(n, *, k, r, alpha, a, b, T, seed):
    """n clients watched for T (n,) days: their statistics, and days from then to the next order (infinity: none)."""
    luck = np.random.default_rng(seed)
    rate, leaves = luck.gamma(r, 1 / alpha, n), luck.beta(a, b, n)
    x, t, log_gaps = np.zeros(n, int), np.zeros(n), np.zeros(n)
    until = np.full(n, np.inf)
    buying = luck.random(n) > leaves
    while buying.any():
        gap = luck.gamma(k, 1 / rate)
        beyond = buying & (t + gap > T)
        until[beyond] = (t + gap - T)[beyond]
        ordered = buying & ~beyond
        x[ordered] += 1
        t[ordered] += gap[ordered]
        log_gaps[ordered] += np.log(gap[ordered])
        buying = ordered & (luck.random(n) > leaves)
    return Purchases(x, t, T, log_gaps, np.arange(n)), until


def shop(n=400, seed=7):
    """A small organization in days: weekly, monthly and irregular clients, some gone."""
    luck = np.random.default_rng(seed)
    parts = []
    for k, alpha in ((1, 20.0), (4, 5.0), (16, 1.0)):
        parts.append(
            simulate(n // 3, k=k, r=1.5, alpha=alpha, a=0.5, b=4.0, T=luck.integers(30, 800, n // 3).astype(float), seed=seed + k)[0]
        )
    x, t, T, gaps = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "t", "T", "sum_log_gap"))
    return Purchases(x, t, T, gaps, luck.permutation(len(x)) + 1000)
