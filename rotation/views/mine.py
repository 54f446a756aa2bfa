"""Giro e eu: what the rotation may take from a representative and what stops it, what it brought, what it took."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import Role
from accounts.selectors import local_day
from rotation.models import Request
from rotation.selectors.requests import leaving_clients, own_requests
from rotation.selectors.warnings import changes_of, save_rate_of
from rotation.views.common import only

LOOK_BACK_DAYS = 90
REPRESENTATIVES = frozenset({Role.REPRESENTATIVE})


@require_GET
@only(REPRESENTATIVES)
def mine(request: HttpRequest) -> HttpResponse:
    """The signed-in representative's own clients only."""
    now = timezone.now()
    today = local_day(request.organization, at=now)  # type: ignore[attr-defined]
    member = request.membership  # type: ignore[attr-defined]
    since = today - timedelta(days=LOOK_BACK_DAYS)
    received, given = changes_of(member, since=since)
    context = {
        "today": today,
        "leaving": leaving_clients(member),
        "saved": save_rate_of(member, since=since),
        "asked": own_requests(member, since=now - timedelta(days=LOOK_BACK_DAYS)),
        "kinds": Request.Kind,
        "received": received,
        "given": given,
        "days": LOOK_BACK_DAYS,
    }
    return render(request, "rotation/mine.html", context)
