"""Relatórios: what happened in a period, by whom and why; every number opens the rows it counts."""

from dataclasses import replace
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Role
from accounts.templatetags.formats import day_year
from clients.selectors.visibility import clients_visible_to
from portfolio.reporting import KINDS, Asked, Kind, Report, asked_of
from portfolio.reporting.filters import OWN, PERIODS
from portfolio.reporting.shape import Column, Field, Line, Listing, Part, address, in_file, written
from portfolio.views.common import is_partial, leaders_only, today_of
from portfolio.views.exporting import MOST_ROWS, exported

PER_PAGE = 50


@require_GET
@leaders_only
def reports(request: HttpRequest) -> HttpResponse:
    """Every report there is, and what each says."""
    return render(request, "portfolio/reports.html", {"kinds": list(KINDS.values())})


@require_GET
@leaders_only
@vary_on_headers("HX-Request")
def report(request: HttpRequest, kind: str) -> HttpResponse:
    """One report, as its address asks for it."""
    found, asked = _kind(kind), _asked(request)
    made, base = found.report(asked, today_of(request)), _base(request, kind)
    told = asked.wanted.told()
    currency = request.organization.currency  # type: ignore[attr-defined]
    context = _choosers(asked, base) | {
        "kind": found,
        "report": made,
        "tabs": [(address(_base(request, slug), told), each.title, slug == kind) for slug, each in KINDS.items()],
        "figures": [
            (each, written(each.value, each.unit, currency), _behind(base, each.behind, told) if each.value else "")
            for each in made.figures
        ],
        "charts": [
            (each, [(label, [written(value, each.unit, currency) for value in values]) for label, values in each.rows])
            for each in made.charts
        ],
        "parts": [(part, *_drawn(part, base, told, currency)) for part in made.parts],
        "exports": [(form.upper(), address(f"{base}export.{form}", told)) for form in ("xlsx", "csv")],
        "schedule_url": address(reverse("portfolio:new_report_schedule", args=[request.organization.slug]), told, {"kind": kind})  # type: ignore[attr-defined]
        if request.membership.role != Role.AUDITOR  # type: ignore[attr-defined]
        else "",
        "clear_url": address(base, {"period": told.get("period", "")}),
    }
    template = "portfolio/_report.html" if is_partial(request) else "portfolio/report.html"
    return render(request, template, context)


@require_GET
@leaders_only
def export(request: HttpRequest, kind: str, form: str) -> HttpResponse:
    """The report's tables one below the other, each line under the name of its part."""
    found, asked = _kind(kind), _asked(request)
    base = _base(request, kind)
    made = found.report(asked, today_of(request))
    first, columns = made.parts[0].first, _all_columns(made)
    units = {column.key: column.unit for column in columns}

    def rows() -> list[list[Any]]:
        return [
            [str(part.title), line.label, *(in_file(line.values.get(column.key), units[column.key]) for column in columns)]
            for part in made.parts
            for line in (*part.lines, *filter(None, [part.total]))
        ]

    return exported(
        request,
        form,
        name=_file_name(found, asked),
        header=[_("Tabela"), first if len(made.parts) == 1 else _("Linha"), *(column.label for column in columns)],
        rows=rows,
        count=lambda _most: sum(len(part.lines) + 1 for part in made.parts),
        back=address(base, asked.wanted.told()),
        what=f"report-{kind}",
        query=asked.wanted.query(),
    )


@require_GET
@leaders_only
def rows(request: HttpRequest, kind: str, what: str) -> HttpResponse:
    """The rows a number of the report counts, 50 a page."""
    found, asked = _kind(kind), _asked(request)
    listing = _listing(found, what, asked, request)
    base = f"{_base(request, kind)}rows/{what}/"
    query = asked.wanted.told() | _narrows(request)
    page = Paginator(range(listing.count), PER_PAGE).get_page(request.GET.get("page"))
    start = max(page.start_index() - 1, 0)
    slug = request.organization.slug  # type: ignore[attr-defined]
    currency = request.organization.currency  # type: ignore[attr-defined]
    cut = listing.cut(start, min(start + PER_PAGE, listing.count)) if listing.count else []
    # A client that went elsewhere is named, because it was theirs; its page is no longer within reach.
    ids = [listing.client_of(row) for row in cut] if listing.client_of else []
    reached = set(clients_visible_to(request.membership).filter(pk__in=ids).values_list("pk", flat=True))  # type: ignore[attr-defined]
    context = {
        "kind": found,
        "listing": listing,
        "rows": [[_cell(field, row, listing, slug, currency, reached) for field in listing.fields] for row in cut],
        "summary": _summary(asked),
        "back": address(_base(request, kind), asked.wanted.told()),
        "exports": [(form.upper(), address(f"{base}export.{form}", query)) for form in ("xlsx", "csv")],
        "pages": {
            "summary": _("%(first)s a %(last)s de %(of)s") % {"first": start + 1, "last": page.end_index(), "of": listing.count},
            "previous": address(base, query, {"page": page.previous_page_number()}) if page.has_previous() else "",
            "next": address(base, query, {"page": page.next_page_number()}) if page.has_next() else "",
        },
    }
    return render(request, "portfolio/report_rows.html", context)


@require_GET
@leaders_only
def export_rows(request: HttpRequest, kind: str, what: str, form: str) -> HttpResponse:
    """The same rows as a file, all of them."""
    found, asked = _kind(kind), _asked(request)
    listing = _listing(found, what, asked, request)
    base = f"{_base(request, kind)}rows/{what}/"
    query = asked.wanted.told() | _narrows(request)
    return exported(
        request,
        form,
        name=_file_name(found, asked),
        header=[field.label for field in listing.fields],
        rows=lambda: ([_typed(field, row) for field in listing.fields] for row in listing.every(MOST_ROWS)),
        count=lambda _most: listing.count,
        back=address(base, query),
        what=f"report-{kind}-{what}",
        query=address("", query).lstrip("?"),
    )


def _kind(slug: str) -> Kind:
    if slug not in KINDS:
        raise Http404
    return KINDS[slug]


def _asked(request: HttpRequest) -> Asked:
    return asked_of(request.GET, request.membership, today=today_of(request))  # type: ignore[attr-defined]


def _base(request: HttpRequest, kind: str) -> str:
    return reverse("portfolio:report", args=[request.organization.slug, kind])  # type: ignore[attr-defined]


def _narrows(request: HttpRequest) -> dict[str, str]:
    """What narrows a list beyond the report's own filter, as the address says it."""
    return {name: request.GET[name][:120] for name in ("why", "band", "event") if request.GET.get(name)}


def _listing(kind: Kind, what: str, asked: Asked, request: HttpRequest) -> Listing:
    found = kind.listing(what, asked, request.GET)
    if found is None:
        raise Http404
    return found


def _behind(base: str, what: str, *queries: dict[str, Any]) -> str:
    return address(f"{base}rows/{what}/", *queries) if what else ""


def _drawn(part: Part, base: str, told: dict[str, Any], currency: str) -> tuple[list[Any], Any]:
    """Each line as (line, cells), and the total's cells."""
    lines = [(line, [_figure(column, line, base, told, currency) for column in part.columns]) for line in part.lines]
    return lines, [_figure(column, part.total, base, told, currency) for column in part.columns] if part.total else None


def _figure(column: Column, line: Line, base: str, told: dict[str, Any], currency: str) -> dict[str, Any]:
    value = line.values.get(column.key)
    return {
        "label": column.label,
        "text": written(value, column.unit, currency) if column.key in line.values else "",
        "url": _behind(base, column.behind, told, line.narrows) if value else "",
        "notes": line.values.get(column.notes, "") if column.notes else "",
    }


def _all_columns(made: Report) -> list[Column]:
    """The columns of every part, each key once; a part without one leaves the cell empty."""
    found: dict[str, Column] = {}
    for part in made.parts:
        for column in part.columns:
            found.setdefault(column.key, column)
            if column.notes:
                found.setdefault(column.notes, replace(column, key=column.notes, label=_("%(column)s: motivos") % {"column": column.label}))
    return list(found.values())


def _typed(field: Field, row: Any) -> Any:
    value = field.take(row)
    return in_file(value, field.kind) if field.kind == "money" else value


def _cell(field: Field, row: Any, listing: Listing, slug: str, currency: str, reached: set[int]) -> dict[str, Any]:
    value, kind = field.take(row), field.kind
    client = listing.client_of(row) if kind == "client" and listing.client_of else None
    url = reverse("portfolio:client_page", args=[slug, client]) if client in reached else ""
    text = day_year(value) if kind == "day" else written(value, kind, currency) if kind in ("money", "count") else value or "–"
    return {"label": field.label, "text": text, "url": url, "kind": kind}


def _summary(asked: Asked) -> str:
    parts = [_("%(first)s a %(last)s") % {"first": day_year(asked.scope.first), "last": day_year(asked.scope.last)}]
    choices = asked.choices
    parts += [label for value, label in choices.teams if value == asked.wanted.team]
    parts += [label for value, label in choices.representatives if value == asked.wanted.rep]
    parts += [label for value, label in (*choices.segments, *choices.saved) if value == asked.wanted.segment]
    return " · ".join(parts)


def _file_name(kind: Kind, asked: Asked) -> str:
    return f"{kind.title} {asked.scope.first.isoformat()} {asked.scope.last.isoformat()}".lower().replace(" ", "-")


def _choosers(asked: Asked, base: str) -> dict[str, Any]:
    wanted = asked.wanted
    return {
        "here": base,
        "asked": asked,
        "wanted": wanted,
        "summary": _summary(asked),
        "periods": [*((key, words, wanted.period == key) for key, words in PERIODS.items()), (OWN, _("Outros meses"), not wanted.period)],
        "own_months": not wanted.period,
        "choices": asked.choices,
    }
