"""Words and numbers of clients as people read them: ``{% load clients %}``."""

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()

# Files may bring other words; those are shown as they came.
OUTCOMES = {
    "order": _("com pedido"),
    "sale": _("com pedido"),
    "closed": _("fechado"),
    "no_sale": _("sem venda"),
    "absent": _("ausente"),
    "rescheduled": _("remarcada"),
}
DECISION_ROLES = {
    "decision_maker": _("decide"),
    "influencer": _("influencia"),
    "buyer": _("compra"),
    "user": _("usa"),
    "blocker": _("barra"),
}


@register.filter
def tax_id(value: str) -> str:
    """``12345678000195`` as 12.345.678/0001-95; anything else as it is."""
    if len(value) != 14:
        return value
    return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}"


@register.filter
def visit_outcome(value: str):
    return OUTCOMES.get(value, value or _("sem resultado"))


@register.filter
def decision_role(value: str):
    return DECISION_ROLES.get(value, value)
