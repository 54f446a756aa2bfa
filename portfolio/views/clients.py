"""The clients one may see: the list, as a table or on a map, and what narrows it. (Above ``clients``: who answers for them lives here.)"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import get_urlconf, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.shell import served
from accounts.templatetags.formats import number, symbol
from accounts.templatetags.ui import CLIENT_STATES
from clients.models import Client
from clients.selectors import ClientFilter, Lifecycle, Limits, client_rows
from clients.selectors.choices import hints, list_choices
from clients.selectors.client_filter import BASE, SORTS
from clients.selectors.lists import COUNT_UP_TO, ListedClient
from clients.selectors.own_list import own_rows
from clients.selectors.points import MOST_POINTS, client_points
from clients.selectors.segments import segments_for
from clients.selectors.temperature import Temperature
from clients.selectors.visibility import Reach, clients_within, reach_of
from portfolio.filter_words import chips, late_words, renewal_words
from portfolio.rows import listed, shown
from portfolio.selectors.renewals import WINDOWS, clients_in_renewal, window_of
from portfolio.views.common import is_partial, today_of

LISTED_STATES = [state for state in Lifecycle if state != Lifecycle.DISCARDED]
LATES = ("1", "1.5", "2", "3")
DISTANCES = (5, 10, 25, 50, 100, 200)


class Asked(NamedTuple):
    """What a request asks for: the filter, the clients it is of, and where its "base" is."""

    wanted: ClientFilter
    reach: Reach
    representative: Representative | None
    base: tuple[float, float] | None

    @property
    def clients(self) -> QuerySet[Client]:
        return clients_within(self.reach)


def asked(request: HttpRequest) -> Asked:
    """The filter of the address; of a saved segment (``saved``) where it names one the member finds."""
    member = request.membership  # type: ignore[attr-defined]
    wanted = ClientFilter.parse(request.GET)
    saved = request.GET.get("saved", "")
    if saved.isascii() and saved.isdigit() and len(saved) < 16:
        segment = segments_for(member).filter(pk=int(saved)).first()
        if segment:
            wanted = replace(ClientFilter.parse(segment.definition), sort=wanted.sort, view=wanted.view)
    reach = reach_of(member)
    person = None
    if wanted.representative:
        person = representatives_visible_to(member).filter(pk=wanted.representative).first()
    elif wanted.near == BASE and member.role == Role.REPRESENTATIVE:
        person = Representative.objects.filter(membership_id=member.pk).first()
    base = None
    if person and person.latitude is not None and person.longitude is not None:
        base = (person.latitude, person.longitude)
    return Asked(wanted, reach, person, base)


def move_place(request: HttpRequest) -> str:
    """Where clients chosen in the list are moved by hand, for who may; "" for others, or where nobody serves it."""
    if request.membership.role not in (Role.ADMIN, Role.MANAGER) or not served("clients/move/", get_urlconf()):  # type: ignore[attr-defined]
        return ""
    return f"/o/{request.organization.slug}/clients/move/"  # type: ignore[attr-defined]


@require_GET
@vary_on_headers("HX-Request")
def client_list(request: HttpRequest) -> HttpResponse:
    """Clients one may see, 50 a page, filtered and sorted by the address."""
    organization, as_of = request.organization, today_of(request)  # type: ignore[attr-defined]
    limits, member = Limits.of(organization), request.membership  # type: ignore[attr-defined]
    ask = asked(request)
    wanted, own = ask.wanted, member.role == Role.REPRESENTATIVE
    if own:
        page = own_rows(ask.reach, wanted, as_of=as_of, limits=limits, base=ask.base)
    else:
        page = client_rows(ask.clients, wanted, as_of=as_of, limits=limits, base=ask.base)
    here = reverse("portfolio:client_list", args=[organization.slug])
    context: dict[str, Any] = {
        "wanted": wanted,
        "here": here,
        "query": wanted.query(),
        "export_address": f"{here}export",
        "hidden": [(name, value) for name, value in _fields(wanted) if name != "q"],
        "chips": [
            (words, f"{here}?{query}")
            for words, query in chips(wanted, currency=organization.currency, representative=str(ask.representative or ""))
        ],
        "base_unknown": wanted.near == BASE and bool(wanted.km) and ask.base is None,
        "count": COUNT_UP_TO if page.count > COUNT_UP_TO else page.count,
        "count_is_more": page.count > COUNT_UP_TO,
        "next_url": f"{here}?{wanted.query(after=page.after)}" if page.after else "",
        "first_url": f"{here}?{wanted.query()}" if wanted.after else "",
        "states": [(str(state.label), f"{here}?{wanted.query(state=state.value)}", wanted.state == state) for state in LISTED_STATES],
        "all_url": f"{here}?{wanted.query(state='')}",
        "list_url": f"{here}?{wanted.query(view='list')}",
        "map_url": f"{here}?{wanted.query(view='map')}",
        "clear_url": f"{here}?{ClientFilter(sort=wanted.sort, view=wanted.view).query()}",
        "own": own,
        "writes": member.role != Role.AUDITOR,
        "keeps": bool(wanted.definition()) and member.role != Role.AUDITOR,
    }
    if wanted.view == "map":
        context |= {
            "rows": listed(page.rows, as_of=as_of, limits=limits),
            "points_url": f"{reverse('portfolio:client_points', args=[organization.slug])}?{wanted.query()}",
            "tiles": settings.MAP_TILE_URL,
            "legend": [(state, CLIENT_STATES[state][2]) for state in LISTED_STATES],
        }
    else:
        move_url = move_place(request)
        currency = organization.currency
        context |= {
            "rows": shown(
                page.rows,
                as_of=as_of,
                limits=limits,
                currency=currency,
                here=here,
                own=own,
                picks=bool(move_url),
                renewing=_renewing(page.rows, request),
            ),
            "move_url": move_url,
            "may_move": bool(move_url),
            "seen": timezone.now(),
            "sign": symbol(currency),
            "sort_urls": {name: f"{here}?{wanted.query(sort=name)}" for name in SORTS},
            "order": {"name": "name", "silence": "silence", "value": "-value", "stake": "-stake"}[wanted.sort],
        }
    if is_partial(request):
        return render(request, "portfolio/_clients.html", context)
    definition = wanted.definition()
    context["segments"] = [
        (segment.name, segment.owner_id is None, f"{here}?saved={segment.pk}", segment.definition == definition)
        for segment in segments_for(member)
    ]
    return render(request, "portfolio/client_list.html", context)


def _renewing(rows: Sequence[ListedClient], request: HttpRequest) -> Collection[int]:
    within = window_of(request.organization)  # type: ignore[attr-defined]
    return clients_in_renewal([row.pk for row in rows], as_of=today_of(request), within=within) if rows else ()


def _fields(wanted: ClientFilter) -> list[tuple[str, Any]]:
    return list(QueryDict(wanted.query()).items())


@require_GET
@vary_on_headers("HX-Request")
def client_filters(request: HttpRequest) -> HttpResponse:
    """Everything a list may be narrowed by, as a page, or as the dialog over the list."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    ask = asked(request)
    ufs, segments = list_choices(ask.reach.representatives)
    cities, sizes, tags = hints(ask.clients)
    context: dict[str, Any] = {
        "wanted": ask.wanted,
        "here": reverse("portfolio:client_list", args=[organization.slug]),
        "clear_url": f"{reverse('portfolio:client_list', args=[organization.slug])}?{ClientFilter(view=ask.wanted.view).query()}",
        "ufs": sorted({*ufs, *filter(None, [ask.wanted.uf])}),
        "segments": sorted({*segments, *filter(None, [ask.wanted.segment])}),
        "cities": cities,
        "sizes": sorted({*sizes, *filter(None, [ask.wanted.porte])}),
        "tags": sorted({*tags, *filter(None, [ask.wanted.tag])}),
        "distances": sorted({*DISTANCES, *filter(None, [ask.wanted.km])}),
        "states": [(state.value, state.label) for state in Lifecycle],
        "renewals": [
            (days, renewal_words(days)) for days in sorted({*WINDOWS, window_of(organization), *filter(None, [ask.wanted.renewal])})
        ],
        "heats": Temperature.choices,
        "lates": [(late, late_words(late)) for late in sorted({*LATES, *filter(None, [ask.wanted.late])}, key=float)],
        "own": member.role == Role.REPRESENTATIVE,
        "sorts": [("name", _("Nome")), ("silence", _("Mais dias sem compra")), ("value", _("Faturamento")), ("stake", _("Em jogo"))],
    }
    if member.role != Role.REPRESENTATIVE:
        people = representatives_visible_to(member).order_by("code").values_list("pk", "code", "name")
        context["representatives"] = [(pk, f"{code} {name}") for pk, code, name in people]
    return render(request, "portfolio/_client_filters_dialog.html" if is_partial(request) else "portfolio/client_filters.html", context)


@require_GET
def points(request: HttpRequest) -> JsonResponse:
    """Where the filtered clients are, for the map: at most 2,000, by name; ``said`` tells how many are not shown."""
    organization, as_of = request.organization, today_of(request)  # type: ignore[attr-defined]
    limits, ask = Limits.of(organization), asked(request)
    found = client_points(ask.clients, ask.wanted, as_of=as_of, limits=limits, base=ask.base)
    rows = [[each.pk, round(each.latitude, 5), round(each.longitude, 5), each.state.value, each.name] for each in found.points]
    if found.more:
        said = _("No mapa, os primeiros %(n)s por nome. Filtre para ver os outros.") % {"n": number(MOST_POINTS)}
    elif not rows:
        said = _("Nenhum destes clientes tem coordenadas. A lista continua ao lado.")
    else:
        said = ""
    response = JsonResponse({"points": rows, "said": said})
    response["Cache-Control"] = "no-store"
    return response
