"""What the rotation pages share: who may come in, and how a page or its fragment is answered."""

from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from accounts.models import Role
from accounts.views.common import ADMINS, only, paged
from accounts.views.common import is_partial as partial
from rotation.models import Run
from rotation.selectors.runs import runs_visible_to

__all__ = ["ADMINS", "DECIDERS", "LEADERS", "only", "page", "paged", "partial", "query_here", "row_id", "run_or_404", "without"]

LEADERS = frozenset({Role.ADMIN, Role.MANAGER, Role.AUDITOR})
DECIDERS = frozenset({Role.ADMIN, Role.MANAGER})


def run_or_404(request: HttpRequest, run_id: int) -> Run:
    run = runs_visible_to(request.membership).filter(pk=run_id).first()  # type: ignore[attr-defined]
    if run is None:
        raise Http404
    return run


def query_here(request: HttpRequest) -> QueryDict:
    """The querystring of the page the person is looking at: the form's own word, htmx's, or this request's."""
    if "here" in request.POST:
        return QueryDict(request.POST["here"].lstrip("?")[:4_000])
    if request.htmx and request.htmx.current_url:  # type: ignore[attr-defined]
        return QueryDict(urlsplit(request.htmx.current_url).query[:4_000])  # type: ignore[attr-defined]
    return request.GET


def without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    rest.pop(name, None)
    return rest.urlencode()


def page(request: HttpRequest, whole: str, fragment: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The page, or for htmx the fragment the page includes."""
    return render(request, fragment if partial(request) else whole, context, status=status)


def row_id(text: str | None) -> int | None:
    """A positive id out of a querystring, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
