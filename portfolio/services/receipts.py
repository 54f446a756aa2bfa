"""A representative says that a client that came to them was seen."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Membership
from accounts.selectors import local_day
from portfolio.models import Ownership, Receipt

LATEST = timedelta(days=90)  # what came longer ago is nobody's news


@transaction.atomic
def accept_received(member: Membership, *, at: datetime, ownership_id: int | None = None) -> int:
    """Record that the member saw one client that came to them, or all that wait for it; returns how many.

    Only what the member still answers for, and what came from somebody else; said twice it is kept once.
    """
    since = local_day(member.organization, at=at) - LATEST
    waiting = Ownership.objects.filter(
        representative__membership_id=member.pk, ended_on=None, seq__gt=1, started_on__gte=since, receipts=None
    )
    if ownership_id is not None:
        waiting = waiting.filter(pk=ownership_id)
    held = waiting.values_list("pk", flat=True)
    rows = [Receipt(organization_id=member.organization_id, ownership_id=pk, by=member, accepted_at=at) for pk in held]
    return len(Receipt.objects.bulk_create(rows, ignore_conflicts=True))
