"""Why a visit ended without an order: the organization's own list, or the product's."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Organization

NO_SALE = (
    gettext_noop("Preço"),
    gettext_noop("Comprou do concorrente"),
    gettext_noop("Estoque alto"),
    gettext_noop("Prazo de pagamento"),
    gettext_noop("Produto em falta"),
    gettext_noop("Sem caixa no momento"),
    gettext_noop("Sem interesse"),
)


def no_sale_reasons(organization: Organization) -> list[tuple[str, str]]:
    """What is stored and what is shown. The product's own reasons are stored as the source writes them, so that they count alike."""
    if organization.no_sale_reasons:
        return [(reason, reason) for reason in organization.no_sale_reasons]
    return [(reason, _(reason)) for reason in NO_SALE]
