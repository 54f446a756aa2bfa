"""The lists of runs, load, requests and campaigns as files. For who leads or audits, as every export."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from portfolio.views.common import today_of
from portfolio.views.exporting import exported
from rotation.selectors.campaigns import campaign_lines
from rotation.selectors.reach import reach_of
from rotation.selectors.requests import request_lines
from rotation.selectors.runs import run_lines, runs_visible_to
from rotation.views.common import LEADERS, only
from rotation.views.team_load import lines_of

MOST_RUNS = 1_000


def _file(request: HttpRequest, form: str, name: str, what: str, header: list[str], lines: list[list[Any]]) -> HttpResponse:
    """``lines`` were read already: none of these lists is long."""
    name = f"{name}-{today_of(request).isoformat()}"
    back = reverse(f"rotation:{what}", args=[request.organization.slug])  # type: ignore[attr-defined]
    return exported(request, form, name=name, header=header, rows=lambda: lines, count=lambda _most: len(lines), back=back, what=what)


@require_GET
@only(LEADERS)
def runs(request: HttpRequest, form: str) -> HttpResponse:
    """The latest runs with their counts, over what the member may see."""
    header = [
        _("Giro"), _("Tipo"), _("Regras"), _("Situação"), _("Propostas"), _("Decididas"), _("Aplicadas"), _("Desatualizadas"),
        _("Receita 12 m"), _("Prazo"),
    ]  # fmt: skip
    found = run_lines(runs_visible_to(request.membership), reach_of(request.membership), most=MOST_RUNS)  # type: ignore[attr-defined]
    lines = []
    for line in found:
        rules = ", ".join(f"{each.rule_version.rule.name} v{each.rule_version.number}" for each in line.rules)
        run = line.run
        counts = [line.total, line.decided, line.applied, line.stale, line.revenue_cents / 100]
        lines.append([run.as_of, run.get_kind_display(), rules, run.get_state_display(), *counts, run.deadline])
    return _file(request, form, _("giros"), "runs", header, lines)


@require_GET
@only(LEADERS)
def load(request: HttpRequest, form: str) -> HttpResponse:
    """Every representative's load, the fullest first."""
    header = [
        _("Vendedor"), _("Clientes"), _("Capacidade"), _("Minutos por semana"), _("Cabem"), _("Km em média"), _("Receita 12 m"),
    ]  # fmt: skip
    lines: list[list[Any]] = []
    for line in lines_of(request)[0]:
        km = round(line.now.km, 1) if line.now.km is not None else None
        minutes = [round(line.now.minutes), line.capacity_minutes]
        lines.append([str(line.representative), line.now.clients, line.capacity, *minutes, km, line.now.net_cents / 100])
    return _file(request, form, _("carga"), "load", header, lines)


@require_GET
@only(LEADERS)
def requests(request: HttpRequest, form: str) -> HttpResponse:
    """Every request within reach: those that wait, oldest first, then the latest answered."""
    member = request.membership  # type: ignore[attr-defined]
    header = [
        _("Feito em"), _("Vendedor"), _("Código"), _("Cliente"), _("Pedido"), _("Motivo"), _("Até"), _("Situação"),
        _("Concedido até"), _("Respondido por"), _("Respondido em"), _("Resposta"),
    ]  # fmt: skip

    def lines() -> Iterable[list[Any]]:
        for line in [*request_lines(member, open_ones=True), *request_lines(member, open_ones=False)]:
            each = line.request
            told = [each.made_at, str(each.representative), each.client.code, str(each.client), each.get_kind_display(), each.reason]
            answered = [each.answered_by.name if each.answered_by else "", each.answered_at, each.answer]
            yield [*told, each.until_on, each.get_state_display(), each.granted_until_on, *answered]

    return _file(request, form, _("pedidos"), "requests", header, list(lines()))


@require_GET
@only(LEADERS)
def campaigns(request: HttpRequest, form: str) -> HttpResponse:
    """Every campaign one sees, with what came of it."""
    header = [
        _("Campanha"),
        _("Situação"),
        _("Começou"),
        _("Até"),
        _("Clientes"),
        _("Controle"),
        _("A fazer"),
        _("Voltaram"),
        _("Feita por"),
    ]
    lines: list[list[Any]] = []
    for line in campaign_lines(request.membership):  # type: ignore[attr-defined]
        each = line.campaign
        days = [each.started_on, each.ends_on]
        lines.append([each.name, each.get_state_display(), *days, line.treated, line.control, line.waiting, line.bought, each.made_by.name])
    return _file(request, form, _("campanhas"), "campaigns", header, lines)
