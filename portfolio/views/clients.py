"""The clients one may see: the list and the search. (Above ``clients``, because who answers for them lives here.)"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Role
from accounts.selectors import representatives_visible_to
from clients.selectors import ClientFilter, Lifecycle, Limits, client_rows, clients_visible_to
from clients.selectors.choices import list_choices
from clients.selectors.lifecycle import lifecycle_of
from clients.selectors.lists import COUNT_UP_TO, SORTS, ListedClient
from clients.selectors.visibility import clients_within, reach_of
from portfolio.rows import shown
from portfolio.views.common import is_partial, today_of

LISTED_STATES = [state for state in Lifecycle if state != Lifecycle.DISCARDED]


@require_GET
@vary_on_headers("HX-Request")
def client_list(request: HttpRequest) -> HttpResponse:
    """Clients one may see, 50 a page, filtered and sorted by the address."""
    as_of, limits = today_of(request), Limits.of(request.organization)  # type: ignore[attr-defined]
    wanted = ClientFilter.parse(request.GET)
    member = request.membership  # type: ignore[attr-defined]
    reach = reach_of(member)
    own = member.role == Role.REPRESENTATIVE
    page = client_rows(clients_within(reach), wanted, as_of=as_of, limits=limits, few=own)
    here = reverse("portfolio:client_list", args=[request.organization.slug])  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "rows": shown(page.rows, as_of=as_of, limits=limits, currency=request.organization.currency, here=here, own=own),  # type: ignore[attr-defined]
        "wanted": wanted,
        "here": here,
        "count": COUNT_UP_TO if page.count > COUNT_UP_TO else page.count,
        "count_is_more": page.count > COUNT_UP_TO,
        "next_url": f"{here}?{wanted.query(after=page.after)}" if page.after else "",
        "first_url": f"{here}?{wanted.query()}" if wanted.after else "",
        "states": [(str(state.label), f"{here}?{wanted.query(state=state.value)}", wanted.state == state) for state in LISTED_STATES],
        "all_url": f"{here}?{wanted.query(state='')}",
        "clear_url": f"{here}?{ClientFilter(sort=wanted.sort).query()}",
        "sort_urls": {name: f"{here}?{wanted.query(sort=name)}" for name in SORTS},
        "order": {"name": "name", "silence": "silence", "value": "-value", "stake": "-stake"}[wanted.sort],
        "own": own,
    }
    if is_partial(request):
        return render(request, "portfolio/_client_table.html", context)
    if not own:
        people = representatives_visible_to(member).order_by("code").values_list("pk", "code", "name")
        context["representatives"] = [(pk, f"{code} {name}") for pk, code, name in people]
    context["ufs"], context["segments"] = list_choices(reach.representatives)
    return render(request, "portfolio/client_list.html", context)


@require_GET
@vary_on_headers("HX-Request")
def search(request: HttpRequest) -> HttpResponse:
    """Clients by name, code, CNPJ or phone. A search that can only mean one client opens it."""
    words = request.GET.get("q", "").strip()[:64]
    as_of, limits = today_of(request), Limits.of(request.organization)  # type: ignore[attr-defined]
    rows: Sequence[ListedClient] = ()
    if words:
        rows = client_rows(clients_visible_to(request.membership), ClientFilter(q=words, size=25), as_of=as_of, limits=limits).rows  # type: ignore[attr-defined]
    if len(rows) == 1 and not is_partial(request):
        return redirect("portfolio:client_page", request.organization.slug, rows[0].pk)  # type: ignore[attr-defined]
    template = "portfolio/_search_results.html" if is_partial(request) else "portfolio/search.html"
    found = [
        (row, lifecycle_of(row.last_on, row.discarded_on, as_of=as_of, limits=limits, scored_at_risk_on=row.scored_at_risk_on))
        for row in rows
    ]
    return render(request, template, {"found": found, "words": words})
