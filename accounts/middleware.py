"""What each request takes from its session: how long that still holds, and the person's language and time zone."""

import zoneinfo
from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts import sessions


class SessionAgeMiddleware:
    """Ends a session that was idle or lasted too long, before anybody is taken to be signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.session
        if SESSION_KEY in session:
            at = timezone.now()
            if sessions.has_ended(session, at=at):
                session.flush()
            else:
                request.was_idle = sessions.touch(session, at=at)  # type: ignore[attr-defined]
        return self.get_response(request)


class PreferencesMiddleware:
    """Language and time zone of the page: the person's choice first, then their organization's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        organization = request.organization  # type: ignore[attr-defined]
        user = getattr(request, "_cached_user", None)
        language = (getattr(user, "language", "") or "") or (organization.language if organization else "")
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
        with timezone.override(zoneinfo.ZoneInfo(organization.time_zone) if organization else None):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language() or "pt-br")
        if user is not None and getattr(user, "is_authenticated", False):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
