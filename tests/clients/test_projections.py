"""What is stored of clients' orders equals a plain recomputation from the facts, whatever happened to them in which order."""

import math
import statistics
from collections import defaultdict
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count, pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.models import Client, ClientActivity, ClientMonth, ClientSilence, Order, OrderItem
from clients.services import begin_clients, differences, rebuild_projections, refresh_abc, refresh_clients, refresh_windows
from clients.services import projection_sql as statements
from clients.services.projections import FEW_DAYS
from clients.signals import orders_changed
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_clients
from tests.clients.conftest import NOW
from tests.draws import drawn
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, VisitFactory, make_organization

TODAY = NOW.date()  # noon in São Paulo
BY = Actor(label="test")


def expected_activity(client: Client, *, as_of: date) -> dict:
    """The client's activity from its orders, in Python, one order at a time."""
    days: dict[date, int] = defaultdict(int)
    for order in Order.objects.filter(client=client, ordered_on__lte=as_of):
        days[order.ordered_on] += {"valid": order.amount_cents, "returned": min(order.amount_cents, 0), "cancelled": 0}[order.status]
    bought = sorted(day for day, net in days.items() if net > 0)
    gaps = [(b - a).days for a, b in pairwise(bought)]
    recent = {n: sum(as_of - timedelta(days=n) < day <= as_of for day in bought) for n in (30, 90, 180, 365)}
    return {
        "repeat_days": len(bought) - 1,
        "first_on": bought[0] if bought else None,
        "last_on": bought[-1] if bought else None,
        "sum_log_gap": pytest.approx(sum(math.log(gap) for gap in gaps), rel=1e-12, abs=1e-12),
        "median_gap": statistics.median(gaps) if gaps else None,
        "mean_gap": pytest.approx(statistics.fmean(gaps)) if gaps else None,
        "net_total_cents": sum(days.values()),
        "net_12m_cents": sum(net for day, net in days.items() if day > as_of - timedelta(days=365)),
        **{f"n{n}": recent[n] for n in recent},
        "windows_on": as_of,
    }


def expected_months(client: Client, *, as_of: date) -> set[tuple]:
    """(month, representative credited, orders, order days, revenue, products, lines, each product), in Python."""
    found = defaultdict(lambda: {"orders": 0, "revenue": 0, "days": defaultdict(int), "products": []})
    periods = list(Ownership.objects.filter(client=client))
    for order in Order.objects.filter(client=client, ordered_on__lte=as_of).exclude(status="cancelled"):
        day = order.ordered_on
        owner = next((p.representative_id for p in periods if p.started_on <= day and (p.ended_on is None or p.ended_on > day)), None)
        assert order.representative_id == owner  # credited to whoever owned the client that day
        net = order.amount_cents if order.status == "valid" else min(order.amount_cents, 0)
        month = found[day.replace(day=1), owner]
        month["orders"] += order.status == "valid"
        month["revenue"] += net
        month["days"][day] += net
        if order.status == "valid":
            month["products"].extend(OrderItem.objects.filter(order=order).values_list("product_id", flat=True))
    return {
        (month, owner, m["orders"], sum(net > 0 for net in m["days"].values()), m["revenue"], *sold(m["products"]))
        for (month, owner), m in found.items()
    }


def expected_silences(client: Client, *, as_of: date) -> set[tuple]:
    """(last order day before, first one after): before its first order, and wherever more than 60 days lie between two."""
    days: dict[date, int] = defaultdict(int)
    for order in Order.objects.filter(client=client, ordered_on__lte=as_of):
        days[order.ordered_on] += {"valid": order.amount_cents, "returned": min(order.amount_cents, 0), "cancelled": 0}[order.status]
    bought = sorted(day for day, net in days.items() if net > 0)
    return {(None, day) for day in bought[:1]} | {(a, b) for a, b in pairwise(bought) if b > a + timedelta(days=60)}


def expected_classes() -> dict[int, str]:
    year = {a.client_id: a.net_12m_cents for a in ClientActivity.objects.all() if a.net_12m_cents > 0}
    total, before, classes = sum(year.values()), 0, {}
    for client_id, net in sorted(year.items(), key=lambda each: (-each[1], each[0])):
        classes[client_id] = "A" if before * 100 < total * 80 else "B" if before * 100 < total * 95 else "C"
        before += net
    return classes


def sold(products: list[int]) -> tuple:
    return len({*products}), len(products), tuple(sorted({*products}))


def assert_projections_equal_facts(organization, *, as_of: date) -> None:
    for client in Client.objects.all():
        activity = ClientActivity.objects.get(client=client)
        expected = expected_activity(client, as_of=as_of)
        assert {name: getattr(activity, name) for name in expected} == expected
        names = ("month", "representative_id", "orders", "order_days", "revenue_cents", "products", "items", "product_ids")
        stored = [(*row, tuple(ids)) for *row, ids in ClientMonth.objects.filter(client=client).values_list(*names)]
        assert set(stored) == expected_months(client, as_of=as_of)
        assert len(stored) == len(set(stored))
        silences = ClientSilence.objects.filter(client=client).values_list("since_on", "until_on")
        assert sorted(silences, key=str) == sorted(expected_silences(client, as_of=as_of), key=str)
    classes = expected_classes()
    assert {a.client_id: a.abc for a in ClientActivity.objects.all()} == {
        client_id: classes.get(client_id, "") for client_id in Client.objects.values_list("id", flat=True)
    }
    assert not differences(organization)


DAYS = st.integers(-400, 40).map(lambda n: TODAY + timedelta(days=n))  # some still to come
ROW = st.tuples(
    st.integers(1, 8),  # order
    st.integers(1, 3),  # client
    DAYS,
    st.sampled_from(["valid", "valid", "valid", "returned", "cancelled"]),
    st.integers(-300, 900),  # amount, in units
    st.sampled_from("ABC"),  # product
)
STEP = st.one_of(
    st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: row[0]).map(lambda rows: ("orders", rows)),
    st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: row[0]).map(lambda rows: ("lines", rows)),
    st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(-60, 0)).map(lambda move: ("transfer", move)),
    st.integers(1, 3).map(lambda days: ("night", days)),
)
numbers = count(1)


@drawn(12, long=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=6))
def test_projections_equal_the_facts_after_any_sequence(take, steps):
    organization = make_organization(f"any-{next(numbers)}")
    take("representatives", "representative_code,name\nV1,Ana\nV2,Bruno\n", organization=organization)
    take("clients", "client_code,name\nC1,Um\nC2,Dois\nC3,Três\n", organization=organization)
    at, owned_on = NOW, TODAY - timedelta(days=60)
    for name, value in steps:
        if name == "night":
            at += timedelta(days=value)
            refresh_windows(organization, as_of=at.date())
        elif name == "transfer":
            client, representative, days = value
            owned_on = max(owned_on, TODAY + timedelta(days=days))  # the ledger only grows
            with acting_for(organization.pk):
                ids = dict(Client.objects.values_list("code", "id"))
                people = dict(organization_representatives())
                transfer_clients([Transfer(ids[f"C{client}"], people[f"V{representative}"])], by=BY, source="manual", on=owned_on)
        else:
            take("orders", as_file(name, value), organization=organization, at=at)
        refresh_windows(organization, as_of=at.date())
    with acting_for(organization.pk):
        assert_projections_equal_facts(organization, as_of=at.date())


def organization_representatives():
    from accounts.models import Representative

    return Representative.objects.values_list("code", "id")


def as_file(name: str, rows: list[tuple]) -> str:
    if name == "orders":
        header = "order_code,client_code,ordered_on,status,amount"
        lines = [f"P{order},C{client},{day},{status},{amount}" for order, client, day, status, amount, _product in rows]
    else:
        header = "order_code,client_code,ordered_on,status,product_code,quantity,unit_price"
        lines = [f"P{order},C{client},{day},{status},{product},2,{amount / 2:.2f}" for order, client, day, status, amount, product in rows]
    return "\n".join([header, *lines])


@pytest.fixture
def bought(acting):
    """A client nobody owns, that bought on 1 December, 5 January and 10 February."""
    client = ClientFactory()
    for day in (date(2025, 12, 1), date(2026, 1, 5), date(2026, 2, 10)):
        OrderFactory(client=client, ordered_on=day)
    refresh_clients([client.id], as_of=TODAY)
    refresh_abc()
    return client


def test_a_client_made_just_now_begins_with_the_row_a_recomputation_gives(acting):
    made, computed = ClientFactory.create_batch(2)
    ClientActivity.objects.all().delete()  # the factory's own

    begin_clients([made.id], as_of=TODAY)
    refresh_clients([computed.id], as_of=TODAY)

    first, second = ClientActivity.objects.order_by("client_id").values()
    own = {"id", "client_id"}
    assert {name: value for name, value in first.items() if name not in own} == {
        name: value for name, value in second.items() if name not in own
    }
    assert not differences(acting)


def test_a_day_counts_when_its_net_is_above_zero(bought, acting):
    OrderFactory(client=bought, ordered_on=date(2026, 1, 5), amount_cents=-10_000, status="returned")
    OrderFactory(client=bought, ordered_on=date(2026, 2, 10), amount_cents=-9_999, status="returned")
    OrderFactory(client=bought, ordered_on=date(2026, 2, 20), status="cancelled")

    refresh_clients([bought.id], as_of=TODAY)

    activity = ClientActivity.objects.get(client=bought)
    assert (activity.repeat_days, activity.last_on, activity.median_gap) == (1, date(2026, 2, 10), 71)
    assert activity.net_total_cents == 10_001


def test_an_order_still_to_come_counts_from_its_day(bought, acting):
    OrderFactory(client=bought, ordered_on=TODAY + timedelta(days=2))
    refresh_clients([bought.id], as_of=TODAY)
    assert ClientActivity.objects.get(client=bought).last_on == date(2026, 2, 10)

    refresh_windows(acting, as_of=TODAY + timedelta(days=1))
    assert ClientActivity.objects.get(client=bought).last_on == date(2026, 2, 10)
    refresh_windows(acting, as_of=TODAY + timedelta(days=2))
    assert ClientActivity.objects.get(client=bought).last_on == TODAY + timedelta(days=2)


def test_windows_move_with_the_day_and_only_clients_they_concern_are_recomputed(bought, acting):
    quiet = ClientFactory()
    refresh_clients([quiet.id], as_of=TODAY)

    assert refresh_windows(acting, as_of=date(2026, 3, 3)) == 0
    assert refresh_windows(acting, as_of=date(2026, 3, 12)) == 1  # 10 February leaves the 30 days
    assert refresh_windows(acting, as_of=date(2026, 3, 12)) == 0

    activity = ClientActivity.objects.get(client=bought)
    assert (activity.n30, activity.n90, activity.windows_on) == (0, 2, date(2026, 3, 12))
    assert ClientActivity.objects.get(client=quiet).windows_on == date(2026, 3, 12)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked", ["windows", "rebuild", "import", "cuts"])
def test_classes_of_a_large_company_are_given_the_time_they_take(asked, tmp_path):
    """Under the application's 15 s the first classes of 1,000,000 clients were given up, each hour anew."""
    from clients.imports.run import run_import
    from clients.tasks import refresh_classes

    company = make_organization("grande")
    with acting_for(company.pk):
        client = ClientFactory()
        refresh_clients([client.id], as_of=TODAY)
    limits = []

    def watch(execute, sql, params, many, context):
        if sql is statements.WRITE_ABC:
            with context["connection"].connection.cursor() as plain:
                plain.execute("SELECT current_setting('statement_timeout'), current_setting('transaction_timeout')")
                limits.append(plain.fetchone())
        return execute(sql, params, many, context)

    file = tmp_path / "pedidos.csv"
    file.write_text(f"order_code,client_code,ordered_on,amount\nP-1,{client.code},2026-02-02,100.00\n")
    ways = {
        "windows": lambda: refresh_windows(company, as_of=TODAY + timedelta(days=1)),
        "rebuild": lambda: rebuild_projections(company, as_of=TODAY),
        "import": lambda: run_import("orders", file, organization=company, by=BY, at=NOW),
        "cuts": lambda: refresh_classes(organization_id=company.pk),
    }
    with connection.execute_wrapper(watch):
        ways[asked]()
    assert limits == [("15min", "15min")]


def test_the_hourly_task_brings_every_organization_to_its_own_day(bought, organization):
    from accounts.selectors import local_day
    from clients.tasks import refresh_windows as task

    ClientActivity.objects.update(windows_on=date(2026, 1, 1))
    task()

    assert set(ClientActivity.objects.values_list("windows_on", flat=True)) == {local_day(organization, at=timezone.now())}
    assert not differences(organization)


def test_a_transfer_dated_back_moves_the_months_of_its_orders(bought, acting):
    ana = RepresentativeFactory()
    transfer_clients([Transfer(bought.id, ana.id)], by=BY, source="manual", on=date(2026, 1, 10))

    credited = ClientMonth.objects.order_by("month").values_list("month", "representative_id")
    assert list(credited) == [(date(2025, 12, 1), None), (date(2026, 1, 1), None), (date(2026, 2, 1), ana.id)]


def test_check_finds_what_was_changed_behind_the_projections_back(bought, organization, capsys):
    call_command("rebuild_projections", organization=organization.slug, check=True)
    OrderFactory(client=bought, ordered_on=date(2026, 2, 11))
    with pytest.raises(CommandError, match=str(bought.id)):
        call_command("rebuild_projections", organization=organization.slug, check=True)

    rebuild_projections(organization, as_of=TODAY)

    assert not differences(organization)
    ClientSilence.objects.create(client=bought, since_on=date(2026, 2, 11), until_on=date(2026, 4, 30))
    found = differences(organization)
    assert (found.activity, found.months, found.silences, found.client_ids) == (0, 0, 1, (bought.id,))


def test_rebuilding_brings_back_last_visit_and_a_missing_row(acting):
    client = ClientFactory()
    VisitFactory(client=client, visited_on=date(2026, 2, 1))
    ClientActivity.objects.all().delete()

    rebuild_projections(acting, as_of=TODAY)

    assert list(ClientActivity.objects.values_list("repeat_days", "last_visit_on", "last_contact_on")) == [
        (-1, date(2026, 2, 1), date(2026, 2, 1))
    ]


def test_orders_of_a_client_are_read_through_the_covering_index(bought, acting):
    """The plan that holds at nine million orders: an index-only read per client, never all orders of the organization."""
    from django.db import connection

    from clients.services import projection_sql
    from clients.services.projections import _facts

    # a handful of rows may be read through any index; of thousands only one is worth it
    others = [ClientFactory() for _ in range(4)]
    Order.objects.bulk_create(
        Order(organization_id=acting.pk, code=f"O{i}", client=others[i % 4], ordered_on=TODAY - timedelta(days=i % 300), amount_cents=100)
        for i in range(4_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_hashagg = off")
        cursor.execute("EXPLAIN " + projection_sql.WRITE_ACTIVITY, _facts(TODAY) | {"clients": [bought.id]})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "order_of_client" in plan
    assert "client_id = w.client_id" in plan


def test_the_receiver_credits_before_the_projections_are_built(bought, acting):
    ana = RepresentativeFactory()
    transfer_clients([Transfer(bought.id, ana.id)], by=BY, source="manual", on=TODAY)
    order = OrderFactory(client=bought, ordered_on=TODAY)

    orders_changed.send(sender=None, client_ids=[bought.id])

    order.refresh_from_db()
    assert order.representative_id == ana.id


@contextmanager
def plans_of(*parts: str):
    """The plans of the statements that hold every one of the parts, as they are run."""
    plans = []

    def explained(execute, query, values, many, context):
        if all(part in str(query) for part in parts):
            execute(f"EXPLAIN (SETTINGS) {query}", values, many, context)
            plans.append("\n".join(row[0] for row in context["cursor"].fetchall()))
        return execute(query, values, many, context)

    with connection.execute_wrapper(explained):
        yield plans


@pytest.mark.parametrize("days", [1, 3, 4])
def test_few_days_or_many_the_same_windows_change(bought, acting, days):
    """Few days are read from their orders, more from the clients: both name those with an order day at an edge, and no other."""
    at_edge = {
        window: OrderFactory(ordered_on=TODAY - timedelta(days=window - back)).client_id
        for window in (0, 30, 90, 180, 365)
        for back in (1,)
    }
    called_off = OrderFactory(ordered_on=TODAY - timedelta(days=29), status="cancelled").client_id
    inside = OrderFactory(ordered_on=TODAY - timedelta(days=20)).client_id
    new = ClientFactory().id
    refresh_clients([*at_edge.values(), called_off, inside, bought.id], as_of=TODAY)
    ahead = OrderFactory(client_id=inside, ordered_on=TODAY + timedelta(days=days + 1))
    ClientActivity.objects.filter(client=new).delete()

    recomputed = []

    def watch(execute, sql, params, many, context):
        if sql is statements.WRITE_ACTIVITY:
            recomputed.extend(params["clients"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        refresh_windows(acting, as_of=TODAY + timedelta(days=days))
    assert set(at_edge.values()) | {new} <= set(recomputed) and inside not in recomputed
    assert (called_off in recomputed) == (days > FEW_DAYS)  # it counts nowhere: asked by client it is only done once more than need be
    assert not differences(acting)
    assert ClientActivity.objects.get(client=inside).last_on < ahead.ordered_on


def test_classes_of_a_company_the_planner_never_saw_are_set_without_going_through_all_for_each(acting):
    refresh_clients([client.id for client in ClientFactory.create_batch(3)], as_of=TODAY)
    with plans_of("WITH", "UPDATE clients_clientactivity") as plans:
        refresh_abc()

    assert len(plans) == 1
    assert "Nested Loop" not in plans[0]
    assert "enable_nestloop = 'off'" in plans[0]  # of three clients it would not choose one anyway


def test_orders_of_a_company_the_planner_never_saw_are_read_by_client(acting):
    """The indexes by day hold all that is asked for as well: taken for each client, one reads every order, or silence, of the company."""
    clients = [order.client_id for order in OrderFactory.create_batch(3, ordered_on=TODAY)]
    with connection.cursor() as cursor, plans_of("clients_order") as plans:
        cursor.execute("SET LOCAL enable_seqscan = off")  # three orders fit a page, and a page is read whole
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        refresh_clients(clients, as_of=TODAY)
        cursor.execute(statements.WINDOWS_THAT_CHANGE, {"organization": acting.pk, "clients": clients, "as_of": TODAY + timedelta(days=40)})

    assert len(plans) == 3  # activity, months, and whose windows change
    # Beside a company of millions a new one seems to have one order, and sorting it costs nothing: then any index looks as good.
    assert all("enable_sort = 'off'" in plan and "Index Cond: ((organization_id = " in plan for plan in plans[:2])
    assert not [plan for plan in plans if "order_by_day" in plan or "clientsilence_by_end" in plan]
