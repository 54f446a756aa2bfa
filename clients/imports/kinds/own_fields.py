"""Columns for what the organization itself keeps of its clients and contacts: read by each field's type, written as a page writes them."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from psycopg2 import sql

from clients.imports import values
from clients.imports.kinds.base import Column, Kind, Tally, kind_named
from clients.imports.mapping import key_of
from clients.imports.stage import Stage
from clients.imports.values import Parser, Place, Unreadable
from clients.models import CustomField
from clients.selectors.custom import fields_in_use, written

S, I = sql.SQL, sql.Identifier  # noqa: E741
LARGEST = 10**12
SHOWN_CHOICES = 12


def kind_here(name: str) -> type[Kind]:
    """The kind with that name, offering the active organization's own fields too; one query where it can have any.

    Raises
    ------
    UnknownKind
    """
    kind = kind_named(name)
    fields = fields_in_use(kind.fields_of) if kind.fields_of else []
    if not fields:
        return kind
    own = tuple(_column(field) for field in fields)
    return type(kind.__name__, (kind,), {"offers": kind.offers + own, "__doc__": kind.__doc__})


def _column(field: CustomField) -> Column:
    form, example = _said(field)
    return Column(
        f"field_{field.pk}",
        _parser(field),
        own=field.pk,
        label=field.name,
        key=key_of(field.name),
        form=form,
        example=example,
        numeric=field.kind == CustomField.Kind.NUMBER,
    )


def _said(field: CustomField) -> tuple[str, str]:
    """How a cell of the field is written, and one that would be taken."""
    if field.kind == CustomField.Kind.NUMBER:
        return _("com vírgula ou ponto"), "1234,5"
    if field.kind == CustomField.Kind.DAY:
        return _("AAAA-MM-DD ou DD/MM/AAAA"), "2026-03-15"
    if field.kind == CustomField.Kind.YES_NO:
        return _("sim ou não; vazio é não dito"), _("sim")
    if field.kind == CustomField.Kind.CHOICE:
        return _listed(field.choices), field.choices[0]
    return "", ""


def _listed(choices: list[str]) -> str:
    return ", ".join(choices[:SHOWN_CHOICES]) + (" …" if len(choices) > SHOWN_CHOICES else "")


def _parser(field: CustomField) -> Parser:
    """Reads a cell into what ``CustomValue`` holds; an empty one is nothing said, whatever the type."""
    if field.kind == CustomField.Kind.CHOICE:
        read = _choice(field)
    else:
        read = {CustomField.Kind.NUMBER: _number, CustomField.Kind.DAY: values.day(), CustomField.Kind.YES_NO: _yes_no}.get(
            CustomField.Kind(field.kind), values.text(500)
        )
    return lambda cell, place: read(cell, place) if cell else ""


def _number(cell: str, place: Place) -> str:
    amount = values.number(cell, place)
    if abs(amount) >= LARGEST:
        raise Unreadable(_("é grande demais; o máximo são %(digits)d dígitos inteiros") % {"digits": 12})
    return written(CustomField.Kind.NUMBER, float(amount))


def _yes_no(cell: str, place: Place) -> str:
    return written(CustomField.Kind.YES_NO, values.flag(cell, place) == "t")


def _choice(field: CustomField) -> Parser:
    exact, near = set(field.choices), {key_of(each): each for each in reversed(field.choices) if key_of(each)}

    def parse(cell: str, place: Place) -> str:
        found = cell if cell in exact else near.get(key_of(cell))
        if found is None:
            raise Unreadable(_("use um destes: %(names)s") % {"names": _listed(field.choices)})
        return found

    return parse


# Values whose time is over are gone for whoever reads, though the night has not erased them: saying one again begins its time anew.
_WRITE = S("""
WITH asked AS (
  SELECT {subject}, f.field_id, f.value FROM staged s
    JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code {contact}
    CROSS JOIN LATERAL (VALUES {cells}) f(field_id, value)
), standing AS (
  SELECT v.id, a.client_id, a.contact_id, a.field_id, a.value, v.value AS was, v.set_at + make_interval(days => d.retention_days) AS until
    FROM asked a JOIN clients_customfield d ON d.organization_id = %(organization)s AND d.id = a.field_id
    LEFT JOIN clients_customvalue v ON v.organization_id = %(organization)s AND v.field_id = a.field_id
         AND v.client_id = a.client_id AND v.contact_id IS NOT DISTINCT FROM a.contact_id
), gone AS (
  DELETE FROM clients_customvalue v USING standing
   WHERE v.organization_id = %(organization)s AND v.id = standing.id AND standing.value = '' RETURNING v.client_id, v.contact_id
), put AS (
  INSERT INTO clients_customvalue (organization_id, field_id, client_id, contact_id, value, set_at, set_by_id)
  SELECT %(organization)s, field_id, client_id, contact_id, value, %(at)s, %(by)s FROM standing
   WHERE value <> '' AND (id IS NULL OR was <> value OR until <= %(at)s) ORDER BY client_id, contact_id, field_id
  ON CONFLICT (organization_id, {key}, field_id) WHERE {where}
  DO UPDATE SET value = EXCLUDED.value, set_at = EXCLUDED.set_at, set_by_id = EXCLUDED.set_by_id
  RETURNING client_id, contact_id
)
SELECT coalesce(contact_id, client_id) FROM gone UNION SELECT coalesce(contact_id, client_id) FROM put
""")
_OF_CLIENT = {"subject": S("c.id AS client_id, NULL::bigint AS contact_id"), "contact": S(""), "key": I("client_id")}
_OF_CONTACT = {
    "subject": S("c.id AS client_id, k.id AS contact_id"),
    "contact": S("JOIN clients_contact k ON k.organization_id = c.organization_id AND k.client_id = c.id AND k.name = s.name"),
    "key": I("contact_id"),
}


def write_own_fields(kind: Kind, stage: Stage) -> list[int]:
    """Write what the staged rows say of the organization's own fields; ids of the clients, or contacts, for whom that changed something.

    A page's event names each field that changed; of a file the event of the import tells, as of all it writes.
    """
    own = [column for column in kind.columns if column.own]
    if not own:
        return []
    parts = _OF_CONTACT if kind.fields_of == CustomField.Subject.CONTACT else _OF_CLIENT
    cells = S(", ").join(S("({}::bigint, {})").format(sql.Literal(column.own), I("s", column.name)) for column in own)
    where = S("NOT (contact_id IS NULL)") if parts is _OF_CONTACT else S("contact_id IS NULL")
    by = kind.context.by.membership
    rows = stage.run(_WRITE.format(cells=cells, where=where, **parts), at=kind.context.at, by=by.pk if by else None)
    return [row[0] for row in rows]


def also_updated(tally: Tally, written: Iterable[tuple[int, bool]], touched: Iterable[int]) -> Tally:
    """The counts where own fields changed rows that nothing else did: those are updated, not unchanged."""
    more = len(set(touched) - {pk for pk, _created in written})
    tally.updated, tally.unchanged = tally.updated + more, tally.unchanged - more
    return tally
