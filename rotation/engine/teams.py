"""Ceilings of receiving teams: which bids a team keeps, what a place in it costs, and what one more would be worth.

A team of ``C`` places sells each to the bid that is worth most above the step of fairness it brings. Ranks inside a
representative fall in bids and rise in steps, so the best ``C`` of a team are the first so many of each of its
representatives: the ceilings nest (place < representative < team), and with the owners' and the run's on the other side the
problem stays a min-cost flow.

Whoever wants in beats either the lowest bid of that representative, or, where a place is left there, the least that some
place of the team is worth above its step, and pays its own step on top. For any prices ``p`` of representatives, the bound
pays a team the best ``C`` of what its places cost above their steps, ``max(0, p_j - R_jl)``: that is the least, over all prices of
the team's ceiling, of what the linear programme's dual pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array, Representatives
from .pairs import KEEP
from .ranking import rank_in_order
from .rules import Rule

MOST_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class TeamRooms:
    """``team`` (n_representatives,) position of each one's team, -1 none; ``room`` (n_teams,) clients each may still take in this
    run; ``id`` (n_teams,) rising; ``own`` (n_representatives,) the team each stands in itself, by id."""

    team: Array
    room: Array
    id: Array
    own: Array

    def counted(self, position: int) -> list[int]:
        """The teams that stand under this ceiling and have representatives, by id."""
        return [int(each) for each in np.unique(self.own[self.team == position])]


def team_rooms(rule: Rule, representatives: Representatives, received: Array) -> TeamRooms:
    """What the rule lets each team take, less what earlier rules of the run already gave its people (n_representatives,).

    A team counts its own and all below it. One number holds for every team, so what the top of a branch may take is never more than
    what any team below it may: the tops' ceilings are all that bind. Whoever is in no team is held by none.
    """
    if rule.limits.team_max is None:
        none = np.zeros(0, np.int64)
        return TeamRooms(np.full(len(representatives), -1), none, none, representatives.team)
    of = representatives.team if representatives.top_team is None else representatives.top_team
    inside = of >= 0
    ids, position = np.unique(of[inside], return_inverse=True)
    team = np.full(len(representatives), -1)
    team[inside] = position
    had = np.bincount(position, received[inside], minlength=len(ids)).astype(np.int64)
    return TeamRooms(team, np.maximum(rule.limits.team_max - had, 0), ids, representatives.team)


def teams_summary(rule: Rule, teams: TeamRooms, representative_of: Array, prices: Array) -> dict[str, Any]:
    """Where the rule limits teams: its ceiling, and the teams that reached it with what one client more there would be worth.

    ``representative_of`` (n_clients,) is -1 where nobody receives; ``prices`` (n_teams,) cents.
    """
    if rule.limits.team_max is None:
        return {}
    team = teams.team[representative_of[representative_of >= 0]]
    received = np.bincount(team[team >= 0], minlength=len(teams.id))
    full = [
        {
            "team": int(teams.id[i]),
            "counts": teams.counted(i),
            "received": int(received[i]),
            "price_cents": int(np.rint(prices[i])),
        }
        for i in np.flatnonzero(received >= teams.room).tolist()
    ]
    return {"team_max": rule.limits.team_max, "full_teams": full}


def pairs_kept(rule: Rule, n_clients: int, n_representatives: int) -> int:
    """How many representatives of each client to look at: more where teams fill up, for all of the best may be of one team."""
    if rule.limits.team_max is None:
        return KEEP
    return max(KEEP, min(n_representatives, MOST_PAIRS // max(n_clients, 1)))


class Teams:
    """The teams of some ceilings. ``bind`` is False where none has one; everything then stays as it is without teams."""

    def __init__(self, ceilings: Ceilings) -> None:
        self.of, self.most = ceilings.team, np.maximum(ceilings.team_room, 0)
        self.bind = bool((self.of >= 0).any())

    def __len__(self) -> int:
        return len(self.most)

    def open_room(self, room: Array) -> NDArray[np.int64]:
        """Rooms (n_representatives,) with none where the team may take nobody."""
        return np.where(np.append(self.most, 1)[self.of] > 0, room, 0).astype(np.int64)

    def received(self, load: Array) -> NDArray[np.int64]:
        """How many clients stand in each team, (n_teams,), at the given loads (n_representatives,)."""
        inside = self.of >= 0
        return np.bincount(self.of[inside], load[inside], minlength=len(self.most)).astype(np.int64)

    def full(self, load: Array) -> NDArray[np.bool_]:
        """Whether each representative's team takes nobody more at the given loads (n_representatives,)."""
        return np.append(self.received(load) >= self.most, False)[self.of]

    def whole(self, touched: Array) -> NDArray[np.bool_]:
        """The representatives touched (n_representatives,) and everyone who shares a ceiling with one of them."""
        teams = np.zeros(len(self.most) + 1, bool)
        teams[self.of[touched]] = True
        teams[-1] = False
        return touched | teams[self.of]

    def keep(self, where: Array, worth: Array, late: Array, keeps: Array) -> NDArray[np.bool_]:
        """Of the bids representatives keep, those their teams do: the most worth above their steps, of equals who came first.

        ``where``, ``worth``, ``late``, ``keeps`` have one entry a bid, a representative's together and falling.
        """
        asked = np.flatnonzero(keeps & (self.of[where] >= 0))
        team = self.of[where[asked]]
        order = np.lexsort((late[asked], -worth[asked], team))
        kept = keeps.copy()
        kept[asked[order]] = rank_in_order(team[order]) < self.most[team[order]]
        return kept

    def entry(self, load: Array, lowest_worth: Array) -> NDArray[np.int64]:
        """What a free place at each representative costs beside its step: 0 while the team has places, else its least worth.

        ``lowest_worth`` (n_representatives,): the lowest bid above its step, of those with a load.
        """
        inside = (self.of >= 0) & (load > 0)
        none = np.iinfo(np.int64).max
        least = np.full(len(self.most) + 1, none)
        np.minimum.at(least, self.of[inside], lowest_worth[inside])
        least[least == none] = 0
        return np.where(self.full(load), least[self.of], 0)

    def best(self, over: Array, representative: Array) -> NDArray[np.int64]:
        """What places cost above their steps, one entry a place, without those that the teams cannot fill."""
        inside = np.flatnonzero((self.of[representative] >= 0) & (over > 0))
        team = self.of[representative[inside]]
        order = np.lexsort((-over[inside], team))
        beyond = rank_in_order(team[order]) >= self.most[team[order]]
        left: NDArray[np.int64] = over.copy()
        left[inside[order[beyond]]] = 0
        return left


def dual_prices(ceilings: Ceilings, prices: Array) -> NDArray[np.float64]:
    """What each team's ceiling costs at these prices of representatives (n_representatives,), cents, inf where there is no room.

    The price of the last place the team can fill, above its step; 0 where it has places to spare.
    """
    teams = Teams(ceilings)
    room = np.where(np.isfinite(prices), np.maximum(ceilings.room, 0), 0)
    representative = np.repeat(np.arange(len(room)), room)
    before = np.arange(len(representative)) - np.repeat(np.cumsum(room) - room, room)
    over = prices[representative] - ceilings.reserve(representative, before)
    found = np.zeros(len(teams))
    inside = np.flatnonzero((teams.of[representative] >= 0) & (over > 0))
    team = teams.of[representative[inside]]
    order = np.lexsort((-over[inside], team))
    last = rank_in_order(team[order]) == teams.most[team[order]] - 1
    found[team[order[last]]] = over[inside[order[last]]]
    return found
