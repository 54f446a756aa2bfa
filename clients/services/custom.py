"""Custom fields: made with a purpose and an end, filled in, switched off, and erased when their time is over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from accounts.services.personal import fingerprint
from accounts.tenancy import active_organization_id
from clients.models import Client, Contact, CustomField, CustomValue
from clients.selectors.custom import Value, fields_in_use, written
from clients.services.reach import require_reach

MOST_FIELDS = 30  # of one subject, hidden ones included
TOLD = ("name", "purpose", "retention_days", "choices", "position")


class FieldRefused(DomainError):
    """The field cannot be as asked; ``field`` is where."""

    code = "field_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_field(values: Mapping[str, Any], *, by: Membership, at: datetime, field: CustomField | None = None) -> CustomField:
    """Make a field, or change one; of whom it is and its type stay as made, since values are written in it.

    Parameters
    ----------
    values : subject, name, kind, choices, purpose, retention_days; retention counts from the day each value was set

    Raises
    ------
    NotAllowed
        Only administration makes fields.
    FieldRefused
        A name already taken, no purpose, a choice without options, or too many fields.
    """
    _require(by)
    if field is None and CustomField.objects.filter(subject=values["subject"]).count() >= MOST_FIELDS:
        raise FieldRefused(_("São %(n)d campos já. Menos perguntas têm mais respostas.") % {"n": MOST_FIELDS})
    kept = (
        CustomField.objects.select_for_update().get(pk=field.pk)
        if field
        else CustomField(organization_id=active_organization_id(), created_at=at)
    )
    before = {name: getattr(kept, name) for name in TOLD} if field else {}
    if field is None:
        kept.subject, kept.kind = values["subject"], values["kind"]
        kept.position = (CustomField.objects.filter(subject=kept.subject).aggregate(last=Max("position"))["last"] or 0) + 1
    kept.name = " ".join(str(values["name"]).split())[:60]
    kept.purpose = " ".join(str(values["purpose"]).split())[:200]
    kept.retention_days = values["retention_days"]
    kept.choices = list(values.get("choices") or []) if kept.kind == CustomField.Kind.CHOICE else []
    if not kept.name or not kept.purpose:
        raise FieldRefused(_("Diga o nome e para que serve."), field="name" if not kept.name else "purpose")
    if kept.kind == CustomField.Kind.CHOICE and len(kept.choices) < 2:
        raise FieldRefused(_("Uma lista tem ao menos duas opções, uma por linha."), field="choices")
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError:
        raise FieldRefused(_("Já existe um campo chamado %(name)s.") % {"name": kept.name}, field="name") from None
    after = {name: getattr(kept, name) for name in TOLD}
    if before != after:
        changed = [name for name in TOLD if before.get(name) != after[name]]
        record_event(
            f"field:{kept.pk}",
            "field.changed" if field else "field.created",
            by=Actor(by),
            before={name: before[name] for name in changed} if field else {},
            after={name: after[name] for name in changed} | ({} if field else {"kind": kept.kind}),
        )
    return kept


@transaction.atomic
def switch_field(field: CustomField, on: bool, *, by: Membership, at: datetime) -> CustomField:
    """Switch a field off, which hides it and keeps what it holds until its time is over; or on again.

    Raises
    ------
    NotAllowed
    """
    _require(by)
    locked = CustomField.objects.select_for_update().get(pk=field.pk)
    if (locked.hidden_at is None) != on:
        locked.hidden_at = None if on else at
        locked.save(update_fields=["hidden_at"])
        record_event(f"field:{locked.pk}", "field.shown" if on else "field.hidden", by=Actor(by))
    return locked


@transaction.atomic
def set_values(client: Client, values: Mapping[int, Value], *, by: Membership, at: datetime, contact: Contact | None = None) -> list[str]:
    """Write what the fields say of a client, or of a person there; names of those that changed. Empty erases at once.

    The trail says which fields changed, and by a mark whether a value came back; never the value.

    Parameters
    ----------
    values : field id -> value as the field's type; ids of fields that are not in use are left alone

    Raises
    ------
    NotAllowed
        The client is out of reach, or the member only reads.
    FieldRefused
        A value that is none of a list's options.
    """
    require_reach(client, by)
    subject = CustomField.Subject.CONTACT if contact else CustomField.Subject.CLIENT
    # Two people saving one page wait for each other here.
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    kept = {row.field_id: row for row in CustomValue.objects.filter(client=client, contact=contact)}
    changed: dict[str, str] = {}
    for field in fields_in_use(subject):
        if field.pk not in values:
            continue
        text, row = written(field.kind, values[field.pk]), kept.get(field.pk)
        if field.kind == CustomField.Kind.CHOICE and text and text not in field.choices and not (row and row.value == text):
            raise FieldRefused(_("%(value)s não é uma das opções de %(name)s.") % {"value": text, "name": field.name})
        if text == (row.value if row else ""):
            continue
        if not text and row:
            row.delete()
        elif row:
            row.value, row.set_at, row.set_by = text, at, by
            row.save(update_fields=["value", "set_at", "set_by"])
        else:
            CustomValue.objects.create(
                organization_id=client.organization_id, field=field, client=client, contact=contact, value=text, set_at=at, set_by=by
            )
        changed[field.name] = fingerprint(text)
    if changed:
        facts: dict[str, Any] = {"fields": sorted(changed), "marks": changed} | ({"contact": contact.pk} if contact else {})
        record_event(f"client:{client.pk}", "custom.changed", by=Actor(by), after=facts)
    return sorted(changed)


_EXPIRED = """
DELETE FROM clients_customvalue v USING clients_customfield f
 WHERE v.organization_id = %(organization)s AND f.organization_id = v.organization_id AND f.id = v.field_id
   AND v.set_at <= %(at)s - make_interval(days => f.retention_days)
RETURNING f.id
"""


@transaction.atomic
def erase_expired(*, at: datetime) -> int:
    """Erase every value kept for as long as its field said, hidden fields' too; one event a field. Returns how many went."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, {"organization": active_organization_id(), "at": at})
        fields = [row[0] for row in cursor.fetchall()]
    for field in sorted(set(fields)):
        record_event(
            f"field:{field}", "custom.erased", by=Actor(label="task clients.erase_custom_values"), after={"values": fields.count(field)}
        )
    return len(fields)


@transaction.atomic
def move_field(field: CustomField, step: int, *, by: Membership) -> None:
    """Put the field one place up (-1) or down (1) among those of its subject; at the end nothing happens.

    Raises
    ------
    NotAllowed
    """
    _require(by)
    ordered = list(CustomField.objects.filter(subject=field.subject).order_by("position", "name").select_for_update())
    here = next(at for at, each in enumerate(ordered) if each.pk == field.pk)
    there = here + step
    if not 0 <= there < len(ordered):
        return
    ordered[here], ordered[there] = ordered[there], ordered[here]
    for position, each in enumerate(ordered, 1):
        CustomField.objects.filter(pk=each.pk).exclude(position=position).update(position=position)
    record_event(f"field:{field.pk}", "field.changed", by=Actor(by), before={"position": here + 1}, after={"position": there + 1})


def _require(by: Membership) -> None:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração cria campos."))
