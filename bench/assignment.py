"""How long the auction takes, what memory, and what other ways of handing out clients lose.

    python -m bench.assignment            # 1,000 x 50, 10,000 x 200, 100,000 x 1,000
    python -m bench.assignment --sizes 1000x50

Seconds are CPU; the LP (HiGHS) is solved up to --lp-up-to clients (10,000 take it a minute), beyond that the auction's
own bound stands.
"""

import argparse
import json
import sys
import tracemalloc
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings, fairness_cost, tie_hash
from rotation.engine.pairs import Pairs
from rotation.engine.strategies import distribute, worth


def problem(n: int, m: int, seed: int = 1, keep: int = 20) -> tuple[Pairs, Ceilings, np.ndarray]:
    """Clients and representatives on a map, 20 nearest pairs each, rooms and tickets that bind."""
    r = np.random.default_rng(seed)
    width = min(m, 3 * keep)
    near = np.argsort(r.random((n, width)), axis=1)[:, : min(keep, width)]
    representative = np.sort((near + r.integers(0, max(m - width, 1), n)[:, None]) % m, axis=1)
    stake = np.exp(r.normal(10, 1, (n, 1)))
    value = np.rint(stake * np.exp(-1.5 * r.random(representative.shape))).astype(np.int64)
    k = representative.shape[1]
    pairs = Pairs(
        start=np.arange(n + 1) * k,
        client=np.repeat(np.arange(n), k).astype(np.int32),
        representative=representative.ravel().astype(np.int32),
        value=value.ravel(),
        km=np.zeros(n * k, np.float32),
        why=np.full(n, -1, np.int8),
    )
    ceilings = Ceilings(
        room=r.integers(0, int(0.4 * n / m) + 2, m),
        owner=r.integers(-1, m, n),
        give=np.full(m, max(n // (4 * m), 1)),
        run=int(0.15 * n),
        step_cost=fairness_cost(pairs, 0.05),
    )
    return pairs, ceilings, tie_hash(pairs.client, pairs.representative, seed)


def lp_bound(pairs: Pairs, ceilings: Ceilings) -> float:
    """Optimum of the linear programme, in cents: the same problem, told to another solver."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix, vstack

    n_pairs, m = len(pairs), len(ceilings.room)
    rep = np.repeat(np.arange(m), ceilings.room)
    before = np.arange(len(rep)) - np.repeat(np.cumsum(ceilings.room) - ceilings.room, ceilings.room)
    width, column = n_pairs + len(rep), np.arange(n_pairs)
    owned = ceilings.owner[pairs.client] >= 0

    def rows(at: np.ndarray, columns: np.ndarray, height: int):
        return coo_matrix((np.ones(len(at)), (at, columns)), shape=(height, width))

    upper = vstack(
        [
            rows(pairs.client, column, pairs.n_clients),
            rows(ceilings.owner[pairs.client][owned], column[owned], len(ceilings.give)),
            rows(np.zeros(n_pairs, int), column, 1),
        ]
    )
    limit = np.concatenate((np.ones(pairs.n_clients), ceilings.give.astype(float), [float(ceilings.run)]))
    balance = rows(pairs.representative, column, m) - rows(rep, n_pairs + np.arange(len(rep)), m)
    cost = np.concatenate((-pairs.value.astype(float), ceilings.reserve(rep, before).astype(float)))
    found = linprog(cost, A_ub=upper, b_ub=limit, A_eq=balance.tocsr(), b_eq=np.zeros(m), bounds=(0, 1), method="highs")
    return -float(found.fun)


def measure(n: int, m: int, lp_up_to: int) -> dict[str, object]:
    pairs, ceilings, ties = problem(n, m)
    began = process_time()
    found = assign(pairs, ceilings, ties)
    seconds = process_time() - began
    tracemalloc.start()
    assign(pairs, ceilings, ties)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    row: dict[str, object] = {
        "clients": n,
        "representatives": m,
        "cpu_seconds": round(seconds, 3),
        "peak_mb": round(peak, 1),
        "rounds": found.rounds,
        "moves": int((found.representative_of >= 0).sum()),
        "objective_cents": found.objective_cents,
        "bound_cents": found.bound_cents,
        "gap": found.gap,
        "exact": found.exact,
    }
    for kind in ("round_robin", "weighted", "least_loaded", "greedy"):
        chosen = distribute(kind, pairs, ceilings, np.zeros(m), np.full(m, n // m))
        row[f"{kind}_loses"] = round(1 - worth(chosen, pairs, ceilings) / found.objective_cents, 4)
    if n <= lp_up_to:
        began = process_time()
        row["lp_cents"] = round(lp_bound(pairs, ceilings))
        row["lp_cpu_seconds"] = round(process_time() - began, 2)
        row["below_lp"] = 1 - found.objective_cents / lp if (lp := row["lp_cents"]) else 0.0
    else:
        row["lp_cents"] = (
            f"left out above {lp_up_to:,} clients (--lp-up-to): HiGHS takes a minute at 10,000; the auction's own bound stands"
        )
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["1000x50", "10000x200", "100000x1000"], metavar="NxM")
    parser.add_argument("--lp-up-to", type=int, default=1_000, metavar="N")
    given = parser.parse_args()
    sizes = given.sizes
    for size in sizes:
        n, _, m = size.partition("x")
        if not (n.isdigit() and m.isdigit() and int(n) > 0 and int(m) > 0):
            parser.error(f"{size}: write clients x representatives, as in 1000x50")
    for size in sizes:
        n, m = (int(part) for part in size.split("x"))
        print(json.dumps(measure(n, m, given.lp_up_to)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
