"""Owners that come with their clients, in the statement that writes both: told and guarded as any other writing of the ledger."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEvent, Notice, OutboxEvent, Role
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from accounts.tenancy import acting_for, active_organization_id
from clients.models import ChangedSince, Client
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_clients
from portfolio.services.first_owners import BEGINS, facts_of_beginning
from portfolio.services.proof import ledger_breaks
from tests.clients.conftest import NOW, counts, take  # noqa: F401 - a fixture
from tests.factories import ClientFactory, RepresentativeFactory, make_member, make_organization

JAN_5, FEB_1, MAR_2 = date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 2)
TASK = Actor(label="test")
LEDGER = ("seq", "representative__code", "started_on", "ended_on", "source", "reason", "actor_id", "actor_label", "proposal_id")


def begin(*pairs: tuple[int, int], on: date = FEB_1) -> None:
    """What an import does, said of these (client, representative) as if their clients were new."""
    values = ", ".join(f"({client_id}::bigint, {representative_id}::bigint, true)" for client_id, representative_id in pairs)
    written = f"WITH written AS (SELECT * FROM (VALUES {values}) AS w(id, representative_id, created)), {BEGINS} SELECT FROM written"
    facts = facts_of_beginning(on=on, by=TASK, at=NOW) | {"organization": active_organization_id()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(written, facts)


def untell() -> None:
    """As if nothing had been told of changed days in this transaction, which is the whole test's."""
    ChangedSince.objects.all().delete()
    connection.cursor().execute("SET LOCAL app.changed_since = ''")


def broken_links() -> int:
    """Audit events whose hash is not that of what they say and of the event before them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT *, lag(hash, 1, '') OVER (PARTITION BY stream ORDER BY seq) AS before_it,"
            " row_number() OVER (PARTITION BY stream ORDER BY seq) AS place FROM accounts_auditevent) AS e"
            " JOIN accounts_auditevent a USING (organization_id, id)"
            " WHERE e.place <> e.seq OR e.previous_hash <> e.before_it"
            " OR e.hash <> encode(sha256(convert_to(e.previous_hash || carteira_audit_text(a), 'UTF8')), 'hex')"
        )
        return cursor.fetchone()[0]


def test_owners_come_with_new_clients_and_are_told_as_any_transfer_is(take, organization):  # noqa: F811
    with acting_for(organization.pk):
        ana = RepresentativeFactory(code="V1", membership=make_member(organization, Role.REPRESENTATIVE))
        RepresentativeFactory(code="V2")
        old = ClientFactory(code="C0", name="Zero")
        transfer_clients([Transfer(old.pk, ana.pk)], by=TASK, source=Ownership.Source.IMPORT, on=MAR_2)
        Notice.objects.all().delete()
        untell()

    result = take("clients", "client_code,name,representative_code\nC0,Zero,V2\nC1,Um,V1\nC2,Dois,V2\nC3,Três,V1\nC4,Quatro,\n")

    assert counts(result) == (4, 0, 1, 0, 0)
    with acting_for(organization.pk):
        clients = {client.code: client for client in Client.objects.select_related("representative")}
        assert {code: client.representative and client.representative.code for code, client in clients.items()} == {
            "C0": "V2", "C1": "V1", "C2": "V2", "C3": "V1", "C4": None,
        }  # fmt: skip
        rows = {
            code: list(Ownership.objects.filter(client=client).order_by("seq").values_list(*LEDGER)) for code, client in clients.items()
        }
        # The one that was moved by hand as an import moves it, but for whom it went to, and the one that came with its owner.
        assert rows["C0"][0][4:] == rows["C1"][0][4:] == ("import", "", None, "test", None)
        assert [row[:4] for row in rows["C1"] + rows["C2"] + rows["C3"]] == [
            (1, "V1", MAR_2, None), (1, "V2", MAR_2, None), (1, "V1", MAR_2, None),
        ]  # fmt: skip
        assert ([row[:4] for row in rows["C0"]], rows["C4"]) == ([(1, "V1", MAR_2, MAR_2), (2, "V2", MAR_2, None)], [])
        before, after, now = (
            AuditEvent.objects.get(stream=f"client:{clients[code].pk}", seq=seq) for code, seq in (("C0", 1), ("C3", 1), ("C0", 2))
        )
        assert (after.action, after.before, after.after, after.reason) == (before.action, before.before, before.after, before.reason)
        assert (now.previous_hash, after.previous_hash) == (before.hash, "")
        notice = Notice.objects.get(kind=Notice.Kind.CLIENTS_RECEIVED)
        assert (notice.membership_id, notice.facts["n"]) == (ana.membership_id, 2)
        assert notice.facts["clients"] == [[clients["C1"].pk, "Um"], [clients["C3"].pk, "Três"]]
        told = [event.payload["clients"] for event in OutboxEvent.objects.filter(topic="clients.transferred").order_by("pk")]
        assert told[1:] == [[clients[code].pk for code in ("C1", "C2", "C3")], [old.pk]]
        assert list(ChangedSince.objects.values_list("day", flat=True)) == [MAR_2]
        assert (list(ledger_breaks()), broken_links()) == ([], 0)


def test_a_check_of_such_a_file_writes_nothing(take, organization):  # noqa: F811
    with acting_for(organization.pk):
        RepresentativeFactory(code="V1")
    assert counts(take("clients", "client_code,name,representative_code\nC1,Um,V1\n", dry_run=True)) == (1, 0, 0, 0, 0)
    with acting_for(organization.pk):
        assert not Client.objects.exists() and not Ownership.objects.exists() and not AuditEvent.objects.exists()


def test_whoever_has_had_an_owner_cannot_begin_again(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    held, new = ClientFactory.create_batch(2)
    transfer_clients([Transfer(held.pk, ana.pk)], by=TASK, source="manual", on=JAN_5)
    for pairs in ([(new.pk, bruno.pk), (held.pk, bruno.pk)], [(new.pk, ana.pk), (new.pk, bruno.pk)]):
        with pytest.raises(IntegrityError):
            begin(*pairs)
    Ownership.objects.filter(client=held).update(ended_on=FEB_1)
    with pytest.raises(IntegrityError):
        begin((held.pk, bruno.pk), on=MAR_2)
    assert list(Ownership.objects.values_list("client_id", "ended_on")) == [(held.pk, FEB_1)]


def test_nobody_begins_across_the_wall(organization):
    with acting_for(make_organization("outra").pk):
        foreign = RepresentativeFactory()
    with acting_for(organization.pk):
        client = ClientFactory()
        begin((client.pk, foreign.pk))
        assert not Ownership.objects.exists()
        with pytest.raises(IntegrityError), transaction.atomic():
            ClientFactory(representative_id=foreign.pk)


def test_a_stream_begins_once(acting):
    record_events([Event("client:1", "a")], by=TASK, first=True)
    record_events([Event("client:1", "b"), Event("client:2", "b")], by=TASK)
    for streams in (["client:1"], ["client:2"], ["client:3", "client:3"]):
        with pytest.raises(IntegrityError), transaction.atomic():
            record_events([Event(stream, "c") for stream in streams], by=TASK, first=True)
    assert list(AuditEvent.objects.order_by("stream", "seq").values_list("stream", "seq", "action")) == [
        ("client:1", 1, "a"), ("client:1", 2, "b"), ("client:2", 1, "b"),
    ]  # fmt: skip
    assert broken_links() == 0


def test_the_ledger_tells_of_each_earlier_day_once_a_transaction(acting):
    clients, (ana, bruno) = ClientFactory.create_batch(4), RepresentativeFactory.create_batch(2)
    untell()

    def days() -> list[date]:
        return list(ChangedSince.objects.order_by("pk").values_list("day", flat=True))

    begin(*((client.pk, ana.pk) for client in clients[:2]))
    assert days() == [FEB_1]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        begin((clients[2].pk, ana.pk), on=JAN_5)
        raise ZeroDivisionError
    assert days() == [FEB_1]
    begin((clients[2].pk, ana.pk), on=JAN_5)
    transfer_clients([Transfer(clients[0].pk, bruno.pk)], by=TASK, source="manual", on=MAR_2)
    assert days() == [FEB_1, JAN_5]
