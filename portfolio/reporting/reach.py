"""Positivação, Cobertura de visitas and Mix: how much of the portfolio bought, was visited, and how widely it buys."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.templatetags.formats import number
from portfolio.reporting.common import by_representative, months_chart, place
from portfolio.reporting.filters import Asked
from portfolio.reporting.shape import Column, Field, Figure, Line, Listing, Part, Report
from portfolio.selectors.figures import Mix, Reached, mix, reached, sales_by_month
from portfolio.selectors.figures.span import Span
from portfolio.selectors.reports.reach import (
    REACHED,
    mixed_clients,
    people_of,
    reached_clients,
    span_of,
    visited_by_month,
)
from portfolio.selectors.reports.scope import months_until

TWELVE = 12


def _shown_months(asked: Asked) -> list[Any]:
    return months_until(asked.scope.last, TWELVE)


def buyers_report(asked: Asked, today: Any) -> Report:
    scope = asked.scope
    found = reached(span_of(scope), people_of(scope), scope.client_ids)
    whole, months = found.total, _shown_months(asked)
    by_month = sales_by_month(Span(months[0], scope.last), people_of(scope), scope.client_ids)
    of_all = _("%(n)s de %(of)s clientes") % {"n": number(whole.buyers), "of": number(whole.clients)}
    figures = [
        Figure(_("Positivação"), whole.positivation, "share", of_all, "buyers"),
        Figure(_("Positivados"), whole.buyers, behind="buyers"),
        Figure(_("Ainda não compraram"), whole.clients - whole.buyers, behind="missing"),
    ]
    chart = months_chart(
        _("Clientes que compraram, por mês"), [(each.month, (each.clients,)) for each in by_month], [_("Clientes")], ["z1"], note=_twelve()
    )
    columns = [
        Column("clients", _("Carteira"), behind="clients"),
        Column("done", _("Positivados"), behind="buyers"),
        Column("share", _("Positivação"), "share"),
        Column("missing", _("Faltam"), behind="missing"),
    ]

    def values(each: Reached) -> dict[str, Any]:
        missing = each.clients - each.buyers
        return {"clients": each.clients, "done": each.buyers, "share": each.positivation, "missing": missing}

    note = _("Positivação: clientes com pedido válido no período ÷ clientes na carteira no fim dele.")
    people = _people(asked, found.by, values, whole, columns, note)
    sentence = _("Importe clientes e pedidos para ver quem comprou e quem falta.")
    return Report(figures, [chart], [people], [], _nothing(asked, whole, sentence))


def coverage_report(asked: Asked, today: Any) -> Report:
    scope = asked.scope
    found = reached(span_of(scope), people_of(scope), scope.client_ids)
    whole, months = found.total, _shown_months(asked)
    by_month = visited_by_month(scope, months)
    of_all = _("%(n)s de %(of)s clientes") % {"n": number(whole.visited), "of": number(whole.clients)}
    figures = [
        Figure(_("Cobertura de visitas"), whole.visit_coverage, "share", of_all, "visited"),
        Figure(_("Visitados"), whole.visited, behind="visited"),
        Figure(_("Sem visita"), whole.clients - whole.visited, behind="unvisited"),
    ]
    chart = months_chart(_("Clientes visitados, por mês"), [(m, (n,)) for m, n in by_month], [_("Clientes")], ["z1"], note=_twelve())
    columns = [
        Column("clients", _("Carteira"), behind="clients"),
        Column("done", _("Visitados"), behind="visited"),
        Column("share", _("Cobertura de visitas"), "share"),
        Column("missing", _("Sem visita"), behind="unvisited"),
    ]

    def values(each: Reached) -> dict[str, Any]:
        missing = each.clients - each.visited
        return {"clients": each.clients, "done": each.visited, "share": each.visit_coverage, "missing": missing}

    note = _("Cobertura de visitas: clientes visitados no período ÷ clientes na carteira no fim dele.")
    people = _people(asked, found.by, values, whole, columns, note)
    sentence = _("Importe os clientes para ver quem foi visitado e quem falta.")
    return Report(figures, [chart], [people], [], _nothing(asked, whole, sentence))


def mix_report(asked: Asked, today: Any) -> Report:
    scope = asked.scope
    found = mix(span_of(scope), people_of(scope), scope.client_ids)
    whole, months = found.total, _shown_months(asked)
    by_month = sales_by_month(Span(months[0], scope.last), people_of(scope), scope.client_ids)
    figures = [
        Figure(_("Mix médio"), whole.average, "ratio", _("produtos por cliente que comprou")),
        Figure(_("Produtos vendidos"), whole.products, note=_("distintos")),
        Figure(_("Clientes que compraram"), whole.clients, behind="mixed"),
        Figure(_("Itens por pedido"), whole.items_per_order, "ratio"),
    ]
    chart = months_chart(
        _("Mix médio por mês (produtos por cliente)"),
        [(each.month, (round(each.client_products / each.clients, 2) if each.clients else 0,)) for each in by_month],
        [_("Mix médio")],
        ["z1"],
        unit="ratio",
        note=_twelve(),
    )
    columns = [
        Column("buyers", _("Clientes que compraram"), behind="mixed"),
        Column("client_products", _("Produtos somados por cliente"), behind="mixed"),
        Column("average", _("Mix médio"), "ratio"),
        Column("products", _("Produtos distintos")),
        Column("items_per_order", _("Itens por pedido"), "ratio"),
    ]

    def values(each: Mix) -> dict[str, Any]:
        return {
            "buyers": each.clients,
            "client_products": each.client_products,
            "average": each.average,
            "products": each.products,
            "items_per_order": each.items_per_order,
        }

    note = _("O total conta uma vez o cliente ou o produto de dois vendedores.")
    people = _people(asked, found.by, values, whole, columns, note)
    nothing = None
    if not any(each.clients for each in by_month) and not whole.orders and not asked.wanted.narrows:
        sentence = _("Importe pedidos com os seus itens para ver quantos produtos cada cliente leva.")
        nothing = (_("Nenhum item vendido"), sentence, "imports/", _("Importar"))
    return Report(figures, [chart], [people], [], nothing)


def _people(asked: Asked, by: Mapping[int | None, Any], values: Any, whole: Any, columns: Sequence[Column], note: str) -> Part:
    lines = by_representative(asked, {pk: each for pk, each in by.items() if pk is not None}, values)
    told = values(by[None]) if None in by else {}
    if any(value for value in told.values() if isinstance(value, int)):
        lines.append(Line(_("Sem vendedor"), told))
    title = _("Por vendedor")
    total = Line(_("Total"), values(whole))
    empty = _("Ninguém tem clientes neste período.")
    return Part("people", title, _("Vendedor"), columns, lines, total, empty=empty, note=note, beside=True)


def _nothing(asked: Asked, whole: Reached, sentence: str) -> tuple[Any, Any, str, Any] | None:
    if whole.registered or asked.wanted.narrows:
        return None
    return _("Nenhuma carteira ainda"), sentence, "imports/", _("Importar")


def _twelve() -> str:
    return _("Os doze meses até o fim do período.")


def reached_listing(what: str, asked: Asked, query: Mapping[str, Any]) -> Listing | None:
    """The clients of the portfolio behind a number."""
    if what not in REACHED:
        return None
    titles = {
        "clients": _("Clientes na carteira"),
        "buyers": _("Clientes positivados"),
        "missing": _("Clientes que ainda não compraram"),
        "visited": _("Clientes visitados"),
        "unvisited": _("Clientes sem visita"),
    }
    rows = reached_clients(asked.scope, what)
    fields = [
        Field(_("Cliente"), lambda row: row.name, "client"),
        Field(_("Código"), lambda row: row.code),
        Field(_("Cidade"), lambda row: place(row.city, row.state)),
        Field(_("Vendedor"), lambda row: row.representative),
        Field(_("Pedidos no período"), lambda row: row.orders, "count"),
        Field(_("Valor no período"), lambda row: row.cents, "money"),
        Field(_("Visitas no período"), lambda row: row.visits, "count"),
        Field(_("Último pedido"), lambda row: row.last_order_on, "day"),
        Field(_("Última visita"), lambda row: row.last_visit_on, "day"),
    ]
    return Listing(titles[what], fields, len(rows), lambda start, end: rows[start:end], lambda row: row.pk)


def mixed_listing(what: str, asked: Asked, query: Mapping[str, Any]) -> Listing | None:
    """The clients that bought, and how widely."""
    if what != "mixed":
        return None
    rows = mixed_clients(asked.scope)
    fields = [
        Field(_("Cliente"), lambda row: row.name, "client"),
        Field(_("Código"), lambda row: row.code),
        Field(_("Cidade"), lambda row: place(row.city, row.state)),
        Field(_("Vendedor"), lambda row: row.representative or _("ninguém")),
        Field(_("Produtos distintos"), lambda row: row.products, "count"),
        Field(_("Itens"), lambda row: row.items, "count"),
        Field(_("Pedidos"), lambda row: row.orders, "count"),
    ]
    return Listing(_("Clientes que compraram"), fields, len(rows), lambda start, end: rows[start:end], lambda row: row.pk)
