"""Pages for what goes wrong, in plain words, with the reference number that the logs hold too.

Those of 500 and above ask nothing of the session or the database, only which address it was; a member's 403 and 404
keep the shell around them.
"""

import logging
import sys
from urllib.parse import urlsplit, urlunsplit

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

CODES = {400: "bad_request", 403: "not_allowed", 404: "not_found", 413: "too_large", 429: "too_many", 500: "error", 503: "unavailable"}
BUSY = {"55P03", "40001", "40P01"}  # PostgreSQL's: a lock not had in time, and two that were in each other's way
AGAIN = {429, 500, 503}  # what the next moment may cure
RETRY_AFTER = {429: "60", 503: "30"}


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: an API address, or an Accept that prefers JSON to a page."""
    return request.path_info.startswith("/api/") or request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal(request: HttpRequest, status: int, detail: str = "", *, template: str = "", code: str = "") -> HttpResponse:
    """The answer to a request that cannot be carried out: JSON ``{code, detail, reference}`` for programs, a page for people."""
    reference = getattr(request, "id", "")
    if wants_json(request):
        body = {"code": code or CODES.get(status, "refused"), "detail": detail, "reference": reference}
        response: HttpResponse = JsonResponse(body, status=status)
    else:
        member = status in {403, 404} and getattr(request, "membership", None) is not None
        context = {
            "reference": reference,
            "detail": detail,
            "layout": "base.html" if member else "layout_plain.html",
            **_ways_on(request, status),
        }
        name = template or f"{400 if status == 413 else status}.html"
        response = HttpResponse(render_to_string(name, context, request if status < 500 else None), status=status)
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[status]
    response.headers["Cache-Control"] = "no-store"
    return response


def _ways_on(request: HttpRequest, status: int) -> dict[str, str]:
    """``again``: the same address, where asking once more may help and changes nothing; ``back``: the page of this site one came from."""
    here = request.get_full_path()
    came = urlsplit(request.META.get("HTTP_REFERER", ""))
    ours = came.netloc == request.META.get("HTTP_HOST") and came.path.startswith("/") and not came.path.startswith("//")
    back = urlunsplit(("", "", came.path, came.query, "")) if ours else ""
    again = here if status in AGAIN and request.method in ("GET", "HEAD") else ""
    return {"again": again, "back": back if back != here or (request.method == "POST" and not again) else ""}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(request, 403, str(exception or ""))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A bug, or the database gone: then 503, since trying again will help."""
    error = sys.exc_info()[1]
    if getattr(getattr(error, "__cause__", None), "pgcode", None) in BUSY:
        busy = _("Outra operação usa estes dados agora, talvez uma importação. Nada foi alterado; espere um pouco e tente de novo.")
        return refusal(request, 503, busy, code="busy")
    return refusal(request, 503 if isinstance(error, OperationalError | InterfaceError) else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's safeguard is missing or old: an open tab after signing in elsewhere, or cookies refused."""
    logger.warning("csrf: %s", reason.partition(" - ")[0])  # what follows may quote the address somebody came from
    detail = _("Seu navegador não guardou o cookie de segurança deste site.") if reason == REASON_NO_CSRF_COOKIE else ""
    if wants_json(request):  # the queue of a device keeps the row and asks for a fresh page, as after signing out
        return JsonResponse(
            {"state": "sign_in", "code": "csrf", "message": detail or _("Abra a página de novo para continuar.")}, status=401
        )
    return refusal(request, 403, detail, template="403_csrf.html", code="csrf")


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(request, 429)
