"""What a client buys and what those like it buy and it does not, each worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from clients.models import ClientActivity, OrderItem, Product
from clients.selectors import mix
from clients.selectors.mix import Missing, Offer, bought_mix, peer_suggestions, timely_offers
from clients.selectors.seasons import Mark, marks_of
from tests.factories import ClientFactory, OrderFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


def product(code: str, category: str, **fields) -> Product:
    return Product.objects.create(code=code, name=f"Produto {code}", category=category, **fields)


def buy(client, *lines: tuple[Product, int], days_ago: int = 30, status: str = "valid"):
    order = OrderFactory(client=client, ordered_on=TODAY - timedelta(days=days_ago), status=status)
    for number, (bought, cents) in enumerate(lines, 1):
        OrderItem.objects.create(order=order, line=number, product=bought, quantity=Decimal(1), unit_price_cents=cents, amount_cents=cents)


def buyer(cents: int, *, segment: str = "Padaria", abc: str = "B", **fields):
    return ClientFactory(segment=segment, activity={"net_12m_cents": cents, "abc": abc}, **fields)


def activity(client) -> ClientActivity:
    return ClientActivity.objects.get(client=client)


def test_the_mix_counts_days_and_money_of_valid_orders_of_twelve_months(acting):
    client, other = buyer(0), buyer(0)
    rice, soap = product("R", "Grãos"), product("S", "Limpeza", season="Natal")
    buy(client, (rice, 1_000), (soap, 500), days_ago=10)
    buy(client, (rice, 2_000), days_ago=10)
    buy(client, (rice, 4_000), days_ago=364)
    buy(client, (rice, 9_000), days_ago=365)  # a day too old
    buy(client, (rice, 9_000), days_ago=5, status="cancelled")
    buy(other, (rice, 9_000))
    bought = bought_mix(client, as_of=TODAY)
    assert [(each.code, each.days, each.last_on, each.cents, each.marks) for each in bought.products] == [
        ("R", 2, TODAY - timedelta(days=10), 7_000, ()),
        ("S", 1, TODAY - timedelta(days=10), 500, (Mark.IN_SEASON,)),
    ]
    assert bought.categories == [("Grãos", 1, 7_000), ("Limpeza", 1, 500)]


def test_peers_are_of_the_same_segment_and_class_and_what_one_in_five_buys_is_named(acting):
    rice, beans, soap, oil = (product(code, kind) for code, kind in [("R", "Grãos"), ("B", "Grãos"), ("S", "Limpeza"), ("O", "Óleos")])
    client = buyer(50_000)
    buy(client, (rice, 1_000))
    peers = [buyer(50_000 + 1_000 * n) for n in range(-3, 4)]
    for n, peer in enumerate(peers):
        buy(peer, (rice, 5_000), (beans, 1_000 * (n + 1)))
        if n < 2:
            buy(peer, (soap, 40_000))
    buy(peers[0], (oil, 90_000))  # one of seven: no habit
    for stranger in (buyer(50_000, segment="Mercado"), buyer(50_000, abc="A"), buyer(50_000, discarded_on=TODAY)):
        buy(stranger, (oil, 90_000))
    found = peer_suggestions(client, activity(client), as_of=TODAY)
    assert found.peers == 7
    assert list(found.products) == [
        Missing("S", "Produto S", "Limpeza", 2, 40_000),  # 2 x 40.000 is more than 7 x 4.000
        Missing("B", "Produto B", "Grãos", 7, 4_000),
    ]
    assert list(found.categories) == [Missing("", "Limpeza", "Limpeza", 2, 40_000)]


def test_of_many_alike_the_nearest_in_value_are_asked(acting, monkeypatch):
    monkeypatch.setattr(mix, "PEERS_EACH_WAY", 3)
    client = buyer(1_000_000)
    near, far = product("N", "Perto"), product("F", "Longe")
    for n in range(5):
        buy(buyer(1_000_000 + 100 + n), (near, 1_000))
        buy(buyer(900_000 - n), (near, 1_000))
    for _n in range(4):
        buy(buyer(9_000_000), (far, 1_000))
        buy(buyer(10_000), (far, 1_000))
    found = peer_suggestions(client, activity(client), as_of=TODAY)
    assert found.peers == 6
    assert [(each.code, each.peers) for each in found.products] == [("N", 6)]


def test_with_fewer_than_five_alike_nothing_is_suggested(acting):
    client = buyer(50_000)
    rice = product("R", "Grãos")
    for _n in range(4):
        buy(buyer(50_000), (rice, 1_000))
    found = peer_suggestions(client, activity(client), as_of=TODAY)
    assert (found.peers, found.enough, list(found.products)) == (4, False, [])


def test_alike_is_of_the_class_or_of_the_size_and_one_that_says_nothing_is_compared_with_nobody(acting, django_assert_num_queries):
    rice = product("R", "Grãos")
    new, silent = ClientFactory(segment="Padaria", size="pequeno"), ClientFactory(segment="Padaria")
    client = buyer(30_000, size="pequeno", abc="A")
    for n in range(5):
        buy(buyer(10_000 * n + 1, size="pequeno", abc="C"), (rice, 2_000))
        buy(buyer(10_000 * n + 1, size="grande", abc="A"), (rice, 90_000))
        buyer(10_000 * n + 1, size="grande", abc="C")
        ClientFactory(segment="Padaria", size="pequeno", activity={"abc": ""})  # bought nothing: no example
    by_size = peer_suggestions(new, activity(new), as_of=TODAY)
    assert (by_size.peers, [each.typical_cents for each in by_size.products]) == (6, [2_000])  # five buyers, and ``client``
    assert peer_suggestions(client, activity(client), as_of=TODAY).peers == 10
    with django_assert_num_queries(0):
        assert peer_suggestions(silent, None, as_of=TODAY).peers is None
        assert peer_suggestions(ClientFactory.build(organization_id=acting.pk, size="pequeno"), None, as_of=TODAY).peers is None


def test_timely_offers_are_of_categories_the_client_buys_and_not_of_last_month(acting):
    client = buyer(0)
    bought, fresh = product("B", "Doces"), product("F", "Doces", season="Natal")
    standing = product("P", "Doces", stock_since=TODAY - timedelta(days=90), stock_quantity=3)
    product("Z", "Doces", stock_since=TODAY - timedelta(days=200), stock_quantity=0)  # none left
    product("N", "Doces", stock_since=TODAY - timedelta(days=89), stock_quantity=3)  # too new
    product("W", "Doces", season="Inverno")
    product("X", "Bebidas", season="Natal")  # of a category it does not buy
    buy(client, (bought, 1_000), days_ago=20)
    buy(client, (standing, 2_000), days_ago=200)
    assert timely_offers(client, as_of=TODAY) == [
        Offer("P", "Produto P", "Doces", (Mark.STANDING,), standing.stock_since, "", 3_000, TODAY - timedelta(days=200)),
        Offer("F", "Produto F", "Doces", (Mark.IN_SEASON,), None, "Natal", 3_000, None),
    ]
    buy(client, (fresh, 1_000), days_ago=29)
    assert [each.code for each in timely_offers(client, as_of=TODAY)] == ["P"]


@pytest.mark.parametrize(
    ("season", "day", "marks"),
    [
        ("Natal", date(2026, 11, 1), (Mark.IN_SEASON,)),
        ("VERÃO", date(2026, 7, 1), (Mark.OUT_OF_SEASON,)),
        ("Volta às aulas", date(2026, 1, 31), (Mark.IN_SEASON,)),
        ("Lua cheia", date(2026, 1, 31), ()),
        ("", date(2026, 1, 31), ()),
    ],
)
def test_a_season_is_read_whatever_its_accents(season, day, marks):
    assert marks_of(season, None, as_of=day) == marks


def test_each_question_is_one_query(acting, django_assert_num_queries):
    client = buyer(10)
    for n in range(6):
        buy(buyer(10), (product(f"P{n}", "Grãos"), 100))
    row = activity(client)
    for ask in (bought_mix, timely_offers):
        with django_assert_num_queries(1):
            ask(client, as_of=TODAY)
    with django_assert_num_queries(1):
        peer_suggestions(client, row, as_of=TODAY)
