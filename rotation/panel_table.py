"""The panel's table of representatives: figures of several families side by side."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum

from accounts.models import Representative
from accounts.templatetags import formats
from portfolio.models import Goal
from portfolio.selectors import figures
from rotation.panel import Asked

SORTS = ("name", "revenue", "goal", "positivation", "coverage", "clients", "risk", "change")


@dataclass
class PersonRow:
    """One representative's figures of the span; ``risk_cents`` is of today."""

    representative: Representative
    sales: figures.Sales
    before: figures.Sales
    reached: figures.Reached
    goal: int | None
    risk_cents: int
    links: dict[str, str] = field(default_factory=dict)  # where its numbers open

    @property
    def goal_share(self) -> float | None:
        return figures.share(self.sales.revenue_cents, self.goal or 0)

    @property
    def tone(self) -> str:
        return "" if self.goal_share is None else "ok" if self.goal_share >= 0.9 else "warn" if self.goal_share >= 0.6 else "bad"

    @property
    def change(self) -> float | None:
        """Of revenue, against the same days of the span before."""
        was = self.before.revenue_cents
        return (self.sales.revenue_cents - was) / was if was > 0 else None

    @property
    def change_words(self) -> str:
        if self.change is None:
            return formats.BLANK
        return ("+" if round(100 * self.change) > 0 else "") + formats.percent(self.change)

    def of(self, column: str) -> Any:
        """What the column is sorted by; None comes last whichever way."""
        return {
            "name": self.representative.code,
            "revenue": self.sales.revenue_cents,
            "goal": self.goal_share,
            "positivation": self.reached.positivation,
            "coverage": self.reached.visit_coverage,
            "clients": self.reached.clients,
            "risk": self.risk_cents,
            "change": self.change,
        }[column]


def people_rows(asked: Asked, sort: str) -> list[PersonRow]:
    """Everybody asked for who serves or has figures in the span, by ``sort`` (of ``SORTS``; "-" before it falls); six queries."""
    span, people = asked.span, asked.people
    sold, before = figures.sales(span, people), figures.sales(span.before(), people)
    reached, risk = figures.reached(span, people, nobodys=False), figures.at_risk_by_person(asked.today, asked.limits, people)
    wanted = Goal.objects.filter(measure=Goal.Measure.REVENUE, month__range=(span.since, span.last_month))
    if people is not None:
        wanted = wanted.filter(representative_id__in=people)
    goals = dict(wanted.order_by().values_list("representative_id").annotate(target=Sum("target")))
    found = Representative.objects.only("pk", "organization_id", "code", "name", "valid_to")
    persons = found.filter(pk__in=people) if people is not None else found
    rows = [
        PersonRow(
            person,
            sold.by.get(person.pk, figures.Sales()),
            before.by.get(person.pk, figures.Sales()),
            reached.by.get(person.pk, figures.Reached()),
            goals.get(person.pk),
            risk.get(person.pk, 0),
        )
        for person in persons
        if person.valid_to is None or person.valid_to > span.since or person.pk in sold.by
    ]
    column, falling = sort.lstrip("-"), sort.startswith("-")
    rows.sort(key=lambda row: row.representative.code)
    known = [row for row in rows if row.of(column) is not None]
    return sorted(known, key=lambda row: row.of(column), reverse=falling) + [row for row in rows if row.of(column) is None]
