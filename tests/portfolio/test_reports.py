"""What the reports say equals a plain recomputation from the facts, and every number equals the rows it opens."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import NotAllowed
from clients.models import Client, ClientActivity, ClientMonth, CreditEvent, CreditSnapshot, Opportunity, Order, OrderItem, Product
from clients.selectors.lifecycle import Limits
from clients.services import refresh_clients
from clients.services.losses import declare_lost, take_back_lost
from clients.services.stops import StopRefused, tell_why_stopped
from portfolio.models import Ownership
from portfolio.reporting.filters import ReportFilter
from portfolio.selectors.figures import mix, reached, sales_by_month
from portfolio.selectors.figures import movement as figures_movement
from portfolio.selectors.figures.span import Span
from portfolio.selectors.reports import credit, losses, movement
from portfolio.selectors.reports.lost import losses_of_months, lost_by_reason, lost_clients
from portfolio.selectors.reports.reach import REACHED, mixed_clients, people_of, reached_clients, span_of
from portfolio.selectors.reports.scope import Scope, end_of, months_until
from portfolio.services import credit_orders
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2026, 8, 1), date(2026, 11, 23)
SOURCES = Ownership.Source.values


def histories(seed: int, n_clients: int = 9):
    """Three representatives and clients that went from hand to hand, back on the same day and left with nobody among it."""
    chance = random.Random(seed)
    people = RepresentativeFactory.create_batch(3)
    clients = ClientFactory.create_batch(n_clients)
    for client in clients:
        day, owner = date(2026, 6, 1) + timedelta(days=chance.randrange(60)), None
        for seq in range(1, chance.randint(2, 7)):
            owner = chance.choice([each for each in people if each != owner])
            ended = day + timedelta(days=chance.choice([0, 1, 20, 45, 90]))
            last = chance.random() < 0.3
            OwnershipFactory(
                client=client,
                representative=owner,
                seq=seq,
                started_on=day,
                ended_on=None if last else ended,
                source=chance.choice(SOURCES),
                reason="porque sim",
            )
            if last:
                Client.objects.filter(pk=client.pk).update(representative=owner)
                break
            day = ended if chance.random() < 0.8 else ended + timedelta(days=3)  # a few days nobody answers for it
    return people, clients


@pytest.mark.parametrize("seed", range(4))
def test_movement_equals_a_plain_reading_of_the_ledger(acting, seed):
    people, clients = histories(seed)
    chosen = Client.objects.filter(pk__in=[each.pk for each in clients[::2]]) if seed % 2 else None
    scope = Scope(FIRST, LAST, tuple(each.pk for each in people), clients=chosen)
    rows = [row for row in Ownership.objects.all() if chosen is None or row.client_id in {each.pk for each in clients[::2]}]
    by_seq = {(row.client_id, row.seq): row for row in rows}

    def held(day):
        return Counter(row.representative_id for row in rows if row.started_on <= day and (row.ended_on is None or row.ended_on > day))

    gained, lost = Counter(), Counter()
    for row in rows:
        if row.ended_on == row.started_on:
            continue
        if FIRST <= row.started_on <= LAST:
            gained[row.representative_id, row.source] += 1
        if row.ended_on and FIRST <= row.ended_on <= LAST:
            after = by_seq.get((row.client_id, row.seq + 1))
            lost[row.representative_id, after.source if after and after.started_on == row.ended_on else "none"] += 1

    found = movement.movements(scope)

    for each in people:
        mine = found[each.pk]
        assert mine.before == held(FIRST - timedelta(days=1))[each.pk]
        assert mine.after == held(LAST)[each.pk]
        assert mine.gained_by == {why: n for (who, why), n in gained.items() if who == each.pk}
        assert mine.lost_by == {why: n for (who, why), n in lost.items() if who == each.pk}
        assert mine.before + mine.gained - mine.lost == mine.after
    whole = movement.total(list(found.values()))
    assert (whole.gained, whole.lost) == (sum(gained.values()), sum(lost.values()))
    for side, n in (("gained", whole.gained), ("lost", whole.lost), ("before", whole.before), ("after", whole.after)):
        assert movement.moved_rows(scope, side).count() == n
    by_month = movement.movement_by_month(scope)
    assert [month for month, _came, _went in by_month] == months_until(LAST, 12)
    in_period = [row for row in by_month if row[0] >= FIRST]
    assert (sum(row[1] for row in in_period), sum(row[2] for row in in_period)) == (whole.gained, whole.lost)


def test_who_had_a_client_before_and_who_has_it_after_stand_in_the_rows(acting):
    ana, bruno = RepresentativeFactory(code="V-1", name="Ana"), RepresentativeFactory(code="V-2", name="Bruno")
    client = ClientFactory()
    OwnershipFactory(client=client, representative=ana, started_on=date(2026, 1, 5), ended_on=date(2026, 9, 2))
    OwnershipFactory(client=client, representative=bruno, seq=2, started_on=date(2026, 9, 2), source="rotation", reason="sem compra")
    scope = Scope(FIRST, LAST, (ana.pk, bruno.pk))

    columns = ("representative__name", "other_name", "why", "said", "on")
    assert list(movement.moved_rows(scope, "gained").values_list(*columns)) == [
        ("Bruno", "Ana", "rotation", "sem compra", date(2026, 9, 2))
    ]
    assert list(movement.moved_rows(scope, "lost").values_list(*columns)) == [("Ana", "Bruno", "rotation", "sem compra", date(2026, 9, 2))]


@pytest.mark.parametrize("seed", range(3))
def test_losses_by_reason_equal_a_plain_count(acting, seed):
    chance = random.Random(seed)
    people = RepresentativeFactory.create_batch(2)
    discards, sales = Counter(), Counter()
    worth: Counter = Counter()
    for _each in range(14):
        owner = chance.choice([*people, None])
        day = date(2026, 6, 1) + timedelta(days=chance.randrange(180))
        client = ClientFactory(representative=owner)
        bought = {}
        for back in range(0, 20, 3):
            month = months_until(day, 20)[::-1][back]
            bought[month] = chance.randint(-50, 900)
            ClientMonth.objects.create(organization=acting, client=client, month=month, revenue_cents=bought[month], order_days=1)
        reason = chance.choice(["Fechou as portas", "Não é do nosso ramo", ""])
        kept = chance.random() < 0.2
        if not kept:
            Client.objects.filter(pk=client.pk).update(discarded_on=day, discard_reason=reason)
        why = chance.choice(["Preço", "Prazo de entrega"])
        closed = date(2026, 6, 1) + timedelta(days=chance.randrange(180))
        value = chance.choice([None, 100, 250_000])
        Opportunity.objects.create(
            organization=acting,
            client=client,
            title="x",
            stage="lost",
            stage_since=closed,
            closed_on=closed,
            loss_reason=why,
            value_cents=value,
        )
        if owner == people[1]:
            continue  # out of the scope asked for
        if not kept and FIRST <= day <= LAST:
            discards[reason] += 1
            worth["discarded", reason] += sum(cents for month, cents in bought.items() if month in months_until(day, 12))
        if FIRST <= closed <= LAST:
            sales[why] += 1
            worth["sales", why] += value or 0
    scope = Scope(FIRST, LAST, (people[0].pk,), nobody=True)

    clients, lost = losses.reasons(losses.discarded(scope)), losses.reasons(losses.lost_sales(scope))

    assert {each.words: (each.n, each.cents) for each in clients} == {
        words: (n, worth["discarded", words]) for words, n in discards.items()
    }
    assert {each.words: (each.n, each.cents) for each in lost} == {words: (n, worth["sales", words]) for words, n in sales.items()}
    assert losses.total(clients).n == losses.discarded(scope).count() == sum(discards.values())
    months = [row for row in losses.losses_by_month(scope) if row[0] >= FIRST]
    assert (sum(row[1] for row in months), sum(row[2] for row in months)) == (sum(discards.values()), sum(sales.values()))


def test_why_clients_stopped_is_said_of_many_at_once_and_counts_while_they_stay_silent(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    admin, at = make_member(acting, "admin"), datetime(2026, 9, 10, 15, tzinfo=UTC)
    silent = date(2026, 9, 10) - timedelta(days=acting.inactive_days)
    clients = [
        ClientFactory(representative=owner, activity={"last_on": silent - timedelta(days=3)}) for owner in (ana, ana, ana, bruno, None)
    ]
    buying = ClientFactory(representative=ana, activity={"last_on": date(2026, 9, 1)})
    ClientMonth.objects.create(organization=acting, client=clients[0], month=silent.replace(day=1), revenue_cents=700, order_days=1)
    scope = Scope(FIRST, LAST, (ana.pk,), nobody=True)
    limits = Limits.of(acting)

    with CaptureQueriesContext(connection) as few:
        assert tell_why_stopped([clients[0].pk, buying.pk], reason="Preço", by=admin, at=at) == (1, 1)
    with CaptureQueriesContext(connection) as many:
        assert tell_why_stopped([each.pk for each in clients if each is not clients[1]], reason="Prazo", by=admin, at=at) == (4, 0)
    assert len(few) == len(many)
    with pytest.raises(StopRefused):
        tell_why_stopped([buying.pk], reason="Preço", by=admin, at=at)
    with pytest.raises(NotAllowed):
        tell_why_stopped([clients[3].pk], reason="Preço", by=make_member(acting, "representative"), at=at)
    assert {(each.words, each.n) for each in losses.reasons(losses.stopped(scope, limits=limits))} == {("Prazo", 3)}
    assert losses.total(losses.reasons(losses.stopped(scope, limits=limits))).cents == 700
    assert list(losses.untold(scope, limits=limits)) == [clients[1]]
    ClientActivity.objects.filter(client=clients[0]).update(last_on=date(2026, 9, 20))
    assert losses.stopped(scope, limits=limits).count() == 2


@pytest.mark.parametrize("seed", range(3))
def test_credit_equals_a_plain_reading_of_the_snapshots(acting, seed):
    people, clients = histories(seed + 100)
    chance = random.Random(seed)
    for client in clients:
        if chance.random() < 0.2:
            Client.objects.filter(pk=client.pk).update(discarded_on=date(2026, 9, 1))
        for day in sorted({date(2026, 1, 1) + timedelta(days=chance.randrange(330)) for _n in range(chance.randint(0, 4))}):
            stated = {
                "score": chance.choice([None, 0, 99, 100, 450, 999, 1000]),
                "overdue_cents": chance.choice([None, 0, 5_000]),
                "restrictions": chance.choice([None, 0, 2]),
            }
            CreditSnapshot.objects.create(organization=acting, client=client, observed_on=day, **stated)
    chosen = Client.objects.filter(pk__in=[each.pk for each in clients[1:]]) if seed % 2 else None
    scope = Scope(FIRST, LAST, tuple(each.pk for each in people[:2]), clients=chosen)

    def standing(day):
        """(representative, last snapshot or None) of every client that counts on that day."""
        discarded = dict(Client.objects.values_list("pk", "discarded_on"))
        for row in Ownership.objects.filter(representative__in=people[:2]):
            within = chosen is None or row.client_id != clients[0].pk
            gone = discarded[row.client_id]
            if within and row.started_on <= day and (row.ended_on is None or row.ended_on > day) and (gone is None or gone > day):
                told = CreditSnapshot.objects.filter(client_id=row.client_id, observed_on__lte=day).order_by("observed_on").last()
                yield row.representative_id, told

    plain = {each.pk: credit.Credit() for each in people[:2]}
    bands: Counter = Counter()
    for who, told in standing(LAST):
        overdue, restrictions = (told.overdue_cents or 0, told.restrictions or 0) if told else (0, 0)
        plain[who] += credit.Credit(1, told is not None, overdue > 0, overdue, restrictions)
        if told and told.score is not None:
            bands[min(told.score // 100, 9)] += 1

    found = credit.credit_by_representative(scope)

    assert found == plain
    assert credit.score_histogram(scope) == [bands[band] for band in range(10)]
    whole = credit.total(list(found.values()))
    assert len(credit.credit_rows(scope, "clients")) == whole.clients
    assert len(credit.credit_rows(scope, "known")) == whole.known
    assert len(credit.credit_rows(scope, "unknown")) == whole.clients - whole.known
    assert len(credit.credit_rows(scope, "overdue")) == whole.overdue
    assert sum(row[12] or 0 for row in credit.credit_rows(scope, "restrictions")) == whole.restrictions
    for band in range(10):
        assert len(credit.credit_rows(scope, "band", band=band)) == bands[band]
    for month in credit.restriction_trend(scope):
        told = [each for _who, each in standing(min(end_of(month.month), LAST)) if each]
        assert month.known == len(told)
        assert month.restrictions == sum(each.restrictions or 0 for each in told)
        assert month.restricted == sum((each.restrictions or 0) > 0 for each in told)
        assert month.overdue == sum((each.overdue_cents or 0) > 0 for each in told)


def test_credit_events_of_the_period_are_counted_by_what_happened(acting):
    ana, bruno = RepresentativeFactory.create_batch(2)
    mine, theirs = ClientFactory(representative=ana), ClientFactory(representative=bruno)
    for client, day, event in (
        (mine, date(2026, 8, 1), "Protesto"),
        (mine, date(2026, 11, 23), "Protesto"),
        (mine, date(2026, 9, 9), "Mudança de sócios"),
        (mine, date(2026, 7, 31), "Protesto"),
        (theirs, date(2026, 9, 9), "Protesto"),
    ):
        CreditEvent.objects.create(organization=acting, client=client, observed_on=day, event=event)
    scope = Scope(FIRST, LAST, (ana.pk,))

    assert credit.events_by_kind(scope) == [("Protesto", 2, 1), ("Mudança de sócios", 1, 1)]
    assert credit.credit_events(scope).count() == 3


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, (date(2026, 9, 1), date(2026, 11, 23))),
        ({"period": "month"}, (date(2026, 11, 1), date(2026, 11, 23))),
        ({"period": "last"}, (date(2026, 10, 1), date(2026, 10, 31))),
        ({"period": "12"}, (date(2025, 12, 1), date(2026, 11, 23))),
        ({"period": "year"}, (date(2026, 1, 1), date(2026, 11, 23))),
        ({"period": "own", "from": "2026-05", "to": "2026-02"}, (date(2026, 2, 1), date(2026, 5, 31))),
        ({"from": "2026-10", "to": "2027-02"}, (date(2026, 10, 1), date(2026, 11, 23))),
        ({"from": "1990-01", "to": "2026-02"}, (date(2026, 9, 1), date(2026, 11, 23))),
        ({"period": "'; drop"}, (date(2026, 9, 1), date(2026, 11, 23))),
    ],
)
def test_a_period_of_the_address_means_these_days(query, days):
    wanted = ReportFilter.parse(query)

    assert wanted.days(LAST) == days
    assert ReportFilter.parse(wanted.fixed(LAST).told()).days(LAST + timedelta(days=400)) == (days[0], end_of(days[1]))


def trade(seed: int):
    """Orders, lines and visits over the clients of ``histories``, credited and summed up as the application does."""
    people, clients = histories(seed)
    chance = random.Random(seed + 1)
    products = [Product.objects.create(code=f"P{n}", name=f"Produto {n}") for n in range(5)]
    for _each in range(60):
        day = date(2026, 2, 1) + timedelta(days=chance.randrange(290))
        status = chance.choice(["valid", "valid", "valid", "cancelled", "returned"])
        order = OrderFactory(client=chance.choice(clients), ordered_on=day, status=status, amount_cents=chance.choice([-500, 900, 4_000]))
        for number, product in enumerate(chance.sample(products, chance.randrange(4)), 1):
            OrderItem.objects.create(order=order, line=number, product=product, quantity=1, unit_price_cents=1, amount_cents=1)
        if chance.random() < 0.4:
            at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
            VisitFactory(client=chance.choice(clients), representative=chance.choice(people), visited_at=at, visited_on=day, outcome="sale")
    Client.objects.filter(pk=clients[1].pk).update(discarded_on=date(2026, 10, 10))
    ids = [each.pk for each in clients]
    credit_orders(ids)
    refresh_clients(ids, as_of=LAST)
    return people, clients


@pytest.mark.parametrize("seed", range(4))
def test_the_rows_behind_positivacao_coverage_and_mix_add_up_to_the_figures(acting, seed):
    people, clients = trade(seed)
    chosen = Client.objects.filter(pk__in=[each.pk for each in clients[::2]]) if seed % 2 else None
    nobody = seed in (2, 3)
    scope = Scope(FIRST, LAST, tuple(each.pk for each in people[: 3 if nobody else 2]), nobody=nobody, clients=chosen)
    span, whose, narrowed = span_of(scope), people_of(scope), scope.client_ids

    told = reached(span, whose, narrowed)
    rows = {what: reached_clients(scope, what) for what in REACHED}
    assert {what: len(found) for what, found in rows.items()} == {
        "clients": told.total.clients,
        "buyers": told.total.buyers,
        "missing": told.total.clients - told.total.buyers,
        "visited": told.total.visited,
        "unvisited": told.total.clients - told.total.visited,
    }
    for what, name in (("clients", "clients"), ("buyers", "buyers"), ("visited", "visited")):
        by = Counter(row.representative_id for row in rows[what])
        assert {pk: n for pk, n in by.items() if n} == {pk: getattr(each, name) for pk, each in told.by.items() if getattr(each, name)}
    held = {row.client_id for row in Ownership.objects.all() if row.started_on <= LAST and (row.ended_on is None or row.ended_on > LAST)}
    assert {row.pk for row in rows["clients"]} <= held - {clients[1].pk}
    assert reached_clients(scope, "clients", offset=1, limit=2) == rows["clients"][1:3]

    bought = mix(span, whose, narrowed)
    mixed = mixed_clients(scope)
    by_products, by_clients = Counter(), Counter()
    for row in mixed:
        by_products[row.representative_id] += row.products
        by_clients[row.representative_id] += 1
    assert {pk: (n, by_products[pk]) for pk, n in by_clients.items()} == {
        pk: (each.clients, each.client_products) for pk, each in bought.by.items() if each.clients
    }
    if chosen is not None:  # narrowed to everybody, the figures are those of everybody
        every = [each.pk for each in clients]
        assert reached(span, whose, every) == reached(span, whose)
        assert mix(span, whose, every) == mix(span, whose)
        assert sales_by_month(span, whose, every) == sales_by_month(span, whose)


@pytest.mark.parametrize(("seed", "limits"), [(n, limits) for n in range(2) for limits in (Limits(10, 20, 45), Limits(30, 60, 120))])
def test_the_loss_of_each_month_equals_the_figures_of_that_month(acting, seed, limits):
    people, clients = trade(seed)
    say_lost(clients, random.Random(seed), make_member(acting, "admin"))
    scope = Scope(date(2026, 5, 1), LAST, tuple(each.pk for each in people[:2]), nobody=bool(seed % 2))

    for month in losses_of_months(scope, limits, scope.months):
        alone = figures_movement(Span(month.month, min(end_of(month.month), LAST)), limits, people_of(scope)).total
        assert (month.active, month.inactivated) == (alone.active, alone.inactivated)
        assert (month.customers, month.lost) == (alone.customers, alone.lost)
        assert (month.inactivation_rate, month.loss_rate) == (alone.inactivation_rate, alone.loss_rate)
    half = Client.objects.filter(pk__in=[each.pk for each in clients[::2]])
    rest = Client.objects.filter(pk__in=[each.pk for each in clients[1::2]])
    whole = losses_of_months(scope, limits, scope.months)
    parts = [
        losses_of_months(Scope(scope.first, LAST, scope.representatives, scope.nobody, part), limits, scope.months) for part in (half, rest)
    ]
    assert [each.lost for each in whole] == [one.lost + other.lost for one, other in zip(*parts, strict=True)]
    # by reason they are as many as the panel's movement of the same days, and as the rows behind
    moved = figures_movement(Span(scope.first, LAST), limits, people_of(scope)).total
    by_reason, gone = lost_by_reason(scope, limits), lost_clients(scope, limits)
    assert sum(each.n for each in by_reason) == len(gone) == moved.lost
    assert {each.words: each.n for each in by_reason} == Counter(row.why for row in gone)
    for each in by_reason:
        rows = lost_clients(scope, limits, why=each.words)
        assert (len(rows), sum(row.cents for row in rows)) == (each.n, each.cents)
    assert lost_clients(scope, limits, offset=1, limit=2) == gone[1:3]


def say_lost(clients, chance, admin):
    """A third of the clients declared lost some days after one of their orders; half of those taken back."""
    for client in chance.sample(clients, len(clients) // 3):
        days = sorted(Order.objects.filter(client=client, status="valid").values_list("ordered_on", flat=True))
        if days:
            since = chance.choice(days)
            on = since + timedelta(days=chance.randrange(1, 30))
            until = on + timedelta(days=chance.randrange(40)) if chance.random() < 0.5 else None
            stop = {"reason": chance.choice(["Fechou", "Preço"]), "told_on": on, "told_at": datetime(2026, 11, 1, tzinfo=UTC), "by": admin}
            client.stops.create(silent_since=since, lost_on=on, lost_until=until, **stop)


def test_losses_by_reason_name_who_was_declared_lost_discarded_or_silent_too_long(acting):
    """Five lost in three months, each by one reason: two said, one discarded, one silent for a year, one of whom nobody said why."""
    ana, admin = RepresentativeFactory(), make_member(acting, "admin")
    limits = Limits(60, 90, 360)

    def client(last: date, cents: int = 10_000) -> Client:
        made = ClientFactory(representative=ana)
        OwnershipFactory(client=made, representative=ana, started_on=date(2025, 1, 1))
        OrderFactory(client=made, ordered_on=last, amount_cents=cents)
        return made

    closed, dear, left, year, unsaid, kept, early = (
        client(day, cents)
        for day, cents in (
            (date(2026, 8, 20), 500),
            (date(2026, 8, 25), 700),
            (date(2026, 8, 1), 900),
            (date(2025, 9, 20), 1_100),
            (date(2025, 9, 21), 1_300),
            (date(2026, 9, 1), 1),
            (date(2026, 8, 23), 1),
        )
    )
    credit_orders([each.pk for each in Client.objects.all()])
    refresh_clients([each.pk for each in Client.objects.all()], as_of=LAST)

    def at(*day: int) -> datetime:
        return datetime(2026, *day, 15, tzinfo=UTC)

    declare_lost(early, reason="Fechou", by=admin, at=at(8, 30))  # before the days looked at
    declare_lost(closed, reason="Fechou", by=admin, at=at(9, 10))
    declare_lost(dear, reason="Preço", by=admin, at=at(10, 2))
    declare_lost(kept, reason="Engano", by=admin, at=at(9, 12))
    take_back_lost(kept, by=admin, at=at(9, 12))
    tell_why_stopped([year.pk], reason="Fechou", by=admin, at=at(9, 20))  # lost on the 15th, told five days later
    Client.objects.filter(pk=left.pk).update(discarded_on=date(2026, 10, 5), discard_reason="Fora do perfil")
    scope = Scope(date(2026, 9, 1), LAST, (ana.pk,))

    found = lost_by_reason(scope, limits)

    assert [(each.words, each.n, each.cents) for each in found] == [
        ("Fechou", 2, 1_600),
        ("", 1, 1_300),
        ("Fora do perfil", 1, 900),
        ("Preço", 1, 700),
    ]
    assert [(row.pk, row.on) for row in lost_clients(scope, limits)] == [
        (left.pk, date(2026, 10, 5)),
        (dear.pk, date(2026, 10, 2)),
        (unsaid.pk, date(2026, 9, 16)),
        (year.pk, date(2026, 9, 15)),
        (closed.pk, date(2026, 9, 10)),
    ]
    assert figures_movement(Span(scope.first, LAST), limits, [ana.pk]).total.lost == 5
    assert [(each.month.month, each.lost) for each in losses_of_months(scope, limits, scope.months)] == [(9, 3), (10, 2), (11, 0)]
    # what was taken back while the client still buys is no reason why it stopped
    told = {row.client_id for row in losses.stopped(scope, limits=limits)}
    assert told == {closed.pk, dear.pk, year.pk}
