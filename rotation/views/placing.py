"""One client put on the map: a tap, the arrows and Enter, or the degrees typed; then on to the next one without a place."""

import json

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError
from clients.models import Client
from clients.services import mending
from rotation.selectors import quality as found
from rotation.views.common import ADMINS, only


@require_http_methods(["GET", "POST"])
@only(ADMINS)
def place(request: HttpRequest, client: int) -> HttpResponse:
    """The client's place, on a map that opens where its city's other clients are; POST keeps it and opens the next."""
    organization = request.organization  # type: ignore[attr-defined]
    row = Client.objects.select_related("representative").filter(pk=client, discarded_on=None).first()
    if row is None:
        raise Http404
    waiting = found.unmended("place", organization)
    typed = (request.POST.get("latitude", "").strip()[:30], request.POST.get("longitude", "").strip()[:30])
    error = ""
    if request.method == "POST":
        try:
            mending.set_place(row.pk, "; ".join(typed), by=request.membership)  # type: ignore[attr-defined]
        except DomainError as refusal:
            error = str(refusal)
        else:
            messages.success(request, _("%(name)s está no mapa.") % {"name": row})
            after = waiting.filter(pk__gt=row.pk).first() if "next" in request.POST else None
            if after is not None:
                return redirect("rotation:quality-place", organization.slug, after.pk)
            return redirect("rotation:quality-issue", organization.slug, "place")
    elif row.latitude is not None and row.longitude is not None:
        typed = (f"{row.latitude:.5f}", f"{row.longitude:.5f}")
    start, cities = found.cities_around(row)
    context = {
        "client": row,
        "typed": typed,
        "error": error,
        "left": waiting.filter(pk__gt=row.pk).count(),
        "start": start,
        "cities": json.dumps([[city.name, round(city.latitude, 4), round(city.longitude, 4)] for city in cities], ensure_ascii=False),
        "tiles": settings.MAP_TILE_URL,
    }
    return render(request, "rotation/place.html", context, status=422 if error else 200)
