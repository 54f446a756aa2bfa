"""Rows that were not taken: kept small while the import runs, written at its end as a file that can be mended and sent again."""

import csv
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from clients.imports.reading import Table

ADDED = ("line", "column", "value", "reason")
BETWEEN_FAULTS = " · "
Fault = tuple[str, str, str]  # column as the file calls it, value, reason

# What a spreadsheet would run as a formula, after blanks, NBSP or an apostrophe.
_FORMULA = re.compile(r"^[\s\u00a0']*[=+\-@|%\t\r\n＝＋－＠｜％]", re.MULTILINE)
_PLAIN_NUMBER = re.compile(r"[+-]?[\d.,]*\d")


def guarded(cell: str) -> str:
    """The cell with an apostrophe before each line a spreadsheet would run; numbers stay numbers. Import removes it again."""
    if not _FORMULA.search(cell) or _PLAIN_NUMBER.fullmatch(cell):
        return cell
    return "\n".join(f"'{line}" if _FORMULA.match(line) else line for line in cell.split("\n"))


class Refusals:
    """Which lines were refused, and why: every cell of a line that cannot be read, else the first thing that speaks against it."""

    def __init__(self) -> None:
        self._why: dict[int, list[Fault]] = {}

    def __len__(self) -> int:
        return len(self._why)

    def __contains__(self, line: int) -> bool:
        return line in self._why

    def add(self, line: int, *faults: Fault) -> None:
        """Refuse a line for these faults; one that is refused already keeps those it has."""
        self._why.setdefault(line, [(column, value[:200], reason) for column, value, reason in faults])

    def forget(self, lines: set[int]) -> None:
        """A chunk was rolled back and is tried again: what it refused is not refused yet."""
        for line in lines:
            self._why.pop(line, None)

    def lines(self) -> set[int]:
        return set(self._why)

    def listed(self, limit: int | None = None) -> Iterator[dict[str, str | int]]:
        """Line, column, value and reason of each fault, in the file's order; of at most ``limit`` lines."""
        for line in sorted(self._why)[:limit]:
            for column, value, reason in self._why[line]:
                yield {"line": line, "column": column, "value": value, "reason": reason}

    def reasons(self, limit: int) -> list[tuple[str, str, int]]:
        """The commonest (column, reason) with how many lines each refused, at most ``limit`` of them."""
        seen = Counter((column, reason) for faults in self._why.values() for column, _value, reason in faults)
        return [(*why, n) for why, n in seen.most_common(limit)]

    def write(self, table: Table, to: Path) -> None:
        """The refused rows with the columns as sent, then line, column, value and reason, in UTF-8 with BOM."""
        header = [name for name in table.header if name not in ADDED or table.header.index(name) < len(table.header) - len(ADDED)]
        kept = [table.header.index(name) for name in header]
        to.parent.mkdir(parents=True, exist_ok=True)
        half = to.with_name(f".{to.name}.part")  # a reader finds the whole file or none
        with half.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow([*map(guarded, header), *ADDED])
            for line, row in table.rows():
                if line in self._why:
                    column, value, reason = map(BETWEEN_FAULTS.join, zip(*self._why[line], strict=True))
                    cells = [row[n] if n < len(row) else "" for n in kept]
                    writer.writerow([*map(guarded, cells), line, column, guarded(value), reason])
        half.replace(to)


def place_for_upload(organization_id: int) -> Path:
    """Where the refused rows of an organization's file are kept: outside the web root, under a name nobody can guess."""
    return Path(settings.MEDIA_ROOT) / str(organization_id) / secrets.token_hex(16) / _("recusadas.csv")
