"""Every published instance beside its published answer, with the time each took.

    python -m bench.table                 # data where CARTEIRA_SHARED says, or beside the checkout
    python -m bench.table --seconds 10    # at most for one GAP

Data that are not there are named and left out.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.published import sense_of, solve_assignment, solve_gaps, solve_table
from rotation.engine.minutes import Effort

DATA = Path(os.environ.get("CARTEIRA_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
ASSIGNMENTS = ("assign100", "assign200", "assign300", "assign400")
GAPS = ("gap1", "gap2", "gap3", "gap4", "gap5", "gap6", "gapa", "gapb")
SUMMARIES = ("sample_summary.csv", "donations_bgbb.csv")


def rows(seconds: float) -> Iterator[tuple[str, str, str, str, float]]:
    """(instance, published, found, gap, seconds) of all there is."""
    known = {row["instance"]: row["published_optimum"] for row in _table("assignment/optima.csv")}
    for name in ASSIGNMENTS:
        path = DATA / "assignment" / f"{name}.txt.gz"
        if path.exists():
            line = solve_assignment(path)
            yield name, known.get(name, "?"), str(line["objective"]), f"{line['gap']:.4%}", float(str(line["seconds"]))
    optima = {(row["file"], row["index"]): row for row in _table("gap/optima.csv")}
    effort = Effort(seconds=seconds, nodes=1_000_000, chains=1_000_000)
    for name in GAPS:
        path = DATA / "gap" / f"{name}.txt"
        if not path.exists():
            continue
        for line in solve_gaps(path, sense_of(path), effort):
            row = optima.get((path.name, str(line["index"])), {"instance": f"{name}-{line['index']}", "optimum": "?"})
            gap = "none found" if line["gap"] is None else f"{line['gap']:.4%}"
            yield row["instance"], row["optimum"], str(line["objective"]), gap, float(str(line["seconds"]))
    yield from _likelihoods()


def _likelihoods() -> Iterator[tuple[str, str, str, str, float]]:
    path = DATA / "cdnow" / "published_checks.json"
    checks = json.loads(path.read_text()) if path.exists() else {}
    for name in SUMMARIES:
        if not (DATA / "cdnow" / name).exists():
            continue
        for line in solve_table(DATA / "cdnow" / name):
            model = str(line["model"])
            published = checks.get(model, {}).get("log_likelihood", "?")
            yield model, str(published), str(line["log_likelihood"]), "", float(str(line["seconds"]))


def _table(name: str) -> list[dict[str, str]]:
    path = DATA / name
    if not path.exists():
        print(f"{path} is not here; set CARTEIRA_SHARED", file=sys.stderr)
        return []
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    print(f"{'instance':<14}{'published':>12}{'found':>14}{'gap':>12}{'seconds':>10}")
    for name, published, found, gap, seconds in rows(parser.parse_args().seconds):
        print(f"{name:<14}{published:>12}{found:>14}{gap:>12}{seconds:>10.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
