"""Sessions kept on the server: how long they last, and the engine that stores them (SESSION_ENGINE).

An administrator's session ends after 2 idle hours and 12 hours in all; anyone else's after 12 hours and 7 days. The
instants live in the session itself, so a request asks no further question of the database to apply them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Membership, Role, Session, User
from accounts.tenancy import identity_atomic

STARTED, SEEN, AGENT, STRICT, SECOND_FACTOR = "started_at", "seen_at", "agent", "strict", "second_factor"
STRICT_IDLE, STRICT_WHOLE = timedelta(hours=2), timedelta(hours=12)
IDLE, WHOLE = timedelta(hours=12), timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)


class SessionStore(DatabaseStore):
    """Django's database sessions, with the person and the browser in columns of their own."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        """As Django's, without composing a query and making a row of it on every request."""
        with connection.cursor() as cursor:
            query = "SELECT session_data FROM accounts_session WHERE session_key = %s AND expire_date > %s"
            cursor.execute(query, [self.session_key, timezone.now()])
            found = cursor.fetchone()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        row.started_at, row.seen_at = _instant(data.get(STARTED)), _instant(data.get(SEEN))
        row.user_agent = str(data.get(AGENT, ""))[:300]
        return row


def begin(request: HttpRequest, user: User, *, at: datetime) -> None:
    """Note who signed in, when, and with which browser, in the session the sign-in has just rotated."""
    with identity_atomic(user_id=user.pk):
        administers = Membership.identities.filter(user_id=user.pk, is_active=True, role=Role.ADMIN).exists()
    session = request.session
    session[STARTED] = session[SEEN] = at.timestamp()
    session[AGENT] = request.META.get("HTTP_USER_AGENT", "")[:300]
    session[STRICT] = user.is_operator or administers
    session.pop(SECOND_FACTOR, None)


def has_ended(session: SessionBase, *, at: datetime) -> bool:
    """Whether a signed-in session was idle for too long or lasted too long; one without instants is ended too."""
    started, seen = _instant(session.get(STARTED)), _instant(session.get(SEEN))
    if started is None or seen is None:
        return True
    idle, whole = (STRICT_IDLE, STRICT_WHOLE) if session.get(STRICT, True) else (IDLE, WHOLE)
    return at - seen >= idle or at - started >= whole


def touch(session: SessionBase, *, at: datetime) -> bool:
    """Remember that the session is in use; written once a minute at most. Returns whether this was the time."""
    seen = _instant(session.get(SEEN))
    due = seen is None or at - seen >= TOUCH_EVERY
    if due:
        session[SEEN] = at.timestamp()
    return due


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
