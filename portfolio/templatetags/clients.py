"""Words and numbers of clients as people read them: ``{% load clients %}``."""

from datetime import date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.templatetags.ui import tag
from clients.models import Opportunity
from clients.selectors.opportunities import STOPPED_DAYS
from clients.selectors.temperature import Temperature

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
    "finance": _("cuida do pagamento"),
    "user": _("usa"),
    "blocker": _("barra"),
}
CHANNELS = {"phone": _("telefone"), "whatsapp": _("WhatsApp"), "email": _("e-mail"), "visit": _("visita")}
TEMPERATURES = {"hot": "ok", "warm": "warn", "cold": "info"}
MARKS = {
    "in_season": (_("na estação"), "ok", "sun"),
    "out_of_season": (_("fora da estação"), "", "clock"),
    "standing": (_("estoque parado"), "warn", "package"),
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


@register.filter
def channel(value: str):
    return CHANNELS.get(value, value)


@register.simple_tag
def temperature(value: Temperature | None) -> SafeString | str:
    """A tag with the word; nothing for a client that never bought."""
    return tag(value.label, TEMPERATURES[value]) if value else ""


@register.simple_tag
def product_mark(value: str) -> SafeString:
    """What a product's file says of its moment, as a tag."""
    word, kind, sign = MARKS[value]
    return tag(word, kind, sign)


@register.simple_tag
def stopped(opportunity: Opportunity, as_of: date) -> SafeString | str:
    """How long an opportunity has been at its stage; pointed out once it has been too long."""
    days = (as_of - opportunity.stage_since).days
    words = (
        ngettext("há %(n)s dia nesta etapa", "há %(n)s dias nesta etapa", days) % {"n": days}
        if days > 0
        else gettext("desde hoje nesta etapa")
    )
    return format_html('<span class="warn-ink">{}</span>', words) if days >= STOPPED_DAYS else words
