"""The hold-out: who is left where it is, so that the effect of moving can be measured (ENGINE.md section 7)."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .rules import Experiment

BLOCK = 10


def seed_number(seed: str, rule_version_id: int, as_of: int) -> int:
    """64 bits from the organization's salt, the rule version and the day."""
    digest = hashlib.sha256(f"{seed}:{rule_version_id}:{as_of}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def terciles(value: Array) -> NDArray[np.int8]:
    """0, 1, 2 by rank of value; equal values by position."""
    rank = np.empty(len(value), np.int64)
    rank[np.argsort(value, kind="stable")] = np.arange(len(value))
    return (3 * rank // max(len(value), 1)).astype(np.int8)


def draw_hold_out(experiment: Experiment, client_id: Array, strata: Array, exempt: Array, stake: Array, number: int) -> NDArray[np.bool_]:
    """Permuted blocks inside strata.

    Parameters
    ----------
    client_id, strata, exempt, stake : shape (k,)
        Stratum number of each candidate, whether it may not be drawn, and the value its stratum is ordered by before
        blocks are cut, so that both arms hold the same money.
    number : 64 bits from ``seed_number``

    Returns
    -------
    shape (k,), True for control
        In every stratum the count is within one of ``share`` times the clients that may be drawn.
    """
    held = np.zeros(len(client_id), bool)
    if experiment.share <= 0:
        return held
    luck = _uniform(client_id, number)
    for stratum in np.unique(strata[~exempt]):
        members = np.flatnonzero((strata == stratum) & ~exempt)
        members = members[np.lexsort((client_id[members], -stake[members]))]
        # where a stratum's share falls between two whole numbers, chance decides which
        offset = _uniform(np.array([int(stratum)]), number ^ 0x5DEECE66D)[0]
        drawn = 0
        for begin in range(0, len(members), BLOCK):
            block = members[begin : begin + BLOCK]
            due = int(np.floor(experiment.share * (begin + len(block)) + offset))
            take = min(max(due - drawn, 0), len(block))
            held[block[np.argsort(luck[block], kind="stable")[:take]]] = True
            drawn += take
    return held


def _uniform(ids: Array, number: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) that depend on id and seed alone (splitmix64)."""
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(number % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / float(2**53)
