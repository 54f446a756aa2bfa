"""Goals of a month: the formulas by hand, against a plain recomputation, and the table in which they are set."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import Client, Order, OrderItem, Product
from clients.selectors import clients_visible_to
from clients.services import refresh_clients
from portfolio.models import Goal, Visit
from portfolio.selectors.goals import Actuals, actuals_of, goal_lines, goals_by_representative, missing_clients, pace_of
from portfolio.services import credit_orders
from portfolio.services.goals import GoalRefused, set_goals
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
NOV, OCT = date(2026, 11, 1), date(2026, 10, 1)
AS_OF = date(2026, 11, 23)  # a Monday


def own(client: Client, representative, start: date = date(2026, 1, 5), end: date | None = None, seq: int = 1) -> None:
    OwnershipFactory(client=client, representative=representative, started_on=start, ended_on=end, seq=seq)
    if end is None:
        Client.objects.filter(pk=client.pk).update(representative=representative)


def buy(client: Client, day: date, products=(), cents: int = 10_000, status: str = "valid") -> Order:
    order = OrderFactory(client=client, ordered_on=day, amount_cents=cents, status=status)
    for line, product in enumerate(products, 1):
        OrderItem.objects.create(order=order, line=line, product=product, quantity=1, unit_price_cents=cents, amount_cents=cents)
    return order


def visit(client: Client, representative, day: date, *, hours: float | None = 1, received: float = 0) -> Visit:
    """A visit at noon UTC of that day whose report was written ``hours`` later (None: nobody knows) and came ``received`` hours after."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    made = at + timedelta(hours=hours) if hours is not None else None
    row = VisitFactory(client=client, representative=representative, visited_at=at, visited_on=day, outcome="sale", made_at=made)
    Visit.objects.filter(pk=row.pk).update(received_at=at + timedelta(hours=(hours or 0) + received))
    return row


def refresh() -> None:
    ids = list(Client.objects.values_list("pk", flat=True))
    credit_orders(ids)
    refresh_clients(ids, as_of=AS_OF)


@pytest.fixture
def ana(acting):
    return RepresentativeFactory(code="V-1", name="Ana", membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"), base_state="SP")


@pytest.fixture
def bruno(acting):
    return RepresentativeFactory(code="V-2", name="Bruno")


def products(acting, n: int) -> list[Product]:
    return [Product.objects.create(organization=acting, code=f"X{i}", name=f"Produto {i}") for i in range(n)]


def test_a_month_by_hand(acting, ana, bruno):
    """Ten clients on the last day looked at: seven bought, so 70 %, as in the dictionary's example."""
    goods = products(acting, 4)
    clients = ClientFactory.create_batch(10)
    for client in clients:
        own(client, ana)
    for client in clients[:7]:
        buy(client, date(2026, 11, 3), goods[:2])
    buy(clients[0], date(2026, 11, 10), goods[1:4], cents=5_000)  # the same client: counted once, four distinct products
    buy(clients[7], date(2026, 11, 4), goods, status="cancelled")
    buy(clients[8], date(2026, 10, 30), goods)  # another month
    gone, came, discarded = ClientFactory.create_batch(3)
    own(gone, ana, end=date(2026, 11, 9))  # bought from Ana, then left: her revenue, not in her portfolio
    own(gone, bruno, start=date(2026, 11, 9), seq=2)
    buy(gone, date(2026, 11, 5), goods[:1], cents=700)
    own(came, bruno, end=date(2026, 11, 9))  # bought from Bruno, then came: positivated, revenue his
    own(came, ana, start=date(2026, 11, 9), seq=2)
    buy(came, date(2026, 11, 5), goods[:1], cents=300)
    own(discarded, ana)
    Client.objects.filter(pk=discarded.pk).update(discarded_on=date(2026, 11, 20))
    visit(clients[0], ana, date(2026, 11, 3), hours=24)
    visit(clients[1], ana, date(2026, 11, 4), hours=24.01)
    visit(clients[1], ana, date(2026, 11, 5), hours=2, received=70)  # written in time, sent when the signal came back
    visit(clients[2], ana, date(2026, 11, 6), hours=None)  # from a file: nobody knows when it was written
    VisitFactory(client=clients[3], representative=ana, planned_on=date(2026, 11, 9))
    refresh()

    assert actuals_of([ana.pk], NOV, as_of=AS_OF)[ana.pk] == Actuals(
        clients=11, buyers=8, revenue_cents=7 * 10_000 + 5_000 + 700, products=4 + 6 * 2 + 1, mix_clients=8, visits=4, reports=2
    )
    assert actuals_of([bruno.pk], NOV, as_of=AS_OF)[bruno.pk] == Actuals(clients=1, buyers=1, revenue_cents=300, products=1, mix_clients=1)
    assert actuals_of([ana.pk], OCT, as_of=AS_OF)[ana.pk].buyers == 1


def test_the_mix_is_the_mean_of_distinct_products_per_client_that_bought():
    """One product to ten clients is mix 1; 17 over 8 is 2.125, kept as hundredths."""
    assert Actuals(products=10, mix_clients=10).of("mix") == 100
    assert Actuals(products=17, mix_clients=8).of("mix") == 213
    assert Actuals().of("mix") == 0


def test_satisfaction_is_the_mean_of_the_notes_given_and_a_team_of_all_its_notes(acting, ana, bruno):
    """Notes 5, 4, 4 are 4.33; with one 1 of a colleague 3.50. A visit nobody graded says nothing."""
    client = ClientFactory()
    for representative, note in ((ana, 5), (ana, 4), (ana, 4), (ana, None), (bruno, 1)):
        seen = visit(client, representative, date(2026, 11, 9))
        Visit.objects.filter(pk=seen.pk).update(satisfaction=note)
    found = actuals_of([ana.pk, bruno.pk], NOV, as_of=AS_OF)
    assert (found[ana.pk].of("rating"), (found[ana.pk] + found[bruno.pk]).of("rating"), Actuals().of("rating")) == (433, 350, 0)
    for representative, target in ((ana, 450), (bruno, 350)):
        Goal.objects.create(representative=representative, month=NOV, measure="rating", target=target)
    (line,) = goal_lines([ana.pk, bruno.pk], NOV, AS_OF)
    assert (line.target, line.actual, line.expected, line.tone) == (400, 350, None, "warn")


def test_the_pace_counts_working_days_without_holidays_of_country_and_state():
    # November 2026 has 21 weekdays; the 2nd and the 20th are national holidays.
    assert (pace_of(NOV, as_of=AS_OF, country="BR", state="SP").passed, pace_of(NOV, as_of=AS_OF, country="BR").days) == (14, 19)
    assert pace_of(NOV, as_of=date(2026, 12, 9), country="BR").share == 1
    assert pace_of(NOV, as_of=date(2026, 10, 9), country="BR").share == 0


def test_lines_say_target_actual_pace_and_who_is_missing(acting, ana, django_assert_num_queries):
    clients = ClientFactory.create_batch(4)
    for client in clients:
        own(client, ana)
    buy(clients[0], date(2026, 11, 3))
    refresh()
    goals = {"buyers": 4, "revenue": 1_000_000, "mix": 300}
    for measure, target in goals.items():
        Goal.objects.create(representative=ana, month=NOV, measure=measure, target=target)
    with django_assert_num_queries(5):
        lines = {line.measure: line for line in goal_lines([ana.pk], NOV, AS_OF)}
    assert set(lines) == set(goals)
    buyers = lines["buyers"]
    assert (buyers.target, buyers.actual, buyers.share, buyers.missing, buyers.out_of) == (4, 1, Decimal("0.25"), 3, 4)
    assert (buyers.expected, buyers.tone) == (3, "warn")  # 14 of 19 working days of 4
    assert buyers.missing_clients_url == f"/o/vale-verde/goals/missing/?month=2026-11&rep={ana.pk}&measure=buyers"
    assert (lines["mix"].expected, lines["revenue"].missing_clients_url) == (None, "")
    assert len(goal_lines([ana.pk], NOV, AS_OF, every=True)) == 6
    assert goal_lines([], NOV, AS_OF) == goal_lines([ana.pk], OCT, AS_OF) == []


def test_a_team_adds_up_and_averages_the_mix(acting, ana, bruno):
    for representative, buyers, mix in ((ana, 10, 200), (bruno, 5, 300)):
        Goal.objects.create(representative=representative, month=NOV, measure="buyers", target=buyers)
        Goal.objects.create(representative=representative, month=NOV, measure="mix", target=mix)
    lines = {line.measure: line for line in goal_lines([ana.pk, bruno.pk], NOV, AS_OF)}
    assert (lines["buyers"].target, lines["mix"].target, lines["buyers"].missing_clients_url) == (15, 250, "")
    assert (lines["buyers"].n_with_goal, lines["buyers"].compared) == (None, None)  # both have one


def test_a_teams_target_is_compared_with_what_those_reached_who_have_one(acting, ana, bruno):
    for representative, cents in ((ana, 30_000), (bruno, 90_000)):
        client = ClientFactory()
        own(client, representative)
        buy(client, date(2026, 11, 3), cents=cents)
    refresh()
    Goal.objects.create(representative=ana, month=NOV, measure="revenue", target=60_000)
    (line,) = goal_lines([ana.pk, bruno.pk], NOV, AS_OF)
    assert (line.actual, line.compared, line.n_with_goal) == (120_000, 30_000, 1)
    assert (line.share, line.missing, line.tone) == (Decimal("0.5"), 30_000, "warn")


def test_the_missing_are_the_portfolios_clients_that_did_not_buy_or_were_not_visited(acting, ana, bruno):
    small, great, bought, seen = (ClientFactory(trade_name=name) for name in ("Grão", "Sol", "Lua", "Rio"))
    for client in (small, great, bought, seen):
        own(client, ana)
    own(ClientFactory(), bruno)
    buy(great, date(2026, 9, 1), cents=90_000)
    buy(small, date(2026, 9, 2), cents=10)
    buy(bought, date(2026, 11, 2))
    visit(seen, ana, date(2026, 11, 9))
    refresh()
    visible = clients_visible_to(ana.membership)
    found = missing_clients(ana, NOV, "buyers", as_of=AS_OF, visible=visible)
    assert [(row.name, row.net_12m_cents) for row in found] == [("Sol", 90_000), ("Grão", 10), ("Rio", 0)]
    assert {row.name for row in missing_clients(ana, NOV, "visits", as_of=AS_OF, visible=visible)} == {"Grão", "Sol", "Lua"}
    Client.objects.filter(pk=great.pk).update(representative=bruno)  # no longer within Ana's reach: a past month does not show it
    assert "Sol" not in {row.name for row in missing_clients(ana, NOV, "buyers", as_of=AS_OF, visible=clients_visible_to(ana.membership))}


@pytest.mark.parametrize("seed", range(3))
def test_a_random_company_recomputed_plainly(acting, seed):
    """Every number again from orders, ownerships and visits one by one, with no SQL of ours."""
    draw = random.Random(seed)
    people = RepresentativeFactory.create_batch(3)
    goods = products(acting, 5)
    history: dict[int, list[tuple[date, int]]] = {}
    for client in ClientFactory.create_batch(12):
        days = sorted(draw.sample([date(2026, 9, 1) + timedelta(days=n) for n in range(80)], draw.randint(1, 3)))
        owners: list[tuple[date, int]] = []
        for day in days:
            choices = [each for each in people if not owners or each.pk != owners[-1][1]]
            owners.append((day, draw.choice(choices).pk))
        for seq, (start, pk) in enumerate(owners, 1):
            own(client, next(p for p in people if p.pk == pk), start, owners[seq][0] if seq < len(owners) else None, seq)
        history[client.pk] = owners
        if draw.random() < 0.2:
            Client.objects.filter(pk=client.pk).update(discarded_on=date(2026, 11, draw.randint(1, 28)))
        for _each in range(draw.randint(0, 5)):
            status = draw.choice(["valid", "valid", "valid", "cancelled"])
            day = date(2026, 10, 15) + timedelta(days=draw.randrange(39))
            buy(client, day, draw.sample(goods, draw.randint(0, 4)), draw.choice([0, 100, 2_000]), status)
        for _each in range(draw.randint(0, 2)):
            day = date(2026, 11, draw.randint(1, 23))
            seen = visit(client, draw.choice(people), day, hours=draw.choice([None, 0, 23, 30]), received=draw.choice([0, 50]))
            Visit.objects.filter(pk=seen.pk).update(satisfaction=draw.choice([None, 1, 4, 5]))
    refresh()

    found = actuals_of([p.pk for p in people], NOV, as_of=AS_OF)

    def owner_on(client_id: int, day: date) -> int | None:
        return next((pk for start, pk in reversed(history[client_id]) if start <= day), None)

    def in_month(day: date) -> bool:
        return NOV <= day <= AS_OF

    bought_days: dict[tuple[int, int | None], dict[date, int]] = {}
    skus: dict[tuple[int, int | None], set[int]] = {}
    for order in Order.objects.filter(status="valid").prefetch_related("items"):
        if in_month(order.ordered_on):
            key = (order.client_id, owner_on(order.client_id, order.ordered_on))
            by_day = bought_days.setdefault(key, {})
            by_day[order.ordered_on] = by_day.get(order.ordered_on, 0) + order.amount_cents
            skus.setdefault(key, set()).update(item.product_id for item in order.items.all())
    buying = {key for key, by_day in bought_days.items() if any(cents > 0 for cents in by_day.values())}
    for person in people:
        held = {
            client.pk
            for client in Client.objects.all()
            if owner_on(client.pk, AS_OF) == person.pk and (client.discarded_on is None or client.discarded_on > AS_OF)
        }
        mine = {key for key in bought_days if key[1] == person.pk}
        done = [v for v in Visit.objects.filter(representative=person) if v.visited_on and in_month(v.visited_on)]
        assert found[person.pk] == Actuals(
            clients=len(held),
            buyers=len({client for client, _owner in buying} & held),
            revenue_cents=sum(sum(bought_days[key].values()) for key in mine),
            products=sum(len(skus[key]) for key in mine & buying),
            mix_clients=len(mine & buying),
            visits=len(done),
            reports=sum(
                v.made_at is not None and v.visited_at is not None and min(v.made_at, v.received_at) - v.visited_at <= timedelta(hours=24)
                for v in done
            ),
            notes=sum(v.satisfaction or 0 for v in done),
            rated=sum(v.satisfaction is not None for v in done),
        )


def test_ten_people_cost_as_many_queries_as_one(acting, django_assert_num_queries):
    people = RepresentativeFactory.create_batch(10)
    for client, person in zip(ClientFactory.create_batch(10), people, strict=True):
        own(client, person)
    people = [type(p).objects.select_related("organization").get(pk=p.pk) for p in people]
    for some in (people[:1], people):
        with django_assert_num_queries(4):
            assert len(goals_by_representative(some, NOV, as_of=AS_OF, every=True)) == len(some)


def test_goals_are_set_changed_and_taken_away_with_one_event_each(acting, ana):
    admin = make_member(acting, Role.ADMIN)
    assert set_goals(NOV, {(ana.pk, "buyers"): 70, (ana.pk, "mix"): 250}, by=admin) == 2
    assert set_goals(NOV, {(ana.pk, "buyers"): 70}, by=admin) == 0
    assert set_goals(NOV, {(ana.pk, "buyers"): 80, (ana.pk, "mix"): None}, by=admin) == 2
    assert list(Goal.objects.values_list("month", "measure", "target", "set_by")) == [(NOV, "buyers", 80, admin.pk)]
    events = AuditEvent.objects.filter(action="goals.set").order_by("seq").values_list("before", "after")
    month = {"month": "2026-11-01"}
    assert list(events) == [
        (month | {"buyers": None, "mix": None}, month | {"buyers": 70, "mix": 250}),
        (month | {"buyers": 70, "mix": 250}, month | {"buyers": 80, "mix": None}),
    ]


@pytest.mark.parametrize("target", [0, -1, 10**13])
def test_a_goal_is_a_positive_number(acting, ana, target):
    with pytest.raises(GoalRefused):
        set_goals(NOV, {(ana.pk, "buyers"): target}, by=make_member(acting, Role.ADMIN))


def test_a_manager_sets_the_goals_of_the_own_team_only(acting, ana):
    far = make_member(acting, Role.MANAGER, team=TeamFactory())
    for member in (far, ana.membership, make_member(acting, Role.AUDITOR)):
        with pytest.raises(NotAllowed):
            set_goals(NOV, {(ana.pk, "buyers"): 5}, by=member)
    ana.team = far.team
    ana.save()
    assert set_goals(NOV, {(ana.pk, "buyers"): 5}, by=far) == 1
