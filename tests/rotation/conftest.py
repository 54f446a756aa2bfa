"""A small sales force to rotate: three representatives in São Paulo, clients with orders, one published rule."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Organization, Role
from clients.models import Client, Order
from clients.services import refresh_clients
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


def make_client(owner, *, days_silent: int | None = 100, as_of: date = AS_OF, x: int = 5, net: int = 1_000_000, **fields) -> Client:
    """A client that ordered every thirty days until ``days_silent`` ago (None: never), ``net`` cents in all, in the
    portfolio of ``owner`` (None: of nobody)."""
    defaults = {
        "latitude": -23.5,
        "longitude": -46.6,
        "city": "São Paulo",
        "segment": "Padaria",
        "registered_on": as_of - timedelta(days=900),
    }
    client = ClientFactory(representative=owner, **(defaults | fields))
    if owner:
        OwnershipFactory(client=client, representative=owner, started_on=as_of - timedelta(days=400))
    if days_silent is not None:
        last = as_of - timedelta(days=days_silent)
        amounts = [net // (x + 1)] * x + [net - net // (x + 1) * x]
        Order.objects.bulk_create(
            Order(
                organization_id=client.organization_id,
                code=f"{client.code}-{i}",
                client=client,
                ordered_on=last - timedelta(days=30 * i),
                amount_cents=amount,
            )
            for i, amount in enumerate(amounts)
        )
    refresh_clients([client.pk], as_of=as_of)
    return client


@pytest.fixture
def portfolio(representatives) -> list[Client]:
    """Thirty clients of the first representative, ten of each other one; every third has been silent for 100 to 130 days."""
    made = []
    for owner, count in zip(representatives, (30, 10, 10), strict=True):
        for i in range(count):
            silent = 100 + i if i % 3 == 0 else 10 + i
            made.append(make_client(owner, days_silent=silent, net=500_000 + 10_000 * i))
    return made
