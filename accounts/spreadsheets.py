"""Lists as files people open in a spreadsheet, with every text cell made harmless first."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import xlsxwriter
from django.http import HttpResponse
from django.utils import timezone

# What makes a spreadsheet read a cell as a formula, in plain and full-width forms.
_TRIGGERS = "=+-@|%＝＋－＠｜％\t\r\n"
NARROWEST, WIDEST = 17, 40  # characters of a column
_INVISIBLE = " \u00a0'"
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def harmless(text: str) -> str:
    """The text with an apostrophe before every line a spreadsheet might run as a formula.

    Leading spaces, no-break spaces and apostrophes hide the first character from a person, not from the program.
    """
    if text[:1] in ("\t", "\r", "\n") and text:
        return "'" + text[0] + harmless(text[1:])
    return "\n".join(_harmless_line(line) for line in text.split("\n"))


def _harmless_line(line: str) -> str:
    bare = line.lstrip(_INVISIBLE)
    return "'" + line if bare[:1] and bare[0] in _TRIGGERS else line


def spreadsheet(form: str, name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A download of the rows as ``csv`` or ``xlsx``.

    Parameters
    ----------
    name : the file's name without its ending
    rows : cells of text, number, date, instant or None; numbers and days stay typed, instants are told in the zone in force

    Raises
    ------
    ValueError
        ``form`` is neither.
    """
    body = io.BytesIO()
    write_rows(form, body, header, rows)
    response = HttpResponse(body.getvalue(), content_type=TYPES[form])
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(f'{name}.{form}')}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def write_rows(form: str, file: BinaryIO, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, scratch: Path | None = None) -> None:
    """Write the rows into the open file, as they come.

    Parameters
    ----------
    rows : as for ``spreadsheet``
    scratch : a folder in which a workbook's parts may lie until it is closed, so that memory stays flat; None keeps them in memory

    Raises
    ------
    ValueError
        ``form`` is neither ``csv`` nor ``xlsx``.
    """
    if form not in TYPES:
        raise ValueError(f"no spreadsheet format {form!r}")
    if form == "csv":
        _csv(file, header, rows)
    else:
        _xlsx(file, header, rows, scratch)


def _csv(file: BinaryIO, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    # The mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([harmless(str(cell)) for cell in header])
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])
    text.flush()
    text.detach()  # the file stays the caller's


def _plain(cell: Any) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, bool | int | float | Decimal):
        return cell
    if isinstance(cell, datetime):
        return _local(cell).isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless(str(cell))


def _local(instant: datetime) -> datetime:
    """The clock on the wall, to the second: a spreadsheet knows no time zones, and shows what it does not know as text."""
    return (timezone.make_naive(instant) if timezone.is_aware(instant) else instant).replace(microsecond=0)


def _xlsx(file: BinaryIO, header: Sequence[Any], rows: Iterable[Sequence[Any]], scratch: Path | None) -> None:
    kept: dict[str, Any] = {"constant_memory": True, "tmpdir": str(scratch)} if scratch else {"in_memory": True}
    options = kept | {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet()
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for column, cell in enumerate(header):
        # A day in a narrower column is shown as ########.
        sheet.set_column(column, column, min(max(len(str(cell)) + 2, NARROWEST), WIDEST))
        sheet.write_string(0, column, harmless(str(cell)), bold)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            _write(sheet, line, column, cell, day, instant)
    book.close()


def _write(sheet: Any, line: int, column: int, cell: Any, day: Any, instant: Any) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(line, column, cell)
    elif isinstance(cell, int | float | Decimal):
        sheet.write_number(line, column, float(cell))
    elif isinstance(cell, datetime):
        sheet.write_datetime(line, column, _local(cell), instant)
    elif isinstance(cell, date):
        sheet.write_datetime(line, column, datetime(cell.year, cell.month, cell.day), day)
    else:
        sheet.write_string(line, column, harmless(str(cell)))
