"""Renovações: contracts that end, who sees to each, how far it is."""

from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.exporting import hand_out
from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from accounts.services.audit import Event
from clients.models import Contract
from clients.selectors.people import members_reaching
from clients.selectors.visibility import clients_visible_to
from clients.services.reach import may_write
from portfolio.models import Renewal
from portfolio.selectors.renewals import VIEWS, WINDOWS, RenewalFilter, contracts_with_state, renewal_counts, renewals, told_of, window_of
from portfolio.services.renewals import LOST_REASONS, change_renewal, set_renewal_days
from portfolio.views.common import today_of
from portfolio.views.reached import member_of

State = Renewal.State
PER_PAGE, CHUNK = 50, 2_000
VIEW_NAMES = {
    "ending": gettext_lazy("A vencer"),
    "overdue": gettext_lazy("Vencidos"),
    "renewed": gettext_lazy("Renovados"),
    "lost": gettext_lazy("Perdidos"),
}


@require_GET
def renewal_list(request: HttpRequest) -> HttpResponse:
    """One view at a time by the address: ending within N days, overdue, renewed, lost."""
    member, as_of = member_of(request), today_of(request)
    wanted = RenewalFilter.parse(request.GET, usual=window_of(member.organization))
    here = reverse("portfolio:renewals", args=[member.organization.slug])
    counts = renewal_counts(member, wanted, as_of=as_of)
    narrowed = renewals(member, wanted, as_of=as_of)
    page = Paginator(narrowed, PER_PAGE).get_page(wanted.page)
    contracts = list(page.object_list)
    told = told_of(contracts)
    own = member.role == Role.REPRESENTATIVE
    context: dict[str, Any] = {
        "wanted": wanted,
        "rows": [_row(each, told.get(each.pk), as_of) for each in contracts],
        "tabs": [(f"{here}?{wanted.query(view=view, stage='')}", VIEW_NAMES[view], counts[view].n, view == wanted.view) for view in VIEWS],
        "cents": counts[wanted.view].cents,
        "count": counts[wanted.view].n,
        "windows": [(n, f"{here}?{wanted.query(within=n)}", n == wanted.within) for n in sorted({*WINDOWS, wanted.within})],
        "stages": [(s.label, f"{here}?{wanted.query(stage=s.value)}", s == wanted.stage) for s in (State.TO_CONTACT, State.TALKING)],
        "all_stages": f"{here}?{wanted.query(stage='')}",
        "page": page,
        "previous": f"{here}?{wanted.query(page=page.previous_page_number())}" if page.has_previous() else "",
        "next": f"{here}?{wanted.query(page=page.next_page_number())}" if page.has_next() else "",
        "export": f"{wanted.query()}",
        "own": own,
        "writes": may_write(member),
        "administers": member.role == Role.ADMIN,
        "days": member.organization.renewal_days,
        "here": here,
        "clear": f"{here}?{RenewalFilter(view=wanted.view, within=wanted.within).query()}",
    }
    if not own:
        people = representatives_visible_to(member).order_by("code").values_list("pk", "code", "name")
        context["people"] = [(pk, f"{code} {name}") for pk, code, name in people]
        context["hidden"] = [
            (name, value) for name, value in (("view", wanted.view), ("within", wanted.within), ("stage", wanted.stage)) if value
        ]
    return render(request, "portfolio/renewals.html", context)


def _row(contract: Contract, told: Renewal | None, as_of: date) -> dict[str, Any]:
    """A contract as the list shows it: days to its end, or since."""
    days = (contract.ends_on - as_of).days
    return {"contract": contract, "told": told, "days": days, "late": max(-days, 0)}


def _contract_or_404(request: HttpRequest, contract: int) -> Contract:
    found = contracts_with_state().filter(client__in=clients_visible_to(member_of(request)))
    return get_object_or_404(found.select_related("client", "client__representative"), pk=contract)


@require_http_methods(["GET", "HEAD", "POST"])
def renewal(request: HttpRequest, contract: int) -> HttpResponse:
    """One contract: how far its renewal is, with whom, since when; and changing that."""
    found, member = _contract_or_404(request, contract), member_of(request)
    told = told_of([found]).get(found.pk)
    people = list(members_reaching(found.client, as_of=today_of(request)))
    typed = {
        "to": told.state if told else State.TO_CONTACT,
        "owner": str(told.owner_id or "") if told else "",
        "lost_reason": "",
        "note": "",
    }
    typed |= {"lost_reason": told.lost_reason, "note": told.note} if told else {}
    if not typed["owner"] and found.client.representative and found.client.representative.membership_id:
        typed["owner"] = str(found.client.representative.membership_id)
    status, error, field = 200, "", ""
    if request.method == "POST":
        if not may_write(member):
            raise Http404
        typed |= {name: request.POST.get(name, "") for name in typed}
        try:
            _change(request, found, people)
        except ChangedMeanwhile as refusal:
            messages.warning(request, str(refusal))
            return redirect("portfolio:renewal", member.organization.slug, found.pk)
        except NotAllowed:
            raise Http404 from None
        except DomainError as refusal:
            status, error, field = 422, str(refusal), getattr(refusal, "field", "")
        else:
            messages.success(request, _("Renovação salva."))
            return redirect("portfolio:renewals", member.organization.slug)
    context = {
        "contract": found,
        "told": told,
        "typed": typed,
        "error": error,
        "field": field,
        "states": [(s.value, s.label) for s in (State.TO_CONTACT, State.TALKING, State.LOST)],
        "people": [(str(each.pk), each.name) for each in people],
        "reasons": [str(reason) for reason in LOST_REASONS],
        "version": told.version if told else 0,
        "edits": may_write(member) and found.stage != State.RENEWED,  # type: ignore[attr-defined]
        "successor": Contract.objects.filter(pk=found.successor_id).first() if found.successor_id else None,  # type: ignore[attr-defined]
        "days": (found.ends_on - today_of(request)).days,
    }
    return render(request, "portfolio/renewal.html", context, status=status)


def _change(request: HttpRequest, contract: Contract, people: list[Membership]) -> None:
    version, owner = request.POST.get("version", ""), request.POST.get("owner", "")
    change_renewal(
        contract,
        by=member_of(request),
        at=timezone.now(),
        version=int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0,
        to=request.POST.get("to", ""),
        owner=next((each for each in people if str(each.pk) == owner), None),
        lost_reason=request.POST.get("lost_reason", ""),
        note=request.POST.get("note", ""),
    )


@require_POST
def renewal_days(request: HttpRequest) -> HttpResponse:
    """How many days before the end somebody is asked."""
    member = member_of(request)
    if member.role != Role.ADMIN:
        raise Http404
    typed = request.POST.get("days", "").strip()
    try:
        set_renewal_days(member.organization, int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else -1, by=member)
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Prazo das renovações salvo."))
    return redirect("portfolio:renewals", member.organization.slug)


@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The view as a file; representatives take no list of clients away (C29)."""
    member, as_of = member_of(request), today_of(request)
    if member.role == Role.REPRESENTATIVE:
        raise Http404
    wanted = RenewalFilter.parse(request.GET, usual=window_of(member.organization))
    rows = renewals(member, wanted, as_of=as_of)
    back = f"{reverse('portfolio:renewals', args=[member.organization.slug])}?{wanted.query()}"
    header = [
        _("Contrato"), _("Código"), _("Cliente"), _("Vendedor"), _("Início"), _("Fim"), _("Período"), _("Valor"), _("Situação"),
        _("Com quem"), _("Prazo da tarefa"), _("Motivo da perda"),
    ]  # fmt: skip

    def lines() -> Iterable[list[Any]]:
        each_of = rows.iterator(chunk_size=CHUNK)
        while contracts := list(islice(each_of, CHUNK)):
            told = told_of(contracts)
            yield from (_line(each, told.get(each.pk)) for each in contracts)

    name = _("renovacoes-%(day)s") % {"day": as_of.isoformat()}
    stream = f"organization:{member.organization_id}"
    recorded = Event(stream, "renewals.exported")
    return hand_out(
        request, form, name=name, header=header, rows=lines, count=lambda most: rows.order_by()[:most].count(), back=back, event=recorded
    )


def _line(contract: Contract, told: Renewal | None) -> list[Any]:
    task: date | None = told.task.due_on if told and told.task and not told.task.done_at and not told.task.cancelled_at else None
    return [
        contract.code,
        contract.client.code,
        str(contract.client),
        str(contract.client.representative) if contract.client.representative else "",
        contract.starts_on,
        contract.ends_on,
        contract.get_period_display(),
        contract.amount_cents / 100 if contract.amount_cents is not None else None,
        str(State(contract.stage).label),  # type: ignore[attr-defined]
        told.owner.name if told and told.owner else "",
        task,
        told.lost_reason if told else "",
    ]
