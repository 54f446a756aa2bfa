"""From the headers of a file to the columns of a kind.

A mapping is a JSON object. For each of our columns it says where the cells come from::

    {"order_code": "invoice",                                   another header
     "order_code": ["invoice", "client_id", "date"],            several, joined by "-"
     "state": {"value": "IA"},                                  the same for every row
     "segment": {"column": "kind", "default": "Varejo"},        where the cell is empty
     "status": {"column": "invoice", "starts_with": {"C": "returned"}, "default": "valid"},
     "status": {"column": "is_cancellation", "values": {"1": "returned", "0": "valid"}},
     "phone": null,                                             leave it out
     "decimal": ","}                                            the file's decimal mark

Columns it does not name are found by their own name, whatever the case and accents.
"""

import difflib
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from clients.imports.errors import BadMapping, MissingColumns
from clients.imports.kinds.base import Kind
from clients.imports.spoken import spoken

Block = list[list[str]]  # columns of a block of rows
_OWN = re.compile(r"field_\d+")
Source = Callable[[Block, int], list[str]]  # columns and number of rows -> cells


def key_of(header: str) -> str:
    """A header without case, accents or punctuation: “Código do Cliente” -> codigo_do_cliente."""
    plain = unicodedata.normalize("NFKD", header.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


@dataclass
class Binding:
    """Where each of our columns comes from in one file."""

    sources: dict[str, Source] = field(default_factory=dict)
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # our column -> the headers it reads
    ignored: list[str] = field(default_factory=list)  # headers nothing reads
    decimal: str = ""


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file.

    Raises
    ------
    BadMapping
        Not readable, not JSON, or not an object.
    """
    try:
        mapping = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadMapping(
            _("Não foi possível abrir o mapeamento “%(name)s”: %(error)s.") % {"name": path.name, "error": error.strerror}
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadMapping(_("O mapeamento “%(name)s” não é JSON: %(error)s.") % {"name": path.name, "error": error}) from error
    if not isinstance(mapping, dict):
        raise BadMapping(_('O mapeamento deve ser um objeto JSON: {"nossa coluna": "cabeçalho do arquivo"}.'))
    return mapping


def bind(header: list[str], kind: type[Kind], mapping: dict[str, Any] | None = None) -> Binding:
    """Find every column of ``kind`` in a file with this header.

    Raises
    ------
    BadMapping
        The mapping names a column or a header that does not exist, or says something it cannot.
    MissingColumns
        Columns the kind must have are not there; the sentence lists them with the nearest headers.
    """
    mapping, binding = dict(mapping or {}), Binding()
    positions = {name: n for n, name in enumerate(header) if name}
    decimal = mapping.pop("decimal", "")
    if decimal not in ("", ",", "."):
        raise BadMapping(_('Mapeamento, “decimal”: use "," ou ".".'))
    binding.decimal = decimal
    known = [column.name for column in kind.offers]
    titles = {column.key: column.name for column in kind.offers if column.key}
    for said, rule in mapping.items():
        name = said if said in known else titles.get(key_of(said), said)
        if name not in known:
            if _OWN.fullmatch(name):
                if rule is None:
                    continue
                raise BadMapping(
                    _("O campo próprio indicado para “%(header)s” foi desativado. Indique as colunas de novo.") % {"header": rule}
                )
            raise BadMapping(
                _("Mapeamento: “%(column)s” não é uma coluna de %(kind)s. As colunas são: %(known)s.")
                % {"column": name, "kind": kind.name, "known": ", ".join(known)}
            )
        if rule is not None:
            binding.sources[name], binding.headers[name] = _source(name, rule, positions)
    by_key = {key_of(cell): cell for cell in reversed(header) if cell}
    for name in known:
        if name not in mapping and name in by_key:
            cell = by_key[name]
            binding.sources[name], binding.headers[name] = _column(positions[cell]), (cell,)
    taken = {each for headers in binding.headers.values() for each in headers}
    for title, name in titles.items():
        # A header that is one of our columns stays that one, though an own field has the same name.
        if name not in mapping and title not in mapping and (cell := by_key.get(title, "")) and cell not in taken:
            binding.sources[name], binding.headers[name] = _column(positions[cell]), (cell,)
    missing = kind.missing(binding.sources)
    if missing:
        raise MissingColumns(_missing_sentence(kind.name, missing, header))
    used = {each for headers in binding.headers.values() for each in headers}
    binding.ignored = [cell for cell in header if cell and cell not in used]
    return binding


def _missing_sentence(kind: str, missing: list[str], header: list[str]) -> str:
    named = []
    for name in missing:
        guess = _guess(kind, name, header)
        named.append(_("%(column)s (seria “%(guess)s”?)") % {"column": name, "guess": guess} if guess else name)
    return _("Faltam colunas obrigatórias de %(kind)s: %(missing)s. O cabeçalho traz: %(header)s. Renomeie-as ou envie um mapeamento.") % {
        "kind": kind,
        "missing": ", ".join(named),
        "header": ", ".join(cell for cell in header if cell)[:500],
    }


def _guess(kind: str, name: str, header: list[str]) -> str | None:
    by_key = {key_of(cell): cell for cell in header if cell}
    for word in spoken(kind, name):
        if word in by_key:
            return by_key[word]
    close = difflib.get_close_matches(name, by_key, n=1, cutoff=0.6)
    return by_key[close[0]] if close else None


def _column(position: int) -> Source:
    return lambda block, n: block[position]


def _source(name: str, rule: Any, positions: dict[str, int]) -> tuple[Source, tuple[str, ...]]:
    """The source one rule of the mapping describes, and the headers it reads."""
    if isinstance(rule, str | list):
        return _headers(name, rule, positions, "-")
    if not isinstance(rule, dict) or not rule:
        raise BadMapping(_("Mapeamento, “%(column)s”: escreva o cabeçalho, uma lista de cabeçalhos ou um objeto.") % {"column": name})
    unknown = rule.keys() - {"column", "separator", "value", "default", "values", "starts_with"}
    if unknown:
        raise BadMapping(_("Mapeamento, “%(column)s”: não se conhece “%(key)s”.") % {"column": name, "key": min(unknown)})
    for key in ("values", "starts_with"):
        table = rule.get(key, {})
        if not isinstance(table, dict) or not all(isinstance(each, str) for each in table.values()):
            raise BadMapping(_("Mapeamento, “%(column)s”: “%(key)s” é um objeto de textos.") % {"column": name, "key": key})
    for key in ("value", "default", "separator"):
        if not isinstance(rule.get(key, ""), str):
            raise BadMapping(_("Mapeamento, “%(column)s”: “%(key)s” é um texto.") % {"column": name, "key": key})
    if ("column" in rule) == ("value" in rule):
        raise BadMapping(_("Mapeamento, “%(column)s”: diga “column” ou “value”, um dos dois.") % {"column": name})
    if "value" in rule:
        constant = rule["value"]
        return (lambda block, n: [constant] * n), ()
    source, headers = _headers(name, rule["column"], positions, rule.get("separator", "-"))
    translate = _translation(rule)
    if translate is None:
        return source, headers

    def translated(block: Block, n: int) -> list[str]:
        cells = source(block, n)
        table = {cell: translate(cell) for cell in set(cells)}
        return [table[cell] for cell in cells]

    return translated, headers


def _headers(name: str, wanted: Any, positions: dict[str, int], separator: str) -> tuple[Source, tuple[str, ...]]:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise BadMapping(_("Mapeamento, “%(column)s”: escreva o cabeçalho, uma lista de cabeçalhos ou um objeto.") % {"column": name})
    by_key = {key_of(cell): cell for cell in positions}
    found = []
    for each in names:
        cell = each if each in positions else by_key.get(key_of(each))
        if cell is None:
            raise BadMapping(
                _("Mapeamento, “%(column)s”: o arquivo não tem a coluna “%(header)s”. Ele tem: %(headers)s.")
                % {"column": name, "header": each, "headers": ", ".join(positions)[:500]}
            )
        found.append(cell)
    at = [positions[cell] for cell in found]
    if len(at) == 1:
        return _column(at[0]), (found[0],)

    def joined(block: Block, n: int) -> list[str]:
        rows = zip(*(map(str.strip, block[each]) for each in at), strict=True)
        return [separator.join(row) if all(row) else "" for row in rows]  # a part missing, the whole is

    return joined, tuple(found)


def _translation(rule: dict[str, Any]) -> Callable[[str], str] | None:
    """What ``values``, ``starts_with`` and ``default`` make of a cell; None where the rule has none of them."""
    values, prefixes, default = rule.get("values"), rule.get("starts_with"), rule.get("default")
    if values is None and prefixes is None and default is None:
        return None

    def translate(cell: str) -> str:
        bare = cell.strip()
        if values and bare in values:
            return values[bare]
        if prefixes is not None:
            return next((to for prefix, to in prefixes.items() if bare.startswith(prefix)), default or "")
        return bare or default or ""

    return translate
