"""The person's own page: name, language, theme, shortcuts, sessions; and the preferences of the menu."""

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.devices import device
from accounts.forms import PreferencesForm, ProfileForm
from accounts.models import User
from accounts.selectors import sessions_of
from accounts.services.sessions import session_name


@dataclass(frozen=True)
class OpenSession:
    name: str
    device: str
    phone: bool
    started_at: datetime | None
    seen_at: datetime | None
    here: bool


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """What the person may change of themselves, and where they are signed in."""
    member, organization, user = request.membership, request.organization, request.user  # type: ignore[attr-defined]
    initial = {"name": member.name, "language": user.language, "theme": user.theme, "shortcuts": user.shortcuts}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=initial, organization_language=organization.language)
    if request.method == "POST" and form.is_valid():
        services.rename_membership(member, form.cleaned_data["name"])
        chosen = {name: form.cleaned_data[name] for name in ("language", "theme", "shortcuts")}
        User.objects.filter(pk=user.pk).update(**chosen)
        with translation.override(chosen["language"] or organization.language):
            messages.success(request, _("Perfil salvo."))
        return redirect("accounts:profile", organization.slug)
    factors = set(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    context = {
        "form": form,
        "sessions": _sessions(request),
        "has_app": Authenticator.Type.TOTP in factors,
        "has_key": Authenticator.Type.WEBAUTHN in factors,
    }
    return render(request, "accounts/profile.html", context, status=422 if form.is_bound else 200)


@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End one of the person's sessions, by its name, or all but this one."""
    user_id, key = request.user.pk, request.session.session_key
    name = request.POST.get("session", "")
    if not name:
        ended = services.end_sessions(user_id, keep=key)
        messages.success(request, ngettext("%(n)d sessão encerrada.", "%(n)d sessões encerradas.", ended) % {"n": ended})
    elif name == session_name(key or ""):
        messages.error(request, _("Esta é a sessão em que você está. Para encerrá-la, use Sair."))
    elif services.end_session(user_id, name):
        messages.success(request, _("Sessão encerrada."))
    else:
        messages.info(request, _("Essa sessão já tinha terminado."))
    return redirect("accounts:profile", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Theme or language, from the person's menu; on the sign-in pages the language alone, kept in a cookie."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Essa opção não existe."))
        return _back(request)
    chosen = {name: form.cleaned_data[name] for name in ("theme", "language") if name in request.POST}
    if chosen and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(**chosen)
    response = _back(request)
    if chosen.get("language"):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen["language"],
            max_age=365 * 24 * 3600,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _back(request: HttpRequest) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    place = request.POST.get("next", "")
    # A path of this site only: the address of another would make this form a springboard for phishing.
    safe = place.startswith("/") and url_has_allowed_host_and_scheme(place, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(place if safe else "/")


def _sessions(request: HttpRequest) -> list[OpenSession]:
    found = sessions_of(request.user.pk, at=timezone.now())
    mine = request.session.session_key
    rows = [
        OpenSession(session_name(row.session_key), *device(row.user_agent), row.started_at, row.seen_at, row.session_key == mine)
        for row in found
    ]
    return sorted(rows, key=lambda row: not row.here)
