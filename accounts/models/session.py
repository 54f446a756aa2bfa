from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.models.people import User


class Session(AbstractBaseSession):
    """A browser's session, with what its owner needs in order to recognise it and end it.

    The columns beyond Django's copy what the session holds (see accounts/sessions.py). The table is read by an unguessable
    key before anybody is known, so it has no row security, as the design says of sessions.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta(AbstractBaseSession.Meta):
        db_table = "accounts_session"

    def __str__(self) -> str:
        return f"session of {self.user_id}"

    @classmethod
    def get_session_store_class(cls):
        from accounts.sessions import SessionStore  # the engine imports this model

        return SessionStore
