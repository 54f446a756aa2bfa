"""Representatives: the list with what each carries, and the form with the base on a map."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_urlconf, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.errors import DomainError
from accounts.models import Representative, Role
from accounts.selectors.people import team_choices
from accounts.services.representatives import save_representative
from accounts.shell import served
from accounts.views.common import ADMINS, OFFICE, answered, member_of, only
from clients.models import Client
from portfolio.representative_form import STATES, RepresentativeForm, initial_of
from portfolio.selectors.representatives import PAGE, RepresentativeFilter, client_segments, representatives_of
from portfolio.views.common import today_of


@require_GET
@only(OFFICE)
def representatives(request: HttpRequest) -> HttpResponse:
    """Who answers for clients, where from, and how full each is."""
    slug, wanted, today = request.organization.slug, RepresentativeFilter.parse(request.GET), today_of(request)  # type: ignore[attr-defined]
    here, found = reverse("portfolio:representatives", args=[slug]), representatives_of(wanted, on=today)
    total, skip = found.count(), (wanted.page - 1) * PAGE
    rows = list(found[skip : skip + PAGE])
    context: dict[str, Any] = {
        "rows": rows,
        "wanted": wanted,
        "here": here,
        "today": today,
        "total": total,
        "first": skip + 1,
        "last": skip + len(rows),
        "previous_url": _page(here, wanted, wanted.page - 1) if wanted.page > 1 else "",
        "next_url": _page(here, wanted, wanted.page + 1) if skip + len(rows) < total else "",
        "writes": member_of(request).role == Role.ADMIN,
        "tab": "representatives",
    }
    if not request.htmx:  # type: ignore[attr-defined]
        context |= {"teams": team_choices(), "contracts": Representative.Contract.choices}
    return answered(request, "people/representatives.html", "people/_representatives.html", context)


def _page(here: str, wanted: RepresentativeFilter, page: int) -> str:
    query = wanted.query | ({"page": str(page)} if page > 1 else {})
    return f"{here}?{urlencode(query)}" if query else here


@require_http_methods(["GET", "POST"])
@only(ADMINS)
def new_representative(request: HttpRequest) -> HttpResponse:
    """Register a representative."""
    return _form(request, None)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def representative(request: HttpRequest, representative: int) -> HttpResponse:
    """A representative's registration; who only reads sees it without the form's button."""
    return _form(request, get_object_or_404(Representative.objects.select_related("team", "membership"), pk=representative))


def _form(request: HttpRequest, found: Representative | None) -> HttpResponse:
    organization, status = request.organization, 200  # type: ignore[attr-defined]
    initial = initial_of(found) if found else {"visits_per_day": organization.visits_per_day, "capacity_clients": 150}
    form = RepresentativeForm(request.POST if request.method == "POST" else None, representative=found, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = save_representative(form.values, by=member_of(request), representative=found)
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
            else:
                messages.success(request, _("%(name)s salvo.") % {"name": saved})
                return redirect("portfolio:representative", organization.slug, saved.pk)
    context = {
        "form": form,
        "person": found,
        "writes": member_of(request).role == Role.ADMIN,
        "n_clients": Client.objects.filter(representative=found, discarded_on=None).count() if found else 0,
        "leave_url": _leave_url(organization.slug, found),
        "gone": bool(found and found.valid_to and found.valid_to <= today_of(request)),
        "segments": client_segments(),
        "states": STATES if organization.country == "BR" else [],
        "tiles": settings.MAP_TILE_URL,
        "autonomous": bool(found and found.contract_type == Representative.Contract.AUTONOMOUS),
    }
    return render(request, "people/representative.html", context, status=status)


def _leave_url(slug: str, found: Representative | None) -> str:
    """Where a leaving representative's clients are divided; "" where nobody serves it. (Above this app: who moves clients lives there.)"""
    if found is None or not served(f"people/{found.pk}/leave/", get_urlconf()):
        return ""
    return f"/o/{slug}/people/{found.pk}/leave/"
