"""How the clients stand on a day: the composition of the base, revenue by state of the country, what came and went month by month."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.arrays import array
from accounts.tenancy import active_organization_id
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.declared import DECLARED, stood_on
from portfolio.selectors.figures.events import kept
from portfolio.selectors.figures.kept import added, kept_months, kept_numbers, kept_today
from portfolio.selectors.figures.span import People, Span, asked, rows, scope, sold

# "Soon": within so many days.
SOON_DAYS = 7
# Every client that was not discarded is in exactly one; in the order in which they are shown.
GROUPS = ("active", "near_inactive", "inactive", "one_time", "delinquent", "former", "prospect", "credit_rejected")

# Parameters beside those of ``asked``: as_of and the days of the limits. The latest word on a client's credit decides.
_GROUP = """
CASE WHEN a.last_on IS NULL THEN CASE WHEN credit.refused THEN 'credit_rejected' ELSE 'prospect' END
     WHEN c.lost_silence >= a.last_on THEN CASE WHEN credit.overdue THEN 'delinquent' ELSE 'former' END
     WHEN a.last_on > %(as_of)s - %(warn)s THEN 'active'
     WHEN a.last_on > %(as_of)s - %(inactive)s THEN 'near_inactive'
     WHEN credit.overdue THEN 'delinquent'
     WHEN a.last_on <= %(as_of)s - %(lost)s THEN 'former'
     WHEN a.repeat_days = 0 THEN 'one_time'
     ELSE 'inactive' END"""
GROUPED = f"""
grouped AS (
    SELECT c.id AS client_id, c.representative_id, {_GROUP} AS what, a.net_12m_cents AS cents, a.last_on
      FROM clients_client c JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
      LEFT JOIN (SELECT DISTINCT ON (client_id) client_id, coalesce(overdue_cents, 0) > 0 AS overdue,
                        coalesce(restrictions, 0) > 0 AS refused
                   FROM clients_creditsnapshot WHERE organization_id = %(organization)s AND observed_on <= %(as_of)s
                  ORDER BY client_id, observed_on DESC) credit ON credit.client_id = c.id
     WHERE c.organization_id = %(organization)s AND (c.discarded_on IS NULL OR c.discarded_on > %(as_of)s) AND {{scope}}
)"""  # noqa: S608 - constants of this module


@dataclass(frozen=True)
class Group:
    """Clients in one group and their net revenue of twelve months."""

    clients: int = 0
    revenue_cents: int = 0


@dataclass(frozen=True)
class Composition:
    """The base by group (``GROUPS``), and how many of the near-inactive turn inactive within ``soon_days`` if they order nothing."""

    groups: dict[str, Group]
    turning: int
    soon_days: int

    @property
    def clients(self) -> int:
        return sum(group.clients for group in self.groups.values())


def standing_values(as_of: date, limits: Limits, people: People) -> dict[str, object]:
    """What the statements over ``GROUPED`` are given."""
    given = {"organization": active_organization_id(), "people": array(people or ()), "as_of": as_of}
    return given | {"warn": limits.warn, "inactive": limits.inactive, "lost": limits.lost}


def base_family(limits: Limits) -> str:
    """What the composition under these limits is kept as."""
    return f"base {limits.warn} {limits.inactive} {limits.lost}"


def composition(as_of: date, limits: Limits, people: People = None, *, soon_days: int = SOON_DAYS) -> Composition:
    """The base as it stands on ``as_of``, the organization's day: as kept for ``SOON_DAYS``, or counted.

    A client that stopped is delinquent if anything of it is overdue, else former beyond the limit of the lost, else a one-time
    buyer, else inactive. One that never bought is credit-rejected if its latest credit snapshot names restrictions, else a prospect.
    """
    known = kept_today(base_family(limits), as_of, people) if soon_days == SOON_DAYS else None
    found = composition_counted(as_of, limits, people, soon_days=soon_days) if known is None else known
    turning, *numbers = added([row[1:] for row in found]) or [0] * (1 + 2 * len(GROUPS))
    return Composition({what: Group(*numbers[2 * n : 2 * n + 2]) for n, what in enumerate(GROUPS)}, turning, soon_days)


def composition_counted(as_of: date, limits: Limits, people: People = None, *, soon_days: int = SOON_DAYS) -> list[tuple[Any, ...]]:
    """By representative, who is turning, then clients and their revenue for each of ``GROUPS``; one statement."""
    statement = f"""WITH {GROUPED.format(scope=scope(people, "c.representative_id"))}
SELECT representative_id, what, count(*), sum(cents)::bigint,
       count(*) FILTER (WHERE what = 'near_inactive' AND last_on <= %(as_of)s - %(inactive)s + %(soon)s)
  FROM grouped GROUP BY 1, 2"""  # noqa: S608 - constants
    by: dict[int | None, list[int]] = {}
    for person, what, clients, cents, turning in rows(statement, standing_values(as_of, limits, people) | {"soon": soon_days}):
        numbers, place = by.setdefault(person, [0] * (1 + 2 * len(GROUPS))), 1 + 2 * GROUPS.index(what)
        numbers[place : place + 2] = clients, cents
        numbers[0] += turning
    return [(person, *numbers) for person, numbers in by.items()]


@dataclass(frozen=True)
class Near:
    """Near-inactive clients, and those of them that turn inactive within ``soon_days`` if they order nothing."""

    clients: int
    turning: int
    soon_days: int


def near_inactive(as_of: date, limits: Limits, people: People = None, *, soon_days: int = SOON_DAYS) -> Near:
    """Who is near-inactive on ``as_of``, as in ``composition``; one statement over those days of the index of last orders."""
    clients = "SELECT id FROM clients_client WHERE organization_id = %(organization)s"
    whose = "" if people is None else f"AND client_id IN ({clients} AND {scope(people, 'representative_id')})"
    statement = f"""
SELECT count(*), count(*) FILTER (WHERE last_on <= %(as_of)s - %(inactive)s + %(soon)s) FROM clients_clientactivity
 WHERE organization_id = %(organization)s AND last_on > %(as_of)s - %(inactive)s AND last_on <= %(as_of)s - %(warn)s
   AND client_id NOT IN ({clients} AND discarded_on <= %(as_of)s) {whose}
   AND NOT EXISTS (SELECT FROM clients_clientstop s WHERE s.organization_id = %(organization)s AND s.lost_on <= %(as_of)s
                      AND s.lost_until IS NULL AND s.client_id = clients_clientactivity.client_id AND s.silent_since >= last_on)"""  # noqa: S608 - constants
    ((clients, turning),) = rows(statement, standing_values(as_of, limits, people) | {"soon": soon_days})
    return Near(clients, turning, soon_days)


@dataclass(frozen=True)
class StateSales:
    """Sales to the clients of one state of the country ("" where it is not known)."""

    state: str
    revenue_cents: int
    orders: int
    buyers: int


def sales_by_state(span: Span, people: People = None) -> list[StateSales]:
    """What was sold by the client's state, the greatest revenue first: as kept, or counted. Credited as ``sales``, so that it adds up."""
    if people is None and (numbers := kept_numbers("states", span)):
        return [StateSales(*row) for row in numbers["by"]]
    return states_counted(span, people)


def states_counted(span: Span, people: People = None) -> list[StateSales]:
    """``sales_by_state`` from the facts; one statement."""
    statement = f"""WITH {sold(span)}
SELECT c.state, sum(s.cents)::bigint, sum(s.orders)::bigint, count(*) FILTER (WHERE s.days > 0)
  FROM (SELECT client_id, sum(revenue_cents)::bigint AS cents, sum(orders) AS orders, max(order_days) AS days
          FROM sold WHERE {scope(people, "representative_id")} GROUP BY client_id) s
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
 GROUP BY c.state ORDER BY 2 DESC, 1"""  # noqa: S608 - constants
    return [StateSales(*row) for row in rows(statement, asked(span, people))]


@dataclass(frozen=True)
class Turnover:
    """Clients that began, came back and turned inactive in one month."""

    month: date
    new: int = 0
    won_back: int = 0
    inactivated: int = 0

    @property
    def net(self) -> int:
        return self.new + self.won_back - self.inactivated


# What came and went, from every order day or from the silences that ended: (client_id, what, day) in "event", left open.
_TURNS = f"""{DECLARED},
day AS (
    SELECT client_id, ordered_on AS day FROM clients_order
     WHERE organization_id = %(organization)s AND status <> 'cancelled'
       AND ordered_on >= %(since)s - %(inactive)s AND ordered_on <= %(until)s
     GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0
), step AS (
    SELECT client_id, day, lag(day) OVER one AS previous, lead(day) OVER one AS next
      FROM day WINDOW one AS (PARTITION BY client_id ORDER BY day)
), event AS (
    SELECT client_id, 'inactivated' AS what, day + %(inactive)s AS day FROM step
     WHERE (next IS NULL OR next > day + %(inactive)s) AND day + %(inactive)s BETWEEN %(since)s AND %(until)s
       AND NOT {stood_on("step.client_id", "day + %(inactive)s")}
    UNION ALL SELECT s.client_id, CASE WHEN a.first_on < s.day THEN 'won_back' ELSE 'new' END, s.day FROM step s
      JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = s.client_id
     WHERE s.day >= %(since)s AND (s.previous IS NULL OR s.day > s.previous + %(inactive)s)
    UNION ALL SELECT client_id, 'won_back', back_on FROM declared WHERE back_on >= %(since)s"""  # noqa: S608 - constants
_ENDED = f"""{DECLARED},
event AS (
    SELECT client_id, 'inactivated' AS what, since_on + %(inactive)s AS day FROM clients_clientsilence
     WHERE organization_id = %(organization)s AND until_on > %(since)s AND until_on > since_on + %(inactive)s
       AND since_on BETWEEN %(since)s - %(inactive)s AND %(until)s - %(inactive)s
       AND NOT {stood_on("clients_clientsilence.client_id", "since_on + %(inactive)s")}
    UNION ALL SELECT client_id, 'inactivated', last_on + %(inactive)s FROM clients_clientactivity
     WHERE organization_id = %(organization)s AND last_on BETWEEN %(since)s - %(inactive)s AND %(until)s - %(inactive)s
       AND NOT {stood_on("clients_clientactivity.client_id", "last_on + %(inactive)s")}
    UNION ALL SELECT client_id, CASE WHEN since_on IS NULL THEN 'new' ELSE 'won_back' END, until_on FROM clients_clientsilence
     WHERE organization_id = %(organization)s AND until_on BETWEEN %(since)s AND %(until)s
       AND (since_on IS NULL OR until_on > since_on + %(inactive)s)
    UNION ALL SELECT d.client_id, 'won_back', min(d.back_on) FROM declared d
     WHERE d.back_on >= %(since)s AND NOT EXISTS (
        SELECT FROM clients_clientsilence s WHERE s.organization_id = %(organization)s AND s.client_id = d.client_id
           AND s.until_on > s.since_on + %(inactive)s AND date_trunc('month', s.until_on) = date_trunc('month', d.back_on))
     GROUP BY d.client_id, date_trunc('month', d.back_on)"""  # noqa: S608 - constants


def turnover(span: Span, limits: Limits, people: People = None) -> list[Turnover]:
    """What came and went in each month of the span, in order; one statement.

    A client counts once a month in each, for who answered for it on the day. As in ``movement``, but one that begins or comes back
    within a month and falls silent in the same (with a limit under a month) counts as turned inactive too.
    """
    ledger, counted = "", "count(*)"
    if people is not None:
        ledger = """JOIN portfolio_ownership w ON w.organization_id = %(organization)s AND w.client_id = e.client_id
            AND w.started_on <= e.day AND (w.ended_on IS NULL OR w.ended_on > e.day)"""
    if not kept(limits):
        counted = "count(DISTINCT client_id)"  # under a limit of days one falls silent twice in a month
    statement = f"""
WITH {_ENDED if kept(limits) else _TURNS}), credited AS (
    SELECT e.client_id, e.what, date_trunc('month', e.day)::date AS month FROM event e
      {ledger} LEFT JOIN (SELECT id, discarded_on FROM clients_client
                           WHERE organization_id = %(organization)s AND discarded_on IS NOT NULL) gone ON gone.id = e.client_id
     WHERE (gone.id IS NULL OR e.day < gone.discarded_on) AND {scope(people, "w.representative_id")}
)
SELECT month, {counted} FILTER (WHERE what = 'new'), {counted} FILTER (WHERE what = 'won_back'),
       {counted} FILTER (WHERE what = 'inactivated') FROM credited GROUP BY month"""  # noqa: S608 - constants
    found = {row[0]: Turnover(*row) for row in rows(statement, asked(span, people, inactive=limits.inactive))}
    return [found.get(month, Turnover(month)) for month in span.each_month()]


def visits_by_month(span: Span, people: People = None) -> list[tuple[date, int]]:
    """Visits done in each month of the span, in order; two statements."""
    months = span.each_month()
    found = {month: numbers[0] if numbers else 0 for month, numbers in kept_months("visits", span, people).items()}
    if len(found) < len(months):
        statement = f"""
SELECT date_trunc('month', visited_on)::date, sum(n)::int FROM (
    SELECT visited_on, count(*) AS n FROM portfolio_visit
     WHERE organization_id = %(organization)s AND visited_on BETWEEN %(from)s AND %(until)s AND {scope(people, "representative_id")}
     GROUP BY visited_on) day
 GROUP BY 1"""  # noqa: S608 - constants
        missing = min(month for month in months if month not in found)
        found = dict(rows(statement, asked(span, people) | {"from": missing})) | found
    return [(month, found.get(month, 0)) for month in months]
