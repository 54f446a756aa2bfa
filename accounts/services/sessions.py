"""Ending sessions. A session is a row: once it is gone, its cookie opens nothing."""

from datetime import datetime, timedelta

from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Membership, Session

SEEN_EVERY = timedelta(minutes=10)


def session_name(session_key: str) -> str:
    """What a page may show of a session to name it; the key itself would open it."""
    return salted_hmac("accounts.session", session_key, algorithm="sha256").hexdigest()[:32]


def end_sessions(user_id: int, *, keep: str | None = None) -> int:
    """End the person's sessions, all but the one with key ``keep``. Returns how many ended."""
    ended, _rows = Session.objects.filter(user_id=user_id).exclude(session_key=keep or "").delete()
    return ended


def end_session(user_id: int, name: str) -> bool:
    """End the one session of the person that ``session_name`` calls ``name``; False when they have none of that name."""
    for session in Session.objects.filter(user_id=user_id):
        if constant_time_compare(session_name(session.session_key), name):
            session.delete()
            return True
    return False


def note_seen(membership: Membership, *, at: datetime) -> None:
    """Remember that the member used the organization's pages, to ten minutes. Inside its transaction."""
    if membership.seen_at is None or at - membership.seen_at >= SEEN_EVERY:
        Membership.objects.filter(pk=membership.pk).update(seen_at=at)
