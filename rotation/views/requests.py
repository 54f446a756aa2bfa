"""Pedidos: what representatives ask about their clients, and what management answers."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.selectors import local_day
from clients.models import Client
from clients.selectors.visibility import client_named, clients_visible_to
from portfolio.views.answers import id_made_of, kept_away, refused, stored, wants_json
from rotation.models import Request
from rotation.selectors.requests import hold_days_most, request_lines, requests_visible_to
from rotation.services.requests import (
    RequestRefused,
    grant_request,
    make_request,
    refuse_request,
    set_hold_days,
    take_back_answer,
    withdraw_request,
)
from rotation.views.common import ADMINS, DECIDERS, LEADERS, only

ANSWERED_DAYS = 30
OFFERED_DAYS = (15, 30, 60)
REPRESENTATIVES = frozenset({Role.REPRESENTATIVE})


def _today(request: HttpRequest) -> date:
    return local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]


@require_GET
@only(LEADERS)
def requests(request: HttpRequest) -> HttpResponse:
    """Those that wait, oldest first, each with its answer beside it; those answered lately below."""
    return _list(request)


def _list(request: HttpRequest, *, wrong: Request | None = None, field: str = "", error: str = "") -> HttpResponse:
    """The page; with ``wrong``, the answer that was refused, as it was typed, and why."""
    member, now, today = request.membership, timezone.now(), _today(request)  # type: ignore[attr-defined]
    most = hold_days_most()
    context = {
        "waiting": request_lines(member, open_ones=True),
        "closed": request_lines(member, open_ones=False, since=now - timedelta(days=ANSWERED_DAYS)),
        "answers": member.role in DECIDERS,
        "administers": member.role in ADMINS,
        "today": today,
        "first_day": today + timedelta(days=1),
        "last_day": today + timedelta(days=most),
        "most": most,
        "days": ANSWERED_DAYS,
        "wrong": wrong.pk if wrong else None,
        "wrong_field": field,
        "error": error,
        "typed": request.POST,
    }
    return render(request, "rotation/requests.html", context, status=422 if wrong else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form of one request about one client (``?client=&kind=``); what the outbox sends is answered in its own words."""
    if request.method == "POST" and (away := kept_away(request)):
        return away
    member: Membership = request.membership  # type: ignore[attr-defined]
    if member.role != Role.REPRESENTATIVE:
        raise Http404
    client, kind = _client_of(request), request.POST.get("kind") or request.GET.get("kind") or Request.Kind.HOLD
    if kind not in Request.Kind.values:
        raise Http404
    if request.method != "POST":
        return _ask_page(request, client, kind)
    try:
        made = make_request(
            kind,
            client,
            by=member,
            at=timezone.now(),
            reason=request.POST.get("reason", ""),
            until_on=_day(request.POST.get("until_on") or request.POST.get("soon")),
            id_made=id_made_of(request),
        )
    except DomainError as refusal:
        name, status = getattr(refusal, "field", ""), 403 if isinstance(refusal, NotAllowed) else 422
        if wants_json(request):
            form = f"{request.path}?client={client.pk}&kind={kind}"
            return refused(str(refusal), errors={name: [str(refusal)]} if name else {}, form=form, status=status)
        return _ask_page(request, client, kind, field=name, error=str(refusal), status=status)
    text = _("Pedido enviado. A resposta chega pelos avisos.")
    after = reverse("rotation:mine", args=[request.organization.slug])  # type: ignore[attr-defined]
    if wants_json(request):
        return stored(created=made.created, number=made.request.pk, message=text, after=after)
    messages.success(request, text)
    return redirect(after)


def _client_of(request: HttpRequest) -> Client:
    number = request.POST.get("client") or request.GET.get("client") or ""
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise Http404
    found = client_named(clients_visible_to(request.membership), int(number))  # type: ignore[attr-defined]
    if found is None:
        raise Http404
    return found


def _ask_page(request: HttpRequest, client: Client, kind: str, *, field: str = "", error: str = "", status: int = 200) -> HttpResponse:
    today, most = _today(request), hold_days_most()
    typed = request.POST
    context: dict[str, Any] = {
        "client": client,
        "kind": kind,
        "is_hold": kind == Request.Kind.HOLD,
        "id_made": typed.get("id_made") or uuid4(),
        "reason": typed.get("reason", ""),
        "until_on": typed.get("until_on", ""),
        "soon": [(n, today + timedelta(days=n), typed.get("soon") == str(today + timedelta(days=n))) for n in OFFERED_DAYS if n <= most],
        "first_day": today + timedelta(days=1),
        "last_day": today + timedelta(days=most),
        "most": most,
        "field": field,
        "error": error,
    }
    return render(request, "rotation/request_form.html", context, status=status)


def _day(text: str | None) -> date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _asked_or_404(request: HttpRequest, number: int) -> Request:
    return get_object_or_404(requests_visible_to(request.membership), pk=number)  # type: ignore[attr-defined]


@require_POST
@only(REPRESENTATIVES)
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """The representative takes a request of theirs back."""
    asked = _asked_or_404(request, number)
    try:
        withdraw_request(asked, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Pedido retirado."))
    return redirect("rotation:mine", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
@only(DECIDERS)
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Grant or refuse; whoever comes second is told who was first."""
    asked = _asked_or_404(request, number)
    by, at, words = request.membership, timezone.now(), request.POST.get("answer", "")  # type: ignore[attr-defined]
    try:
        if "grant" in request.POST:
            answered = grant_request(asked, by=by, at=at, answer=words, until_on=_day(request.POST.get("until_on")))
            text = _("Atendido: %(client)s") if asked.kind == Request.Kind.CONTEST else _("Trava concedida: %(client)s")
        elif "refuse" in request.POST:
            answered = refuse_request(asked, by=by, at=at, answer=words)
            text = _("Pedido recusado: %(client)s")
        else:  # Ctrl+Enter in a field says neither
            return _list(request, wrong=asked, error=_("Escolha conceder ou recusar."))
    except RequestRefused as refusal:
        return _list(request, wrong=asked, field=refusal.field, error=str(refusal))
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        slug = request.organization.slug  # type: ignore[attr-defined]
        undo = reverse("rotation:request_undo", args=[slug, answered.pk])
        messages.success(request, text % {"client": answered.client}, extra_tags=undo)
    return redirect("rotation:requests", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
@only(DECIDERS)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take an answer back, while nothing followed from it."""
    asked = _asked_or_404(request, number)
    try:
        take_back_answer(asked, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Resposta desfeita: o pedido espera de novo."))
    address = reverse("rotation:requests", args=[request.organization.slug])  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


@require_POST
@only(ADMINS)
def limit(request: HttpRequest) -> HttpResponse:
    """How many days ahead a hold may go."""
    days = request.POST.get("days", "")
    try:
        set_hold_days(int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Limite salvo."))
    return redirect("rotation:requests", request.organization.slug)  # type: ignore[attr-defined]
