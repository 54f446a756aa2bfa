"""Why clients and sales were lost: clients that stopped buying, discarded clients and lost opportunities, by the reason given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, DateField, F, Func, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, TruncMonth

from clients.models import Client, ClientMonth, ClientStop, Opportunity
from clients.selectors.lifecycle import Limits
from clients.selectors.stops import stopped_untold
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


def _bought(client: str, day: str) -> QuerySet[Any]:
    """Cents the row's client bought in the month of its ``day`` and the eleven before: ClientMonth knows no days."""
    window = ClientMonth.objects.filter(client_id=OuterRef(client), month__lte=OuterRef(day), month__gte=_ElevenMonthsBefore(OuterRef(day)))
    return window.order_by().values("client_id").annotate(cents=Sum("revenue_cents")).values("cents")


def discarded(scope: Scope) -> QuerySet[Client]:
    """Clients discarded within the scope and not brought back since.

    ``cents``: what each bought in that month and the eleven before; ``why`` and ``on``: the reason given and the day.
    """
    rows = Client.objects.filter(scope.of_owner(""), scope.of_client(""), discarded_on__range=(scope.first, scope.last))
    return rows.annotate(cents=Coalesce(Subquery(_bought("pk", "discarded_on")), 0), why=F("discard_reason"), on=F("discarded_on"))


def stopped(scope: Scope, *, limits: Limits) -> QuerySet[ClientStop]:
    """What was said within the scope of why clients stopped buying; those that bought again since, or were discarded, left out.

    So are those that were declared lost, which was taken back, and are not inactive by their silence at the scope's end.

    ``cents``: what each bought in the month of its last order and the eleven before; ``why`` and ``on``: the reason and its day.
    """
    rows = ClientStop.objects.filter(scope.of_owner(), scope.of_client(), told_on__range=(scope.first, scope.last))
    rows = rows.filter(client__discarded_on=None, client__activity__last_on=F("silent_since"))
    rows = rows.exclude(lost_until__isnull=False, silent_since__gt=scope.last - timedelta(days=limits.inactive))
    return rows.annotate(cents=Coalesce(Subquery(_bought("client_id", "silent_since")), 0), why=F("reason"), on=F("told_on"))


def untold(scope: Scope, *, limits: Limits) -> QuerySet[Client]:
    """Clients inactive or lost at the scope's end, silent to this day, of which nobody said why; columns as of ``stopped``."""
    rows = stopped_untold(Client.objects.filter(scope.of_owner(""), scope.of_client("")), as_of=scope.last, limits=limits)
    bought = _bought("pk", "activity__last_on")
    return rows.annotate(cents=Coalesce(Subquery(bought), 0), why=Value(""))


def lost_sales(scope: Scope) -> QuerySet[Opportunity]:
    """Opportunities lost within the scope; ``cents`` is what each was to bring, 0 where nobody said."""
    rows = Opportunity.objects.filter(
        scope.of_owner(), scope.of_client(), stage=Opportunity.Stage.LOST, closed_on__range=(scope.first, scope.last)
    )
    return rows.annotate(cents=Coalesce("value_cents", 0), why=F("loss_reason"), on=F("closed_on"))


def reasons(rows: QuerySet[Any]) -> list[Reason]:
    """Rows of ``stopped``, ``discarded`` or ``lost_sales`` by reason, most first; one query."""
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
