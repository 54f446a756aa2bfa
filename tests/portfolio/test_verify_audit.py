"""verify_audit finds what somebody with the database's owner role, and triggers switched off, changed in history."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.models import AuditSeal
from accounts.services import Actor, record_event
from accounts.services.seals import seal_audit
from accounts.tasks import seal_audit as seal_task
from accounts.tenancy import acting_for
from portfolio.models import Ownership
from portfolio.services import PastOwnership, Transfer, record_history, transfer_clients
from tests.factories import ClientFactory, RepresentativeFactory, make_organization

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

TABLES = ("accounts_auditevent", "accounts_auditseal", "portfolio_ownership", "clients_client")
NIGHT = datetime(2026, 3, 3, 3, 10, tzinfo=UTC)
ACTOR = Actor(label="test")


class History:
    """Six clients with ten or so changes each, sealed twice; the last changes came after the last seal."""

    def __init__(self) -> None:
        self.organization = make_organization()
        with acting_for(self.organization.pk):
            people = RepresentativeFactory.create_batch(3)
            self.clients = ClientFactory.create_batch(6)
            rows = [
                PastOwnership(c.pk, people[n % 3].pk, date(2025, 1, n + 1), None if n % 2 else date(2025, 6, 1))
                for n, c in enumerate(self.clients)
            ]
            record_history(rows, by=ACTOR)
            record_history([PastOwnership(self.clients[1].pk, people[1].pk, date(2025, 1, 2), date(2025, 7, 1))], by=ACTOR)
            record_event("run:1", "run.applied", by=ACTOR, after={"applied": 6})
            day = date(2026, 1, 5)
            for night in range(3):
                for step in range(3):
                    batch = [Transfer(c.pk, people[(n + step) % 3].pk, reason=f"é {step}") for n, c in enumerate(self.clients)]
                    transfer_clients(batch, by=ACTOR, source="manual", on=day)
                    day += timedelta(7)
                if night < 2:
                    seal_audit(at=NIGHT + timedelta(night))


def verify(*arguments: str) -> None:
    call_command("verify_audit", *arguments, verbosity=0, stdout=io.StringIO())


@contextmanager
def unguarded() -> Iterator:
    """A cursor of the owner with every trigger of history off."""
    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            yield cursor
        finally:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


EDITS = {
    "accounts_auditevent": [
        "action = action || 'x'",
        "actor_label = 'somebody else'",
        "before = before || '{\"x\": 1}'",
        "after = after || '{\"representative\": 999}'",
        "reason = reason || '.'",
        "request_id = 'r'",
        "at = at - interval '1 microsecond'",
        "hash = repeat('0', 64)",
        "previous_hash = repeat('0', 64)",
        "stream = stream || '0'",
        "seq = seq + 1000",
    ],
    "portfolio_ownership": [
        "representative_id = (SELECT max(id) FROM accounts_representative WHERE id <> portfolio_ownership.representative_id)",
        "started_on = started_on - 1",
        "ended_on = coalesce(ended_on, started_on) + 1",
        "source = 'rotation'",
        "reason = 'other'",
        "actor_label = 'somebody else'",
        "proposal_id = id + 1000000",
        "recorded_at = recorded_at + interval '1 second'",
        "hash = repeat('0', 64)",
        "previous_hash = repeat('0', 64)",
        "closing_hash = repeat('0', 64)",
        "seq = seq + 1000",
    ],
    "accounts_auditseal": [
        "sealed_at = sealed_at + interval '1 day'",
        "events = events + 1",
        "streams = streams - 1",
        "heads = heads - 'run:1' || '{\"run:2\": [1, \"x\"]}'",
        "previous_hash = repeat('0', 64)",
        "hash = repeat('0', 64)",
        "seq = seq + 1000",
    ],
}


def edit(cursor, dice: random.Random) -> str:
    table = dice.choices(list(EDITS), [4, 5, 2])[0]
    change = dice.choice(EDITS[table])
    cursor.execute(f"UPDATE {table} SET {change} WHERE id = %s", [_any(cursor, table, dice)])
    return f"{table}: {change}"


def remove(cursor, dice: random.Random) -> str:
    """A row with others after it."""
    table, chain = dice.choice([("accounts_auditevent", "stream"), ("portfolio_ownership", "client_id")])
    cursor.execute(
        f"SELECT id FROM {table} t WHERE EXISTS (SELECT FROM {table} u WHERE u.{chain} = t.{chain} AND u.seq > t.seq) ORDER BY id"
    )
    pk = dice.choice(cursor.fetchall())[0]
    cursor.execute(f"DELETE FROM {table} WHERE id = %s", [pk])
    return f"{table}: row {pk} removed"


def cut_sealed_tail(cursor, dice: random.Random) -> str:
    """The last events of a stream, from before the last seal on; for a client its ownership rows go too, and the one before is reopened."""
    cursor.execute(
        "SELECT head.key, (head.value->>0)::bigint FROM accounts_auditseal s, jsonb_each(s.heads) head"
        " WHERE s.seq = 2 OR head.key = 'run:1' ORDER BY 1"
    )
    stream, seq = dice.choice(cursor.fetchall())
    cursor.execute("DELETE FROM accounts_auditevent WHERE stream = %s AND seq >= %s", [stream, seq])
    if stream.startswith("client:"):
        _reopen(cursor, int(stream[7:]), 4)
    return f"{stream} cut at {seq}"


def cut_new_tail(cursor, dice: random.Random) -> str:
    """What came after the last seal, of one of the two tables."""
    cursor.execute("SELECT DISTINCT client_id FROM portfolio_ownership ORDER BY 1")
    client = dice.choice(cursor.fetchall())[0]
    if dice.random() < 0.5:
        _reopen(cursor, client, 1)
        return f"ownership of client {client}: tail cut"
    cursor.execute(
        "DELETE FROM accounts_auditevent WHERE stream = %s AND seq = (SELECT max(seq) FROM accounts_auditevent WHERE stream = %s)",
        [f"client:{client}", f"client:{client}"],
    )
    return f"client:{client}: tail cut"


def forge(cursor, dice: random.Random) -> str:
    """A ledger row whose own hashes are right, which no audit event tells of."""
    cursor.execute(
        "SELECT client_id, seq, hash, representative_id, organization_id FROM portfolio_ownership WHERE ended_on IS NULL ORDER BY 1"
    )
    client, seq, head, representative, organization = dice.choice(cursor.fetchall())
    ending = date(2026, 6, 1)
    closing = hashlib.sha256((head + ending.isoformat()).encode()).hexdigest()
    cursor.execute("UPDATE portfolio_ownership SET ended_on = %s, closing_hash = %s WHERE hash = %s", [ending, closing, head])
    text = "\x1f".join(str(part) for part in (organization, client, seq + 1, representative, ending, "manual", "", "", "test", ""))
    cursor.execute(
        "INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, source, reason, actor_label,"
        " recorded_at, previous_hash, hash, closing_hash) VALUES (%s, %s, %s, %s, %s, 'manual', '', 'test', now(), %s, %s, '')",
        [organization, client, representative, seq + 1, ending, head, hashlib.sha256((head + text).encode()).hexdigest()],
    )
    return f"client {client}: row {seq + 1} forged"


def unmirror(cursor, dice: random.Random) -> str:
    pk = _any(cursor, "clients_client", dice)
    cursor.execute("UPDATE clients_client SET representative_id = NULL WHERE id = %s", [pk])
    return f"client {pk}: mirror emptied"


def drop_seal(cursor, dice: random.Random) -> str:
    cursor.execute("DELETE FROM accounts_auditseal WHERE seq = 1")
    return "seal 1 removed"


def _any(cursor, table: str, dice: random.Random) -> int:
    cursor.execute(f"SELECT id FROM {table} ORDER BY id")
    return dice.choice(cursor.fetchall())[0]


def _reopen(cursor, client: int, rows: int) -> None:
    """Cut the ledger's last rows and leave the one before as if it had never been closed."""
    for _each in range(rows):
        cursor.execute(
            "DELETE FROM portfolio_ownership WHERE client_id = %s AND seq ="
            " (SELECT max(seq) FROM portfolio_ownership WHERE client_id = %s)",
            [client, client],
        )
    cursor.execute(
        "UPDATE portfolio_ownership SET ended_on = NULL, closing_hash = '' WHERE client_id = %s AND seq ="
        " (SELECT max(seq) FROM portfolio_ownership WHERE client_id = %s) RETURNING representative_id",
        [client, client],
    )
    cursor.execute("UPDATE clients_client SET representative_id = %s WHERE id = %s", [cursor.fetchone()[0], client])


PLANTS: list[tuple[Callable, int]] = [
    (edit, 60),
    (remove, 12),
    (cut_sealed_tail, 10),
    (cut_new_tail, 10),
    (forge, 4),
    (unmirror, 3),
    (drop_seal, 1),
]


def test_an_honest_history_holds():
    history = History()
    with acting_for(history.organization.pk):
        first, second = AuditSeal.objects.order_by("seq")
        assert (first.streams, first.events, len(first.heads)) == (7, 24, 7)
        assert (second.streams, second.events, len(second.heads)) == (7, 42, 6)  # run:1 did not move

    verify()
    verify("--organization", history.organization.slug)
    with pytest.raises(CommandError, match="create_organization"):
        verify("--organization", "nobody")


def test_a_hundred_planted_changes_are_all_found():
    History()
    dice = random.Random(20260302)
    missed = []
    with unguarded() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
        try:
            for plant in [plant for plant, times in PLANTS for _each in range(times)]:
                planted = plant(cursor, dice)
                try:
                    verify()
                    missed.append(planted)
                except CommandError as found:
                    assert found.returncode == 1
                for table in TABLES[:3]:
                    cursor.execute(f"DELETE FROM {table}")
                    cursor.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
                cursor.execute(
                    "UPDATE clients_client c SET representative_id = k.representative_id FROM kept_clients_client k WHERE k.id = c.id"
                )
            verify()
        finally:
            for table in TABLES:
                cursor.execute(f"DROP TABLE kept_{table}")
    assert missed == []


def test_the_break_is_named():
    history = History()
    client = history.clients[2].pk
    with unguarded() as cursor:
        cursor.execute("UPDATE portfolio_ownership SET reason = 'other' WHERE client_id = %s AND seq = 3", [client])

    with pytest.raises(CommandError, match=f"^vale-verde: ownership of client {client} #3: altered$"):
        verify()


def test_the_nightly_task_seals_every_organization_and_only_what_moved(caplog):
    history = History()
    other = make_organization("rio-claro")
    with acting_for(other.pk):
        record_event("run:9", "run.applied", by=ACTOR)

    with caplog.at_level("INFO", logger="carteira.audit"):
        for _again in range(2):
            seal_task()

    with acting_for(history.organization.pk):
        assert AuditSeal.objects.count() == 3
        assert AuditSeal.objects.latest("seq").events == 60
        assert AuditSeal.objects.latest("seq").hash in caplog.text
        assert Ownership.objects.exists()
    with acting_for(other.pk):
        assert AuditSeal.objects.get().heads.keys() == {"run:9"}
    verify()
