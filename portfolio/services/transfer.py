"""The only writer of ownership: moves clients between representatives, a batch in a constant number of statements."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import EllipsisType
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from accounts.arrays import array
from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.services import Actor, record_events, send_to_outbox
from accounts.services.audit import Event
from accounts.tenancy import active_organization_id
from clients.models import Client
from clients.services import refresh_months
from portfolio.errors import SENTENCES, ReasonMissing, refusal
from portfolio.models import Ownership
from portfolio.services.credit import credit_orders
from portfolio.services.digest import Occasion, tell_owners
from portfolio.services.following import hand_over_tasks


@dataclass(frozen=True)
class Transfer:
    """One client to one representative, and what the sender believed when asking.

    ``expected_seq`` and ``expected_from_id`` (None: nobody) refuse the transfer as ``owner_changed`` where the
    ledger says otherwise; left out, whatever stands is replaced. ``over_capacity`` says that somebody knows the
    receiver has no room and wants it all the same.
    """

    client_id: int
    to_id: int
    expected_seq: int | None = None
    expected_from_id: int | EllipsisType | None = ...
    reason: str = ""
    proposal_id: int | None = None
    over_capacity: bool = False


@dataclass(frozen=True)
class TransferResult:
    """What a batch did: the transfers made, in client order, and those refused with their code."""

    applied: list[Transfer] = field(default_factory=list)
    refused: list[tuple[Transfer, str]] = field(default_factory=list)


class Standing(NamedTuple):
    """A client under lock: who answers for it and where its ledger stands."""

    name: str
    discarded: bool
    owner_id: int | None
    seq: int
    free_from: date | None  # first day another ownership may begin


class Receiver(NamedTuple):
    name: str
    membership_id: int | None
    serves: bool
    absent: bool
    room: int


_LOCK_CLIENTS = """
SELECT id, CASE WHEN trade_name = '' THEN name ELSE trade_name END, discarded_on IS NOT NULL FROM clients_client
 WHERE organization_id = %s AND id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
# A second statement: only a snapshot taken after the locks shows what the transfers they waited for wrote.
_LEDGER_HEADS = """
SELECT w.client_id, o.seq, o.representative_id, o.started_on, o.ended_on
  FROM unnest(%s::bigint[]) AS w(client_id)
 CROSS JOIN LATERAL (SELECT seq, representative_id, started_on, ended_on FROM portfolio_ownership
                      WHERE organization_id = %s AND client_id = w.client_id ORDER BY seq DESC LIMIT 1) o
"""
_LOCK_REPRESENTATIVES = """
SELECT id, name, membership_id, capacity_clients,
       (valid_from IS NULL OR valid_from <= %(on)s) AND (valid_to IS NULL OR valid_to > %(on)s)
  FROM accounts_representative WHERE organization_id = %(organization)s AND id = ANY(%(ids)s::bigint[]) ORDER BY id
"""
_LOCK_MEMBERSHIPS = """
SELECT id FROM accounts_membership WHERE organization_id = %s AND id = ANY(%s::bigint[]) AND is_active ORDER BY id FOR SHARE
"""
_ABSENT = """
SELECT DISTINCT representative_id FROM accounts_absence
 WHERE organization_id = %s AND representative_id = ANY(%s::bigint[]) AND starts_on <= %s AND ends_on > %s
"""
_HELD = """
SELECT representative_id, count(*) FROM clients_client WHERE organization_id = %s AND representative_id = ANY(%s::bigint[]) GROUP BY 1
"""
# One statement, so that ledger and mirror can never be seen apart. ``opened`` reads ``closed``: a row is closed
# before its successor is inserted, which the ledger's trigger checks. ``trade_name`` keeps its value: an update that names
# no column a generated one is made of has PostgreSQL 18 read how it is made anew for each row, which costs more than making it.
_MOVE = """
WITH move AS (
  SELECT * FROM ROWS FROM (unnest(%(client)s::bigint[], %(seq)s::int[], %(from)s::bigint[], %(to)s::bigint[], %(proposal)s::bigint[]),
                           jsonb_array_elements_text(%(reasons)s)) AS m(client_id, seq, from_id, to_id, proposal_id, reason)
), closed AS (
  UPDATE portfolio_ownership o SET ended_on = %(on)s FROM move m
   WHERE o.organization_id = %(organization)s AND o.client_id = m.client_id AND o.seq = m.seq - 1
     AND o.ended_on IS NULL AND o.representative_id = m.from_id
  RETURNING o.client_id
), opened AS (
  INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, source, reason,
                                   actor_id, actor_label, proposal_id, recorded_at, previous_hash, hash, closing_hash)
  SELECT %(organization)s, m.client_id, m.to_id, m.seq, %(on)s, %(source)s, m.reason,
         %(actor)s, %(label)s, m.proposal_id, %(at)s, '', '', ''
    FROM move m LEFT JOIN closed ON closed.client_id = m.client_id
   WHERE closed.client_id IS NOT NULL OR m.from_id IS NULL
  RETURNING client_id, representative_id
)
UPDATE clients_client c SET representative_id = opened.representative_id, trade_name = c.trade_name FROM opened
 WHERE c.organization_id = %(organization)s AND c.id = opened.client_id
"""


def transfer_clients(
    batch: Sequence[Transfer],
    *,
    by: Actor,
    source: str,
    on: date,
    occasion: Occasion | None = None,
    check_room: bool = False,
    check_absence: bool = False,
    at: datetime | None = None,
) -> TransferResult:
    """End each client's open ownership on day ``on`` and begin the next one that day: the only writer of ownership.

    Ledger, mirrored representative, audit events, notices and one outbox row are written in the caller's
    transaction (or one of its own); a refused row leaves no trace and stops no other.

    Parameters
    ----------
    batch : any number of transfers; of two for one client only the first counts
    source : a value of ``Ownership.Source``; imports may name representatives who no longer serve
    occasion : what the notices are about; several batches of one occasion add up in one notice a person
    check_room : refuse receivers already at ``capacity_clients``; clients leaving in the same batch free no room
    check_absence : refuse receivers away on ``on``

    Returns
    -------
    TransferResult
        Codes: client_unknown, client_discarded, repeated, owner_changed, already_owner, starts_later, receiver_unknown,
        receiver_inactive, receiver_absent, no_room.
    """
    if not batch:
        return TransferResult()
    organization_id, at = active_organization_id(), at or timezone.now()
    with transaction.atomic():
        # Locks in one order everywhere: clients by id, then representatives by id, then memberships by id.
        standings = _locked_clients(organization_id, {each.client_id for each in batch})
        owners = {standing.owner_id for standing in standings.values() if standing.owner_id}
        people = locked_representatives(
            organization_id, {each.to_id for each in batch}, owners, on=on, check_room=check_room, check_absence=check_absence
        )
        result = _judged(batch, standings, people, on=on, check_room=check_room, historic=source == Ownership.Source.IMPORT)
        if result.applied:
            _write(result.applied, standings, people, by=by, source=source, on=on, at=at, occasion=occasion or Occasion())
    return result


@transaction.atomic
def transfer_client(
    *,
    client: Client,
    to: Representative,
    by: Actor,
    on: date,
    reason: str,
    source: str = Ownership.Source.MANUAL,
    expected_seq: int | None = None,
) -> Ownership:
    """End the client's open ownership and begin one for ``to`` on day ``on``; a batch of one, by a person.

    Raises
    ------
    NotAllowed
        The member may not transfer, or one of the two representatives is outside a manager's reach.
    ReasonMissing
        No reason was given.
    TransferRefused
        The subclass of the code ``transfer_clients`` refuses with: AlreadyOwner, OwnerChanged, ReceiverInactive, ...
    """
    if not reason.strip():
        raise ReasonMissing(str(SENTENCES[ReasonMissing.code]))
    if by.membership is not None:
        # Read under the client's lock: the owner this member must reach cannot change any more.
        owner_id = Client.objects.select_for_update(no_key=True).values_list("representative_id", flat=True).get(pk=client.pk)
        _require_reach(by.membership, {to.pk} | ({owner_id} if owner_id else set()))
    result = transfer_clients([Transfer(client.pk, to.pk, expected_seq, reason=reason.strip()[:300])], by=by, source=source, on=on)
    if result.refused:
        raise refusal(result.refused[0][1])
    return Ownership.objects.get(client_id=client.pk, ended_on=None)


def _require_reach(member: Membership, representative_ids: set[int]) -> None:
    if member.role == Role.ADMIN:
        return
    reached = representatives_visible_to(member).filter(pk__in=representative_ids).count() if member.role == Role.MANAGER else -1
    if reached != len(representative_ids):
        raise NotAllowed(str(SENTENCES[NotAllowed.code]))


def _locked_clients(organization_id: int, client_ids: set[int]) -> dict[int, Standing]:
    ids = array(sorted(client_ids))
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CLIENTS, [organization_id, ids])
        clients = cursor.fetchall()
        cursor.execute(_LEDGER_HEADS, [ids, organization_id])
        heads = {row[0]: row[1:] for row in cursor.fetchall()}
    standings = {}
    for client_id, name, discarded in clients:
        seq, owner_id, started_on, ended_on = heads.get(client_id, (0, None, None, None))
        standings[client_id] = Standing(name, discarded, owner_id if ended_on is None else None, seq, ended_on or started_on)
    return standings


def locked_representatives(
    organization_id: int, receivers: set[int], owners: set[int], *, on: date, check_room: bool, check_absence: bool
) -> dict[int, Receiver]:
    """Everyone a batch touches; receivers are locked, so that nobody leaves, or is filled up, under it.

    Who ends a representative's service locks the row FOR UPDATE, which the weakest lock keeps waiting. A run that counts
    room keeps others that count it waiting, and not a person: whose own transfer asks for no room.
    """
    ids = array(sorted(receivers))
    with connection.cursor() as cursor:
        # Two batches that count the same room must not both take the last place.
        cursor.execute(
            _LOCK_REPRESENTATIVES + (" FOR NO KEY UPDATE" if check_room else " FOR KEY SHARE"),
            {"organization": organization_id, "ids": ids, "on": on},
        )
        rows = cursor.fetchall()
        if owners - receivers:
            cursor.execute(_LOCK_REPRESENTATIVES, {"organization": organization_id, "ids": array(sorted(owners - receivers)), "on": on})
            rows += cursor.fetchall()
        cursor.execute(_LOCK_MEMBERSHIPS, [organization_id, array(sorted({row[2] for row in rows if row[2]}))])
        active = {row[0] for row in cursor.fetchall()}
        absent: set[int] = set()
        if check_absence:
            cursor.execute(_ABSENT, [organization_id, ids, on, on])
            absent = {row[0] for row in cursor.fetchall()}
        held: dict[int, int] = {}
        if check_room:
            cursor.execute(_HELD, [organization_id, ids])
            held = dict(cursor.fetchall())
    return {
        pk: Receiver(
            name, member if member in active else None, valid and (member is None or member in active), pk in absent, room - held.get(pk, 0)
        )
        for pk, name, member, room, valid in rows
    }


def _judged(
    batch: Sequence[Transfer], standings: dict[int, Standing], people: dict[int, Receiver], *, on: date, check_room: bool, historic: bool
) -> TransferResult:
    result, seen = TransferResult(), set()
    taken: Counter[int] = Counter()
    for each in sorted(batch, key=lambda transfer: transfer.client_id):
        code = "repeated" if each.client_id in seen else _refusal(each, standings.get(each.client_id), people.get(each.to_id), on, historic)
        seen.add(each.client_id)
        if not code and check_room and not each.over_capacity and taken[each.to_id] >= people[each.to_id].room:
            code = "no_room"
        if code:
            result.refused.append((each, code))
        else:
            taken[each.to_id] += 1
            result.applied.append(each)
    return result


def _refusal(each: Transfer, client: Standing | None, receiver: Receiver | None, on: date, historic: bool) -> str:
    """The code of the first reason against the transfer; empty when there is none. A person's earlier transfer wins."""
    if client is None:
        return "client_unknown"
    if each.expected_seq is not None and each.expected_seq != client.seq:
        return "owner_changed"
    if each.expected_from_id is not ... and each.expected_from_id != client.owner_id:
        return "owner_changed"
    if client.discarded:
        return "client_discarded"
    if client.owner_id == each.to_id:
        return "already_owner"
    if client.free_from is not None and client.free_from > on:
        return "starts_later"
    if receiver is None:
        return "receiver_unknown"
    if not receiver.serves and not historic:
        return "receiver_inactive"
    return "receiver_absent" if receiver.absent else ""


def _write(
    moves: list[Transfer],
    standings: dict[int, Standing],
    people: dict[int, Receiver],
    *,
    by: Actor,
    source: str,
    on: date,
    at: datetime,
    occasion: Occasion,
) -> None:
    before = [standings[each.client_id] for each in moves]
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "organization": active_organization_id(),
                "client": array(each.client_id for each in moves),
                "seq": array(client.seq + 1 for client in before),
                "from": array(client.owner_id for client in before),
                "to": array(each.to_id for each in moves),
                "proposal": array(each.proposal_id for each in moves),
                "reasons": json.dumps([each.reason[:300] for each in moves]),
                "on": on,
                "source": source,
                "actor": by.id,
                "label": by.label,
                "at": at,
            },
        )
        if cursor.rowcount != len(moves):
            raise ChangedMeanwhile(f"{len(moves)} transfers judged under lock, {cursor.rowcount} written")
    # The month of an order that changed hands belongs to its new owner too.
    refresh_months(credit_orders([each.client_id for each in moves], since=on))
    members = _sign_ins(people)
    hand_over_tasks(
        ((each.client_id, members.get(client.owner_id or 0), members.get(each.to_id)) for each, client in zip(moves, before, strict=True)),
        by=by,
    )
    announce(moves, before, people, by=by, source=source, on=on, at=at, occasion=occasion)


def announce(
    moves: list[Transfer],
    before: list[Standing],
    people: dict[int, Receiver],
    *,
    by: Actor,
    source: str,
    on: date,
    at: datetime,
    occasion: Occasion,
    first: bool = False,
) -> None:
    """Audit events, notices and the outbox row of ledger rows just written; ``first``: nothing was ever recorded of these clients."""
    record_events((_event(each, client, source, on) for each, client in zip(moves, before, strict=True)), by=by, at=at, first=first)
    given, received = _parts(moves, before)
    # Who moved a client knows: registering one of one's own is no news.
    told = {pk: member for pk, member in _sign_ins(people).items() if member != by.id}
    tell_owners(occasion, given=given, received=received, members=told, source=source, on=on)
    send_to_outbox(
        "clients.transferred",
        {"occasion": occasion.key, "source": source, "on": on.isoformat(), "clients": [each.client_id for each in moves]},
    )


def _sign_ins(people: dict[int, Receiver]) -> dict[int, int]:
    return {pk: person.membership_id for pk, person in people.items() if person.membership_id}


def _event(each: Transfer, client: Standing, source: str, on: date) -> Event:
    after = {
        "representative": each.to_id,
        "seq": client.seq + 1,
        "started_on": on.isoformat(),
        "source": source,
        "proposal": each.proposal_id,
    }
    return Event(
        f"client:{each.client_id}", "client.transferred", {"representative": client.owner_id, "seq": client.seq}, after, each.reason
    )


def _parts(moves: list[Transfer], before: list[Standing]) -> tuple[dict[int, list], dict[int, list]]:
    """Clients (id, name) given and received, by representative."""
    given: dict[int, list] = {}
    received: dict[int, list] = {}
    for each, client in zip(moves, before, strict=True):
        received.setdefault(each.to_id, []).append((each.client_id, client.name))
        if client.owner_id:
            given.setdefault(client.owner_id, []).append((each.client_id, client.name))
    return given, received
