"""The clients behind a number of the panel, and the panel's lists as files."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.exports import spreadsheet
from accounts.services import Actor, record_event
from accounts.step_up import EXPORTS_AN_HOUR, MANY_ROWS, ask_again, proved_recently
from accounts.throttle import tries
from portfolio.selectors import figures
from portfolio.selectors.figures.behind import PER_PAGE, WHATS
from rotation.panel import Asked
from rotation.panel_table import SORTS, people_rows
from rotation.views.common import LEADERS, only, paged
from rotation.views.dashboard import asked_of, rows_url, shown

MOST_ROWS = 200_000
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
    if form not in ("csv", "xlsx"):
        raise Http404
    back = rows_url(asked, what, **({"state": state or "-"} if state is not None else {}))
    found = figures.clients_behind(
        what, asked.span, asked.limits, asked.people, as_of=asked.today, within=asked.reach, state=state, per_page=MOST_ROWS
    )
    if len(found.rows) > MANY_ROWS and not proved_recently(request):
        return ask_again(request, back)
    if refusal := _too_many(request, back):
        return refusal
    header = [_("Cliente"), _("Cidade"), _("UF"), _("Vendedor"), _("Último pedido"), _("Faturamento 12 meses"), _("Valor")]
    lines = [
        [
            row.name,
            row.city,
            row.state,
            row.representative,
            row.last_on,
            row.net_12m_cents / 100,
            None if row.cents is None else row.cents / 100,
        ]
        for row in found.rows
    ]
    _record(request, what, form, len(lines), asked)
    return spreadsheet(form, _("painel-%(what)s") % {"what": what.replace("_", "-")}, header, lines)


@require_GET
@only(LEADERS)
def export_reps(request: HttpRequest, form: str) -> HttpResponse:
    """The table of representatives as a file."""
    if form not in ("csv", "xlsx"):
        raise Http404
    asked = asked_of(request)
    sort = request.GET.get("sort", "")
    found = people_rows(asked, sort if sort.lstrip("-") in SORTS else "-revenue")
    back = f"{reverse('rotation:dashboard', args=[asked.member.organization.slug])}?{asked.query()}"
    if len(found) > MANY_ROWS and not proved_recently(request):
        return ask_again(request, back)
    if refusal := _too_many(request, back):
        return refusal
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
    _record(request, "reps", form, len(lines), asked)
    return spreadsheet(form, _("painel-vendedores"), header, lines)


def _too_many(request: HttpRequest, back: str) -> HttpResponse | None:
    if tries(f"export:{request.membership.pk}", window_seconds=3600) <= EXPORTS_AN_HOUR:  # type: ignore[attr-defined]
        return None
    messages.warning(request, _("Já foram %(n)s arquivos nesta hora. Espere um pouco e exporte de novo.") % {"n": EXPORTS_AN_HOUR})
    return redirect(back)


def _record(request: HttpRequest, what: str, form: str, rows: int, asked: Asked) -> None:
    by = Actor(request.membership)  # type: ignore[attr-defined]
    record_event("dashboard", "dashboard.exported", by=by, after={"what": what, "form": form, "rows": rows, "filter": asked.query()})
