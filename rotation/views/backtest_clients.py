"""Every client a back-test flagged and what came of each: a list in pages, and the same as a file."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.exporting import MOST_ROWS, hand_out
from accounts.services.audit import Event
from rotation.engine.judging import Alone, Fate
from rotation.models import Backtest
from rotation.selectors.flagged import KINDS, Flagged, flagged_clients
from rotation.views.common import LEADERS, only, paged, row_id

PER_PAGE = 50
FATES = {
    Fate.SILENT: gettext_lazy("ficou em silêncio"),
    Fate.ORDERED: gettext_lazy("comprou sozinho"),
    Fate.OPEN: gettext_lazy("sem desfecho ainda"),
}


@require_GET
@only(LEADERS)
@paged
def backtest_clients(request: HttpRequest, backtest: int) -> HttpResponse:
    """The flags, those with most at stake first; ``kind`` narrows them to what came of them, or to one version's alone."""
    row, found = _found(request, backtest)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    positions = found.of(kind)
    last = max(-(-len(positions) // PER_PAGE), 1)
    page = min(row_id(request.GET.get("page")) or 1, last)
    begin = (page - 1) * PER_PAGE
    context = {
        "proof": row,
        "rule": row.rule,
        "kind": kind,
        "tabs": [(_at(each, 1), words, n, each == kind) for each, words, n in _tabs(row, found)],
        "rows": list(found.rows(positions[begin : begin + PER_PAGE])),
        "n": len(positions),
        "first": begin + 1,
        "last": min(begin + PER_PAGE, len(positions)),
        "previous": _at(kind, page - 1) if page > 1 else "",
        "next": _at(kind, page + 1) if page < last else "",
        "elsewhere": found.elsewhere,
        "horizon": row.result.get("horizon_days"),
        "only_new": _("só na %(version)s") % {"version": row.label or _("esta versão")},
        "only_old": _("só na %(version)s") % {"version": row.against_label},
        "silent": Fate.SILENT,
        "ordered": Fate.ORDERED,
        "new": Alone.NEW,
        "old": Alone.OLD,
        "list_url": reverse("rotation:backtest-clients", args=[request.organization.slug, row.pk]).rstrip("/"),  # type: ignore[attr-defined]
    }
    return render(request, "rotation/backtest_clients.html", context)


@require_GET
@only(LEADERS)
def export_backtest_clients(request: HttpRequest, backtest: int, form: str) -> HttpResponse:
    """The same list, whole, as a file."""
    row, found = _found(request, backtest)
    kind = request.GET.get("kind", "")
    positions = found.of(kind if kind in KINDS else "")
    header = [
        *(_("Código"), _("Cliente"), _("Vendedor de hoje"), _("Sinalizado em"), _("Dias sem compra"), _("Em jogo")),
        *(_("O que aconteceu"), _("Próximo pedido"), _("Dias até o pedido"), _("Versão")),
    ]
    names = {Alone.BOTH: "", Alone.NEW: row.label, Alone.OLD: row.against_label}

    def lines() -> Any:
        for each in found.rows(positions):
            holder = each.client.representative
            yield [
                *(each.client.code, each.client.name, str(holder) if holder else "", each.flagged_on, each.days_silent),
                *(each.at_stake_cents / 100, str(FATES[each.fate]), each.then_on, each.days_after),
                _("só na %(version)s") % {"version": names[each.alone]} if names[each.alone] else "",
            ]

    return hand_out(
        request,
        form,
        name=_("sinalizados-%(from)s-%(to)s") % {"from": row.from_on, "to": row.to_on},
        header=header,
        rows=lines,
        count=lambda _most: len(positions),
        back=reverse("rotation:backtest-clients", args=[request.organization.slug, row.pk]),  # type: ignore[attr-defined]
        event=Event(f"backtest:{row.pk}", "backtest.exported", after={"list": "clients"}),
        most=MOST_ROWS,
    )


def _found(request: HttpRequest, pk: int) -> tuple[Backtest, Flagged]:
    row = Backtest.objects.select_related("rule").filter(pk=pk).first()
    found = flagged_clients(row, request.membership) if row else None  # type: ignore[attr-defined]
    if row is None or found is None:
        raise Http404
    return row, found


def _tabs(row: Backtest, found: Flagged) -> list[tuple[str, str, int]]:
    counts = found.counts
    tabs = [
        ("", _("Todos"), counts[""]),
        ("silent", _("Ficaram em silêncio"), counts["silent"]),
        ("ordered", _("Compraram sozinhos"), counts["ordered"]),
        ("open", _("Sem desfecho ainda"), counts["open"]),
    ]
    if row.against is not None:
        tabs.append(("new", _("só na %(version)s") % {"version": row.label or _("esta versão")}, counts["new"]))
        tabs.append(("old", _("só na %(version)s") % {"version": row.against_label}, counts["old"]))
    return tabs


def _at(kind: str, page: int) -> str:
    query = QueryDict(mutable=True)
    query.update(({"kind": kind} if kind else {}) | ({"page": str(page)} if page > 1 else {}))
    return f"?{query.urlencode()}"
