"""Cells as people and ERPs type them."""

import csv
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.br import cnpj as reference

from clients.imports import values
from clients.imports.refusals import guarded
from clients.imports.values import NULL, Place, Unreadable
from tests.draws import drawn
from tests.published.shared import published

BRAZIL = Place(ZoneInfo("America/Sao_Paulo"))
ELSEWHERE = Place(ZoneInfo("Europe/Madrid"), country="ES")


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1234.56", 123456),
        ("1234,56", 123456),
        ("1.234,56", 123456),
        ("1,234.56", 123456),
        ("1.234.567,89", 123456789),
        ("1,234,567", 123456700),
        ("R$ 1.234,56", 123456),
        ("-R$ 12,30", -1230),
        ("−5", -500),
        ("0.125", 13),
        ("0,001", 0),
        ("2.675", None),
        ("1.234", None),
        ("1,234", None),
        ("12,34,56", None),
        ("1.2.3", None),
        ("1e3", None),
        ("NaN", None),
        ("", None),
        ("abc", None),
        ("9999999999999", None),
    ],
)
def test_money_is_read_to_the_cent_or_refused(text, cents):
    if cents is None:
        with pytest.raises(Unreadable):
            values.cents(text, BRAZIL)
    else:
        assert values.cents(text, BRAZIL) == cents


def test_a_declared_decimal_mark_settles_what_reads_two_ways():
    assert values.cents("1.234", Place(BRAZIL.zone, decimal=",")) == 123400
    assert values.cents("1.234", Place(BRAZIL.zone, decimal=".")) == 123
    assert values.cents("1.234.567", Place(BRAZIL.zone, decimal=",")) == 123456700


@given(st.integers(-(10**13), 10**13), st.sampled_from([".,", ",."]), st.booleans())
def test_every_amount_survives_being_written_with_either_mark(amount, marks, grouped):
    thousands, mark = marks
    whole, cents = divmod(abs(amount), 100)
    digits = f"{whole:,}".replace(",", thousands) if grouped else str(whole)

    assert values.cents(f"{'-' if amount < 0 else ''}{digits}{mark}{cents:02d}", BRAZIL) == amount


@given(st.decimals(min_value=-(10**8), max_value=10**8, places=4))
def test_the_half_cent_goes_away_from_zero(amount):
    exact = (abs(amount) * 100 + Decimal("0.5")) // 1
    assert values.cents(f"{amount:.4f}", BRAZIL) == int(exact.copy_sign(amount))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-01", "2026-03-01"),
        ("01/03/2026", "2026-03-01"),
        ("1/3/2026", "2026-03-01"),
        ("2026-03-01 23:59:59", "2026-03-01"),
        ("01/03/2026 7:05", "2026-03-01"),
        ("2026-03-02T01:30:00Z", "2026-03-01"),  # still the day before in São Paulo
        ("2026-03-01T22:30:00-05:00", "2026-03-02"),
        ("31/02/2026", None),
        ("03/31/2026", None),
        ("2026", None),
        ("1899-12-31", None),
        ("2101-01-01", None),
        ("tomorrow", None),
        ("2026-03-01 25:00", None),
    ],
)
def test_days_are_the_organizations(text, day):
    if day is None:
        with pytest.raises(Unreadable):
            values.day()(text, BRAZIL)
    else:
        assert values.day()(text, BRAZIL) == day


def test_cnpj_agrees_with_the_published_vectors():
    with published("brazil/cnpj_vectors.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert values.cnpj_is_valid(row["cnpj"]) == (row["valid"] == "1"), row


@drawn(40, long=1000)
@given(st.from_regex(r"[0-9A-Z]{12}", fullmatch=True), st.integers(0, 99))
def test_cnpj_check_digits_are_those_of_the_reference(root, digits):
    right = reference.calc_check_digits(root)
    for code in (root + right, f"{root}{digits:02d}"):
        assert values.cnpj_is_valid(code) == (code[12:] == right and len(set(code)) > 1)


def test_tax_ids_are_normalised_and_checked_in_brazil_only():
    assert values.tax_id("11.222.333/0001-81", BRAZIL) == "11222333000181"
    assert values.tax_id("12.abc.345/01de-35", BRAZIL) == "12ABC34501DE35"
    assert values.tax_id("191000000000", ELSEWHERE) == "191000000000"
    assert values.tax_id("b-12345678", ELSEWHERE) == "B12345678"
    for wrong in ("11222333000182", "00000000000000", "123", "11222333000181X"):
        with pytest.raises(Unreadable):
            values.tax_id(wrong, BRAZIL)


def test_other_cells():
    assert values.state("sp", BRAZIL) == "SP"
    assert values.flag("Sim", BRAZIL) == "t"
    assert values.flag("", BRAZIL) == "f"
    assert values.coordinate(90)("-23,5505", BRAZIL) == "-23.5505"
    assert values.coordinate(90)("", BRAZIL) == NULL
    assert values.several(40)('a; b|"c\\', BRAZIL) == '{"a","b","\\"c\\\\"}'
    assert values.whole(100)("12.0", BRAZIL) == 12
    for parse, wrong in (
        (values.state, "XX"),
        (values.flag, "talvez"),
        (values.coordinate(90), "90.1"),
        (values.coordinate(90), "nan"),
        (values.email, "nobody"),
        (values.ibge_code, "123"),
        (values.whole(100), "101"),
        (values.text(3), "four"),
    ):
        with pytest.raises(Unreadable):
            parse(wrong, BRAZIL)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800", "\uffff"])
def test_control_characters_are_refused(character):
    with pytest.raises(Unreadable):
        values.clean(f"a{character}b")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20))
def test_a_cell_we_guarded_comes_back_as_it_was(text):
    plain = " ".join(text.split())
    assert values.clean(guarded(plain)) == plain


@pytest.mark.parametrize("formula", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\u00a0=1", "'=1", "|cmd", "%0A", "＝1", "a\n=1"])
def test_what_a_spreadsheet_would_run_is_guarded(formula):
    guarded_lines = guarded(formula).split("\n")
    assert any(line.startswith("'") for line in guarded_lines)
    assert guarded("-12.50") == "-12.50"
