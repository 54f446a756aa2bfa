"""Who receives whom under nested ceilings, with its own certificate: the auction, in parts where nothing links them.

maximise  sum of v_ij over moves, less the fairness steps of each load
subject   client <= 1, representative <= room, team <= team_room, moves out of an owner <= give, all moves <= run

The ceilings nest on either side, so the problem is a min-cost flow with integral optima, and every subset of a solution is
feasible: a manager may strike any line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .auction import MOST, Auction
from .ceilings import Ceilings, check_problem
from .components import part_of, parts
from .exchange import worth_of_one_more
from .facts import Array
from .pairs import Pairs
from .teams import Teams, dual_prices


@dataclass(frozen=True, eq=False)
class Assignment:
    """``representative_of`` (n_clients,), -1 where nobody was better; ``pair_of`` (n_clients,) its row among the pairs.

    ``value_cents`` is the worth of the moves; ``penalty_cents`` the fairness steps they cost; ``bound_cents`` no
    assignment's value less penalty can exceed; ``gap`` = (bound - (value - penalty)) / bound. ``prices``
    (n_representatives,) float64 cents is what one more place is worth, infinity where there is no room, and ``team_prices``
    (n_teams,) what one more would be in each team with a ceiling: exactly where the assignment is exact and people are few,
    else by the bound's prices. ``exact`` says the bound is reached.
    """

    representative_of: Array
    pair_of: Array
    value_cents: int
    penalty_cents: int
    bound_cents: int
    gap: float
    prices: Array
    team_prices: Array
    rounds: int
    exact: bool

    @property
    def objective_cents(self) -> int:
        return self.value_cents - self.penalty_cents


def assign(pairs: Pairs, ceilings: Ceilings, ties: Array | None = None) -> Assignment:
    """Give each client at most one representative so that value less fairness steps is greatest.

    Parameters
    ----------
    pairs : eligible pairs with value in cents; a pair the rules forbid is simply absent
    ceilings : rooms, tickets and steps
    ties : shape (n_pairs,), 0 to 1023, optional
        Settles equal values (``tie_hash``) and never outweighs a cent. Where values are too large to count increments
        below a tie in 64 bits, equal values are still settled alike on every machine, only not always by the hash.

    Returns
    -------
    Assignment
        Clients with no pair worth more than zero stay where they are.

    Raises
    ------
    FactsError
        A value is negative, a position lies outside its table (the message names the first), or values are beyond
        what 64 bits count.
    """
    check_problem(pairs, ceilings)
    apart = part_of(pairs, ceilings)
    return _solved(pairs, ceilings, ties) if apart is None else _solved_apart(pairs, ceilings, ties, *apart)


def _solved(pairs: Pairs, ceilings: Ceilings, ties: Array | None) -> Assignment:
    auction = Auction(pairs, ceilings, ties)
    auction.run()
    found = _result(auction)
    if auction.teams.bind and found.exact and auction.affordable:
        return replace(found, team_prices=worth_of_one_more(pairs, ceilings, found.pair_of).astype(float))
    return found


def _solved_apart(pairs: Pairs, ceilings: Ceilings, ties: Array | None, client_part: Array, representative_part: Array) -> Assignment:
    """Every part by itself: values and bounds add up."""
    representative_of, pair_of = np.full(pairs.n_clients, -1, np.int32), np.full(pairs.n_clients, -1, np.int64)
    # what one more place costs where nobody asks for it
    prices = ceilings.reserve(np.arange(len(ceilings.room)), np.zeros(len(ceilings.room), np.int64)).astype(np.float64)
    prices[Teams(ceilings).open_room(ceilings.room) <= 0] = np.inf
    team_prices = dual_prices(ceilings, prices)
    value = penalty = bound = rounds = 0
    for part in parts(pairs, ceilings, client_part, representative_part):
        found = _solved(part.pairs, part.ceilings, None if ties is None else ties[part.rows])
        placed = found.pair_of >= 0
        pair_of[part.clients[placed]] = part.rows[found.pair_of[placed]]
        representative_of[part.clients[placed]] = part.representatives[found.representative_of[placed]]
        prices[part.representatives], team_prices[part.teams] = found.prices, found.team_prices
        value, penalty, bound = value + found.value_cents, penalty + found.penalty_cents, bound + found.bound_cents
        rounds = max(rounds, found.rounds)
    gap = (bound - (value - penalty)) / bound if bound > 0 else 0.0
    exact = bound == value - penalty
    return Assignment(representative_of, pair_of, value, penalty, bound, gap, prices, team_prices, rounds, exact=exact)


def assignment_of(chosen: Array, pairs: Pairs, ceilings: Ceilings, optimum: Assignment) -> Assignment:
    """Another way's choice (row among the pairs of each client, -1 none), held against the optimum's bound and prices."""
    placed = chosen >= 0
    representative_of = np.full(pairs.n_clients, -1, np.int32)
    representative_of[placed] = pairs.representative[chosen[placed]]
    value = int(pairs.value[chosen[placed]].sum())
    penalty = ceilings.penalty(np.bincount(representative_of[placed], minlength=len(ceilings.room)))
    bound = optimum.bound_cents
    gap = (bound - (value - penalty)) / bound if bound > 0 else 0.0
    changed: dict[str, Any] = {
        "representative_of": representative_of,
        "pair_of": chosen,
        "value_cents": value,
        "penalty_cents": penalty,
        "gap": gap,
        "exact": bound == value - penalty,
    }
    return replace(optimum, **changed)


def _result(auction: Auction) -> Assignment:
    pairs, ceilings = auction.pairs, auction.ceilings
    placed = np.flatnonzero(auction.at >= 0)
    pair_of = np.full(auction.n, -1, np.int64)
    pair_of[placed] = pairs.start[placed] + auction.slot[placed]
    value = int(pairs.value[pair_of[placed]].sum())
    penalty = ceilings.penalty(np.bincount(auction.at[placed], minlength=auction.m))
    bound = min(auction.bound(), auction.best_bound) // auction.unit
    prices = np.where(auction.price[:-1] >= MOST, np.inf, auction.price[:-1] / auction.unit)
    return Assignment(
        representative_of=auction.at.astype(np.int32),
        pair_of=pair_of,
        value_cents=value,
        penalty_cents=penalty,
        bound_cents=bound,
        gap=(bound - (value - penalty)) / bound if bound > 0 else 0.0,
        prices=prices,
        team_prices=dual_prices(ceilings, prices),
        rounds=auction.rounds,
        exact=bound == value - penalty,
    )
