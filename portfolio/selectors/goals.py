"""What a representative is to reach in a month and what they reached, by the formulas of PRODUCT.md section 3."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Least
from django.urls import reverse

from accounts.models import Representative
from clients.models import Client, ClientActivity, ClientMonth
from portfolio.models import Goal, Ownership, Visit
from portfolio.selectors.ledger import ownerships_on
from portfolio.workdays import is_workday

Measure = Goal.Measure
REPORT_WITHIN = timedelta(hours=24)
MOST_MISSING = 300
HAS_MISSING = (Measure.BUYERS, Measure.VISITS)  # the measures that can name the clients still missing


@dataclass(frozen=True)
class Actuals:
    """What one representative did in a month.

    ``clients`` in the portfolio on the last day looked at, discarded ones left out, and ``buyers`` of them: those with an
    order day in the month, whoever was credited (a client that bought and changed hands is no longer missing).
    ``revenue_cents`` and the parts of the mix are what was credited to the representative: distinct products of each
    client, summed, over ``mix_clients`` clients. ``visits`` done; ``reports``: of those, written within 24 hours; ``rated`` of
    them with a note of satisfaction, ``notes`` their sum.
    """

    clients: int = 0
    buyers: int = 0
    revenue_cents: int = 0
    products: int = 0
    mix_clients: int = 0
    visits: int = 0
    reports: int = 0
    notes: int = 0
    rated: int = 0

    def __add__(self, other: "Actuals") -> "Actuals":
        return Actuals(
            self.clients + other.clients,
            self.buyers + other.buyers,
            self.revenue_cents + other.revenue_cents,
            self.products + other.products,
            self.mix_clients + other.mix_clients,
            self.visits + other.visits,
            self.reports + other.reports,
            self.notes + other.notes,
            self.rated + other.rated,
        )

    def of(self, measure: str) -> int:
        """The number a goal of ``measure`` is compared with: clients, cents, products per client x 100, visits, reports, note x 100."""
        if measure == Measure.RATING:
            return (200 * self.notes + self.rated) // (2 * self.rated) if self.rated else 0
        if measure == Measure.MIX:
            return (200 * self.products + self.mix_clients) // (2 * self.mix_clients) if self.mix_clients else 0
        return {
            Measure.BUYERS: self.buyers,
            Measure.REVENUE: self.revenue_cents,
            Measure.VISITS: self.visits,
            Measure.REPORTS: self.reports,
        }[Measure(measure)]


@dataclass(frozen=True)
class Pace:
    """Working days of the month: those passed, the last day looked at included, and all of them."""

    passed: int
    days: int

    @property
    def share(self) -> Decimal:
        return Decimal(self.passed) / self.days if self.days else Decimal(1)


@dataclass(frozen=True)
class GoalLine:
    """One measure of a month: target (None: no goal was set) and actual in the measure's unit (``Actuals.of``).

    ``expected`` is what an even pace would have reached by now, None for a mean, which does not add up day by day;
    ``out_of`` the clients of the portfolio, where that is what the measure counts. ``missing_clients_url`` is "" where
    no client is missing, or the line adds up several representatives. Where only ``n_with_goal`` of these have a goal,
    ``compared`` is what they reached: the others' work would reach a target that nobody gave them.
    """

    measure: str
    target: int | None
    actual: int
    missing_clients_url: str = ""
    out_of: int | None = None
    expected: int | None = None
    compared: int | None = None
    n_with_goal: int | None = None

    @property
    def reached(self) -> int:
        """What counts towards the target."""
        return self.actual if self.compared is None else self.compared

    @property
    def label(self) -> str:
        return str(Measure(self.measure).label)

    @property
    def share(self) -> Decimal | None:
        """Atingimento: actual over target; None without a target."""
        return Decimal(self.reached) / self.target if self.target else None

    @property
    def missing(self) -> int:
        """How much is missing to the target; 0 once it is reached."""
        return max(0, (self.target or 0) - self.reached)

    @property
    def tone(self) -> str:
        """ok: reached, or at least at an even pace; warn: behind; "" without a target."""
        if not self.target:
            return ""
        wanted = self.target if self.expected is None else self.expected
        return "ok" if self.reached >= min(wanted, self.target) else "warn"


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def previous_month(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def last_day(month: date, *, as_of: date) -> date:
    """The day a month is looked at: its last one, or ``as_of`` where that is earlier."""
    return min(next_month(month) - timedelta(days=1), as_of)


def pace_of(month: date, *, as_of: date, country: str, state: str = "") -> Pace:
    """Working days of the month up to ``as_of`` and in all: Monday to Friday without the holidays of country and state."""
    after = next_month(month)
    days = [day for day in (month + timedelta(days=n) for n in range((after - month).days)) if is_workday(day, country, state)]
    return Pace(sum(day <= as_of for day in days), len(days))


def actuals_of(representative_ids: Sequence[int], month: date, *, as_of: date) -> dict[int, Actuals]:
    """What each representative did in the month up to ``as_of``: three queries, however many people and clients.

    Revenue and mix come from the monthly summary, which knows orders up to the day it was last refreshed.
    """
    ids, until = list(representative_ids), last_day(month, as_of=as_of)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    portfolios = _portfolio(ids, until).annotate(bought=Exists(_bought(month, OuterRef("client_id"))))
    counts = {"clients": Count("pk"), "buyers": Count("pk", filter=Q(bought=True))}
    _gather(found, portfolios.values("representative_id").annotate(**counts))
    bought = Q(order_days__gt=0)
    credited = ClientMonth.objects.filter(month=month, representative_id__in=ids).values("representative_id")
    _gather(
        found,
        credited.annotate(
            revenue=Sum("revenue_cents"),
            sold_products=Sum("products", filter=bought, default=0),
            mix_clients=Count("client_id", filter=bought),
        ),
    )
    # Where the device's clock is ahead of ours, ours is the later truth.
    written = Least(F("made_at"), F("received_at"))
    in_time = Q(made_at__isnull=False, written__lte=F("visited_at") + REPORT_WITHIN)
    visits = _visits(ids, month, until).annotate(written=written).values("representative_id")
    _gather(
        found,
        visits.annotate(
            visits=Count("pk"), reports=Count("pk", filter=in_time), notes=Sum("satisfaction", default=0), rated=Count("satisfaction")
        ),
    )
    for values in found.values():
        values["revenue_cents"], values["products"] = values.pop("revenue", 0), values.pop("sold_products", 0)
    return {pk: Actuals(**found.get(pk, {})) for pk in ids}


def goals_by_representative(
    representatives: Sequence[Representative], month: date, *, as_of: date, every: bool = False
) -> dict[int, list[GoalLine]]:
    """Lines of each representative, organization joined: four queries, one where nobody has a goal. ``every``: those without one too."""
    ids = [each.pk for each in representatives]
    targets = {
        (pk, measure): target
        for pk, measure, target in Goal.objects.filter(month=month, representative_id__in=ids).values_list(
            "representative_id", "measure", "target"
        )
    }
    if not targets and not every:
        return {pk: [] for pk in ids}
    actuals = actuals_of(ids, month, as_of=as_of)
    return {
        each.pk: _lines(
            {measure: targets.get((each.pk, measure)) for measure in Measure.values},
            actuals[each.pk],
            pace_of(month, as_of=as_of, country=each.organization.country, state=each.base_state),
            missing=_missing_url(each, month),
            every=every,
        )
        for each in representatives
    }


def goal_lines(representative_ids: Sequence[int], month: date, as_of: date, *, every: bool = False) -> list[GoalLine]:
    """One line a measure that has a goal, of one representative or added up over several: five queries.

    Parameters
    ----------
    month : its first day
    as_of : a day of the organization; the month is looked at up to it
    every : measures without a goal too
    """
    people = list(Representative.objects.filter(pk__in=list(representative_ids)).select_related("organization").order_by("pk"))
    if not people:
        return []
    by_person = goals_by_representative(people, month, as_of=as_of, every=every)
    if len(people) == 1:
        return by_person[people[0].pk]
    did = actuals_of([each.pk for each in people], month, as_of=as_of)
    pace = pace_of(month, as_of=as_of, country=people[0].organization.country)
    lines = _lines(team_targets(by_person), sum(did.values(), Actuals()), pace, missing="", every=every)
    return [_with_goals_only(line, by_person, did) for line in lines]


def _with_goals_only(line: GoalLine, by_person: dict[int, list[GoalLine]], did: dict[int, Actuals]) -> GoalLine:
    """A team's line that compares its target with what those reached who have one."""
    theirs = [did[pk] for pk, lines in by_person.items() if any(each.target and each.measure == line.measure for each in lines)]
    if len(theirs) in (0, len(did)):
        return line
    return replace(line, compared=sum(theirs, Actuals()).of(line.measure), n_with_goal=len(theirs))


def team_targets(by_person: dict[int, list[GoalLine]]) -> dict[str, int | None]:
    """The targets of several people as one: added up; of a mean, the mean."""
    given: dict[str, list[int]] = defaultdict(list)
    for lines in by_person.values():
        for line in lines:
            if line.target:
                given[line.measure].append(line.target)
    found: dict[str, int | None] = {measure: sum(given[measure]) or None for measure in Measure.values}
    for measure in Goal.MEANS:
        if given[measure]:
            found[measure] = round(sum(given[measure]) / len(given[measure]))
    return found


@dataclass(frozen=True)
class MissingClient:
    """A client of the portfolio that has not bought, or was not visited, in the month."""

    pk: int
    name: str
    city: str
    last_on: date | None  # its last order
    last_visit_on: date | None
    net_12m_cents: int


def missing_clients(
    representative: Representative, month: date, measure: str, *, as_of: date, visible: QuerySet[Client]
) -> list[MissingClient]:
    """Clients the representative still misses for a goal of ``measure``, greatest 12-month revenue first; one query.

    Parameters
    ----------
    visible : what the reader may see; a past month may hold clients that are no longer within their reach
    """
    until = last_day(month, as_of=as_of)
    held = _portfolio([representative.pk], until).values("client_id")
    done: QuerySet[Any]
    if measure == Measure.BUYERS:
        done = _bought(month, OuterRef("pk"))
    else:
        done = Visit.objects.filter(client_id=OuterRef("pk"), visited_on__gte=month, visited_on__lte=until)
    activity = ClientActivity.objects.filter(client_id=OuterRef("pk"))
    rows = visible.filter(pk__in=held).filter(~Exists(done)).select_related(None).prefetch_related(None)
    rows = rows.annotate(**{name: _first(activity, name) for name in ("last_on", "last_visit_on", "net_12m_cents")})
    ordered = rows.order_by(F("net_12m_cents").desc(nulls_last=True), "name_key", "pk")[:MOST_MISSING]
    return [MissingClient(row.pk, str(row), row.city, row.last_on, row.last_visit_on, row.net_12m_cents or 0) for row in ordered]  # type: ignore[attr-defined]


def _first(rows: QuerySet, name: str) -> Any:
    return Subquery(rows.values(name)[:1])


def _portfolio(ids: list[int], day: date) -> QuerySet[Ownership]:
    """Who answered for which client on that day, without clients discarded by then."""
    kept = Q(client__discarded_on=None) | Q(client__discarded_on__gt=day)
    return ownerships_on(day).filter(kept, representative_id__in=ids)


def _bought(month: date, client: Any) -> QuerySet[ClientMonth]:
    return ClientMonth.objects.filter(client_id=client, month=month, order_days__gt=0)


def _visits(ids: list[int], month: date, until: date) -> QuerySet[Visit]:
    return Visit.objects.filter(representative_id__in=ids, visited_on__gte=month, visited_on__lte=until)


def _gather(found: dict[int, dict[str, int]], rows: Any) -> None:
    for row in rows.order_by():
        found[row.pop("representative_id")].update({name: int(value or 0) for name, value in row.items()})


def _lines(targets: dict[str, int | None], actuals: Actuals, pace: Pace, *, missing: str, every: bool) -> list[GoalLine]:
    lines = []
    for measure in Measure.values:
        target, actual = targets[measure], actuals.of(measure)
        if target is None and not every:
            continue
        lines.append(
            GoalLine(
                measure,
                target,
                actual,
                f"{missing}&measure={measure}" if missing and measure in HAS_MISSING else "",
                actuals.clients if measure == Measure.BUYERS else None,
                round(target * pace.share) if target and measure not in Goal.MEANS else None,
            )
        )
    return lines


def _missing_url(representative: Representative, month: date) -> str:
    address = reverse("portfolio:goal_missing", args=[representative.organization.slug])
    return f"{address}?month={month:%Y-%m}&rep={representative.pk}"
