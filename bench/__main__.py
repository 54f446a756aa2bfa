"""``make bench``: every benchmark, each in a process of its own, on servers kept for benchmarks (no fsync there: ratios, not promises).

SCALE=1000000 make bench              # clients; 100,000 by default
python -m bench run pages             # only these
"""

import subprocess
import sys

from bench import servers
from bench.servers import REPOSITORY

PARTS = {
    "assignment": [],
    "minutes": ["--sizes", "1000x50"],
    "table": [],
    "scale": [],
    "run": [],
    "pages": [],
    "field": [],
    "office": [],
    "trail": [],
    "apply": [],
    "import_speed": [],
    "backtest": [],
    "prediction": [],
}


def main() -> int:
    """Run the parts asked for, all by default; the exit code tells whether each came to its end."""
    asked = sys.argv[1:] or list(PARTS)
    unknown = [name for name in asked if name not in PARTS]
    if unknown:
        print(f"No benchmark called {', '.join(unknown)}. There are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    servers.start()
    failed = []
    for name in asked:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *PARTS[name]], cwd=REPOSITORY).returncode:
            failed.append(name)
    if failed:
        print(f"\nDid not finish: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
