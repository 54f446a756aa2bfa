"""Giro e eu: what the rotation may take from a representative and what stops it, what it brought, what it took."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Role
from accounts.selectors import local_day
from portfolio.services.receipts import accept_received
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
        "waiting": sum(change.still and change.accepted_at is None for change in received),
        "days": LOOK_BACK_DAYS,
    }
    return render(request, "rotation/mine.html", context)


@require_POST
@only(REPRESENTATIVES)
def accept(request: HttpRequest) -> HttpResponse:
    """Say that what came was seen: one (``ownership``), or everything that waits for it."""
    member, asked = request.membership, request.POST.get("ownership", "")  # type: ignore[attr-defined]
    one = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 16 else None
    n = accept_received(member, at=timezone.now(), ownership_id=one) if one or not asked else 0
    if n:
        words = ngettext("%(n)s cliente recebido. Marque a primeira visita.", "%(n)s clientes recebidos. Marque as primeiras visitas.", n)
        messages.success(request, words % {"n": n})
    else:
        messages.info(request, _("Nada esperava por isso: já estava recebido, ou já não está com você."))
    return redirect("rotation:mine", request.organization.slug)  # type: ignore[attr-defined]
