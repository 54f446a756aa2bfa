"""The day in a person's words: why a visit comes now, why a client is on a list, how it is reached. Plain values in, text out."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.formats import day_short, decimal, money_short, money_whole
from clients.models import Contact
from clients.predicting import chance_words
from clients.selectors.contacts import Consent, consent_of, international
from clients.selectors.lifecycle import Limits, inactive_on
from clients.selectors.lists import ListedClient
from portfolio.models import Visit
from portfolio.selectors.day import AtRisk, DayClient, LastOrder, Stop
from portfolio.threats import Threat

LATE_FROM = 1.5  # cycles of its own from which a client's silence is worth a word


def why_now(client: DayClient, order: LastOrder | None, threat: Threat | None, *, as_of: date, limits: Limits, currency: str) -> str:
    """Why this visit comes now, in a few short sentences: its own rhythm, its last order, the day it turns inactive, who may take it."""
    said = []
    late = client.lateness(as_of)
    if client.last_on is None:
        said.append(_("Ainda não comprou."))
    elif client.cycle_days and late is not None and late >= LATE_FROM:
        numbers = {"cycle": decimal(client.cycle_days), "times": decimal(late, 1)}
        said.append(_("Compra a cada %(cycle)s dias e está %(times)s× atrasado.") % numbers)
    elif client.cycle_days:
        said.append(_("Compra a cada %(cycle)s dias.") % {"cycle": decimal(client.cycle_days)})
    if order:
        facts = {"money": money_whole(order.net_cents, currency), "day": day_short(order.ordered_on), "what": ", ".join(order.products)}
        said.append(
            (_("Último pedido: %(money)s em %(day)s (%(what)s).") if order.products else _("Último pedido: %(money)s em %(day)s.")) % facts
        )
    ends = inactive_on(client.last_on, limits=limits)
    if ends and ends > as_of:
        said.append(_("Fica inativo em %(day)s.") % {"day": day_short(ends)})
    elif ends:
        said.append(_("Está inativo desde %(day)s.") % {"day": day_short(ends)})
    if threat:
        said.append(_("Pode sair da sua carteira em %(day)s.") % {"day": day_short(threat.due_on)})
    return " ".join(said)


def why_short(stop: Stop, *, as_of: date) -> str:
    """The same in two or three words, for a row."""
    client, late = stop.client, stop.client.lateness(as_of)
    if stop.visit.origin == Visit.Origin.NEXT_CONTACT:
        return _("retorno combinado")
    if stop.first:
        return _("primeira visita")
    if late is not None and late >= LATE_FROM:
        return _("%(times)s× atrasado") % {"times": decimal(late, 1)}
    return _("curva %(abc)s") % {"abc": client.abc} if client.abc else _("visita de rotina")


def stopping_act(risk: AtRisk) -> str:
    """The act that keeps the client, and until which day."""
    if risk.threat:
        return _("Pode sair em %(day)s. %(act)s") % {"day": day_short(risk.threat.due_on), "act": risk.threat.stopped_by}
    if risk.inactive_on:
        return _("Um pedido até %(day)s o mantém ativo.") % {"day": day_short(risk.inactive_on - timedelta(days=1))}
    return _("Um pedido o traz de volta.")


def why_call(row: ListedClient, *, as_of: date, currency: str) -> str:
    """Why a client stands where it does on the list of calls: what is at stake, how likely, and since when it is silent."""
    parts = []
    chance = row.chance(as_of=as_of)
    if chance is not None and row.at_stake_cents:
        words = {"money": money_short(row.at_stake_cents, currency), "chance": chance_words(chance)}
        parts.append(_("%(money)s em jogo, risco %(chance)s") % words)
    elif row.net_12m_cents:
        parts.append(_("%(money)s em 12 meses") % {"money": money_short(row.net_12m_cents, currency)})
    if row.last_on:
        silent = (as_of - row.last_on).days
        parts.append(ngettext("%(n)s dia sem compra", "%(n)s dias sem compra", silent) % {"n": silent})
    return " · ".join(parts) or _("nunca comprou")


def delay_words(delay: timedelta | None) -> str:
    """How long a report took to be written: minutes, hours or days, whichever says it."""
    if delay is None:
        return "–"
    minutes = round(delay.total_seconds() / 60)
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    if minutes < 48 * 60:
        return _("%(n)s h") % {"n": round(minutes / 60)}
    return ngettext("%(n)s dia", "%(n)s dias", delay.days) % {"n": delay.days}


@dataclass(frozen=True)
class Ways:
    """How a client is reached, as links; "" where it is not known how."""

    call: str = ""
    message: str = ""
    directions: str = ""


def ways_to(client: DayClient, contacts: list[Contact] | tuple[Contact, ...], *, country: str) -> Ways:
    """The company's own number, or that of the first contact who did not refuse; the map by coordinates, or by the address."""
    willing = [each.phone for each in contacts if consent_of(each) != Consent.REFUSED]
    digits = next(filter(None, (international(phone, country) for phone in [client.phone, *willing])), "")
    if client.latitude is not None and client.longitude is not None:
        place = f"{client.latitude},{client.longitude}"
    else:
        place = ", ".join(filter(None, [client.address, client.city, client.state])) if client.city else ""
    maps = "https://www.google.com/maps/dir/?" + urlencode({"api": 1, "destination": place}) if place else ""
    return Ways(f"tel:+{digits}" if digits else "", f"https://wa.me/{digits}" if digits else "", maps)
