"""The catalogue and who takes a product, against a plain reading of the orders; marking one; who may."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from accounts.tenancy import tenant_atomic
from clients.models import Client, Order, OrderItem, Product
from clients.selectors.products import ProductFilter, product_counts, product_months, product_takers, products_found
from clients.selectors.visibility import Reach
from clients.services.products import MarkRefused, mark_product
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)


def line(order: Order, product: Product, cents: int) -> None:
    number = OrderItem.objects.filter(order=order).count() + 1
    OrderItem.objects.create(order=order, line=number, product=product, quantity=Decimal(1), unit_price_cents=cents, amount_cents=cents)


@pytest.mark.parametrize("seed", range(3))
def test_who_buys_and_who_could_equal_a_plain_reading_of_the_orders(acting, seed):
    chance = random.Random(seed)
    people = RepresentativeFactory.create_batch(2)
    clients = [ClientFactory(representative=chance.choice([*people, None])) for _each in range(8)]
    Client.objects.filter(pk=clients[0].pk).update(discarded_on=date(2026, 11, 1))
    products = [Product.objects.create(code=f"P{n}", name=f"Produto {n}", category=("Grãos", "Grãos", "Limpeza", "")[n]) for n in range(4)]
    for _each in range(40):
        day = TODAY - timedelta(days=chance.choice([0, 1, 40, 200, 364, 365, 500]))
        order = OrderFactory(
            client=chance.choice(clients), ordered_on=day, status=chance.choice(["valid", "valid", "cancelled", "returned"])
        )
        for product in chance.sample(products, chance.randint(1, 3)):
            line(order, product, chance.randint(1, 900))
    within = chance.choice([Reach(None, []), Reach([people[0].pk], [clients[-1].pk])])

    for product in products:
        own, kind, days, by_month = (defaultdict(int), defaultdict(int), defaultdict(set), defaultdict(int))
        for item in OrderItem.objects.select_related("order__client", "product"):
            order, client = item.order, item.order.client
            reached = within.representatives is None or client.representative_id in within.representatives or client.pk in within.beside
            if order.status != "valid" or order.ordered_on <= TODAY - timedelta(days=365) or client.pk == clients[0].pk or not reached:
                continue
            if item.product == product:
                own[client.pk] += item.amount_cents
                days[client.pk].add(order.ordered_on)
                by_month[order.ordered_on.replace(day=1)] += item.amount_cents
            if item.product == product or (product.category and item.product.category == product.category):
                kind[client.pk] += item.amount_cents

        buys = product_takers(product, within, "buys", as_of=TODAY)
        could = product_takers(product, within, "could", as_of=TODAY)

        assert {row.pk: (row.days, row.last_on, row.cents, row.category_cents) for row in buys.rows} == {
            pk: (len(days[pk]), max(days[pk]), own[pk], kind[pk]) for pk in own
        }
        assert {row.pk: (row.days, row.cents, row.category_cents) for row in could.rows} == {
            pk: (0, 0, cents) for pk, cents in kind.items() if pk not in own
        }
        assert (buys.buys, buys.could, buys.cents) == (len(own), len(kind) - len(own), sum(own.values()))
        assert buys.category_cents == sum(cents for pk, cents in kind.items() if pk not in own)
        assert [row.cents for row in buys.rows] == sorted(own.values(), reverse=True)
        if buys.buys > 1:
            [second] = product_takers(product, within, "buys", as_of=TODAY, offset=1, limit=1).rows
            assert second == buys.rows[1]
        months = product_months(product, within, as_of=TODAY)
        assert dict(months) == {month: by_month[month] for month, _cents in months}
        assert len(months) == 12


def test_the_catalogue_is_narrowed_by_words_category_and_moment(acting):
    def product(code, name, **fields):
        return Product.objects.create(code=code, name=name, **fields)

    rice = product("A1", "Arroz Agulhinha", category="Grãos", stock_since=TODAY - timedelta(days=90), stock_quantity=3)
    product("A2", "Feijão", category="Grãos", stock_since=TODAY - timedelta(days=89))
    product("A3", "Sumido", stock_since=TODAY - timedelta(days=400), stock_quantity=0)
    older = product("B1", "Panetone", category="Festas", season="natal", stock_since=TODAY - timedelta(days=200))
    product("B2", "Ovo de Páscoa", category="Festas", season="Páscoa")

    def found(**query):
        return [each.code for each in products_found(ProductFilter.parse(query), as_of=TODAY)]

    assert found() == ["A1", "A2", "B2", "B1", "A3"]
    assert found(q="pascoa ovo") == ["B2"]
    assert found(q="b1") == ["B1"]
    assert found(category="Grãos") == ["A1", "A2"]
    assert found(tab="standing") == [older.code, rice.code]
    assert found(tab="season") == ["B1"]
    assert product_counts(ProductFilter(), as_of=TODAY) == {"all": 5, "standing": 2, "season": 1}


def test_who_leads_marks_a_product_and_the_mark_is_on_record(acting):
    admin, seller = make_member(acting, Role.ADMIN), make_member(acting, Role.REPRESENTATIVE)
    product = Product.objects.create(code="P", name="Panetone")

    marked = mark_product(product, season="  Natal ", stock_since=date(2026, 8, 1), by=admin, on=TODAY)
    mark_product(product, season="Natal", stock_since=date(2026, 8, 1), by=admin, on=TODAY)

    assert (marked.season, marked.stock_since) == ("Natal", date(2026, 8, 1))
    event = AuditEvent.objects.get(stream=f"product:{product.pk}")
    assert (event.before, event.after) == ({"season": "", "stock_since": None}, {"season": "Natal", "stock_since": "2026-08-01"})
    with pytest.raises(NotAllowed):
        mark_product(product, season="", stock_since=None, by=seller, on=TODAY)
    for given, where in (
        ({"season": "x" * 41, "stock_since": None}, "season"),
        ({"season": "", "stock_since": date(2026, 11, 24)}, "stock_since"),
    ):
        with pytest.raises(MarkRefused) as refusal:
            mark_product(product, **given, by=admin, on=TODAY)
        assert refusal.value.field == where


def test_a_seller_reads_the_catalogue_with_their_own_clients_and_takes_no_file(organization, web, signed_in):
    with tenant_atomic(organization.pk):
        team = TeamFactory()
        manager, seller = make_member(organization, Role.MANAGER, team=team), make_member(organization, Role.REPRESENTATIVE)
        mine, other = RepresentativeFactory(membership=seller, team=team), RepresentativeFactory(team=team)
        rice, beans = (Product.objects.create(code=code, name=name, category="Grãos") for code, name in (("R", "Arroz"), ("F", "Feijão")))
        day = date.today() - timedelta(days=20)
        for name, who in (("Padaria Sol", mine), ("Mercado Lua", other)):
            line(OrderFactory(client=ClientFactory(name=name, representative=who), ordered_on=day), beans, 5_000)
    own, base = signed_in(seller), "/o/vale-verde/products/"

    assert "Arroz" in own.get(base).content.decode()
    page = own.get(f"{base}{rice.pk}/").content.decode()
    assert "Padaria Sol" in page
    assert "Mercado Lua" not in page
    assert 'name="stock_since"' not in page
    assert own.post(f"{base}{rice.pk}/", {"season": "Natal"}).status_code == 404
    for path in (f"{base}export.csv", f"{base}{rice.pk}/export.csv?part=could"):
        assert own.get(path).status_code == 404

    lead = signed_in(manager)
    assert "Mercado Lua" in lead.get(f"{base}{rice.pk}/").content.decode()
    refused = lead.post(f"{base}{rice.pk}/", {"season": "Natal", "stock_since": "2026-02-31"})
    assert (refused.status_code, "Este dia não existe." in refused.content.decode()) == (422, True)
    assert lead.post(f"{base}{rice.pk}/", {"season": "Natal", "stock_since": "2026-08-01"}).status_code == 302
    file = lead.get(f"{base}{rice.pk}/export.csv?part=could").content.decode("utf-8-sig")
    assert {name for name in ("Padaria Sol", "Mercado Lua") if name in file} == {"Padaria Sol", "Mercado Lua"}
    assert lead.get(f"{base}export.xlsx").status_code == 200
