"""The relay that carries outbox rows out of the database, and the consumers that take them."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from smtplib import SMTPException
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F

from accounts.models import ConsumedEvent, Membership, Notice, OutboxEvent, Role
from accounts.services.invitations import invitation_mail
from accounts.services.messaging import notify

logger = logging.getLogger("carteira.outbox")

BATCH = 50
# A transaction must not live for 60 s, and a mail server may take its time over each message.
BUDGET_SECONDS = 20
TELL_AFTER = 6  # attempts, about a minute: by then it is no hiccup

LETTERS = ("mail", "invitation")  # topics a mail server is asked for

Consumer = Callable[[OutboxEvent], None]
_consumers: dict[str, list[tuple[str, Consumer]]] = defaultdict(list)


class TemporaryFailure(Exception):
    """A consumer could not take the event now; it is offered again later."""


def consumer(topic: str, name: str) -> Callable[[Consumer], Consumer]:
    """Register a function for a topic. It is called inside the organization's transaction, once per event (by ``ConsumedEvent``)."""

    def register(function: Consumer) -> Consumer:
        if name not in {known for known, _function in _consumers[topic]}:
            _consumers[topic].append((name, function))
        return function

    return register


# Retried at once, then after 2, 4, 8 ... seconds from its making, and hourly from then on.
_DUE = """
sent_at IS NULL AND (attempts = 0 OR extract(epoch FROM %s::timestamptz - created_at)
                     >= CASE WHEN attempts <= 12 THEN power(2, attempts) ELSE 4096 * (attempts - 11) END)
"""


def relay(*, at: datetime) -> int:
    """Send up to 50 waiting events of the active organization, oldest first; how many were sent.

    Rows another relay holds are skipped. An event whose consumer fails stays, with one more attempt counted; the others go out.
    """
    began, sent = time.monotonic(), 0
    with transaction.atomic():
        due = OutboxEvent.objects.extra(where=[_DUE], params=[at]).order_by("id")
        for event in due.select_for_update(skip_locked=True, no_key=True)[:BATCH]:
            if time.monotonic() - began > BUDGET_SECONDS:
                break
            sent += _deliver(event, at)
    return sent


def _deliver(event: OutboxEvent, at: datetime) -> bool:
    try:
        with transaction.atomic():
            for name, function in _consumers[event.topic]:
                _, fresh = ConsumedEvent.objects.get_or_create(consumer=name, event_id=event.event_id)
                if fresh:
                    function(event)
    except (TemporaryFailure, SMTPException, OSError) as error:
        OutboxEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1)
        logger.warning("outbox event %s (%s) not sent: %s", event.event_id, event.topic, error)
        if event.topic in LETTERS and event.attempts + 1 >= TELL_AFTER:
            _tell(error, at)
        return False
    OutboxEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1, sent_at=at)
    return True


def _tell(error: Exception, at: datetime) -> None:
    """Say once a day to administration that mail does not leave: nobody else can mend it, and who waits for it does not know."""
    admins = Membership.objects.filter(role=Role.ADMIN, is_active=True).values_list("pk", flat=True)
    waiting = OutboxEvent.objects.filter(topic__in=LETTERS, sent_at=None, attempts__gt=0).count()
    facts = {"waiting": waiting, "error": f"{type(error).__name__}: {error}"[:200]}
    notify(admins, Notice.Kind.MAIL_REFUSED, key=f"mail:{at.date().isoformat()}", facts=facts)


@consumer("mail", "mail")
def send_mail(event: OutboxEvent) -> None:
    """Payload: to (list), subject, body, html (may be missing).

    A worker that dies between sending and marking sends again: the Message-ID is the event's, so a mailbox shows it once.
    """
    payload: dict[str, Any] = event.payload
    message = _message(event, payload["to"], payload["subject"], payload["body"])
    if payload.get("html"):
        message.attach_alternative(payload["html"], "text/html")
    message.send()


@consumer("invitation", "invitation")
def send_invitation(event: OutboxEvent) -> None:
    """Payload: invitation, nonce. The link is made here, so that no queue and no backup holds it; one sent anew since is left alone."""
    mail = invitation_mail(event.payload["invitation"], event.payload["nonce"])
    if mail:
        _message(event, *mail).send()


def _message(event: OutboxEvent, to: list[str], subject: str, body: str) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(subject, body, to=to, headers={"Message-ID": f"<{event.event_id}@carteira>"})
