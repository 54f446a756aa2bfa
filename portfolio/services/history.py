"""Past ownership, taken in from a file: appended to the ledger where it continues it, refused where it would rewrite it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Representative
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from accounts.tenancy import active_organization_id
from clients.models import Client
from portfolio.models import Ownership
from portfolio.services.credit import credit_orders


@dataclass(frozen=True)
class PastOwnership:
    """One representative over the half-open days [started_on, ended_on); without an end, until the next row or today."""

    client_id: int
    representative_id: int
    started_on: date
    ended_on: date | None = None
    reason: str = ""


@dataclass(frozen=True)
class HistoryResult:
    """What became of each row. ``closed`` rows gave an open ownership its end; ``recredited`` clients have orders that changed hands."""

    created: list[PastOwnership] = field(default_factory=list)
    closed: list[PastOwnership] = field(default_factory=list)
    unchanged: list[PastOwnership] = field(default_factory=list)
    refused: list[tuple[PastOwnership, str]] = field(default_factory=list)
    recredited: set[int] = field(default_factory=set)


@dataclass
class _Period:
    """A ledger row, present or to be."""

    seq: int
    representative_id: int
    started_on: date
    ended_on: date | None
    reason: str = ""
    stored: bool = True  # already in the ledger
    closed_now: bool = False


# ``opened`` joins ``closed`` so that every closing comes first; the mirror follows in the same statement.
_RECORD = """
WITH closing AS (
  SELECT * FROM unnest(%(closed_client)s::bigint[], %(closed_seq)s::int[], %(closed_on)s::date[]) AS c(client_id, seq, ended_on)
), closed AS (
  UPDATE portfolio_ownership o SET ended_on = c.ended_on FROM closing c
   WHERE o.organization_id = %(organization)s AND o.client_id = c.client_id AND o.seq = c.seq AND o.ended_on IS NULL
  RETURNING o.client_id
), opened AS (
  INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, ended_on, source, reason, actor_id,
                                   actor_label, recorded_at, previous_hash, hash, closing_hash)
  SELECT %(organization)s, m.client_id, m.representative_id, m.seq, m.started_on, m.ended_on, 'import', m.reason, %(actor)s, %(label)s,
         %(at)s, '', '', ''
    FROM unnest(%(client)s::bigint[], %(representative)s::bigint[], %(seq)s::int[], %(started)s::date[], %(ended)s::date[],
                %(reason)s::text[]) AS m(client_id, representative_id, seq, started_on, ended_on, reason)
   WHERE (SELECT count(*) FROM closed) >= 0
   ORDER BY m.client_id, m.seq
  RETURNING client_id
)
UPDATE clients_client c SET representative_id = owner.representative_id
  FROM unnest(%(mirror_client)s::bigint[], %(mirror_owner)s::bigint[]) AS owner(client_id, representative_id)
 WHERE c.organization_id = %(organization)s AND c.id = owner.client_id AND c.representative_id IS DISTINCT FROM owner.representative_id
"""


def record_history(rows: Sequence[PastOwnership], *, by: Actor, at: datetime | None = None) -> HistoryResult:
    """Take in past ownership: for clients without a ledger in order of its days, for the others what continues it.

    A row without an end is ended by the client's next row. Sending the same rows again changes nothing.

    Returns
    -------
    HistoryResult
        Codes: client_unknown, receiver_unknown, days_out_of_order (ends before it begins), overlaps (begins before the
        last recorded day: the ledger is never rewritten), already_owner (the open ownership names the same representative).
    """
    result, at = HistoryResult(), at or timezone.now()
    with transaction.atomic():
        ids = sorted({row.client_id for row in rows})
        known = set(Client.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))
        people = set(Representative.objects.filter(pk__in={row.representative_id for row in rows}).values_list("pk", flat=True))
        ledger: dict[int, list[_Period]] = {client_id: [] for client_id in ids}
        stored = Ownership.objects.filter(client_id__in=ids).order_by("client_id", "seq")
        for row_of in stored.values_list("client_id", "seq", "representative_id", "started_on", "ended_on"):
            ledger[row_of[0]].append(_Period(*row_of[1:]))
        for row in sorted(rows, key=lambda each: (each.client_id, each.started_on, each.ended_on or date.max)):
            code = _refusal(row, known, people) or _place(row, ledger[row.client_id], result)
            if code:
                result.refused.append((row, code))
        touched = {row.client_id for row in (*result.created, *result.closed)}
        if touched:
            _write({client_id: ledger[client_id] for client_id in sorted(touched)}, by=by, at=at)
            result.recredited.update(credit_orders(sorted(touched)))
    return result


def end_ownerships(client_ids: Sequence[int], *, on: date, by: Actor, at: datetime | None = None) -> list[int]:
    """Close the open ownership of each client on day ``on``, with nobody after it; returns the clients that had one.

    An ownership that begins later is closed on the day it begins. The caller holds the clients' locks.
    """
    open_rows = Ownership.objects.filter(client_id__in=client_ids, ended_on=None).order_by("client_id")
    ledger = {
        client_id: [_Period(seq, representative_id, started_on, max(on, started_on), closed_now=True)]
        for client_id, seq, representative_id, started_on in open_rows.values_list("client_id", "seq", "representative_id", "started_on")
    }
    if ledger:
        _write(ledger, by=by, at=at or timezone.now())
    return list(ledger)


def _refusal(row: PastOwnership, clients: set[int], people: set[int]) -> str:
    if row.client_id not in clients:
        return "client_unknown"
    if row.representative_id not in people:
        return "receiver_unknown"
    return "days_out_of_order" if row.ended_on is not None and row.ended_on < row.started_on else ""


def _place(row: PastOwnership, periods: list[_Period], result: HistoryResult) -> str:
    """Put the row after the client's last period, or find it there already; the code of why it has no place."""
    for period in periods:
        if period.representative_id == row.representative_id and period.started_on == row.started_on:
            if row.ended_on in (None, period.ended_on):
                result.unchanged.append(row)
                return ""
            if period.ended_on is None:
                period.ended_on, period.closed_now = row.ended_on, period.stored
                result.closed.append(row)
                return ""
    last = periods[-1] if periods else None
    if last is not None and last.ended_on is None:
        if last.representative_id == row.representative_id:
            return "already_owner"
        if last.started_on > row.started_on:
            return "overlaps"
        last.ended_on, last.closed_now = row.started_on, last.stored
    elif last is not None and last.ended_on is not None and last.ended_on > row.started_on:
        return "overlaps"
    periods.append(
        _Period(last.seq + 1 if last else 1, row.representative_id, row.started_on, row.ended_on, row.reason[:300], stored=False)
    )
    result.created.append(row)
    return ""


def _write(ledger: dict[int, list[_Period]], *, by: Actor, at: datetime) -> None:
    new = [(client_id, period) for client_id, periods in ledger.items() for period in periods if not period.stored]
    closed = [(client_id, period) for client_id, periods in ledger.items() for period in periods if period.closed_now]
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "organization": active_organization_id(),
                "actor": by.id,
                "label": by.label,
                "at": at,
                "closed_client": [client_id for client_id, _period in closed],
                "closed_seq": [period.seq for _client, period in closed],
                "closed_on": [period.ended_on for _client, period in closed],
                "client": [client_id for client_id, _period in new],
                "representative": [period.representative_id for _client, period in new],
                "seq": [period.seq for _client, period in new],
                "started": [period.started_on for _client, period in new],
                "ended": [period.ended_on for _client, period in new],
                "reason": [period.reason for _client, period in new],
                "mirror_client": list(ledger),
                "mirror_owner": [p[-1].representative_id if p[-1].ended_on is None else None for p in ledger.values()],
            },
        )
    record_events(_events(closed, new), by=by, at=at)


def _events(closed: list[tuple[int, _Period]], new: list[tuple[int, _Period]]) -> list[Event]:
    """A closing and an insertion are an event each, in the ledger's order of the client."""
    events = [
        Event(
            f"client:{client_id}",
            "ownership.closed",
            {"representative": period.representative_id, "seq": period.seq},
            {"ended_on": period.ended_on and period.ended_on.isoformat()},
        )
        for client_id, period in closed
    ]
    for client_id, period in new:
        after = {
            "representative": period.representative_id,
            "seq": period.seq,
            "started_on": period.started_on.isoformat(),
            "ended_on": period.ended_on and period.ended_on.isoformat(),
            "source": Ownership.Source.IMPORT.value,
            "proposal": None,
        }
        events.append(Event(f"client:{client_id}", "ownership.recorded", {}, after, period.reason))
    return events
