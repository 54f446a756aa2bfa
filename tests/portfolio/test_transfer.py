from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.errors import NotAllowed
from accounts.models import Absence, AuditEvent, Notice, OutboxEvent, Role
from accounts.services import Actor
from clients.models import Client, ClientMonth
from clients.services.projections import refresh_clients
from portfolio.errors import AlreadyOwner, ReasonMissing, ReceiverInactive
from portfolio.models import Ownership
from portfolio.selectors import ownership_history, ownerships_on, portfolio_counts
from portfolio.services import Occasion, Transfer, transfer_client, transfer_clients
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, TeamFactory, make_member

JAN_5, FEB_1, MAR_2 = date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 2)
TASK = Actor(label="test")


def periods(client):
    rows = Ownership.objects.filter(client=client).order_by("seq")
    return list(rows.values_list("seq", "representative_id", "started_on", "ended_on"))


def move(client, to, on, **fields):
    return transfer_clients([Transfer(client.pk, to.pk, **fields)], by=TASK, source=Ownership.Source.MANUAL, on=on)


def code_of(result):
    assert not result.applied
    return [code for _each, code in result.refused]


def test_a_transfer_ends_the_previous_ownership_on_the_day_the_next_begins(acting):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, JAN_5)

    move(client, bruno, MAR_2)

    assert periods(client) == [(1, ana.pk, JAN_5, MAR_2), (2, bruno.pk, MAR_2, None)]
    client.refresh_from_db()
    assert client.representative_id == bruno.pk
    assert [o.representative_id for o in ownerships_on(date(2026, 3, 1))] == [ana.pk]
    assert [o.representative_id for o in ownerships_on(MAR_2)] == [bruno.pk]
    assert [o.representative.name for o in ownership_history(client)] == [bruno.name, ana.name]


def test_two_transfers_on_one_day_leave_a_period_of_no_days(acting):
    client = ClientFactory()
    ana, bruno, caio = RepresentativeFactory.create_batch(3)
    move(client, ana, JAN_5)
    move(client, bruno, MAR_2)

    move(client, caio, MAR_2)

    assert periods(client)[1:] == [(2, bruno.pk, MAR_2, MAR_2), (3, caio.pk, MAR_2, None)]
    assert [o.representative_id for o in ownerships_on(MAR_2)] == [caio.pk]


def test_the_audit_event_says_from_whom_to_whom_and_which_row(acting):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, JAN_5)

    move(client, bruno, MAR_2, reason="Região nova", proposal_id=77)

    event = AuditEvent.objects.filter(stream=f"client:{client.pk}").latest("seq")
    assert (event.seq, event.action, event.reason, event.actor_label) == (2, "client.transferred", "Região nova", "test")
    assert event.before == {"representative": ana.pk, "seq": 1}
    assert event.after == {"representative": bruno.pk, "seq": 2, "started_on": "2026-03-02", "source": "manual", "proposal": 77}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expected_seq": 2}, "owner_changed"),
        ({"expected_seq": 0}, "owner_changed"),
        ({"expected_from_id": None}, "owner_changed"),
        ({"expected_from_id": 999_999}, "owner_changed"),
    ],
)
def test_what_the_sender_believed_is_compared_under_lock(acting, fields, code):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, JAN_5)

    assert code_of(move(client, bruno, MAR_2, **fields)) == [code]
    assert periods(client) == [(1, ana.pk, JAN_5, None)]


def test_refused_rows_leave_no_trace_and_stop_no_other(acting):
    ana = RepresentativeFactory()
    gone = RepresentativeFactory(valid_to=MAR_2)
    good, discarded, hers = ClientFactory(), ClientFactory(discarded_on=JAN_5), ClientFactory()
    move(hers, ana, MAR_2)
    batch = [
        Transfer(good.pk, ana.pk),
        Transfer(good.pk, gone.pk),
        Transfer(discarded.pk, ana.pk),
        Transfer(hers.pk, ana.pk),
        Transfer(10**9, ana.pk),
    ]
    others = ClientFactory.create_batch(3)
    batch += [Transfer(others[0].pk, gone.pk), Transfer(others[1].pk, 10**9)]
    events, outbox = AuditEvent.objects.count(), OutboxEvent.objects.count()

    result = transfer_clients(batch, by=TASK, source=Ownership.Source.MANUAL, on=MAR_2)

    assert [each.client_id for each in result.applied] == [good.pk]
    assert {(each.client_id, code) for each, code in result.refused} == {
        (good.pk, "repeated"),
        (discarded.pk, "client_discarded"),
        (hers.pk, "already_owner"),
        (10**9, "client_unknown"),
        (others[0].pk, "receiver_inactive"),
        (others[1].pk, "receiver_unknown"),
    }
    assert (AuditEvent.objects.count() - events, OutboxEvent.objects.count() - outbox) == (1, 1)
    assert periods(others[2]) == periods(discarded) == []


def test_an_earlier_day_than_the_present_ownership_is_refused(acting):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, MAR_2)

    assert code_of(move(client, bruno, JAN_5)) == ["starts_later"]


def test_a_representative_whose_sign_in_was_deactivated_receives_nobody(acting):
    member = make_member(acting, Role.REPRESENTATIVE)
    ana = RepresentativeFactory(membership=member)
    member.is_active = False
    member.save()

    assert code_of(move(ClientFactory(), ana, JAN_5)) == ["receiver_inactive"]


def test_an_import_may_name_a_representative_who_left(acting):
    left = RepresentativeFactory(valid_to=JAN_5)

    result = transfer_clients([Transfer(ClientFactory().pk, left.pk)], by=TASK, source=Ownership.Source.IMPORT, on=MAR_2)

    assert len(result.applied) == 1


def test_room_is_counted_only_when_asked(acting):
    ana = RepresentativeFactory(capacity_clients=2)
    a, b, c = ClientFactory.create_batch(3)
    move(a, ana, JAN_5)

    result = transfer_clients(
        [Transfer(b.pk, ana.pk), Transfer(c.pk, ana.pk)], by=TASK, source=Ownership.Source.ROTATION, on=MAR_2, check_room=True
    )

    assert [each.client_id for each in result.applied] == [b.pk]
    assert [(each.client_id, code) for each, code in result.refused] == [(c.pk, "no_room")]
    assert move(c, ana, MAR_2).applied


def test_an_absent_receiver_is_refused_only_when_asked(acting):
    ana = RepresentativeFactory()
    Absence.objects.create(representative=ana, starts_on=FEB_1, ends_on=MAR_2)
    client = ClientFactory()
    asked = {"by": TASK, "source": Ownership.Source.ROTATION, "check_absence": True}

    assert code_of(transfer_clients([Transfer(client.pk, ana.pk)], on=FEB_1, **asked)) == ["receiver_absent"]
    assert transfer_clients([Transfer(client.pk, ana.pk)], on=MAR_2, **asked).applied  # back on the last, half-open day


def test_each_person_gets_one_notice_for_an_occasion_of_many_batches(acting):
    ana, bruno = (RepresentativeFactory(membership=make_member(acting, Role.REPRESENTATIVE)) for _ in range(2))
    clients = ClientFactory.create_batch(8, trade_name="Mercado")
    transfer_clients([Transfer(c.pk, ana.pk) for c in clients], by=TASK, source=Ownership.Source.IMPORT, on=JAN_5)
    Notice.objects.filter(membership=bruno.membership).update(read_at=None)
    occasion = Occasion("run:5", {"run": 5})

    for part in (clients[:3], clients[3:]):
        transfer_clients([Transfer(c.pk, bruno.pk) for c in part], by=TASK, source=Ownership.Source.ROTATION, on=MAR_2, occasion=occasion)

    told = Notice.objects.filter(key__startswith="run:5").order_by("kind").values_list("membership_id", "kind", "facts")
    facts = {"run": 5, "n": 8, "clients": [[c.pk, "Mercado"] for c in clients[:5]], "source": "rotation", "on": "2026-03-02"}
    assert list(told) == [(ana.membership_id, "clients_given", facts), (bruno.membership_id, "clients_received", facts)]


def test_a_batch_costs_the_same_statements_whatever_its_size(acting, django_assert_num_queries):
    ana, bruno = (RepresentativeFactory(membership=make_member(acting, Role.REPRESENTATIVE)) for _ in range(2))
    one, many = ClientFactory.create_batch(1), ClientFactory.create_batch(20)
    for client in one + many:
        move(client, ana, JAN_5)

    for clients in (one, many):
        with django_assert_num_queries(15):
            transfer_clients([Transfer(c.pk, bruno.pk) for c in clients], by=TASK, source=Ownership.Source.MANUAL, on=MAR_2)


def test_orders_from_the_day_of_the_transfer_are_credited_to_the_receiver(acting):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, JAN_5)
    for day in (date(2026, 1, 4), JAN_5, date(2026, 3, 1), MAR_2, date(2026, 3, 9)):
        OrderFactory(client=client, ordered_on=day)
    refresh_clients([client.pk], as_of=date(2026, 3, 20))

    move(client, bruno, MAR_2)

    credited = client.orders.order_by("ordered_on").values_list("representative_id", flat=True)
    assert list(credited)[-2:] == [bruno.pk, bruno.pk]
    # The month's row follows in the same transaction; the order of March 1st, never announced, is nobody's.
    march = ClientMonth.objects.filter(client=client, month=date(2026, 3, 1)).values_list("representative_id", "orders")
    assert set(march) == {(None, 1), (bruno.pk, 2)}


def test_ledger_and_mirror_never_differ(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    clients = ClientFactory.create_batch(4)
    transfer_clients([Transfer(c.pk, ana.pk) for c in clients], by=TASK, source=Ownership.Source.IMPORT, on=JAN_5)
    transfer_clients([Transfer(c.pk, bruno.pk) for c in clients[:2]], by=TASK, source=Ownership.Source.MANUAL, on=MAR_2)

    for ownership in Ownership.objects.filter(ended_on=None).select_related("client"):
        assert ownership.client.representative_id == ownership.representative_id
    assert [c.representative_id for c in Client.objects.order_by("pk")] == [bruno.pk, bruno.pk, ana.pk, ana.pk]


def test_portfolio_counts_say_what_each_holds_and_what_moved(acting):
    ana, bruno = RepresentativeFactory(name="Ana", capacity_clients=3), RepresentativeFactory(name="Bruno")
    for client in ClientFactory.create_batch(3):
        move(client, ana, JAN_5)
    move(client, bruno, MAR_2)

    counts = portfolio_counts(type(ana).objects.all(), since=FEB_1)

    assert [(c.name, c.clients, c.capacity, c.received, c.given) for c in counts] == [("Ana", 2, 3, 0, 1), ("Bruno", 1, 150, 1, 0)]


class TestByHand:
    def test_a_person_transfers_and_is_named(self, acting):
        admin = make_member(acting, Role.ADMIN)
        client, ana = ClientFactory(), RepresentativeFactory()

        begun = transfer_client(client=client, to=ana, by=Actor(admin), on=JAN_5, reason=" Cliente novo ")

        assert (begun.representative_id, begun.seq, begun.reason, begun.actor_id, begun.source) == (
            ana.pk,
            1,
            "Cliente novo",
            admin.pk,
            "manual",
        )

    def test_refusals_are_errors_with_a_sentence(self, acting):
        admin = Actor(make_member(acting, Role.ADMIN))
        client, ana, gone = ClientFactory(), RepresentativeFactory(), RepresentativeFactory(valid_to=JAN_5)
        transfer_client(client=client, to=ana, by=admin, on=JAN_5, reason="novo")

        for kind, to, reason in ((AlreadyOwner, ana, "de novo"), (ReceiverInactive, gone, "x"), (ReasonMissing, gone, "  ")):
            with pytest.raises(kind) as refused:
                transfer_client(client=client, to=to, by=admin, on=MAR_2, reason=reason)
            assert str(refused.value).endswith(".")

    def test_a_manager_transfers_inside_the_team_only(self, acting):
        north, south = TeamFactory(), TeamFactory()
        below = TeamFactory(parent=north)
        manager = Actor(make_member(acting, Role.MANAGER, team=north))
        ana, bruno, caio = RepresentativeFactory(team=north), RepresentativeFactory(team=below), RepresentativeFactory(team=south)
        client = ClientFactory()
        transfer_client(client=client, to=ana, by=manager, on=JAN_5, reason="novo")
        transfer_client(client=client, to=bruno, by=manager, on=JAN_5, reason="equipe")

        with pytest.raises(NotAllowed):
            transfer_client(client=client, to=caio, by=manager, on=JAN_5, reason="fora")
        move(client, caio, JAN_5)
        with pytest.raises(NotAllowed):
            transfer_client(client=client, to=ana, by=manager, on=JAN_5, reason="de fora")

    @pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR])
    def test_representatives_and_auditors_transfer_nobody(self, acting, role):
        member = make_member(acting, role)
        ana = RepresentativeFactory(membership=member)

        with pytest.raises(NotAllowed):
            transfer_client(client=ClientFactory(), to=ana, by=Actor(member), on=JAN_5, reason="para mim")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE portfolio_ownership SET representative_id = representative_id + 1",
        "UPDATE portfolio_ownership SET ended_on = NULL WHERE ended_on IS NOT NULL",
        "UPDATE portfolio_ownership SET ended_on = '2026-06-01' WHERE ended_on IS NOT NULL",
        "UPDATE portfolio_ownership SET ended_on = '2025-01-01' WHERE ended_on IS NULL",
        "DELETE FROM portfolio_ownership",
        "TRUNCATE portfolio_ownership",
        "UPDATE accounts_auditevent SET reason = 'x'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
    ],
)
def test_history_refuses_to_be_rewritten(acting, sql):
    client = ClientFactory()
    for each, day in zip(RepresentativeFactory.create_batch(2), (JAN_5, MAR_2), strict=True):
        move(client, each, day)

    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert refused.value.__cause__.pgcode in ("23001", "23514", "42501")


def test_a_gap_or_an_overlap_cannot_be_inserted(acting):
    client = ClientFactory()
    ana, bruno = RepresentativeFactory.create_batch(2)
    move(client, ana, JAN_5)

    for seq in (1, 2, 3):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ownership.objects.create(client=client, representative=bruno, seq=seq, started_on=MAR_2, source="manual")
