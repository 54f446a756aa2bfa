"""Addresses of the person's own pages."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.views import consent, notices, offline, organizations, profile

app_name = "accounts"
inside = "o/<slug:organization>/"
urlpatterns = [
    path("", organizations.organizations, name="organizations"),
    path("preferences/", profile.preferences, name="preferences"),
    # The sign-in library would let a person keep several addresses; here the invitation's one is the sign-in.
    path("accounts/email/", RedirectView.as_view(pattern_name="accounts:organizations")),
    path("accounts/confirm-email/", RedirectView.as_view(pattern_name="accounts:organizations")),
    path("worker.js", offline.worker, name="worker"),
    path("offline/", offline.no_signal, name="no_signal"),
    path(inside, organizations.home, name="home"),
    path(f"{inside}manifest.webmanifest", offline.manifest, name="manifest"),
    path(f"{inside}offline/", offline.kept_pages, name="kept_pages"),
    path(f"{inside}outbox/", offline.outbox, name="outbox"),
    path(f"{inside}me/", profile.profile, name="profile"),
    path(f"{inside}me/sessions/end/", profile.end_sessions, name="end_sessions"),
    path(f"{inside}people/<int:representative>/consent/", consent.consent, name="consent"),
    path(f"{inside}notices/", notices.notice_list, name="notices"),
    path(f"{inside}notices/read/", notices.read_all, name="read_notices"),
    path(f"{inside}notices/<int:notice_id>/read/", notices.read, name="read_notice"),
    path(f"{inside}notices/<int:notice_id>/open/", notices.open_notice, name="open_notice"),
]
