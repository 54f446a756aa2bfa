"""Where a person arrives: choosing an organization, and the first page of the one chosen."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.models import Role
from accounts.selectors import memberships_of
from accounts.shell import served

# The first of these that is served. Paths and not names: the pages belong to apps above this one.
FIRST_PLACES = {
    Role.REPRESENTATIVE: ["today/", "clients/"],
    Role.MANAGER: ["dashboard/", "rotation/", "clients/"],
    Role.ADMIN: ["dashboard/", "rotation/", "clients/"],
    Role.AUDITOR: ["dashboard/", "rotation/", "clients/"],
}


@require_GET
@login_required
def organizations(request: HttpRequest) -> HttpResponse:
    """The organizations one belongs to; whoever belongs to one only goes straight in."""
    memberships = list(memberships_of(request.user.pk))
    if len(memberships) == 1:
        return redirect("accounts:home", organization=memberships[0].organization.slug)
    return render(request, "accounts/organizations.html", {"memberships": memberships})


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the member's role."""
    urlconf = getattr(request, "urlconf", None)
    places = [*FIRST_PLACES[Role(request.membership.role)], "notices/"]  # type: ignore[attr-defined]
    place = next(place for place in places if served(place, urlconf))
    return redirect(f"/o/{request.organization.slug}/{place}")  # type: ignore[attr-defined]
