"""Marking one's own notices as read."""

from datetime import datetime

from accounts.models import Membership
from accounts.selectors import unread_notices


def mark_read(member: Membership, *, at: datetime, notice_id: int | None = None) -> int:
    """Mark one of the member's notices as read, or all of them. Returns how many were unread."""
    waiting = unread_notices(member)
    if notice_id is not None:
        waiting = waiting.filter(pk=notice_id)
    return waiting.update(read_at=at)
