"""Files people send, as a header and rows of text. What a file is, is decided by its content, never by its name.

A first pass over the file settles type, encoding, delimiter and limits before any row is used, and reads no more of a
hostile file than it takes to refuse it. Rows can be read again, for the file of refused rows.
"""

import codecs
import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from django.utils.translation import gettext as _

from clients.imports.errors import UnreadableFile

_BLOCK = 1 << 18


@dataclass(frozen=True)
class Limits:
    """What one file may hold. ``UPLOAD`` is what a person may send through a page."""

    rows: int = 1_000_000
    columns: int = 200
    cell: int = 32 * 1024  # characters
    line: int = 1 << 20  # bytes
    text: int = 2 << 30  # bytes of CSV, unpacked
    workbook: int = 200 << 20  # bytes of XLSX, unpacked
    ratio: int = 100  # unpacked to packed, XLSX
    sheets: int = 20


COMMAND = Limits()
UPLOAD = Limits(rows=200_000, text=200 << 20)


class Table(Protocol):
    """A header and its rows; ``rows`` may be called more than once."""

    header: list[str]
    digest: str  # SHA-256 of the content
    expected_rows: int  # about how many rows; lines, where a cell spans several

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows with the line each begins on, blank ones left out."""
        ...


_NOT_TEXT = {
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7Z",
    b"\x7fELF": "ELF",
    b"\x28\xb5\x2f\xfd": "ZST",
    b"BZh": "BZ2",
    b"\xfd7zXZ": "XZ",
    b"PAR1": "Parquet",
    b"{\\rtf": "RTF",
    b"<!DOCTYPE": "HTML",
    b"<html": "HTML",
    b"<?xml": "XML",
}


def open_table(path: Path, limits: Limits = COMMAND) -> Table:
    """The file as a table: CSV, gzipped CSV or XLSX.

    Raises
    ------
    UnreadableFile
        Another kind of file, damaged, wrong encoding, or beyond a limit; the sentence says which and what to do.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UnreadableFile(_("Não foi possível abrir “%(name)s”: %(error)s.") % {"name": path.name, "error": error.strerror}) from error
    if start[:4] == b"PK\x03\x04":
        from clients.imports.workbook import Workbook  # calamine is loaded only for workbooks

        return Workbook(path, limits)
    if start[:4] in (b"PK\x05\x06", b"PK\x07\x08"):
        raise UnreadableFile(_("“%(name)s” é um ZIP vazio ou dividido. Envie CSV, CSV.gz ou XLSX.") % {"name": path.name})
    return DelimitedText(path, limits, packed=start[:2] == b"\x1f\x8b")


class DelimitedText:
    """CSV in UTF-8 (with or without BOM) or Latin-1, separated by comma, semicolon or tab, gzipped or not."""

    def __init__(self, path: Path, limits: Limits, *, packed: bool) -> None:
        self.path, self.limits, self.packed = path, limits, packed
        self.encoding, self.digest, lines = self._survey()
        self.delimiter = self._sniff()
        records = self._records()
        _line, header = next(records, (0, []))
        records.close()
        self.header = checked_header(header, limits, path.name)
        self.expected_rows = max(0, lines - 1)

    def _open(self) -> BinaryIO:
        return gzip.open(self.path, "rb") if self.packed else self.path.open("rb")  # type: ignore[return-value]

    def _survey(self) -> tuple[str, str, int]:
        """Encoding, digest and number of lines; refuses what is no text, too long a line, or damaged."""
        digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
        name, lines, run, size, first = self.path.name, 0, 0, 0, True
        broken_at = 0  # the first line that is not UTF-8
        try:
            with self._open() as stream:
                while block := stream.read(_BLOCK):
                    if first:
                        self._refuse_foreign(block)
                        first = False
                    size += len(block)
                    if size > self.limits.text:
                        raise UnreadableFile(
                            _("“%(name)s” passa de %(n)d MB descompactado. Divida-o em arquivos menores.")
                            % {"name": name, "n": self.limits.text >> 20}
                        )
                    if (nul := block.find(b"\0")) >= 0:
                        raise UnreadableFile(
                            _("“%(name)s”, linha %(line)d: há um caractere nulo. O arquivo não é CSV; exporte-o de novo como CSV UTF-8.")
                            % {"name": name, "line": lines + block.count(b"\n", 0, nul) + 1}
                        )
                    head = block.find(b"\n")
                    run += len(block) if head < 0 else head
                    if run > self.limits.line:
                        raise UnreadableFile(
                            _("“%(name)s”, linha %(line)d: a linha passa de %(n)d MB. Verifique as quebras de linha do arquivo.")
                            % {"name": name, "line": lines + 1, "n": self.limits.line >> 20}
                        )
                    if not broken_at:
                        try:
                            decoder.decode(block)
                        except UnicodeDecodeError as error:
                            broken_at = lines + error.object[: error.start].count(b"\n") + 1
                    if broken_at and (odd := _UNDEFINED.search(block)):
                        raise UnreadableFile(
                            _("“%(name)s”, linha %(line)d: os caracteres não são UTF-8 nem Latin-1. Salve o arquivo como CSV UTF-8.")
                            % {"name": name, "line": lines + block.count(b"\n", 0, odd.start()) + 1}
                        )
                    digest.update(block)
                    lines += block.count(b"\n")
                    if head >= 0:
                        run = len(block) - block.rfind(b"\n") - 1
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile(_("“%(name)s” está incompleto ou corrompido. Compacte-o de novo e reenvie.") % {"name": name}) from error
        if first:
            raise UnreadableFile(_("“%(name)s” está vazio.") % {"name": name})
        if not broken_at:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                broken_at = lines + 1
        if broken_at and self._mixed():
            raise self._mixture(broken_at)
        return "cp1252" if broken_at else "utf-8-sig", digest.hexdigest(), lines + (run > 0)

    def _refuse_foreign(self, block: bytes) -> None:
        name = self.path.name
        if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableFile(_("“%(name)s” está em UTF-16. Salve-o como CSV UTF-8.") % {"name": name})
        for magic, kind in _NOT_TEXT.items():
            if block.lstrip()[: len(magic)].lower() == magic.lower():
                raise UnreadableFile(_("“%(name)s” é um arquivo %(kind)s. Envie CSV, CSV.gz ou XLSX.") % {"name": name, "kind": kind})
        if block[:4] == b"PK\x03\x04" or block[:2] == b"\x1f\x8b":
            raise UnreadableFile(_("“%(name)s” é um arquivo compactado dentro de outro. Envie CSV, CSV.gz ou XLSX.") % {"name": name})

    def _mixed(self) -> bool:
        """Whether a file that is not UTF-8 holds accents written as UTF-8 all the same."""
        with self._open() as stream:
            return any(_TWO_BYTE_ACCENT.search(block) for block in iter(lambda: stream.read(_BLOCK), b""))

    def _mixture(self, line: int) -> UnreadableFile:
        return UnreadableFile(
            _("“%(name)s”, linha %(line)d: o arquivo mistura UTF-8 e Latin-1. Salve-o inteiro como CSV UTF-8.")
            % {"name": self.path.name, "line": line}
        )

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._open(), encoding=self.encoding, newline="")

    def _sniff(self) -> str:
        with self._text() as stream:
            line = stream.readline(self.limits.line).lstrip("\r\n")
        bare = re.sub(r'"[^"]*"', "", line)
        return max(",;\t", key=bare.count)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(self.limits.cell)
        with self._text() as stream:
            reader = csv.reader(stream, delimiter=self.delimiter, strict=True)
            line = 1
            try:
                for row in reader:
                    if row and (row[0].strip() or any(map(str.strip, row))):
                        yield line, row
                    line = reader.line_num + 1
            except UnicodeDecodeError as error:
                raise self._mixture(line) from error
            except csv.Error as error:
                if "field larger" in str(error):
                    raise UnreadableFile(
                        _("“%(name)s”, linha %(line)d: uma célula passa de %(n)d KB, ou uma aspa ficou aberta.")
                        % {"name": self.path.name, "line": line, "n": self.limits.cell >> 10}
                    ) from error
                raise UnreadableFile(
                    _("“%(name)s”, linha %(line)d: aspas mal fechadas. Dentro de uma célula, escreva cada aspa duas vezes.")
                    % {"name": self.path.name, "line": line}
                ) from error

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return capped(self._records(), self.limits, self.path.name)


# Bytes that Windows-1252, the superset everybody means by Latin-1, leaves undefined.
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_TWO_BYTE_ACCENT = re.compile(rb"[\xc3][\xa0-\xaa\xac-\xb9\xbb-\xbf]")  # not Ã with ª, º or «, which Latin-1 texts may hold


def checked_header(cells: list[str], limits: Limits, name: str) -> list[str]:
    """The header's names, trimmed, blanks at its end dropped.

    Raises
    ------
    UnreadableFile
        No header, too many columns, or one name twice.
    """
    header = [" ".join(cell.replace("\ufeff", "").split()) for cell in cells]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise UnreadableFile(_("“%(name)s” não tem cabeçalho: a primeira linha deve trazer os nomes das colunas.") % {"name": name})
    if len(header) > limits.columns:
        raise UnreadableFile(
            _("“%(name)s” tem %(n)d colunas; o máximo é %(maximum)d.") % {"name": name, "n": len(header), "maximum": limits.columns}
        )
    twice = next((cell for cell in header if cell and header.count(cell) > 1), None)
    if twice:
        raise UnreadableFile(_("“%(name)s”: a coluna “%(column)s” aparece duas vezes no cabeçalho.") % {"name": name, "column": twice})
    return header


def capped(records: Iterator[tuple[int, list[str]]], limits: Limits, name: str) -> Iterator[tuple[int, list[str]]]:
    """The records after the header, refused beyond the limit of rows."""
    next(records, None)
    for n, record in enumerate(records):
        if n >= limits.rows:
            raise UnreadableFile(_("“%(name)s” tem mais de %(n)d linhas. Divida-o em arquivos menores.") % {"name": name, "n": limits.rows})
        yield record
