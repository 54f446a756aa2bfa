"""What every view here asks of a request."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Role
from accounts.selectors import local_day

LEADERS = frozenset({Role.ADMIN, Role.MANAGER, Role.AUDITOR})


def today_of(request: HttpRequest) -> date:
    """The organization's day now."""
    return local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment, and not for a whole page."""
    return bool(request.htmx and not request.htmx.boosted)  # type: ignore[attr-defined]


def leaders_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """To a representative the page does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.membership.role not in LEADERS:  # type: ignore[attr-defined]
            raise Http404
        return view(request, *args, **kwargs)

    return guarded
