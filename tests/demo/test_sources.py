"""Against the sources themselves, where they are at hand."""

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.story import ANCHOR, story
from tests.demo.test_files import DEMO, STATE_OF

SHARED = Path(os.environ.get("CARTEIRA_SHARED", DEMO.parent.parent / "shared")) / "data"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here (CARTEIRA_SHARED names it)")


def test_every_municipality_is_in_the_public_table():
    with gzip.open(SHARED / "brazil" / "municipios.csv.gz", "rt", encoding="utf-8") as lines:
        public = {(r["codigo_ibge"], r["nome"], STATE_OF.get(r["codigo_uf"])): r for r in csv.DictReader(lines)}
    clients = story(ANCHOR).rows["clients"]

    assert {(row["ibge_code"], row["city"], row["state"]) for row in clients} <= public.keys()
    for row in clients:
        if row["latitude"]:
            centre = public[row["ibge_code"], row["city"], row["state"]]
            assert abs(float(row["latitude"]) - float(centre["latitude"])) < 0.08
            assert abs(float(row["longitude"]) - float(centre["longitude"])) < 0.08


@pytest.mark.slow
def test_the_script_makes_the_files_that_are_here(tmp_path):
    subprocess.run(
        [sys.executable, DEMO / "make_demo.py", "--source", SHARED, "--target", tmp_path], check=True, capture_output=True, cwd=tmp_path
    )

    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 13
    # Compressed bytes may differ between versions of zlib; what they hold may not.
    assert [name for name in made if content(tmp_path / name) != content(DEMO / name)] == []


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
