"""Every address of the site; pages of an organization live under ``/o/<slug>/``."""

from django.conf import settings
from django.urls import include, path

from carteira import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("o/<slug:organization>/", include("clients.urls")),
    path("o/<slug:organization>/", include("portfolio.urls")),
    path("o/<slug:organization>/", include("rotation.urls")),
]

if settings.DEBUG:
    from carteira.guide import guide

    urlpatterns.append(path("ui/", guide, name="guide"))
