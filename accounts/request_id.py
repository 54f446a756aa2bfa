"""The reference number of a request: on the answer, on its error page, in the logs and in the audit trail."""

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_current: ContextVar[str] = ContextVar("request_id", default="")
_USABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")
HEADER = "X-Request-ID"


def current_request_id() -> str:
    """The reference of the request being answered, or "" outside one."""
    return _current.get()


class RequestIdMiddleware:
    """Gives each request its number; one given by a proxy is kept only where a proxy is trusted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "") if settings.SECURE_PROXY_SSL_HEADER else ""
        request.id = given if _USABLE.fullmatch(given) else uuid.uuid4().hex[:16]  # type: ignore[attr-defined]
        token = _current.set(request.id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response.headers[HEADER] = request.id  # type: ignore[attr-defined]
        return response
