"""Cells as people and ERPs type them, read into what COPY writes.

A parser takes the cleaned text of one cell and answers the value to write, or raises ``Unreadable`` with a reason for
a person. Each distinct text of a block is parsed once, so clarity may cost a few microseconds here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

NULL = "\\N"  # as COPY reads it

STATES = frozenset(re.findall("..", "ACALAMAPBACEDFESGOMAMGMSMTPAPBPEPIPRRJRNRORRRSSCSESPTO"))


class Unreadable(ValueError):
    """The cell cannot be what its column holds; the message says why and what to write instead."""


@dataclass(frozen=True)
class Place:
    """What reading a cell depends on: the organization's zone and country, and the decimal mark when declared."""

    zone: ZoneInfo
    country: str = "BR"
    decimal: str = ""  # "," or "." when the mapping declares it


Parser = Callable[[str, Place], Any]

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff\ufffe\uffff]")
_GUARDED = re.compile(r"'(?=[\s\u00a0']*[=+\-@|%\t\r\n＝＋－＠｜％])")


def clean(text: str) -> str:
    """The cell without surrounding blanks, the formula apostrophe of our own exports, or line breaks inside.

    Raises
    ------
    Unreadable
        A control character, NUL or half a surrogate pair is inside.
    """
    if _CONTROL.search(text):
        raise Unreadable(_("contém um caractere de controle; apague-o e digite o texto de novo"))
    if "'" in text[:1]:
        text = _GUARDED.sub("", text, count=1)
    return " ".join(text.split())


def text(maximum: int) -> Parser:
    """Text of at most ``maximum`` characters."""

    def parse(value: str, place: Place) -> str:
        if len(value) > maximum:
            raise Unreadable(_("tem %(n)d caracteres; o máximo é %(maximum)d") % {"n": len(value), "maximum": maximum})
        return value

    return parse


_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}([.,' ])\d{3}(\2\d{3})*)?([.,]\d+)?")
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_CURRENCY = re.compile(r"^(R\$|US\$|\$|€|£)\s*|\s*(R\$|US\$|\$|€|£)$")


def number(value: str, place: Place) -> Decimal:
    """A decimal written with point or comma, with or without thousands: 1234.5, 1234,5, 1.234,50, 1,234.50.

    Raises
    ------
    Unreadable
        Not a number, or one that reads two ways ("1.234") while the mapping does not declare the decimal mark.
    """
    bare = _CURRENCY.sub("", value).replace("\u2212", "-")
    if bare[:1] == "-":
        bare = "-" + _CURRENCY.sub("", bare[1:].lstrip())
    if not bare or not bare.strip("+-") or not _NUMBER.fullmatch(bare):
        raise Unreadable(_("não é um número; escreva, por exemplo, 1234,56"))
    bare = bare.replace("'", "").replace(" ", "")
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        mark = "." if bare.rfind(".") > bare.rfind(",") else ","
        if bare.count(mark) > 1 or (place.decimal and mark != place.decimal):
            raise Unreadable(_("não é um número; escreva, por exemplo, 1234,56"))
    elif points + commas == 1:
        mark = place.decimal
        if not mark:
            if _EITHER.fullmatch(bare):
                raise Unreadable(
                    _("lê-se de duas maneiras (mil ou um vírgula); escreva duas casas decimais ou declare “decimal” no mapeamento")
                )
            mark = "." if points else ","
    else:
        mark = place.decimal or "\0"
        if points + commas > 1 and mark in bare:
            raise Unreadable(_("não é um número; escreva, por exemplo, 1234,56"))
    plain = bare.replace("," if mark == "." else ".", "")
    if mark == "\0":
        plain = plain.replace(",", "")
    return Decimal(plain.replace(",", "."))


_CENT = Decimal("0.01")
_LARGEST = Decimal(10) ** 12


def cents(value: str, place: Place) -> int:
    """Money as whole cents; the half cent away from zero."""
    amount = number(value, place)
    if abs(amount) >= _LARGEST:
        raise Unreadable(_("é grande demais; o máximo é 999.999.999.999,99"))
    return int(amount.quantize(_CENT, ROUND_HALF_UP).scaleb(2))


def optional_cents(value: str, place: Place) -> str | int:
    """Money as whole cents; an empty cell is unknown, not zero."""
    return cents(value, place) if value else NULL


def decimal(places: int, *, digits: int = 11, null: bool = False) -> Parser:
    """A decimal of at most ``digits`` whole digits, rounded to ``places``."""

    def parse(value: str, place: Place) -> str:
        if null and not value:
            return NULL
        amount = number(value, place)
        if abs(amount) >= Decimal(10) ** digits:
            raise Unreadable(_("é grande demais; o máximo são %(digits)d dígitos inteiros") % {"digits": digits})
        return str(amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))

    return parse


def whole(maximum: int, *, default: str = NULL) -> Parser:
    """A whole number from 0 to ``maximum``; an empty cell is ``default``."""

    def parse(value: str, place: Place) -> str | int:
        if not value:
            return default
        if not re.fullmatch(r"\d{1,12}([.,]0+)?", value) or int(re.split("[.,]", value)[0]) > maximum:
            raise Unreadable(_("não é um número inteiro de 0 a %(maximum)d") % {"maximum": maximum})
        return int(re.split("[.,]", value)[0])

    return parse


_DAY = re.compile(r"(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}))")


def _instant(value: str, place: Place) -> datetime:
    found = _DAY.match(value)
    if not found:
        raise Unreadable(_("não é uma data; escreva AAAA-MM-DD ou DD/MM/AAAA"))
    year, month, on, dmy_day, dmy_month, dmy_year = found.groups()
    rest = value[found.end() :].strip().lstrip("T").strip()
    iso = f"{int(year or dmy_year):04d}-{int(month or dmy_month):02d}-{int(on or dmy_day):02d}"
    if re.fullmatch(r"\d:\d\d(:\d\d)?", rest):
        rest = f"0{rest}"
    try:
        moment = datetime.fromisoformat(f"{iso}T{rest.replace(' ', '')}" if rest else iso)
    except ValueError:
        raise Unreadable(_("não é um dia ou hora que exista; escreva AAAA-MM-DD ou DD/MM/AAAA, com HH:MM se houver hora")) from None
    if not 1900 <= moment.year <= 2100:
        raise Unreadable(_("está fora dos anos 1900 a 2100"))
    # Without an offset the file speaks the organization's local time.
    return moment.replace(tzinfo=place.zone) if moment.tzinfo is None else moment.astimezone(place.zone)


def day(*, null: bool = False) -> Parser:
    """A day of the organization's zone: ISO, DD/MM/YYYY, or either with a time (its local day)."""

    def parse(value: str, place: Place) -> str:
        if null and not value:
            return NULL
        return _instant(value, place).date().isoformat()

    return parse


def instant(value: str, place: Place) -> str:
    """An instant, in UTC; without an offset it is the organization's local time."""
    return _instant(value, place).astimezone(UTC).isoformat()


def local_day(moment: str, place: Place) -> date:
    """The organization's day of an instant that ``instant`` wrote."""
    return datetime.fromisoformat(moment).astimezone(place.zone).date()


def coordinate(limit: int) -> Parser:
    """Degrees from -limit to limit; empty means unknown."""

    def parse(value: str, place: Place) -> str:
        if not value:
            return NULL
        try:
            degrees = float(value.replace(",", "."))
        except ValueError:
            raise Unreadable(_("não é uma coordenada em graus; escreva, por exemplo, -23,5505")) from None
        if not abs(degrees) <= limit:
            raise Unreadable(_("está fora de -%(limit)d a %(limit)d graus") % {"limit": limit})
        return repr(degrees)

    return parse


_YES = frozenset(["1", "true", "t", "yes", "y", "sim", "s", "si", "sí", "x", "verdadeiro", "verdadero"])
_NO = frozenset(["", "0", "false", "f", "no", "n", "nao", "não", "falso"])


def flag(value: str, place: Place) -> str:
    """sim/não, true/false, 1/0, S/N; empty is no."""
    word = value.lower()
    if word in _YES:
        return "t"
    if word in _NO:
        return "f"
    raise Unreadable(_("não é sim nem não; escreva sim ou não"))


def flag_or(default: str) -> Parser:
    """As ``flag``, but an empty cell is ``default`` ("t" or "f")."""
    return lambda value, place: flag(value, place) if value else default


def choice(names: dict[str, str], default: str) -> Parser:
    """One of a few words; ``names`` maps accepted spellings to what is stored."""

    def parse(value: str, place: Place) -> str:
        if not value:
            return default
        try:
            return names[value.lower()]
        except KeyError:
            raise Unreadable(_("use um destes: %(names)s") % {"names": ", ".join(sorted(set(names.values())))}) from None

    return parse


def email(value: str, place: Place) -> str:
    """An e-mail address, or empty."""
    if value:
        if len(value) > 254:
            raise Unreadable(_("não é um e-mail; escreva, por exemplo, nome@empresa.com.br"))
        try:
            validate_email(value)
        except ValidationError:
            raise Unreadable(_("não é um e-mail; escreva, por exemplo, nome@empresa.com.br")) from None
    return value


def state(value: str, place: Place) -> str:
    """A state's code: one of the 27 in Brazil, at most 3 letters or digits elsewhere."""
    code = value.upper()
    if place.country == "BR":
        if code and code not in STATES:
            raise Unreadable(_("não é uma UF; escreva a sigla, por exemplo SP"))
    elif not re.fullmatch(r"[A-Z0-9]{0,3}", code):
        raise Unreadable(_("não é um código de estado; use até 3 letras"))
    return code


_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def cnpj_is_valid(code: str) -> bool:
    """Whether 14 letters and digits, upper case, are a CNPJ: numeric or the alphanumeric one issued from July 2026.

    Letters count as their code point minus 48; the check digits are modulus 11 (Receita Federal, guide to the
    alphanumeric CNPJ). Codes of one repeated digit pass the arithmetic and are refused.
    """
    if not _CNPJ.fullmatch(code) or code == code[0] * 14:
        return False
    figures = [ord(each) - 48 for each in code]
    for n in (12, 13):
        rest = sum(a * b for a, b in zip(figures[:n], _WEIGHTS[13 - n :], strict=True)) % 11
        if figures[n] != (0 if rest < 2 else 11 - rest):
            return False
    return True


def tax_id(value: str, place: Place) -> str:
    """The company's tax id, letters and digits only. In Brazil a CNPJ with right check digits."""
    code = re.sub(r"[\s./\-]", "", value).upper()
    if not code:
        return ""
    if place.country == "BR":
        if len(code) in (12, 13) and code.isdigit():
            code = code.zfill(14)  # a spreadsheet eats the zeros in front; shorter is a CPF
        if not cnpj_is_valid(code):
            raise Unreadable(_("não é um CNPJ válido; confira os 14 caracteres e os dígitos verificadores"))
    elif not re.fullmatch(r"[0-9A-Z]{1,20}", code):
        raise Unreadable(_("não é uma identificação fiscal; use até 20 letras e números"))
    return code


def several(maximum: int) -> Parser:
    """A list in one cell, separated by ``|``, ``;`` or ``,``: each of at most ``maximum`` characters."""

    def parse(value: str, place: Place) -> str:
        parts = list(dict.fromkeys(part for part in (piece.strip() for piece in re.split(r"[|;,]", value)) if part))
        long = next((part for part in parts if len(part) > maximum), None)
        if long is not None:
            raise Unreadable(_("“%(part)s…” tem mais de %(maximum)d caracteres") % {"part": long[:20], "maximum": maximum})
        if len(parts) > 100:
            raise Unreadable(_("tem mais de 100 itens"))
        quoted = ('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
        return "{" + ",".join(quoted) + "}"

    return parse


def ibge_code(value: str, place: Place) -> str:
    """A municipality's 7-digit code, or empty. The check digit is not verified: nine real ones break it."""
    if value and not re.fullmatch(r"\d{7}", value):
        raise Unreadable(_("não é um código do IBGE; são 7 dígitos"))
    return value
