"""How the base of clients grows and shrinks: turned inactive, won back, new, lost; and its composition by ABC class."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.arrays import array
from accounts.tenancy import active_organization_id
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.events import counts, credited_events
from portfolio.selectors.figures.kept import added, kept_figures, kept_today
from portfolio.selectors.figures.span import Figures, People, Span, asked, gathered, rows, scope, share

CLASSES = ("A", "B", "C", "")


@dataclass(frozen=True)
class Movement:
    """What became of the clients within a span; a client counts once in each, for who answered for it on the day it happened.

    At the start (the end of the day before): ``customers`` had bought and were not lost, ``active`` of them were not inactive
    either; ``inactive`` are all those beyond the limit, lost ones too. ``inactivated``: of the active, those that crossed the limit;
    ``lost``: of the customers, those that crossed the limit of the lost, were declared lost or were discarded, on the first such day.
    ``won_back``: valid order after being inactive or lost; ``new``: first valid order.
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


def movement_family(limits: Limits) -> str:
    """What the movement under these limits is kept as; another name than when clients declared lost did not count."""
    return f"movement said {limits.inactive} {limits.lost}"


def movement(span: Span, limits: Limits, people: People = None, *, each: bool = True) -> Figures[Movement]:
    """What became of the clients in the span: as kept, or counted. Without ``each`` no more than the total is asked for."""
    found = kept_figures(movement_family(limits), Movement, span, people)
    return found or movement_counted(span, limits, people, each=each)


def movement_counted(span: Span, limits: Limits, people: People = None, *, each: bool = True) -> Figures[Movement]:
    """What became of the clients in the span; one statement. Without ``each`` only the total is made.

    A client is inactive on day t if t lies ``limits.inactive`` days or more after its last order day, so it crosses on the day
    that many days after an order with no other until then, that day included.
    """
    by = "GROUPING SETS ((representative_id), ())" if each else "GROUPING SETS (())"
    whose = "grouping(representative_id), representative_id" if each else "1, NULL"
    statement = f"""WITH {credited_events(limits, people, at_start=True, each=each)}
SELECT {whose}, {counts(limits)} FROM credited WHERE {scope(people, "representative_id")} GROUP BY {by}"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people, inactive=limits.inactive, lost=limits.lost), Movement)


@dataclass(frozen=True)
class ClassShare:
    """Clients of one ABC class and their net revenue of twelve months; "" is the class of those that bought nothing net."""

    clients: int = 0
    revenue_cents: int = 0


def abc_composition(people: People = None, *, on: date | None = None) -> dict[str, ClassShare]:
    """Clients and revenue of twelve months by ABC class, discarded ones left out, as last refreshed; as kept, or counted.

    The class is the organization's (80 % and 95 % of its revenue), also within a team.

    Parameters
    ----------
    on : the organization's day, for which they may be kept; None counts them
    """
    kept = kept_today("abc", on, people) if on else None
    sums = added([row[1:] for row in (abc_counted(people, each=False) if kept is None else kept)]) or [0] * 2 * len(CLASSES)
    return {abc: ClassShare(sums[2 * n], sums[2 * n + 1]) for n, abc in enumerate(CLASSES)}


def abc_counted(people: People = None, *, each: bool = True) -> list[tuple[Any, ...]]:
    """By representative, clients and their revenue for each of ``CLASSES``; one statement. Without ``each`` of all, under None."""
    if each or people is not None:
        of = f"""c.representative_id, a.abc, count(*), sum(a.net_12m_cents)::bigint FROM clients_clientactivity a
  JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = a.client_id
 WHERE a.organization_id = %(organization)s AND c.discarded_on IS NULL AND {scope(people, "c.representative_id")}"""
    else:  # of everybody the discarded few alone are looked for
        of = """NULL::bigint, a.abc, count(*), sum(a.net_12m_cents)::bigint FROM clients_clientactivity a
 WHERE a.organization_id = %(organization)s AND a.client_id NOT IN (
       SELECT id FROM clients_client WHERE organization_id = %(organization)s AND discarded_on IS NOT NULL)"""
    by: dict[int | None, list[int]] = {}
    values = {"organization": active_organization_id(), "people": array(people or ())}
    for person, abc, n, cents in rows(f"SELECT {of} GROUP BY 1, 2", values):
        place = 2 * CLASSES.index(abc)
        by.setdefault(person, [0] * 2 * len(CLASSES))[place : place + 2] = n, cents
    return [(person, *numbers) for person, numbers in by.items()]
