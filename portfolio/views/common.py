"""What every view here asks of a request."""

from datetime import date

from django.http import HttpRequest
from django.utils import timezone

from accounts.selectors import local_day


def today_of(request: HttpRequest) -> date:
    """The organization's day now."""
    return local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment, and not for a whole page."""
    return bool(request.htmx and not request.htmx.boosted)  # type: ignore[attr-defined]
