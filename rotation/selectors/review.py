"""What the review of a run shows: who may see and decide which rows, counts, money, groups, one proposal whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Sum

from accounts.models import Representative
from clients.models import ClientMonth
from rotation.models import Decision, Proposal, RefusalReason, Run, RunRule
from rotation.selectors.filters import TABS, ReviewFilter, page_of
from rotation.selectors.reach import Reach
from rotation.selectors.tally import Kind

State = Proposal.State
OPEN_STATES = (State.PROPOSED, State.APPROVED, State.REJECTED)


def proposals_visible_to(reach: Reach, run: Run) -> QuerySet[Proposal]:
    """The run's proposals whose client the member may see; clients kept as control group are not proposals."""
    proposals = Proposal.objects.filter(run=run).exclude(state=State.WITHHELD)
    return proposals.filter(reach.among("from_representative"))


def decidable_by(reach: Reach, proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Those of ``proposals`` the member may decide."""
    if not reach.decides:
        return proposals.none()
    return proposals.filter(reach.among("from_representative"), reach.among("to_representative"))


@dataclass(frozen=True)
class Totals:
    """Counts per tab and the money of a run. Money in cents, distances in km."""

    tabs: dict[str, int]
    decided: int
    pending_cents: int
    revenue_cents: int
    approved_cents: int
    km_from: float | None
    km_to: float | None

    @property
    def all(self) -> int:
        return self.tabs["all"]

    @property
    def refused(self) -> int:
        return self.tabs["rejected"] + self.tabs["stale"]

    @property
    def approved(self) -> int:
        return self.tabs["approved"] + self.tabs["applied"]

    @property
    def km_change(self) -> float | None:
        return None if self.km_from is None or self.km_to is None else self.km_to - self.km_from


def totals_of(kinds: Iterable[Kind]) -> Totals:
    """Counts per tab, money and mean distances of the rows counted."""
    kinds = list(kinds)
    live = [kind for kind in kinds if kind.state in (State.PROPOSED, State.APPROVED, State.APPLIED)]
    n_from, n_to = sum(kind.n_km_from for kind in live), sum(kind.n_km_to for kind in live)
    tabs = {tab: sum(kind.n for kind in kinds if kind.is_in(tab)) for tab in TABS}
    return Totals(
        tabs=tabs,
        decided=tabs["all"] - sum(kind.n for kind in kinds if kind.state == State.PROPOSED),
        pending_cents=int(sum(kind.net_12m_cents for kind in kinds if kind.is_in("pending"))),
        revenue_cents=int(sum(kind.net_12m_cents for kind in live)),
        approved_cents=int(sum(kind.net_12m_cents for kind in kinds if kind.is_in("approved"))),
        km_from=sum(kind.km_from for kind in live) / n_from if n_from else None,
        km_to=sum(kind.km_to for kind in live) / n_to if n_to else None,
    )


@dataclass
class GroupTotal:
    """One group of the list: what its rows share, how many they are and their revenue in cents."""

    key: int | None
    n: int
    cents: int
    rank: int = 0
    title: Any = ""


@dataclass
class Page:
    """One page of the review."""

    rows: list[Proposal]
    groups: dict[int | None, GroupTotal]
    n: int
    cents: int
    has_previous: bool
    has_next: bool
    decidable: int


def rules_of(run: Run) -> dict[int, RunRule]:
    """The rules a run used, by rule version, in their order; one query."""
    found = (
        RunRule.objects.filter(run=run).select_related("rule_version__rule", "team").defer("rule_version__definition").order_by("position")
    )
    return {each.rule_version_id: each for each in found}


def review_page(
    proposals: QuerySet[Proposal],
    wanted: ReviewFilter,
    *,
    kinds: Sequence[Kind],
    reach: Reach,
    rules: dict[int, RunRule],
    after: int | None = None,
    before: int | None = None,
) -> Page:
    """One page of the filter's rows with everything a row shows, the totals of every group, and how many the member may decide.

    Two queries, as ``kinds`` (of the run and ``reach``) has counted what no filter narrows; up to five otherwise.
    """
    filtered = wanted.apply(proposals)
    groups = groups_of(filtered, wanted, kinds, rules)
    ranks = {key: group.rank for key, group in groups.items() if key is not None} if len(groups) > 1 else {}
    columns = wanted.ordering(ranks)
    ids, earlier, later = page_of(wanted.ranked(filtered, ranks), columns, size=wanted.size, after=after, before=before)
    found = {row.pk: row for row in shown(Proposal.objects.filter(pk__in=ids))}
    rows = [found[pk] for pk in ids if pk in found]
    n, cents = sum(group.n for group in groups.values()), sum(group.cents for group in groups.values())
    return Page(rows, groups, n, cents, earlier, later, _n_decidable(filtered, wanted, kinds, reach, n))


def _n_decidable(filtered: QuerySet[Proposal], wanted: ReviewFilter, kinds: Sequence[Kind], reach: Reach, n: int) -> int:
    if not reach.decides or reach.ids is None:
        return n if reach.decides else 0
    of_tab = [kind for kind in kinds if kind.is_in(wanted.tab)]
    if wanted.narrowed or any(kind.within is None for kind in of_tab):
        return decidable_by(reach, filtered).count()
    return sum(kind.n for kind in of_tab if kind.within)


# What a line of the list is made of.
LINE = (
    "id", "organization_id", "run_id", "client_id", "rule_version_id", "from_representative_id", "to_representative_id", "state",
    "version", "postponed_at", "caveats", "net_12m_cents", "abc", "value_cents", "days_since_last", "cycle_days", "lateness", "facts",
    "km_from", "km_to", "decided_by_id", "decided_at", "decision_reason", "stale_reason", "client__organization_id", "client__name",
    "client__trade_name", "client__city", "client__state", "from_representative__organization_id", "from_representative__code",
    "from_representative__name", "to_representative__organization_id", "to_representative__code", "to_representative__name",
    "to_representative__base_city", "decided_by__organization_id", "decided_by__name",
)  # fmt: skip


def shown(proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Rows with all that a line of the list needs, and no more."""
    return proposals.select_related("client", "from_representative", "to_representative", "decided_by").only(*LINE)


# What the panel shows beyond a line; each column left out is one less to name, read and keep.
PANEL = (
    *LINE, "last_order_on", "candidates", "candidate_values", "candidate_kms", "candidate_costs", "decision_note",
    "client__representative_id", "rule_version__organization_id",
    "rule_version__rule_id", "rule_version__number", "rule_version__definition",
    "from_representative__contract_type", "from_representative__commission_rate", "from_representative__valid_from",
    "from_representative__valid_to", "from_representative__membership__is_active",
)  # fmt: skip


def whole(proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Rows with all that the panel of one proposal needs."""
    people = ("from_representative__membership", "to_representative", "decided_by")
    return proposals.select_related("client", *people, "rule_version").only(*PANEL)


def groups_of(
    filtered: QuerySet[Proposal], wanted: ReviewFilter, kinds: Sequence[Kind], rules: dict[int, RunRule]
) -> dict[int | None, GroupTotal]:
    """The groups of the filter's rows in their order; from ``kinds`` where these tell them apart, one query otherwise."""
    known = wanted.group in ("rule", "none") and not wanted.narrowed
    rows = _counted(wanted, kinds) if known else _asked(filtered, wanted)
    if wanted.group == "rule":
        order = {version: place for place, version in enumerate(rules)}
        rows.sort(key=lambda row: order.get(row[0], len(order)))
    elif wanted.group != "none":
        rows.sort(key=lambda row: (row[0] is None, row[1] or ""))
    groups = {}
    for rank, (key, *title, n, cents) in enumerate(rows):
        groups[key] = GroupTotal(key, n, int(cents or 0), rank, rules.get(key) if wanted.group == "rule" else title)
    return groups


def _counted(wanted: ReviewFilter, kinds: Sequence[Kind]) -> list[tuple]:
    sums: dict[int | None, list[int]] = {} if wanted.group == "rule" else {None: [0, 0]}
    for kind in kinds:
        if kind.is_in(wanted.tab):
            total = sums.setdefault(kind.rule_version_id if wanted.group == "rule" else None, [0, 0])
            total[0] += kind.n
            total[1] += int(kind.net_12m_cents)
    return [(key, n, cents) for key, (n, cents) in sums.items()]


def _asked(filtered: QuerySet[Proposal], wanted: ReviewFilter) -> list[tuple]:
    totals = filtered.order_by()
    if wanted.group == "none":
        found = totals.aggregate(n=Count("id"), cents=Sum("net_12m_cents", default=0))
        return [(None, found["n"], found["cents"])]
    field = f"{wanted.group_field}_id"
    fields = [field] if wanted.group == "rule" else [field, f"{wanted.group_field}__code", f"{wanted.group_field}__name"]
    return list(totals.values_list(*fields).annotate(n=Count("id"), cents=Sum("net_12m_cents")))


@dataclass(frozen=True)
class Choices:
    """What the filters of a run can be set to."""

    origins: list[Representative] = field(default_factory=list)
    receivers: list[Representative] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    nobody: bool = False


def filter_choices(proposals: QuerySet[Proposal]) -> Choices:
    """Origins, receivers and states that occur among the rows; two queries."""
    pairs = set(proposals.order_by().values_list("from_representative_id", "to_representative_id", "client__state").distinct())
    ids = {each for pair in pairs for each in pair[:2] if each}
    people = {each.pk: each for each in Representative.objects.filter(pk__in=ids).order_by("code")}
    origins, receivers = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return Choices(
        origins=[each for pk, each in people.items() if pk in origins],
        receivers=[each for pk, each in people.items() if pk in receivers],
        states=sorted({pair[2] for pair in pairs if pair[2]}),
        nobody=None in origins,
    )


def refusal_reasons() -> QuerySet[RefusalReason]:
    """The company's list, in its order."""
    return RefusalReason.objects.filter(is_active=True).order_by("position", "label")


@dataclass(frozen=True)
class Candidate:
    """One representative the client could go to.

    ``score`` is 0 to 100, the expected value there against the best; ``cost_cents`` is at least what choosing it
    would cost the whole run; ``clients`` counts what it would hold with the approved moves and this one.
    """

    representative: Representative
    score: int
    value_cents: int
    km: float | None
    cost_cents: int
    clients: int
    chosen: bool

    @property
    def over(self) -> bool:
        return self.clients > self.representative.capacity_clients


def candidates_of(proposal: Proposal, *, clients: dict[int, int]) -> list[Candidate]:
    """The proposal's best receivers, the computed one first; one query. ``clients``: present holdings per representative."""
    ids = list(proposal.candidates)
    if proposal.to_representative_id and proposal.to_representative_id not in ids:
        ids.append(proposal.to_representative_id)  # a manager's own choice
    people = Representative.objects.in_bulk(ids)
    details = {
        each: (value, km, cost)
        for each, value, km, cost in zip(
            proposal.candidates, proposal.candidate_values, proposal.candidate_kms, proposal.candidate_costs, strict=False
        )
    }
    best = max(proposal.candidate_values, default=0) or 1
    found = []
    for each in ids:
        if each not in people:
            continue
        value, km, cost = details.get(each, (0, None, 0))
        chosen = each == proposal.to_representative_id
        found.append(Candidate(people[each], round(100 * max(value, 0) / best), value, km, cost, clients.get(each, 0) + 1, chosen))
    return found


class Said(NamedTuple):
    """One decision or comment about a proposal; the codes of its receiver before and after."""

    action: str
    at: datetime
    reason: str
    note: str
    by_name: str
    from_code: str | None
    to_code: str | None


def history_of(proposal: Proposal, *, most: int = 20) -> list[Said]:
    """What people decided and wrote about the proposal, the latest first; one query."""
    found = Decision.objects.filter(proposal=proposal).order_by("-pk")
    return [
        Said(*row)
        for row in found.values_list("action", "at", "reason", "note", "by__name", "from_receiver__code", "to_receiver__code")[:most]
    ]


def months_of(client_id: int, *, until: date, n: int = 12) -> list[tuple[date, int]]:
    """Net revenue in cents of each of the ``n`` months up to the month of ``until``, blanks as 0; one query."""
    first_of_month = until.replace(day=1)
    months = [_months_before(first_of_month, back) for back in range(n - 1, -1, -1)]
    found = ClientMonth.objects.filter(client=client_id, month__gte=months[0], month__lte=months[-1])
    cents = dict(found.order_by().values_list("month").annotate(cents=Sum("revenue_cents")))
    return [(month, int(cents.get(month, 0))) for month in months]


def _months_before(first_of_month: date, n: int) -> date:
    months = first_of_month.year * 12 + first_of_month.month - 1 - n
    return date(months // 12, months % 12 + 1, 1)
