"""Sealing the audit trail every night, and proving it: hashes recomputed here, not by the triggers that made them."""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from accounts.models import AuditSeal
from accounts.tenancy import active_organization_id

logger = logging.getLogger("carteira.audit")
SEPARATOR = "\x1f"
PAGE = 20_000


@dataclass(frozen=True)
class Break:
    """The first place where a chain does not hold, and how."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


# Heads that moved since the last seal that named their stream; every seal adds to the ones before it.
_MOVED_HEADS = """
WITH sealed AS (
  SELECT DISTINCT ON (head.key) head.key AS stream, (head.value->>0)::bigint AS seq
    FROM accounts_auditseal s CROSS JOIN LATERAL jsonb_each(s.heads) head
   WHERE s.organization_id = %(organization)s ORDER BY head.key, s.seq DESC
), heads AS (
  SELECT DISTINCT ON (stream) stream, seq, hash FROM accounts_auditevent
   WHERE organization_id = %(organization)s ORDER BY stream, seq DESC
)
SELECT heads.stream, heads.seq, heads.hash, count(*) OVER () FROM heads LEFT JOIN sealed USING (stream)
 WHERE sealed.seq IS DISTINCT FROM heads.seq ORDER BY heads.stream
"""
_TOTALS = "SELECT count(DISTINCT stream), count(*) FROM accounts_auditevent WHERE organization_id = %(organization)s"
_EVENTS = """
SELECT stream, seq, previous_hash, hash, organization_id, action, actor_id, actor_label, before::text, after::text, reason, request_id, at
  FROM accounts_auditevent WHERE organization_id = %s ORDER BY stream, seq
"""


def seal_audit(*, at: datetime) -> AuditSeal | None:
    """Seal the active organization's trail: heads that moved since the last seal, totals, one hash over both and the last seal.

    The hash is also written to the log, which the database's owner cannot rewrite. None when nothing moved.
    Call at REPEATABLE READ or in one quiet moment: heads and totals must be of one instant.
    """
    with connection.cursor() as cursor:
        organization = {"organization": active_organization_id()}
        cursor.execute("SELECT id FROM accounts_organization WHERE id = %(organization)s FOR NO KEY UPDATE", organization)
        cursor.execute(_MOVED_HEADS, organization)
        heads = {stream: [seq, digest] for stream, seq, digest, _n in cursor.fetchall()}
        cursor.execute(_TOTALS, organization)
        streams, events = cursor.fetchone()
    if not heads:
        return None
    last = AuditSeal.objects.order_by("-seq").first()
    seal = AuditSeal(
        organization_id=active_organization_id(),
        seq=last.seq + 1 if last else 1,
        sealed_at=at,
        streams=streams,
        events=events,
        heads=heads,
        previous_hash=last.hash if last else "",
    )
    seal.hash = seal_hash(seal)
    seal.save()
    logger.info(
        "audit sealed organization_id=%s seal=%s hash=%s streams=%s events=%s", seal.organization_id, seal.seq, seal.hash, streams, events
    )
    return seal


def seal_hash(seal: AuditSeal) -> str:
    """SHA-256 over the seal before it and everything this one says."""
    said = [seal.organization_id, seal.seq, _instant(seal.sealed_at), seal.streams, seal.events, seal.heads]
    return _digest(seal.previous_hash + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def audit_breaks() -> Iterator[Break]:
    """Every place where the active organization's events or seals do not hold, seals first; nothing when all do."""
    sealed: dict[tuple[str, int], tuple[str, int]] = {}
    yield from _seal_breaks(sealed)
    yield from _event_breaks(sealed)
    for (stream, seq), (_hash, seal) in sorted(sealed.items()):
        yield Break(f"{stream} #{seq}", f"sealed by seal {seal} and gone")


def seal_breaks() -> Iterator[Break]:
    """Every place where the chain of seals by itself does not hold."""
    yield from _seal_breaks({})


def altered_event(row: tuple, *, expected: int, previous: str) -> Break | None:
    """What is wrong with one event where ``expected`` and ``previous`` are what its stream calls for; None where it holds.

    Parameters
    ----------
    row : stream, seq, previous_hash, hash, then what the hash is taken over, as ``_EVENTS`` selects them
    """
    name, seq, previous_hash, digest, *said = row
    if seq != expected:
        return Break(f"{name} #{expected}", "missing")
    if previous_hash != previous:
        return Break(f"{name} #{seq}", "does not follow the event before it")
    if digest != _digest(previous_hash + _event_text(name, seq, said)):
        return Break(f"{name} #{seq}", "altered")
    return None


def _seal_breaks(sealed: dict[tuple[str, int], tuple[str, int]]) -> Iterator[Break]:
    previous, expected, heads = "", 1, dict[str, int]()
    for seal in AuditSeal.objects.order_by("seq").iterator():
        place = f"seal {seal.seq}"
        if seal.seq != expected:
            yield Break(f"seal {expected}", "missing")
        if seal.previous_hash != previous:
            yield Break(place, "does not follow the seal before it")
        if seal.hash != seal_hash(seal):
            yield Break(place, "altered")
        for stream, (seq, digest) in seal.heads.items():
            sealed[stream, seq] = digest, seal.seq
            heads[stream] = seq
        if (seal.streams, seal.events) != (len(heads), sum(heads.values())):
            yield Break(place, f"counts {seal.events} events of {seal.streams} streams, its heads {sum(heads.values())} of {len(heads)}")
        previous, expected = seal.hash, seal.seq + 1


def _event_breaks(sealed: dict[tuple[str, int], tuple[str, int]]) -> Iterator[Break]:
    stream, expected, previous = None, 1, ""
    for name, seq, previous_hash, digest, *said in rows(_EVENTS, [active_organization_id()]):
        if name != stream:
            stream, expected, previous = name, 1, ""
        place = f"{name} #{seq}"
        if seq != expected:
            yield Break(f"{name} #{expected}", "missing")
        if previous_hash != previous:
            yield Break(place, "does not follow the event before it")
        if digest != _digest(previous_hash + _event_text(name, seq, said)):
            yield Break(place, "altered")
        seal = sealed.pop((name, seq), None)
        if seal and seal[0] != digest:
            yield Break(place, f"not what seal {seal[1]} sealed")
        expected, previous = seq + 1, digest


def _event_text(stream: str, seq: int, said: list[Any]) -> str:
    organization, action, actor, label, before, after, reason, request, at = said
    parts = [organization, stream, seq, action, "" if actor is None else actor, label, before, after, reason, request, _instant(at)]
    return SEPARATOR.join(str(part) for part in parts)


def rows(sql: str, parameters: list[Any]) -> Iterator[tuple]:
    """A big result, read in pages through a cursor of this transaction."""
    connection.ensure_connection()
    with connection.connection.cursor(name="carteira_proof") as cursor:
        cursor.itersize = PAGE
        cursor.execute(sql, parameters)
        yield from cursor


def take_time() -> None:
    """Let this transaction read for as long as a whole history takes."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
