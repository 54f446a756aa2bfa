"""The servers benchmarks run on, with their tables: kept apart from anyone's data, without fsync."""

import os
import subprocess
import sys
from pathlib import Path

from carteira.embedded import ensure_environment

REPOSITORY = Path(__file__).resolve().parents[1]
READY = "CARTEIRA_BENCH_READY"


def start() -> None:
    """Have servers and tables; once for a benchmark and all that it starts in its turn."""
    if os.environ.get(READY):
        return
    os.environ.setdefault("CARTEIRA_DATA", str(REPOSITORY / ".carteira" / "bench"))
    os.environ.setdefault("STATIC_PLAIN", "true")
    ensure_environment(testing=True)
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=REPOSITORY, check=True)
    os.environ[READY] = "1"
