"""Produtos: the catalogue; of each product who buys it and who could; marking what stands still and what is in season."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.templatetags.formats import money_short, number
from clients.models import Product
from clients.selectors.products import (
    PARTS,
    ProductFilter,
    categories,
    product_counts,
    product_months,
    product_takers,
    products_found,
)
from clients.selectors.seasons import marks_of
from clients.selectors.visibility import reach_of
from clients.services.products import MarkRefused, mark_product, may_mark
from portfolio.reporting.common import months_chart, place
from portfolio.views.common import is_partial, today_of
from portfolio.views.exporting import MOST_ROWS, exported

PER_PAGE = 50
# Offered where a season is written: words that ``clients.selectors.seasons`` knows, which are data and not the page's own.
SEASON_WORDS = {
    "pt": (
        *("Natal", "Ano novo", "Verão", "Outono", "Inverno", "Primavera", "Volta às aulas", "Carnaval", "Páscoa", "Dia das mães"),
        *("Festa junina", "Dia dos pais", "Dia das crianças", "Black Friday", "Plantio", "Safra", "Colheita"),
    ),
    "es": ("Navidad", "Verano", "Invierno", "Primavera", "Carnaval", "Pascua", "Black Friday"),
    "en": ("Christmas", "Black Friday"),
}


@require_GET
@vary_on_headers("HX-Request")
def products(request: HttpRequest) -> HttpResponse:
    """The catalogue, 50 a page, narrowed by the address."""
    today, wanted = today_of(request), ProductFilter.parse(request.GET)
    here = reverse("portfolio:products", args=[request.organization.slug])  # type: ignore[attr-defined]
    counts = product_counts(wanted, as_of=today)
    page = Paginator(range(counts[wanted.tab]), PER_PAGE).get_page(request.GET.get("page"))
    start = max(page.start_index() - 1, 0)
    query = wanted.query()
    names = {"all": _("Todos"), "standing": _("Estoque parado"), "season": _("Da estação")}
    member: Membership = request.membership  # type: ignore[attr-defined]
    context = {
        "wanted": wanted,
        "here": here,
        "rows": [_row(each, today) for each in products_found(wanted, as_of=today)[start : start + PER_PAGE]],
        "tabs": [(_with(here, wanted.query(tab=tab)), words, counts[tab], tab == wanted.tab) for tab, words in names.items()],
        "categories": categories(),
        "narrows": bool(wanted.q or wanted.category),
        "clear_url": _with(here, ProductFilter(tab=wanted.tab).query()),
        "exports": [(form.upper(), _with(f"{here}export.{form}", query)) for form in ("xlsx", "csv")]
        if member.role != Role.REPRESENTATIVE
        else [],
        "pages": _pages(page, start, here, query),
    }
    return render(request, "portfolio/_products.html" if is_partial(request) else "portfolio/products.html", context)


@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The catalogue of the filter as a file."""
    today, wanted = today_of(request), ProductFilter.parse(request.GET)
    header = [_("Código"), _("Produto"), _("Categoria"), _("Unidade"), _("Estoque"), _("Parado desde"), _("Dias parado"), _("Estação")]

    def lines() -> Iterable[list[Any]]:
        for each in products_found(wanted, as_of=today)[:MOST_ROWS].iterator(chunk_size=2_000):
            days = (today - each.stock_since).days if each.stock_since else None
            yield [each.code, each.name, each.category, each.unit, each.stock_quantity, each.stock_since, days, each.season]

    return exported(
        request,
        form,
        name=_("produtos"),
        header=header,
        rows=lines,
        count=lambda _most: product_counts(wanted, as_of=today)[wanted.tab],
        back=_with(reverse("portfolio:products", args=[request.organization.slug]), wanted.query()),  # type: ignore[attr-defined]
        what="products",
        query=wanted.query(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, number: int) -> HttpResponse:
    """One product: who could buy it and who does, within the reader's reach; POST marks it."""
    found = get_object_or_404(Product, pk=number)
    member: Membership = request.membership  # type: ignore[attr-defined]
    if request.method != "POST":
        return _page(request, found)
    if not may_mark(member):
        raise Http404
    typed = request.POST.get("stock_since", "").strip()
    try:
        since = parse_date(typed) if typed else None
        if typed and since is None:
            raise MarkRefused(_("Escreva um dia, como 2026-11-23."), field="stock_since")
        mark_product(found, season=request.POST.get("season", ""), stock_since=since, by=member, on=today_of(request))
    except ValueError:  # a day no calendar has
        return _page(request, found, error={"stock_since": _("Este dia não existe.")}, status=422)
    except MarkRefused as refusal:
        return _page(request, found, error={refusal.field: str(refusal)}, status=422)
    except NotAllowed:
        raise Http404 from None
    messages.success(request, _("Produto marcado."))
    return redirect("portfolio:product", request.organization.slug, found.pk)  # type: ignore[attr-defined]


@require_GET
def export_takers(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """Who buys the product, or could, as a file."""
    found = get_object_or_404(Product, pk=number)
    part, today = _part(request), today_of(request)
    reach = reach_of(request.membership)  # type: ignore[attr-defined]

    def lines() -> Iterable[list[Any]]:
        for each in product_takers(found, reach, part, as_of=today, limit=MOST_ROWS).rows:
            own = [each.code, each.name, each.city, each.state, each.representative]
            yield [*own, each.days, each.last_on, each.cents / 100, each.category_cents / 100]

    def count(_most: int) -> int:
        takers = product_takers(found, reach, part, as_of=today, limit=0)
        return takers.buys if part == "buys" else takers.could

    header = [_("Código"), _("Cliente"), _("Cidade"), _("UF"), _("Vendedor"), _("Vezes"), _("Última"), _("Valor"), _("Na categoria")]
    return exported(
        request,
        form,
        name=f"{found.code} {part}",
        header=header,
        rows=lines,
        count=count,
        back=f"{reverse('portfolio:product', args=[request.organization.slug, found.pk])}?part={part}",  # type: ignore[attr-defined]
        what=f"product-{part}",
        query=f"product={found.pk}",
    )


def _page(request: HttpRequest, found: Product, *, error: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
    member: Membership = request.membership  # type: ignore[attr-defined]
    currency = request.organization.currency  # type: ignore[attr-defined]
    today, part, reach = today_of(request), _part(request), reach_of(member)
    here = reverse("portfolio:product", args=[request.organization.slug, found.pk])  # type: ignore[attr-defined]
    text = request.GET.get("page", "")
    asked = min(int(text), 4_000) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    takers = product_takers(found, reach, part, as_of=today, offset=(max(asked, 1) - 1) * PER_PAGE, limit=PER_PAGE)
    n = takers.buys if part == "buys" else takers.could
    page = Paginator(range(n), PER_PAGE).get_page(asked)
    months = product_months(found, reach, as_of=today)
    posted = request.method == "POST"
    context = {
        "product": found,
        "row": _row(found, today),
        "part": part,
        "takers": takers,
        "tabs": [
            (f"{here}?part=could", _("Quem poderia comprar"), takers.could, part == "could"),
            (f"{here}?part=buys", _("Quem compra"), takers.buys, part == "buys"),
        ],
        "rows": [(each, place(each.city, each.state)) for each in takers.rows],
        "chart": months_chart(_("Vendas por mês"), [(month, (cents / 100,)) for month, cents in months], [_("Vendas")], ["z1"]),
        "chart_rows": [(month, money_short(cents, currency)) for month, cents in months],
        "sold": any(cents for _month, cents in months),
        "own": member.role == Role.REPRESENTATIVE,
        "marks": may_mark(member),
        "seasons": SEASON_WORDS.get((get_language() or "pt")[:2], SEASON_WORDS["pt"]),
        "season": request.POST.get("season", "") if posted else found.season,
        "stock_since": request.POST.get("stock_since", "") if posted else found.stock_since.isoformat() if found.stock_since else "",
        "error": error or {},
        "today": today,
        "exports": [(form.upper(), f"{here}export.{form}?part={part}") for form in ("xlsx", "csv")]
        if member.role != Role.REPRESENTATIVE
        else [],
        "pages": _pages(page, (page.number - 1) * PER_PAGE, here, f"part={part}"),
    }
    return render(request, "portfolio/product.html", context, status=status)


def _part(request: HttpRequest) -> str:
    part = request.GET.get("part", "could")
    return part if part in PARTS else "could"


def _forms(member: Membership) -> tuple[str, ...]:
    """The files a member may take away: a representative none."""
    return () if member.role == Role.REPRESENTATIVE else ("xlsx", "csv")


def _row(each: Product, today: date) -> dict[str, Any]:
    return {
        "product": each,
        "marks": marks_of(each.season, each.stock_since, as_of=today),
        "days": (today - each.stock_since).days if each.stock_since and each.stock_since <= today else None,
    }


def _with(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _pages(page: Any, start: int, here: str, query: str) -> dict[str, str]:
    def url(number: int) -> str:
        return _with(here, f"{query}&page={number}" if query else f"page={number}")

    return {
        "summary": _("%(first)s a %(last)s de %(of)s") % {"first": start + 1, "last": page.end_index(), "of": number(page.paginator.count)},
        "previous": url(page.previous_page_number()) if page.has_previous() else "",
        "next": url(page.next_page_number()) if page.has_next() else "",
    }
