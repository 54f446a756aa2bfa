"""Views that go wrong, for test_edges.py."""

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.urls import path

from carteira.urls import handler400, handler403, handler404, handler500
from carteira.urls import urlpatterns as real

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bug(request):
    raise RuntimeError("secret detail")


def gone(request):
    raise OperationalError("secret detail")


def busy(request):
    cause = RuntimeError("secret detail")
    cause.pgcode = "55P03"  # as the driver says that a lock was not had in time
    raise OperationalError("secret detail") from cause


def forbidden(request):
    raise PermissionDenied("só a diretoria pode")


urlpatterns = [
    *real,
    path("try/bug/", bug),
    path("try/gone/", gone),
    path("try/busy/", busy),
    path("o/<slug:organization>/try/forbidden/", forbidden),
]
