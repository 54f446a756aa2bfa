"""Published instances through the engine: assignments by the solver that rotates clients, purchase summaries by its models.

    python -m bench.published ../shared/data/assignment/assign100.txt.gz ../shared/data/cdnow/sample_summary.csv ...

One JSON line an instance: objective, bound, gap, seconds; of a summary one line a model: parameters, log_likelihood,
seconds. A purchase summary is CSV with a header: x, t_x, T, in any unit of time, and m_x where tickets are known (mean
value of the x repeat purchases); with the columns x, t_x, n, donors it is of n fixed opportunities.

OR-Library assignment files (``assignN.txt``: n, then n x n costs) are minimised. GAP files (``bench/gap.py`` has the
format) are maximised where the name begins with gap and a number, as the library's own gap1 to gap12 are meant, and
minimised otherwise; ``--sense`` says it for all. What a file is, its numbers tell; ``--kind`` where they should not be
asked. Plain or gzipped. ``--seconds`` is what one GAP may take; a gap of 0 ends it earlier.

A file that cannot be read is named on standard error, the others are solved all the same, and the exit code is 1.
"""

import argparse
import codecs
import csv
import gzip
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time

# the optimiser's matrices are a few numbers wide: sharing them between threads costs three times the work
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.classics import Opportunities, Pareto
from bench.gap import read_gap, solve_gap
from rotation.engine.assignment import assign
from rotation.engine.ceilings import Ceilings
from rotation.engine.minutes import Effort
from rotation.engine.models import BG, MBG, DropOut, Purchases, fit_single, fit_tickets
from rotation.engine.pairs import Pairs


def read_bytes(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def read_text(path: Path) -> str:
    """The file's text in UTF-8 or, where a mark says so, UTF-16; without the mark, and without the end sign of old systems."""
    raw = read_bytes(path)
    wide = raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return raw.decode("utf-16" if wide else "utf-8-sig").replace("\x1a", "")


def read_numbers(path: Path) -> np.ndarray:
    """Every number of the file, whole; one written as 12.0 counts, one with a fraction is refused."""
    numbers = np.array(re.findall(r"[^\s,;]+", read_text(path)), dtype=np.float64)
    if not len(numbers) or (numbers != np.rint(numbers)).any():
        raise ValueError("it holds no numbers" if not len(numbers) else "it holds a number that is not whole")
    return numbers.astype(np.int64)


def kind_of(path: Path) -> str:
    """``table``, ``assignment`` or ``gap``, by what is inside."""
    if path.name.removesuffix(".gz").endswith(".csv") or re.match(r"\s*\"?[A-Za-z_]", read_text(path)):
        return "table"
    numbers = read_numbers(path)
    return "assignment" if len(numbers) == 1 + int(numbers[0]) ** 2 else "gap"


def sense_of(path: Path) -> str:
    return "max" if re.match(r"gap\d", path.name) else "min"


@dataclass(frozen=True, eq=False)
class Summary:
    """Purchases in the file's unit of time; ``mean_value`` (n,) of the repeat purchases, or None."""

    clients: Purchases
    mean_value: np.ndarray | None


def read_table(path: Path, names: list[str], optional: str = "") -> np.ndarray:
    """The named columns (n_columns, n_rows) of a CSV file; what lacks or cannot be read is named in the ValueError."""
    # any line break, for the csv module itself refuses a lone carriage return
    lines = "\n".join(read_text(path).splitlines())
    separator = next((mark for mark in ",;\t" if mark in lines.partition("\n")[0]), ",")
    rows = csv.DictReader(io.StringIO(lines), delimiter=separator, skipinitialspace=True)
    header = rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
    missing = [name for name in names if name not in header]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    names = [*names, optional] if optional in header else names
    table = []
    for number, row in enumerate(rows, start=2):
        try:
            table.append([float(row[name]) for name in names])
        except (TypeError, ValueError):
            raise ValueError(f"line {number}: {', '.join(names)} must be numbers") from None
    return np.array(table).reshape(-1, len(names)).T


def read_summary(path: Path) -> Summary:
    columns = read_table(path, ["x", "t_x", "T"], optional="m_x")
    if (columns[0] != np.rint(columns[0])).any():
        raise ValueError(f"row {int(np.argmax(columns[0] != np.rint(columns[0]))) + 1}: x must be whole")
    return Summary(Purchases(columns[0].astype(np.int64), columns[1], columns[2]), columns[3] if len(columns) > 3 else None)


def read_donations(path: Path) -> np.ndarray:
    """x, t_x, n and how many such donors, (4, n_rows)."""
    return read_table(path, ["x", "t_x", "n", "donors"])


def fitted_line(path: Path, model: str, names: str, fit: Callable[[], tuple[list[float], float, int]]) -> dict[str, object]:
    """One model as the bench prints it; seconds are of the fit alone."""
    began = process_time()
    values, log_likelihood, n = fit()
    seconds = process_time() - began
    return {
        "file": path.name,
        "kind": "purchases",
        "model": model,
        "parameters": dict(zip(names.split(), (round(value, 6) for value in values), strict=True)),
        "log_likelihood": round(log_likelihood, 4),
        "clients": n,
        "seconds": round(seconds, 4),
    }


def solve_summary(path: Path) -> Iterator[dict[str, object]]:
    """Parameters of greatest likelihood of each model the file allows."""
    summary = read_summary(path)
    clients, mean_value = summary.clients, summary.mean_value

    def orders(drop_out: DropOut) -> tuple[list[float], float, int]:
        made = fit_single(clients, drop_out=drop_out)
        return made.parameters[0].tolist(), made.log_likelihood, made.n

    def pareto() -> tuple[list[float], float, int]:
        made = Pareto.fit(clients.x.astype(float), clients.t, clients.T)
        return [made.r, made.alpha, made.s, made.beta], made.log_likelihood, len(clients)

    def tickets() -> tuple[list[float], float, int]:
        made = fit_tickets(clients.x, mean_value, prior_sd=np.inf)
        return [made.p, made.q, made.v], made.log_likelihood, made.n

    yield fitted_line(path, "bg_nbd", "r alpha a b", lambda: orders(BG))
    yield fitted_line(path, "mbg_nbd", "r alpha a b", lambda: orders(MBG))
    yield fitted_line(path, "pareto_nbd", "r alpha s beta", pareto)
    if mean_value is not None:
        yield fitted_line(path, "gamma_gamma", "p q gamma", tickets)


def solve_donations(path: Path) -> Iterator[dict[str, object]]:
    x, t, n, donors = read_donations(path)

    def opportunities() -> tuple[list[float], float, int]:
        made = Opportunities.fit(x, t, n, donors)
        return [made.alpha, made.beta, made.gamma, made.delta], made.log_likelihood, int(donors.sum())

    yield fitted_line(path, "bg_bb", "alpha beta gamma delta", opportunities)


def solve_assignment(path: Path) -> dict[str, object]:
    """Least cost of giving every job to one agent; the bound is a proven lower bound of that cost."""
    numbers = read_numbers(path)
    n = int(numbers[0])
    if len(numbers) != 1 + n * n:
        raise ValueError(f"{n} x {n} costs are {n * n} numbers, and it has {len(numbers) - 1}")
    cost = numbers[1:].reshape(n, n)
    low = int(cost.min())
    cost = cost - low
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
    objective, bound = big * placed - found.value_cents + low * n, big * placed - found.bound_cents + low * n
    return {
        "file": path.name,
        "kind": "assignment",
        "sense": "min",
        "objective": objective,
        "bound": bound,
        "gap": (objective - bound) / max(objective, 1),
        "seconds": round(seconds, 3),
    }


def solve_gaps(path: Path, sense: str, effort: Effort) -> Iterator[dict[str, object]]:
    """One line a problem; ``objective`` and ``gap`` are null where no way to place every job was found."""
    for index, gap in enumerate(read_gap(read_numbers(path)), start=1):
        began = monotonic()
        found = solve_gap(gap, sense, effort)
        seconds = monotonic() - began
        agents, jobs = gap.cost.shape
        yield {
            "file": path.name,
            "index": index,
            "kind": "gap",
            "agents": agents,
            "jobs": jobs,
            "sense": sense,
            "objective": found.objective,
            "bound": found.bound,
            "gap": found.gap,
            "stopped": found.stopped,
            "seconds": round(seconds, 3),
        }


def solve_table(path: Path) -> Iterator[dict[str, object]]:
    """A file with the column ``donors`` is of fixed opportunities, any other a purchase summary."""
    header = read_text(path).lstrip().splitlines()[:1]
    return solve_donations(path) if "donors" in "".join(header) else solve_summary(path)


KINDS = {"table": "a purchase summary", "assignment": "an OR-Library assignment file", "gap": "a GAP file"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--kind", choices=sorted(KINDS), help="what every file is")
    parser.add_argument("--sense", choices=["min", "max"], help="of GAP files")
    parser.add_argument("--seconds", type=float, default=10.0, help="at most for one GAP (10)")
    given = parser.parse_args()
    effort = Effort(seconds=given.seconds, nodes=1_000_000, chains=1_000_000)
    code = 0
    for path in given.files:
        kind = given.kind or "gap"
        try:
            kind = given.kind or kind_of(path)
            if kind == "gap":
                lines = solve_gaps(path, given.sense or sense_of(path), effort)
            else:
                lines = solve_table(path) if kind == "table" else iter([solve_assignment(path)])
            for line in lines:
                print(json.dumps(line), flush=True)
        except (OSError, ValueError) as wrong:
            print(f"{path}: cannot be read as {KINDS[kind]} ({wrong})", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
