"""Personal fields: how the trail speaks of them, and who read them."""

from datetime import date, datetime

from django.utils.crypto import salted_hmac

from accounts.models import AuditEvent, Membership, Role
from accounts.selectors import local_day
from accounts.services.audit import Actor, record_event
from accounts.tenancy import active_organization_id

# Whose reading the trail keeps: those who see people they do not work with. A seller reads their own clients' all day long.
LOGGED_ROLES = frozenset({Role.ADMIN, Role.MANAGER})


def fingerprint(value: str) -> str:
    """A keyed mark of a value: the same for the same words in one organization, telling nobody what they are. "" for nothing."""
    if not value:
        return ""
    return salted_hmac("carteira.personal", f"{active_organization_id()}:{value}", algorithm="sha256").hexdigest()[:16]


def record_reading(stream: str, *, by: Membership, at: datetime) -> bool:
    """Record that an administrator or manager read the personal fields of ``stream`` (``client:42``), once a person and day.

    Returns whether this call wrote it. An auditor reads them masked, and a seller one's own: nothing to record.
    """
    if by.role not in LOGGED_ROLES:
        return False
    today: date = local_day(by.organization, at=at)
    last = AuditEvent.objects.filter(stream=stream, action="personal.read", actor_id=by.pk).order_by("-seq").first()
    if last is not None and local_day(by.organization, at=last.at) == today:
        return False
    record_event(stream, "personal.read", by=Actor(by), after={"fields": ["email", "phone"]})
    return True
