"""A small sales force to rotate: three representatives in São Paulo, clients with orders, one published rule."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Organization, Role
from accounts.tenancy import active_organization_id
from clients.models import Client, ClientActivity, Order
from clients.services import refresh_clients
from portfolio.models import Ownership
from rotation.engine.presets import PRESETS
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, make_member

AS_OF = date(2026, 10, 5)  # a Monday
NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
RULE = PRESETS["general"]


@pytest.fixture
def fresh_feed(acting) -> Organization:
    """Orders came in an hour before NOW."""
    acting.orders_received_at = NOW - timedelta(hours=1)
    acting.save(update_fields=["orders_received_at"])
    return acting


@pytest.fixture
def admin(acting):
    return make_member(acting, Role.ADMIN)


@pytest.fixture
def team(acting):
    return TeamFactory()


@pytest.fixture
def manager(acting, team):
    return make_member(acting, Role.MANAGER, team=team)


@pytest.fixture
def representatives(acting, team):
    """Three colleagues of one team, a few kilometres apart, with room for forty clients each."""
    return [
        RepresentativeFactory(team=team, latitude=-23.55 + 0.1 * i, longitude=-46.63, capacity_clients=40, base_state="SP")
        for i in range(3)
    ]


def make_client(owner, **fields) -> Client:
    """One client, as ``make_clients`` makes many."""
    return make_clients([{"owner": owner} | fields])[0]


def make_clients(wanted: list[dict], *, as_of: date = AS_OF) -> list[Client]:
    """Clients that ordered every thirty days until ``days_silent`` ago (None: never), ``net`` cents in all in ``x`` + 1 orders,
    in the portfolio of ``owner`` (None: of nobody); other names are the client's fields. In a few statements, however many."""
    specs = [{"days_silent": 100, "x": 5, "net": 1_000_000, "as_of": as_of} | each for each in wanted]
    built = [_client(**spec) for spec in specs]
    clients = Client.objects.bulk_create(client for client, _orders in built)
    ClientActivity.objects.bulk_create(ClientActivity(organization_id=client.organization_id, client=client) for client in clients)
    Ownership.objects.bulk_create(
        OwnershipFactory.build(
            organization_id=client.organization_id,
            client=client,
            representative=spec["owner"],
            started_on=spec["as_of"] - timedelta(days=400),
        )
        for client, spec in zip(clients, specs, strict=True)
        if spec["owner"]
    )
    orders = [
        Order(organization_id=client.organization_id, code=f"{client.code}-{i}", client=client, ordered_on=day, amount_cents=amount)
        for client, days in built
        for i, (day, amount) in enumerate(days)
    ]
    Order.objects.bulk_create(orders)
    for day in {spec["as_of"] for spec in specs}:
        refresh_clients([client.pk for client, spec in zip(clients, specs, strict=True) if spec["as_of"] == day], as_of=day)
    return clients


def _client(owner, *, days_silent: int | None, x: int, net: int, as_of: date, **fields) -> tuple[Client, list[tuple[date, int]]]:
    defaults = {
        "latitude": -23.5,
        "longitude": -46.6,
        "city": "São Paulo",
        "segment": "Padaria",
        "registered_on": as_of - timedelta(days=900),
    }
    client = ClientFactory.build(organization_id=active_organization_id(), representative=owner, **(defaults | fields))
    if days_silent is None:
        return client, []
    last = as_of - timedelta(days=days_silent)
    amounts = [net // (x + 1)] * x + [net - net // (x + 1) * x]
    return client, [(last - timedelta(days=30 * i), amount) for i, amount in enumerate(amounts)]


@pytest.fixture
def portfolio(representatives) -> list[Client]:
    """Thirty clients of the first representative, ten of each other one; every third has been silent for 100 to 130 days."""
    return make_clients(
        [
            {"owner": owner, "days_silent": 100 + i if i % 3 == 0 else 10 + i, "net": 500_000 + 10_000 * i}
            for owner, count in zip(representatives, (30, 10, 10), strict=True)
            for i in range(count)
        ]
    )
