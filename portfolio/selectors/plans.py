"""Plans of portfolios: the period, what was set out, and what came of it, by the figures of the dictionary."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from portfolio.goal_spread import month_back
from portfolio.models import Goal, Plan, PlanStep
from portfolio.selectors.figures import Reached, Sales, Span, Visits, reached, sales, visits

Measure = Goal.Measure


@dataclass(frozen=True)
class Period:
    """Whole months a plan is for: a quarter "2026-Q4", a half "2026-H2" or a year "2026"."""

    starts_on: date
    ends_on: date

    @classmethod
    def parse(cls, text: str) -> "Period | None":
        """None where the text is no period, or one of another century."""
        year, _dash, part = text.partition("-")
        if not (year.isascii() and year.isdigit() and len(year) == 4 and 2000 <= int(year) <= 2100):
            return None
        sizes = {"": (1, 12), "H1": (1, 6), "H2": (7, 6)} | {f"Q{n}": (3 * n - 2, 3) for n in range(1, 5)}
        if part not in sizes:
            return None
        first, months = sizes[part]
        begin = date(int(year), first, 1)
        return cls(begin, month_back(begin, -months) - timedelta(days=1))

    @classmethod
    def quarter_of(cls, day: date) -> "Period":
        begin = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        return cls(begin, month_back(begin, -3) - timedelta(days=1))

    @property
    def n_months(self) -> int:
        return (self.ends_on.year - self.starts_on.year) * 12 + self.ends_on.month - self.starts_on.month + 1

    @property
    def key(self) -> str:
        """As ``parse`` reads it."""
        year, month = self.starts_on.year, self.starts_on.month
        return {3: f"{year}-Q{(month + 2) // 3}", 6: f"{year}-H{1 if month == 1 else 2}"}.get(self.n_months, f"{year}")

    def moved(self, n: int) -> "Period":
        """The period ``n`` of its own length later (before, if negative)."""
        begin = month_back(self.starts_on, -n * self.n_months)
        return Period(begin, month_back(begin, -self.n_months) - timedelta(days=1))


@dataclass(frozen=True)
class PlanLine:
    """One portfolio in a period: its plan, if there is one, the goals of its months added up, and what came by ``as_of``.

    ``goals`` holds a measure only where each of the months has a goal: part of them is no yardstick for all; ``goal_months``
    says how many have one.

    Money in cents. ``cost_cents``: visits done at the plan's cost of one, and what its steps spent. ``open_steps`` and
    ``late_steps`` wait to be done. Nothing came yet of a period that has not begun.
    """

    representative: Representative
    plan: Plan | None
    goals: dict[str, int]
    sales: Sales = field(default_factory=Sales)
    reached: Reached = field(default_factory=Reached)
    visits: Visits = field(default_factory=Visits)
    n_months: int = 1
    goal_months: dict[str, int] = field(default_factory=dict)
    spent_cents: int = 0
    steps: int = 0
    open_steps: int = 0
    late_steps: int = 0

    @property
    def cost_cents(self) -> int:
        return self.spent_cents + (self.plan.visit_cost_cents * self.visits.done if self.plan else 0)


def plans_visible_to(member: Membership) -> QuerySet[Plan]:
    """Of the representatives whose work the member may see; a representative sees the own."""
    return Plan.objects.filter(representative__in=representatives_visible_to(member))


def may_plan(member: Membership) -> bool:
    """Who leads writes plans; a representative works their steps."""
    return member.role in (Role.ADMIN, Role.MANAGER)


def plan_lines(people: Sequence[Representative], period: Period, *, as_of: date) -> list[PlanLine]:
    """Each portfolio of ``people`` in the period, in their order; six queries, three where it has not begun."""
    ids = [each.pk for each in people]
    plans = {plan.representative_id: plan for plan in Plan.objects.filter(representative_id__in=ids, **vars(period))}
    goals: dict[int, dict[str, int]] = defaultdict(dict)
    goal_months: dict[int, dict[str, int]] = defaultdict(dict)
    targets = Goal.objects.filter(representative_id__in=ids, month__gte=period.starts_on, month__lte=period.ends_on).order_by()
    for row in targets.values("representative_id", "measure").annotate(sum=Sum("target"), n=Count("pk")):
        goal_months[row["representative_id"]][row["measure"]] = row["n"]
        if row["n"] == period.n_months:
            goals[row["representative_id"]][row["measure"]] = row["sum"]
    waiting = Q(task__done_at=None, task__cancelled_at=None)
    steps = {
        row["plan_id"]: row
        for row in PlanStep.objects.filter(plan__in=plans.values(), task__cancelled_at=None)
        .order_by()
        .values("plan_id")
        .annotate(
            spent=Sum("spent_cents"),
            n=Count("pk"),
            waiting=Count("pk", filter=waiting),
            late=Count("pk", filter=waiting & Q(task__due_on__lt=as_of)),
        )
    }
    sold: Mapping[int | None, Sales] = {}
    portfolio: Mapping[int | None, Reached] = {}
    done: Mapping[int | None, Visits] = {}
    if period.starts_on <= as_of and ids:
        span = Span.months(period.starts_on, min(period.ends_on, as_of), as_of=as_of)
        sold, portfolio, done = sales(span, ids).by, reached(span, ids).by, visits(span, ids).by
    lines = []
    for each in people:
        plan = plans.get(each.pk)
        step = steps.get(plan.pk) if plan else None
        lines.append(
            PlanLine(
                each,
                plan,
                dict(goals[each.pk]),
                sold.get(each.pk, Sales()),
                portfolio.get(each.pk, Reached()),
                done.get(each.pk, Visits()),
                period.n_months,
                dict(goal_months[each.pk]),
                (step["spent"] or 0) if step else 0,
                step["n"] if step else 0,
                step["waiting"] if step else 0,
                step["late"] if step else 0,
            )
        )
    return lines


def steps_of(plan: Plan) -> list[PlanStep]:
    """The plan's steps that were not given up, by day, with task and owner; one query."""
    rows = PlanStep.objects.filter(plan=plan, task__cancelled_at=None).select_related("task", "task__owner", "task__done_by")
    return list(rows.order_by("task__due_on", "pk"))
