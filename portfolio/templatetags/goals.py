"""A goal's number in the unit of its measure."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.templatetags.charts import progress
from accounts.templatetags.formats import BLANK, decimal, money_short, percent
from portfolio.models import Goal
from portfolio.selectors.goals import GoalLine

register = template.Library()


@register.simple_tag(takes_context=True)
def goal_number(context: template.Context, value: int | None, measure: str) -> str:
    """Clients and visits as 210, money as R$ 84 mil, mix and satisfaction as 3,5."""
    # A mean of products or of notes is never nought: there is nothing yet to take it of.
    if value is None or (not value and measure in Goal.MEANS):
        return BLANK
    if measure == Goal.Measure.REVENUE:
        return money_short(value, context["request"].organization.currency)
    return decimal(Decimal(value) / 100, 1) if measure in Goal.MEANS else decimal(value)


@register.simple_tag
def goal_bar(line: GoalLine) -> SafeString | str:
    """How much of the target is reached, as a bar with its share for who cannot see it; nothing without a target."""
    if not line.target:
        return ""
    words = format_html("{}: {}", line.label, percent(line.share))
    return progress(line.reached, line.target, tone="ok" if line.tone == "ok" else "warn", label=words)
