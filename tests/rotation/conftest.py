"""A small sales force to rotate: three representatives in São Paulo, clients with orders, one published rule."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Organization, Role
from clients.models import Client, ClientActivity
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


def make_client(owner, *, days_silent: int | None = 100, as_of: date = AS_OF, x: int = 5, net: int = 1_000_000, **fields) -> Client:
    """A client with its activity and an open ownership; ``days_silent`` None never ordered, ``owner`` None has nobody."""
    last = None if days_silent is None else as_of - timedelta(days=days_silent)
    activity = {"windows_on": as_of}
    if last:
        activity |= {
            "repeat_days": x,
            "first_on": last - timedelta(days=30 * x),
            "last_on": last,
            "median_gap": 30.0,
            "mean_gap": 30.0,
            "net_total_cents": net,
            "net_12m_cents": net,
        }
    defaults = {
        "latitude": -23.5,
        "longitude": -46.6,
        "city": "São Paulo",
        "segment": "Padaria",
        "registered_on": as_of - timedelta(days=900),
    }
    client = ClientFactory(representative=owner, activity=activity, **(defaults | fields))
    if owner:
        OwnershipFactory(client=client, representative=owner, started_on=as_of - timedelta(days=400))
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


__all__ = ["AS_OF", "NOW", "RULE", "ClientActivity", "Ownership", "make_client"]
