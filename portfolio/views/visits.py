"""Registering a visit and changing its report: for people as pages, for the queue of a device as JSON."""

import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.templatetags.formats import day, decimal, symbol
from accounts.views.errors import wants_json
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.visibility import clients_visible_to, reach_of
from portfolio import photos
from portfolio.errors import NeverReached, VisitRefused
from portfolio.models import Visit, VisitPhoto
from portfolio.reasons import no_sale_reasons
from portfolio.selectors.agenda import may_plan, visits_within
from portfolio.selectors.sheet import Sheet, chips_for, next_waiting, sheet_of
from portfolio.services.planning import cancel_visit
from portfolio.services.visits import Recorded, edit_visit, may_edit, record_visit
from portfolio.views import team_visits
from portfolio.views.agenda_acts import undo_url
from portfolio.views.common import LEADERS, is_partial, today_of
from portfolio.visit_asks import ASKABLE, asking
from portfolio.visit_forms import EditForm, VisitForm

CHOICES_SHOWN = 30
TOLD_APART = timedelta(minutes=15)  # a report that came later than this after it was made says both
OUTCOMES = [("sale", "shopping-cart"), ("no_sale", "circle-x"), ("absent", "user-x"), ("closed", "lock")]
SHOWN = {*ASKABLE, "outcome", "order_value", "no_sale_reason", "outside_reason"}  # fields that show their own errors


@require_http_methods(["GET", "POST"])
def record(request: HttpRequest) -> HttpResponse:
    """POST stores a report; the same ``id_made`` again is answered as stored already. GET: the team's visits, or one's own sheet."""
    if request.method == "GET":
        if request.membership.role in LEADERS:  # type: ignore[attr-defined]
            return team_visits.listing(request)
        return redirect("portfolio:new_visit", request.organization.slug)  # type: ignore[attr-defined]
    if refusal := _not_yours(request):
        return refusal
    key, made = request.headers.get("Idempotency-Key"), request.POST.get("id_made", "")
    if key and key.lower() != made.lower():
        return _refused(request, {"id_made": [_("O envio não confere com a visita. Registre-a de novo.")]})
    member, now = request.membership, timezone.now()  # type: ignore[attr-defined]
    known = _stored_as(made)
    if known is not None:
        return _stored(request, Recorded(known, False), status=200)
    form = VisitForm(request.POST)
    if not form.is_valid():
        return _refused(request, form.errors)
    said = form.cleaned_data
    try:
        report = form.report(request, said["id_made"], by=member, at=now)
        recorded = record_visit(report, id_made=said["id_made"], client_id=said["client"], plan=said["plan"], by=member, at=now)
    except NotAllowed as no:
        return _forbidden(request, str(no))
    except NeverReached as no:
        return _gone(request, str(no))
    except VisitRefused as no:
        return _refused(request, no.errors)
    return _stored(request, recorded, status=201 if recorded.stored else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, visit_id: uuid.UUID) -> HttpResponse:
    """A report as it stands, to be changed by who made it or leads; the last one received wins."""
    member, now = request.membership, timezone.now()  # type: ignore[attr-defined]
    if request.method == "GET":
        visit = get_object_or_404(Visit.objects.select_related("client", "representative"), id_made=visit_id, visited_at__isnull=False)
        if not may_edit(visit, member):
            raise Http404
        return _page(request, visit=visit)
    if refusal := _not_yours(request):
        return refusal
    form = EditForm(request.POST)
    if not form.is_valid():
        return _refused(request, form.errors, visit_id=visit_id)
    try:
        recorded = edit_visit(form.report(request, visit_id, by=member, at=now), id_made=visit_id, by=member, at=now)
    except NotAllowed as no:
        return _forbidden(request, str(no))
    except NeverReached as no:
        return _gone(request, str(no))
    except VisitRefused as no:
        return _refused(request, no.errors, visit_id=visit_id)
    return _stored(request, recorded, status=200)


@require_GET
@vary_on_headers("HX-Request")
def new(request: HttpRequest) -> HttpResponse:
    """The sheet of a client, or the choice of one among those within reach."""
    member = request.membership  # type: ignore[attr-defined]
    if member.role == Role.AUDITOR:
        raise Http404
    chosen = request.GET.get("client", "")
    if not chosen:
        return _choice(request)
    sheet = sheet_of(member, int(chosen), as_of=today_of(request), plan=_uuid(request.GET.get("plan"))) if _number(chosen) else None
    if sheet is None:
        raise Http404
    return _page(request, sheet=sheet)


@require_GET
def photo(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The file of a photo, to who reaches its client. What it is was read from its bytes; its name is ours."""
    found = get_object_or_404(VisitPhoto.objects.select_related("visit"), id_made=photo_id)
    member = request.membership  # type: ignore[attr-defined]
    if not clients_visible_to(member).filter(pk=found.visit.client_id).exists() and not may_edit(found.visit, member):
        raise Http404
    path = photos.path_of(found.stored_as, organization_id=found.organization_id)
    if path is None:
        raise Http404
    response = FileResponse(path.open("rb"), content_type=found.content_type)
    response["Content-Disposition"] = f'inline; filename="{found.stored_as}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=600"
    return response


@require_POST
def skip(request: HttpRequest, visit_id: uuid.UUID) -> HttpResponse:
    """A visit of the day that will not be made, with the reason; one tap on Hoje, and one to take it back."""
    member = request.membership  # type: ignore[attr-defined]
    if not may_plan(member):
        raise Http404
    mine = visits_within(reach_of(member)).filter(visited_at=None).select_related("client")
    found = get_object_or_404(mine, id_made=visit_id)
    try:
        before = cancel_visit(found, request.POST.get("reason", ""), by=member)
    except DomainError as no:
        messages.error(request, str(no))
    else:
        undo = undo_url(request, before.as_dict())
        messages.success(request, _("Visita a %(client)s fora do dia de hoje.") % {"client": found.client}, extra_tags=undo)
    return redirect("portfolio:today", request.organization.slug)  # type: ignore[attr-defined]


def _choice(request: HttpRequest) -> HttpResponse:
    """Clients to choose from: those waiting today first, then by what they bought in a year; searched by name, code, CNPJ, phone."""
    as_of, organization = today_of(request), request.organization  # type: ignore[attr-defined]
    member, words = request.membership, request.GET.get("q", "").strip()[:64]  # type: ignore[attr-defined]
    wanted = ClientFilter(q=words, sort="name" if words else "value", size=CHOICES_SHOWN)
    limits = Limits.of(organization)
    rows = client_rows(clients_visible_to(member), wanted, as_of=as_of, limits=limits).rows
    sheet = reverse("portfolio:new_visit", args=[organization.slug])
    found = [
        (
            row,
            row.lifecycle(as_of=as_of, limits=limits),
            f"{sheet}?client={row.pk}",
        )
        for row in rows
    ]
    waiting = [] if words else _waiting(member, as_of)
    context = {
        "found": found,
        "waiting": [(visit, f"{sheet}?client={visit.client_id}&plan={visit.id_made}") for visit in waiting],
        "words": words,
    }
    context["here"] = sheet
    context["as_of"] = as_of
    return render(request, "portfolio/_visit_choice.html" if is_partial(request) else "portfolio/visit_choice.html", context)


def _waiting(member: Membership, as_of: date) -> list[Visit]:
    mine = Visit.objects.filter(representative__membership_id=member.pk, planned_on=as_of, visited_at=None, cancelled_at=None)
    return list(mine.select_related("client").order_by("position", "planned_at", "client__name_key")[:20])


def _page(
    request: HttpRequest, *, sheet: Sheet | None = None, visit: Visit | None = None, said: dict[str, Any] | None = None, errors: Any = None
) -> HttpResponse:
    """The sheet, as a page or as the dialog over the page one is on; with errors it is a 422."""
    organization, errors = request.organization, errors or {}  # type: ignore[attr-defined]
    client = (sheet or visit).client  # type: ignore[union-attr]
    said = said or (_words_of(visit) if visit else {})
    first = visit.visited_on if visit else today_of(request)
    chips = sheet.chips if sheet else chips_for(0, from_day=first, country=organization.country)[1:]
    context = {
        "visit": visit,
        "client": client,
        "plan_id": sheet.plan.id_made if sheet and sheet.plan else "",
        "id_made": said.get("id_made") or uuid.uuid4(),
        "said": said,
        "errors": errors,
        "stray_errors": [each for name, sentences in errors.items() if name not in SHOWN for each in sentences],
        "title": _("Mudar o relato") if visit else _("Registrar visita"),
        "subtitle": " · ".join(filter(None, [str(client), client.city, day(first) if visit else ""])),
        "outcomes": [(value, Visit.Outcome(value).label, sign) for value, sign in OUTCOMES],
        "reasons": _with(said.get("no_sale_reason"), no_sale_reasons(organization)),
        "chips": [replace(chip, chosen=str(chip.days) == said["next_contact_in"]) for chip in chips]
        if "next_contact_in" in said
        else chips,
        "grades": [("1", _("1, muito insatisfeito")), ("2", "2"), ("3", "3"), ("4", "4"), ("5", _("5, muito satisfeito"))],
        "tomorrow": first + timedelta(days=1) if first else None,
        "currency_sign": symbol(organization.currency),
        "latitude": "" if client.latitude is None else repr(client.latitude),
        "longitude": "" if client.longitude is None else repr(client.longitude),
        "action": reverse("portfolio:edit_visit", args=[organization.slug, visit.id_made])
        if visit
        else reverse("portfolio:record_visit", args=[organization.slug]),
        "photos": list(visit.photos.order_by("pk")) if visit else [],
        "asks": _asks(organization.visit_asks, visit),
        "edits": list(visit.edits.select_related("by").order_by("-version")[:20]) if visit else [],
        "came_late": bool(visit and visit.made_at and visit.received_at - visit.made_at > TOLD_APART),
    }
    template = "portfolio/_visit_sheet.html" if is_partial(request) else "portfolio/visit_page.html"
    response = render(request, template, context, status=422 if errors else 200)
    response["Cache-Control"] = "no-store"
    if not is_partial(request) and sheet and not errors:
        response["X-Offline"] = "keep"
    return response


def _asks(kept: list[str], visit: Visit | None) -> dict[str, str]:
    """The classes by which the sheet knows what each outcome asks for; place and photos kept already are not asked again."""
    wanted = asking(kept)
    if visit and visit.latitude is not None:
        wanted["location"] = []
    if visit and wanted["photo"] and visit.photos.exists():
        wanted["photo"] = []
    return {name: " ".join(f"asks-{outcome}" for outcome in outcomes) for name, outcomes in wanted.items()}


def _with(said: str | None, reasons: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The reasons offered, and the one said before where the list has lost it since."""
    return reasons if not said or said in dict(reasons) else [*reasons, (said, said)]


def _words_of(visit: Visit) -> dict[str, Any]:
    """What the form holds of a report as it stands."""
    value = visit.order_value_cents
    return {
        "outcome": Visit.Outcome.SALE.value if visit.outcome == "order" else visit.outcome,  # the word of files
        "order_value": decimal(value / 100, 2) if value is not None else "",
        "no_sale_reason": visit.no_sale_reason,
        "satisfaction": visit.satisfaction or "",
        "note": visit.note,
        "next_contact_on": visit.next_contact_on.isoformat() if visit.next_contact_on else "",
        "outside_reason": visit.outside_reason,
    }


def _stored(request: HttpRequest, recorded: Recorded, *, status: int) -> HttpResponse:
    """The report is here, now or since an earlier try; a person goes on with the day."""
    visit, slug = recorded.visit, request.organization.slug  # type: ignore[attr-defined]
    onward = reverse("portfolio:today", args=[slug])
    if request.POST.get("next") == "save_and_next":
        waiting = next_waiting(request.membership, as_of=today_of(request))  # type: ignore[attr-defined]
        sheet = reverse("portfolio:new_visit", args=[slug])
        onward = f"{sheet}?{urlencode({'client': waiting.client_id, 'plan': waiting.id_made})}" if waiting else sheet
    # An id of another person's report says no more than that it is taken.
    own = may_edit(visit, request.membership)  # type: ignore[attr-defined]
    text = _("Visita salva: %(client)s.") % {"client": visit.client} if own else _("Visita salva.")
    if wants_json(request):
        state = "stored" if recorded.stored else "already"
        return JsonResponse({"state": state, "id": visit.pk, "message": text, "next": onward}, status=status)
    messages.success(request, text)
    return redirect(onward)


def _refused(request: HttpRequest, errors: Any, *, visit_id: uuid.UUID | None = None) -> HttpResponse:
    """422: what to mend, field by field, and the form to mend it in."""
    slug = request.organization.slug  # type: ignore[attr-defined]
    words = {name: [str(sentence) for sentence in sentences] for name, sentences in errors.items()}
    chosen = request.POST.get("client", "")
    if wants_json(request):
        place = reverse("portfolio:new_visit", args=[slug]) + (f"?client={int(chosen)}" if _number(chosen) else "")
        if visit_id:
            place = reverse("portfolio:edit_visit", args=[slug, visit_id])
        message = " ".join(sentence for sentences in words.values() for sentence in sentences)
        return JsonResponse({"state": "refused", "message": message, "errors": words, "form": place}, status=422)
    member = request.membership  # type: ignore[attr-defined]
    if visit_id:
        visit = Visit.objects.select_related("client", "representative").filter(id_made=visit_id).exclude(visited_at=None).first()
        if visit is None or not may_edit(visit, member):
            raise Http404
        return _page(request, visit=visit, said=request.POST.dict(), errors=words)
    plan = _uuid(request.POST.get("plan"))
    sheet = sheet_of(member, int(chosen), as_of=today_of(request), plan=plan) if _number(chosen) else None
    if sheet is None:
        raise Http404
    return _page(request, sheet=sheet, said=request.POST.dict(), errors=words)


def _forbidden(request: HttpRequest, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"state": "forbidden", "message": message}, status=403)
    raise PermissionDenied(message)


def _gone(request: HttpRequest, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"state": "refused", "message": message}, status=404)
    raise Http404


def _not_yours(request: HttpRequest) -> HttpResponse | None:
    """403 for who only reads; 409 where the device holds the row of somebody who is not signed in now: not in another's name."""
    if request.membership.role == Role.AUDITOR:  # type: ignore[attr-defined]
        return _forbidden(request, _("Quem audita lê e não registra visitas."))
    said = request.headers.get("X-Member")
    if said and said != str(request.membership.pk):  # type: ignore[attr-defined]
        message = _("Esta visita foi registrada por outra pessoa neste aparelho. Entre com o acesso dela para enviar.")
        return JsonResponse({"state": "other_person", "message": message}, status=409)
    return None


def _stored_as(made: str) -> Visit | None:
    wanted = _uuid(made)
    return Visit.objects.select_related("client").filter(id_made=wanted).exclude(visited_at=None).first() if wanted else None


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
