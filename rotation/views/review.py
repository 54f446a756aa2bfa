"""The review of a run: its page, its list, one proposal whole, and the list as a file."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import get_urlconf, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.shell import served
from accounts.templatetags.formats import day_short, money_whole, month, signed, symbol
from rotation.explaining import explanation
from rotation.models import Proposal, Run, RunRule
from rotation.rows import Rows
from rotation.scores_said import scores_said
from rotation.selectors.filters import NOBODY, SIZES, ReviewFilter
from rotation.selectors.load import clients_held, load_spread, loads_of
from rotation.selectors.review import (
    Page,
    Reach,
    Totals,
    candidates_of,
    filter_choices,
    kinds_of,
    months_of,
    proposals_visible_to,
    reach_of,
    review_page,
    rules_of,
    totals_of,
)
from rotation.views.common import LEADERS, only, paged, partial, query_here, row_id, run_or_404
from rotation.views.common import page as page_or_fragment
from rotation.wording import any_of, cycle_text, reason_lines, stale_words

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
OPEN_TABS = ("pending", "high", "caution", "postponed")
GROUP_NAMES = {
    "rule": gettext_lazy("regra"),
    "from": gettext_lazy("origem"),
    "to": gettext_lazy("destino"),
    "none": gettext_lazy("nada"),
}
SORT_NAMES = {
    "value": gettext_lazy("Valor esperado"),
    "revenue": gettext_lazy("Faturamento 12 meses"),
    "days": gettext_lazy("Dias sem compra"),
    "client": gettext_lazy("Cliente"),
}


@dataclass(frozen=True)
class Desk:
    """One member at one run: what they may see and do there."""

    run: Run
    reach: Reach
    base: str

    @cached_property
    def proposals(self) -> QuerySet[Proposal]:
        """The run's rows in sight; only ever narrowed, so that it is made once."""
        return proposals_visible_to(self.reach, self.run)

    @property
    def decides(self) -> bool:
        return self.reach.decides and self.run.state == Run.State.AWAITING


def desk_of(request: HttpRequest, run_id: int) -> Desk:
    run = run_or_404(request, run_id)
    slug = request.organization.slug  # type: ignore[attr-defined]
    return Desk(run, reach_of(request.membership), reverse("rotation:review", args=[slug, run.pk]))  # type: ignore[attr-defined]


@require_GET
@only(LEADERS)
@paged
def review(request: HttpRequest, run: int) -> HttpResponse:
    """The page, or the tabs and list when htmx asks."""
    desk = desk_of(request, run)
    if desk.run.kind == Run.Kind.REVERSAL or desk.run.state in (Run.State.SCHEDULED, Run.State.COMPUTING):
        return redirect("rotation:job", request.organization.slug, desk.run.pk)  # type: ignore[attr-defined]
    context = work(request, desk, request.GET)
    if partial(request):
        return render(request, "rotation/_work.html", context)
    return render(request, "rotation/review.html", context | head(request, desk, context["totals"]))


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
        "km_note": f"{signed(round(totals.km_change))}\u00a0km" if totals.km_change is not None else "",
    }


def spread_of(request: HttpRequest, desk: Desk) -> tuple[float | None, float | None]:
    """Unevenness of load before and after: as the run recorded it, counted now where it did not."""
    summary = desk.run.summary
    if "load_deviation_after" in summary:
        return summary["load_deviation_before"], summary["load_deviation_after"]
    return load_spread(loads_of(desk.run, within=representatives_visible_to(request.membership)))  # type: ignore[attr-defined]


def frame(request: HttpRequest, desk: Desk, query: QueryDict) -> dict[str, Any]:
    """What any answer about the list needs: the filter, the run counted by kind, totals, tabs, what may be done; two queries."""
    wanted, kinds = ReviewFilter.parse(query), kinds_of(desk.proposals, desk.reach)
    totals = totals_of(kinds)
    return {
        "desk": desk,
        "run": desk.run,
        "rules": rules_of(desk.run),
        "kinds": kinds,
        "totals": totals,
        "wanted": wanted,
        "tabs": tabs_of(desk, wanted, totals),
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
    context["view"] = query.get("view") if query.get("view") in ("list", "load") else "list"
    if context["view"] == "load":
        within = representatives_visible_to(request.membership)  # type: ignore[attr-defined]
        return context | load_view(desk, within)
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
        context |= panel(request, desk, chosen, wanted.tab)
    shown_id = context["proposal"].pk if context["proposal"] else None
    context["lines"] = lines_of(page, wanted, desk, rows_for(request, desk, context, shown_id))
    return context


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


def tabs_of(desk: Desk, wanted: ReviewFilter, totals: Totals) -> list[dict[str, Any]]:
    return [
        {"label": str(label), "count": totals.tabs[name], "query": wanted.but(tab=name).query, "current": name == wanted.tab, "name": name}
        for name, label in TAB_NAMES.items()
        if name not in ONLY_WHEN_ANY or totals.tabs[name] or name == wanted.tab
    ]


def with_cursor(wanted: ReviewFilter, name: str, pk: int) -> str:
    return "&".join(filter(None, [wanted.query, f"{name}={pk}"]))


def without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    rest.pop(name, None)
    return rest.urlencode()


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
    people[NOBODY] = _("sem representante")
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


def line_of(proposal: Proposal, desk: Desk, tab: str = "") -> dict[str, Any]:
    """Everything a row shows of one proposal (see ``rotation.rows``); ``proposal`` comes from ``shown``.

    A postponed proposal shows that it is, except in the tab where the postponed ones are decided.
    """
    first, second, caution = reason_lines(proposal)
    measured = proposal.km_from is not None and proposal.km_to is not None
    State = Proposal.State
    within = desk.decides and desk.reach.may_decide(proposal)
    decidable = within and proposal.state == State.PROPOSED
    return {
        "p": proposal,
        "reason": first,
        "reason_2": second,
        "caution": caution,
        "km_change": round(proposal.km_to - proposal.km_from) if measured else None,
        "decidable": decidable,
        "acts": decidable and (proposal.postponed_at is None or tab == "postponed"),
        "reopenable": within and (proposal.state in (State.APPROVED, State.REJECTED) or (decidable and proposal.postponed_at is not None)),
        "pick": f"{proposal.pk}:{proposal.version}",
        "stale": stale_words(proposal.stale_reason) if proposal.stale_reason else "",
    }


def panel(request: HttpRequest, desk: Desk, proposal_id: int, tab: str) -> dict[str, Any]:
    """One proposal whole: reasons, what would have avoided it, purchases, candidates. No row in sight gives None."""
    rows = desk.proposals.select_related("client", "from_representative", "to_representative", "decided_by", "rule_version")
    proposal = rows.defer("client__custom_fields").filter(pk=proposal_id).first()
    if proposal is None:
        return {"proposal": None}
    organization = request.organization  # type: ignore[attr-defined]
    held = clients_held([*proposal.candidates, proposal.to_representative_id or 0])
    why = explanation(proposal, desk.run.as_of, organization.currency)
    months = months_of(proposal.client_id, until=desk.run.as_of)
    caveats = dict(Proposal.Caveat.choices)
    return {
        "proposal": proposal,
        "line": line_of(proposal, desk, tab),
        "version": proposal.rule_version,
        "explanation": why,
        "avoided": any_of(_("%(act)s desde %(day)s") % {"act": act, "day": day_short(day)} for act, day in why.avoided_by),
        "cycle": cycle_text(proposal),
        "caveat_words": [caveats.get(each, each) for each in proposal.caveats],
        "month_bars": [(month(day), cents, money_whole(cents, organization.currency)) for day, cents in months],
        "candidates": candidates_of(proposal, clients=held) if proposal.candidates or proposal.to_representative_id else [],
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
    context = panel(request, desk, proposal, ReviewFilter.parse(query).tab)
    if context["proposal"] is None:
        raise Http404
    context |= {"desk": desk, "run": desk.run, "explicit": True, "list_query": without(query, "open"), "here": query.urlencode()}
    return render(request, "rotation/_detail.html", context)


def load_view(desk: Desk, within: Any) -> dict[str, Any]:
    """Clients per representative, before and after, against capacity."""
    loads = loads_of(desk.run, within=within)
    before, after = load_spread(loads)
    return {"loads": loads, "spread_before": before, "spread_after": after, "dumbbells": dumbbells(loads)}


def dumbbells(loads: list[Any]) -> dict[str, Any]:
    """Coordinates of the load drawing: one row a representative, 30 units high; clients run from 0 at x=0 to 600."""
    top = max((max(load.before, load.after, load.capacity) for load in loads), default=1) or 1
    rows = [
        {
            "load": load,
            "y": 18 + 30 * place,
            "x1": round(10 + 580 * load.before / top, 1),
            "x2": round(10 + 580 * load.after / top, 1),
            "cap": round(10 + 580 * load.capacity / top, 1),
        }
        for place, load in enumerate(loads)
    ]
    return {"rows": rows, "height": 30 * len(rows) + 8}


def receivers_for(request: HttpRequest) -> list[Representative]:
    """Whom the member may send clients to, by code."""
    return list(representatives_visible_to(request.membership).order_by("code"))  # type: ignore[attr-defined]
