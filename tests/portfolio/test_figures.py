"""The figures of the panel and the reports: each formula by hand, and all of them against plain Python over random histories."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, pairwise
from unittest.mock import patch

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from accounts.models import Membership, Organization, Role
from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.models import Client, ClientScore, CreditSnapshot, Order, OrderItem, Product
from clients.selectors.lifecycle import Limits
from clients.services import refresh_abc, refresh_clients
from clients.services.changes import orders_written
from portfolio.models import Ownership, Visit
from portfolio.selectors import figures
from portfolio.selectors.figures import ClassShare, Mix, MonthOfSales, Movement, Moves, Near, Reached, Risk, Sales, Span, Turnover, Visits
from portfolio.selectors.figures import kept as kept_figures_of
from portfolio.selectors.figures.kept import kept_numbers
from portfolio.selectors.figures.risk import interval
from portfolio.services import Transfer, credit_orders, keeping, transfer_clients
from portfolio.services.keeping import EVERY, keep_figures, keep_present
from tests.draws import drawn
from tests.factories import (
    ClientFactory,
    OrderFactory,
    OwnershipFactory,
    RepresentativeFactory,
    VisitFactory,
    make_member,
    make_organization,
)

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 11, 23)
NOV = Span.month(AS_OF, as_of=AS_OF)
LIMITS = Limits(60, 90, 360)
BY = Actor(label="test")
STOPPED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def own(clients: Iterable[Client], representative, start=date(2025, 1, 1), end=None, seq=1, source="import") -> None:
    for client in clients:
        OwnershipFactory(client=client, representative=representative, started_on=start, ended_on=end, seq=seq, source=source)
        if end is None:
            Client.objects.filter(pk=client.pk).update(representative=representative)


def buy(client: Client, day: date, products=(), cents: int = 10_000, status: str = "valid") -> Order:
    order = OrderFactory(client=client, ordered_on=day, amount_cents=cents, status=status)
    for line, product in enumerate(products, 1):
        OrderItem.objects.create(order=order, line=line, product=product, quantity=3, unit_price_cents=1, amount_cents=3)
    return order


def visit(client: Client, representative, day: date | None, *, outcome: str = "no_sale", planned: date | None = None) -> Visit:
    at = datetime.combine(day, time(12), tzinfo=UTC) if day else None
    return VisitFactory(client=client, representative=representative, visited_at=at, visited_on=day, outcome=outcome, planned_on=planned)


def refresh(*, as_of: date = AS_OF) -> None:
    ids = list(Client.objects.values_list("pk", flat=True))
    credit_orders(ids)
    refresh_clients(ids, as_of=as_of)
    refresh_abc()


def goods(n: int) -> list[Product]:
    return [Product.objects.create(code=f"X{i}", name=f"Produto {i}") for i in range(n)]


def test_a_span_is_compared_with_the_same_days_before():
    assert Span(date(2026, 11, 1), AS_OF, now=True) == NOV
    assert NOV.before() == Span(date(2026, 10, 1), date(2026, 10, 23), cut=True)
    march = Span.month(date(2026, 3, 9), as_of=date(2026, 3, 30))
    assert march.before() == Span(date(2026, 2, 1), date(2026, 2, 28))  # February has no 30th: all of it
    quarter = Span.months(date(2026, 4, 1), date(2026, 6, 1), as_of=AS_OF)
    assert (quarter.until, quarter.n_months, quarter.before()) == (date(2026, 6, 30), 3, Span(date(2026, 1, 1), date(2026, 3, 31)))
    assert quarter.each_month() == [date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)]
    with pytest.raises(ValueError, match="2026-12-01"):
        Span.month(date(2026, 12, 1), as_of=AS_OF)


def test_210_of_300_are_70_percent_and_240_of_300_are_80(acting):
    """The dictionary's own examples, in tenths: 21 of 30 bought, 24 of 30 were visited; clients are counted, never orders."""
    ana = RepresentativeFactory()
    clients = ClientFactory.create_batch(30)
    own(clients, ana)
    for client in clients[:21]:
        buy(client, date(2026, 11, 3))
    buy(clients[0], date(2026, 11, 9))
    buy(clients[21], date(2026, 11, 9), status="cancelled")
    buy(clients[22], date(2026, 10, 31))
    for client in clients[:24]:
        visit(client, ana, date(2026, 11, 3))
    visit(clients[0], ana, date(2026, 11, 4))
    discarded, nobodys = ClientFactory.create_batch(2)
    own([discarded], ana)
    Client.objects.filter(pk=discarded.pk).update(discarded_on=date(2026, 11, 2))
    buy(nobodys, date(2026, 11, 5))
    refresh()

    found = figures.reached(NOV)

    assert found.by == {ana.pk: Reached(30, 21, 24, 30, 21), None: Reached(0, 0, 0, 1, 1)}
    assert (found.total.positivation, found.total.visit_coverage, found.total.sales_coverage) == (0.7, 0.8, 22 / 31)
    assert figures.reached(NOV, [ana.pk]).total == found.by[ana.pk]
    assert figures.reached(NOV, []).total.positivation is None


def test_revenue_ticket_and_orders_are_credited_to_who_answered_that_day(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    (client,) = ClientFactory.create_batch(1)
    own([client], ana, end=date(2026, 11, 10))
    own([client], bruno, start=date(2026, 11, 10), seq=2)
    buy(client, date(2026, 11, 9), cents=30_000)
    buy(client, date(2026, 11, 9), cents=20_001)
    buy(client, date(2026, 11, 10), cents=7_000)
    buy(client, date(2026, 11, 11), cents=-1_000, status="returned")
    buy(client, date(2026, 10, 30), cents=900)
    refresh()

    found = figures.sales(NOV)

    assert found.by == {ana.pk: Sales(50_001, 2), bruno.pk: Sales(6_000, 1)}
    assert (found.total, found.total.ticket_cents, found.by[ana.pk].ticket_cents) == (Sales(56_001, 3), 18_667, 25_000)
    assert Sales().ticket_cents is None
    # The same days of the month before do not hold its 30th; the whole month does.
    assert figures.sales(NOV.before()).total == Sales()
    assert figures.sales(Span.month(date(2026, 10, 1), as_of=AS_OF)).total == Sales(900, 1)
    assert figures.sales_by_month(Span.months(date(2026, 9, 1), AS_OF, as_of=AS_OF), [ana.pk]) == [
        MonthOfSales(date(2026, 9, 1)),
        MonthOfSales(date(2026, 10, 1), 900, 1, 1, 0),
        MonthOfSales(date(2026, 11, 1), 50_001, 2, 1, 0),
    ]


def test_one_product_to_ten_clients_is_mix_1_and_ten_items(acting):
    ana = RepresentativeFactory()
    clients, (only, *more) = ClientFactory.create_batch(10), goods(3)
    own(clients, ana)
    for client in clients:
        buy(client, date(2026, 11, 3), [only])
    refresh()
    total = figures.mix(NOV).total
    assert (total, total.average, total.items_per_order) == (Mix(products=1, client_products=10, clients=10, items=10, orders=10), 1, 1)

    buy(clients[0], date(2026, 11, 4), [only, *more])  # two products it did not have yet: 12 over 10 clients, 13 items in 11 orders
    refresh()
    found = figures.mix(NOV)
    assert (found.total, found.total.average) == (Mix(products=3, client_products=12, clients=10, items=13, orders=11), 1.2)
    assert found.by == {ana.pk: found.total}


def test_effectiveness_is_of_visits_and_fulfilment_of_plans(acting):
    ana = RepresentativeFactory()
    one, two = ClientFactory.create_batch(2)
    visit(one, ana, date(2026, 11, 3), outcome="sale", planned=date(2026, 11, 3))
    visit(one, ana, date(2026, 11, 5))
    visit(one, ana, date(2026, 11, 5), outcome="order")  # the word of files
    visit(one, ana, date(2026, 11, 6), planned=date(2026, 10, 30))  # planned for another month
    brought = visit(two, ana, date(2026, 11, 6), outcome="pedido")
    Visit.objects.filter(pk=brought.pk).update(order_value_cents=5)
    visit(two, ana, None, planned=date(2026, 11, 9))  # missed
    cancelled = visit(two, ana, None, planned=date(2026, 11, 10))
    Visit.objects.filter(pk=cancelled.pk).update(cancelled_at=datetime(2026, 11, 9, tzinfo=UTC))
    visit(two, ana, None, planned=date(2026, 11, 30))  # still to come
    found = figures.visits(NOV)
    assert found.by == {ana.pk: Visits(done=5, with_order=3, planned=2, kept=1)}
    assert (found.total.effectiveness, found.total.fulfilment) == (0.6, 0.5)


def test_who_turned_inactive_came_back_began_and_left(acting):
    """Of ten customers at the start eight are active: two turn inactive; one inactive buys again, three begin, one is lost."""
    ana, bruno = RepresentativeFactory.create_batch(2)
    start = date(2026, 10, 31)  # the day before

    def silent(days: int) -> Client:
        client = ClientFactory()
        own([client], ana)
        buy(client, start - timedelta(days=days))
        return client

    for days in (0, 10, 20, 30, 40, 50):
        silent(days)
    silent(89)  # turns inactive on the 1st
    passed = silent(80)  # turns inactive on the 10th, when it is Bruno's
    Ownership.objects.filter(client=passed).update(ended_on=date(2026, 11, 10))
    own([passed], bruno, start=date(2026, 11, 10), seq=2)
    back = silent(90)  # inactive at the start
    buy(back, date(2026, 11, 12))
    silent(359)  # lost on the 1st
    silent(360)  # lost already: no customer at the start, but inactive
    for _each in range(3):
        begun = ClientFactory()
        own([begun], ana)
        buy(begun, date(2026, 11, 20))
    refresh()

    found = figures.movement(NOV, LIMITS)

    assert found.total == Movement(customers=10, active=8, inactive=3, inactivated=2, lost=1, won_back=1, new=3)
    assert found.by[bruno.pk] == Movement(inactivated=1)
    total = found.total
    assert (total.inactivation_rate, total.loss_rate, total.won_back_rate, total.net_growth) == (0.25, 0.1, 1 / 3, 0.2)


def test_an_order_on_the_very_day_of_the_limit_is_in_time(acting):
    in_time, late = ClientFactory.create_batch(2)
    for client, day in ((in_time, date(2026, 11, 10)), (late, date(2026, 11, 11))):
        buy(client, date(2026, 8, 12))  # 90 days before the 10th
        buy(client, day)
    refresh()
    assert figures.movement(NOV, LIMITS).total == Movement(customers=2, active=2, inactivated=1, won_back=1)


def test_a_client_discarded_in_the_month_is_lost_then(acting):
    ana = RepresentativeFactory()
    left, before = ClientFactory.create_batch(2)
    own([left, before], ana)
    for client, day in ((left, date(2026, 11, 9)), (before, date(2026, 10, 31))):
        buy(client, date(2026, 10, 1))
        Client.objects.filter(pk=client.pk).update(discarded_on=day)
    refresh()
    assert figures.movement(NOV, LIMITS).total == Movement(customers=1, active=1, lost=1)


def test_who_a_person_declares_lost_is_lost_from_that_day(acting):
    """Of six active: one declared lost and left so, one for a day, one that buys again, one that would have turned inactive."""
    ana = RepresentativeFactory()
    clients = ClientFactory.create_batch(7)
    own(clients, ana)
    for client, day in zip(clients, (20, 21, 22, 23, 24, 25, 26), strict=True):
        buy(client, date(2026, 10, day))
    stays, a_day, again, turning, before, none, never = clients
    buy(turning, date(2026, 8, 20))
    Order.objects.filter(client=turning, ordered_on=date(2026, 10, 23)).delete()  # 90 days on the 18th
    for client, day, days in ((stays, 5, None), (a_day, 5, 1), (again, 6, None), (turning, 9, None), (never, 7, 0)):
        declared(client, date(2026, 11, day), days)
    declared(before, date(2026, 10, 30))
    buy(again, date(2026, 11, 12))
    refresh()
    expected = Movement(customers=6, active=6, inactive=1, inactivated=0, lost=4, won_back=1)
    found = figures.movement(NOV, LIMITS)
    assert (found.total, found.by) == (expected, {ana.pk: expected})
    assert (found.total.loss_rate, found.total.net_growth) == (4 / 6, -4 / 6)
    # and so it is with a limit for which order days are read one by one
    short = Limits(20, 40, 360)
    assert figures.movement(NOV, short).total.lost == 4
    assert figures.turnover(NOV, LIMITS)[-1] == Turnover(NOV.since, won_back=1)
    composed = figures.composition(AS_OF, LIMITS).groups
    assert (composed["former"].clients, composed["active"].clients) == (3, 4)
    assert none.pk not in {row.pk for row in figures.clients_behind("lost", NOV, LIMITS, as_of=AS_OF).rows}


def test_giro_is_clients_moved_by_rotation_over_the_portfolio(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    clients = ClientFactory.create_batch(10)
    own(clients, ana, end=None)
    for client, source, back in ((clients[0], "rotation", None), (clients[1], "manual", None), (clients[2], "rotation", date(2026, 11, 5))):
        Ownership.objects.filter(client=client).update(ended_on=date(2026, 11, 5))
        own([client], bruno, start=date(2026, 11, 5), end=back, seq=2, source=source)
    own([clients[2]], ana, start=date(2026, 11, 5), seq=3, source="reversal")  # given back on the day: it never moved
    found = figures.moves(NOV)
    assert found.by == {ana.pk: Moves(given=1, received=0, clients=8), bruno.pk: Moves(given=0, received=1, clients=2)}
    assert (found.total, found.total.rotation) == (Moves(1, 1, 10), 0.1)


def test_abc_adds_up_the_classes_of_whoever_is_asked_for(acting):
    ana = RepresentativeFactory()
    clients = ClientFactory.create_batch(4, representative=ana)
    for client, cents in zip(clients, (80_000, 15_000, 5_000), strict=False):
        buy(client, date(2026, 9, 1), cents=cents)
    refresh()
    expected = {"A": ClassShare(1, 80_000), "B": ClassShare(1, 15_000), "C": ClassShare(1, 5_000), "": ClassShare(1, 0)}
    assert figures.abc_composition() == figures.abc_composition([ana.pk]) == expected


# Random histories: months before AS_OF, two people, four clients; the last facts of an order hold.
DAY = st.integers(-430, 10).map(lambda n: AS_OF + timedelta(days=n))
# Fifteen days apart, so that some orders come on the very day a limit is reached.
RHYTHM = st.integers(0, 26).map(lambda n: AS_OF - timedelta(days=15 * n))
STEP = st.one_of(
    st.tuples(
        st.just("order"),
        st.integers(0, 9),
        st.integers(0, 3),
        DAY,
        st.sampled_from(["valid", "valid", "valid", "returned", "cancelled"]),
        st.integers(-300, 900),
        st.sets(st.integers(0, 2), max_size=3),
    ),
    st.tuples(
        st.just("order"),
        st.integers(10, 40),
        st.integers(0, 1),
        RHYTHM,
        st.just("valid"),
        st.just(500),
        st.sets(st.integers(0, 2), max_size=2),
    ),
    st.tuples(st.just("transfer"), st.integers(0, 3), st.integers(0, 1), st.integers(0, 60), st.sampled_from(["manual", "rotation"])),
    st.tuples(st.just("visit"), st.integers(0, 3), st.integers(0, 1), DAY, st.sampled_from(["sale", "no_sale"]), st.booleans()),
    st.tuples(
        st.just("lost"), st.integers(0, 3), st.integers(-200, 0).map(lambda n: AS_OF + timedelta(days=n)), st.none() | st.integers(0, 90)
    ),
    st.tuples(st.just("discard"), st.integers(0, 3), st.integers(-60, 5).map(lambda n: AS_OF + timedelta(days=n))),
)
SPAN = st.tuples(st.integers(0, 11), st.integers(0, 11), st.booleans())
numbers = count(1)


@drawn(8, long=40, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(STEP, min_size=4, max_size=24), chosen=SPAN, limits=st.sampled_from([LIMITS, Limits(7, 15, 45)]), kept=st.floats(0, 1)
)
def test_every_figure_equals_a_plain_recomputation(steps, chosen, limits, kept):
    """Counted, and where the days are over kept too: before some of the steps, and after all of them."""
    back, length, cut = chosen
    last = Span.month(AS_OF, as_of=AS_OF)
    for _each in range(back):
        last = Span.month(last.since - timedelta(days=1), as_of=AS_OF)
    span = Span.months(Span.month(last.since - timedelta(days=30 * length), as_of=AS_OF).since, last.since, as_of=AS_OF)
    span = span.before() if cut else span
    organization = make_organization(
        f"figures-{next(numbers)}", warn_days=limits.warn, inactive_days=limits.inactive, lost_days=limits.lost
    )
    with acting_for(organization.pk):
        people, clients = RepresentativeFactory.create_batch(2), ClientFactory.create_batch(4)
        products, owned_on = goods(3), AS_OF - timedelta(days=400)
        for number, (kind, *values) in enumerate(steps):
            if number == int(kept * len(steps)):
                refresh()
                keep(organization, span)
            if kind == "order":
                code, who, day, status, amount, skus = values
                Order.objects.filter(code=f"F{code}").delete()
                order = OrderFactory(code=f"F{code}", client=clients[who], ordered_on=day, status=status, amount_cents=amount)
                for line, sku in enumerate(sorted(skus)):
                    OrderItem.objects.create(order=order, line=line, product=products[sku], quantity=1, unit_price_cents=1, amount_cents=1)
                orders_written([order.pk])
            elif kind == "transfer":
                who, to, days, source = values
                owned_on = min(AS_OF, owned_on + timedelta(days=days))  # the ledger only grows
                transfer_clients([Transfer(clients[who].pk, people[to].pk)], by=BY, source=source, on=owned_on)
            elif kind == "visit":
                who, to, day, outcome, done = values
                planned = None if Visit.objects.filter(client=clients[who], planned_on=day).exists() else day
                visit(clients[who], people[to], day if done or not planned else None, outcome=outcome, planned=planned)
            elif kind == "lost":
                declared(clients[values[0]], *values[1:])
            else:
                Client.objects.filter(pk=clients[values[0]].pk).update(discarded_on=values[1])
        refresh()
        plain = Plain(span, limits)
        with patch.object(kept_figures_of, "PRESENT_SECONDS", 0):
            for whose in (None, [people[0].pk], [each.pk for each in people], []):
                plain.check(whose)
        keep(organization, span)
        with patch.object(kept_figures_of, "PRESENT_SECONDS", 3_600):
            assert kept_numbers("reached", span) is not None or span.n_months not in (1, 12)
            for whose in (None, [people[0].pk], [each.pk for each in people]):
                plain.check(whose, lists=span.now and whose is None)


def keep(organization, span: Span) -> None:
    """As the tasks do; what reaches the present is counted again only where a transaction told of a change."""
    if span.now:
        with patch.object(keeping, "ENOUGH", timedelta(0)), connection.cursor() as cursor:
            keep_present(organization.pk, today=AS_OF)
            # What follows would be other transactions: each tells again.
            cursor.execute("SELECT set_config('app.changed_since', '', true), set_config('app.visits_changed_since', '', true)")
    else:
        keep_figures(organization.pk, spans={span: EVERY})


def declared(client: Client, day: date, days: int | None = None) -> None:
    """The client was declared lost on the day, after the last order it then had, and perhaps taken back so many days later; once."""
    orders = Order.objects.filter(client=client, ordered_on__lte=day, status="valid", amount_cents__gt=0)
    since = orders.order_by("-ordered_on").values_list("ordered_on", flat=True).first()
    if since is None or client.stops.exists():
        return
    until = None if days is None else min(day + timedelta(days=days), AS_OF)
    client.stops.create(silent_since=since, reason="Fechou", told_on=day, told_at=STOPPED_AT, by=stopper(), lost_on=day, lost_until=until)
    Client.objects.filter(pk=client.pk).update(lost_silence=None if until else since)


def stopper() -> Membership:
    return Membership.objects.filter(role=Role.ADMIN).first() or make_member(Organization.objects.get(), Role.ADMIN)


class Plain:
    """The same figures by loops over the rows, with no SQL of ours."""

    def __init__(self, span: Span, limits: Limits) -> None:
        self.span, self.limits = span, limits
        self.clients = list(Client.objects.all())
        self.ledger = list(Ownership.objects.order_by("seq"))
        self.orders = [o for o in Order.objects.exclude(status="cancelled") if o.ordered_on <= AS_OF]
        self.lines = defaultdict(list)
        for order, product in OrderItem.objects.values_list("order_id", "product_id"):
            self.lines[order].append(product)
        self.visits = list(Visit.objects.all())
        self.stops = {client.pk: list(client.stops.all()) for client in self.clients}
        nets: dict[tuple[int, date], int] = defaultdict(int)
        for order in self.orders:
            nets[order.client_id, order.ordered_on] += self.net(order)
        self.days = {c.pk: sorted(day for (client, day), net in nets.items() if client == c.pk and net > 0) for c in self.clients}

    @staticmethod
    def net(order: Order) -> int:
        return order.amount_cents if order.status == "valid" else min(order.amount_cents, 0)

    def owner(self, client: int, day: date) -> int | None:
        held = [w for w in self.ledger if w.client_id == client and w.started_on <= day and (w.ended_on is None or w.ended_on > day)]
        assert len(held) <= 1
        return held[0].representative_id if held else None

    def said_lost(self, client: Client, day: date) -> bool:
        """Whether a person's word stood on that day: begun, not taken back, and no order since the silence it is about."""
        return any(
            stop.lost_on <= day
            and (stop.lost_until is None or day < stop.lost_until)
            and not any(stop.silent_since < each <= day for each in self.days[client.pk])
            for stop in self.stops[client.pk]
        )

    def inside(self, day: date | None) -> bool:
        return day is not None and self.span.since <= day <= self.span.until

    def check(self, whose: list[int] | None, *, lists: bool = True) -> None:
        def asked(person: int | None) -> bool:
            return whose is None or person in whose

        keys: list = [None, *{w.representative_id for w in self.ledger}, *{v.representative_id for v in self.visits}]
        groups = [(key, {key}) for key in set(keys) if asked(key)] + [("all", {key for key in keys if asked(key)})]
        families = {
            "sales": (figures.sales(self.span, whose), self.sales, Sales()),
            "mix": (figures.mix(self.span, whose), self.mix, Mix()),
            "reached": (figures.reached(self.span, whose), self.reached, Reached()),
            "visits": (figures.visits(self.span, whose), self.visited, Visits()),
            "moves": (figures.moves(self.span, whose), self.moved, Moves()),
            "movement": (figures.movement(self.span, self.limits, whose), self.movement, Movement()),
        }
        for name, (found, plainly, nothing) in families.items():
            for key, group in groups:
                shown = found.total if key == "all" else found.by.get(key, nothing)
                assert shown == plainly(group), (name, key, whose)
            assert set(found.by) <= {key for key, _group in groups}
        alone, whole = figures.positivated(self.span, whose), self.reached({key for key in keys if asked(key)})
        assert (alone.clients, alone.buyers) == (whole.clients, whole.buyers)
        assert figures.movement(self.span, self.limits, whose, each=False).total == figures.movement(self.span, self.limits, whose).total
        assert figures.visits_done(self.span, whose) == figures.visits(self.span, whose).total.done
        for family in (figures.reached, figures.visits, figures.moves):
            assert family(self.span, whose, each=False).total == family(self.span, whose).total, family
        assert figures.mix_in_all(self.span, whose) == figures.mix(self.span, whose).total
        portfolio = figures.reached(self.span, whose, nobodys=False)
        assert portfolio.total == Reached(whole.clients, whole.buyers, whole.visited, whole.clients, whole.buyers)
        if lists and (whose is None or len(whose) == 1):
            self.check_lists(whose, {key for key in keys if asked(key)})

    def check_lists(self, whose: list[int] | None, group: set) -> None:
        """What is not a family: by state of the country, by group of the base, month by month, and the clients behind a number."""
        sold, movement, reached = self.sales(group), self.movement(group), self.reached(group)
        states = figures.sales_by_state(self.span, whose)
        assert (sum(row.revenue_cents for row in states), sum(row.orders for row in states)) == (sold.revenue_cents, sold.orders)
        held = [c for c in self.clients if c.discarded_on is None or c.discarded_on > AS_OF]
        groups = Counter(self.group(c) for c in held if whose is None or c.representative_id in whose)
        composed = figures.composition(AS_OF, self.limits, whose).groups
        assert {what: each.clients for what, each in composed.items() if each.clients} == groups
        assert figures.near_inactive(AS_OF, self.limits, whose).clients == groups["near_inactive"]
        if self.limits.inactive > 31 and not self.span.cut:
            month = copy(self)
            month.span = Span.month(self.span.until, as_of=self.span.until)
            alone, last = month.movement(group), figures.turnover(self.span, self.limits, whose)[-1]
            assert (last.new, last.won_back, last.inactivated) == (alone.new, alone.won_back, alone.inactivated)
        behind = {
            "buyers": reached.buyers,
            "missing": reached.clients - reached.buyers,
            "visited": reached.visited,
            "unvisited": reached.clients - reached.visited,
            "given": self.moved(group).given,
            "unkept": len(
                {v.client_id for v in self.visits if self.inside(v.planned_on) and not v.visited_on and v.representative_id in group}
            ),
            **{what: getattr(movement, what) for what in ("inactivated", "won_back", "new", "lost")},
            **{what: groups[what] for what in ("active", "near_inactive", "inactive", "one_time", "former", "prospect")},
        }
        for what, n in behind.items():
            found = figures.clients_behind(what, self.span, self.limits, whose, as_of=AS_OF)
            assert (found.clients, len(found.rows), found.elsewhere) == (n, n, 0), what
        revenue = figures.clients_behind("revenue", self.span, self.limits, whose, as_of=AS_OF, within=[])
        assert (revenue.cents or 0, revenue.rows, revenue.elsewhere) == (sold.revenue_cents, [], revenue.clients)

    def group(self, client: Client) -> str:
        days = [day for day in self.days[client.pk] if day <= AS_OF]
        if not days:
            return "prospect"
        silent = (AS_OF - days[-1]).days
        if self.said_lost(client, AS_OF):
            return "former"
        if silent < self.limits.inactive:
            return "active" if silent < self.limits.warn else "near_inactive"
        if silent >= self.limits.lost:
            return "former"
        return "one_time" if len(days) == 1 else "inactive"

    def taken(self, group: set) -> list[Order]:
        return [o for o in self.orders if self.inside(o.ordered_on) and self.owner(o.client_id, o.ordered_on) in group]

    def sales(self, group: set) -> Sales:
        taken = self.taken(group)
        return Sales(sum(map(self.net, taken)), sum(o.status == "valid" for o in taken))

    def mix(self, group: set) -> Mix:
        taken = self.taken(group)
        bought = {c for c, days in self.days.items() for day in days if self.inside(day) and self.owner(c, day) in group}
        valid = [o for o in taken if o.status == "valid"]
        pairs = {(o.client_id, product) for o in valid for product in self.lines[o.pk]}
        return Mix(
            products=len({product for _client, product in pairs}),
            client_products=sum(client in bought for client, _product in pairs),
            clients=len(bought),
            items=sum(len(self.lines[o.pk]) for o in valid),
            orders=len(valid),
        )

    def reached(self, group: set) -> Reached:
        until = self.span.until
        standing = [c.pk for c in self.clients if c.discarded_on is None or c.discarded_on > until]
        standing = [c for c in standing if self.owner(c, until) in group]
        held = [c for c in standing if self.owner(c, until) is not None]
        bought = {c for c, days in self.days.items() if any(map(self.inside, days))}
        seen = {v.client_id for v in self.visits if self.inside(v.visited_on)}
        return Reached(len(held), len(bought & {*held}), len(seen & {*held}), len(standing), len(bought & {*standing}))

    def visited(self, group: set) -> Visits:
        own = [v for v in self.visits if v.representative_id in group]
        done, planned = [v for v in own if self.inside(v.visited_on)], [v for v in own if self.inside(v.planned_on)]
        return Visits(len(done), sum(v.outcome == "sale" for v in done), len(planned), sum(v.visited_on is not None for v in planned))

    def moved(self, group: set) -> Moves:
        given, received, until = set(), set(), self.span.until
        for client in self.clients:
            periods = [w for w in self.ledger if w.client_id == client.pk and w.ended_on != w.started_on]
            for old, new in [(None, periods[0] if periods else None), *pairwise(periods)]:
                if new is None or new.source != "rotation" or not self.inside(new.started_on):
                    continue
                if old and old.representative_id in group:
                    given.add(client.pk)
                if new.representative_id in group:
                    received.add(client.pk)
        held = [c for c in self.clients if c.discarded_on is None or c.discarded_on > until]
        people = group - {None}
        return Moves(len(given), len(received), sum(self.owner(c.pk, until) in people for c in held))

    def movement(self, group: set) -> Movement:
        span, counted = self.span, defaultdict(set)
        eve = span.since - timedelta(days=1)
        for client in self.clients:
            gone = client.discarded_on or date.max
            days = self.days[client.pk]
            at = {}  # what happened first, when

            def silent(day: date, days=days) -> int | None:
                before = [each for each in days if each <= day]
                return (day - before[-1]).days if before else None

            start = silent(eve) if gone > eve else None
            if start is not None:
                gone_already = self.said_lost(client, eve)
                at["customers" if start < self.limits.lost and not gone_already else "-"] = eve
                at["active" if start < self.limits.inactive and not gone_already else "inactive"] = eve
            day = span.since
            while day <= span.until and day < gone:
                now, eves = silent(day), silent(day - timedelta(days=1))
                said, said_before = self.said_lost(client, day), self.said_lost(client, day - timedelta(days=1))
                if "active" in at and now is not None and now == self.limits.inactive and not said:
                    at.setdefault("inactivated", day)
                if "customers" in at and now is not None and (now == self.limits.lost or said):
                    at.setdefault("lost", day)
                if now == 0 and eves is None:
                    at["new"] = day
                if now == 0 and eves is not None and (eves >= self.limits.inactive or said_before):
                    at.setdefault("won_back", day)
                day += timedelta(days=1)
            if "customers" in at and self.inside(client.discarded_on):
                at.setdefault("lost", client.discarded_on)
            for what, when in at.items():
                if self.owner(client.pk, when) in group:
                    counted[what].add(client.pk)
        return Movement(**{name: len(counted[name]) for name in Movement.__dataclass_fields__})


def test_the_base_by_groups_puts_each_client_in_one(acting):
    """Delinquent before former before one-time; a prospect without credit is apart from the others (C42)."""

    def client(*silences: int, **credit) -> None:
        made = ClientFactory()
        for days in silences:
            buy(made, AS_OF - timedelta(days=days), cents=100)
        if credit:
            CreditSnapshot.objects.create(client=made, observed_on=AS_OF - timedelta(days=9), overdue_cents=5, restrictions=2)
            CreditSnapshot.objects.create(client=made, observed_on=AS_OF, **credit)

    client(10), client(59), client(60), client(82), client(83), client(89)
    (
        client(90, 120),
        client(90),
        client(400, 410),
        client(400, 410, overdue_cents=1),
        client(90, overdue_cents=0),
        client(5, overdue_cents=9),
    )
    client(), client(restrictions=1), client(restrictions=0)
    refresh()
    found = figures.composition(AS_OF, LIMITS)
    assert {what: group.clients for what, group in found.groups.items()} == {
        "active": 3,
        "near_inactive": 4,
        "inactive": 1,
        "one_time": 2,
        "delinquent": 1,
        "former": 1,
        "prospect": 2,
        "credit_rejected": 1,
    }
    assert (found.turning, found.clients, found.groups["inactive"].revenue_cents) == (2, 15, 200)
    assert figures.near_inactive(AS_OF, LIMITS) == Near(4, 2, 7)
    turning = figures.clients_behind("turning", NOV, LIMITS, as_of=AS_OF)
    assert sorted((AS_OF - row.last_on).days for row in turning.rows) == [83, 89]


def test_the_loss_expected_and_its_interval_by_hand(acting):
    """Two clients worth R$ 100,00 that stay or go with even chances: R$ 100,00 goes, give or take 1.96 times the root of 5,000."""
    for name, p, cents in (("A", 0.5, 10_000), ("B", 0.5, 10_000)):
        client = ClientFactory(trade_name=name)
        buy(client, AS_OF - timedelta(days=3))
        score(client, p, cents)
    gone, old = ClientFactory.create_batch(2)
    buy(gone, AS_OF - timedelta(days=90))  # inactive: there is nothing left to lose
    score(gone, 0.9, 99_999)
    buy(old, AS_OF - timedelta(days=1))
    score(old, 0.9, 99_999, made_for=AS_OF - timedelta(days=2))  # it ordered since
    refresh()
    found = figures.revenue_at_risk(AS_OF, LIMITS)
    half = round(1.959964 * 5_000 * 2**0.5)
    assert (found.clients, found.worth_cents, found.expected_cents, found.checked) == (2, 20_000, 10_000, False)
    assert (found.low_cents, found.high_cents) == (max(0, 10_000 - half), min(20_000, 10_000 + half))
    assert figures.at_risk_by_person(AS_OF, LIMITS) == {None: 10_000}
    assert figures.revenue_at_risk(AS_OF, LIMITS, []) == Risk()


def test_chances_known_to_have_been_wrong_widen_the_interval():
    """10,000 clients of R$ 1 with a chance of 10 %: chance alone is 1,000 ± 59; 12 % came where 10 was said, of 400: ± 20 % more."""
    worth, variance = [(0.1, 1_000_000)], 10_000 * 100.0**2 * 0.09
    chance = 1.959964 * (10_000 * 0.09) ** 0.5 * 100
    assert interval(worth, 100_000.0, variance, []) == pytest.approx((100_000 - chance, 100_000 + chance))
    wrong = 1_000_000 * 0.02  # more than the error of what came, sqrt(.12 x .88 / 400) = 1.6 %
    spread = 1.959964 * (10_000 * 0.09 * 100**2 + wrong**2) ** 0.5
    calibration = [{"predicted": 0.1, "observed": 0.12, "n": 400}, {"predicted": 0.7, "observed": 0.1, "n": 400}]
    assert interval(worth, 100_000.0, variance, calibration) == pytest.approx((100_000 - spread, 100_000 + spread))


def test_the_interval_holds_the_loss_nineteen_times_of_twenty():
    """Drawn 2,000 times: clients of very unlike worth, chances as said."""
    draw = random.Random(4)
    clients = [(draw.choice([500, 2_000, 30_000]), draw.random()) for _each in range(300)]
    expected, variance = sum(v * p for v, p in clients), sum(v * v * p * (1 - p) for v, p in clients)
    low, high = interval([(p, value) for value, p in clients], expected, variance, [])
    inside = sum(low <= sum(value for value, p in clients if draw.random() < p) <= high for _each in range(2_000))
    assert 0.93 < inside / 2_000 < 0.97


def score(client: Client, p: float, cents: int, *, made_for: date = AS_OF) -> None:
    values = {"p_silent": p, "p_cross": p, "year_cents": cents, "at_stake_cents": round(p * cents), "state": "active"}
    ClientScore.objects.create(client=client, horizon=90, made_for=made_for, **values)


def test_each_family_is_asked_for_and_counted_in_one_statement(acting, django_assert_num_queries):
    ana = RepresentativeFactory()
    for family in (figures.sales, figures.reached, figures.mix, figures.visits, figures.moves):
        for whose in (None, [ana.pk]):
            with django_assert_num_queries(2):
                family(NOV, whose)
    with django_assert_num_queries(2):
        figures.movement(NOV, LIMITS)
