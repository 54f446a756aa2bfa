"""The engine alone at growing sizes, arrays to proposals, and the whole run beside its floor: is the time per client flat?

    python -m bench.scale                          # arrays: 10,000, 100,000, 1,000,000 clients
    python -m bench.scale --sizes 10000 100000     # other sizes
    python -m bench.scale --database               # the whole run at each size as well (makes the organizations: minutes)

Each size runs in a process of its own, so that the memory stated is that size's. Seconds are CPU. The arrays follow the
same laws as ``bench.world``: about 670 clients a representative, states of fifteen representatives, a third silent.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.pipeline import propose
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule

TODAY = 20_731
CLIENTS_PER_REPRESENTATIVE, REPRESENTATIVES_PER_STATE, STATES = 670, 15, 27


def arrays(n: int, m: int | None = None, seed: int = 1) -> tuple[Facts, Representatives]:
    """An organization of ``n`` clients and ``m`` representatives as the engine sees it."""
    r = np.random.default_rng(seed)
    m = m or max(10, n // CLIENTS_PER_REPRESENTATIVE)
    states = min(-(-m // REPRESENTATIVES_PER_STATE), STATES)
    state = np.arange(m) % states
    lat, lon = -5.0 - state + 2 * r.random(m), -65.0 + state + 2 * r.random(m)
    owner = np.arange(n) % m
    silent = np.where(r.random(n) < 0.33, 90 + r.integers(0, 269, n), r.integers(0, 60, n))
    gap = np.array([7.0, 14.0, 21.0, 30.0, 45.0])[np.arange(n) % 5]
    x = r.integers(0, 18, n)
    year = (20_000 + 300_000 * r.random(n)) * np.minimum(x + 1, 365 / gap)
    nobody = np.zeros(n, bool)
    never = np.full(n, NO_DAY)
    facts = Facts(
        client_id=np.arange(n) + 1,
        owner=owner,
        seq=np.ones(n),
        x=x,
        first_on=TODAY - silent - (x * gap).astype(np.int64),
        last_on=TODAY - silent,
        net_12m=np.where(silent < 365, year, 0).astype(np.int64),
        net_total=(year * np.maximum(x * gap / 365, 1)).astype(np.int64),
        median_gap=np.where(x > 0, gap, np.nan),
        lat=lat[owner] + 0.8 * (r.random(n) - 0.5),
        lon=lon[owner] + 0.8 * (r.random(n) - 0.5),
        uf=state[owner],
        ufs=tuple(f"{code:02}" for code in range(states)),
        city=np.arange(n) % 900,
        cities=tuple(f"city {code:03}" for code in range(900)),
        segment=np.arange(n) % 5,
        segments=("a", "b", "c", "d", "e"),
        registered_on=np.full(n, TODAY - 900),
        owned_since_on=np.full(n, TODAY - 800),
        former_start=np.zeros(n + 1),
        former_representative=np.empty(0),
        former_ended_on=np.empty(0),
        never_rotate=np.arange(n) % 97 == 0,
        blocked=np.arange(n) % 89 == 0,
        **{name: nobody for name in ("discarded", "open_order", "open_opportunity", "open_proposal", "key_account", "consent")},
        **{name: never for name in ("last_contact_on", "last_visit_on", "moved_on", "hold_until_on", "withheld_until_on")},
    )
    table = Representatives(
        id=np.arange(m) + 1,
        team=np.full(m, -1),
        active=np.ones(m, bool),
        autonomous=np.zeros(m, bool),
        capacity=np.full(m, CLIENTS_PER_REPRESENTATIVE * 13 // 10),
        holds=np.bincount(owner, minlength=m),
        absent=np.zeros(m, bool),
        absent_now=np.zeros(m, bool),
        lat=lat,
        lon=lon,
        regions=tuple(frozenset({int(code)}) for code in state),
    )
    return facts, table


def measure(n: int) -> dict[str, Any]:
    """CPU seconds, memory and quality of one size, arrays to proposals."""
    rule = parse_rule(PRESETS["general"])
    facts, table = arrays(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = process_time()
    outcome = propose(rule, facts, table, TODAY, seed="bench", rule_version_id=1)
    seconds = process_time() - began
    wanted = ("flagged", "pairs", "proposed", "rounds", "gap", "seconds", "objective_cents")
    return {
        "clients": n,
        "representatives": len(table),
        "cpu_seconds": round(seconds, 3),
        "us_per_client": round(1e6 * seconds / n, 2),
        "arrays_mb": round(before),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        **{name: outcome.summary[name] for name in wanted},
    }


def in_a_process(arguments: list[str], **environment: str) -> str:
    """What ``python arguments`` prints, with the numerical libraries kept to one thread."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    return done.stdout


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """By what power of the size the time grew, from the smallest size to the largest."""
    return math.log(seconds[-1] / seconds[0], sizes[-1] / sizes[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000], metavar="N")
    parser.add_argument("--database", action="store_true", help="the whole run as well")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return 0
    sizes = sorted(given.sizes)
    if sizes[0] < 1_000:
        parser.error("sizes from 1,000 clients up")
    rows = []
    for size in sizes:
        rows.append(json.loads(in_a_process(["-m", "bench.scale", "--one", str(size)])))
        print(json.dumps(rows[-1]), flush=True)
    if len(sizes) > 1:
        print(f"arrays to proposals grow with clients to the power {exponent(sizes, [row['cpu_seconds'] for row in rows]):.2f}", flush=True)
    if given.database:
        print(in_a_process(["-m", "bench.run", "--sizes", *map(str, sizes)]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
