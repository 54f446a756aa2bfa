"""Hoje: the day of who visits clients."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portfolio.models import Visit
from portfolio.views.common import today_of


@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """The signed-in person's visits of the day."""
    as_of = today_of(request)
    visits = Visit.objects.filter(representative__membership_id=request.membership.pk, planned_on=as_of)  # type: ignore[attr-defined]
    return render(request, "portfolio/today.html", {"visits": visits.select_related("client").order_by("planned_at"), "as_of": as_of})
