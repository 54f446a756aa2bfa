"""What choosing another receiver would cost the whole run, exactly (ENGINE.md section 6).

Forcing client i from its receiver a to representative j costs v_ia - v_ij and the least loss of making room at j and filling
what is left at a: the shortest way from j to a in the graph of exchanges, once no cycle of it gains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ceilings import Ceilings
from .exchange import Graph
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
    way = graph.cost.copy()
    for through in range(len(way)):
        np.minimum(way, way[:, through, None] + way[through], out=way)
    present = np.asarray(pair_of)[pairs.client[rows]]
    lost = pairs.value[present] - pairs.value[rows]
    cost = lost + way[pairs.representative[rows], pairs.representative[present]]
    return np.where(rows == present, 0, cost).astype(np.int64)


def affordable(ceilings: Ceilings) -> bool:
    """Whether the ways between all people are few enough to look at."""
    return len(ceilings.room) + len(ceilings.give) + len(Teams(ceilings)) + 2 <= NODES
