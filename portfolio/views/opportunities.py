"""Oportunidades: the board by stage (a list on a phone), one client's, opening, changing, moving, winning, losing."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError, NotAllowed
from accounts.models import Role
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import symbol
from clients.models import Opportunity, OpportunityMove
from clients.selectors.opportunities import OPEN, board, opportunities_visible_to
from clients.services.opportunities import LOSS_REASONS, change_opportunity, move_opportunity, open_opportunity
from clients.services.reach import may_write
from portfolio.opportunity_form import OpportunityForm
from portfolio.views.common import today_of
from portfolio.views.reached import client_url, member_of, writable_or_404


@require_GET
def opportunities(request: HttpRequest) -> HttpResponse:
    """``?closed=1`` shows those won and lost of late; ``?representative=`` one person's."""
    member, as_of = member_of(request), today_of(request)
    wanted, closed = request.GET.get("representative", ""), request.GET.get("closed") == "1"
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else None
    columns = board(member, as_of=as_of, closed=closed, representative=number)
    here = reverse("portfolio:opportunities", args=[request.organization.slug])  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "columns": columns,
        "count": sum(column.count for column in columns),
        "cents": sum(column.cents for column in columns),
        "closed": closed,
        "as_of": as_of,
        "here": here,
        "tabs": [(here, _("Em andamento"), not closed), (f"{here}?closed=1", _("Ganhas e perdidas"), closed)],
        "stages": _stages(),
        "writes": may_write(member),
        "representative": number,
        "own": member.role == Role.REPRESENTATIVE,
    }
    if member.role != Role.REPRESENTATIVE:
        people = representatives_visible_to(member).order_by("code").values_list("pk", "code", "name")
        context["representatives"] = [(pk, f"{code} {name}") for pk, code, name in people]
    return render(request, "portfolio/opportunities.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_opportunity(request: HttpRequest, client_id: int) -> HttpResponse:
    """A sale to work on with the client."""
    client, status = writable_or_404(request, client_id), 200
    form = OpportunityForm(request.POST or None)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                open_opportunity(
                    client,
                    title=said["title"],
                    value_cents=said["value"],
                    expected_on=said["expected_on"],
                    source=said["source"],
                    stage=said["stage"] or OPEN[0],
                    by=member_of(request),
                    at=timezone.now(),
                )
            except DomainError as refusal:
                status = _add(form, refusal)
            else:
                messages.success(request, _("Oportunidade aberta."))
                return redirect(client_url(request, client.pk, "opportunities"))
    context = {
        "client": client,
        "form": form,
        "unit": _unit(request),
        "writes": True,
        "back": client_url(request, client.pk, "opportunities"),
    }
    return render(request, "portfolio/opportunity.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def opportunity(request: HttpRequest, opportunity_id: int) -> HttpResponse:
    """One opportunity: what is said of it, its moves, and the next one. Who only reads sees it without the form."""
    member, status = member_of(request), 200
    found = get_object_or_404(opportunities_visible_to(member), pk=opportunity_id)
    if request.method == "POST" and not may_write(member):
        raise Http404
    initial = {"title": found.title, "expected_on": found.expected_on, "source": found.source, "value": _written(found.value_cents)}
    form = OpportunityForm(request.POST or None, opportunity=found, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                change_opportunity(
                    found,
                    title=said["title"],
                    value_cents=said["value"],
                    expected_on=said["expected_on"],
                    source=said["source"],
                    by=member,
                )
            except DomainError as refusal:
                status = _add(form, refusal)
            else:
                messages.success(request, _("Oportunidade salva."))
                return redirect(client_url(request, found.client_id, "opportunities"))
    context = {
        "client": found.client,
        "opportunity": found,
        "form": form,
        "moves": list(OpportunityMove.objects.filter(opportunity_id=found.pk).select_related("by").order_by("-moved_at", "-pk")[:50]),
        "stages": _stages(),
        "unit": _unit(request),
        "writes": may_write(member),
        "as_of": today_of(request),
        "losing": request.GET.get("lose") == "1",
        "reasons": member_of(request).organization.loss_reasons or LOSS_REASONS,
        "back": client_url(request, found.client_id, "opportunities"),
    }
    return render(request, "portfolio/opportunity.html", context, status=status)


@require_POST
def move(request: HttpRequest, opportunity_id: int) -> HttpResponse:
    """Another stage, chosen in a menu; losing needs its reason and is asked for on the opportunity's own page."""
    member = member_of(request)
    found = get_object_or_404(opportunities_visible_to(member), pk=opportunity_id)
    if not may_write(member):
        raise Http404
    asked, page = request.POST.get("to", ""), reverse("portfolio:opportunity", args=[request.organization.slug, found.pk])  # type: ignore[attr-defined]
    reason = request.POST.get("loss_reason", "")
    if asked == Opportunity.Stage.LOST and not reason.strip():
        if "loss_reason" in request.POST:
            messages.warning(request, _("Diga por que se perdeu."))
        return redirect(f"{page}?lose=1")
    try:
        moved = move_opportunity(found, to=asked, by=member, at=timezone.now(), seen=request.POST.get("seen", ""), loss_reason=reason)
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect(page)
    messages.success(request, _("“%(title)s”: %(stage)s.") % {"title": moved.title, "stage": moved.get_stage_display().lower()})
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else page)


def _stages() -> list[tuple[str, str]]:
    return [(stage.value, str(stage.label)) for stage in Opportunity.Stage]


def _unit(request: HttpRequest) -> str:
    return symbol(member_of(request).organization.currency)


def _written(cents: int | None) -> str:
    """Cents as a person types them."""
    return "" if cents is None else f"{cents // 100},{cents % 100:02d}"


def _add(form: OpportunityForm, refusal: DomainError) -> int:
    name = getattr(refusal, "field", "")
    form.add_error(name if name in form.fields else None, str(refusal))
    return 403 if isinstance(refusal, NotAllowed) else 422
