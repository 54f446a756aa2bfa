"""Parts of an assignment that have nothing to do with each other: no representative, owner, team or run ceiling links them.

A company whose people serve regions of their own falls apart this way. Each part is small enough for exchanges to reach
its optimum, and an optimum of every part is the optimum of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy as sp
from numpy.typing import NDArray

from .ceilings import Ceilings
from .facts import Array
from .pairs import Pairs

CELLS = 50_000_000  # of the table of who is linked with whom; beyond, nothing is looked for
LEAST = 448  # people; up to there exchanges soon reach the optimum of all at once


@dataclass(frozen=True, eq=False)
class Part:
    """A problem of its own. ``clients``, ``representatives``, ``teams`` rising and ``rows`` (its pairs) are positions in the
    whole one."""

    clients: Array
    representatives: Array
    teams: Array
    rows: Array
    pairs: Pairs
    ceilings: Ceilings


def part_of(pairs: Pairs, ceilings: Ceilings) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
    """The part each client and each representative is in, (n_clients,) and (n_representatives,), -1 for a client without a pair;
    None where all is one part, or nothing is gained by looking."""
    n, m, s = pairs.n_clients, len(ceilings.room), len(ceilings.give)
    if m + s < LEAST or (m + s) * m > CELLS or len(pairs) == 0:
        return None
    has = np.diff(pairs.start) > 0
    moves = np.bincount(ceilings.owner[has & (ceilings.owner >= 0)], minlength=s)
    most = int(np.minimum(moves, ceilings.give).sum()) + int((has & (ceilings.owner < 0)).sum())
    if ceilings.run < min(most, int(np.minimum(ceilings.room, n).sum())):
        return None
    # what a client's pairs hang together by: its owner's tickets, or where nobody owns it, its first representative
    first = np.zeros(n, np.int64)
    first[has] = pairs.representative[pairs.start[:-1][has]]
    node = np.where(ceilings.owner >= 0, m + ceilings.owner, first)
    linked = np.zeros((m + s) * m, bool)
    linked[(node * m)[pairs.client] + pairs.representative] = True
    one, other = np.divmod(np.flatnonzero(linked), m)
    held = np.flatnonzero(ceilings.team >= 0)  # a team's ceiling links its people
    teams, head = np.unique(ceilings.team[held], return_index=True)
    heads = np.zeros(len(ceilings.team_room), np.int64)
    heads[teams] = held[head]
    one, other = np.append(one, held), np.append(other, heads[ceilings.team[held]])
    graph = sp.sparse.coo_matrix((np.ones(len(one), bool), (one, other)), shape=(m + s, m + s))
    count, label = sp.sparse.csgraph.connected_components(graph, directed=False)
    if count == 1:
        return None
    return np.where(has, label[node], -1), label[:m]


def parts(pairs: Pairs, ceilings: Ceilings, client_part: Array, representative_part: Array) -> Iterator[Part]:
    """One after the other those that have a pair; each is made when it is asked for, so that only one lies in memory."""
    m, s = len(ceilings.room), len(ceilings.give)
    inside, owner_inside = np.zeros(m, np.int32), np.zeros(s, np.int64)
    team_inside = np.zeros(len(ceilings.team_room), np.int64)
    by_part = np.argsort(client_part, kind="stable")
    cuts = np.flatnonzero(np.diff(client_part[by_part], prepend=-1))
    for clients in np.split(by_part, cuts)[1:]:
        representatives = np.flatnonzero(representative_part == client_part[clients[0]])
        inside[representatives] = np.arange(len(representatives))
        owner = ceilings.owner[clients]
        owners = np.unique(owner[owner >= 0])
        owner_inside[owners] = np.arange(len(owners))
        team = ceilings.team[representatives]
        teams = np.unique(team[team >= 0])
        team_inside[teams] = np.arange(len(teams))
        length = pairs.start[clients + 1] - pairs.start[clients]
        start = np.concatenate(([0], np.cumsum(length)))
        rows = np.repeat(pairs.start[clients] - start[:-1], length) + np.arange(start[-1])
        among = Pairs(
            start=start,
            client=np.repeat(np.arange(len(clients), dtype=np.int32), length),
            representative=inside[pairs.representative[rows]],
            value=pairs.value[rows],
            km=pairs.km[rows],
            why=pairs.why[clients],
        )
        within = replace(
            ceilings,
            room=ceilings.room[representatives],
            owner=np.where(owner >= 0, owner_inside[owner], -1) if s else owner,
            give=ceilings.give[owners],
            shift=None if ceilings.shift is None else ceilings.shift[representatives],
            team=np.where(team >= 0, team_inside[team], -1) if len(team_inside) else team,
            team_room=ceilings.team_room[teams],
        )
        yield Part(clients, representatives, teams, rows, among, within)
