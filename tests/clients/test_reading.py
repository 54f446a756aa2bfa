"""What a file is, is decided by its content; what cannot be taken is refused in one sentence, without reading it whole."""

import gzip
import io
import resource
import time
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from clients.imports.errors import UnreadableFile
from clients.imports.reading import Limits, open_table

ROWS = [(2, ["C1", "Açaí & Cia"]), (3, ["C2", "Pão, queijo"])]


def written(tmp_path: Path, content: bytes, name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def workbook(tmp_path: Path, rows: list[list], name: str = "book.xlsx") -> Path:
    path = tmp_path / name
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    book.close()
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["clients.csv", "clients.xlsx", "clients"])
def test_csv_is_read_whatever_its_encoding_delimiter_packing_or_name(tmp_path, encoding, delimiter, packed, name):
    text = (
        delimiter.join(["code", "name"])
        + "\r\n"
        + delimiter.join(["C1", "Açaí & Cia"])
        + "\r\n\r\n"
        + delimiter.join(["C2", '"Pão, queijo"'])
    )
    content = text.encode(encoding)

    table = open_table(written(tmp_path, gzip.compress(content) if packed else content, name))

    assert table.header == ["code", "name"]
    assert [row for _line, row in table.rows()] == [row for _line, row in ROWS]
    assert [line for line, _row in table.rows()] == [2, 4]  # a second reading, and the blank line counted


def test_a_workbook_gives_the_text_a_csv_would_hold(tmp_path):
    from datetime import date

    path = workbook(tmp_path, [["code", "when", "amount", "active"], ["C1", date(2026, 1, 5), 1234.5, True], [12, "", 3.125, False]])

    table = open_table(path)

    assert table.header == ["code", "when", "amount", "active"]
    assert list(table.rows()) == [(2, ["C1", "2026-01-05", "1234.5", "1"]), (3, ["12", "", "3.1250", "0"])]


def test_a_cell_may_span_lines_and_the_line_named_is_where_the_row_begins(tmp_path):
    table = open_table(written(tmp_path, b'code,note\nC1,"one\ntwo"\nC2,x\n'))

    assert list(table.rows()) == [(2, ["C1", "one\ntwo"]), (4, ["C2", "x"])]


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return memory.getvalue()


HOSTILE = {
    "pdf": (b"%PDF-1.7\n...", "PDF"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "XLS"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "PNG"),
    "html": (b"<!DOCTYPE html><html></html>", "HTML"),
    "empty": (b"", "vazio"),
    "blank lines": (b"\n\n\n", "cabeçalho"),
    "utf-16": ("code,name\nC1,Ação\n".encode("utf-16"), "UTF-16"),
    "nul": (b"code,name\nC1,a\nC2,\0\n", "linha 3"),
    "no encoding": (b"code,name\nC1,a\nC2,\x81\xff\n", "linha 3"),
    "two encodings": ("code,name\nC1,Conceição\n".encode() + "C2,Pão\n".encode("latin-1"), "linha 3: o arquivo mistura"),
    "two headers alike": (b"code,name,code\nC1,a,b\n", "“code” aparece duas vezes"),
    "201 columns": (",".join(f"c{n}" for n in range(201)).encode() + b"\n", "201 colunas"),
    "a cell of 33 KB": (b"code,name\nC1,a\nC2," + b"x" * 33_000 + b"\n", "linha 3: uma célula passa de 32 KB"),
    "a quote left open": (b'code,name\nC1,"a\n' + b"C2,b\n" * 20_000, "linha 2"),
    "quotes badly closed": (b'code,name\nC1,"a" b\n', "linha 2: aspas mal fechadas"),
    "half a gzip": (gzip.compress(b"code,name\nC1,a\n" * 1000)[:60], "corrompido"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"code\n")), "compactado dentro de outro"),
    "a zip that is no workbook": (_zip({"a.txt": b"hello"}), "é um ZIP"),
    "a broken workbook": (b"PK\x03\x04" + b"\0" * 40, "íntegra"),
    "a workbook with macros": (_zip({"xl/workbook.xml": b"<a/>", "xl/vbaProject.bin": b"x"}), "macros"),
    "a workbook with links": (_zip({"xl/workbook.xml": b"<a/>", "xl/externalLinks/l1.xml": b"<a/>"}), "vínculos"),
    "a workbook with entities": (_zip({"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}), "íntegra"),
    "a zip bomb": (_zip({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b"0" * 30_000_000}), "descompacta"),
    "21 sheets": (_zip({"xl/workbook.xml": b"<a/>", **{f"xl/worksheets/sheet{n}.xml": b"<a/>" for n in range(21)}}), "20 abas"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_taken_is_refused_with_the_place_and_the_cure(tmp_path, case):
    content, told = HOSTILE[case]

    with pytest.raises(UnreadableFile) as refusal:
        list(open_table(written(tmp_path, content, "sent.csv")).rows())

    assert told in str(refusal.value)
    assert "sent.csv" in str(refusal.value)


def test_more_rows_than_the_limit_are_refused_before_the_file_is_used(tmp_path):
    table = open_table(written(tmp_path, b"code\n" + b"a\n" * 11), Limits(rows=10))

    with pytest.raises(UnreadableFile, match="mais de 10 linhas"):
        list(table.rows())


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_of_a_gigabyte_is_refused_within_five_seconds_and_little_memory(tmp_path, packed):
    path = tmp_path / "line.csv"
    if packed:
        with gzip.open(path, "wb", compresslevel=1) as file:
            for _each in range(64):
                file.write(b"x" * (1 << 20))
    else:
        with path.open("wb") as file:
            file.write(b"code,name\n")
            file.seek(1 << 30)  # sparse: a gigabyte of one line
            file.write(b"x")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    with pytest.raises(UnreadableFile, match="linha"):
        open_table(path)

    assert time.process_time() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_a_workbook_of_other_peoples_sheets_is_read_from_the_first_with_anything_in_it(tmp_path):
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("empty")
    sheet = book.add_worksheet("clients")
    for row, cells in enumerate([["code"], ["C1"]], start=3):
        sheet.write_row(row, 0, cells)
    book.close()

    assert list(open_table(path).rows()) == [(5, ["C1"])]
