"""What choosing another receiver would cost the whole run, exactly (ENGINE.md section 6).

Forcing client i from its receiver a to representative j costs v_ia - v_ij and the least loss of making room at j and filling
what is left at a: the shortest way from j to a in the graph of exchanges, once no cycle of it gains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .exchange import NO_ARC, Graph
from .facts import Array
from .pairs import Pairs
from .teams import Teams

NODES = 400  # people, beyond which the ways between all of them cost more than they tell


def forced_costs(pairs: Pairs, ceilings: Ceilings, pair_of: Array, rows: Array) -> NDArray[np.int64]:
    """Cents the optimum loses if each of ``rows`` (k,), pairs of clients that are placed, were chosen instead.

    ``pair_of`` (n_clients,) must be an optimum: with a cycle that gains there is no shortest way. 0 for a client's own pair.
    """
    rows = np.asarray(rows, np.int64)
    if not len(rows):
        return np.zeros(0, np.int64)
    graph = Graph(pairs, ceilings, np.asarray(pair_of, np.int64).copy())
    way = _ways(graph)
    present = np.asarray(pair_of)[pairs.client[rows]]
    lost = pairs.value[present] - pairs.value[rows]
    cost = lost + way[pairs.representative[rows], pairs.representative[present]]
    return np.where(rows == present, 0, cost).astype(np.int64)


def _ways(graph: Graph) -> NDArray[np.int64]:
    """The shortest way between any two representatives, shape (n_representatives, n_representatives).

    Owners' tickets are taken out first: no arc joins two of them and each touches few others, so that leaves half the nodes,
    and the ways between all of those an eighth of the work (Floyd 1962).
    """
    cost = graph.cost
    for ticket in range(graph.m, graph.m + graph.s):
        into, out = np.flatnonzero(cost[:, ticket] < NO_ARC), np.flatnonzero(cost[ticket] < NO_ARC)
        block = np.ix_(into, out)
        cost[block] = np.minimum(cost[block], cost[into, ticket, None] + cost[ticket, out])
    left = np.append(np.arange(graph.m), np.arange(graph.run, graph.size))
    way = cost[np.ix_(left, left)]
    longer = np.empty_like(way)
    for through in range(len(way)):
        np.add(way[:, through, None], way[through], out=longer)
        np.minimum(way, longer, out=way)
    return way[: graph.m, : graph.m]


def affordable(ceilings: Ceilings) -> bool:
    """Whether the ways between all people are few enough to look at."""
    return len(ceilings.room) + len(ceilings.give) + len(Teams(ceilings)) + 2 <= NODES
