"""People at clients: added, changed, and whether they want to be contacted."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import Membership
from accounts.services import Actor, record_event
from accounts.services.personal import fingerprint
from accounts.templatetags.formats import day_year
from clients.models import Client, Contact
from clients.services.reach import require_reach

FIELDS = ("name", "role", "decision_role", "email", "phone", "preferred_channel")
PERSONAL = frozenset({"name", "email", "phone"})


class ContactRefused(DomainError):
    """What was asked of a contact cannot be; ``field`` is where."""

    code = "contact_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_contact(client: Client, values: Mapping[str, str], *, by: Membership, contact: Contact | None = None) -> Contact:
    """Add a person to the client, or change one of its own; saving the same again records nothing.

    Parameters
    ----------
    values : any of ``FIELDS``

    Raises
    ------
    NotAllowed
    ContactRefused
        The name is missing, or another contact of the client has it.
    """
    require_reach(client, by)
    if contact is not None and contact.client_id != client.pk:
        raise ContactRefused(_("Este contato é de outro cliente."))
    values = {name: value.strip() for name, value in values.items() if name in FIELDS}
    kept = contact or Contact(organization_id=client.organization_id, client=client)
    before = {name: getattr(kept, name) for name in FIELDS}
    for name, value in values.items():
        setattr(kept, name, value)
    if not kept.name:
        raise ContactRefused(_("Dê o nome da pessoa."), field="name")
    changed = [name for name in FIELDS if getattr(kept, name) != before[name]]
    if contact is not None and not changed:
        return contact
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError:
        raise ContactRefused(_("%(client)s já tem um contato com esse nome.") % {"client": client}, field="name") from None
    record_event(
        f"client:{client.pk}",
        "contact.changed" if contact else "contact.added",
        by=Actor(by),
        before={"contact": kept.pk} | _told(before, changed) if contact else {},
        after={"contact": kept.pk} | _told({name: getattr(kept, name) for name in changed}, changed),
    )
    return kept


@transaction.atomic
def give_consent(contact: Contact, *, on: date, source: str, by: Membership, today: date) -> Contact:
    """The person agreed to be contacted on ``on``, and ``source`` says how (a form, a call, a card).

    Raises
    ------
    NotAllowed
    ContactRefused
        No source, a day to come, or one before the person refused.
    """
    contact = _locked(contact, by)
    source = _said(on, source, today=today)
    if contact.refused_on and contact.refused_on > on:
        raise ContactRefused(_("Esta pessoa recusou depois disso, em %(day)s.") % {"day": day_year(contact.refused_on)}, field="on")
    before = _consent(contact)
    contact.consent_on, contact.consent_source = on, source
    if contact.refused_on == on:  # of one day the last word counts, and a refusal would outweigh it
        contact.refused_on, contact.refusal_source = None, ""
    return _keep_consent(contact, before, "contact.consented", by=by)


@transaction.atomic
def withdraw_consent(contact: Contact, *, on: date, source: str, by: Membership, today: date) -> Contact:
    """The person asked on ``on`` not to be contacted, and ``source`` says how. From then on no one-tap call or message is offered.

    Raises
    ------
    NotAllowed
    ContactRefused
        No source, a day to come, or one before the person agreed.
    """
    contact = _locked(contact, by)
    source = _said(on, source, today=today)
    if contact.consent_on and contact.consent_on > on:
        raise ContactRefused(_("Esta pessoa consentiu depois disso, em %(day)s.") % {"day": day_year(contact.consent_on)}, field="on")
    before = _consent(contact)
    contact.refused_on, contact.refusal_source = on, source
    return _keep_consent(contact, before, "contact.refused", by=by)


def _locked(contact: Contact, by: Membership) -> Contact:
    require_reach(contact.client, by)
    return Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)


def _said(on: date, source: str, *, today: date) -> str:
    if on > today:
        raise ContactRefused(_("Esse dia ainda não chegou. Use o de hoje ou um anterior."), field="on")
    if not source.strip():
        raise ContactRefused(_("Diga como a pessoa se manifestou: por telefone, formulário, mensagem."), field="source")
    return source.strip()[:80]


def _consent(contact: Contact) -> dict[str, Any]:
    return {
        "contact": contact.pk,
        "consent_on": contact.consent_on,
        "consent_source": contact.consent_source,
        "refused_on": contact.refused_on,
        "refusal_source": contact.refusal_source,
    }


def _keep_consent(contact: Contact, before: dict[str, Any], action: str, *, by: Membership) -> Contact:
    after = _consent(contact)
    if after != before:
        contact.save(update_fields=["consent_on", "consent_source", "refused_on", "refusal_source"])
        record_event(f"client:{contact.client_id}", action, by=Actor(by), before=before, after=after)
    return contact


def _told(values: Mapping[str, str], names: list[str]) -> dict[str, str]:
    """The values as the trail may hold them: personal ones by their mark only."""
    return {name: fingerprint(values[name]) if name in PERSONAL else values[name] for name in names}
