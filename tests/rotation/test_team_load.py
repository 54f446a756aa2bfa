"""What each carries: counted by the database as the engine counts it, and what moves would change."""

import pytest

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Representative, Role
from accounts.services.representatives import CapacityRefused, set_capacity
from rotation.engine.workload import QUARTER_WEEKS
from rotation.load_chart import load_bars
from rotation.selectors.book import book_of
from rotation.selectors.team_load import team_load, with_moves
from tests.factories import RepresentativeFactory, make_member
from tests.rotation.conftest import AS_OF, make_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(acting, team):
    """Ana with clients near, far, of her own city without a place, of nowhere; Bruno with one; Caio without a base."""
    ana = RepresentativeFactory(team=team, latitude=-23.5, longitude=-46.6, base_city="São Paulo", capacity_minutes_week=100)
    bruno = RepresentativeFactory(team=team, latitude=-22.9, longitude=-47.0, capacity_clients=2)
    caio = RepresentativeFactory(team=team)
    clients = [
        make_client(ana, net=900_000),
        make_client(ana, net=5_000, latitude=-22.9, longitude=-47.1),
        make_client(ana, net=4_000, latitude=None, longitude=None),
        make_client(ana, net=3_000, latitude=None, longitude=None, city=""),
        make_client(bruno),
        make_client(caio),
    ]
    return [ana, bruno, caio], clients


def test_minutes_are_those_of_the_engine(acting, scene):
    people, _clients = scene
    book = book_of(acting, people=[person.pk for person in people], as_of=AS_OF)
    engine = dict(zip(book.representatives.id.tolist(), book.representatives.minutes_held / QUARTER_WEEKS, strict=True))

    lines = {line.representative.pk: line for line in team_load(Representative.objects.all())}

    assert {pk: line.now.minutes for pk, line in lines.items()} == pytest.approx(engine)
    ana = lines[people[0].pk].now
    assert (ana.clients, ana.net_cents) == (4, 912_000) and ana.km == pytest.approx(42, abs=1)
    assert lines[people[2].pk].now.km is None


def test_moves_take_from_who_answers_and_give_to_the_receiver(scene):
    (ana, bruno, _caio), clients = scene

    lines = with_moves(team_load(Representative.objects.filter(pk__in=[ana.pk, bruno.pk])), [(clients[n].pk, bruno.pk) for n in (0, 1)])

    by_id = {line.representative.pk: line for line in lines}
    assert (by_id[ana.pk].clients_after, by_id[bruno.pk].clients_after) == (2, 3)
    assert by_id[bruno.pk].gains.net_cents == by_id[ana.pk].loses.net_cents == 905_000
    assert by_id[bruno.pk].over_clients and not by_id[ana.pk].over_clients
    # Bruno lives next to the second client, which Ana drives to: he gains fewer minutes of it than she loses.
    assert by_id[ana.pk].minutes_after < by_id[ana.pk].now.minutes


def test_one_scale_holds_bars_and_capacities(scene):
    chart = load_bars(team_load(Representative.objects.order_by("code")))

    assert {row["line"].representative.capacity_clients: row["cap"] for row in chart["rows"]} == {150: 590.0, 2: 9.8}
    assert not any(row["moved"] or row["over"] for row in chart["rows"])


def test_two_queries_however_many(scene, team, django_assert_num_queries):
    with django_assert_num_queries(2):
        team_load(Representative.objects.all())
    RepresentativeFactory.create_batch(3, team=team)
    with django_assert_num_queries(2):
        team_load(Representative.objects.all())


def test_capacity_is_set_within_the_subtree_and_recorded(acting, scene, manager):
    (ana, *_rest), _clients = scene
    set_capacity(ana, clients=80, minutes_week=None, by=manager)

    ana.refresh_from_db()
    assert (ana.capacity_clients, ana.capacity_minutes_week) == (80, None)
    event = AuditEvent.objects.get(action="representative.capacity_set")
    assert event.before == {"capacity_clients": 150, "capacity_minutes_week": 100}
    with pytest.raises(CapacityRefused):
        set_capacity(ana, clients=80, minutes_week=20_000, by=manager)
    with pytest.raises(NotAllowed):
        set_capacity(ana, clients=80, minutes_week=None, by=make_member(acting, Role.AUDITOR))
