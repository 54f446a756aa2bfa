"""Inadimplência: who is overdue, how clients are scored, how restrictions came and went, what happened to their credit."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.templatetags.formats import number, percent
from portfolio.reporting.common import by_representative, client_columns, client_fields, months_chart, person, place
from portfolio.reporting.filters import Asked
from portfolio.reporting.shape import Chart, Column, Field, Figure, Line, Listing, Part, Report
from portfolio.selectors.reports.credit import (
    BAND,
    BANDS,
    WHATS,
    Credit,
    credit_by_representative,
    credit_events,
    credit_known,
    credit_rows,
    events_by_kind,
    restriction_trend,
    score_histogram,
    total,
)


def report(asked: Asked, today: Any) -> Report:
    scope = asked.scope
    found = credit_by_representative(scope)
    whole, scores, trend, events = total(list(found.values())), score_histogram(scope), restriction_trend(scope), events_by_kind(scope)
    change = trend[-1].restrictions - trend[-2].restrictions
    figures = [
        Figure(
            _("Inadimplência"),
            whole.share,
            "share",
            _("%(n)s de %(of)s clientes") % {"n": number(whole.overdue), "of": number(whole.clients)},
            "overdue",
        ),
        Figure(_("Em atraso"), whole.overdue_cents, "money", behind="overdue"),
        Figure(
            _("Restrições"),
            whole.restrictions,
            note=_("mês anterior: %(n)s") % {"n": number(trend[-2].restrictions)},
            behind="restrictions",
        ),
        Figure(_("Tendência"), change, "signed", _("restrições este mês menos o anterior"), tone="bad" if change > 0 else ""),
    ]
    bands = [_band_words(band) for band in range(BANDS)]
    charts = [
        months_chart(
            _("Restrições no fim de cada mês"),
            [(each.month, (each.restrictions,)) for each in trend],
            [_("Restrições")],
            ["bad"],
            note=_("O que se sabia de cada cliente no fim do mês."),
        ),
        Chart(_("Clientes por score"), list(zip(bands, ((n,) for n in scores), strict=True)), [_("Clientes")], ["z1"]),
    ]
    people = Part(
        "people",
        _("Por vendedor"),
        _("Vendedor"),
        [
            Column("clients", _("Carteira"), behind="clients"),
            Column("known", _("Com crédito informado"), behind="known"),
            Column("overdue", _("Inadimplentes"), behind="overdue"),
            Column("share", _("Inadimplência"), "share"),
            Column("overdue_cents", _("Em atraso"), "money"),
            Column("restrictions", _("Restrições"), behind="restrictions"),
        ],
        by_representative(asked, found, _values),
        Line(_("Total"), _values(whole)),
        empty=_("Ninguém tem clientes no fim deste período."),
        note=_("Inadimplência: clientes em atraso ÷ clientes na carteira no fim do período."),
    )
    histogram = Part(
        "scores",
        _("Por score"),
        _("Score"),
        [Column("n", _("Clientes"), behind="band")],
        [Line(bands[band], {"n": n}, {"band": band}) for band, n in enumerate(scores) if n],
        Line(_("Total"), {"n": sum(scores)}) if sum(scores) else None,
        empty=_("Nenhum cliente tem score informado até o fim do período."),
        beside=True,
    )
    happened = Part(
        "events",
        _("O que aconteceu no período"),
        _("Evento"),
        [Column("n", _("Vezes"), behind="events"), Column("clients", _("Clientes"))],
        [Line(event, {"n": n, "clients": clients}, {"event": event}) for event, n, clients in events],
        Line(_("Total"), {"n": sum(n for _event, n, _clients in events)}) if events else None,
        empty=_("Nenhum protesto, ação ou mudança de sócios chegou neste período."),
        beside=True,
    )
    notes, nothing = [], None
    if not credit_known(scope):
        sentence = _("Importe a situação de crédito dos clientes (atraso, score, restrições) para acompanhar a inadimplência.")
        nothing = (_("Nenhum crédito informado"), sentence, "imports/", _("Importar"))
    elif whole.clients > whole.known:
        unknown = whole.clients - whole.known
        words = _("De %(n)s clientes (%(share)s) não se sabe o crédito: eles contam na carteira, e não como inadimplentes.")
        notes.append(words % {"n": number(unknown), "share": percent(unknown / whole.clients)})
    return Report(figures, charts, [people, histogram, happened], notes, nothing)


def _values(each: Credit) -> dict[str, Any]:
    return {
        "clients": each.clients,
        "known": each.known,
        "overdue": each.overdue,
        "share": each.share,
        "overdue_cents": each.overdue_cents,
        "restrictions": each.restrictions,
    }


def _band_words(band: int) -> str:
    low = band * BAND
    return _("%(n)s ou mais") % {"n": low} if band == BANDS - 1 else f"{low}–{low + BAND - 1}"


def listing(what: str, asked: Asked, query: Mapping[str, Any]) -> Listing | None:
    """The clients, or the events, behind a number; ``band`` and ``event`` narrow them."""
    if what == "events":
        return _events(asked, str(query.get("event", ""))[:120])
    if what not in WHATS:
        return None
    text = str(query.get("band", ""))
    band = int(text) if text.isascii() and text.isdigit() and int(text[:3]) < BANDS else None
    if what == "band" and band is None:  # the total of the bands
        what = "scored"
    rows = credit_rows(asked.scope, what, band=band or 0)
    titles = {
        "clients": _("Clientes na carteira"),
        "known": _("Clientes com crédito informado"),
        "unknown": _("Clientes sem crédito informado"),
        "overdue": _("Clientes inadimplentes"),
        "restrictions": _("Clientes com restrições"),
        "scored": _("Clientes com score informado"),
        "band": _("Clientes com score %(band)s") % {"band": _band_words(band or 0)},
    }
    fields = [
        Field(_("Cliente"), lambda row: row[3] or row[2], "client"),
        Field(_("Código"), lambda row: row[1]),
        Field(_("Cidade"), lambda row: place(row[4], row[5])),
        Field(_("Vendedor"), lambda row: person(row[7], row[8])),
        Field(_("Em atraso"), lambda row: row[11], "money"),
        Field(_("Score"), lambda row: row[10], "count"),
        Field(_("Restrições"), lambda row: row[12], "count"),
        Field(_("Observado em"), lambda row: row[9], "day"),
    ]
    return Listing(titles[what], fields, len(rows), lambda start, end: rows[start:end], lambda row: row[0])


def _events(asked: Asked, event: str) -> Listing:
    rows = credit_events(asked.scope)
    if event:
        rows = rows.filter(event=event)
    who = "client__representative__"
    fields = [
        *client_fields(),
        Field(_("Vendedor"), lambda row: person(row[f"{who}code"], row[f"{who}name"]) or _("ninguém")),
        Field(_("Em"), lambda row: row["observed_on"], "day"),
        Field(_("Evento"), lambda row: row["event"]),
    ]
    cut = rows.values(*client_columns(), "client_id", f"{who}code", f"{who}name", "observed_on", "event")
    title = event or _("O que aconteceu no período")
    return Listing(title, fields, rows.order_by().count(), lambda start, end: list(cut[start:end]), lambda row: row["client_id"])
