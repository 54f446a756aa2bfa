"""How much of the portfolio was reached: positivação, coverage of visits and of sales; visits and what they brought; giro."""

from dataclasses import astuple, dataclass, replace

from portfolio.selectors.figures.kept import added, kept_by_month, kept_figures
from portfolio.selectors.figures.span import (
    Clients,
    Figures,
    People,
    Span,
    asked,
    bought,
    gathered,
    held,
    only,
    rows,
    scope,
    share,
    standing,
)


@dataclass(frozen=True)
class Reached:
    """The portfolio on the span's last day, and of it who bought and who was visited within the span, whoever sold or visited.

    In a total ``clients`` are those somebody answers for and ``registered`` all of them, those of nobody included; what is
    counted under ``buyers`` and ``visited`` are clients somebody answers for, under ``registered_buyers`` any.
    """

    clients: int = 0
    buyers: int = 0
    visited: int = 0
    registered: int = 0
    registered_buyers: int = 0

    @property
    def positivation(self) -> float | None:
        """Positivação: clients with a valid order over clients of the portfolio (210 of 300 are 70 %)."""
        return share(self.buyers, self.clients)

    @property
    def visit_coverage(self) -> float | None:
        """Cobertura de visitas: clients visited over clients of the portfolio (240 of 300 are 80 %)."""
        return share(self.visited, self.clients)

    @property
    def sales_coverage(self) -> float | None:
        """Cobertura de positivação: clients with a valid order over all clients registered, also those nobody answers for."""
        return share(self.registered_buyers, self.registered)


@dataclass(frozen=True)
class Positivated:
    """The clients somebody answers for on the span's last day, and of them those that bought within it: as in ``Reached``."""

    clients: int = 0
    buyers: int = 0

    @property
    def positivation(self) -> float | None:
        """Positivação: clients with a valid order over clients of the portfolio."""
        return share(self.buyers, self.clients)


@dataclass(frozen=True)
class Visits:
    """Visits by who made them: ``done``, ``with_order`` of them; ``planned`` for the span's days, cancelled ones out, ``kept`` of those."""

    done: int = 0
    with_order: int = 0
    planned: int = 0
    kept: int = 0

    @property
    def effectiveness(self) -> float | None:
        """Efetividade: visits with an order over visits."""
        return share(self.with_order, self.done)

    @property
    def fulfilment(self) -> float | None:
        """Cumprimento: of the visits planned, those done."""
        return share(self.kept, self.planned)


@dataclass(frozen=True)
class Moves:
    """Clients the giro took from and brought to somebody within the span, against those of the portfolio on its last day."""

    given: int = 0
    received: int = 0
    clients: int = 0

    @property
    def rotation(self) -> float | None:
        """Giro %: clients moved over clients of the portfolio."""
        return share(self.given, self.clients)


def positivated(span: Span, people: People = None) -> Positivated:
    """Positivação alone, of all people asked for together: as kept, or counted in one statement, a third of ``reached``."""
    if found := kept_figures("reached", Reached, span, people):
        return Positivated(found.total.clients, found.total.buyers)
    statement = f"""WITH {bought(span)}, {held(span)}
SELECT count(*), count(b.client_id) FROM held h LEFT JOIN bought b ON b.client_id = h.client_id
 WHERE {scope(people, "h.representative_id")}"""  # noqa: S608 - constants
    ((clients, buyers),) = rows(statement, asked(span, people, **only(None)))
    return Positivated(clients, buyers)


def reached(span: Span, people: People = None, clients: Clients = None, *, nobodys: bool = True, each: bool = True) -> Figures[Reached]:
    """Positivação and both coverages: as kept, or counted.

    A client belongs to whoever answers for it on the last day: one that bought and then changed hands counts for the new one,
    as in the goals, so that nobody is told to sell to who has just bought. Without ``nobodys``, clients nobody answers for are not
    looked at: ``registered`` is then of the portfolio alone. Without ``each`` no more than the total is asked for.
    """
    found = kept_figures("reached", Reached, span, people) if clients is None else None
    if found is None:
        return reached_counted(span, people, clients, nobodys=nobodys, each=each)
    return _with_nobodys(found, span, people) if nobodys else _without_nobodys(found)


def _without_nobodys(found: Figures[Reached]) -> Figures[Reached]:
    of = found.total
    by: dict[int | None, Reached] = {person: own for person, own in found.by.items() if person is not None}
    return Figures(Reached(of.clients, of.buyers, of.visited, of.clients, of.buyers), by)


def _with_nobodys(found: Figures[Reached], span: Span, people: People) -> Figures[Reached]:
    """Of days that are over, how many are registered is counted now: one taken in today, who knows since when, was so on any day."""
    if people is not None or span.now:
        return found
    ((registered,),) = rows(_REGISTERED, asked(span, None))
    of = found.total
    by: dict[int | None, Reached] = {person: own for person, own in found.by.items() if person is not None}
    if nobodys := registered - of.clients:
        by[None] = Reached(registered=nobodys, registered_buyers=of.registered_buyers - of.buyers)
    return Figures(replace(of, registered=registered), by)


# All of ``standing``, without who answers for each.
_REGISTERED = """
SELECT count(*) FROM clients_client c WHERE c.organization_id = %(organization)s AND (c.discarded_on IS NULL OR c.discarded_on > %(until)s)
   AND (c.registered_on IS NULL OR c.registered_on <= %(until)s OR EXISTS (
       SELECT FROM portfolio_ownership w WHERE w.organization_id = %(organization)s AND w.client_id = c.id
          AND w.started_on <= %(until)s AND (w.ended_on IS NULL OR w.ended_on > %(until)s)))"""


def reached_counted(
    span: Span, people: People = None, clients: Clients = None, *, nobodys: bool = True, each: bool = True
) -> Figures[Reached]:
    """``reached`` from the facts; one statement."""
    # Looked up in two hashes: joined, all that were visited would be made one by one first, and carried along in rows.
    statement = f"""WITH {bought(span)}, {standing(span) if nobodys else held(span)}, marked AS (
    SELECT representative_id, client_id IN (SELECT client_id FROM bought) AS bought, client_id IN (
        SELECT client_id FROM portfolio_visit
         WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s) AS visited
      FROM {"standing" if nobodys else "held"} WHERE {scope(people, "representative_id")}
)
SELECT {"0, representative_id" if each else "1, NULL"}, count(representative_id),
       count(representative_id) FILTER (WHERE bought), count(representative_id) FILTER (WHERE visited),
       count(*), count(*) FILTER (WHERE bought) FROM marked {"GROUP BY representative_id" if each else ""}"""  # noqa: S608 - constants
    found = gathered(statement, asked(span, people, **only(clients)), Reached)
    # A client is of one person: a second grouping of all would cost as much as the first.
    return Figures(Reached(*added([astuple(own) for own in found.by.values()])), found.by) if each else found


def visits(span: Span, people: People = None, *, each: bool = True) -> Figures[Visits]:
    """Visits done, with an order, planned and kept: as kept, or counted. Without ``each`` no more than the total is asked for."""
    found = kept_by_month("visits", Visits, span, people, visits_counted, each=each)
    return found or visits_counted(span, people, each=each)


def visits_counted(span: Span, people: People = None, *, each: bool = True) -> Figures[Visits]:
    """Visits done, with an order, planned and kept; one statement. Files say "order" for a sale, or tell its value."""
    whose = "grouping(representative_id), representative_id" if each else "1, NULL"
    statement = f"""
SELECT {whose}, count(*) FILTER (WHERE done), count(*) FILTER (WHERE done AND with_order),
       count(*) FILTER (WHERE NOT done), count(*) FILTER (WHERE NOT done AND with_order) FROM (
    SELECT TRUE AS done, representative_id, outcome IN ('sale', 'order') OR order_value_cents > 0 AS with_order FROM portfolio_visit
     WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT FALSE, representative_id, visited_on IS NOT NULL FROM portfolio_visit
     WHERE organization_id = %(organization)s AND planned_on BETWEEN %(since)s AND %(until)s
       AND (cancelled_at IS NULL OR visited_on IS NOT NULL)) visit
 WHERE {scope(people, "representative_id")} GROUP BY GROUPING SETS ({"(representative_id), " if each else ""}())"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people), Visits)


# Clients the giro brought to somebody in the span, and whom it took them from.
MOVED = """
moved AS (
    SELECT n.client_id, o.representative_id AS giver, n.representative_id AS taker FROM portfolio_ownership n
      LEFT JOIN portfolio_ownership o ON o.organization_id = %(organization)s AND o.client_id = n.client_id
            AND o.ended_on = n.started_on AND o.started_on < o.ended_on
     WHERE n.organization_id = %(organization)s AND n.source = 'rotation' AND n.started_on BETWEEN %(since)s AND %(until)s
       AND (n.ended_on IS NULL OR n.ended_on > n.started_on)
)"""


def visits_done(span: Span, people: People = None) -> int:
    """``visits(span, people).total.done`` alone: as kept, or counted in one statement."""
    if found := kept_by_month("visits", Visits, span, people, visits_counted, each=False):
        return found.total.done
    statement = f"""SELECT count(*) FROM portfolio_visit
 WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s AND {scope(people, "representative_id")}"""  # noqa: S608
    ((found,),) = rows(statement, asked(span, people))
    return int(found)


def moves(span: Span, people: People = None, *, each: bool = True) -> Figures[Moves]:
    """Clients moved by the giro: as kept, or counted. Without ``each`` no more than the total is asked for."""
    return kept_figures("moves", Moves, span, people, adds_up=False) or moves_counted(span, people, each=each)


def moves_counted(span: Span, people: People = None, *, each: bool = True) -> Figures[Moves]:
    """Clients moved by the giro; one statement.

    In a total each client counts once, as given if it left somebody asked for and as received if it came to one. Moves back by a
    reversal and by hand are no giro; an ownership of no days (given back on the day it began) moved nobody.
    """
    whose = "grouping(representative_id), representative_id" if each else "1, NULL"
    statement = f"""
WITH {held(span)}, {MOVED}, counted AS (
    SELECT giver AS representative_id, client_id, 'given' AS what, 0 AS clients FROM moved WHERE giver IS NOT NULL
    UNION ALL SELECT taker, client_id, 'received', 0 FROM moved
    UNION ALL SELECT representative_id, NULL, NULL, count(*) FROM held GROUP BY 1
)
SELECT {whose}, count(DISTINCT client_id) FILTER (WHERE what = 'given'),
       count(DISTINCT client_id) FILTER (WHERE what = 'received'), coalesce(sum(clients), 0)::bigint
  FROM counted WHERE {scope(people, "representative_id")}
 GROUP BY GROUPING SETS ({"(representative_id), " if each else ""}())"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people, **only(None)), Moves)
