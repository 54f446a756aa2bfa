"""How good and how long the assignment by minutes is: gap before and after the integer programme, against greedy and round robin.

    python -m bench.minutes                       # 1,000 x 50, 3,000 x 100, 10,000 x 200
    python -m bench.minutes --sizes 1000x50 --seconds 30

The pairs are those of ``bench.assignment``; each weighs a client's minutes and the way there, and rooms hold about half of
all clients, owners and run may lose a little less. ``--seconds`` brakes the integer programme (wall clock); cpu_seconds are of the whole.
"""

import argparse
import json
import resource
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.assignment import problem
from rotation.engine.ceilings import Ceilings
from rotation.engine.minutes import PROGRAMME_PAIRS, Effort, assign_minutes
from rotation.engine.pairs import Pairs
from rotation.engine.problem import Workload
from rotation.engine.strategies import distribute
from rotation.engine.workload import SECONDS, client_minutes, with_travel


def minutes_problem(n: int, m: int, seed: int = 1) -> tuple[Pairs, Workload, Ceilings]:
    """As the heads' problem, with minutes: classes A, B, C as one in five, three in ten, half; ways of 0 to 60 km."""
    pairs, ceilings, _ties = problem(n, m, seed)
    r = np.random.default_rng(seed + 1)
    minutes = client_minutes(r.choice(3, n, p=[0.2, 0.3, 0.5]))[pairs.client]
    weight = np.ceil(with_travel(minutes, r.uniform(0, 60, len(pairs))) * SECONDS).astype(np.int64)
    room = (r.uniform(0.3, 1.7, m) * np.median(weight) * n / m / 2).astype(np.int64)
    return (
        pairs,
        Workload(weight, room),
        replace(ceilings, room=np.full(m, n), give=np.full(m, max(2 * n // (3 * m), 1)), run=int(0.45 * n), step_cost=0),
    )


def measure(n: int, m: int, seconds: float) -> dict[str, object]:
    pairs, workload, ceilings = minutes_problem(n, m)
    began = process_time()
    found = assign_minutes(pairs, workload, ceilings, effort=Effort(seconds=seconds))
    spent = process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row: dict[str, object] = {
        "clients": n,
        "representatives": m,
        "cpu_seconds": round(spent, 2),
        "peak_mb": round(peak, 1),
        "moves": int((found.representative_of >= 0).sum()),
        "objective_cents": found.objective_cents,
        "bound_cents": found.bound_cents,
        "first_gap": round(found.first_gap, 6),
        "gap": round(found.gap, 6),
        "stopped": found.stopped if len(pairs) <= PROGRAMME_PAIRS else f"no integer programme: more than {PROGRAMME_PAIRS:,} pairs",
    }
    for kind in ("round_robin", "greedy"):
        chosen = distribute(kind, pairs, ceilings, np.zeros(m), np.full(m, n // m), workload)
        row[f"{kind}_loses"] = round(1 - int(pairs.value[chosen[chosen >= 0]].sum()) / found.objective_cents, 4)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["1000x50", "3000x100", "10000x200"], metavar="NxM")
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    for size in given.sizes:
        n, m = (int(part) for part in size.split("x"))
        print(json.dumps(measure(n, m, given.seconds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
