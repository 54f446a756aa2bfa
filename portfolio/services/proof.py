"""Proving the ownership ledger: every chain recomputed, and ledger, audit trail and mirror held against each other."""

import hashlib
from collections.abc import Iterator
from datetime import date

from django.db import connection

from accounts.services.seals import SEPARATOR, Break, rows
from accounts.tenancy import active_organization_id

_LEDGER = """
SELECT client_id, seq, started_on, ended_on, previous_hash, hash, closing_hash,
       organization_id, representative_id, source, reason, actor_id, actor_label, proposal_id
  FROM portfolio_ownership WHERE organization_id = %s ORDER BY client_id, seq
"""
# Each row is written, and each closing made, by exactly one event, which says the same.
_EVENTS = """
events AS (
  SELECT substr(stream, 8)::bigint AS client_id, action, at, before, after, reason, actor_id, actor_label,
         CASE WHEN action <> 'ownership.closed' THEN (after->>'seq')::int END AS opens,
         CASE WHEN action = 'client.transferred' AND before->>'representative' IS NOT NULL THEN (before->>'seq')::int
              WHEN action = 'ownership.closed' THEN (before->>'seq')::int
              WHEN after->>'ended_on' IS NOT NULL THEN (after->>'seq')::int END AS closes,
         CASE WHEN action = 'client.transferred' THEN after->>'started_on' ELSE after->>'ended_on' END::date AS closed_on
    FROM accounts_auditevent
   WHERE organization_id = %(organization)s AND action IN ('client.transferred', 'ownership.recorded', 'ownership.closed')
), ledger AS (SELECT * FROM portfolio_ownership WHERE organization_id = %(organization)s)
"""
_UNTOLD = f"""
WITH {_EVENTS}
SELECT coalesce(o.client_id, e.client_id), coalesce(o.seq, e.opens),
       CASE WHEN e.client_id IS NULL THEN 'no audit event tells of it'
            WHEN o.client_id IS NULL THEN 'an audit event tells of it and it is gone'
            WHEN e.n > 1 THEN 'more than one audit event tells of it'
            ELSE 'its audit event says otherwise' END
  FROM ledger o
  FULL JOIN (SELECT *, count(*) OVER (PARTITION BY client_id, opens) AS n FROM events WHERE opens IS NOT NULL) e
    ON e.client_id = o.client_id AND e.opens = o.seq
 WHERE e.client_id IS NULL OR o.client_id IS NULL OR e.n > 1
    OR (o.representative_id, o.started_on, o.source, o.reason, o.actor_id, o.actor_label, o.proposal_id, o.recorded_at)
       IS DISTINCT FROM ((e.after->>'representative')::bigint, (e.after->>'started_on')::date, e.after->>'source',
                         left(e.reason, 300), e.actor_id, e.actor_label, (e.after->>'proposal')::bigint, e.at)
 ORDER BY 1, 2
"""  # noqa: S608 (constants)
_UNCLOSED = f"""
WITH {_EVENTS}
SELECT coalesce(o.client_id, e.client_id), coalesce(o.seq, e.closes), 'its end is not what the audit trail says'
  FROM ledger o FULL JOIN (SELECT * FROM events WHERE closes IS NOT NULL) e ON e.client_id = o.client_id AND e.closes = o.seq
 WHERE o.ended_on IS DISTINCT FROM e.closed_on
 ORDER BY 1, 2
"""  # noqa: S608 (constants)
_MIRROR = """
SELECT c.id, o.seq, 'the client names another representative than its open ownership'
  FROM clients_client c
  LEFT JOIN portfolio_ownership o ON o.organization_id = c.organization_id AND o.client_id = c.id AND o.ended_on IS NULL
 WHERE c.organization_id = %(organization)s AND c.representative_id IS DISTINCT FROM o.representative_id
 ORDER BY 1
"""


def ledger_breaks() -> Iterator[Break]:
    """Every place where the active organization's ledger does not hold by itself, against the audit trail, or its mirror."""
    yield from _chain_breaks()
    with connection.cursor() as cursor:
        for sql in (_UNTOLD, _UNCLOSED, _MIRROR):
            cursor.execute(sql, {"organization": active_organization_id()})
            for client_id, seq, what in cursor.fetchall():
                yield Break(_place(client_id, seq), what)


def _chain_breaks() -> Iterator[Break]:
    client, expected, previous, free_from = None, 1, "", date.min
    for client_id, seq, started_on, ended_on, previous_hash, digest, closing_hash, *said in rows(_LEDGER, [active_organization_id()]):
        if client_id != client:
            client, expected, previous, free_from = client_id, 1, "", date.min
        place = _place(client_id, seq)
        if seq != expected:
            yield Break(_place(client_id, expected), "missing")
        if previous_hash != previous:
            yield Break(place, "does not follow the row before it")
        if digest != _digest(previous_hash + _text(client_id, seq, started_on, said)):
            yield Break(place, "altered")
        if closing_hash != ("" if ended_on is None else _digest(digest + ended_on.isoformat())):
            yield Break(place, "its end was altered")
        if free_from is None or started_on < free_from or (ended_on is not None and ended_on < started_on):
            yield Break(place, "its days overlap")
        expected, previous, free_from = seq + 1, digest, ended_on


def _text(client_id: int, seq: int, started_on: date, said: list) -> str:
    organization, representative, source, reason, actor, label, proposal = said
    parts = [organization, client_id, seq, representative, started_on.isoformat(), source, reason, actor or "", label, proposal or ""]
    return SEPARATOR.join(str(part) for part in parts)


def _place(client_id: int, seq: int | None) -> str:
    return f"ownership of client {client_id}" + (f" #{seq}" if seq else "")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
