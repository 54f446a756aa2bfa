"""Spreadsheets: nothing in a cell runs, numbers and days stay what they are."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts.spreadsheets import harmless, spreadsheet


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("=1+1", "'=1+1"),
        ("+55 11", "'+55 11"),
        ("-x", "'-x"),
        ("@cmd", "'@cmd"),
        ("|calc", "'|calc"),
        ("%0A", "'%0A"),
        ("＝1", "'＝1"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("'=1", "''=1"),
        ("\t=1", "'\t'=1"),
        ("a\n=1", "a\n'=1"),
        ("Açougue do Zé", "Açougue do Zé"),
        ("2-1", "2-1"),
        ("", ""),
    ],
)
def test_text_a_spreadsheet_would_run_gets_an_apostrophe(text, made):
    assert harmless(text) == made


ROWS = [["=1+1", 12.5, date(2026, 1, 5), None, "linha 1\n@linha 2"], ["Zé", -3, date(2026, 2, 1), None, "ok"]]


def test_csv_quotes_every_cell_and_keeps_numbers():
    answer = spreadsheet("csv", "giro-ção", ["Nome", "Valor", "Dia", "Vazio", "Nota"], ROWS)
    text = answer.content.decode("utf-8-sig")
    assert text.splitlines()[0] == '"Nome","Valor","Dia","Vazio","Nota"'
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["'=1+1", "12.5", "2026-01-05", "", "linha 1\n'@linha 2"],
        ["Zé", "-3", "2026-02-01", "", "ok"],
    ]
    assert answer["Content-Disposition"] == "attachment; filename*=UTF-8''giro-%C3%A7%C3%A3o.csv"


def test_xlsx_holds_text_numbers_and_days_as_such():
    answer = spreadsheet("xlsx", "giro", ["Nome", "Valor", "Dia", "Vazio", "Nota"], ROWS)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert rows[1][:3] == ["'=1+1", 12.5, date(2026, 1, 5)] or rows[1][2] == datetime(2026, 1, 5)
    assert rows[2][1] == -3


def test_an_instant_is_the_clock_of_the_zone_in_force():
    at = datetime(2026, 12, 1, 2, 59, 59, 641073, tzinfo=UTC)
    with timezone.override("America/Sao_Paulo"):
        sheet = spreadsheet("xlsx", "giro", ["Prazo"], [[at]])
        text = spreadsheet("csv", "giro", ["Prazo"], [[at]]).content.decode("utf-8-sig")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0).to_python()
    assert rows[1] == [datetime(2026, 11, 30, 23, 59, 59)]
    assert text.splitlines()[1] == '"2026-11-30 23:59:59"'


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="pdf"):
        spreadsheet("pdf", "x", [], [])
