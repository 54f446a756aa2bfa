"""The time line as it reads: each entry in words, in the reader's language."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.templatetags.formats import clock, day_short, day_year, money_whole
from accounts.templatetags.ui import colour_class
from clients.models import Opportunity, Order
from portfolio.models import Interaction, Ownership
from portfolio.templatetags.clients import visit_outcome
from portfolio.timeline import Happening

STATES: dict[str, tuple[Promise, str]] = {
    "first_order": (gettext_lazy("Primeira compra"), "ok"),
    "near_inactive": (gettext_lazy("Ficou quase inativo"), "warn"),
    "inactive": (gettext_lazy("Ficou inativo"), "bad"),
    "lost": (gettext_lazy("Passou a perdido"), "bad"),
    "won_back": (gettext_lazy("Voltou a comprar: reativado"), "ok"),
    "discarded": (gettext_lazy("Descartado"), ""),
    "stop_told": (gettext_lazy("Motivo de parar de comprar"), "warn"),
    "lost_declared": (gettext_lazy("Declarado perdido"), "bad"),
    "lost_taken_back": (gettext_lazy("Deixou de ser declarado perdido"), ""),
}
PLANS: dict[str, Promise] = {
    "planned": gettext_lazy("Visita marcada"),
    "missed": gettext_lazy("Visita marcada e não feita"),
    "cancelled": gettext_lazy("Visita cancelada"),
}
TALK_ICONS = {"call": "phone", "email": "mail", "message": "message-circle", "note": "file-text"}
GROUPS: dict[str, Promise] = {
    "": gettext_lazy("Tudo"),
    "orders": gettext_lazy("Pedidos"),
    "visits": gettext_lazy("Visitas"),
    "talks": gettext_lazy("Conversas"),
    "tasks": gettext_lazy("Tarefas"),
    "opportunities": gettext_lazy("Oportunidades"),
    "owner": pgettext_lazy("time line", "Quem atende"),
    "states": gettext_lazy("Situação"),
    "credit": gettext_lazy("Crédito"),
}


@dataclass(frozen=True)
class Told:
    """One entry in words; ``details`` are joined by the page, ``note`` is what somebody wrote."""

    headline: str
    day: str
    details: tuple[str, ...]
    note: str
    icon: str
    tone: str = ""
    colour: str = ""


def told(each: Happening, *, currency: str) -> Told:
    """The entry as the page shows it; a kind this release does not know would be a bug."""
    return _WORDS[each.kind](each, currency)


def _told(each: Happening, headline: str, icon: str, *details: str, tone: str = "", note: str = "", colour: str = "") -> Told:
    day = day_year(each.on)
    if each.at is not None:
        day = f"{day}, {clock(each.at)}"
    return Told(headline, day, tuple(part for part in details if part), note, icon, tone, colour)


def _order(each: Happening, currency: str) -> Told:
    status = Order.Status(each.what)
    headline = _("Pedido %(code)s de %(money)s") % {"code": each.title, "money": money_whole(each.cents, currency)}
    said = "" if status == Order.Status.VALID else str(status.label)
    return _told(each, headline, "shopping-cart", said, each.representative, tone="ok" if not said else "warn")


def _visit(each: Happening, currency: str) -> Told:
    headline = _("Visita · %(outcome)s") % {"outcome": visit_outcome(each.what)}
    money = money_whole(each.cents, currency) if each.cents else ""
    again = _("voltar em %(day)s") % {"day": day_short(each.until)} if each.until else ""
    return _told(each, headline, "map-pin", money, each.title, each.representative, again, note=each.note, tone="info")


def _plan(each: Happening, currency: str) -> Told:
    tone = "warn" if each.what == "missed" else ""
    return _told(each, str(PLANS[each.what]), "calendar", each.representative, each.note, tone=tone)


def _edit(each: Happening, currency: str) -> Told:
    headline = _("Relatório da visita de %(day)s corrigido") % {"day": day_year(each.until)}
    before = _("antes: %(outcome)s") % {"outcome": visit_outcome(each.what)} if each.what else ""
    return _told(each, headline, "pencil", before, each.by, note=each.note)


def _talk(each: Happening, currency: str) -> Told:
    headline = str(Interaction.Kind(each.what).label)
    if each.title:
        headline = _("%(kind)s com %(name)s") % {"kind": headline, "name": each.title}
    return _told(each, headline, TALK_ICONS[each.what], each.by, note=each.note, tone="acc")


def _task(each: Happening, currency: str) -> Told:
    headline = _("Tarefa cancelada: %(title)s") if each.what == "cancelled" else _("Tarefa: %(title)s")
    due = _("até %(day)s") % {"day": day_year(each.until)} if each.until else ""
    return _told(each, headline % {"title": each.title}, "list-checks", each.by, due)


def _task_done(each: Happening, currency: str) -> Told:
    return _told(each, _("Tarefa feita: %(title)s") % {"title": each.title}, "circle-check", each.by, tone="ok")


def _stage(each: Happening, currency: str) -> Told:
    stage = Opportunity.Stage(each.what)
    headline = _("Oportunidade “%(title)s”: %(stage)s") % {"title": each.title, "stage": str(stage.label).lower()}
    money = money_whole(each.cents, currency) if each.cents is not None else ""
    tone = {Opportunity.Stage.WON: "ok", Opportunity.Stage.LOST: "bad"}.get(stage, "")
    return _told(each, headline, "target", money, each.note, each.by, tone=tone)


def _receipt(each: Happening, currency: str) -> Told:
    return _told(each, _("%(who)s confirmou que recebeu o cliente") % {"who": each.representative}, "circle-check", tone="ok")


def _owner(each: Happening, currency: str) -> Told:
    words = _("%(who)s responde pelo cliente") if each.until is None else _("%(who)s respondeu pelo cliente")
    end = _("até %(day)s") % {"day": day_year(each.until)} if each.until else ""
    who = _("por %(who)s") % {"who": each.by} if each.by else ""
    source = str(Ownership.Source(each.what).label)
    colour = colour_class(each.representative_id)
    return _told(each, words % {"who": each.representative}, "user", end, source, each.note, who, colour=colour)


def _state(each: Happening, currency: str) -> Told:
    words, tone = STATES[each.what]
    icon = {
        "won_back": "rotate-ccw",
        "first_order": "star",
        "discarded": "x",
        "stop_told": "message-square",
        "lost_declared": "ban",
        "lost_taken_back": "undo-2",
    }.get(each.what, "clock")
    who = _("por %(who)s") % {"who": each.by} if each.by else ""
    return _told(each, str(words), icon, each.note, who, tone=tone)


def _credit(each: Happening, currency: str) -> Told:
    return _told(each, each.title, "scale", _("crédito"), tone="warn")


_WORDS = {
    "order": _order,
    "visit": _visit,
    "plan": _plan,
    "edit": _edit,
    "talk": _talk,
    "task": _task,
    "task_done": _task_done,
    "stage": _stage,
    "owner": _owner,
    "receipt": _receipt,
    "state": _state,
    "credit": _credit,
}
