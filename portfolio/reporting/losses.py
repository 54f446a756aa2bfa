"""Perdas por motivo: clients that stopped, discarded clients and lost sales, and what was said of why."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.templatetags.formats import month_year
from portfolio.reporting.common import client_columns, client_fields, months_chart, person, place
from portfolio.reporting.filters import Asked
from portfolio.reporting.shape import Column, Field, Figure, Line, Listing, Part, Report
from portfolio.selectors.reports.losses import Reason, discarded, losses_by_month, lost_sales, reasons, stopped, total, untold
from portfolio.selectors.reports.lost import LostClient, MonthOfLoss, losses_of_months, lost_by_reason, lost_clients
from portfolio.selectors.reports.scope import months_until

MOST_MONTHS = 12  # of the rates and the charts


def report(asked: Asked, today: Any) -> Report:
    clients, sales, silent = (
        reasons(discarded(asked.scope)),
        reasons(lost_sales(asked.scope)),
        reasons(stopped(asked.scope, limits=asked.limits)),
    )
    gone = lost_by_reason(asked.scope, asked.limits)
    all_clients, all_sales, all_silent, all_gone = total(clients), total(sales), total(silent), total(gone)
    by_month = losses_by_month(asked.scope)
    shown = months_until(asked.scope.last, MOST_MONTHS)
    months = losses_of_months(asked.scope, asked.limits, shown)
    figures = [
        Figure(_("Clientes perdidos"), all_gone.n, behind="lost"),
        Figure(_("Inativos sem motivo dito"), untold(asked.scope, limits=asked.limits).count(), behind="untold"),
        Figure(_("Pararam, com motivo"), all_silent.n, behind="stopped"),
        Figure(_("Clientes descartados"), all_clients.n, behind="discarded"),
        Figure(_("Compravam em 12 meses"), all_clients.cents, "money"),
        Figure(_("Oportunidades perdidas"), all_sales.n, behind="sales"),
        Figure(_("Valor das perdidas"), all_sales.cents, "money"),
    ]
    charts = [
        months_chart(
            _("Clientes que ficaram inativos e que se perderam, por mês"),
            [(each.month, (each.inactivated, each.lost)) for each in months],
            [_("Ficaram inativos"), _("Perdidos")],
            ["warn", "bad"],
            note=_("Os doze meses até o fim do período."),
        ),
        months_chart(
            _("Clientes descartados e oportunidades perdidas por mês"),
            [(month, (n_clients, n_sales)) for month, n_clients, n_sales in by_month],
            [_("Descartados"), _("Oportunidades perdidas")],
            ["bad", "was"],
            note=_("Os doze meses até o fim do período."),
        ),
    ]
    parts = [
        _monthly([each for each in months if each.month >= asked.scope.first]),
        _part("lost", _("Clientes perdidos, por motivo"), _("Clientes"), _("Compravam em 12 meses"), gone, all_gone),
        _part("stopped", _("Clientes que pararam de comprar, por motivo"), _("Clientes"), _("Compravam em 12 meses"), silent, all_silent),
        _part("discarded", _("Clientes descartados, por motivo"), _("Clientes"), _("Compravam em 12 meses"), clients, all_clients),
        _part("sales", _("Oportunidades perdidas, por motivo"), _("Oportunidades"), _("Valor"), sales, all_sales),
    ]
    note = _("Descartar um cliente e perder uma oportunidade pedem sempre um motivo; de quem fica inativo, a ficha o pede.")
    return Report(figures, charts, parts, [note])


def _monthly(months: list[MonthOfLoss]) -> Part:
    """The rates of each month; they do not add up, for whoever is inactive at one month's end is not active at the next one's start."""
    columns = [
        Column("active", _("Ativos no início")),
        Column("inactivated", _("Ficaram inativos")),
        Column("inactivation", _("Inativação"), "share"),
        Column("customers", _("Clientes no início")),
        Column("lost", _("Perdidos")),
        Column("loss", _("Perda"), "share"),
    ]
    lines = [
        Line(
            month_year(each.month),
            {
                "active": each.active,
                "inactivated": each.inactivated,
                "inactivation": each.inactivation_rate,
                "customers": each.customers,
                "lost": each.lost,
                "loss": each.loss_rate,
            },
        )
        for each in reversed(months)
        if each.customers
    ]
    note = _("Perdido: passou do limite de dias da empresa, foi declarado perdido, ou foi descartado.")
    return Part("months", _("Perda mês a mês"), _("Mês"), columns, lines, empty=_("Ninguém tinha comprado antes deste período."), note=note)


def _part(name: str, title: str, counted: str, worth: str, lines: list[Reason], whole: Reason) -> Part:
    def values(each: Reason) -> dict[str, Any]:
        return {"n": each.n, "share": each.n / whole.n if whole.n else None, "cents": each.cents}

    columns = [Column("n", counted, behind=name), Column("share", _("Parte"), "share"), Column("cents", worth, "money")]
    empty = {
        "lost": _("Nenhum cliente se perdeu neste período."),
        "stopped": _("De nenhum cliente parado se disse o motivo neste período."),
        "discarded": _("Nenhum cliente foi descartado neste período."),
        "sales": _("Nenhuma oportunidade se perdeu neste período."),
    }[name]
    told = [Line(_(each.words) if each.words else _("Sem motivo escrito"), values(each), {"why": each.words or "-"}) for each in lines]
    return Part(name, title, _("Motivo"), columns, told, Line(_("Total"), values(whole)), empty=empty, beside=True)


def listing(what: str, asked: Asked, query: Mapping[str, Any]) -> Listing | None:
    """The clients or opportunities behind a number; ``why`` narrows to one reason, "-" to those without."""
    rows: Any
    if what == "lost":
        return _lost(asked, str(query.get("why", ""))[:120])
    if what == "discarded":
        prefix, rows, title = "", discarded(asked.scope), _("Clientes descartados")
    elif what == "stopped":
        prefix, rows, title = "client__", stopped(asked.scope, limits=asked.limits), _("Clientes que pararam de comprar")
    elif what == "untold":
        prefix, rows, title = "", untold(asked.scope, limits=asked.limits), _("Inativos sem motivo dito")
    elif what == "sales":
        prefix, rows, title = "client__", lost_sales(asked.scope), _("Oportunidades perdidas")
    else:
        return None
    why = str(query.get("why", ""))[:120]
    if why:
        rows = rows.filter(why="" if why == "-" else why)
    who = f"{prefix}representative__"
    fields = [
        *client_fields(prefix),
        Field(_("Vendedor"), lambda row: person(row[f"{who}code"], row[f"{who}name"]) or _("ninguém")),
        Field(_("Última compra") if what == "untold" else _("Em"), lambda row: row["on"], "day"),
        Field(_("Motivo"), lambda row: row["why"]),
        Field(_("Valor") if what == "sales" else _("Comprava em 12 meses"), lambda row: row["cents"], "money"),
    ]
    key = f"{prefix}pk" if prefix else "pk"
    columns = [*client_columns(prefix), f"{who}code", f"{who}name", "on", "why", "cents", key]
    if what == "sales":
        fields.insert(4, Field(_("Oportunidade"), lambda row: row["title"]))
        columns.append("title")
    cut = rows.order_by("-on", f"{prefix}name_key", "pk").values(*columns)
    return Listing(title, fields, rows.order_by().count(), lambda start, end: list(cut[start:end]), lambda row: row[key])


def _lost(asked: Asked, why: str) -> Listing:
    """The clients behind the lost by reason; "-" are those of whom nobody said why."""
    word = None if not why else "" if why == "-" else why
    count = sum(each.n for each in lost_by_reason(asked.scope, asked.limits) if word is None or each.words == word)
    fields = [
        Field(_("Cliente"), lambda row: row.name, "client"),
        Field(_("Código"), lambda row: row.code),
        Field(_("Cidade"), lambda row: place(row.city, row.state)),
        Field(_("Vendedor"), lambda row: row.representative or _("ninguém")),
        Field(_("Em"), lambda row: row.on, "day"),
        Field(_("Motivo"), lambda row: row.why),
        Field(_("Comprava em 12 meses"), lambda row: row.cents, "money"),
    ]

    def cut(start: int, end: int) -> list[LostClient]:
        return lost_clients(asked.scope, asked.limits, why=word, offset=start, limit=end - start)

    return Listing(_("Clientes perdidos"), fields, count, cut, lambda row: row.pk)
