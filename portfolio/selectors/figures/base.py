"""How the base of clients grows and shrinks: turned inactive, won back, new, lost; and its composition by ABC class."""

from dataclasses import dataclass

from accounts.arrays import array
from accounts.tenancy import active_organization_id
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.span import Figures, People, Span, asked, gathered, rows, scope, share

CLASSES = ("A", "B", "C", "")


@dataclass(frozen=True)
class Movement:
    """What became of the clients within a span; a client counts once in each, for who answered for it on the day it happened.

    At the start (the end of the day before): ``customers`` had bought and were not lost, ``active`` of them were not inactive
    either; ``inactive`` are all those beyond the limit, lost ones too. ``inactivated``: of the active, those that crossed the limit;
    ``lost``: of the customers, those that crossed the limit of the lost or were discarded. ``won_back``: valid order after being
    inactive; ``new``: first valid order.
    """

    customers: int = 0
    active: int = 0
    inactive: int = 0
    inactivated: int = 0
    lost: int = 0
    won_back: int = 0
    new: int = 0

    @property
    def inactivation_rate(self) -> float | None:
        """Taxa de inativação: active at the start that turned inactive, over active at the start."""
        return share(self.inactivated, self.active)

    @property
    def loss_rate(self) -> float | None:
        """Customers lost over customers at the start; of a month, the monthly loss rate."""
        return share(self.lost, self.customers)

    @property
    def won_back_rate(self) -> float | None:
        """Inactive that bought again over inactive at the start: all of them are taken as treated."""
        return share(self.won_back, self.inactive)

    @property
    def net_growth(self) -> float | None:
        """Crescimento líquido: new less lost, over customers at the start."""
        return share(self.new - self.lost, self.customers)


# What became of each client in a span: rows of (client_id, what, representative_id) in "credited", where ``what`` is a field of Movement.
# Given, beside what ``asked`` gives, the days of the limits.
CREDITED_EVENTS = """
day AS (
    SELECT client_id, ordered_on AS day FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on >= %(since)s - %(lost)s AND ordered_on <= %(until)s AND status <> 'cancelled'
     GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0
), step AS (
    SELECT client_id, day, lag(day) OVER one AS previous, lead(day) OVER one AS next
      FROM day WINDOW one AS (PARTITION BY client_id ORDER BY day)
), seen AS (
    SELECT client_id, max(day) FILTER (WHERE day < %(since)s) AS last_before,
           min(day + %(inactive)s) FILTER (WHERE day + %(inactive)s BETWEEN %(since)s AND %(until)s
                                             AND (next IS NULL OR next > day + %(inactive)s)) AS inactivated_on,
           min(day + %(lost)s) FILTER (WHERE day + %(lost)s BETWEEN %(since)s AND %(until)s
                                         AND (next IS NULL OR next > day + %(lost)s)) AS lost_on,
           min(day) FILTER (WHERE day >= %(since)s AND day > previous + %(inactive)s) AS won_back_on,
           min(day) FILTER (WHERE day >= %(since)s AND previous IS NULL) AS began_on
      FROM step GROUP BY client_id
), client AS (
    SELECT c.id AS client_id, c.discarded_on, a.first_on, s.last_before, s.inactivated_on, s.lost_on,
           CASE WHEN a.first_on < s.began_on THEN s.began_on ELSE s.won_back_on END AS won_back_on
      FROM clients_client c JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
      LEFT JOIN seen s ON s.client_id = c.id
     WHERE c.organization_id = %(organization)s AND a.first_on <= %(until)s AND (c.discarded_on IS NULL OR c.discarded_on >= %(since)s)
), event AS (
    SELECT client_id, 'customers' AS what, %(before)s::date AS day FROM client WHERE last_before >= %(since)s - %(lost)s
    UNION ALL SELECT client_id, 'active', %(before)s FROM client WHERE last_before >= %(since)s - %(inactive)s
    UNION ALL SELECT client_id, 'inactive', %(before)s FROM client
               WHERE first_on < %(since)s AND (last_before IS NULL OR last_before < %(since)s - %(inactive)s)
    UNION ALL SELECT client_id, 'inactivated', inactivated_on FROM client
               WHERE last_before >= %(since)s - %(inactive)s AND (discarded_on IS NULL OR inactivated_on < discarded_on)
    UNION ALL SELECT client_id, 'lost', least(lost_on, discarded_on) FROM client
               WHERE last_before >= %(since)s - %(lost)s AND (lost_on IS NOT NULL OR discarded_on <= %(until)s)
    UNION ALL SELECT client_id, 'won_back', won_back_on FROM client WHERE discarded_on IS NULL OR won_back_on < discarded_on
    UNION ALL SELECT client_id, 'new', first_on FROM client
               WHERE first_on >= %(since)s AND (discarded_on IS NULL OR first_on < discarded_on)
), credited AS (
    SELECT e.client_id, e.what, w.representative_id FROM event e
      LEFT JOIN portfolio_ownership w ON w.organization_id = %(organization)s AND w.client_id = e.client_id
            AND w.started_on <= e.day AND (w.ended_on IS NULL OR w.ended_on > e.day)
     WHERE e.day IS NOT NULL
)"""


def movement(span: Span, limits: Limits, people: People = None) -> Figures[Movement]:
    """What became of the clients in the span, from their order days; one statement.

    A client is inactive on day t if t lies ``limits.inactive`` days or more after its last order day, so it crosses on the day
    that many days after an order with no other until then, that day included.
    """
    statement = f"""WITH {CREDITED_EVENTS}
SELECT grouping(representative_id), representative_id, count(*) FILTER (WHERE what = 'customers'),
       count(*) FILTER (WHERE what = 'active'), count(*) FILTER (WHERE what = 'inactive'), count(*) FILTER (WHERE what = 'inactivated'),
       count(*) FILTER (WHERE what = 'lost'), count(*) FILTER (WHERE what = 'won_back'), count(*) FILTER (WHERE what = 'new')
  FROM credited WHERE {scope(people, "representative_id")} GROUP BY GROUPING SETS ((representative_id), ())"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people, inactive=limits.inactive, lost=limits.lost), Movement)


@dataclass(frozen=True)
class ClassShare:
    """Clients of one ABC class and their net revenue of twelve months; "" is the class of those that bought nothing net."""

    clients: int = 0
    revenue_cents: int = 0


def abc_composition(people: People = None) -> dict[str, ClassShare]:
    """Clients and revenue of twelve months by ABC class, discarded ones left out, as last refreshed; one statement.

    The class is the organization's (80 % and 95 % of its revenue), also within a team.
    """
    statement = f"""
SELECT a.abc, count(*), sum(a.net_12m_cents)::bigint FROM clients_clientactivity a
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = a.client_id
 WHERE a.organization_id = %(organization)s AND c.discarded_on IS NULL AND {scope(people, "c.representative_id")} GROUP BY a.abc"""  # noqa: S608
    found = {
        abc: ClassShare(n, cents)
        for abc, n, cents in rows(statement, {"organization": active_organization_id(), "people": array(people or ())})
    }
    return {abc: found.get(abc, ClassShare()) for abc in CLASSES}
