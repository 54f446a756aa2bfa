"""What the pages of the office share: who may come in, and how a page or its fragment is answered."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers

from accounts.models import Role

View = Callable[..., HttpResponse]
OFFICE = frozenset({Role.ADMIN, Role.AUDITOR})
ADMINS = frozenset({Role.ADMIN})


def only(roles: frozenset[str]) -> Callable[[View], View]:
    """To anyone else the page does not exist: no permission is a 404."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.membership.role not in roles:  # type: ignore[attr-defined]
                raise Http404
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def paged(view: View) -> View:
    """One address answers page or fragment: caches are told, and a fragment is never stored."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if partial(request):
            response.headers["Cache-Control"] = "no-store"
        return response

    return vary_on_headers("HX-Request")(answered)


def partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment, not for a whole page."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def writes(request: HttpRequest) -> bool:
    return request.membership.role == Role.ADMIN  # type: ignore[attr-defined]
