"""What every view here asks of a request."""

from datetime import date

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Role
from accounts.selectors import local_day
from accounts.views.common import is_partial, only

__all__ = ["LEADERS", "is_partial", "leaders_only", "today_of"]

LEADERS = frozenset({Role.ADMIN, Role.MANAGER, Role.AUDITOR})
leaders_only = only(LEADERS)  # to a representative the page does not exist


def today_of(request: HttpRequest) -> date:
    """The organization's day now."""
    return local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]
