"""Clients that a person moves, divided over the receivers that person chose: pairs, rooms and solver are those of a run.

A rule asks which clients to move; here that is given. What is left of a rule are its receivers, strategy and limits, and nothing is
held back: an owner may give all, a receiver take all that fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ceilings import UNLIMITED, Ceilings, fairness_cost, ledger_shift, tie_hash
from .explain import why_unassigned
from .facts import Array, Facts, Representatives
from .geometry import haversine_km
from .minutes import STEPS, Effort
from .pairs import KEEP, KM_SCALE, Pairs, eligible_pairs, room_for
from .pipeline import ORPHAN_CENTS
from .problem import Problem, subgradient
from .rules import Rule, parse_rule
from .schema import SCHEMA
from .solving import others, solve
from .workload import SECONDS, Workload, reckoned_km, with_travel, workload_for

# A person waits for this one: some seconds and few nodes of the integer programme; the gap says what that left open.
EFFORT = Effort(seconds=2.0, nodes=60, chains=20_000)
# Where the integer programme and its mending would take too long. At 5,000 clients over 20 the gap is some thousandths of one per cent.
QUICK = Effort(quick=True)
EXACT_PAIRS = 3_000
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class Split:
    """Who receives whom; every array has one entry a row of ``rows``.

    ``to`` rows of the representatives, -1 where nobody can; ``why`` a position in ``explain.UNASSIGNED`` there, -1 elsewhere; ``km`` the
    distance to the receiver, NaN unknown. ``objective_cents``, ``bound_cents`` and ``gap`` are the assignment's certificate over the
    clients nobody placed by hand; ``round_robin_cents`` is the same measure of handing those out in turn.
    """

    rows: Array
    to: Array
    why: Array
    km: Array
    objective_cents: int
    bound_cents: int
    gap: float
    round_robin_cents: int


def split_rule(*, minutes: bool, same_region: bool = True) -> Rule:
    """The receivers, strategy and limits of a division by hand, as a rule that takes everything and holds nothing back."""
    return parse_rule(
        {
            "schema": SCHEMA,
            "name": "division",
            "trigger": {"all": [{"field": "orders", "op": ">=", "value": 0}]},
            "receivers": {"same_region": same_region, "not_former_within_days": 0, "capacity": "minutes" if minutes else "clients"},
            "value": {"lift": 1.0},
            "limits": {"give_share": 1.0, "receive_share": 1.0},
        }
    )


def split(
    facts: Facts,
    reps: Representatives,
    rows: Array,
    receivers: Array,
    rule: Rule,
    as_of: int,
    *,
    seed: int,
    placed: Array | None = None,
    most: int | None = None,
) -> Split:
    """Divide the clients over the receivers so that value less steps of fairness is greatest.

    A pair is worth the client's net revenue of twelve months (one currency unit where it bought nothing) times the factors of a run:
    recovery, segment, team, distance.

    Parameters
    ----------
    rows : shape (k,), rising positions in ``facts``
    receivers : shape (n_representatives,) bool
    seed : settles ties
    placed : shape (k,), rows of the representatives where a person put the client already, -1 for nobody; they take their room first
    most : at most so many clients move, those worth most; None: every client, and placing one more comes before any other gain

    Raises
    ------
    MissingColumn
        A column that the rule needs was not given.
    """
    k, m = len(rows), len(reps)
    placed = np.full(k, -1, np.int64) if placed is None else np.asarray(placed, np.int64)
    to, why, km = placed.copy(), np.full(k, -1, np.int8), np.full(k, np.nan)
    by_hand = placed >= 0
    km[by_hand] = known_km(facts, reps, rows[by_hand], placed[by_hand])
    left = np.flatnonzero(~by_hand)
    taken = np.bincount(placed[by_hand], minlength=m)
    room = room_for(rule, reps, taken)
    room[~receivers] = 0
    free = rows[left]
    stake = np.maximum(facts.net_12m[free].astype(np.float64), ORPHAN_CENTS)
    # Every receiver that fits counts, not the best few: where those are full, the client must still reach somebody.
    keep = max(KEEP, min(int(receivers.sum()), MOST_PAIRS // max(len(free), 1)))
    pairs = eligible_pairs(facts, reps, free, stake, room, rule, as_of, keep)
    step = fairness_cost(pairs, rule.strategy.fairness)
    give = np.full(m, UNLIMITED)
    ceilings = Ceilings(room, facts.owner[free], give, UNLIMITED if most is None else most, step, ledger_shift(reps.balance))
    workload = _workload(facts, reps, free, pairs, rule, rows, placed)
    ties = tie_hash(facts.client_id[free][pairs.client], reps.id[pairs.representative], seed)
    everyone = np.full(len(free), most is None)
    result = solve(rule, pairs, ceilings, ties, everyone, reps, workload, EFFORT if len(pairs) <= EXACT_PAIRS else QUICK)
    to[left] = result.representative_of
    found = result.pair_of >= 0
    km[left[found]] = pairs.km[result.pair_of[found]]
    why[left] = why_unassigned(result, pairs, ceilings)[0]
    compared = others(pairs, ceilings, reps, taken, workload)
    bound, gap = result.bound_cents, result.gap
    if workload is not None and most is None and (result.representative_of < 0).any():
        # The bound says too how many could be placed at all, for which any value is given up. What all could be worth holds as well.
        plain = Problem(pairs, workload, ceilings)
        bound = min(bound, plain.whole_bound(subgradient(plain, max(result.objective_cents, 0), STEPS)[0]))
        gap = (bound - result.objective_cents) / bound if bound > 0 else 0.0
    return Split(rows, to, why, km, result.objective_cents, bound, gap, compared["round_robin_cents"])


def _workload(facts: Facts, reps: Representatives, free: Array, pairs: Pairs, rule: Rule, rows: Array, placed: Array) -> Workload | None:
    if rule.receivers.capacity != "minutes":
        return None
    hand = np.flatnonzero(placed >= 0)
    spent = np.zeros(len(reps), np.int64)
    if len(hand):
        seconds = client_load(facts, reps, rows[hand], placed[hand]) * SECONDS
        spent = np.bincount(placed[hand], np.ceil(seconds), minlength=len(reps)).astype(np.int64)
    return workload_for(rule, facts, reps, free, pairs, spent)


def client_load(facts: Facts, reps: Representatives, rows: Array, at: Array) -> NDArray[np.float64]:
    """Minutes a quarter that clients ``rows`` would take of the representatives ``at``, travel included; shape (k,)."""
    return with_travel(facts.need("minutes", "load")[rows], reckoned_km(facts, reps, rows, at, KM_SCALE))


def known_km(facts: Facts, reps: Representatives, rows: Array, at: Array) -> NDArray[np.float64]:
    """Distances between clients ``rows`` and representatives ``at``, shape (k,); NaN where a place is unknown."""
    lat, lon = facts.need("lat", "load")[rows], facts.need("lon", "load")[rows]
    return haversine_km(lat, lon, reps.need("lat", "load")[at], reps.need("lon", "load")[at])
