from datetime import date, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from accounts.models import AuditEvent
from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.models import Order
from clients.signals import orders_changed, owners_named
from portfolio.models import Ownership
from portfolio.selectors import ownerships_on
from portfolio.services import PastOwnership, Transfer, credit_orders, record_history, transfer_clients
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, make_organization

JAN_5, FEB_1, MAR_2, APR_6 = date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 2), date(2026, 4, 6)
FILE = Actor(label="import ownership")


def periods(client):
    return list(Ownership.objects.filter(client=client).order_by("seq").values_list("seq", "representative_id", "started_on", "ended_on"))


def test_history_goes_in_by_day_whatever_the_order_of_the_file(acting):
    client, (ana, bruno) = ClientFactory(), RepresentativeFactory.create_batch(2)
    rows = [
        PastOwnership(client.pk, ana.pk, MAR_2),
        PastOwnership(client.pk, ana.pk, JAN_5),
        PastOwnership(client.pk, bruno.pk, FEB_1, date(2026, 2, 20), "férias"),
    ]

    result = record_history(rows, by=FILE)

    assert len(result.created) == 3
    assert periods(client) == [(1, ana.pk, JAN_5, FEB_1), (2, bruno.pk, FEB_1, date(2026, 2, 20)), (3, ana.pk, MAR_2, None)]
    client.refresh_from_db()
    assert client.representative_id == ana.pk
    actions = AuditEvent.objects.filter(stream=f"client:{client.pk}").order_by("seq").values_list("action", "after__seq")
    assert list(actions) == [("ownership.recorded", 1), ("ownership.recorded", 2), ("ownership.recorded", 3)]


def test_the_same_rows_again_change_nothing(acting):
    client, (ana, bruno) = ClientFactory(), RepresentativeFactory.create_batch(2)
    rows = [PastOwnership(client.pk, ana.pk, JAN_5), PastOwnership(client.pk, bruno.pk, FEB_1)]
    record_history(rows, by=FILE)
    before = periods(client)

    result = record_history(rows, by=FILE)

    assert (result.unchanged, result.created, result.refused, periods(client)) == (rows, [], [], before)


def test_only_what_continues_the_ledger_is_taken(acting):
    client, (ana, bruno) = ClientFactory(), RepresentativeFactory.create_batch(2)
    transfer_clients([Transfer(client.pk, ana.pk)], by=FILE, source=Ownership.Source.MANUAL, on=MAR_2)
    early = PastOwnership(client.pk, bruno.pk, JAN_5, FEB_1)
    ending = PastOwnership(client.pk, ana.pk, MAR_2, date(2026, 3, 20))
    later = PastOwnership(client.pk, bruno.pk, APR_6)
    odd = PastOwnership(client.pk, bruno.pk, APR_6, MAR_2)
    unknown = [PastOwnership(10**9, bruno.pk, JAN_5), PastOwnership(client.pk, 10**9, APR_6)]

    result = record_history([early, ending, later, odd, *unknown], by=FILE)

    assert {(row, code) for row, code in result.refused} == {
        (early, "overlaps"),
        (odd, "days_out_of_order"),
        (unknown[0], "client_unknown"),
        (unknown[1], "receiver_unknown"),
    }
    assert (result.closed, result.created) == ([ending], [later])
    assert periods(client) == [(1, ana.pk, MAR_2, date(2026, 3, 20)), (2, bruno.pk, APR_6, None)]


def test_a_history_that_ended_leaves_nobody_answering(acting):
    client, ana = ClientFactory(), RepresentativeFactory()

    record_history([PastOwnership(client.pk, ana.pk, JAN_5, FEB_1)], by=FILE)

    client.refresh_from_db()
    assert client.representative_id is None
    transfer_clients([Transfer(client.pk, ana.pk, 1, None)], by=FILE, source=Ownership.Source.MANUAL, on=MAR_2)
    assert [seq for seq, *_rest in periods(client)] == [1, 2]


def test_imported_history_credits_the_orders_of_its_days(acting):
    client, (ana, bruno) = ClientFactory(), RepresentativeFactory.create_batch(2)
    for day in (date(2026, 1, 4), JAN_5, date(2026, 1, 31), FEB_1, MAR_2):
        OrderFactory(client=client, ordered_on=day)

    result = record_history([PastOwnership(client.pk, ana.pk, JAN_5, FEB_1), PastOwnership(client.pk, bruno.pk, FEB_1, MAR_2)], by=FILE)

    assert result.recredited == {client.pk}
    assert list(Order.objects.order_by("ordered_on").values_list("representative_id", flat=True)) == [None, ana.pk, ana.pk, bruno.pk, None]


def test_changed_orders_are_credited_when_the_clients_app_says_so(acting):
    client, ana = ClientFactory(), RepresentativeFactory()
    record_history([PastOwnership(client.pk, ana.pk, JAN_5)], by=FILE)
    OrderFactory(client=client, ordered_on=FEB_1)

    orders_changed.send(Order, client_ids=[client.pk])

    assert Order.objects.get().representative_id == ana.pk
    assert credit_orders([client.pk]) == set()  # nothing left to change


def test_each_order_asks_the_ledger_for_its_own_client_alone(acting):
    """Right after a first import nothing is known of the ledger, and every index of it looks as good as another."""
    clients, (ana, bruno) = ClientFactory.create_batch(40), RepresentativeFactory.create_batch(2)
    record_history([PastOwnership(each.pk, (ana, bruno)[n % 2].pk, JAN_5) for n, each in enumerate(clients)], by=FILE)
    Order.objects.bulk_create(
        Order(organization=acting, code=f"O{n}", client=clients[n % 40], ordered_on=FEB_1, amount_cents=100) for n in range(80)
    )
    with CaptureQueriesContext(connection) as asked:
        assert credit_orders([each.pk for each in clients]) == {each.pk for each in clients}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")  # of forty rows all are soon read
        wanted, credit, _back = (each["sql"] for each in asked)
        cursor.execute(wanted)
        cursor.execute("EXPLAIN " + credit)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    # once to find and once to compare, by the client's own number and by that of one that was merged into it
    assert plan.count("on portfolio_ownership") == plan.count("using ownership_seq on portfolio_ownership") == 4, plan


def test_owners_a_client_file_names_are_transferred_once(acting):
    (one, two), (ana, bruno) = ClientFactory.create_batch(2), RepresentativeFactory.create_batch(2)
    rows = [(one.pk, ana.pk), (two.pk, bruno.pk)]

    for _again in range(2):
        ((_receiver, result),) = owners_named.send(type(one), rows=rows, on=JAN_5, by=FILE)

    assert (result.applied, result.refused) == ([], [])
    assert periods(one) == [(1, ana.pk, JAN_5, None)]
    assert Ownership.objects.count() == 2


class TestCredit(HypothesisTestCase):
    """Every order's representative is who the ledger says answered on its day, after any history and any transfers."""

    @settings(max_examples=25, deadline=None)
    @given(
        spans=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 6)), max_size=6),
        moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=4),
        orders=st.lists(st.integers(-3, 45), max_size=8),
    )
    def test_orders_follow_the_ledger(self, spans, moves, orders):
        with acting_for(make_organization().pk):
            client, people = ClientFactory(), RepresentativeFactory.create_batch(3)
            made = [OrderFactory(client=client, ordered_on=JAN_5 + timedelta(days)) for days in orders]
            rows, day = [], JAN_5
            for who, length, gap in spans:
                rows.append(PastOwnership(client.pk, people[who].pk, day, day + timedelta(length)))
                day += timedelta(length + gap)
            record_history(rows, by=FILE)
            for who, days in moves:
                transfer_clients([Transfer(client.pk, people[who].pk)], by=FILE, source="manual", on=JAN_5 + timedelta(days))

            for order in made:
                owner = ownerships_on(order.ordered_on).filter(client=client).first()
                order.refresh_from_db()
                assert order.representative_id == (owner and owner.representative_id)
            last = Ownership.objects.filter(client=client).order_by("-seq").first()
            client.refresh_from_db()
            assert client.representative_id == (last.representative_id if last and last.ended_on is None else None)
