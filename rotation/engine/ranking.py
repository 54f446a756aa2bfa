"""Ranks inside groups and sums beyond 64 bits: what auctions count with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array


def rank_within(groups: Array) -> NDArray[np.int64]:
    """How many of the same group come before each entry."""
    if len(groups) == 0:
        return np.empty(0, np.int64)
    # numpy sorts 16 bits by counting
    order = np.argsort(groups.astype(np.int16) if int(groups.max()) < 2**15 else groups, kind="stable")
    rank = np.empty(len(groups), np.int64)
    rank[order] = rank_in_order(groups[order])
    return rank


def rank_in_order(groups: Array) -> NDArray[np.int64]:
    """The same for groups that already stand together."""
    if len(groups) == 0:
        return np.empty(0, np.int64)
    first = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    return np.arange(len(groups)) - np.repeat(first, np.diff(np.append(first, len(groups))))


def exact_sum(values: Array) -> int:
    """A sum that may pass 64 bits: halves are added apart."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())
