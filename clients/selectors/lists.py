"""One page of the clients a member sees: filtered, sorted, cut by keyset so that page 400 costs what page 1 does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, FilteredRelation, OrderBy, Q, QuerySet, Window

from clients.models import Client
from clients.models.score import HORIZON_DAYS
from clients.selectors.client_filter import SORTS, ClientFilter
from clients.selectors.lifecycle import SCORES_HOLD_DAYS, Lifecycle, Limits, lifecycle_of
from clients.selectors.matching import matching

COUNT_UP_TO = 10_000


class ListedClient(NamedTuple):
    """What a list shows of one client: a tenth of the columns, and no model instance, which costs more than the row's own text."""

    pk: int
    code: str
    name: str
    trade_name: str
    name_key: str
    city: str
    state: str
    blocked: bool
    discarded_on: date | None
    lost_silence: date | None
    representative_id: int | None
    representative_code: str | None
    representative_name: str | None
    last_on: date | None
    median_gap: float | None
    repeat_days: int | None  # None where nothing is known of its orders yet
    net_12m_cents: int | None
    abc: str | None
    last_visit_on: date | None
    scored_for: date | None  # None for one never scored
    scored_state: str | None
    p_silent: float | None
    p_alive: float | None  # None where days alone answered: then p_silent is no chance
    at_stake_cents: int | None

    @property
    def scored_at_risk_on(self) -> date | None:
        return self.scored_for if self.scored_state == Lifecycle.AT_RISK else None

    def lifecycle(self, *, as_of: date, limits: Limits) -> Lifecycle:
        """Its one state on a day, by all that the row knows: orders, score, and what a person declared."""
        return lifecycle_of(
            self.last_on,
            self.discarded_on,
            as_of=as_of,
            limits=limits,
            scored_at_risk_on=self.scored_at_risk_on,
            lost_silence=self.lost_silence,
        )

    def chance(self, *, as_of: date) -> float | None:
        """Of no order within the horizon; None where there is none, or the client ordered since, or it is of another week."""
        if self.p_alive is None or self.scored_for is None or self.last_on is None:
            return None
        return self.p_silent if self.scored_for >= max(self.last_on, as_of - timedelta(days=SCORES_HOLD_DAYS)) else None

    def __str__(self) -> str:
        return self.trade_name or self.name


# The columns of ListedClient, in its order.
COLUMNS = (
    "id", "code", "name", "trade_name", "name_key", "city", "state", "blocked", "discarded_on", "lost_silence", "representative_id",
    "representative__code", "representative__name", "activity__last_on", "activity__median_gap", "activity__repeat_days",
    "activity__net_12m_cents", "activity__abc", "activity__last_visit_on",
    "score__made_for", "score__state", "score__p_silent", "score__p_alive", "score__at_stake_cents",
)  # fmt: skip


@dataclass(frozen=True)
class ClientPage:
    rows: Sequence[ListedClient]
    after: str  # "" on the last page
    count: int  # up to COUNT_UP_TO + 1, which means "more"


def client_rows(
    clients: QuerySet[Client],
    wanted: ClientFilter,
    *,
    as_of: date,
    limits: Limits,
    few: bool = False,
    base: tuple[float, float] | None = None,
    counted: bool = True,
) -> ClientPage:
    """One page: two queries, or three where it is the last of a sorted list, however many clients there are.

    ``few`` says that ``clients`` are a few hundred, as one person's own are. A page that reads all of them anyway, to sort or
    to narrow by what they bought, then counts them on its way: one query. Without ``counted`` the count is that of the page.
    """
    found = _found(clients, wanted, as_of, limits, base)
    column, falling = SORTS[wanted.sort]
    if few and not wanted.after and _read_all(wanted):
        each = [(ListedClient(*values), count) for *values, count in _counted(found, wanted, column, falling)]
        return cut([row for row, _count in each], wanted, column, each[0][1] if each else 0)
    count = found[: COUNT_UP_TO + 1].count() if counted else 0
    rows = _listed(found, wanted, column, falling)
    return cut(rows, wanted, column, count if counted else len(rows))


def first_page(
    clients: QuerySet[Client], wanted: ClientFilter, *, as_of: date, limits: Limits, base: tuple[float, float] | None
) -> tuple[QuerySet[Client, Any], QuerySet[Client, Any] | None, str]:
    """What ``client_rows`` asks for the first page of few clients: the columns of the rows, what is counted beside them or None where
    the count is one column more, and what they are ordered by. Nothing is asked here.
    """
    found = _found(clients, wanted, as_of, limits, base)
    column, falling = SORTS[wanted.sort]
    if _read_all(wanted):
        return _counted(found, wanted, column, falling), None, column
    page = found.order_by(_order(column, falling), "id").values_list(*COLUMNS)[: wanted.size + 1]
    return page, found.values("pk")[: COUNT_UP_TO + 1], column


def _read_all(wanted: ClientFilter) -> bool:
    return wanted.sort != "name" or wanted.reads_orders


def _found(
    clients: QuerySet[Client], wanted: ClientFilter, as_of: date, limits: Limits, base: tuple[float, float] | None
) -> QuerySet[Client]:
    found = matching(clients, wanted, as_of=as_of, limits=limits, base=base)
    found = found.annotate(score=FilteredRelation("scores", condition=Q(scores__horizon=HORIZON_DAYS)))
    if wanted.sort == "stake":
        # Clients without a score have nothing at stake that is known; and only an inner join lets the index of stakes lead.
        found = found.filter(score__isnull=False)
    return found


def _listed(found: QuerySet[Client], wanted: ClientFilter, column: str, falling: bool) -> list[ListedClient]:
    """The rows of the page and one more, if there are.

    Only where clients without a value are left out may the index that holds the values in order lead, and a company's page
    costs what it shows; those without come last, in a query of their own where the others do not fill the page.
    """
    page, size = _from(found, column, falling, wanted.after), wanted.size + 1
    # What few clients have: walking the index until enough of them are met may be to walk all of it.
    if not column.startswith("activity__") or wanted.finds_few:
        return _read(page.order_by(_order(column, falling), "id"), size)
    order = F(column).desc() if falling else F(column).asc()
    rows = _read(page.filter(**{f"{column}__isnull": False}).order_by(order, "id"), size)
    if len(rows) < size:
        rows += _read(page.filter(**{f"{column}__isnull": True}).order_by("id"), size - len(rows))
    return rows


def _read(clients: QuerySet[Client], size: int) -> list[ListedClient]:
    return [ListedClient(*values) for values in clients.values_list(*COLUMNS)[:size]]


def _counted(found: QuerySet[Client], wanted: ClientFilter, column: str, falling: bool) -> QuerySet[Client, Any]:
    """The first page and beside each row how many there are in all, in one pass."""
    return found.order_by(_order(column, falling), "id").values_list(*COLUMNS, Window(Count("*")))[: wanted.size + 1]


def _order(column: str, falling: bool) -> OrderBy:
    if column.startswith("score__"):
        return F(column).desc()  # never absent, and the index has no other order
    return F(column).desc(nulls_last=True) if falling else F(column).asc(nulls_last=True)


def cut(rows: list[ListedClient], wanted: ClientFilter, column: str, count: int) -> ClientPage:
    """A page of the rows, which may be one more than it shows: then another follows."""
    more = len(rows) > wanted.size
    rows = rows[: wanted.size]
    return ClientPage(rows, _key(rows[-1], column) if more else "", count)


def _key(row: ListedClient, column: str) -> str:
    value = getattr(row, column.rpartition("__")[2])
    return f"{'' if value is None else value}|{row.pk}"


# How the value in a page's key is read back.
_TYPES: dict[str, Callable[[str], Any]] = {
    "name_key": str,
    "activity__last_on": date.fromisoformat,
    "activity__net_12m_cents": int,
    "score__at_stake_cents": int,
}


def _from(page: QuerySet[Any], column: str, falling: bool, after: str) -> QuerySet[Any]:
    value, _bar, last_id = after.rpartition("|")
    if not last_id.isdigit():
        return page
    if not value:  # within the rows without a value, which come last
        return page.filter(**{f"{column}__isnull": True}, id__gt=int(last_id))
    try:
        typed = _TYPES[column](value)
    except ValueError:
        return page
    beyond = Q(**{f"{column}__lt" if falling else f"{column}__gt": typed}) | Q(**{column: typed}, id__gt=int(last_id))
    return page.filter(beyond | Q(**{f"{column}__isnull": True}))
