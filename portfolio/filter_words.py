"""A filter of clients in words: one removable chip a thing it narrows."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.formats import decimal, money_whole
from clients.selectors.client_filter import BASE, ClientFilter
from clients.selectors.temperature import Temperature


def chips(wanted: ClientFilter, *, currency: str, representative: str = "") -> list[tuple[str, str]]:
    """What it narrows to, and the query without that; the state is a tab and the words are in their field.

    ``representative`` names the one it asks for.
    """
    return [(words, wanted.without(*names).query()) for words, names in _parts(wanted, currency, representative)]


def summary(definition: dict, *, currency: str) -> str:
    """A kept filter in one line; of a representative it says only that there is one."""
    wanted = ClientFilter.parse(definition)
    parts = [words for words, _names in _parts(wanted, currency, _("um vendedor"))]
    if wanted.state:
        from accounts.templatetags.ui import CLIENT_STATES

        parts.insert(0, str(CLIENT_STATES[wanted.state][2]))
    return " · ".join(parts)


def _parts(wanted: ClientFilter, currency: str, representative: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if wanted.representative:
        yield representative or _("um vendedor"), ("representative",)
    if wanted.uf:
        yield wanted.uf, ("uf",)
    if wanted.city:
        yield wanted.city, ("city",)
    if wanted.near and wanted.km:
        place = _("da base") if wanted.near == BASE else _("do ponto %(place)s") % {"place": wanted.near.replace(",", ", ")}
        yield _("até %(n)s km %(place)s") % {"n": decimal(wanted.km), "place": place}, ("near", "km")
    if wanted.segment:
        yield wanted.segment, ("segment",)
    if wanted.porte:
        yield _("porte %(size)s") % {"size": wanted.porte}, ("porte",)
    if wanted.tag:
        yield _("etiqueta %(tag)s") % {"tag": wanted.tag}, ("tag",)
    if wanted.abc:
        yield _("curva %(abc)s") % {"abc": wanted.abc}, ("abc",)
    if days := _span(wanted.silent_from, wanted.silent_to):
        yield _("dias sem compra: %(span)s") % {"span": days}, ("silent_from", "silent_to")
    if orders := _span(wanted.orders_from, wanted.orders_to):
        yield _("compras em %(n)s dias: %(span)s") % {"span": orders, "n": wanted.orders_in}, ("orders_from", "orders_to", "orders_in")
    if value := _span(wanted.value_from, wanted.value_to, lambda units: money_whole(units * 100, currency)):
        yield _("%(span)s em 12 meses") % {"span": value}, ("value_from", "value_to")
    if ticket := _span(wanted.ticket_from, wanted.ticket_to, lambda units: money_whole(units * 100, currency)):
        yield _("ticket médio: %(span)s") % {"span": ticket}, ("ticket_from", "ticket_to")
    if wanted.heat:
        yield str(Temperature(wanted.heat).label).lower(), ("heat",)
    if wanted.late:
        yield late_words(wanted.late), ("late",)
    if wanted.renewal:
        yield renewal_words(wanted.renewal), ("renewal",)
    if wanted.chance:
        yield _("%(n)s em 10 ou mais de não comprar") % {"n": wanted.chance}, ("chance",)


def late_words(late: str) -> str:
    """``1.5`` as "1,5 ciclos ou mais sem compra"."""
    cycles = float(late)
    words = ngettext("%(n)s ciclo ou mais sem compra", "%(n)s ciclos ou mais sem compra", 1 if cycles == 1 else 2)
    return words % {"n": decimal(cycles, 0 if cycles.is_integer() else 1)}


def renewal_words(days: int) -> str:
    """``60`` as "contrato por renovar em até 60 dias"."""
    words = ngettext("contrato por renovar em até %(n)s dia", "contrato por renovar em até %(n)s dias", days)
    return words % {"n": decimal(days)}


def _span(low: int | None, high: int | None, shown=decimal) -> str:
    if low is not None and high is not None:
        return shown(low) if low == high else _("%(low)s a %(high)s") % {"low": shown(low), "high": shown(high)}
    if low is not None:
        return _("%(low)s ou mais") % {"low": shown(low)}
    return _("até %(high)s") % {"high": shown(high)} if high is not None else ""
