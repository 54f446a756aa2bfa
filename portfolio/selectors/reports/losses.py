"""Why clients and sales were lost: discarded clients and lost opportunities, by the reason given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, DateField, F, Func, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from clients.models import Client, ClientMonth, Opportunity
from portfolio.selectors.goals import month_of
from portfolio.selectors.reports.scope import Scope, months_until


class _ElevenMonthsBefore(Func):
    """The first day of the month eleven before a day's own."""

    template = "(date_trunc('month', %(expressions)s) - interval '11 months')::date"
    output_field = DateField()


@dataclass(frozen=True)
class Reason:
    """One reason as it was written: how many were lost by it, and their value in cents."""

    words: str
    n: int
    cents: int


def discarded(scope: Scope) -> QuerySet[Client]:
    """Clients discarded within the scope and not brought back since.

    ``cents``: what each bought in that month and the eleven before; ``why`` and ``on``: the reason given and the day.
    """
    # The month of the day and the eleven before it: ClientMonth knows no days.
    window = ClientMonth.objects.filter(
        client_id=OuterRef("pk"), month__lte=OuterRef("discarded_on"), month__gte=_ElevenMonthsBefore(OuterRef("discarded_on"))
    )
    bought = window.order_by().values("client_id").annotate(cents=Sum("revenue_cents")).values("cents")
    rows = Client.objects.filter(scope.of_owner(""), scope.of_client(""), discarded_on__range=(scope.first, scope.last))
    return rows.annotate(cents=Coalesce(Subquery(bought), 0), why=F("discard_reason"), on=F("discarded_on"))


def lost_sales(scope: Scope) -> QuerySet[Opportunity]:
    """Opportunities lost within the scope; ``cents`` is what each was to bring, 0 where nobody said."""
    rows = Opportunity.objects.filter(
        scope.of_owner(), scope.of_client(), stage=Opportunity.Stage.LOST, closed_on__range=(scope.first, scope.last)
    )
    return rows.annotate(cents=Coalesce("value_cents", 0), why=F("loss_reason"), on=F("closed_on"))


def reasons(rows: QuerySet[Any]) -> list[Reason]:
    """Rows of ``discarded`` or ``lost_sales`` by reason, most first; one query."""
    counted = rows.order_by().values("why").annotate(n=Count("pk"), total=Sum("cents", output_field=IntegerField()))
    found = [Reason(row["why"], row["n"], int(row["total"] or 0)) for row in counted]
    return sorted(found, key=lambda each: (-each.n, -each.cents, each.words))


def losses_by_month(scope: Scope, *, months: int = 12) -> list[tuple[date, int, int]]:
    """(month, clients discarded, opportunities lost) of the last ``months`` months up to the scope's last day: two queries."""
    shown = months_until(scope.last, months)
    wide = Scope(shown[0], scope.last, scope.representatives, scope.nobody, scope.clients)
    parts = [_by_month(discarded(wide)), _by_month(lost_sales(wide))]
    return [(month, *(part.get(month, 0) for part in parts)) for month in shown]  # type: ignore[misc]


def _by_month(rows: QuerySet[Any]) -> dict[date, int]:
    counted = rows.order_by().annotate(month=TruncMonth("on")).values("month").annotate(n=Count("pk"))
    return {month_of(row["month"]): row["n"] for row in counted}


def total(parts: Sequence[Reason]) -> Reason:
    """All reasons as one."""
    return Reason("", sum(each.n for each in parts), sum(each.cents for each in parts))
