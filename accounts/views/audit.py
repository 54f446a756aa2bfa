"""The audit trail: who did what to whom and when; filtered, as a file, and proved on request."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import trail
from accounts.exporting import hand_out
from accounts.models import AuditCheck, Role
from accounts.selectors import local_day
from accounts.selectors.trail import PAGE, Place, TrailFilter, last_check, people_in_trail, trail_count, trail_events
from accounts.services.audit import Event
from accounts.services.verify import SILENT, request_check
from accounts.trail import Told, told
from accounts.verify_words import break_words
from accounts.views.common import OFFICE, answered, member_of, only

CHUNK = 2_000  # events a file reads and puts into words at a time
DONE = 286  # htmx stops asking


@require_GET
@only(OFFICE)
def audit(request: HttpRequest) -> HttpResponse:
    """A page of the trail, newest first."""
    organization = request.organization  # type: ignore[attr-defined]
    wanted, after = TrailFilter.parse(request.GET), Place.parse(request.GET.get("after", ""))
    events = trail_events(wanted, organization, after=after, size=PAGE + 1)
    more, events = len(events) > PAGE, events[:PAGE]
    here = reverse("accounts:audit", args=[organization.slug])
    context: dict[str, Any] = {
        "rows": told(events, currency=organization.currency),
        "wanted": wanted,
        "here": here,
        "next_url": _url(here, wanted, str(Place(events[-1].at, events[-1].pk))) if more else "",
        "first_url": _url(here, wanted) if after else "",
        "clear_url": here,
        "base": f"/o/{organization.slug}/",
        "about": _about(wanted, events),
    }
    if not request.htmx:  # type: ignore[attr-defined]
        context |= {
            "people": people_in_trail(),
            "groups": trail.GROUPS.items(),
            "kinds": [
                (name, sorted(((kind, trail.kind_words(kind)) for kind in trail.kinds_of(group)), key=lambda each: each[1]))
                for group, name in trail.GROUPS.items()
            ],
            **_check_context(last_check()),
        }
    context["query"] = urlencode(wanted.query)
    return answered(request, "audit/audit.html", "audit/_events.html", context)


def _url(here: str, wanted: TrailFilter, after: str = "") -> str:
    query = wanted.query | ({"after": after} if after else {})
    return f"{here}?{urlencode(query)}" if query else here


def _about(wanted: TrailFilter, events: list) -> str:
    """The name of the one thing the trail is narrowed to."""
    if not wanted.stream:
        return ""
    first = told(events[:1])  # the same names the page needs, of one event
    return first[0].about if first else wanted.stream


@require_GET
@only(OFFICE)
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The filter's events as a file; who took them away is an event too. An auditor's leaves out what people wrote."""
    organization, member = request.organization, member_of(request)  # type: ignore[attr-defined]
    wanted = TrailFilter.parse(request.GET)
    masked = member.role == Role.AUDITOR

    def lines() -> Iterator[list]:
        after, events = None, trail_events(wanted, organization, size=CHUNK)
        while events:
            yield from (_line(each, organization.zone) for each in told(events, masked=masked, currency=organization.currency))
            after = Place(events[-1].at, events[-1].pk)
            events = trail_events(wanted, organization, after=after, size=CHUNK) if len(events) == CHUNK else []

    return hand_out(
        request,
        form,
        name=_("auditoria-%(day)s") % {"day": local_day(organization, at=timezone.now()).isoformat()},
        header=[_("Quando"), _("Quem"), _("O quê"), _("Sobre"), _("Mudou"), _("Motivo"), _("Registro")],
        rows=lines,
        count=lambda most: trail_count(wanted, organization, most=most),
        back=_url(reverse("accounts:audit", args=[organization.slug]), wanted),
        event=Event("audit", "audit.exported", after={"filter": urlencode(wanted.query)[:300]}),
    )


def _line(row: Told, zone: Any) -> list:
    changes = "; ".join(
        f"{each.label}: {each.before} → {each.after}" if each.before else f"{each.label}: {each.after}" for each in row.changes
    )
    return [row.at.astimezone(zone), row.who, row.what, row.about, changes, row.reason, f"{row.stream} #{row.seq}"]


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the whole trail to be proved: administration's and audit's right alike, since it changes nothing."""
    if member_of(request).role not in OFFICE:
        raise Http404
    check = request_check(by=member_of(request), at=timezone.now())
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "audit/_check.html", _check_context(check))
    return redirect(reverse("accounts:audit", args=[request.organization.slug]))  # type: ignore[attr-defined]


@require_GET
@only(OFFICE)
def check(request: HttpRequest) -> HttpResponse:
    """How far the verification is; asked again while it runs."""
    context = _check_context(last_check())
    response = render(request, "audit/_check.html", context, status=200 if context["running"] else DONE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _check_context(check: AuditCheck | None) -> dict[str, Any]:
    now = timezone.now()
    running = check is not None and check.state in (AuditCheck.State.WAITING, AuditCheck.State.RUNNING)
    silent = running and check is not None and (check.heartbeat_at or check.asked_at) < now - SILENT
    return {
        "check": check,
        "running": running and not silent,
        "silent": silent,
        "elapsed": int((now - check.asked_at).total_seconds()) if check else 0,
        "broken": break_words(check.place, check.what) if check and check.what else None,
    }
