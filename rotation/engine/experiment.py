"""The hold-out: who is left where it is, so that the effect of moving can be measured (ENGINE.md section 7)."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .facts import Array, Facts
from .rules import Experiment, Rule
from .schema import ABC
from .scoring import Scores

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


def strata_of(experiment: Experiment, abc: Array | None, p_silent: Array) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """Stratum of each candidate, shape (k,), and the name of every code: "A3" is class A in the highest third of risk.

    ``abc`` (k,) -1 to 2 is needed where the experiment stratifies by it; a class not known is "-".
    """
    codes = np.zeros(len(p_silent), np.int64)
    names: tuple[str, ...] = ("",)
    if "abc" in experiment.stratify_by:
        assert abc is not None, "the caller looked at stratify_by"
        codes, names = abc.astype(np.int64) + 1, ("-", "A", "B", "C")
    if "risk" in experiment.stratify_by:
        codes = codes * 3 + terciles(np.nan_to_num(p_silent))
        names = tuple(f"{name}{third}" for name in names for third in (1, 2, 3))
    return codes.astype(np.int8), names


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


def limit(rule: Rule, owner: Array, worth: Array, give: Array, run: int) -> NDArray[np.bool_]:
    """Candidates a hold-out is drawn from: as many as the run could move after the draw, highest worth first.

    Without a hold-out everyone stays a candidate and the assignment's own ceilings decide.
    """
    share = rule.experiment.share
    within = np.ones(len(owner), bool)
    if share <= 0 or len(owner) == 0:
        return within
    order = np.argsort(-worth, kind="stable")
    by_owner = np.append(np.minimum(np.ceil(give / (1 - share)), len(owner)), len(owner))[owner[order]]
    placed = np.argsort(owner[order], kind="stable")
    ranked = owner[order][placed]
    first = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    rank = np.empty(len(order), np.int64)
    rank[placed] = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept = order[rank < by_owner][: int(min(np.ceil(run / (1 - share)), len(owner)))]
    within[:] = False
    within[kept] = True
    return within


def stratify(rule: Rule, facts: Facts, scores: Scores, rows: Array) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """Stratum of each of ``rows`` and the names of the codes."""
    abc = facts.need("abc", "experiment.stratify_by")[rows] if "abc" in rule.experiment.stratify_by else None
    return strata_of(rule.experiment, abc, scores.p_silent[rows])


def draw(
    rule: Rule, facts: Facts, rows: Array, within: Array, stratum: Array, stake: Array, as_of: int, number: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Control group, and everyone the draw gave an arm, both over ``rows``."""
    held, drawn = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    experiment = rule.experiment
    if experiment.share <= 0 or not within.any():
        return held, drawn
    some = rows[within]
    exempt = np.zeros(len(some), bool)
    for name, words, vocabulary in (
        ("abc", experiment.exempt.get("abc"), ABC),
        ("segment", experiment.exempt.get("segment"), facts.segments),
    ):
        if words:
            codes = [vocabulary.index(word) for word in words if word in vocabulary]
            exempt |= np.isin(facts.need(name, "experiment.exempt")[some], codes)
    if facts.drawn_until_on is not None:
        # An arm holds for the whole window: drawn again within it, a client would count in both.
        exempt |= facts.drawn_until_on[some] > as_of
    held[within] = draw_hold_out(experiment, facts.client_id[some], stratum[within], exempt, stake[within], number)
    drawn[within] = ~exempt
    return held, drawn


def _uniform(ids: Array, number: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) that depend on id and seed alone (splitmix64)."""
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(number % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / float(2**53)
