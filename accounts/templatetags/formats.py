"""Numbers, money and days as people read them, in the language in force, through Babel.

Money comes as integer cents; days as dates of the organization's zone; instants as aware datetimes.
"""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_compact_decimal, get_currency_symbol, get_decimal_symbol, get_group_symbol
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language

register = template.Library()

BLANK = "–"
NARROW = "\u00a0"  # a sum never breaks between its sign and its number
MINUS = "\u2212"


@lru_cache(maxsize=16)
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


def locale() -> Locale:
    """The Babel locale of the active language; pt-BR where none is active."""
    return _locale(get_language() or "pt-br")


@lru_cache(maxsize=64)
def symbol(currency: str) -> str:
    """The currency's own sign (R$, US$, €), the same in every language so that a sum reads alike to all."""
    return get_currency_symbol(currency, "pt_BR")


def _sign(value: float) -> str:
    return MINUS if value < 0 else ""


@lru_cache(maxsize=16)
def _separators(language: str) -> dict[int, str]:
    spoken = _locale(language)
    return str.maketrans({",": get_group_symbol(spoken), ".": get_decimal_symbol(spoken)})


def decimal(value: float, places: int = 0, language: str = "") -> str:
    """A number grouped as the language does, with exactly ``places`` decimals and a true minus. ``language``: that in force, if known.

    Written by Python and only punctuated by Babel: a page of a table holds hundreds, and parsing a pattern each costs more than the page.
    """
    plain = f"{abs(value):,.{places}f}".translate(_separators(language or get_language() or "pt-br"))
    return _sign(round(value, places)) + plain


@register.filter(name="number")
def number(value: Any, places: int = 0) -> str:
    """``4812`` as 4.812."""
    return BLANK if value is None or value == "" else decimal(value, int(places))


@register.filter(name="signed")
def signed(value: Any, places: int = 0) -> str:
    """A change, with its sign: +52, −26."""
    if value is None or value == "":
        return BLANK
    return ("+" if value > 0 else "") + decimal(value, int(places))


@register.filter(name="percent")
def percent(value: Any, places: int = 0) -> str:
    """A share from 0 to 1 as 64%."""
    return BLANK if value is None or value == "" else decimal(float(value) * 100, int(places)) + "%"


@register.filter(name="duration")
def duration(seconds: Any) -> str:
    """How long something takes, as a person says it: 45 s, 1 min 20 s, 12 min, 1 h 05 min. The signs are the same in every language."""
    if seconds is None:
        return BLANK
    minutes, left = divmod(max(int(seconds), 0), 60)
    if minutes >= 60:
        text = f"{minutes // 60} h {minutes % 60:02} min"
    elif minutes >= 10 or (minutes and not left):
        text = f"{minutes} min"
    else:
        text = f"{minutes} min {left} s" if minutes else f"{left} s"
    return text.replace(" ", NARROW)


@register.filter(name="km")
def km(value: Any, places: int = 0) -> str:
    """Kilometres: 41 km."""
    return BLANK if value is None or value == "" else decimal(value, int(places)) + NARROW + "km"


@register.filter(name="money")
def money(cents: Any, currency: str) -> str:
    """Cents as R$ 84.210,00, for forms and documents."""
    return BLANK if cents is None or cents == "" else _sign(cents) + symbol(currency) + NARROW + decimal(Decimal(abs(cents)) / 100, 2)


@register.filter(name="money_whole")
def money_whole(cents: Any, currency: str, language: str = "") -> str:
    """Cents as R$ 84.210, for rows of a table."""
    if cents is None or cents == "":
        return BLANK
    return _sign(cents) + symbol(currency) + NARROW + decimal((abs(cents) + 50) // 100, 0, language)


@register.filter(name="money_short")
def money_short(cents: Any, currency: str) -> str:
    """Cents as R$ 4,8 mi, for summaries; below ten thousand it stays whole."""
    if cents is None or cents == "":
        return BLANK
    if abs(cents) < 10_000_00:
        return money_whole(cents, currency)
    compact = format_compact_decimal(abs(cents) / 100, fraction_digits=1, locale=locale())
    return _sign(cents) + symbol(currency) + NARROW + compact


def _currency(context: template.Context, currency: str | None) -> str:
    organization = getattr(context.get("request"), "organization", None) or context.get("organization")
    return currency or getattr(organization, "currency", None) or "BRL"


def _money_tag(write):
    def tag(context: template.Context, cents: Any, currency: str | None = None) -> str:
        return write(cents, _currency(context, currency))

    tag.__doc__ = f"{write.__doc__} The currency is the organization's unless given."
    return tag


for _name, _write in {"money": money, "money_whole": money_whole, "money_short": money_short}.items():
    register.simple_tag(_money_tag(_write), takes_context=True, name=_name)


def _as_day(value: Any) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


def _write_day(value: Any, pattern: str, language: str = "") -> str:
    return _day_text(_as_day(value), pattern, language or get_language() or "pt-br")


@lru_cache(maxsize=8_192)
def _day_text(value: date, pattern: str, language: str) -> str:
    # CLDR puts dots after Portuguese abbreviations ("seg., 23 nov."); the design leaves them out.
    return format_date(value, pattern, locale=_locale(language)).replace(".", "")


@register.filter(name="day")
def day(value: Any) -> str:
    """seg, 23 nov"""
    return _write_day(value, "EEE, d MMM") if value else BLANK


@register.filter(name="day_short")
def day_short(value: Any) -> str:
    """23 nov"""
    return _write_day(value, "d MMM") if value else BLANK


@register.filter(name="day_year")
def day_year(value: Any, language: str = "") -> str:
    """23 nov 2026"""
    return _write_day(value, "d MMM y", language) if value else BLANK


@register.filter(name="day_letter")
def day_letter(value: Any) -> str:
    """seg"""
    return _write_day(value, "EEE") if value else BLANK


@register.filter(name="day_full")
def day_full(value: Any) -> str:
    """segunda-feira, 23 de novembro de 2026"""
    return format_date(_as_day(value), "full", locale=locale()) if value else BLANK


@register.filter(name="month")
def month(value: Any) -> str:
    """nov"""
    return _write_day(value, "LLL") if value else BLANK


@register.filter(name="month_year")
def month_year(value: Any) -> str:
    """novembro de 2026"""
    if not value:
        return BLANK
    return format_date(_as_day(value), "LLLL y" if locale().language == "en" else "LLLL 'de' y", locale=locale())


def _zoned(value: datetime, zone: str | None) -> datetime:
    return timezone.localtime(value, ZoneInfo(zone) if zone else None)


@register.filter(name="instant")
def instant(value: datetime | None, zone: str | None = None) -> str:
    """23 nov, 06:00 in ``zone``, or in the zone in force (the organization's, which the middleware activates)."""
    if not value:
        return BLANK
    local = _zoned(value, zone)
    return f"{_write_day(local.date(), 'd MMM')}, {clock(value, zone)}"


@register.filter(name="clock")
def clock(value: datetime | None, zone: str | None = None) -> str:
    """06:00"""
    return format_time(_zoned(value, zone).time(), "HH:mm", locale=locale()) if value else BLANK


@register.simple_tag(name="when")
def when(value: Any, form: str = "day") -> str:
    """A ``<time>``: short to read, full on hover. ``form`` is day, day_short, day_year, month_year, instant or clock."""
    if not value:
        return BLANK
    forms = {"day": day, "day_short": day_short, "day_year": day_year, "month_year": month_year, "instant": instant, "clock": clock}
    full = day_full(value) + (f", {clock(value)}" if isinstance(value, datetime) else "")
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, forms[form](value))
