"""Giro e eu: what the rotation may take from a representative and what stops it, what it brought, what it took."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import Role
from accounts.selectors import local_day
from rotation.selectors.warnings import changes_of, warnings_of
from rotation.views.common import only

LOOK_BACK_DAYS = 90
REPRESENTATIVES = frozenset({Role.REPRESENTATIVE})


@require_GET
@only(REPRESENTATIVES)
def mine(request: HttpRequest) -> HttpResponse:
    """The signed-in representative's own clients only."""
    today = local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]
    member = request.membership  # type: ignore[attr-defined]
    received, given = changes_of(member, since=today - timedelta(days=LOOK_BACK_DAYS))
    context = {
        "today": today,
        "warnings": list(warnings_of(member)),
        "received": received,
        "given": given,
        "days": LOOK_BACK_DAYS,
    }
    return render(request, "rotation/mine.html", context)
