"""The median of a growing list, at every length it had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array


def running_medians(start: Array, day: Array) -> NDArray[np.float64]:
    """Median of a client's gaps up to and including each of its order days; NaN at the first.

    Parameters
    ----------
    start, day : as in ``features.order_statistics``

    Clients are taken in groups of like length, each a table with one row a client in which every gap is put in its
    sorted place, all clients at once.
    """
    made = np.full(len(day), np.nan)
    count = np.diff(start) - 1  # gaps
    length = np.maximum(count, 0)
    size = np.zeros(len(count), np.int64)
    size[length > 0] = np.ceil(np.log2(length[length > 0] + 1)).astype(np.int64)
    for group in np.unique(size[size > 0]):
        rows = np.flatnonzero(size == group)
        rows = rows[np.argsort(-length[rows], kind="stable")]
        longest = int(length[rows[0]])
        for part in np.array_split(rows, max(1, len(rows) * longest // 4_000_000)):
            _medians_of(part, start, day, length, made)
    return made


def _medians_of(rows: Array, start: Array, day: Array, length: Array, made: Array) -> None:
    """Fill ``made`` for these clients, the longest first."""
    ordered = np.full((len(rows), int(length[rows[0]])), np.iinfo(np.int32).max, np.int32)
    begin, left = start[rows], length[rows]
    for j in range(ordered.shape[1]):
        alive = int(np.searchsorted(-left, -j, side="left"))  # clients with more than j gaps
        at = begin[:alive] + j + 1
        gap = (day[at] - day[at - 1]).astype(np.int32)
        table = ordered[:alive, : j + 1]
        table[:, j] = gap
        # one pass of an insertion sort over every row: the new gap travels left while what stands there is larger
        place = (table[:, :j] <= gap[:, None]).sum(axis=1)
        moved = np.arange(j) >= place[:, None]
        table[:, 1:][moved] = table[:, :j][moved]
        table[np.arange(alive), place] = gap
        made[at] = (table[:, j // 2].astype(np.float64) + table[:, (j + 1) // 2]) / 2
