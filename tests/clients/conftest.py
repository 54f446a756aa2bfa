"""Sending small files through the import, as people do."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # a Monday, noon in São Paulo


@pytest.fixture
def take(organization, tmp_path, settings) -> Callable:
    """``take("clients", "client_code,name\\n...")`` imports that text (or the file at that path) and returns the result."""
    from accounts.services import Actor
    from clients.imports import run_import

    settings.MEDIA_ROOT = tmp_path / "files"
    sent = 0

    def send(kind: str, content: str | bytes | Path, *, at: datetime = NOW, **options):
        nonlocal sent
        path = content
        if not isinstance(content, Path):
            sent += 1
            path = tmp_path / f"sent{sent}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        options.setdefault("organization", organization)
        return run_import(kind, path, by=Actor(label="test"), at=at, **options)

    return send


def counts(result) -> tuple[int, int, int, int, int]:
    """created, updated, unchanged, merged, refused."""
    assert result.rows == result.created + result.updated + result.unchanged + result.merged + result.refused
    return result.created, result.updated, result.unchanged, result.merged, result.refused


def refused_rows(result) -> list[dict[str, str]]:
    """The rows of the file of refused rows."""
    with result.refused_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
