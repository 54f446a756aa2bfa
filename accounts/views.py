"""Pages that belong to the person: choosing an organization, preferences, notices."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.selectors import memberships_of


@require_GET
@login_required
def organizations(request: HttpRequest) -> HttpResponse:
    """The organizations one belongs to; whoever belongs to one only goes straight in."""
    memberships = list(memberships_of(request.user.pk))
    if len(memberships) == 1:
        return redirect("accounts:home", organization=memberships[0].organization.slug)
    return render(request, "accounts/organizations.html", {"memberships": memberships})
