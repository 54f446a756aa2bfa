"""Numbers, money and days in the three languages."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from accounts.templatetags import formats

MONDAY = date(2026, 11, 23)
NB = "\u00a0"


def written(language: str) -> dict[str, str]:
    with translation.override(language):
        return {
            "number": formats.number(4812),
            "signed": formats.signed(-26),
            "percent": formats.percent(0.031, 1),
            "km": formats.km(41),
            "money": formats.money(84_210_00, "BRL"),
            "money_whole": formats.money_whole(-84_210_00, "BRL"),
            "millions": formats.money_short(4_800_000_00, "BRL"),
            "thousands": formats.money_short(812_000_00, "BRL"),
            "small": formats.money_short(5_120_00, "BRL"),
            "day": formats.day(MONDAY),
            "day_year": formats.day_year(MONDAY),
            "day_full": formats.day_full(MONDAY),
            "month_year": formats.month_year(MONDAY),
        }


EXPECTED = {
    "pt-br": {
        "number": "4.812",
        "signed": "−26",
        "percent": "3,1%",
        "km": f"41{NB}km",
        "money": f"R${NB}84.210,00",
        "money_whole": f"−R${NB}84.210",
        "millions": f"R${NB}4,8{NB}mi",
        "thousands": f"R${NB}812{NB}mil",
        "small": f"R${NB}5.120",
        "day": "seg, 23 nov",
        "day_year": "23 nov 2026",
        "day_full": "segunda-feira, 23 de novembro de 2026",
        "month_year": "novembro de 2026",
    },
    "es": {
        "number": "4.812",
        "signed": "−26",
        "percent": "3,1%",
        "km": f"41{NB}km",
        "money": f"R${NB}84.210,00",
        "money_whole": f"−R${NB}84.210",
        "millions": f"R${NB}4,8{NB}M",
        "thousands": f"R${NB}812{NB}mil",
        "small": f"R${NB}5.120",
        "day": "lun, 23 nov",
        "day_year": "23 nov 2026",
        "day_full": "lunes, 23 de noviembre de 2026",
        "month_year": "noviembre de 2026",
    },
    "en": {
        "number": "4,812",
        "signed": "−26",
        "percent": "3.1%",
        "km": f"41{NB}km",
        "money": f"R${NB}84,210.00",
        "money_whole": f"−R${NB}84,210",
        "millions": f"R${NB}4.8M",
        "thousands": f"R${NB}812K",
        "small": f"R${NB}5,120",
        "day": "Mon, 23 Nov",
        "day_year": "23 Nov 2026",
        "day_full": "Monday, November 23, 2026",
        "month_year": "November 2026",
    },
}


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
def test_each_language_writes_numbers_money_and_days_its_own_way(language):
    assert written(language) == EXPECTED[language]


def test_nothing_known_is_written_as_a_dash():
    empty = [formats.number(None), formats.money(None, "BRL"), formats.day(None), formats.instant(None), formats.percent(None)]
    assert empty == [formats.BLANK] * 5


def test_a_duration_is_told_as_a_person_says_it():
    said = {None: "–", 0: "0 s", 45.7: "45 s", 60: "1 min", 80: "1 min 20 s", 725: "12 min", 3900: "1 h 05 min", -3: "0 s"}
    assert {seconds: formats.duration(seconds).replace("\u00a0", " ") for seconds in said} == said


def test_zero_is_not_nothing():
    assert (formats.number(0), formats.money_whole(0, "BRL"), formats.percent(0)) == ("0", f"R${NB}0", "0%")


def test_a_change_that_rounds_to_zero_has_no_minus():
    assert (formats.decimal(-0.4), formats.signed(0)) == ("0", "0")


def test_an_instant_is_told_in_the_zone_asked_for_and_else_in_the_one_in_force():
    at = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    with translation.override("pt-br"):
        assert formats.instant(at, "America/Sao_Paulo") == "22 nov, 23:30"
        with timezone.override("America/Sao_Paulo"):
            assert formats.instant(at) == "22 nov, 23:30"
            assert formats.day(at) == "dom, 22 nov"


def test_a_day_on_the_page_tells_itself_in_full_on_hover():
    with translation.override("pt-br"):
        said = Template("{% load ui %}{% when day %} {% when none %}").render(Context({"day": MONDAY, "none": None}))
    assert said == '<time datetime="2026-11-23" title="segunda-feira, 23 de novembro de 2026">seg, 23 nov</time> –'


def test_the_shorter_money_tags_write_what_their_filters_do():
    page = Template("{% load ui %}{% money_short 480000000 'BRL' %} {% money_whole 8421000 'BRL' %}")
    with translation.override("pt-br"):
        assert page.render(Context()) == f"R${NB}4,8{NB}mi R${NB}84.210"


def test_the_money_tag_takes_the_organizations_currency_and_yields_to_the_one_given():
    page = Template("{% load ui %}{% money cents %} {% money cents 'USD' %} {{ cents|money_whole:'EUR' }}")
    request = SimpleNamespace(organization=SimpleNamespace(currency="BRL"))
    with translation.override("pt-br"):
        said = page.render(Context({"cents": 1_234_56, "request": request}))
    assert said == f"R${NB}1.234,56 US${NB}1.234,56 €{NB}1.235"
