"""The reports, by the word in their address: what each is called, says, and lists behind its numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from portfolio.reporting import credit, losses, movement, reach
from portfolio.reporting.filters import Asked, ReportFilter, asked_of
from portfolio.reporting.shape import Listing, Report

__all__ = ["KINDS", "Asked", "Kind", "Listing", "Report", "ReportFilter", "asked_of"]


@dataclass(frozen=True)
class Kind:
    slug: str
    title: Any
    lead: Any
    icon: str
    report: Callable[[Asked, date], Report]
    listing: Callable[[str, Asked, Mapping[str, Any]], Listing | None]


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind(
            "movement",
            _("Movimentação"),
            _("Quem ganhou e quem perdeu clientes, e por quê."),
            "arrow-left-right",
            movement.report,
            movement.listing,
        ),
        Kind(
            "buyers",
            _("Positivação"),
            _("Quem comprou no período, de cada carteira, e quem ainda falta."),
            "shopping-cart",
            reach.buyers_report,
            reach.reached_listing,
        ),
        Kind(
            "mix",
            _("Mix"),
            _("Quantos produtos cada cliente leva."),
            "package",
            reach.mix_report,
            reach.mixed_listing,
        ),
        Kind(
            "losses",
            _("Perdas por motivo"),
            _("Clientes que pararam, clientes descartados e vendas perdidas, e o que se disse do porquê."),
            "trending-down",
            losses.report,
            losses.listing,
        ),
        Kind(
            "coverage",
            _("Cobertura de visitas"),
            _("Quem foi visitado no período, de cada carteira, e quem ainda falta."),
            "map-pin",
            reach.coverage_report,
            reach.reached_listing,
        ),
        Kind(
            "credit",
            _("Inadimplência"),
            _("Quem está em atraso, como os clientes são pontuados, o que aconteceu com o crédito deles."),
            "wallet",
            credit.report,
            credit.listing,
        ),
    )
}
