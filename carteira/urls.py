"""Every address of the site; pages of an organization live under ``/o/<slug>/``."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("o/<slug:organization>/", include("clients.urls")),
    path("o/<slug:organization>/", include("portfolio.urls")),
    path("o/<slug:organization>/", include("rotation.urls")),
]
