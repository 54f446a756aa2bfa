"""The filter of a list: what it compiles to is what it says, and it survives being an address and being kept."""

import random
from dataclasses import replace
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.models import Client, ClientScore
from clients.selectors import ClientFilter, Limits
from clients.selectors.client_filter import _DEFAULTS, CHANCES
from clients.selectors.lifecycle import Lifecycle, lifecycle_of
from clients.selectors.matching import matching
from clients.selectors.temperature import Temperature, temperature_of
from tests.factories import ClientFactory, RepresentativeFactory

TODAY = date(2026, 11, 22)
LIMITS = Limits(60, 90, 360)
BASE = (-22.9, -47.06)
CITIES = [("SP", "Campinas", -22.9056, -47.0608), ("SP", "Sumaré", -22.8219, -47.2669), ("PR", "Londrina", -23.3103, -51.1628)]


def drawn_clients(draw: random.Random) -> None:
    """Sixty clients of every kind, without coordinates or orders some of them."""
    people = RepresentativeFactory.create_batch(3)
    for _each in range(60):
        state, city, latitude, longitude = draw.choice(CITIES)
        placed = draw.random() < 0.8
        last_on = TODAY - timedelta(days=draw.choice([0, 1, 7, 30, 59, 60, 89, 90, 200, 400])) if draw.random() < 0.85 else None
        bought = {
            "last_on": last_on,
            "repeat_days": draw.choice([0, 2, 3, 9]) if last_on else -1,
            "median_gap": draw.choice([None, 7.0, 14.5, 30.0]) if last_on else None,
            "net_12m_cents": draw.choice([0, 99_99, 100_00, 5_000_00, 48_000_50]),
            "n90": draw.randrange(4),
            "n365": draw.randrange(12),
            "abc": draw.choice(["", "A", "B", "C"]),
            "windows_on": TODAY,
        }
        client = ClientFactory(
            representative=draw.choice([*people, None]),
            state=state,
            city=city,
            latitude=latitude + draw.uniform(-0.3, 0.3) if placed else None,
            longitude=longitude + draw.uniform(-0.3, 0.3) if placed else None,
            segment=draw.choice(["", "Padaria", "Mercado"]),
            size=draw.choice(["", "Pequeno", "Médio"]),
            tags=draw.sample(["vip", "rede", "feira"], draw.randrange(3)),
            discarded_on=TODAY if draw.random() < 0.1 else None,
            activity=bought,
        )
        if last_on and draw.random() < 0.5:
            p_silent, age = draw.choice([0.1, 0.35, 0.7, 0.9]), draw.randrange(6)
            made_for, alive = TODAY - timedelta(days=age), draw.choice([None, 0.8])
            chances = {"p_silent": p_silent, "p_cross": p_silent, "p_alive": alive}
            ClientScore.objects.create(client=client, horizon=90, made_for=made_for, state=draw.choice(["active", "at_risk"]), **chances)


def drawn_filter(draw: random.Random, representatives: list[int]) -> ClientFilter:
    """One to three fields narrowed, so that there is mostly something left."""
    ways = {
        "state": lambda: draw.choice(Lifecycle.values),
        "representative": lambda: draw.choice(representatives),
        "uf": lambda: draw.choice(["SP", "PR", "RJ"]),
        "city": lambda: draw.choice(["Campinas", "Londrina"]),
        "near": lambda: draw.choice(["base", "-23.31,-51.16"]),
        "segment": lambda: draw.choice(["Padaria", "Mercado"]),
        "porte": lambda: "Médio",
        "tag": lambda: draw.choice(["vip", "rede"]),
        "abc": lambda: draw.choice("ABC"),
        "chance": lambda: draw.choice(list(CHANCES)),
        "silent_from": lambda: draw.choice([0, 1, 60, 90]),
        "silent_to": lambda: draw.choice([0, 7, 89, 200]),
        "orders_from": lambda: draw.randrange(6),
        "orders_to": lambda: draw.randrange(8),
        "value_from": lambda: draw.choice([0, 100, 5_000]),
        "value_to": lambda: draw.choice([99, 100, 48_000]),
        "ticket_from": lambda: draw.choice([0, 40, 900]),
        "ticket_to": lambda: draw.choice([39, 200, 9_000]),
        "heat": lambda: draw.choice(Temperature.values),
        "late": lambda: draw.choice(["0.5", "1", "2.5", "10"]),
    }
    wanted = replace(ClientFilter(), **{name: ways[name]() for name in draw.sample(sorted(ways), draw.randint(1, 3))})
    return replace(wanted, km=draw.choice([5, 25, 900]) if wanted.near else None, orders_in=draw.choice([90, 365]))


def kilometres(client: Client, point: tuple[float, float]) -> float:
    latitude, longitude = radians(client.latitude - point[0]), radians(client.longitude - point[1])
    chord = sin(latitude / 2) ** 2 + cos(radians(point[0])) * cos(radians(client.latitude)) * sin(longitude / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(chord))


def agrees(client: Client, wanted: ClientFilter) -> bool:
    """The filter said again, of one row in memory."""
    bought, score = client.activity.all()[0], next(iter(client.scores.all()), None)
    silent = (TODAY - bought.last_on).days if bought.last_on else None
    orders = bought.n90 if wanted.orders_in == 90 else bought.n365
    at_risk_on = score.made_for if score and score.state == "at_risk" else None
    state = lifecycle_of(bought.last_on, client.discarded_on, as_of=TODAY, limits=LIMITS, scored_at_risk_on=at_risk_on)
    point = BASE if wanted.near == "base" else wanted.point
    told = score and score.p_alive is not None and bought.last_on and score.made_for >= max(bought.last_on, TODAY - timedelta(days=3))
    cycles = silent / bought.median_gap if silent is not None and bought.median_gap and bought.repeat_days >= 3 else None
    cycle = bought.median_gap if bought.repeat_days >= 3 else None
    ticket = bought.net_12m_cents // bought.n365 if bought.n365 else None
    return all(
        [
            not wanted.heat or temperature_of(silent, cycle, limits=LIMITS) == wanted.heat,
            wanted.ticket_from is None or (ticket is not None and ticket >= wanted.ticket_from * 100),
            wanted.ticket_to is None or (ticket is not None and ticket <= wanted.ticket_to * 100),
            not wanted.state or state == wanted.state,
            not wanted.representative or client.representative_id == wanted.representative,
            not wanted.uf or client.state == wanted.uf,
            not wanted.city or client.city == wanted.city,
            not wanted.segment or client.segment == wanted.segment,
            not wanted.porte or client.size == wanted.porte,
            not wanted.tag or wanted.tag in client.tags,
            not wanted.abc or bought.abc == wanted.abc,
            wanted.silent_from is None or (silent is not None and silent >= wanted.silent_from),
            wanted.silent_to is None or (silent is not None and silent <= wanted.silent_to),
            wanted.orders_from is None or orders >= wanted.orders_from,
            wanted.orders_to is None or orders <= wanted.orders_to,
            wanted.value_from is None or bought.net_12m_cents >= wanted.value_from * 100,
            wanted.value_to is None or bought.net_12m_cents <= wanted.value_to * 100,
            not wanted.late or (cycles is not None and cycles >= float(wanted.late)),
            not wanted.chance or bool(told and score.p_silent >= CHANCES[wanted.chance]),
            not wanted.km or (client.latitude is not None and kilometres(client, point) <= wanted.km),
        ]
    )


def test_the_query_finds_what_a_plain_filter_over_the_rows_finds(acting):
    draw = random.Random(20261122)
    drawn_clients(draw)
    rows = list(Client.objects.select_related("representative").prefetch_related("activity", "scores"))
    people = sorted({row.representative_id for row in rows if row.representative_id})
    sizes = []
    for _each in range(150):
        wanted = drawn_filter(draw, people)
        found = set(matching(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS, base=BASE).values_list("pk", flat=True))
        assert found == {row.pk for row in rows if agrees(row, wanted)}, wanted
        sizes.append(len(found))
    assert sum(0 < size < 60 for size in sizes) > 60  # most of them told some rows from others


def test_near_a_base_nobody_knows_is_nobody(acting):
    ClientFactory(latitude=0, longitude=0)
    wanted = ClientFilter(near="base", km=100)
    assert list(matching(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS)) == []


@pytest.mark.parametrize("point", [(89.9, 10.0), (0.0, 179.9)])
def test_distance_goes_over_the_pole_and_the_date_line(acting, point):
    near = ClientFactory(latitude=89.9 if point[0] else 0.0, longitude=-170.0 if point[0] else -179.9)
    wanted = ClientFilter(near=f"{point[0]},{point[1]}", km=30)
    assert list(matching(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS)) == [near]


_NAMES = sorted(set(_DEFAULTS))


_VALUES = st.one_of(
    st.text(max_size=30), st.integers(-5, 10**20).map(str), st.sampled_from(["base", "A", "active", "1,5", "-22.9,-47", "map"])
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8))
def test_any_query_makes_a_filter_that_survives_the_address_and_the_segment(query):
    from django.http import QueryDict

    wanted = ClientFilter.parse(query)
    assert ClientFilter.parse(QueryDict(wanted.query(after=wanted.after)).dict()) == wanted
    kept = wanted.definition()
    assert ClientFilter.parse(kept).definition() == kept
    assert bool(kept) == wanted.without("q").narrows


def test_old_and_odd_values_are_dropped_and_not_half_understood():
    odd = {"late": "muito", "near": "91,0", "km": "0", "silent_from": "-3", "orders_in": "30", "sort": "x", "view": "y", "uf": "São Paulo"}
    assert ClientFilter.parse(odd) == ClientFilter(uf="São")
    assert ClientFilter.parse({"late": "1,5", "near": "-22.9, -47.06", "km": "25"}) == ClientFilter(late="1.5", near="-22.9,-47.06", km=25)
    assert ClientFilter(near="base").definition() == {}
    assert ClientFilter(orders_in=90, uf="SP").definition() == {"uf": "SP"}
