"""How the clients of a portfolio pay: who is overdue, how they are scored, and how restrictions came and went.

A client's credit on a day is the last snapshot on or before it; a figure the snapshot does not state is unknown.
Who answers for whom is as of that day too, discarded clients left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet

from accounts.tenancy import active_organization_id
from clients.models import CreditEvent
from portfolio.selectors.reports.scope import Scope, end_of, months_until

BAND = 100  # width of a bar of the histogram of scores; the last band is open above
BANDS = 10


@dataclass(frozen=True)
class Credit:
    """Clients, those whose credit is known, those overdue and by how many cents, and their restrictions added up."""

    clients: int = 0
    known: int = 0
    overdue: int = 0
    overdue_cents: int = 0
    restrictions: int = 0

    @property
    def share(self) -> float | None:
        """Inadimplência: clients overdue over all clients; None without clients."""
        return self.overdue / self.clients if self.clients else None

    def __add__(self, other: "Credit") -> "Credit":
        return Credit(
            self.clients + other.clients,
            self.known + other.known,
            self.overdue + other.overdue,
            self.overdue_cents + other.overdue_cents,
            self.restrictions + other.restrictions,
        )


# Who answered for whom on the day, and the last snapshot of each.
_STANDING = """
SELECT o.representative_id, o.client_id, s.observed_on, s.score, s.overdue_cents, s.restrictions
  FROM portfolio_ownership o
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = o.client_id
   AND (c.discarded_on IS NULL OR c.discarded_on > %(day)s)
  LEFT JOIN LATERAL (
       SELECT observed_on, score, overdue_cents, restrictions FROM clients_creditsnapshot
        WHERE organization_id = %(organization)s AND client_id = o.client_id AND observed_on <= %(day)s
        ORDER BY observed_on DESC LIMIT 1) s ON true
 WHERE o.organization_id = %(organization)s AND o.representative_id = ANY(%(representatives)s::bigint[])
   AND o.started_on <= %(day)s AND (o.ended_on IS NULL OR o.ended_on > %(day)s)
   AND (%(clients)s::bigint[] IS NULL OR o.client_id = ANY(%(clients)s::bigint[]))
"""
_BY_REPRESENTATIVE = f"""
SELECT representative_id, count(*), count(observed_on), count(*) FILTER (WHERE overdue_cents > 0),
       coalesce(sum(overdue_cents), 0)::bigint, coalesce(sum(restrictions), 0)::bigint
  FROM ({_STANDING}) standing GROUP BY representative_id
"""  # noqa: S608 - constants of this module
_SCORES = f"""
SELECT least(greatest(score, 0) / {BAND}, {BANDS - 1}) AS band, count(*) FROM ({_STANDING}) standing
 WHERE score IS NOT NULL GROUP BY band
"""  # noqa: S608 - constants of this module
# Each snapshot holds until the next one of its client: one pass over the snapshots, whatever the number of months.
_TREND = """
SELECT d.day, count(*), count(*) FILTER (WHERE s.restrictions > 0), coalesce(sum(s.restrictions), 0)::bigint,
       count(*) FILTER (WHERE s.overdue_cents > 0)
  FROM unnest(%(days)s::date[]) AS d(day)
  JOIN (SELECT client_id, observed_on, restrictions, overdue_cents,
               lead(observed_on) OVER (PARTITION BY client_id ORDER BY observed_on) AS next_on
          FROM clients_creditsnapshot WHERE organization_id = %(organization)s
           AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))) s
    ON s.observed_on <= d.day AND (s.next_on IS NULL OR s.next_on > d.day)
  JOIN portfolio_ownership o ON o.organization_id = %(organization)s AND o.client_id = s.client_id
   AND o.representative_id = ANY(%(representatives)s::bigint[])
   AND o.started_on <= d.day AND (o.ended_on IS NULL OR o.ended_on > d.day)
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
   AND (c.discarded_on IS NULL OR c.discarded_on > d.day)
 GROUP BY d.day
"""
_ROWS = f"""
SELECT t.client_id, c.code, c.name, c.trade_name, c.city, c.state, r.id, r.code, r.name,
       t.observed_on, t.score, t.overdue_cents, t.restrictions
  FROM ({_STANDING}) t
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = t.client_id
  JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = t.representative_id
 WHERE CASE %(what)s WHEN 'clients' THEN true WHEN 'known' THEN t.observed_on IS NOT NULL WHEN 'unknown' THEN t.observed_on IS NULL
       WHEN 'overdue' THEN t.overdue_cents > 0 WHEN 'restrictions' THEN t.restrictions > 0
       WHEN 'scored' THEN t.score IS NOT NULL
       WHEN 'band' THEN t.score IS NOT NULL AND least(greatest(t.score, 0) / {BAND}, {BANDS - 1}) = %(band)s END
 ORDER BY t.overdue_cents DESC NULLS LAST, t.restrictions DESC NULLS LAST, c.name_key, c.id
"""  # noqa: S608 - constants of this module
WHATS = ("clients", "known", "unknown", "overdue", "restrictions", "scored", "band")


def credit_by_representative(scope: Scope) -> dict[int, Credit]:
    """The credit of each representative's clients on the scope's last day, those without clients included; one query."""
    found = {pk: Credit() for pk in scope.representatives}
    found.update({row[0]: Credit(*row[1:]) for row in _read(_BY_REPRESENTATIVE, scope)})
    return found


def score_histogram(scope: Scope) -> list[int]:
    """Clients by score on the scope's last day: ``BANDS`` counts, 0 to 99, 100 to 199, ..., 900 and above; one query."""
    counts = dict(_read(_SCORES, scope))
    return [counts.get(band, 0) for band in range(BANDS)]


@dataclass(frozen=True)
class CreditMonth:
    """Of the clients whose credit was known at the month's end: how many, those restricted, restrictions in all, those overdue."""

    month: date
    known: int = 0
    restricted: int = 0
    restrictions: int = 0
    overdue: int = 0


def restriction_trend(scope: Scope, *, months: int = 12) -> list[CreditMonth]:
    """The last ``months`` months up to the scope's last day, oldest first, each as of its end or of that day; one query."""
    shown = months_until(scope.last, months)
    days = {min(end_of(month), scope.last): month for month in shown}
    found = {days[day]: CreditMonth(days[day], *rest) for day, *rest in _read(_TREND, scope, days=list(days))}
    return [found.get(month, CreditMonth(month)) for month in shown]


def credit_rows(scope: Scope, what: str, *, band: int = 0) -> list[tuple[Any, ...]]:
    """The clients behind a number, worst first; one query.

    Columns: client id, code, name, trade name, city, state, representative id, code, name, day of the snapshot, score,
    overdue cents, restrictions.

    Raises
    ------
    ValueError
        ``what`` is none of ``WHATS``.
    """
    if what not in WHATS:
        raise ValueError(f"no clients by credit {what!r}")
    return _read(_ROWS, scope, what=what, band=band)


def credit_events(scope: Scope) -> QuerySet[CreditEvent]:
    """What happened within the scope to the credit of clients that are now of its representatives, latest first."""
    rows = CreditEvent.objects.filter(scope.of_owner(), scope.of_client(), observed_on__range=(scope.first, scope.last))
    return rows.order_by("-observed_on", "client__name_key", "pk")


def events_by_kind(scope: Scope) -> list[tuple[str, int, int]]:
    """(event, how often, clients it happened to), most first; one query."""
    counted = credit_events(scope).order_by().values("event").annotate(n=Count("pk"), clients=Count("client_id", distinct=True))
    return sorted(((row["event"], row["n"], row["clients"]) for row in counted), key=lambda row: (-row[1], row[0]))


def credit_known(scope: Scope) -> bool:
    """Whether the organization has any snapshot or event at all; one query."""
    with connection.cursor() as cursor:
        tables = ("clients_creditsnapshot", "clients_creditevent")
        parts = [f"EXISTS (SELECT FROM {table} WHERE organization_id = %(organization)s)" for table in tables]
        cursor.execute(f"SELECT {' OR '.join(parts)}", {"organization": active_organization_id()})
        return bool(cursor.fetchone()[0])


def total(parts: Sequence[Credit]) -> Credit:
    """All of them as one."""
    return sum(parts, Credit())


def _read(query: str, scope: Scope, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, scope.sql() | {"organization": active_organization_id(), "day": scope.last} | values)
        return cursor.fetchall()
