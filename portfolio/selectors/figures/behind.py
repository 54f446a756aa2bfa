"""The clients behind a number: every figure of the panel opens as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from accounts.arrays import array
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.events import credited_events
from portfolio.selectors.figures.kept import kept_figures
from portfolio.selectors.figures.reach import MOVED, Reached
from portfolio.selectors.figures.risk import SCORED, scored_values
from portfolio.selectors.figures.span import Clients, People, Span, asked, bought, held, only, rows, scope, sold, standing
from portfolio.selectors.figures.standing import GROUPED, GROUPS

EVENTS = ("inactivated", "won_back", "new", "lost")
REACHED = ("buyers", "missing", "visited", "unvisited")
WHATS = ("revenue", *REACHED, *GROUPS, "turning", "at_risk", *EVENTS, "nobody", "unkept", "given")
ADDING = frozenset({"revenue", "at_risk"})  # numbers of cents; the others count clients
PER_PAGE = 50
# From so many on, who comes first is looked for among the best clients of the company, before all are sorted.
MANY = 5_000
LONG = 20  # times as long as what is shown of it and what comes before
MOST_PLACES = 1_000  # as far as that is tried
MOST_MOVED = 10_000
BEST_A_PLACE = 4  # so many of them are looked at, beside the first
BEST_FIRST = 1_000


class ClientBehind(NamedTuple):
    """A client behind a number; ``cents`` is what it adds to it, None where the number counts clients."""

    pk: int
    name: str
    city: str
    state: str
    representative_id: int | None
    representative: str
    last_on: date | None
    net_12m_cents: int
    cents: int | None


@dataclass(frozen=True)
class Behind:
    """One page of the clients, and how many and how much there are in all. ``elsewhere``: of them, those the reader may not see now."""

    rows: list[ClientBehind]
    clients: int
    cents: int | None
    elsewhere: int
    elsewhere_cents: int | None


_BOUGHT = "SELECT client_id FROM bought"
_SEEN = """SELECT DISTINCT client_id FROM portfolio_visit
            WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s
              AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))"""


def _found(what: str, span: Span, limits: Limits, people: People, state: str | None) -> str:
    """CTEs that end in "found" (client_id, cents): those behind ``what``."""
    mine = scope(people, "representative_id")
    if what == "revenue":
        place = (
            ""
            if state is None
            else "JOIN clients_client p ON p.organization_id = %(organization)s AND p.id = client_id AND p.state = %(state)s"
        )
        return f"""{sold(span)}, found AS (SELECT client_id, sum(revenue_cents)::bigint AS cents FROM
            (SELECT * FROM sold WHERE {mine}) s {place} GROUP BY client_id)"""  # noqa: S608 - constants
    if what in REACHED:
        done, word = (_BOUGHT, "IN") if what == "buyers" else (_BOUGHT, "NOT IN") if what == "missing" else (_SEEN, "IN")
        word = "NOT IN" if what == "unvisited" else word
        return f"""{bought(span)}, {held(span)}, found AS (SELECT client_id, NULL::bigint AS cents FROM held
            WHERE {mine} AND client_id {word} ({done}))"""  # noqa: S608 - constants
    if what == "nobody":
        return f"{standing(span)}, found AS (SELECT client_id, NULL::bigint AS cents FROM standing WHERE representative_id IS NULL)"  # noqa: S608
    if what == "unkept":
        return f"""found AS (SELECT DISTINCT client_id, NULL::bigint AS cents FROM portfolio_visit WHERE organization_id = %(organization)s
            AND planned_on BETWEEN %(since)s AND %(until)s AND visited_on IS NULL AND cancelled_at IS NULL AND {mine})"""  # noqa: S608
    if what == "given":
        whom = scope(people, "giver")
        return f"{MOVED}, found AS (SELECT DISTINCT client_id, NULL::bigint AS cents FROM moved WHERE giver IS NOT NULL AND {whom})"  # noqa: S608
    if what in EVENTS:
        events = credited_events(limits, people, each=False)
        return f"{events}, found AS (SELECT client_id, NULL::bigint AS cents FROM credited WHERE what = %(what)s AND {mine})"  # noqa: S608
    if what == "at_risk":
        return f"{SCORED}, found AS (SELECT client_id, round(year_cents * p)::bigint AS cents FROM scored WHERE {mine})"  # noqa: S608
    grouped = GROUPED.format(scope=scope(people, "c.representative_id"))
    which = "what = 'near_inactive' AND last_on <= %(as_of)s - %(inactive)s + 7" if what == "turning" else "what = %(what)s"
    return f"{grouped}, found AS (SELECT client_id, NULL::bigint AS cents FROM grouped WHERE {which})"  # noqa: S608 - constants


def clients_behind(
    what: str,
    span: Span,
    limits: Limits,
    people: People = None,
    *,
    as_of: date,
    within: People = None,
    state: str | None = None,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Behind:
    """The clients behind the number ``what``, those that add most first; two statements, up to seven where a long list's length is kept.

    Parameters
    ----------
    what : one of ``WHATS``
    people : whose number it is, as for the figures
    within : the representatives whose clients the reader may see (None: all); other clients are counted and not shown
    state : of the revenue, the part of one state of the country
    page : from 1 on

    Raises
    ------
    ValueError
        ``what`` is no number of the panel.
    """
    if what not in WHATS:
        raise ValueError(f"no number of the panel is called {what!r}")
    place = (page - 1) * per_page
    given: dict[str, Any] = scored_values(as_of, limits, people) | asked(span, people, what=what, state=state)
    given |= {"within": array(within or ()), "size": per_page, "offset": place}
    statement = _statement(what, span, limits, people, within, state)
    found = _among_the_best(what, span, people, within, statement, given) or _looked(statement, given)
    ids, each = found.page
    added = dict(zip(ids, each, strict=True))
    shown = {row[0]: row for row in rows(_SHOWN, {"organization": given["organization"], "clients": array(added)})} if added else {}
    behind = [ClientBehind._make((*shown[pk], added[pk])) for pk in added]
    return Behind(behind, found.clients, found.cents, found.elsewhere, found.elsewhere_cents)


class _Found(NamedTuple):
    clients: int
    cents: int | None
    elsewhere: int
    elsewhere_cents: int | None
    page: tuple[list[int], list[int | None]]  # clients, and what each adds


def _looked(statement: str, given: Mapping[str, Any]) -> _Found:
    ((clients, cents, elsewhere, elsewhere_cents, ids, each),) = rows(statement, given)
    return _Found(clients, cents, elsewhere, elsewhere_cents, (ids or [], each or []))


def _statement(what: str, span: Span, limits: Limits, people: People, within: People, state: str | None) -> str:
    # Who is behind the number is looked up once; what is shown of them, of one page. Those that add as much as each other come by
    # what they bought in a year only where none adds more than another, and all of them are joined with what is needed alone.
    visible, year, clients_too, years_too = "TRUE", "NULL::bigint", "", ""
    if within is not None:
        visible = "coalesce(c.representative_id = ANY(%(within)s::bigint[]), FALSE)"
        clients_too = "JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = f.client_id"
    if what not in ADDING:
        year = "a.net_12m_cents"
        years_too = "LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = f.client_id"
    return f"""WITH {_found(what, span, limits, people, state)}, behind AS MATERIALIZED (
    SELECT f.client_id AS id, f.cents, {year} AS net_12m_cents, {visible} AS visible FROM found f {clients_too} {years_too}
), page AS MATERIALIZED (
    SELECT id, cents, row_number() OVER () AS place FROM (
        SELECT id, cents FROM behind WHERE visible
         ORDER BY cents DESC NULLS LAST, net_12m_cents DESC NULLS LAST, id LIMIT %(size)s OFFSET %(offset)s) sorted
)
SELECT count(*), sum(cents)::bigint, count(*) FILTER (WHERE NOT visible), (sum(cents) FILTER (WHERE NOT visible))::bigint,
       (SELECT array_agg(id ORDER BY place) FROM page), (SELECT array_agg(cents ORDER BY place) FROM page) FROM behind"""  # noqa: S608


def _among_the_best(what: str, span: Span, people: People, within: People, statement: str, given: Mapping[str, Any]) -> _Found | None:
    """The same without going through a long list: its length is kept, and who bought most in a year comes first in it.

    So the same statement is asked of the company's best clients alone: as many of the list as are found there are its beginning. None
    where the length is not kept, the list is short, or too few of the best are on it. Which of the list's clients the reader may not
    see now is asked of those that changed hands since.
    """
    place = given["offset"] + given["size"]
    if what not in REACHED or span.now or place > MOST_PLACES or (within is not None and not {*(people or (None,))} <= {*within}):
        return None
    kept = kept_figures("reached", Reached, span, people)
    if kept is None:
        return None
    of = kept.total
    clients = {"buyers": of.buyers, "missing": of.clients - of.buyers, "visited": of.visited, "unvisited": of.clients - of.visited}[what]
    if clients < max(MANY, LONG * place):
        return None
    elsewhere = 0
    if within is not None:
        since = [row[0] for row in rows(_CHANGED_HANDS, dict(given) | {"most": MOST_MOVED + 1})]
        if len(since) > MOST_MOVED:
            return None
        elsewhere = _looked(statement, dict(given) | only(since) | {"size": 0}).elsewhere if since else 0
    best: Clients = [row[0] for row in rows(_BEST, dict(given) | {"most": BEST_A_PLACE * place + BEST_FIRST})]
    found = _looked(statement, dict(given) | only(best))
    return None if found.clients - found.elsewhere < place else _Found(clients, None, elsewhere, None, found.page)


_BEST = """SELECT client_id FROM clients_clientactivity WHERE organization_id = %(organization)s
            ORDER BY net_12m_cents DESC, client_id LIMIT %(most)s"""
_CHANGED_HANDS = """SELECT client_id FROM portfolio_ownership WHERE organization_id = %(organization)s AND started_on <= %(until)s
                       AND ended_on > %(until)s AND representative_id = ANY(%(people)s::bigint[]) LIMIT %(most)s"""
_SHOWN = """
SELECT c.id, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, c.representative_id, coalesce(r.code || ' ' || r.name, ''),
       a.last_on, coalesce(a.net_12m_cents, 0)
  FROM clients_client c LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = c.representative_id
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
 WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s::bigint[])"""
