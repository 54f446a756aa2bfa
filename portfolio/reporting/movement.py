"""Movimentação: who gained and lost clients, and why."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.templatetags.formats import number
from portfolio.models import Ownership
from portfolio.reporting.common import by_representative, client_columns, client_fields, months_chart, person
from portfolio.reporting.filters import Asked
from portfolio.reporting.shape import Column, Field, Figure, Line, Listing, Part, Report
from portfolio.selectors.reports.movement import NOBODY_AFTER, WHYS, Movement, moved_rows, movement_by_month, movements, total

WHY_WORDS: dict[str, Any] = {**dict(Ownership.Source.choices), NOBODY_AFTER: gettext_lazy("Ficou sem vendedor")}
SIDES: dict[str, Promise] = {
    "gained": gettext_lazy("Clientes recebidos"),
    "lost": gettext_lazy("Clientes cedidos"),
    "before": gettext_lazy("Carteira antes do período"),
    "after": gettext_lazy("Carteira no fim do período"),
}


def report(asked: Asked, today: Any) -> Report:
    found = movements(asked.scope)
    whole = total(list(found.values()))
    by_month = movement_by_month(asked.scope)
    columns = [
        Column("before", _("Antes"), behind="before"),
        Column("gained", _("Recebidos"), behind="gained", notes="gained_why"),
        Column("lost", _("Cedidos"), behind="lost", notes="lost_why"),
        Column("net", _("Saldo"), "signed"),
        Column("after", _("No fim"), behind="after"),
    ]
    people = Part(
        "people",
        _("Por vendedor"),
        _("Vendedor"),
        columns,
        by_representative(asked, found, _values),
        Line(_("Total"), _values(whole)),
        empty=_("Ninguém tem clientes neste período."),
    )
    whys = [
        Line(str(WHY_WORDS[why]), {"gained": whole.gained_by.get(why, 0), "lost": whole.lost_by.get(why, 0)}, {"why": why})
        for why in WHYS
        if whole.gained_by.get(why) or whole.lost_by.get(why)
    ]
    reasons = Part(
        "why",
        _("Por que mudaram"),
        _("Motivo"),
        [Column("gained", _("Recebidos"), behind="gained"), Column("lost", _("Cedidos"), behind="lost")],
        whys,
        Line(_("Total"), {"gained": whole.gained, "lost": whole.lost}),
        empty=_("Nenhum cliente mudou de mãos neste período."),
        beside=True,
    )
    figures = [
        Figure(_("Recebidos"), whole.gained, behind="gained"),
        Figure(_("Cedidos"), whole.lost, behind="lost"),
        Figure(_("Saldo"), whole.gained - whole.lost, "signed"),
        Figure(_("Carteira no fim"), whole.after, note=_("eram %(n)s") % {"n": number(whole.before)}, behind="after"),
    ]
    chart = months_chart(
        _("Clientes recebidos e cedidos por mês"),
        [(month, (came, went)) for month, came, went in by_month],
        [_("Recebidos"), _("Cedidos")],
        ["z1", "was"],
        note=_("Os doze meses até o fim do período."),
    )
    nothing = None
    if not (whole.before or whole.after or whole.gained or whole.lost) and not asked.wanted.narrows:
        sentence = _("Importe quem atende cada cliente, e desde quando, para ver quem ganhou e quem perdeu.")
        nothing = (_("Nenhuma carteira ainda"), sentence, "imports/", _("Importar"))
    note = _("Inclui clientes descartados: a carteira continua com quem os atende.")
    return Report(figures, [chart], [people, reasons], [note], nothing)


def _values(each: Movement) -> dict[str, Any]:
    return {
        "before": each.before,
        "gained": each.gained,
        "gained_why": _whys(each.gained_by),
        "lost": each.lost,
        "lost_why": _whys(each.lost_by),
        "net": each.gained - each.lost,
        "after": each.after,
    }


def _whys(parts: dict[str, int]) -> str:
    told = [f"{number(parts[why])} {str(WHY_WORDS[why]).lower()}" for why in WHYS if parts.get(why)]
    return " · ".join(told)


def listing(what: str, asked: Asked, query: Mapping[str, Any]) -> Listing | None:
    """The ownerships behind a number; ``why`` narrows to one source."""
    if what not in SIDES:
        return None
    rows = moved_rows(asked.scope, what)
    why = query.get("why", "")
    if why in WHYS:
        rows = rows.filter(why=why)
    title = f"{SIDES[what]}: {WHY_WORDS[why]}" if why in WHYS else str(SIDES[what])
    moved = what in ("gained", "lost")
    own = Field(_("Vendedor"), lambda row: person(row["representative__code"], row["representative__name"]))
    fields = [*client_fields(), own, Field(_("Em") if moved else _("Desde"), lambda row: row["on"], "day")]
    columns = [*client_columns(), "client_id", "representative__code", "representative__name", "on", "why", "said"]
    if moved:
        heading = _("De") if what == "gained" else _("Para")
        fields.insert(4, Field(heading, lambda row: person(row["other_code"], row["other_name"]) or _("ninguém")))
        columns += ["other_code", "other_name"]
    fields += [Field(_("Por quê"), lambda row: str(WHY_WORDS[row["why"]])), Field(_("Motivo escrito"), lambda row: row["said"])]
    cut = rows.values(*columns)
    return Listing(title, fields, rows.order_by().count(), lambda start, end: list(cut[start:end]), lambda row: row["client_id"])
