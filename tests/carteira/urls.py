"""Pages that break with what they were sent in their mouths, for test_logs.py."""

import logging

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from carteira.urls import handler400, handler403, handler404, handler500
from carteira.urls import urlpatterns as real

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def repeat(request: HttpRequest, token: str) -> HttpResponse:
    """Says and raises everything it was given, as a careless library would."""
    logging.getLogger("tests.library").warning("%s asked for %r with %s", request.user, request.GET, token)
    raise RuntimeError(f"{token} {request.GET} {request.POST} {request.headers}")


def value(request: HttpRequest) -> HttpResponse:
    """Asks the database for what it will refuse, quoting it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [request.GET.get("q", "no number")])
    return HttpResponse()


urlpatterns = [*real, path("try/<str:token>/", repeat), path("o/<slug:organization>/try/value/", value)]
