"""XLSX workbooks: checked member by member before the reader of spreadsheets sees them."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from clients.imports.errors import UnreadableFile
from clients.imports.reading import Limits, capped, checked_header

_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class Workbook:
    """The first sheet of an XLSX file that holds anything."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path, limits
        self.digest = self._survey()
        try:
            workbook = CalamineWorkbook.from_path(str(path))
            sheets = (workbook.get_sheet_by_index(n) for n in range(len(workbook.sheet_names)))
            sheet = next((each for each in sheets if each.height), None)
        except (CalamineError, ValueError) as error:
            raise self._damaged() from error
        if sheet is None:
            raise UnreadableFile(_("“%(name)s” está vazio.") % {"name": path.name})
        self._sheet = sheet
        _line, header = next(self._records(), (0, []))
        self.header = checked_header(header, limits, path.name)
        self.expected_rows = sheet.height - 1

    def _damaged(self) -> UnreadableFile:
        return UnreadableFile(
            _("“%(name)s” não é uma planilha XLSX íntegra. Salve-a de novo ou exporte como CSV.") % {"name": self.path.name}
        )

    def _survey(self) -> str:
        """SHA-256 of the file; refuses what is no plain workbook by unpacking every member against a running total."""
        name, limits, unpacked = self.path.name, self.limits, 0
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 18), b""):
                digest.update(block)
        size = max(1, self.path.stat().st_size)
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
                names = {member.filename.lower() for member in members}
                if "xl/workbook.xml" not in names:
                    raise UnreadableFile(_("“%(name)s” é um ZIP, não uma planilha XLSX. Envie CSV, CSV.gz ou XLSX.") % {"name": name})
                if any("vbaproject" in each or each.startswith("xl/macrosheets/") for each in names):
                    raise UnreadableFile(_("“%(name)s” contém macros. Salve-o como XLSX sem macros.") % {"name": name})
                if any(each.startswith("xl/externallinks/") for each in names):
                    raise UnreadableFile(_("“%(name)s” tem vínculos com outros arquivos. Remova-os ou exporte como CSV.") % {"name": name})
                if sum(each.startswith("xl/worksheets/") and each.endswith(".xml") for each in names) > limits.sheets:
                    raise UnreadableFile(_("“%(name)s” tem mais de %(n)d abas.") % {"name": name, "n": limits.sheets})
                if len(members) > 5_000 or any(member.flag_bits & 1 for member in members):
                    raise self._damaged()
                for member in members:
                    with archive.open(member) as content:
                        tail = b""
                        while block := content.read(1 << 18):
                            unpacked += len(block)
                            if unpacked > limits.workbook or unpacked > max(limits.ratio * size, 1 << 20):
                                raise UnreadableFile(
                                    _("“%(name)s” descompacta para mais de %(n)d MB ou %(ratio)d vezes o seu tamanho. Exporte-o como CSV.")
                                    % {"name": name, "n": limits.workbook >> 20, "ratio": limits.ratio}
                                )
                            if _ENTITY.search(tail + block):
                                raise self._damaged()
                            tail = block[-16:]
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise self._damaged() from error
        return digest.hexdigest()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        for line, values in enumerate(self._sheet.iter_rows(), start=1):
            cells = [_text(value) for value in values]
            if max(map(len, cells), default=0) > self.limits.cell:
                raise UnreadableFile(
                    _("“%(name)s”, linha %(line)d: uma célula passa de %(n)d KB, ou uma aspa ficou aberta.")
                    % {"name": self.path.name, "line": line, "n": self.limits.cell >> 10}
                )
            if any(map(str.strip, cells)):
                yield line, cells

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        for line, cells in capped(self._records(), self.limits, self.path.name):
            # A sheet is a rectangle: blanks beyond the header are no cells of the row.
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            yield line, cells


def _text(value: Any) -> str:
    """A typed cell as the text a CSV would hold."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        # A point declares nothing here: the text is read with two decimals or none, never as a thousand.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _plain(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _plain(value: float) -> str:
    """The shortest digits of a float without an exponent, one more zero where three decimals would read as thousands."""
    digits = format(value, "f") if "e" in repr(value) else repr(value)
    return digits + "0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", digits) else digits
