"""Every address of the site; pages of an organization live under ``/o/<slug>/``."""

from django.conf import settings
from django.urls import include, path

from carteira import health
from portfolio.views.calendar import feed

handler400 = "accounts.views.errors.bad_request"
handler403 = "accounts.views.errors.forbidden"
handler404 = "accounts.views.errors.not_found"
handler429 = "accounts.views.errors.too_many"  # the sign-in library's
handler500 = "accounts.views.errors.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("feeds/<str:token>.ics", feed, name="calendar_feed"),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("o/<slug:organization>/", include("clients.urls")),
    path("o/<slug:organization>/", include("portfolio.urls")),
    path("o/<slug:organization>/", include("rotation.urls")),
]

if settings.DEBUG:
    from carteira.guide import guide

    urlpatterns.append(path("ui/", guide, name="guide"))
