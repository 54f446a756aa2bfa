"""Published optimisation instances through the solver that rotates clients.

    python -m bench.published ../shared/data/assignment/assign100.txt.gz ...

One JSON line an instance: objective, bound, gap, seconds. OR-Library assignment files (``assignN.txt``, plain or
gzipped) are minimised. GAP files (``gap*.txt``) need capacity in minutes, which this version does not solve: they are
named on standard error and the exit code is 2.
"""

import argparse
import gzip
import json
import sys
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings
from rotation.engine.pairs import Pairs


def read_numbers(path: Path) -> np.ndarray:
    raw = path.read_bytes()
    return np.array((gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).split(), dtype=np.int64)


def solve_assignment(path: Path) -> dict[str, object]:
    """Least cost of giving every job to one agent; the bound is a proven lower bound of that cost."""
    numbers = read_numbers(path)
    n = int(numbers[0])
    cost = numbers[1:].reshape(n, n)
    big = int(cost.max()) * (n + 1)  # leaving anybody out never pays
    pairs = Pairs(
        start=np.arange(n + 1) * n,
        client=np.repeat(np.arange(n), n),
        representative=np.tile(np.arange(n), n),
        value=(big - cost).ravel(),
        km=np.zeros(n * n, np.float32),
        why=np.full(n, -1, np.int8),
    )
    began = process_time()
    found = assign(pairs, Ceilings(np.ones(n), np.full(n, -1), np.empty(0)))
    seconds = process_time() - began
    placed = int((found.representative_of >= 0).sum())
    objective, bound = big * placed - found.value_cents, big * placed - found.bound_cents
    return {
        "file": path.name,
        "kind": "assignment",
        "sense": "min",
        "objective": objective,
        "bound": bound,
        "gap": (objective - bound) / max(objective, 1),
        "seconds": round(seconds, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    code = 0
    for path in parser.parse_args().files:
        if path.name.startswith("gap"):
            print(
                f"{path}: a GAP instance weighs every pair, and the solver for capacity in minutes is not part of this version",
                file=sys.stderr,
            )
            code = 2
            continue
        try:
            print(json.dumps(solve_assignment(path)), flush=True)
        except (OSError, ValueError) as wrong:
            print(f"{path}: cannot be read as an OR-Library assignment file ({wrong})", file=sys.stderr)
            code = code or 1
    return code


if __name__ == "__main__":
    sys.exit(main())
