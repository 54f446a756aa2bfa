"""The demonstration's files moved in time, so that its story ends yesterday.

Standard library only: the command that loads the demonstration calls ``shifted_files`` and sends each file through
the same import as anyone's.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).resolve().parent


def weeks_to(last_day: date) -> timedelta:
    """How far the stored days move for the story to end on ``last_day``: whole weeks, so that a Tuesday stays a Tuesday.

    The remainder of up to six days is covered by the spare days stored after the anchor.
    """
    return timedelta(weeks=(last_day - _anchor()).days // 7)


def shifted_files(target: Path, last_day: date) -> list[tuple[str, Path]]:
    """Write the demonstration's import files into ``target`` with ``last_day`` as their last day.

    Parameters
    ----------
    target : folder, made if missing
        Receives one plain CSV a kind; files of the same name are overwritten.
    last_day : date
        Yesterday, in the organization's zone, when the demonstration is loaded for the first time. Every later load
        must pass that same day again: the same day gives the same bytes, another one moves every order.

    Returns
    -------
    list of (kind, path), in the order in which they must be imported.
    """
    target.mkdir(parents=True, exist_ok=True)
    by = weeks_to(last_day)
    written = []
    for entry in _manifest()["files"]:
        path = target / f"{entry['kind']}.csv"
        with _open(HERE / entry["file"]) as source, path.open("w", encoding="utf-8", newline="") as sink:
            rows = csv.reader(source)
            header = next(rows)
            writer = csv.writer(sink, lineterminator="\n")
            writer.writerow(header)
            dates, cut = [header.index(name) for name in entry["dates"]], entry["cut"] and header.index(entry["cut"])
            writer.writerows(_moved(rows, dates, cut, by, last_day.isoformat()))
        written.append((entry["kind"], path))
    return written


def organization(last_day: date) -> dict[str, Any]:
    """The company, its teams, absences (half-open days) and autonomous representatives' agreements; dates moved like the files'."""
    company = json.loads((HERE / "organization.json").read_text(encoding="utf-8"))
    by = weeks_to(last_day)
    for entry in (*company["absences"], *company["agreements"]):
        for key in ("starts_on", "ends_on", "consent_recorded_on"):
            if entry.get(key):
                entry[key] = date.fromisoformat(entry[key]) + by
    return company


def opportunities(last_day: date) -> list[dict[str, Any]]:
    """Sales being worked on, by the day each began: ``client_code``, ``title``, ``value_cents``, ``source``, ``expected_on``,
    ``steps`` (``stage``, ``on``) and ``loss_reason``; dates moved like the files'.
    """
    sales = json.loads((HERE / "opportunities.json").read_text(encoding="utf-8"))
    by = weeks_to(last_day)
    for sale in sales:
        sale["expected_on"] = date.fromisoformat(sale["expected_on"]) + by
        for step in sale["steps"]:
            step["on"] = date.fromisoformat(step["on"]) + by
    return sales


def users() -> dict[str, Any]:
    """``password``, the one all of them share, and ``users``: e-mail, name, role, team and, if any, representative_code."""
    return json.loads((HERE / "users.json").read_text(encoding="utf-8"))


def _moved(rows: Iterator[list[str]], dates: list[int], cut: int | None, by: timedelta, last_day: str) -> Iterator[list[str]]:
    """Rows with their dates moved, without those that would happen after ``last_day``; columns by position, days in ISO form."""

    @cache  # some two thousand different days in fifty thousand rows
    def moved(day: str) -> str:
        return (date.fromisoformat(day) + by).isoformat()

    for row in rows:
        for column in dates:
            if row[column]:  # the hour of an instant follows its first ten characters
                row[column] = moved(row[column][:10]) + row[column][10:]
        if cut is None or row[cut][:10] <= last_day:
            yield row


def _manifest() -> dict[str, Any]:
    return json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))


def _anchor() -> date:
    return date.fromisoformat(_manifest()["anchor_on"])


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
