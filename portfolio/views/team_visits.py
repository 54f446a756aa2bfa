"""Visitas da equipe: what was done, is late or was missed, how it ended, how soon it was told, and from how far."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Membership, Role, Team
from accounts.selectors import local_day, representatives_visible_to, team_ids_under
from accounts.templatetags.formats import number
from clients.selectors.visibility import clients_visible_to
from portfolio.models import Visit
from portfolio.selectors.agenda import State
from portfolio.selectors.team_visits import VisitFilter, team_visits, totals_of
from portfolio.templatetags.clients import visit_outcome
from portfolio.views.agenda import TAGS
from portfolio.views.common import is_partial, leaders_only
from portfolio.views.exporting import MOST_ROWS, exported

PER_PAGE = 50
PERIOD_WORDS: dict[str, Promise] = {
    "today": gettext_lazy("Hoje"),
    "7": gettext_lazy("Últimos 7 dias"),
    "month": gettext_lazy("Este mês"),
    "last": gettext_lazy("Mês passado"),
    "90": gettext_lazy("Últimos 90 dias"),
}


class Desk:
    """What one request asks for, within the reader's reach."""

    def __init__(self, request: HttpRequest) -> None:
        member: Membership = request.membership  # type: ignore[attr-defined]
        organization, at = request.organization, timezone.now()  # type: ignore[attr-defined]
        self.here = reverse("portfolio:record_visit", args=[organization.slug])
        self.today = local_day(organization, at=at)
        people = list(representatives_visible_to(member).order_by("code", "pk").values_list("pk", "code", "name", "team_id"))
        teams = Team.objects.order_by("name")
        if member.role == Role.MANAGER:
            teams = teams.filter(pk__in=team_ids_under(member.team_id))
        self.teams = list(teams.values_list("pk", "name"))
        wanted = VisitFilter.parse(request.GET)
        if wanted.team not in dict(self.teams):
            wanted = replace(wanted, team=None)
        under = set(team_ids_under(wanted.team)) if wanted.team else None
        within = [each for each in people if under is None or each[3] in under]
        self.people = [(pk, f"{code} {name}") for pk, code, name, _team in within]
        self.wanted = wanted if wanted.rep in {pk for pk, _words in self.people} else replace(wanted, rep=None)
        self.radius_m = organization.check_in_radius_m
        ids = [pk for pk, _words in self.people]
        self.rows = team_visits(ids, self.wanted, today=self.today, at=at, radius_m=self.radius_m)

    def url(self, **changes: Any) -> str:
        query = self.wanted.query(**changes)
        return f"{self.here}?{query}" if query else self.here


@require_GET
@leaders_only
@vary_on_headers("HX-Request")
def listing(request: HttpRequest) -> HttpResponse:
    """The visits of the filter, 50 a page, and what they add up to."""
    desk = Desk(request)
    wanted, totals = desk.wanted, totals_of(desk.rows)
    page = Paginator(range(totals.total), PER_PAGE).get_page(request.GET.get("page"))
    start = max(page.start_index() - 1, 0)
    cut = list(desk.rows[start : start + PER_PAGE])
    reached = set(clients_visible_to(request.membership).filter(pk__in=[each.client_id for each in cut]).values_list("pk", flat=True))  # type: ignore[attr-defined]
    query = wanted.query()
    context = {
        "desk": desk,
        "wanted": wanted,
        "totals": totals,
        "delay": delay_words(totals.delay),
        "rows": [
            (each, TAGS[State(each.where)], visit_outcome(each.outcome), delay_words(each.delay), each.client_id in reached) for each in cut
        ],
        "states": [(desk.url(state=""), _("Todas"), None, not wanted.state)]
        + [(desk.url(state=str(state)), words, None, wanted.state == state) for state, (_tone, _icon, words) in TAGS.items()],
        "periods": [(key, words, key == wanted.period) for key, words in PERIOD_WORDS.items()],
        "outcomes": [(value, words, value == wanted.outcome) for value, words in Visit.Outcome.choices],
        "slow_url": desk.url(slow=not wanted.slow),
        "outside_url": desk.url(outside=not wanted.outside),
        "urls": {name: desk.url(state=str(name)) for name in State} | {"outside": desk.url(outside=True), "slow": desk.url(slow=True)},
        "clear_url": f"{desk.here}?period={wanted.period}",
        "narrows": bool(wanted.state or wanted.outcome or wanted.team or wanted.rep or wanted.slow or wanted.outside),
        "exports": [(form.upper(), f"{desk.here}export.{form}?{query}") for form in ("xlsx", "csv")],
        "pages": {
            "summary": _("%(first)s a %(last)s de %(of)s") % {"first": start + 1, "last": page.end_index(), "of": number(totals.total)},
            "previous": _paged(desk, page.previous_page_number()) if page.has_previous() else "",
            "next": _paged(desk, page.next_page_number()) if page.has_next() else "",
        },
    }
    return render(request, "portfolio/_team_visits.html" if is_partial(request) else "portfolio/team_visits.html", context)


@require_GET
@leaders_only
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The same visits as a file; what was written in them stays inside."""
    desk = Desk(request)
    header = [
        _("Dia"), _("Situação"), _("Código"), _("Cliente"), _("Cidade"), _("UF"), _("Vendedor"), _("Marcada para"), _("Feita em"),
        _("Resultado"), _("Valor do pedido"), _("Motivo de não venda"), _("Relatado em (minutos)"), _("Distância (m)"), _("Fora do raio"),
        _("Motivo de estar fora"), _("Motivo do cancelamento"),
    ]  # fmt: skip

    def lines() -> Iterable[list[Any]]:
        for each in desk.rows[:MOST_ROWS].iterator(chunk_size=2_000):
            yield [
                each.day, str(TAGS[State(each.where)][2]), each.client.code, str(each.client), each.client.city, each.client.state,
                str(each.representative), each.planned_on, each.visited_at, str(visit_outcome(each.outcome)) if each.visited_at else "",
                each.order_value_cents / 100 if each.order_value_cents is not None else None, each.no_sale_reason,
                round(each.delay.total_seconds() / 60) if each.delay is not None else None, each.distance_m,
                _("sim") if each.outside else "", each.outside_reason, each.cancel_reason,
            ]  # fmt: skip

    first, last = desk.wanted.days(desk.today)
    return exported(
        request,
        form,
        name=_("visitas-%(first)s-%(last)s") % {"first": first.isoformat(), "last": last.isoformat()},
        header=header,
        rows=lines,
        count=lambda most: desk.rows.order_by()[:most].count(),
        back=desk.url(),
        what="visits",
        query=desk.wanted.query(),
    )


def delay_words(delay: timedelta | None) -> str:
    """How long after the visit its report was written; "" where nobody knows."""
    if delay is None:
        return ""
    minutes = int(delay.total_seconds() // 60)
    if minutes < 1:
        return _("na hora")
    if minutes < 60:
        return ngettext("%(n)s min depois", "%(n)s min depois", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(n)s hora depois", "%(n)s horas depois", hours) % {"n": hours}
    return ngettext("%(n)s dia depois", "%(n)s dias depois", hours // 24) % {"n": hours // 24}


def _paged(desk: Desk, page: int) -> str:
    query = desk.wanted.query()
    return f"{desk.here}?{query}&page={page}" if query else f"{desk.here}?page={page}"
