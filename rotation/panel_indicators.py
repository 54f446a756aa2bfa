"""The dictionary's figures in rows: what each is called, how much it is, what it was, how it is made up and where it opens."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.templatetags import formats
from rotation.panel import Asked


class Indicator(NamedTuple):
    name: str
    value: str
    was: str  # "" where it is not compared
    how: str
    url: str  # the clients behind it


def indicator_rows(asked: Asked, now: Mapping[str, Any], was: Mapping[str, Any]) -> Iterator[Indicator]:
    """One row a figure, in the dictionary's order. ``now`` and ``was`` hold the families by name; ``was`` may lack some."""
    organization = asked.member.organization
    number, percent = formats.number, formats.percent

    def money(cents: int | None) -> str:
        return formats.BLANK if cents is None else formats.money(cents, organization.currency)

    def opens(what: str) -> str:
        address = reverse("rotation:dashboard_rows", args=[organization.slug, what])
        return f"{address}?{query}" if (query := asked.query()) else address

    def of(part: int, whole: int, sentence: str) -> str:
        return sentence % {"n": number(part), "of": number(whole)}

    def then(text: str) -> str:
        return "" if text == formats.BLANK else text

    months = {"from": f"{asked.first:%Y-%m}", "to": f"{asked.month:%Y-%m}"}
    whose = {"team": asked.team and asked.team.pk, "rep": asked.representative and asked.representative.pk}
    mixed = reverse("portfolio:report_rows", args=[organization.slug, "mix", "mixed"])  # each client's products, lines and orders
    mixed = f"{mixed}?{urlencode(months | {name: value for name, value in whose.items() if value})}"
    reached, visits, sold, mix, moved, giro = (now[name] for name in ("reached", "visits", "sold", "mix", "moved", "giro"))
    before = was["moved"]
    yield Indicator(
        _("Positivação"),
        percent(reached.positivation),
        "",
        of(reached.buyers, reached.clients, _("%(n)s de %(of)s clientes da carteira compraram")),
        opens("missing"),
    )
    yield Indicator(
        _("Cobertura de visitas"),
        percent(reached.visit_coverage),
        "",
        of(reached.visited, reached.clients, _("%(n)s de %(of)s clientes da carteira visitados")),
        opens("unvisited"),
    )
    yield Indicator(
        _("Cobertura de positivação"),
        percent(reached.sales_coverage),
        "",
        of(reached.registered_buyers, reached.registered, _("%(n)s de %(of)s clientes cadastrados compraram")),
        opens("buyers"),
    )
    yield Indicator(
        _("Efetividade das visitas"),
        percent(visits.effectiveness),
        then(percent(was["visits"].effectiveness)),
        of(visits.with_order, visits.done, _("%(n)s de %(of)s visitas com pedido")),
        opens("visited"),
    )
    yield Indicator(
        _("Cumprimento da agenda"),
        percent(visits.fulfilment),
        then(percent(was["visits"].fulfilment)),
        of(visits.kept, visits.planned, _("%(n)s de %(of)s visitas marcadas feitas")),
        opens("unkept"),
    )
    yield Indicator(
        _("Ticket médio"),
        money(sold.ticket_cents),
        then(money(was["sold"].ticket_cents)),
        _("faturamento ÷ %(n)s pedidos") % {"n": number(sold.orders)},
        opens("revenue"),
    )
    yield Indicator(
        _("Mix médio"),
        number(mix.average, 1),
        then(number(was["mix"].average, 1)),
        _("produtos distintos por cliente; %(n)s no total") % {"n": number(mix.products)},
        mixed,
    )
    yield Indicator(
        _("Itens por pedido"),
        number(mix.items_per_order, 1),
        then(number(was["mix"].items_per_order, 1)),
        of(mix.items, mix.orders, _("%(n)s itens em %(of)s pedidos")),
        mixed,
    )
    yield Indicator(
        _("Taxa de inativação"),
        percent(moved.inactivation_rate, 1),
        then(percent(before.inactivation_rate, 1)),
        of(moved.inactivated, moved.active, _("%(n)s de %(of)s ativos no início ficaram inativos")),
        opens("inactivated"),
    )
    yield Indicator(
        _("Recuperados"),
        number(moved.won_back),
        number(before.won_back),
        of(moved.won_back, moved.inactive, _("%(n)s compraram de novo; havia %(of)s inativos no início")),
        opens("won_back"),
    )
    yield Indicator(
        _("Taxa de perda"),
        percent(moved.loss_rate, 1),
        then(percent(before.loss_rate, 1)),
        of(moved.lost, moved.customers, _("%(n)s de %(of)s clientes no início perdidos")),
        opens("lost"),
    )
    yield Indicator(
        _("Crescimento líquido"),
        percent(moved.net_growth, 1),
        then(percent(before.net_growth, 1)),
        _("(%(new)s novos − %(lost)s perdidos) ÷ %(of)s no início")
        % {"new": number(moved.new), "lost": number(moved.lost), "of": number(moved.customers)},
        opens("new"),
    )
    yield Indicator(
        _("Giro"),
        percent(giro.rotation, 1),
        "",
        of(giro.given, giro.clients, _("%(n)s de %(of)s clientes mudaram de vendedor pelo giro")),
        opens("given"),
    )
