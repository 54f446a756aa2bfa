"""The clients behind a number: every figure of the panel opens as rows."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from accounts.arrays import array
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.events import credited_events
from portfolio.selectors.figures.reach import MOVED
from portfolio.selectors.figures.risk import SCORED, scored_values
from portfolio.selectors.figures.span import People, Span, asked, bought, held, rows, scope, sold, standing
from portfolio.selectors.figures.standing import GROUPED, GROUPS

EVENTS = ("inactivated", "won_back", "new", "lost")
REACHED = ("buyers", "missing", "visited", "unvisited")
WHATS = ("revenue", *REACHED, *GROUPS, "turning", "at_risk", *EVENTS, "nobody", "unkept", "given")
ADDING = frozenset({"revenue", "at_risk"})  # numbers of cents; the others count clients
PER_PAGE = 50


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
            WHERE organization_id = %(organization)s AND visited_on BETWEEN %(since)s AND %(until)s"""


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
    """The clients behind the number ``what``, those that add most first; two statements.

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
    given: dict[str, Any] = scored_values(as_of, limits, people) | asked(span, people, what=what, state=state)
    given |= {"within": array(within or ()), "size": per_page, "offset": (page - 1) * per_page}
    # Who is behind the number is looked up once; what is shown of them, of one page. Those that add as much as each other come by
    # what they bought in a year only where none adds more than another, and all of them are joined with what is needed alone.
    visible, year, clients_too, years_too = "TRUE", "NULL::bigint", "", ""
    if within is not None:
        visible = "coalesce(c.representative_id = ANY(%(within)s::bigint[]), FALSE)"
        clients_too = "JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = f.client_id"
    if what not in ADDING:
        year = "a.net_12m_cents"
        years_too = "LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = f.client_id"
    statement = f"""WITH {_found(what, span, limits, people, state)}, behind AS MATERIALIZED (
    SELECT f.client_id AS id, f.cents, {year} AS net_12m_cents, {visible} AS visible FROM found f {clients_too} {years_too}
), page AS MATERIALIZED (
    SELECT id, cents, row_number() OVER () AS place FROM (
        SELECT id, cents FROM behind WHERE visible
         ORDER BY cents DESC NULLS LAST, net_12m_cents DESC NULLS LAST, id LIMIT %(size)s OFFSET %(offset)s) sorted
)
SELECT count(*), sum(cents)::bigint, count(*) FILTER (WHERE NOT visible), (sum(cents) FILTER (WHERE NOT visible))::bigint,
       (SELECT array_agg(id ORDER BY place) FROM page), (SELECT array_agg(cents ORDER BY place) FROM page) FROM behind"""  # noqa: S608
    ((clients, cents, elsewhere, elsewhere_cents, ids, each),) = rows(statement, given)
    added = dict(zip(ids or (), each or (), strict=True))
    shown = {row[0]: row for row in rows(_SHOWN, {"organization": given["organization"], "clients": array(added)})} if added else {}
    return Behind([ClientBehind._make((*shown[pk], added[pk])) for pk in added], clients, cents, elsewhere, elsewhere_cents)


_SHOWN = """
SELECT c.id, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, c.representative_id, coalesce(r.code || ' ' || r.name, ''),
       a.last_on, coalesce(a.net_12m_cents, 0)
  FROM clients_client c LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = c.representative_id
  LEFT JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
 WHERE c.organization_id = %(organization)s AND c.id = ANY(%(clients)s::bigint[])"""
