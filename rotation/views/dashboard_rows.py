"""The clients behind a number of the panel, and the panel's lists as files."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.exporting import MOST_ROWS, hand_out
from accounts.services.audit import Event
from portfolio.selectors import figures
from portfolio.selectors.figures.behind import PER_PAGE, WHATS
from rotation.panel import Asked
from rotation.panel_table import SORTS, people_rows
from rotation.views.common import LEADERS, only, paged
from rotation.views.dashboard import asked_of, rows_url, shown

MOST_PAGES = 4_000
OFFICE_ONLY = ("nobody",)
TITLES = {
    "revenue": gettext_lazy("Faturamento por cliente"),
    "buyers": gettext_lazy("Clientes positivados"),
    "missing": gettext_lazy("Clientes não positivados"),
    "visited": gettext_lazy("Clientes visitados"),
    "unvisited": gettext_lazy("Clientes sem visita"),
    "active": gettext_lazy("Clientes ativos"),
    "near_inactive": gettext_lazy("Clientes quase inativos"),
    "inactive": gettext_lazy("Clientes inativos"),
    "one_time": gettext_lazy("Clientes que compraram uma só vez"),
    "delinquent": gettext_lazy("Clientes inadimplentes"),
    "former": gettext_lazy("Ex-clientes"),
    "prospect": gettext_lazy("Prospects"),
    "credit_rejected": gettext_lazy("Prospects sem crédito"),
    "turning": gettext_lazy("Viram inativos em sete dias"),
    "at_risk": gettext_lazy("Receita em risco por cliente"),
    "inactivated": gettext_lazy("Clientes que ficaram inativos"),
    "won_back": gettext_lazy("Clientes recuperados"),
    "new": gettext_lazy("Clientes novos"),
    "lost": gettext_lazy("Clientes perdidos"),
    "nobody": gettext_lazy("Clientes sem vendedor"),
    "unkept": gettext_lazy("Clientes com visita marcada e não feita"),
    "given": gettext_lazy("Clientes que o giro mudou de vendedor"),
}
# Numbers of today, whatever months are looked at.
NOW = frozenset(
    {"active", "near_inactive", "inactive", "one_time", "delinquent", "former", "prospect", "credit_rejected", "turning", "at_risk"}
)


def _wanted(request: HttpRequest, what: str) -> tuple[Asked, str | None]:
    asked = asked_of(request)
    if what not in WHATS or (what in OFFICE_ONLY and asked.reach is not None):
        raise Http404
    state = request.GET.get("state", "")[:3]
    return asked, ("" if state == "-" else state) if state and what == "revenue" else None


@require_GET
@only(LEADERS)
@paged
def rows(request: HttpRequest, what: str) -> HttpResponse:
    """The clients behind a number, those that add most to it first."""
    asked, state = _wanted(request, what)
    number = request.GET.get("page", "1")
    page = min(max(int(number), 1), MOST_PAGES) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    found = figures.clients_behind(
        what, asked.span, asked.limits, asked.people, as_of=asked.today, within=asked.reach, state=state, page=page
    )
    here = rows_url(asked, what, **({"state": state or "-"} if state is not None else {}))
    join = "&" if "?" in here else "?"
    seen = found.clients - found.elsewhere
    pages = -(-seen // PER_PAGE)
    context = shown(request, asked) | {
        "what": what,
        "title": TITLES[what],
        "found": found,
        "seen": seen,
        "state": state,
        "now": what in NOW,
        "first": (page - 1) * PER_PAGE + 1,
        "last": (page - 1) * PER_PAGE + len(found.rows),
        "previous": f"{here}{join}page={page - 1}" if page > 1 else "",
        "next": f"{here}{join}page={page + 1}" if page < pages else "",
        "export_query": here.partition("?")[2],
    }
    return render(request, "rotation/dashboard/rows.html", context)


@require_GET
@only(LEADERS)
def export(request: HttpRequest, what: str, form: str) -> HttpResponse:
    """The clients behind a number as a file; who took it away is recorded."""
    asked, state = _wanted(request, what)
    back = rows_url(asked, what, **({"state": state or "-"} if state is not None else {}))

    def behind(most: int) -> figures.Behind:
        return figures.clients_behind(
            what, asked.span, asked.limits, asked.people, as_of=asked.today, within=asked.reach, state=state, per_page=most
        )

    def count(_most: int) -> int:
        found = behind(0)
        return found.clients - found.elsewhere

    def lines() -> Iterable[list[Any]]:
        for row in behind(MOST_ROWS).rows:
            cents = None if row.cents is None else row.cents / 100
            yield [row.name, row.city, row.state, row.representative, row.last_on, row.net_12m_cents / 100, cents]

    header = [_("Cliente"), _("Cidade"), _("UF"), _("Vendedor"), _("Último pedido"), _("Faturamento 12 meses"), _("Valor")]
    name = _("painel-%(what)s") % {"what": what.replace("_", "-")}
    return hand_out(request, form, name=name, header=header, rows=lines, count=count, back=back, event=_recorded(what, asked))


@require_GET
@only(LEADERS)
def export_reps(request: HttpRequest, form: str) -> HttpResponse:
    """The table of representatives as a file."""
    asked = asked_of(request)
    sort = request.GET.get("sort", "")
    found = people_rows(asked, sort if sort.lstrip("-") in SORTS else "-revenue")
    back = f"{reverse('rotation:dashboard', args=[asked.member.organization.slug])}?{asked.query()}"
    header = [
        _("Vendedor"),
        _("Faturamento"),
        _("Meta do mês") if asked.first == asked.month else _("Meta"),
        _("Atingimento %"),
        _("Positivação %"),
        _("Cobertura de visitas %"),
        _("Clientes"),
        _("Em risco"),
        _("Variação %"),
        _("Pedidos"),
        _("Ticket médio"),
    ]

    def hundred(part: float | None) -> float | None:
        return None if part is None else round(100 * part, 1)

    lines: list[list[Any]] = [
        [
            str(row.representative),
            row.sales.revenue_cents / 100,
            row.goal / 100 if row.goal else None,
            hundred(row.goal_share),
            hundred(row.reached.positivation),
            hundred(row.reached.visit_coverage),
            row.reached.clients,
            row.risk_cents / 100,
            hundred(row.change),
            row.sales.orders,
            None if row.sales.ticket_cents is None else row.sales.ticket_cents / 100,
        ]
        for row in found
    ]
    return hand_out(
        request,
        form,
        name=_("painel-vendedores"),
        header=header,
        rows=lambda: lines,
        count=lambda _most: len(lines),
        back=back,
        event=_recorded("reps", asked),
    )


def _recorded(what: str, asked: Asked) -> Event:
    return Event("dashboard", "dashboard.exported", after={"what": what, "filter": asked.query()})
