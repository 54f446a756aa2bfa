"""What the administration's pages share: who may come in, and how a page or its fragment is answered."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from accounts.models import Membership, Role
from accounts.step_up import ask_again, proved_recently

View = Callable[..., HttpResponse]
OFFICE = frozenset({Role.ADMIN, Role.AUDITOR})
ADMINS = frozenset({Role.ADMIN})


def only(roles: frozenset[str]) -> Callable[[View], View]:
    """To anyone else the page does not exist: no permission is a 404. Who only reads is let in to read alone."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            role = member_of(request).role
            if role not in roles or (role == Role.AUDITOR and request.method not in ("GET", "HEAD")):
                raise Http404
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def question(request: HttpRequest) -> HttpResponse | None:
    """The way to prove who sits there, where that is asked now; None where it was proved lately."""
    if proved_recently(request):
        return None
    return ask_again(request, request.path, why=_("Confirme que é você: aqui se dá e se tira acesso."))


def proved(view: View) -> View:
    """Ask who sits there before the page is shown, so that nothing typed is lost to the question."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return question(request) or view(request, *args, **kwargs)

    return asked


def member_of(request: HttpRequest) -> Membership:
    return request.membership  # type: ignore[attr-defined]


def paged(view: View) -> View:
    """One address answers page or fragment: caches are told, and a fragment is never stored."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if is_partial(request):
            response.headers["Cache-Control"] = "no-store"
        return response

    return vary_on_headers("HX-Request")(answered)


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment, and not for a whole page."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def answered(request: HttpRequest, whole: str, fragment: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The page, or for htmx the fragment it includes, which no cache may serve as the page."""
    return paged(lambda asked: render(asked, fragment if is_partial(asked) else whole, context, status=status))(request)
