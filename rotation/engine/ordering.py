"""Orders that are the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array


def falling(values: Array) -> NDArray[np.intp]:
    """Positions in falling order of value, of equal ones the first first."""
    lowered = -values
    # five times as fast as a stable sort, and where no two are equal there is only one order
    order = np.argsort(lowered)
    in_order = lowered.take(order)
    return np.argsort(lowered, kind="stable") if bool((in_order[1:] == in_order[:-1]).any()) else order


def grouped(groups: Array, most: int) -> NDArray[np.intp]:
    """Positions by group, in their order within one; no group number is above ``most``."""
    # numpy sorts 16 bits by counting
    return np.argsort(groups.astype(np.int16) if most < 2**15 else groups, kind="stable")
