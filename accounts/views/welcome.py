"""Accepting an invitation: the only page of an organization that somebody from outside opens, by the link in their mail."""

from allauth.account.internal.flows.login import record_authentication
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.people_forms import WelcomeForm
from accounts.services.invitations import InvitationOver, Welcome, accept_as_new, accept_signed_in, welcome
from accounts.tenancy import identity_atomic
from accounts.throttle import tries

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
WINDOW_SECONDS, PER_ADDRESS = 15 * 60, 60


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Set a password, or enter with the sign-in one has. A link that is over says so, whatever the reason."""
    now = timezone.now()
    if tries(f"invitation:{request.META.get('REMOTE_ADDR', '')}", window_seconds=WINDOW_SECONDS) > PER_ADDRESS:
        return render(request, "people/welcome_over.html", status=429)
    try:
        found = welcome(token, at=now)
        with translation.override(found.organization.language):
            if request.user.is_authenticated:
                return _signed_in(request, token, found)
            return _stranger(request, token, found)
    except InvitationOver:
        return render(request, "people/welcome_over.html", status=404)


def _signed_in(request: HttpRequest, token: str, found: Welcome) -> HttpResponse:
    user = request.user
    own = user.email_norm == found.invitation.email  # type: ignore[union-attr]
    if request.method == "POST" and own:
        organization = accept_signed_in(token, user, at=timezone.now())  # type: ignore[arg-type]
        if found.invitation.role == Role.ADMIN:
            request.session["strict"] = True  # an administrator's session is shorter from here on
        return redirect("accounts:home", organization.slug)
    return render(
        request, "people/welcome.html", {"found": found, "own": own, "signed_in": True}, status=403 if request.method == "POST" else 200
    )


def _stranger(request: HttpRequest, token: str, found: Welcome) -> HttpResponse:
    if found.signs_in:
        return render(request, "people/welcome.html", {"found": found, "next": request.path})
    form = WelcomeForm(request.POST if request.method == "POST" else None, initial={"name": found.invitation.name})
    if request.method == "POST" and form.is_valid():
        user, organization = accept_as_new(token, **form.cleaned_data, at=timezone.now())
        with identity_atomic(user_id=user.pk):
            login(request, user, backend=BACKEND)
            record_authentication(request, user, "password", email=user.email)
        messages.success(request, _("Boas-vindas a %(company)s.") % {"company": organization.name})
        return redirect("accounts:home", organization.slug)
    return render(request, "people/welcome.html", {"found": found, "form": form}, status=422 if form.is_bound else 200)
