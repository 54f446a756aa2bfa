"""The days a figure speaks of, whose figures, and what every statement here is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from django.db import connection

from accounts.arrays import array
from accounts.tenancy import active_organization_id

T = TypeVar("T")
# Whoever is meant, None for everyone; also what no one is credited with then.
People = Sequence[int] | None
# Only these clients, None for any.
Clients = Sequence[int] | None


def _months_from(month: date, n: int) -> date:
    """The first day of the month ``n`` after (before, if negative) that of ``month``."""
    whole = month.year * 12 + month.month - 1 + n
    return date(whole // 12, whole % 12 + 1, 1)


@dataclass(frozen=True)
class Span:
    """The days from ``since``, the first of a month, to ``until``, included.

    ``cut`` says that the last month went on after ``until`` and the days beyond must not be counted: as when a month
    still running is compared with the same days of the one before. A month cut only by the present is not ``cut``.
    ``now`` says that ``until`` is the organization's today: who answers for a client then stands on the client itself.
    """

    since: date
    until: date
    cut: bool = False
    now: bool = False

    def __post_init__(self) -> None:
        if self.since.day != 1 or self.until < self.since:
            raise ValueError(f"a span begins on the first of a month and ends no earlier: {self.since} to {self.until}")

    @classmethod
    def months(cls, first: date, last: date, *, as_of: date) -> "Span":
        """From the month of ``first`` to that of ``last``, both included, and no later than ``as_of``, the organization's day.

        Raises
        ------
        ValueError
            The first month is after the last, or after ``as_of``.
        """
        until = min(_months_from(last, 1) - timedelta(days=1), as_of)
        return cls(first.replace(day=1), until, now=until == as_of)

    @classmethod
    def month(cls, day: date, *, as_of: date) -> "Span":
        """The month of ``day``, up to ``as_of``."""
        return cls.months(day, day, as_of=as_of)

    @property
    def n_months(self) -> int:
        return self.until.year * 12 + self.until.month - self.since.year * 12 - self.since.month + 1

    @property
    def last_month(self) -> date:
        return self.until.replace(day=1)

    @property
    def partial(self) -> bool:
        """Whether the last month is not there to its end."""
        return self.until != _months_from(self.until, 1) - timedelta(days=1)

    def before(self) -> "Span":
        """As many months just before, up to the same day of the last month where this one is partial."""
        since, last = _months_from(self.since, -self.n_months), _months_from(self.until, -self.n_months)
        end = _months_from(last, 1) - timedelta(days=1)
        until = min(last.replace(day=1) + timedelta(days=self.until.day - 1), end) if self.partial else end
        return Span(since, until, cut=until != end)

    def before_last(self) -> "Span":
        """As many months, ending with the one before its last."""
        end = self.last_month - timedelta(days=1)
        return Span(_months_from(self.since, -1), end)

    def each_month(self) -> list[date]:
        """The first days of its months, in order."""
        return [_months_from(self.since, n) for n in range(self.n_months)]


@dataclass(frozen=True)
class Figures(Generic[T]):
    """One family of figures: of all people asked for together, and of each.

    ``total`` is counted anew, not added up: a product two people sold is one product. Under None, where everyone was
    asked for, what nobody answered for.
    """

    total: T
    by: Mapping[int | None, T] = field(default_factory=dict)


def share(part: int, whole: int) -> float | None:
    """``part`` of ``whole``, from 0 to 1; None where there is no whole."""
    return part / whole if whole else None


def scope(people: People, column: str) -> str:
    """The condition that keeps the rows of those people."""
    return "TRUE" if people is None else f"{column} = ANY(%(people)s::bigint[])"


def asked(span: Span, people: People, **more: Any) -> dict[str, Any]:
    """What a statement of a span is given. ``days_from``: the first day read from the orders, after the whole months' summaries."""
    days_from = span.last_month if span.cut else span.until + timedelta(days=1)
    given = {"organization": active_organization_id(), "people": array(people or ()), "since": span.since, "until": span.until}
    return given | {"days_from": days_from, "before": span.since - timedelta(days=1), "clients": None} | more


def only(clients: Clients) -> dict[str, Any]:
    """What narrows a statement of ``sold``, ``standing`` or ``mix`` to those clients, for ``asked``."""
    return {"clients": None if clients is None else array(clients)}


def rows(statement: str, values: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def gathered(statement: str, values: Mapping[str, Any], make: type[T]) -> Figures[T]:
    """Rows of (grouping, representative, numbers of ``make``...): grouping 1 is the total."""
    total: T = make()
    by: dict[int | None, T] = {}
    for grouping, representative, *numbers in rows(statement, values):
        figure = make(*(int(number or 0) for number in numbers))
        if grouping:
            total = figure
        else:
            by[representative] = figure
    return Figures(total, by)


# What was sold to whom: whole months from the monthly summary, the days of a cut month from the orders.
_MONTHS_SOLD = """
    SELECT client_id, representative_id, orders, order_days, revenue_cents FROM clients_clientmonth
     WHERE organization_id = %(organization)s AND month >= %(since)s AND month <= %(until)s AND month < %(days_from)s
       AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))"""
_DAYS_SOLD = """
    SELECT client_id, representative_id, sum(orders)::int, (count(*) FILTER (WHERE net > 0))::int, sum(net)::bigint FROM (
        SELECT client_id, representative_id, ordered_on, count(*) FILTER (WHERE status = 'valid') AS orders, sum(net_cents) AS net
          FROM clients_order
         WHERE organization_id = %(organization)s AND ordered_on >= %(days_from)s AND ordered_on <= %(until)s AND status <> 'cancelled'
           AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
         GROUP BY client_id, representative_id, ordered_on) day
     GROUP BY client_id, representative_id"""


def sold(span: Span) -> str:
    """CTE "sold": orders, order days and net revenue by client and representative credited, a row a whole month and one of the days."""
    # Each row of a union passes two more steps: at half a million rows a year's months cost a third more with it.
    return f"sold AS ({_MONTHS_SOLD}{' UNION ALL' + _DAYS_SOLD if span.cut else ''})"


_LAST_ORDERS = """
bought AS (
    SELECT client_id FROM clients_clientactivity WHERE organization_id = %(organization)s AND last_on >= %(since)s
       AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
)"""


def bought(span: Span) -> str:
    """CTEs that end in "bought": each client with an order day in the span, once. Up to now, the day of its last order tells."""
    if span.now:
        return _LAST_ORDERS
    return f"{sold(span)}, bought AS (SELECT DISTINCT client_id FROM sold WHERE order_days > 0)"  # noqa: S608 - constants


_LEDGER = """
standing AS (
    SELECT c.id AS client_id, w.representative_id FROM clients_client c
      LEFT JOIN portfolio_ownership w ON w.organization_id = %(organization)s AND w.client_id = c.id
            AND w.started_on <= %(until)s AND (w.ended_on IS NULL OR w.ended_on > %(until)s)
     WHERE c.organization_id = %(organization)s AND (c.discarded_on IS NULL OR c.discarded_on > %(until)s)
       AND (w.client_id IS NOT NULL OR c.registered_on IS NULL OR c.registered_on <= %(until)s)
       AND (%(clients)s::bigint[] IS NULL OR c.id = ANY(%(clients)s::bigint[]))
)"""
_MIRROR = """
standing AS (
    SELECT id AS client_id, representative_id FROM clients_client
     WHERE organization_id = %(organization)s AND (discarded_on IS NULL OR discarded_on > %(until)s)
       AND (representative_id IS NOT NULL OR registered_on IS NULL OR registered_on <= %(until)s)
       AND (%(clients)s::bigint[] IS NULL OR id = ANY(%(clients)s::bigint[]))
)"""


def standing(span: Span) -> str:
    """CTE "standing": every client that counts on the last day and who answers for it then, None for nobody.

    Discarded ones have left all denominators. Today the mirror of the ledger tells, which is half the reading.
    """
    return _MIRROR if span.now else _LEDGER


# Those that left by the span's last day: few, and read by themselves. NULLs never come, so that NOT IN is a hash.
_GONE = "SELECT id FROM clients_client WHERE organization_id = %(organization)s AND discarded_on <= %(until)s"


def held(span: Span) -> str:
    """CTE "held": the clients of ``standing`` somebody answers for, without going through those nobody does."""
    if span.now:
        return f"""
held AS (
    SELECT id AS client_id, representative_id FROM clients_client
     WHERE organization_id = %(organization)s AND representative_id IS NOT NULL AND id NOT IN ({_GONE})
       AND (%(clients)s::bigint[] IS NULL OR id = ANY(%(clients)s::bigint[]))
)"""  # noqa: S608 - constants
    return f"""
held AS (
    SELECT client_id, representative_id FROM portfolio_ownership
     WHERE organization_id = %(organization)s AND started_on <= %(until)s AND (ended_on IS NULL OR ended_on > %(until)s)
       AND client_id NOT IN ({_GONE}) AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
)"""  # noqa: S608 - constants
