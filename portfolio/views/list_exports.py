"""The lists of the trade as files: clients, opportunities, tasks, agenda, goals. For who leads or audits, as every export."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from accounts.templatetags.ui import CLIENT_STATES
from clients.models import Opportunity
from clients.selectors import Limits, client_rows
from clients.selectors.lists import ListedClient
from clients.selectors.matching import matching
from clients.selectors.opportunities import OPEN, opportunities_visible_to
from clients.selectors.page import CYCLE_FROM_ORDERS
from portfolio.models import Goal
from portfolio.reporting.filters import month_in
from portfolio.selectors.agenda import slots
from portfolio.selectors.goals import goals_by_representative, month_of
from portfolio.selectors.tasks import done_tasks, given_tasks, open_tasks
from portfolio.templatetags.clients import visit_outcome
from portfolio.views.agenda import TAGS, desk_of
from portfolio.views.clients import Asked, asked
from portfolio.views.common import leaders_only, today_of
from portfolio.views.exporting import MOST_ROWS, exported
from portfolio.views.tasks import DONE_DAYS, TABS

CHUNK = 2_000


@require_GET
@leaders_only
def clients(request: HttpRequest, form: str) -> HttpResponse:
    """The clients of the list's filter in its order, with what the list shows of each; contacts stay inside."""
    organization, as_of = request.organization, today_of(request)  # type: ignore[attr-defined]
    limits, ask = Limits.of(organization), asked(request)
    header = [
        _("Código"), _("Cliente"), _("Nome fantasia"), _("Cidade"), _("UF"), _("Vendedor"), _("Situação"), _("Bloqueado"),
        _("Último pedido"), _("Dias sem compra"), _("Ciclo (dias)"), _("Curva"), _("Faturamento 12 meses"), _("Última visita"),
    ]  # fmt: skip

    def lines() -> Iterable[list[Any]]:
        for row in _every(ask, as_of, limits):
            state = row.lifecycle(as_of=as_of, limits=limits)
            cycle = row.median_gap if (row.repeat_days or 0) + 1 >= CYCLE_FROM_ORDERS else None
            yield [
                row.code, row.name, row.trade_name, row.city, row.state,
                f"{row.representative_code} {row.representative_name}" if row.representative_id else "",
                str(CLIENT_STATES[state][2]), _("sim") if row.blocked else "", row.last_on,
                (as_of - row.last_on).days if row.last_on else None, round(cycle, 1) if cycle else None, row.abc,
                (row.net_12m_cents or 0) / 100, row.last_visit_on,
            ]  # fmt: skip

    return exported(
        request,
        form,
        name=_("clientes-%(day)s") % {"day": as_of.isoformat()},
        header=header,
        rows=lines,
        count=lambda most: matching(ask.clients, ask.wanted, as_of=as_of, limits=limits, base=ask.base)[:most].count(),
        back=f"{reverse('portfolio:client_list', args=[organization.slug])}?{ask.wanted.query()}",
        what="clients",
        query=ask.wanted.query(),
    )


def _every(ask: Asked, as_of: Any, limits: Limits) -> Iterator[ListedClient]:
    """Every row of the list, page after page by its own key."""
    after, n = "", 0
    while n < MOST_ROWS:
        wanted = replace(ask.wanted, after=after, size=CHUNK)
        page = client_rows(ask.clients, wanted, as_of=as_of, limits=limits, base=ask.base, counted=False)
        yield from page.rows
        after, n = page.after, n + len(page.rows)
        if not after:
            return


@require_GET
@leaders_only
def opportunities(request: HttpRequest, form: str) -> HttpResponse:
    """The open opportunities, or those won and lost (``?closed=1``), of one representative or all."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    wanted, closed = request.GET.get("representative", ""), request.GET.get("closed") == "1"
    rows = opportunities_visible_to(member).filter(client__discarded_on=None)
    rows = rows.exclude(stage__in=OPEN) if closed else rows.filter(stage__in=OPEN)
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 16:
        rows = rows.filter(client__representative_id=int(wanted))
    header = [
        _("Código"), _("Cliente"), _("Vendedor"), _("Oportunidade"), _("Etapa"), _("Nesta etapa desde"), _("Valor"), _("Previsão"),
        _("Origem"), _("Encerrada em"), _("Motivo da perda"),
    ]  # fmt: skip

    def lines() -> Iterable[list[Any]]:
        for each in rows.order_by("stage", "stage_since", "pk")[:MOST_ROWS].iterator(chunk_size=CHUNK):
            cents, stage = each.value_cents, str(Opportunity.Stage(each.stage).label)
            yield [
                each.client.code, str(each.client), str(each.client.representative or ""), each.title, stage,
                each.stage_since, cents / 100 if cents is not None else None, each.expected_on, each.source, each.closed_on,
                each.loss_reason,
            ]  # fmt: skip

    return exported(
        request,
        form,
        name=_("oportunidades-%(day)s") % {"day": today_of(request).isoformat()},
        header=header,
        rows=lines,
        count=lambda most: rows.order_by()[:most].count(),
        back=f"{reverse('portfolio:opportunities', args=[request.organization.slug])}{'?closed=1' if closed else ''}",  # type: ignore[attr-defined]
        what="opportunities",
        query=request.GET.urlencode(),
    )


@require_GET
@leaders_only
def tasks(request: HttpRequest, form: str) -> HttpResponse:
    """The tasks of one list of the member's own; an auditor has none."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    tab, now = request.GET.get("tab", "mine"), timezone.now()
    if member.role == Role.AUDITOR or tab not in TABS:
        raise Http404
    if tab == "done":
        rows = done_tasks(member, since=now - timedelta(days=DONE_DAYS))
    else:
        rows = open_tasks(member) if tab == "mine" else given_tasks(member)
    header = [_("O que fazer"), _("Código"), _("Cliente"), _("Prazo"), _("Responsável"), _("Pedida por"), _("Concluída em"), _("Anotação")]

    def lines() -> Iterable[list[Any]]:
        for each in rows:
            owner = member.name if each.owner_id == member.pk else each.owner.name
            asked_by = each.given_by.name if each.given_by else ""
            client = [each.client.code, str(each.client)] if each.client else ["", ""]
            yield [each.title, *client, each.due_on, owner, asked_by, each.done_at, each.note]

    back = f"{reverse('portfolio:tasks', args=[request.organization.slug])}?tab={tab}"  # type: ignore[attr-defined]
    name = _("tarefas-%(day)s") % {"day": today_of(request).isoformat()}
    return exported(
        request, form, name=name, header=header, rows=lines, count=lambda _most: len(rows), back=back, what="tasks", query=f"tab={tab}"
    )


@require_GET
@leaders_only
def agenda(request: HttpRequest, form: str) -> HttpResponse:
    """The week, or the day, of the representative whose agenda is open."""
    desk = desk_of(request)
    if desk.representative is None:
        raise Http404
    person = desk.representative
    first = desk.on if desk.view == "day" else desk.monday
    last = first if desk.view == "day" else first + timedelta(days=6)
    rows = slots(person, desk.reach, first=first, last=last)
    header = [_("Dia"), _("Marcada para"), _("Cliente"), _("Endereço"), _("Cidade"), _("UF"), _("Situação"), _("Feita em"), _("Resultado")]

    def lines() -> Iterable[list[Any]]:
        for each in rows:
            said = str(visit_outcome(each.outcome)) if each.visited_at else ""
            where = str(TAGS[each.state(at=desk.at, today=desk.today)][2])
            yield [each.day, each.planned_at, str(each), each.address, each.city, each.uf, where, each.visited_at, said]

    name = _("agenda-%(code)s-%(day)s") % {"code": person.code, "day": first.isoformat()}
    query = f"rep={person.pk}&on={first.isoformat()}"
    return exported(
        request, form, name=name, header=header, rows=lines, count=lambda _most: len(rows), back=desk.url(), what="agenda", query=query
    )


@require_GET
@leaders_only
def goals(request: HttpRequest, form: str) -> HttpResponse:
    """Target and actual of every representative of the month, a line a measure."""
    today = today_of(request)
    month = month_in(request.GET.get("month")) or month_of(today)
    people = list(representatives_visible_to(request.membership).select_related("organization").order_by("code", "pk"))  # type: ignore[attr-defined]
    header = [_("Vendedor"), _("Mês"), _("Medida"), _("Meta"), _("Realizado"), _("Atingimento (%)")]

    def number(value: int | None, measure: str) -> float | int | None:
        return value / 100 if value is not None and measure in {Goal.Measure.REVENUE, *Goal.MEANS} else value

    def lines() -> Iterable[list[Any]]:
        found = goals_by_representative(people, month, as_of=today, every=True)
        for each in people:
            for line in found[each.pk]:
                told = [number(line.target, line.measure), number(line.actual, line.measure)]
                yield [str(each), month, line.label, *told, round(100 * line.share, 1) if line.share is not None else None]

    back = f"{reverse('portfolio:goals', args=[request.organization.slug])}?month={month:%Y-%m}"  # type: ignore[attr-defined]
    name = _("metas-%(month)s") % {"month": f"{month:%Y-%m}"}
    n_rows = len(people) * len(Goal.Measure.values)
    return exported(
        request,
        form,
        name=name,
        header=header,
        rows=lines,
        count=lambda _most: n_rows,
        back=back,
        what="goals",
        query=f"month={month:%Y-%m}",
    )
