"""The private calendar: its page, and the feed itself, read outside any session by whoever knows its address."""

import hashlib
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_safe
from icalendar import Calendar, Event

from accounts.models import Membership, Organization
from accounts.selectors import local_day
from accounts.services.tokens import calendar_token, calendar_token_of, hashed, make_calendar_token, note_use, revoke_calendar_tokens
from accounts.tenancy import tenant_atomic
from accounts.throttle import tries
from clients.selectors.visibility import reach_of
from portfolio.selectors.agenda import Slot, own_representative, slots

BACK_DAYS, AHEAD_DAYS = 7, 60
LASTS = timedelta(hours=1)  # of a visit with an hour: calendars want an end
A_MINUTE_EACH, A_MINUTE_FROM = 20, 120  # tries of one address, and of all from one place


@require_http_methods(["GET", "POST"])
def feed_page(request: HttpRequest) -> HttpResponse:
    """Make the address of one's own agenda, which is shown this once; see whether there is one; end it."""
    member, organization, at = request.membership, request.organization, timezone.now()  # type: ignore[attr-defined]
    if own_representative(member) is None:
        raise Http404
    context = {"lasts_days": 365, "back": BACK_DAYS, "ahead": AHEAD_DAYS}
    if request.method == "POST":
        if request.POST.get("revoke"):
            if revoke_calendar_tokens(member, at=at):
                messages.success(request, _("O endereço deixou de funcionar. Calendários que o usavam ficam vazios."))
            return redirect("portfolio:agenda_feed", organization.slug)
        path = reverse("calendar_feed", args=[make_calendar_token(member, at=at)])
        context["address"] = settings.PUBLIC_URL.rstrip("/") + path
    context["token"] = calendar_token_of(member, at=at)
    return render(request, "portfolio/agenda_feed.html", context)


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The planned visits of whoever made this address, a week back and two months ahead, as iCalendar.

    Unknown, revoked, expired, of somebody deactivated: the same 404. Names of companies, their address and the day; nothing
    of the people in them.
    """
    at = timezone.now()
    each, place = f"calendar:{hashed(token)}", f"calendar-from:{request.META.get('REMOTE_ADDR', '')}"
    if tries(each, window_seconds=60) > A_MINUTE_EACH or tries(place, window_seconds=60) > A_MINUTE_FROM:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    key = calendar_token(token, at=at)
    if key is None:
        raise Http404
    with tenant_atomic(key.organization_id):
        member = Membership.objects.select_related("organization").filter(pk=key.membership_id, is_active=True).first()
        organization = member.organization if member else None
        person = own_representative(member) if member else None
        if member is None or organization is None or organization.suspended_at or person is None:
            raise Http404
        today = local_day(organization, at=at)
        first, last = today - timedelta(days=BACK_DAYS), today + timedelta(days=AHEAD_DAYS)
        planned = [
            slot
            for slot in slots(person, reach_of(member), first=first, last=last)
            if slot.planned_on and first <= slot.planned_on <= last and not (slot.cancelled_at and not slot.visited_at)
        ]
        note_use(key, at=at)
    with override(organization.language):
        body = calendar_of(planned, organization)
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    for name, value in {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "X-Robots-Tag": "noindex",
        "Referrer-Policy": "no-referrer",
    }.items():
        response.headers[name] = value
    return response


def calendar_of(planned: list[Slot], organization: Organization) -> bytes:
    """The visits as an iCalendar object: the same visits give the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", "-//Carteira//Agenda//PT")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{_('Visitas')} · {organization.name}")
    calendar.add("x-wr-timezone", organization.time_zone)
    calendar.add("refresh-interval;value=duration", "PT1H")
    for slot in planned:
        if slot.planned_on is None:
            continue
        event = Event()
        event.add("uid", f"{organization.pk}-{slot.pk}@carteira")
        event.add("dtstamp", slot.received_at.astimezone(UTC).replace(microsecond=0))
        event.add("sequence", max(slot.version - 1, 0))
        event.add("summary", _("Visita: %(client)s") % {"client": slot})
        event.add("transp", "OPAQUE" if slot.planned_at else "TRANSPARENT")
        if slot.planned_at:
            begins: datetime = slot.planned_at.astimezone(UTC)
            event.add("dtstart", begins)
            event.add("dtend", begins + LASTS)
        else:
            event.add("dtstart", slot.planned_on)
            event.add("dtend", slot.planned_on + timedelta(days=1))
        place = ", ".join(filter(None, [slot.address, slot.city, slot.uf]))
        if place:
            event.add("location", place)
        client_page = reverse("portfolio:client_page", args=[organization.slug, slot.client_id])
        event.add("url", settings.PUBLIC_URL.rstrip("/") + client_page)
        calendar.add_component(event)
    return calendar.to_ical()
