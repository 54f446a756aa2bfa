"""Notices to members, and the outbox that carries messages out of the database."""

from collections.abc import Iterable
from typing import Any

from accounts.models import Notice, OutboxEvent
from accounts.tenancy import active_organization_id


def notify(membership_ids: Iterable[int], kind: str, *, key: str, facts: dict[str, Any]) -> int:
    """Tell each member once; ``key`` makes a repeated call harmless. Returns how many notices were asked for."""
    organization_id = active_organization_id()
    notices = [
        Notice(organization_id=organization_id, membership_id=membership_id, kind=kind, key=key, facts=facts)
        for membership_id in sorted(set(membership_ids))
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    return len(notices)


def send_to_outbox(topic: str, payload: dict[str, Any]) -> OutboxEvent:
    """Queue a message in the transaction of the change; ``accounts.tasks.relay_outbox`` sends it after the commit."""
    return OutboxEvent.objects.create(organization_id=active_organization_id(), topic=topic, payload=payload)
