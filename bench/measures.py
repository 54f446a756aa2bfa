"""How good a score was: ranking, chances and calibration against what came; bootstrap intervals by client."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GROUPS = 10


def auc(score: Floats, came: Floats) -> float:
    """Chance that a client that went silent has the higher score; ties count half. NaN without both kinds."""
    positives = came.sum()
    negatives = len(came) - positives
    if not positives or not negatives:
        return np.nan
    _, at, count = np.unique(score, return_inverse=True, return_counts=True)
    above = np.cumsum(count) - (count - 1) / 2.0  # mean rank of each value
    return float((above[at][came > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score: Floats, came: Floats) -> float:
    """Precision at each silent client, averaged; clients of equal score are taken together."""
    hits, taken = _curve(score, came)
    if not len(hits) or not hits[-1]:
        return np.nan
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / taken) / hits[-1])


def brier(score: Floats, came: Floats) -> float:
    return float(np.mean((score - came) ** 2))


def calibration_error(score: Floats, came: Floats, groups: int = GROUPS) -> float:
    """Mean distance of what was said from what came, in groups of equal size from the lowest score to the highest."""
    if len(score) < groups:
        return np.nan
    order = np.argsort(score, kind="stable")
    parts = zip(np.array_split(score[order], groups), np.array_split(came[order], groups), strict=True)
    return float(sum(len(said) * abs(said.mean() - was.mean()) for said, was in parts) / len(score))


def precision_at_top(score: Floats, came: Floats, share: float = 0.10) -> float:
    """Share of silent clients among the ``share`` of highest score; those tied at the edge count by their mean."""
    wanted = max(1, round(share * len(score)))
    hits, taken = _curve(score, came)
    return float(np.interp(wanted, np.concatenate(([0.0], taken)), np.concatenate(([0.0], hits))) / wanted)


def false_alarms_at_recall(score: Floats, came: Floats, recall: float = 0.80) -> float:
    """Share of those flagged that ordered by themselves, at the highest threshold that catches ``recall`` of the silent."""
    hits, taken = _curve(score, came)
    if not len(hits) or not hits[-1]:
        return np.nan
    at = int(np.argmax(hits >= recall * hits[-1] - 1e-9))
    return float(1.0 - hits[at] / taken[at])


def _curve(score: Floats, came: Floats) -> tuple[Floats, Floats]:
    """Silent clients caught and clients flagged at each distinct threshold, falling."""
    order = np.argsort(-score, kind="stable")
    falling, caught = score[order], np.cumsum(came[order].astype(np.float64))
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(score) else np.empty(0, int)
    return caught[last], last + 1.0


RANKING: dict[str, Callable[[Floats, Floats], float]] = {
    "auc": auc,
    "average_precision": average_precision,
    "precision_top_10": precision_at_top,
    "false_alarms_at_80_recall": false_alarms_at_recall,
}
CHANCE: dict[str, Callable[[Floats, Floats], float]] = {"brier": brier, "calibration_error": calibration_error}


def mean_over(measure: Callable[[Floats, Floats], float], score: Floats, came: Floats, cut: Floats) -> float:
    """Mean of the measure over cut-offs; those where it cannot be told (nobody silent) are left out."""
    each = [measure(score[cut == c], came[cut == c]) for c in np.unique(cut)]
    told = [value for value in each if np.isfinite(value)]
    return float(np.mean(told)) if told else np.nan


def interval(
    measure: Callable[[Floats, Floats], float], score: Floats, came: Floats, cut: Floats, client: Floats, *, draws: int, seed: int = 1
) -> tuple[float, float]:
    """2.5% and 97.5% of the measure's mean over cut-offs when clients, with all their cut-offs, are drawn again."""
    luck = np.random.default_rng(seed)
    _, who = np.unique(client, return_inverse=True)
    order = np.argsort(who, kind="stable")
    start = np.concatenate(([0], np.cumsum(np.bincount(who))))
    n = len(start) - 1
    seen = np.empty(draws)
    for i in range(draws):
        drawn = luck.integers(0, n, n)
        count = start[drawn + 1] - start[drawn]
        begin = np.cumsum(count) - count
        rows = order[np.repeat(start[drawn] - begin, count) + np.arange(count.sum())]
        seen[i] = mean_over(measure, score[rows], came[rows], cut[rows])
    low, high = np.nanquantile(seen, [0.025, 0.975])
    return float(low), float(high)
