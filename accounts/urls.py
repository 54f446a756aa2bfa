"""Addresses of the person's own pages."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.views import audit, consent, exports, notices, offline, organizations, people, profile, settings, welcome

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
    path("invitations/<str:token>/", welcome.invitation, name="invitation"),
    path(f"{inside}people/", people.people_list, name="people"),
    path(f"{inside}people/invite/", people.invite, name="invite"),
    path(f"{inside}people/invitations/<int:invitation_id>/<str:act>/", people.invitation_act, name="invitation_act"),
    path(f"{inside}people/members/<int:membership_id>/", people.member, name="member"),
    path(f"{inside}people/members/<int:membership_id>/end/", people.end_access, name="end_access"),
    path(f"{inside}people/members/<int:membership_id>/restore/", people.restore_access, name="restore_access"),
    path(f"{inside}people/teams/", people.team_list, name="teams"),
    path(f"{inside}people/teams/<int:team_id>/", people.team, name="team"),
    path(f"{inside}settings/", settings.index, name="settings"),
    path(f"{inside}settings/identity/", settings.identity, name="settings_identity"),
    path(f"{inside}settings/reasons/", settings.reasons, name="settings_reasons"),
    path(f"{inside}settings/security/", settings.security, name="settings_security"),
    path(f"{inside}settings/retention/", settings.retention, name="settings_retention"),
    path(f"{inside}audit/", audit.audit, name="audit"),
    path(f"{inside}audit/verify/", audit.verify, name="audit_verify"),
    path(f"{inside}audit/check/", audit.check, name="audit_check"),
    path(f"{inside}audit/export.<str:form>", audit.export, name="audit_export"),
    path(f"{inside}files/", exports.exports, name="exports"),
    path(f"{inside}files/<int:job>/", exports.export, name="export"),
    path(f"{inside}files/<int:job>/file", exports.download, name="export_file"),
    path(f"{inside}notices/", notices.notice_list, name="notices"),
    path(f"{inside}notices/read/", notices.read_all, name="read_notices"),
    path(f"{inside}notices/<int:notice_id>/read/", notices.read, name="read_notice"),
    path(f"{inside}notices/<int:notice_id>/open/", notices.open_notice, name="open_notice"),
]
