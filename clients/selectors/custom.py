"""Custom fields in use, and what they say of a client and the people there."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Max, QuerySet

from clients.models import Client, Contact, CustomField, CustomValue

Value = str | int | float | bool | date | None


@dataclass(frozen=True)
class Said:
    """One field with what it says; ``value`` as its type, None where nothing was said."""

    field: CustomField
    value: Value
    set_at: datetime | None = None


def fields_in_use(subject: str) -> list[CustomField]:
    """Fields of clients or contacts that are switched on, in their order; one query. None are, unless the company made some."""
    return list(CustomField.objects.filter(subject=subject, hidden_at=None).order_by("position", "name"))


def every_field() -> QuerySet[CustomField]:
    """All fields, hidden ones included, with ``n_values`` and when the newest was set; one query."""
    return CustomField.objects.annotate(n_values=Count("values"), newest_at=Max("values__set_at")).order_by("subject", "position", "name")


def said_of(client: Client, *, at: datetime) -> list[Said]:
    """Every field of clients in use with what it says of this one; two queries, one where there are no fields.

    A value whose time is over is not shown, though the night has not erased it yet.
    """
    return _said(fields_in_use(CustomField.Subject.CLIENT), CustomValue.objects.filter(client=client, contact=None), at)


def said_of_contact(contact: Contact, *, at: datetime) -> list[Said]:
    """The same of one person at a client; of somebody not yet kept, the fields alone."""
    return _said(fields_in_use(CustomField.Subject.CONTACT), CustomValue.objects.filter(contact_id=contact.pk or 0), at)


def said_of_people(client: Client, *, at: datetime) -> dict[int, list[Said]]:
    """What was said of each person at the client, by contact, of the fields that say anything; two queries, one without fields."""
    fields = fields_in_use(CustomField.Subject.CONTACT)
    found: dict[int, list[Said]] = {}
    if not fields:
        return found
    rows = {(row.contact_id, row.field_id): row for row in CustomValue.objects.filter(client=client, field__in=fields)}
    for person in {contact for contact, _field in rows if contact}:
        kept = [(field, rows[person, field.pk]) for field in fields if (person, field.pk) in rows]
        alive = [(field, row) for field, row in kept if row.set_at + field.retention > at]
        found[person] = [Said(field, parsed(field.kind, row.value), row.set_at) for field, row in alive]
    return found


def _said(fields: list[CustomField], values: QuerySet[CustomValue], at: datetime) -> list[Said]:
    if not fields:
        return []
    kept = {row.field_id: row for row in values.filter(field__in=fields)}
    found = []
    for field in fields:
        row = kept.get(field.pk)
        alive = row is not None and row.set_at + field.retention > at
        found.append(Said(field, parsed(field.kind, row.value), row.set_at) if row and alive else Said(field, None))
    return found


def parsed(kind: str, text: str) -> Value:
    """What is stored, as its type; text that is none of it any more is shown as it stands."""
    try:
        if kind == CustomField.Kind.NUMBER:
            return float(text) if "." in text else int(text)
        if kind == CustomField.Kind.DAY:
            return date.fromisoformat(text)
    except ValueError:
        return text
    return text == "yes" if kind == CustomField.Kind.YES_NO else text


def written(kind: str, value: Value) -> str:
    """The value as it is stored; "" for nothing."""
    if value is None or value == "":
        return ""
    if kind == CustomField.Kind.YES_NO:
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()[:500]
