"""Calls, mails, messages and notes: recorded once each, whatever the signal did."""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import Membership
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from clients.models import Client, Contact
from clients.services.reach import require_reach
from portfolio.models import Interaction
from portfolio.projections import refresh_contact_days

OLDEST = timedelta(days=366)
TALKS = frozenset({Interaction.Kind.CALL, Interaction.Kind.EMAIL, Interaction.Kind.MESSAGE})


class InteractionRefused(DomainError):
    """What was said of a talk cannot be kept; ``field`` is where."""

    code = "interaction_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class Recorded(NamedTuple):
    """The interaction, and whether this call stored it (False: it was there already)."""

    interaction: Interaction
    created: bool


def record_interaction(
    client: Client,
    kind: str,
    *,
    by: Membership,
    at: datetime,
    happened_at: datetime | None = None,
    note: str = "",
    contact: Contact | None = None,
    id_made: uuid.UUID | None = None,
) -> Recorded:
    """Keep a talk with the client, or a note about it, and renew the day of its last contact. The same ``id_made`` again: nothing.

    Parameters
    ----------
    at : when it came; ``happened_at`` (default ``at``) is when it was, never later

    Raises
    ------
    NotAllowed
        The client is out of reach, or the member only reads.
    InteractionRefused
        An unknown kind, an empty note, more than a year ago, or a contact of another client.
    """
    require_reach(client, by)
    if id_made is not None and (held := Interaction.objects.filter(id_made=id_made).first()):
        return Recorded(held, False)
    if kind not in Interaction.Kind.values:
        raise InteractionRefused(_("Diga se foi ligação, e-mail, mensagem ou anotação."), field="kind")
    if kind == Interaction.Kind.NOTE and not note.strip():
        raise InteractionRefused(_("Escreva a anotação."), field="note")
    happened_at = min(happened_at or at, at)
    if happened_at < at - OLDEST:
        raise InteractionRefused(_("Isso foi há mais de um ano. Confira a data."), field="happened_at")
    if contact is not None and contact.client_id != client.pk:
        raise InteractionRefused(_("Esta pessoa é de outro cliente."), field="contact")
    made = Interaction(
        organization_id=client.organization_id,
        client=client,
        by=by,
        kind=kind,
        happened_at=happened_at,
        happened_on=local_day(by.organization, at=happened_at),
        note=note.strip()[:4_000],
        contact=contact,
        id_made=id_made or uuid.uuid4(),
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        # The same sending, twice at once: the other one stored it.
        held = Interaction.objects.filter(id_made=made.id_made).first()
        if held is None:
            raise
        return Recorded(held, False)
    if kind in TALKS:
        refresh_contact_days([client.pk])
    record_event(f"client:{client.pk}", "interaction.recorded", by=Actor(by), after={"interaction": made.pk, "kind": kind})
    return Recorded(made, True)
