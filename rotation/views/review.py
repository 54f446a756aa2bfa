"""The review of a run: its page, its list, one proposal whole, and the list as a file."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import day_short, signed, symbol
from rotation.models import Proposal, Run, RunRule
from rotation.rows import Rows
from rotation.scores_said import scores_said
from rotation.selectors.filters import NOBODY, SIZES, ReviewFilter
from rotation.selectors.load import clients_coming, clients_held, load_spread, loads_of
from rotation.selectors.review import (
    Page,
    Totals,
    filter_choices,
    review_page,
    rules_of,
    totals_of,
)
from rotation.selectors.tally import kinds_of, pending_for
from rotation.views.common import LEADERS, only, paged, partial, query_here, row_id, without
from rotation.views.common import page as page_or_fragment
from rotation.views.desk import Desk, desk_of, line_of
from rotation.views.panel import panel
from rotation.views.review_load import dumbbells, load_view

TAB_NAMES = {
    "pending": gettext_lazy("Pendentes"),
    "high": gettext_lazy("Alto valor"),
    "caution": gettext_lazy("Com ressalva"),
    "postponed": gettext_lazy("Adiadas"),
    "approved": gettext_lazy("Aprovadas"),
    "rejected": gettext_lazy("Recusadas"),
    "applied": gettext_lazy("Aplicadas"),
    "stale": gettext_lazy("Desatualizadas"),
    "expired": gettext_lazy("Expiradas"),
    "all": gettext_lazy("Todas"),
}
ONLY_WHEN_ANY = {"applied", "stale", "expired"}
MOST_BESIDE_MAP = 8
OPEN_TABS = ("pending", "high", "caution", "postponed")
GROUP_NAMES = {
    "rule": gettext_lazy("regra"),
    "from": gettext_lazy("origem"),
    "to": gettext_lazy("destino"),
    "none": gettext_lazy("nada"),
}
VIEW_NAMES = {
    "list": (gettext_lazy("Lista"), "table-properties"),
    "map": (gettext_lazy("Mapa"), "map"),
    "load": (gettext_lazy("Carga"), "scale"),
}
SORT_NAMES = {
    "value": gettext_lazy("Valor esperado"),
    "revenue": gettext_lazy("Faturamento 12 meses"),
    "days": gettext_lazy("Dias sem compra"),
    "client": gettext_lazy("Cliente"),
}


@require_GET
@only(LEADERS)
@paged
def review(request: HttpRequest, run: int) -> HttpResponse:
    """The page, or the tabs and list when htmx asks."""
    desk = desk_of(request, run)
    if desk.run.kind != Run.Kind.ROTATION or desk.run.state in (Run.State.SCHEDULED, Run.State.COMPUTING):
        return redirect("rotation:job", request.organization.slug, desk.run.pk)  # type: ignore[attr-defined]
    context = work(request, desk, request.GET)
    if partial(request):
        moved = request.htmx.target == "map-area"  # type: ignore[attr-defined]
        return render(request, "rotation/_area_and_files.html" if moved else "rotation/_work_and_files.html", context)
    page = "rotation/review_map.html" if context["view"] == "map" else "rotation/review.html"
    return render(request, page, context | head(request, desk, context["totals"]))


def head(request: HttpRequest, desk: Desk, totals: Totals) -> dict[str, Any]:
    """The numbers above the tabs."""
    before, after = spread_of(request, desk)
    revenue = desk.run.summary.get("net_12m_all_cents")
    return {
        "desk": desk,
        "run": desk.run,
        "totals": totals,
        "spread_before": before,
        "spread_after": after,
        "revenue_share": totals.revenue_cents / revenue if revenue and desk.reach.ids is None else None,
        "scores_said": scores_said(desk.run.summary),
        # Asked only by answers to decisions: a whole page has the shell's own count.
        "n_waiting": lambda: pending_for(request.membership, known=getattr(request, "pending_known", None)),  # type: ignore[attr-defined]
        "km_note": f"{signed(round(totals.km_change))}\u00a0km" if totals.km_change is not None else "",
    }


def spread_of(request: HttpRequest, desk: Desk) -> tuple[float | None, float | None]:
    """Unevenness of load before and after: as the run recorded it, counted now where it did not."""
    summary = desk.run.summary
    if "load_deviation_after" in summary:
        return summary["load_deviation_before"], summary["load_deviation_after"]
    return load_spread(loads_of(desk.run, within=representatives_visible_to(request.membership)))  # type: ignore[attr-defined]


def frame(request: HttpRequest, desk: Desk, query: QueryDict) -> dict[str, Any]:
    """What any answer about the list needs: the filter, the run by kind, totals, tabs, what may be done; two queries."""
    wanted, kinds = ReviewFilter.parse(query), kinds_of(desk.run, desk.reach)
    totals, rules = totals_of(kinds), rules_of(desk.run)
    if desk.run.state == Run.State.AWAITING:
        # The count beside "Giro" in the shell is of these same rows.
        request.pending_known = {desk.run.pk: sum(kind.n for kind in kinds if kind.within and kind.is_in("pending"))}  # type: ignore[attr-defined]
    return {
        "desk": desk,
        "run": desk.run,
        "rules": rules,
        # the version in force and the one on trial are of one rule
        "n_rules": len({each.rule_version.rule_id for each in rules.values()}),
        "kinds": kinds,
        "totals": totals,
        "wanted": wanted,
        "tabs": tabs_of(desk, wanted, totals),
        "view": wanted.view,
        "views": views_of(wanted),
        "can_decide": desk.decides and wanted.tab in (*OPEN_TABS, "all"),
        "can_reopen": desk.decides and wanted.tab in ("approved", "rejected"),
        "moment": timezone.now().isoformat(),
        "here": query.urlencode(),
        "list_query": without(query, "open"),
        "sign": symbol(request.organization.currency),  # type: ignore[attr-defined]
    }


def work(request: HttpRequest, desk: Desk, query: QueryDict) -> dict[str, Any]:
    """Tabs, toolbar, the page of rows and the open proposal: everything under ``#review-work``."""
    context = frame(request, desk, query)
    wanted, rules = context["wanted"], context["rules"]
    if wanted.view == "load":
        within = representatives_visible_to(request.membership)  # type: ignore[attr-defined]
        return context | load_view(desk.run, within, query.get("measure", ""))
    if wanted.view == "map":
        return context | map_view(request, desk, context, query)
    after, before = row_id(query.get("after")), row_id(query.get("before"))
    page = review_page(desk.proposals, wanted, kinds=context["kinds"], reach=desk.reach, rules=rules, after=after, before=before)
    opened = row_id(query.get("open"))
    chosen = opened or (page.rows[0].pk if page.rows else None)
    context |= {
        "page": page,
        "size_links": [(n, wanted.but(size=n).query) for n in SIZES],
        "groups": [(name, str(label), wanted.but(group=name).query) for name, label in GROUP_NAMES.items()],
        "sorts": [
            (name, str(label), wanted.but(order=name if name == "client" else f"-{name}").query) for name, label in SORT_NAMES.items()
        ],
        "sorted_by": wanted.order.lstrip("-"),
        "group_name": str(GROUP_NAMES[wanted.group]),
        "columns": columns_of(wanted),
        "chips": chips_of(wanted, rules),
        "previous_query": with_cursor(wanted, "before", page.rows[0].pk) if page.has_previous and page.rows else "",
        "next_query": with_cursor(wanted, "after", page.rows[-1].pk) if page.has_next else "",
        "explicit": opened is not None,
        "proposal": None,
    }
    if chosen:
        context |= panel(request, desk, chosen, wanted)
    shown_id = context["proposal"].pk if context["proposal"] else None
    context["lines"] = lines_of(page, wanted, desk, rows_for(request, desk, context, shown_id))
    return context


def map_view(request: HttpRequest, desk: Desk, context: dict[str, Any], query: QueryDict) -> dict[str, Any]:
    """The area on the map: its rows by value, how many and how much, who decides them; the open proposal; the load of each."""
    wanted: ReviewFilter = context["wanted"]
    listed = wanted.but(group="none", order="-value", size=50)
    page = review_page(desk.proposals, listed, kinds=context["kinds"], reach=desk.reach, rules=context["rules"])
    slug = request.organization.slug  # type: ignore[attr-defined]
    found: dict[str, Any] = {
        "page": page,
        "in_list_query": wanted.but(view="list").query,
        "chips": chips_of(wanted.but(box=None), context["rules"]),
        "points_url": f"{reverse('rotation:points', args=[slug, desk.run.pk])}?{wanted.but(box=None).query}",
        "tiles": settings.MAP_TILE_URL,
        "explicit": True,
        "proposal": None,
    }
    opened = row_id(query.get("open"))
    if opened:
        found |= panel(request, desk, opened, wanted)
    if not partial(request):
        loads = loads_of(desk.run, within=representatives_visible_to(request.membership))[:MOST_BESIDE_MAP]  # type: ignore[attr-defined]
        found["loads"] = loads
        found["chart"] = dumbbells([(load, load.before, load.after, load.capacity) for load in loads])
    return found


def rows_for(request: HttpRequest, desk: Desk, context: dict[str, Any], opened: int | None) -> Rows:
    """Who writes the rows of a list in this ``frame``."""
    return Rows(
        desk.run,
        slug=request.organization.slug,  # type: ignore[attr-defined]
        currency=request.organization.currency,  # type: ignore[attr-defined]
        base=desk.base,
        list_query=context["list_query"],
        decides=desk.decides,
        picks_open=context["can_decide"],
        picks_decided=context["can_reopen"],
        opened=opened,
        today=day_short(timezone.localdate()),
    )


def views_of(wanted: ReviewFilter) -> list[tuple[str, str, str, str]]:
    """Name, label, sign and querystring of each way to look at the run. The area is the map's own until somebody asks for its list."""
    rest = wanted.but(box=None) if wanted.view == "map" else wanted
    return [(name, str(label), sign, rest.but(view=name).query) for name, (label, sign) in VIEW_NAMES.items()]


def tabs_of(desk: Desk, wanted: ReviewFilter, totals: Totals) -> list[dict[str, Any]]:
    # Load is of the whole run: a tab chosen there shows its rows. Another tab's points lie elsewhere: the map finds them.
    elsewhere = {"load": {"view": "list"}, "map": {"box": None}}.get(wanted.view, {})
    return [
        {
            "label": str(label),
            "count": totals.tabs[name],
            "query": wanted.but(tab=name, **elsewhere).query,
            "current": name == wanted.tab,
            "name": name,
        }
        for name, label in TAB_NAMES.items()
        if name not in ONLY_WHEN_ANY or totals.tabs[name] or name == wanted.tab
    ]


def with_cursor(wanted: ReviewFilter, name: str, pk: int) -> str:
    return "&".join(filter(None, [wanted.query, f"{name}={pk}"]))


def columns_of(wanted: ReviewFilter) -> dict[str, str]:
    """For each column that sorts, the querystring that sorts by it, the other way when it already does."""
    found = {}
    for name in ("client", "days", "revenue"):
        first = name if name == "client" else f"-{name}"
        other = name if first.startswith("-") else f"-{name}"
        found[name] = wanted.but(order=other if wanted.order == first else first).query
    return found


def chips_of(wanted: ReviewFilter, rules: dict[int, RunRule]) -> list[tuple[str, str]]:
    """What the filter says, one chip a part, each with the querystring without it; a query where it names representatives."""
    chosen = {*wanted.from_ids, *wanted.to_ids} - {NOBODY}
    people = dict(Representative.objects.filter(pk__in=chosen).values_list("pk", "code")) if chosen else {}
    people[NOBODY] = _("sem vendedor")
    caveats = dict(Proposal.Caveat.choices)
    chips = []
    if wanted.from_ids:
        names = ", ".join(people.get(pk, "?") for pk in wanted.from_ids)
        chips.append((_("Origem: %(names)s") % {"names": names}, wanted.but(from_ids=()).query))
    if wanted.to_ids:
        names = ", ".join(people.get(pk, "?") for pk in wanted.to_ids)
        chips.append((_("Destino: %(names)s") % {"names": names}, wanted.but(to_ids=()).query))
    if wanted.rules:
        names = ", ".join(rules[pk].rule_version.rule.name for pk in wanted.rules if pk in rules) or "?"
        chips.append((_("Regra: %(names)s") % {"names": names}, wanted.but(rules=()).query))
    if wanted.states:
        chips.append((_("UF: %(names)s") % {"names": ", ".join(wanted.states)}, wanted.but(states=()).query))
    if wanted.caveats:
        names = ", ".join(str(caveats[each]) for each in wanted.caveats)
        chips.append((_("Ressalva: %(names)s") % {"names": names}, wanted.but(caveats=()).query))
    if wanted.box:
        chips.append((_("Na área do mapa"), wanted.but(box=None).query))
    if wanted.text:
        chips.append((_("Busca: %(text)s") % {"text": wanted.text}, wanted.but(text="").query))
    return chips


@require_GET
@only(LEADERS)
@paged
def filters(request: HttpRequest, run: int) -> HttpResponse:
    """What the list can be narrowed to: a dialog for htmx, a page otherwise. Asked for when wanted, as it reads the whole run."""
    desk = desk_of(request, run)
    query = query_here(request) if partial(request) else request.GET
    context = {
        "desk": desk,
        "run": desk.run,
        "rules": rules_of(desk.run),
        "wanted": ReviewFilter.parse(query),
        "choices": filter_choices(desk.proposals),
        "caveats": Proposal.Caveat.choices,
    }
    return page_or_fragment(request, "rotation/filters.html", "rotation/_filters_dialog.html", context)


def lines_of(page: Page, wanted: ReviewFilter, desk: Desk, rows: Rows) -> list[dict[str, Any]]:
    """Rows ready to place, each group's heading on its first row of the page."""
    lines, current = [], object()
    for proposal in page.rows:
        key = getattr(proposal, f"{wanted.group_field}_id") if wanted.group_field else None
        begins = bool(wanted.group_field) and key != current
        current = key
        line = line_of(proposal, desk, wanted.tab)
        lines.append(line | {"row": rows.row(line), "group": page.groups.get(key) if begins else None})
    return lines


def receivers_for(request: HttpRequest) -> list[tuple[Representative, int]]:
    """Whom the member may send clients to, by code, with the clients each holds or is about to receive; three queries."""
    people = list(representatives_visible_to(request.membership).order_by("code"))  # type: ignore[attr-defined]
    held, coming = clients_held(), clients_coming()
    return [(each, held.get(each.pk, 0) + coming.get(each.pk, 0)) for each in people]
