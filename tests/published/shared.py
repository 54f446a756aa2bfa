"""Where published data lie: beside the checkout, or where CARTEIRA_SHARED says. Absent data skip, visibly."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CARTEIRA_SHARED", Path(__file__).resolve().parents[2] / "../shared"))


def published(name: str) -> Path:
    """The path of one data set, or a skip that names it."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"{path} is not here; set CARTEIRA_SHARED")
    return path
