"""What is done to an agenda: mark, move, cancel, skip, put in order, take back."""

from datetime import datetime, time
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day
from accounts.templatetags.formats import day, decimal
from clients.models import Client
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.visibility import clients_visible_to
from portfolio.models import Visit
from portfolio.selectors.agenda import State, agendas_of, may_plan, own_representative
from portfolio.services.planning import (
    Before,
    cancel_visit,
    checked_day,
    move_visit,
    order_day,
    plan_visit_saying,
    skip_visit,
    take_back,
)
from portfolio.views.agenda import agenda_context, answer, desk_back, desk_of, query_here, sheet_context, visit_or_404, waiting_on

UNDO_SECONDS = 1800


class MoveForm(forms.Form):
    on = forms.DateField(label=gettext_lazy("Dia"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    hour = forms.TimeField(
        label=gettext_lazy("Horário"), required=False, widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M")
    )

    def at(self, zone: Any) -> datetime | None:
        """The agreed hour as an instant, in the organization's zone."""
        hour: time | None = self.cleaned_data["hour"]
        return datetime.combine(self.cleaned_data["on"], hour, tzinfo=zone) if hour else None


class PlanForm(MoveForm):
    client = forms.IntegerField(label=gettext_lazy("Cliente"), min_value=1, max_value=2**62, widget=forms.Select)
    field_order = ("client", "on", "hour")


def _salt(member: Membership) -> str:
    return f"agenda-undo:{member.organization_id}:{member.pk}"


def undo_url(request: HttpRequest, payload: dict[str, Any]) -> str:
    """The address that takes an act back, signed for this member; ``payload`` is ``Before.as_dict()``."""
    member = request.membership  # type: ignore[attr-defined]
    token = signing.dumps(payload, salt=_salt(member), compress=True)
    return reverse("portfolio:agenda_undo", args=[request.organization.slug, token])  # type: ignore[attr-defined]


def _done(request: HttpRequest, text: str, back: str, *, undo: str = "", level: str = "ok") -> HttpResponse:
    """The agenda the person acted from, with what was done and how to take it back; without it, the way back there."""
    here = query_here(request)
    if here is None:
        today = reverse("portfolio:today", args=[request.organization.slug])  # type: ignore[attr-defined]
        # What was done on Hoje and is taken back there leaves the person there.
        if request.htmx and urlsplit(request.htmx.current_url or "").path == today:  # type: ignore[attr-defined]
            back = today
        {"ok": messages.success, "bad": messages.error}[level](request, text)
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(status=204, headers={"HX-Redirect": back})
        return redirect(back)
    response = answer(request, desk_of(request, here), toast_text=text, toast_level=level, toast_undo=undo)
    response.headers["HX-Trigger"] = "closeDialog"
    return response


def _planner(request: HttpRequest) -> Membership:
    member: Membership = request.membership  # type: ignore[attr-defined]
    if not may_plan(member):
        raise Http404
    return member


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Mark a visit: a client within reach, a day, an hour if one was agreed."""
    member, organization = _planner(request), request.organization  # type: ignore[attr-defined]
    today = local_day(organization, at=timezone.now())
    seen = clients_visible_to(member).select_related("representative")
    form = PlanForm(request.POST if request.method == "POST" else None, initial={"on": request.GET.get("on") or today})
    client = None
    if request.method == "POST" and form.is_valid():
        client = seen.filter(pk=form.cleaned_data["client"]).first()
        person = _who_goes(member, client)
        if client is None:
            form.add_error("client", _("Escolha um cliente da lista."))
        elif person is None:
            form.add_error("client", _("Este cliente está sem vendedor. Entregue-o a alguém antes de marcar a visita."))
        else:
            try:
                on = checked_day(form.cleaned_data["on"], today=today)
                found, before = plan_visit_saying(client, person, on, form.at(organization.zone), by=member)
            except DomainError as refusal:
                form.add_error("on", str(refusal))
            else:
                moved = before is not None and not before.created
                text = _("Visita a %(client)s marcada para %(day)s.") if not moved else _("A visita a %(client)s passou para %(day)s.")
                messages.success(request, text % {"client": client, "day": day(on)})
                return redirect(desk_back(request, found))
    elif request.GET.get("client", "").isdigit():
        client = seen.filter(pk=min(int(request.GET["client"]), 2**62)).first()
    words = request.GET.get("q", "").strip()[:64]
    context = {
        "form": form,
        "client": client,
        "today": today,
        "q": words,
        "choices": _clients(request, seen, words) if words else [],
        "search_url": reverse("portfolio:agenda_clients", args=[organization.slug]),
        "back": reverse("portfolio:agenda", args=[organization.slug]),
    }
    return render(request, "portfolio/agenda_new.html", context, status=422 if form.is_bound else 200)


def _who_goes(member: Membership, client: Client | None) -> Representative | None:
    """A seller goes themselves, to their own clients and to those they cover; others send whoever answers for the client."""
    if client is None:
        return None
    return own_representative(member) if member.role == Role.REPRESENTATIVE else client.representative


def _clients(request: HttpRequest, seen: Any, words: str) -> list[tuple[int, str, str]]:
    organization = request.organization  # type: ignore[attr-defined]
    as_of, wanted = local_day(organization, at=timezone.now()), ClientFilter(q=words, size=25)
    rows = client_rows(seen, wanted, as_of=as_of, limits=Limits.of(organization)).rows
    return [(row.pk, str(row), " · ".join(filter(None, [row.city, row.code]))) for row in rows[:12]]


@require_GET
def client_choices(request: HttpRequest) -> HttpResponse:
    """Clients within reach that match what is typed, for the field that chooses one."""
    member, words = _planner(request), request.GET.get("q", "").strip()[:64]
    found = _clients(request, clients_visible_to(member), words)
    response = render(request, "portfolio/_agenda_clients.html", {"choices": found})
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused(request: HttpRequest, found: Visit, refusal: str, *, field: str) -> HttpResponse:
    """The sheet again with what is wrong, in its dialog or on its page."""
    found.refresh_from_db()
    context = sheet_context(request, found) | {"refusal": refusal, "wrong": field, "typed": request.POST}
    if query_here(request) is None:
        return render(request, "portfolio/agenda_visit.html", context, status=422)
    response = render(request, "portfolio/_agenda_visit_body.html", context, status=422)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#visit-sheet", "outerHTML"
    return response


@require_POST
def move(request: HttpRequest, number: int) -> HttpResponse:
    """Another day, chosen or one of the two near ones; an hour only with a chosen day."""
    member, organization = _planner(request), request.organization  # type: ignore[attr-defined]
    found = visit_or_404(request, number)
    offered = sheet_context(request, found)
    quick = {"tomorrow": offered["tomorrow"], "next_week": offered["next_week"]}.get(request.POST.get("to", ""))
    form = MoveForm({"on": quick} if quick else request.POST)
    if not form.is_valid():
        return _refused(request, found, " ".join(sentence for each in form.errors.values() for sentence in each), field="on")
    on = form.cleaned_data["on"]
    try:
        before = move_visit(found, on, form.at(organization.zone), by=member)
    except DomainError as refusal:
        return _refused(request, found, str(refusal), field="on")
    found.planned_on = on
    text = _("A visita a %(client)s passou para %(day)s.") % {"client": found.client, "day": day(on)}
    return _done(request, text, desk_back(request, found), undo=undo_url(request, before.as_dict()))


@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """End the visit with a reason, or let this turn pass."""
    member, found = _planner(request), visit_or_404(request, number)
    skipping = bool(request.POST.get("skip"))
    try:
        before = skip_visit(found, by=member) if skipping else cancel_visit(found, request.POST.get("reason", ""), by=member)
    except DomainError as refusal:
        return _refused(request, found, str(refusal), field="reason")
    text = _("Visita a %(client)s pulada desta vez.") if skipping else _("Visita a %(client)s cancelada.")
    return _done(request, text % {"client": found.client}, desk_back(request, found), undo=undo_url(request, before.as_dict()))


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """One visit a place up or down, or all of the day in the order suggested."""
    member = _planner(request)
    desk = desk_of(request, request.POST)
    if desk.representative is None:
        raise Http404
    context = agenda_context(request, desk)
    whole = context["chosen"].shown
    listed = [each.slot for each in whole if each.state != State.CANCELLED]
    text = ""
    if request.POST.get("suggest"):
        waiting, route = waiting_on(context["chosen"]), context["route"]
        if route is None:
            return _done(request, _("Não há o que ordenar nesse dia."), desk.url())
        done = [slot for slot in listed if not slot.waits]
        ordered = done + [waiting[n] for n in route.order]
        text = _("Ordem sugerida aplicada: de %(before)s para %(after)s km.") % {
            "before": decimal(route.km_before),
            "after": decimal(route.km_after),
        }
    else:
        ordered = _stepped(listed, request.POST)
        text = _("Ordem do dia mudada.")
    former = [(slot.pk, slot.position) for slot in listed]
    changed = order_day(desk.representative, desk.on, [(slot.pk, place) for place, slot in enumerate(ordered, start=1)], by=member)
    undo = undo_url(request, {"on": desk.on.isoformat(), "rep": desk.representative.pk, "order": former}) if changed else ""
    return _done(request, text, desk.url(), undo=undo)


def _stepped(listed: list[Any], form: Any) -> list[Any]:
    """``listed`` with the visit named by ``up`` or ``down`` a place earlier or later; unchanged where it cannot."""
    number, step = (form.get("up"), -1) if form.get("up") else (form.get("down"), 1)
    here = next((n for n, slot in enumerate(listed) if str(slot.pk) == number), None)
    if here is None or not 0 <= here + step < len(listed):
        return listed
    ordered = list(listed)
    ordered[here], ordered[here + step] = ordered[here + step], ordered[here]
    return ordered


@require_POST
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """Take back one act, named by what the server itself signed for this member a little while ago."""
    member = _planner(request)
    base = reverse("portfolio:agenda", args=[request.organization.slug])  # type: ignore[attr-defined]
    try:
        payload = signing.loads(token, salt=_salt(member), max_age=UNDO_SECONDS)
    except signing.BadSignature:
        return _done(request, _("Já não dá para desfazer isso."), base, level="bad")
    if "order" in payload:
        person = get_object_or_404(agendas_of(member), pk=payload["rep"])
        order_day(person, datetime.fromisoformat(payload["on"]).date(), [(pk, place) for pk, place in payload["order"]], by=member)
        return _done(request, _("A ordem voltou a ser a de antes."), base)
    found = visit_or_404(request, payload["visit"])
    try:
        take_back(Before(**payload), by=member)
    except DomainError as refusal:
        return _done(request, str(refusal), base, level="bad")
    return _done(request, _("Desfeito."), desk_back(request, found))
