"""One proposal whole: its panel beside the list and the map, and what people say in it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_urlconf
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from accounts.shell import served
from accounts.templatetags.formats import day_short, money_whole, month, symbol
from rotation.ceiling_words import own_ceiling_would_keep, why_no_more
from rotation.explaining import explanation
from rotation.models import Proposal
from rotation.selectors.commission import commission_of_move
from rotation.selectors.filters import ReviewFilter
from rotation.selectors.load import clients_held
from rotation.selectors.review import candidates_of, history_of, months_of, whole
from rotation.services.comments import comment
from rotation.views.common import DECIDERS, LEADERS, only, paged, partial, query_here, without
from rotation.views.desk import Desk, desk_of, line_of
from rotation.wording import any_of, cycle_text


def panel(request: HttpRequest, desk: Desk, proposal_id: int, wanted: ReviewFilter) -> dict[str, Any]:
    """One proposal whole: reasons, what would have avoided it, purchases, candidates, what it does to commissions, what was
    said of it. No row in sight gives None."""
    proposal = whole(desk.proposals).filter(pk=proposal_id).first()
    if proposal is None:
        return {"proposal": None}
    organization = request.organization  # type: ignore[attr-defined]
    held = clients_held([*proposal.candidates, proposal.to_representative_id or 0])
    why = explanation(proposal, desk.run.as_of, organization.currency)
    months = months_of(proposal.client_id, until=desk.run.as_of)
    caveats = dict(Proposal.Caveat.choices)
    candidates = candidates_of(proposal, clients=held) if proposal.candidates or proposal.to_representative_id else []
    giver, gains = commission_of_move(
        proposal.client_id, proposal.from_representative, [each.representative for each in candidates], as_of=desk.run.as_of
    )
    acts = [_("%(act)s desde %(day)s") % {"act": act, "day": day_short(day)} for act, day in why.avoided_by]
    return {
        "proposal": proposal,
        "line": line_of(proposal, desk, wanted.tab),
        "decide_target": "#map-area" if wanted.view == "map" else f"#proposal-{proposal.pk}",
        "giver": giver,
        "history": history_of(proposal),
        "comments": desk.reach.decides,
        "masked": request.membership.role == Role.AUDITOR,  # type: ignore[attr-defined]
        "version": proposal.rule_version,
        "explanation": why,
        "avoided": any_of([*acts, own] if (own := own_ceiling_would_keep(desk.run, proposal)) else acts),
        "cycle": cycle_text(proposal),
        "caveat_words": [caveats.get(each, each) for each in proposal.caveats],
        "month_bars": [(month(day), cents, money_whole(cents, organization.currency)) for day, cents in months],
        "candidates": [
            (each, gains.get(each.representative.pk, 0), why_no_more(desk.run, proposal, each.representative)) for each in candidates
        ],
        "ficha_url": client_url(organization.slug, proposal.client_id),
        "reachable": desk.reach.covers(proposal.client.representative_id),
        "sign": symbol(organization.currency),
    }


def client_url(slug: str, client_id: int) -> str:
    """The client's page, or "" while nobody serves it."""
    path = f"clients/{client_id}/"
    return f"/o/{slug}/{path}" if served(path, get_urlconf()) else ""


@require_GET
@only(LEADERS)
@paged
def detail(request: HttpRequest, run: int, proposal: int) -> HttpResponse:
    """The panel for htmx; anyone else is sent to the review with that proposal open."""
    desk = desk_of(request, run)
    if not partial(request):
        return redirect(f"{desk.base}?open={proposal}#review-detail")
    query = query_here(request)
    context = panel(request, desk, proposal, ReviewFilter.parse(query))
    if context["proposal"] is None:
        raise Http404
    return render(request, "rotation/_detail.html", context | _around(desk, query))


@require_POST
@only(DECIDERS)
def say(request: HttpRequest, run: int, proposal: int) -> HttpResponse:
    """A comment on one proposal; answers its panel, or goes back to it."""
    desk = desk_of(request, run)
    found = get_object_or_404(desk.proposals, pk=proposal)
    refusal = ""
    try:
        comment(found, request.POST.get("comment", ""), by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as error:
        refusal = str(error)
    query = query_here(request)
    if not partial(request):
        if refusal:
            messages.warning(request, refusal)
        return redirect(f"{desk.base}?{with_open(query, proposal)}#review-detail")
    context = panel(request, desk, proposal, ReviewFilter.parse(query))
    context |= _around(desk, query) | {"comment_refusal": refusal}
    return render(request, "rotation/_detail.html", context, status=422 if refusal else 200)


def _around(desk: Desk, query: QueryDict) -> dict[str, Any]:
    return {"desk": desk, "run": desk.run, "explicit": True, "list_query": without(query, "open"), "here": query.urlencode()}


def with_open(query: QueryDict, proposal: int) -> str:
    changed = query.copy()
    changed["open"] = str(proposal)
    return changed.urlencode()
