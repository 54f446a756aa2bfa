"""A client's history in one line: orders, visits, talks, tasks, who answered for it and how it stood; one query, latest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from accounts.models import Organization
from clients.models import Client
from clients.selectors import Limits

PAGE = 30


class Place(NamedTuple):
    """Where an entry stands in the line; a page begins after the last place of the page before.

    Within a day: first what the day itself brought (a change of hands, a limit crossed), then what people did, by the
    clock, then orders, which carry no hour, and last what an order changed.
    """

    day: date
    second: int  # of the local day
    rank: int  # of its branch
    row: int

    @property
    def text(self) -> str:
        return f"{self.day.isoformat()}|{self.second}|{self.rank}|{self.row}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """None for anything that is no place: a page asked for after it is then the first."""
        parts = text.split("|")
        try:
            day, (second, rank, row) = date.fromisoformat(parts[0]), map(int, parts[1:])
        except ValueError:
            return None
        return cls(day, second, rank, row) if abs(second) < 2**31 and abs(rank) < 2**31 and abs(row) < 2**63 else None


@dataclass(frozen=True)
class Happening:
    """One entry. ``what`` is the outcome, status, kind or state in the words of the table it comes from."""

    kind: str
    place: Place
    at: datetime | None
    what: str
    title: str
    note: str
    cents: int | None
    until: date | None
    representative_id: int | None
    representative: str
    by: str

    @property
    def on(self) -> date:
        return self.place.day


@dataclass(frozen=True)
class TimelinePage:
    entries: Sequence[Happening]
    after: str  # place of the last entry, "" on the last page


# Each branch is cut to a page by itself: its table's index gives the latest rows first, however many there are behind them.
_ROW = """
    SELECT {rank} AS rank, '{kind}' AS kind, {day} AS day, {second} AS second, {row} AS row, {at} AS at, {what} AS what, {title} AS title,
           {note} AS note, {cents} AS cents, {until} AS until, {representative} AS representative_id, {by} AS member_id
      FROM {source}"""
_BRANCH = """(
    SELECT * FROM ({row}
     WHERE {where} AND {day} <= %(day)s) each
     WHERE (day, second, rank, row) < (%(day)s::date, %(second)s, %(rank)s, %(row)s)
     ORDER BY day DESC, second DESC, row DESC LIMIT %(limit)s)"""
_CLOCK = "extract(epoch FROM ({at} AT TIME ZONE %(zone)s)::time)::int"
_DAY = "({at} AT TIME ZONE %(zone)s)::date"
_EMPTY = {
    "second": "0",
    "at": "NULL::timestamptz",
    "what": "''",
    "title": "''",
    "note": "''",
    "cents": "NULL::bigint",
    "until": "NULL::date",
    "representative": "NULL::bigint",
    "by": "NULL::bigint",
}
_OWN = "{0}.organization_id = %(organization)s AND {0}.client_id = %(client)s"

# The ledger of a client merged into this one stays its own; its past is told here.
_OWN_OR_ALIAS = """o.organization_id = %(organization)s AND o.client_id = ANY(ARRAY(
        SELECT %(client)s::bigint UNION ALL SELECT a.id FROM clients_client a
         WHERE a.organization_id = %(organization)s AND a.merged_into_id = %(client)s))"""


def _dated(at: str) -> dict[str, str]:
    return {"at": at, "day": _DAY.format(at=at), "second": _CLOCK.format(at=at)}


# The days a limit was crossed, worked out from the order days: a day whose net is above zero is one.
_STATES = """(
    SELECT b.day + s.days AS day, s.id, s.what FROM bought b
     CROSS JOIN (VALUES (1, 'near_inactive', %(warn)s), (2, 'inactive', %(inactive)s), (3, 'lost', %(lost)s)) s(id, what, days)
     WHERE b.day + s.days <= %(as_of)s AND (b.next IS NULL OR b.day + s.days < b.next)) s"""
_TURNS = """(
    SELECT b.day, 4 AS id, CASE WHEN b.previous IS NULL THEN 'first_order' ELSE 'won_back' END AS what, '' AS note FROM bought b
     WHERE b.previous IS NULL OR b.day - b.previous > %(inactive)s
    UNION ALL
    SELECT c.discarded_on, 5, 'discarded', c.discard_reason FROM clients_client c
     WHERE c.organization_id = %(organization)s AND c.id = %(client)s AND c.discarded_on <= %(as_of)s
    UNION ALL
    SELECT w.lost_until, 100 + w.id, 'lost_taken_back', '' FROM clients_clientstop w
     WHERE w.organization_id = %(organization)s AND w.client_id = %(client)s AND w.lost_until <= %(as_of)s) s"""
BRANCHES: list[dict[str, str]] = [
    {
        "kind": "credit",
        "rank": "1",
        "source": "clients_creditevent e",
        "where": _OWN.format("e"),
        "day": "e.observed_on",
        "second": "-4",
        "row": "e.id",
        "title": "e.event",
    },
    {"kind": "state", "rank": "2", "source": _STATES, "where": "true", "day": "s.day", "second": "-3", "row": "s.id", "what": "s.what"},
    {
        "kind": "owner",
        "rank": "3",
        "source": "portfolio_ownership o",
        "where": _OWN_OR_ALIAS,
        "day": "o.started_on",
        "second": "-2",
        "row": "o.id",
        "what": "o.source",
        "note": "o.reason",
        "until": "o.ended_on",
        "representative": "o.representative_id",
        "by": "o.actor_id",
    },
    {
        "kind": "receipt",
        "rank": "13",
        "source": "portfolio_receipt k JOIN portfolio_ownership o ON o.organization_id = k.organization_id AND o.id = k.ownership_id",
        "where": _OWN.format("o"),
        **_dated("k.accepted_at"),
        "row": "k.id",
        "until": "o.started_on",
        "representative": "o.representative_id",
    },
    {
        "kind": "task",
        "rank": "4",
        "source": "portfolio_task t",
        "where": _OWN.format("t"),
        **_dated("t.created_at"),
        "row": "t.id",
        "what": "CASE WHEN t.cancelled_at IS NOT NULL THEN 'cancelled' ELSE 'given' END",
        "title": "t.title",
        "until": "t.due_on",
        "by": "t.owner_id",
    },
    {
        "kind": "task_done",
        "rank": "5",
        "source": "portfolio_task t",
        "where": f"{_OWN.format('t')} AND t.done_at IS NOT NULL",
        **_dated("t.done_at"),
        "row": "t.id",
        "title": "t.title",
        "until": "t.due_on",
        "by": "coalesce(t.done_by_id, t.owner_id)",
    },
    {
        "kind": "plan",
        "rank": "6",
        "source": "portfolio_visit v",
        "where": f"{_OWN.format('v')} AND v.planned_on IS NOT NULL AND v.visited_on IS NULL",
        "day": "v.planned_on",
        "second": "-1",
        "at": "v.planned_at",
        "row": "v.id",
        "what": "CASE WHEN v.cancelled_at IS NOT NULL THEN 'cancelled' WHEN v.planned_on < %(as_of)s THEN 'missed' ELSE 'planned' END",
        "note": "v.cancel_reason",
        "representative": "v.representative_id",
    },
    {
        "kind": "edit",
        "rank": "7",
        "source": "portfolio_visitedit d JOIN portfolio_visit v ON v.organization_id = d.organization_id AND v.id = d.visit_id",
        "where": _OWN.format("v"),
        **_dated("d.at"),
        "row": "d.id",
        "what": "coalesce(d.before->>'outcome', '')",
        "note": "coalesce(d.before->>'note', '')",
        "until": "v.visited_on",
        "by": "d.by_id",
    },
    {
        "kind": "stage",
        "rank": "8",
        "source": "clients_opportunitymove m"
        " JOIN clients_opportunity p ON p.organization_id = m.organization_id AND p.id = m.opportunity_id",
        "where": _OWN.format("p"),
        **_dated("m.moved_at"),
        "row": "m.id",
        "what": "m.to_stage",
        "title": "p.title",
        "note": "CASE WHEN m.to_stage = 'lost' THEN p.loss_reason ELSE '' END",
        "cents": "p.value_cents",
        "by": "m.by_id",
    },
    {
        "kind": "talk",
        "rank": "9",
        "source": "portfolio_interaction i LEFT JOIN clients_contact w ON w.organization_id = i.organization_id AND w.id = i.contact_id",
        "where": _OWN.format("i"),
        "day": "i.happened_on",
        "second": _CLOCK.format(at="i.happened_at"),
        "at": "i.happened_at",
        "row": "i.id",
        "what": "i.kind",
        "title": "coalesce(w.name, '')",
        "note": "i.note",
        "by": "i.by_id",
    },
    {
        "kind": "visit",
        "rank": "10",
        "source": "portfolio_visit v",
        "where": f"{_OWN.format('v')} AND v.visited_on IS NOT NULL",
        "day": "v.visited_on",
        "second": f"coalesce({_CLOCK.format(at='v.visited_at')}, 43200)",
        "at": "v.visited_at",
        "row": "v.id",
        "what": "v.outcome",
        "title": "v.no_sale_reason",
        "note": "v.note",
        "cents": "v.order_value_cents",
        "until": "v.next_contact_on",
        "representative": "v.representative_id",
    },
    {
        "kind": "order",
        "rank": "11",
        "source": "clients_order o",
        "where": _OWN.format("o"),
        "day": "o.ordered_on",
        "second": "86400",
        "row": "o.id",
        "what": "o.status",
        "title": "o.code",
        "cents": "o.amount_cents",
        "representative": "o.representative_id",
    },
    {
        "kind": "state",
        "rank": "12",
        "source": _TURNS,
        "where": "true",
        "day": "s.day",
        "second": "86401",
        "row": "s.id",
        "what": "s.what",
        "note": "s.note",
    },
    {
        "kind": "state",
        "rank": "14",
        "source": "clients_clientstop w",
        "where": _OWN.format("w"),
        **_dated("w.told_at"),
        "row": "w.id",
        "what": "CASE WHEN w.lost_on IS NULL THEN 'stop_told' ELSE 'lost_declared' END",
        "note": "w.reason",
        "by": "w.by_id",
    },
]
# What a person may narrow the line to.
GROUPS: dict[str, frozenset[str]] = {
    "orders": frozenset({"order"}),
    "visits": frozenset({"visit", "plan", "edit"}),
    "talks": frozenset({"talk"}),
    "tasks": frozenset({"task", "task_done"}),
    "opportunities": frozenset({"stage"}),
    "owner": frozenset({"owner", "receipt"}),
    "states": frozenset({"state"}),
    "credit": frozenset({"credit"}),
}
_BOUGHT = """
WITH bought AS (
    SELECT ordered_on AS day, lead(ordered_on) OVER days AS next, lag(ordered_on) OVER days AS previous
      FROM (SELECT ordered_on FROM clients_order
             WHERE organization_id = %(organization)s AND client_id = %(client)s AND ordered_on <= %(as_of)s
             GROUP BY ordered_on HAVING sum(net_cents) > 0) d
    WINDOW days AS (ORDER BY ordered_on))"""
_LINE = """{bought}
SELECT e.kind, e.day, e.second, e.rank, e.row, e.at, e.what, e.title, e.note, e.cents, e.until, e.representative_id,
       coalesce(r.code || ' ' || r.name, ''), coalesce(m.name, '')
  FROM (SELECT * FROM ({branches}) every ORDER BY day DESC, second DESC, rank DESC, row DESC LIMIT %(limit)s) e
  LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = e.representative_id
  LEFT JOIN accounts_membership m ON m.organization_id = %(organization)s AND m.id = e.member_id
 ORDER BY e.day DESC, e.second DESC, e.rank DESC, e.row DESC
"""
_FIRST = Place(date.max, 2**31 - 1, 2**31 - 1, 2**63 - 1)


def _statement(kinds: frozenset[str]) -> str:
    branches = []
    for branch in BRANCHES:
        if branch["kind"] in kinds:
            parts = _EMPTY | branch
            branches.append(_BRANCH.format(row=_ROW.format(**parts), where=parts["where"], day=parts["day"]))
    return _LINE.format(bought=_BOUGHT if "state" in kinds else "", branches=" UNION ALL ".join(branches))


ALL = frozenset(branch["kind"] for branch in BRANCHES)
_STATEMENTS = {"": _statement(ALL)} | {group: _statement(kinds) for group, kinds in GROUPS.items()}


def timeline(
    client: Client, organization: Organization, *, as_of: date, group: str = "", after: Place | None = None, size: int = PAGE
) -> TimelinePage:
    """One page of what happened to the client, latest first; planned visits of days to come stand at the top. One query.

    Parameters
    ----------
    as_of : today; states are those the organization's present limits give the order days up to it
    group : one of ``GROUPS``, "" for all of them
    after : the last place of the page before

    Raises
    ------
    KeyError
        ``group`` is not one of ``GROUPS``.
    """
    limits, start = Limits.of(organization), after or _FIRST
    values: dict[str, Any] = {
        "organization": organization.pk,
        "client": client.pk,
        "zone": organization.time_zone,
        "as_of": as_of,
        "warn": limits.warn,
        "inactive": limits.inactive,
        "lost": limits.lost,
        "limit": size + 1,
        **start._asdict(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS[group], values)
        found = [Happening(kind, Place(day, second, rank, row), *rest) for kind, day, second, rank, row, *rest in cursor.fetchall()]
    return TimelinePage(found[:size], found[size - 1].place.text if len(found) > size else "")
