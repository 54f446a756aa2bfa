"""Visits marked, moved, cancelled and taken back by hand; and those that plan themselves."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Absence, AuditEvent
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from portfolio.errors import DayRefused, DayTaken, VisitNotWaiting
from portfolio.models import Visit
from portfolio.services.due import first_day, keep_suggested, plan_due_visits, suggested_visits
from portfolio.services.planning import SKIPPED, cancel_visit, move_visit, order_day, plan_visit, plan_visit_saying, skip_visit, take_back
from portfolio.spread import EARLY_DAYS, Due, spread
from portfolio.workdays import holiday_name, is_workday, next_workday
from tests.factories import ClientFactory, RepresentativeFactory, VisitFactory, make_member

# A Monday at 04:00 in São Paulo; the two weeks from it hold no national holiday and, in SP, none of the state's.
NIGHT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
FORTNIGHT = [MONDAY + timedelta(days=n) for n in range(14)]


# By hand


@pytest.fixture
def marked(acting, freeze):
    """A member, their representative and a client with nothing planned; today is MONDAY."""
    member = make_member(acting, "representative")
    person = RepresentativeFactory(membership=member)
    return member, person, ClientFactory(representative=person)


@pytest.fixture
def freeze(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NIGHT)


def waiting():
    return list(Visit.objects.filter(visited_at=None, cancelled_at=None).values_list("client_id", "planned_on").order_by("planned_on"))


def test_planning_a_client_again_moves_the_one_visit_that_waits(marked):
    member, person, client = marked
    first = plan_visit(client, person, MONDAY, by=member)
    again = plan_visit(client, person, MONDAY, datetime(2026, 3, 2, 14, tzinfo=UTC), by=member)
    moved = plan_visit(client, person, date(2026, 3, 9), by=member, origin=Visit.Origin.NEXT_CONTACT)
    assert first.pk == again.pk == moved.pk
    assert waiting() == [(client.pk, date(2026, 3, 9))]
    moved.refresh_from_db()
    assert (moved.planned_at, moved.origin, moved.version) == (None, "next_contact", 3)
    assert list(AuditEvent.objects.filter(stream=f"visit:{first.pk}").order_by("seq").values_list("action", flat=True)) == [
        "visit.planned",
        "visit.moved",
        "visit.moved",
    ]


def test_a_missed_visit_stays_missed_and_is_no_hindrance(marked):
    member, person, client = marked
    VisitFactory(client=client, representative=person, planned_on=date(2026, 2, 27))
    plan_visit(client, person, MONDAY, by=member)
    assert waiting() == [(client.pk, date(2026, 2, 27)), (client.pk, MONDAY)]


def test_the_database_itself_lets_one_visit_wait_for_a_client_on_a_day(marked):
    _member, person, client = marked
    VisitFactory(client=client, representative=person, planned_on=MONDAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        VisitFactory(client=client, representative=person, planned_on=MONDAY)
    VisitFactory(client=client, representative=person, planned_on=MONDAY, cancelled_at=NIGHT)
    VisitFactory(client=client, representative=person, planned_on=MONDAY, visited_at=NIGHT, visited_on=MONDAY)


def test_moving_asks_for_a_free_day_within_a_year_and_an_hour_on_it(marked):
    member, person, client = marked
    visit = plan_visit(client, person, MONDAY, by=member)
    VisitFactory(client=client, representative=person, planned_on=date(2026, 3, 5))
    for on, at, refusal in [
        (date(2026, 3, 1), None, DayRefused),
        (date(2027, 3, 5), None, DayRefused),
        (date(2026, 3, 4), datetime(2026, 3, 5, 12, tzinfo=UTC), DayRefused),
        (date(2026, 3, 5), None, DayTaken),
    ]:
        with pytest.raises(refusal):
            move_visit(visit, on, at, by=member)
    move_visit(visit, date(2026, 3, 4), datetime(2026, 3, 4, 12, tzinfo=UTC), by=member)
    visit.refresh_from_db()
    assert (visit.planned_on, visit.planned_at) == (date(2026, 3, 4), datetime(2026, 3, 4, 12, tzinfo=UTC))


def test_a_cancelled_visit_says_why_once_and_moves_no_more(marked):
    member, person, client = marked
    visit = plan_visit(client, person, MONDAY, by=member)
    with pytest.raises(DayRefused):
        cancel_visit(visit, "  ", by=member)
    cancel_visit(visit, "Sem tempo nesse dia", by=member)
    visit.refresh_from_db()
    assert (visit.cancelled, visit.cancel_reason) == (True, "Sem tempo nesse dia")
    for act in (lambda: cancel_visit(visit, "de novo", by=member), lambda: move_visit(visit, date(2026, 3, 4), by=member)):
        with pytest.raises(VisitNotWaiting):
            act()


def test_each_act_can_be_taken_back_unless_somebody_acted_since(marked):
    member, person, client = marked
    visit, planned = plan_visit_saying(client, person, MONDAY, by=member)
    moved = move_visit(visit, date(2026, 3, 4), by=member)
    take_back(moved, by=member)
    visit.refresh_from_db()
    assert visit.planned_on == MONDAY
    with pytest.raises(ChangedMeanwhile):
        take_back(planned, by=member)
    cancelled = cancel_visit(visit, "Sem tempo nesse dia", by=member)
    take_back(cancelled, by=member)
    visit.refresh_from_db()
    assert (visit.cancelled, visit.cancel_reason) == (False, "")
    with pytest.raises(ChangedMeanwhile):
        take_back(cancelled, by=member)
    other, made = plan_visit_saying(ClientFactory(representative=person), person, MONDAY, by=member)
    assert take_back(made, by=member) is None
    assert not Visit.objects.filter(pk=other.pk).exists()


def test_a_day_taken_meanwhile_is_not_taken_back(marked):
    member, person, client = marked
    visit = plan_visit(client, person, MONDAY, by=member)
    cancelled = cancel_visit(visit, "Sem tempo nesse dia", by=member)
    plan_visit(client, person, MONDAY, by=member)
    with pytest.raises(DayTaken):
        take_back(cancelled, by=member)


def test_an_order_is_that_of_the_persons_own_visits_on_that_day(marked):
    member, person, client = marked
    mine = plan_visit(client, person, MONDAY, by=member)
    later = plan_visit(ClientFactory(representative=person), person, date(2026, 3, 3), by=member)
    theirs = VisitFactory(planned_on=MONDAY)
    changed = order_day(person, MONDAY, [(theirs.pk, 1), (later.pk, 2), (mine.pk, 3)], by=member)
    assert changed == 1
    assert dict(Visit.objects.values_list("pk", "position")) == {mine.pk: 3, later.pk: None, theirs.pk: None}


def test_who_only_reads_plans_nothing(marked, acting):
    _member, person, client = marked
    auditor = make_member(acting, "auditor")
    with pytest.raises(NotAllowed):
        plan_visit(client, person, MONDAY, by=auditor)
    with pytest.raises(NotAllowed):
        keep_suggested(person, acting, [], by=auditor, at=NIGHT)


# By itself


@pytest.fixture
def person(acting):
    return RepresentativeFactory(membership=make_member(acting, "representative"), base_state="SP", visits_per_day=3)


def visited(person, on, **fields):
    client = ClientFactory(representative=person, activity=fields.pop("activity", {}), registered_on=date(2025, 1, 1))
    VisitFactory(
        client=client, representative=person, visited_at=datetime(on.year, on.month, on.day, 15, tzinfo=UTC), visited_on=on, **fields
    )
    return client


def plan(organization, at=NIGHT) -> int:
    """The nightly task's service opens a transaction of its own; here it joins the test's."""
    return plan_due_visits(organization.pk, at=at)


@pytest.fixture
def night(acting, monkeypatch):
    monkeypatch.setattr("portfolio.services.due.tenant_atomic", lambda organization_id, durable: tenant_atomic(organization_id))
    return acting


def days_of(*clients):
    found = dict(Visit.objects.filter(visited_at=None, cancelled_at=None).values_list("client_id", "planned_on"))
    return [found.get(client.pk) for client in clients]


def test_each_class_comes_round_after_its_own_days_and_a_client_of_its_own_after_those(night, person):
    wednesday = date(2026, 3, 4)
    classes = [visited(person, wednesday - timedelta(days=days), activity={"abc": abc}) for abc, days in (("A", 14), ("B", 28), ("C", 60))]
    own = visited(person, wednesday - timedelta(days=7))
    own.visit_every_days = 7
    own.save()
    never = visited(person, wednesday - timedelta(days=90))
    never.visit_every_days = 0
    never.save()
    not_yet = visited(person, MONDAY - timedelta(days=1), activity={"abc": "B"})
    person.visits_per_day = 10
    person.save()
    assert plan(night) == 4
    assert days_of(*classes, own, never, not_yet) == [wednesday] * 4 + [None, None]
    assert set(Visit.objects.filter(visited_at=None).values_list("origin", flat=True)) == {"cadence"}


def test_what_was_agreed_at_the_last_visit_wins_over_the_frequency(night, person):
    later = visited(person, MONDAY - timedelta(days=40), next_contact_on=date(2026, 3, 11), activity={"abc": "A"})
    sooner = visited(person, MONDAY - timedelta(days=3), next_contact_on=date(2026, 3, 7), activity={"abc": "C"})  # a Saturday
    far = visited(person, MONDAY - timedelta(days=90), next_contact_on=date(2026, 5, 1))
    plan(night)
    assert days_of(later, sooner, far) == [date(2026, 3, 11), date(2026, 3, 9), None]


def test_the_latest_then_the_most_valuable_come_first(night, person):
    person.visits_per_day = 1
    person.save()
    late = visited(person, MONDAY - timedelta(days=45), activity={"abc": "A", "net_12m_cents": 1})  # two whole turns late
    rich = visited(person, MONDAY - timedelta(days=15), activity={"abc": "A", "net_12m_cents": 900})
    poor = visited(person, MONDAY - timedelta(days=20), activity={"abc": "A", "net_12m_cents": 100})
    plan(night)
    assert days_of(late, rich, poor) == [MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)]


def test_near_ones_share_a_day(night, person):
    person.visits_per_day = 2
    person.save()
    places = [(-22.9, -47.06, 9), (-20.0, -44.0, 8), (-22.91, -47.05, 2), (-20.01, -44.01, 1)]
    clients = [visited(person, MONDAY - timedelta(days=30), activity={"abc": "A", "net_12m_cents": value}) for _a, _b, value in places]
    for client, (latitude, longitude, _value) in zip(clients, places, strict=True):
        client.latitude, client.longitude = latitude, longitude
        client.save()
    plan(night)
    first, second, third, fourth = days_of(*clients)
    assert (first, second) == (MONDAY, MONDAY + timedelta(days=1))
    assert (third, fourth) == (first, second)


def test_no_visit_on_weekends_holidays_of_the_state_nor_while_away(night, person):
    # The week of 6 July 2026: Thursday the 9th is a holiday in São Paulo only.
    at, monday = datetime(2026, 7, 6, 7, tzinfo=UTC), date(2026, 7, 6)
    person.visits_per_day = 1
    person.save()
    elsewhere = RepresentativeFactory(membership=make_member(night, "representative"), base_state="PR", visits_per_day=1)
    Absence.objects.create(organization=night, representative=person, starts_on=monday, ends_on=date(2026, 7, 8))
    for who in (person, elsewhere):
        for _n in range(12):
            visited(who, date(2026, 4, 1))
    plan(night, at)
    days = {
        who: set(Visit.objects.filter(representative=who, visited_at=None).values_list("planned_on", flat=True))
        for who in (person, elsewhere)
    }
    workdays = {monday + timedelta(days=n) for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)}
    assert days[elsewhere] == workdays
    assert days[person] == workdays - {monday, date(2026, 7, 7), date(2026, 7, 9)}
    assert holiday_name(date(2026, 7, 9), "BR", "SP") and not holiday_name(date(2026, 7, 9), "BR", "PR")


def test_it_adds_nothing_the_second_time_and_one_day_the_next_night(night, person):
    for _n in range(60):
        visited(person, date(2026, 1, 1))
    assert plan(night) == 30
    assert plan(night) == 0
    assert Visit.objects.filter(visited_at=None).values("client_id").distinct().count() == 30
    tomorrow = NIGHT + timedelta(days=1)
    # Monday's visits were missed: their clients are due again, and the Monday two weeks on has room for three.
    assert plan(night, tomorrow) == 3
    assert AuditEvent.objects.filter(action="agenda.planned").count() == 2


def test_a_skipped_turn_is_used_up(night, person, freeze):
    member = person.membership
    client = visited(person, MONDAY - timedelta(days=20), activity={"abc": "A"})
    plan(night)
    visit = Visit.objects.get(client=client, visited_at=None)
    skip_visit(visit, by=member)
    visit.refresh_from_db()
    assert visit.cancel_reason == SKIPPED
    assert plan(night) == 0
    assert plan(night, NIGHT + timedelta(days=7)) == 1
    assert days_of(client) == [MONDAY + timedelta(days=14)]


def test_who_is_not_visited_is_not_planned(night, person):
    old = date(2025, 12, 1)
    blocked, discarded, lost, elsewhere = (visited(person, old) for _n in range(4))
    type(blocked).objects.filter(pk=blocked.pk).update(blocked=True)
    type(blocked).objects.filter(pk=discarded.pk).update(discarded_on=MONDAY)
    lost.activity.update(last_on=MONDAY - timedelta(days=400))
    alone = RepresentativeFactory()  # without a sign-in
    type(blocked).objects.filter(pk=elsewhere.pk).update(representative=alone)
    prospect = ClientFactory(representative=person, registered_on=MONDAY)
    assert plan(night) == 1
    assert days_of(prospect) == [MONDAY]
    night.plans_visits = False
    night.save()
    visited(person, old)
    assert plan(night) == 0


def test_visits_follow_a_client_that_changed_hands(night, person):
    taker = RepresentativeFactory(membership=make_member(night, "representative"), base_state="SP")
    cover = RepresentativeFactory(membership=make_member(night, "representative"))
    Absence.objects.create(organization=night, representative=taker, cover=cover, starts_on=MONDAY, ends_on=MONDAY + timedelta(days=5))
    by_hand, by_itself, covered = (ClientFactory(representative=taker, registered_on=date(2025, 1, 1)) for _n in range(3))
    on = MONDAY + timedelta(days=3)
    kept = VisitFactory(client=by_hand, representative=person, planned_on=on)
    gone = VisitFactory(client=by_itself, representative=person, planned_on=on, origin="cadence")
    theirs = VisitFactory(client=covered, representative=cover, planned_on=on)
    assert plan(night) == 1  # the one that was cancelled, by its new representative's turn
    for visit in (kept, gone, theirs):
        visit.refresh_from_db()
    assert (kept.representative_id, gone.cancelled, theirs.representative_id) == (taker.pk, True, cover.pk)
    assert Visit.objects.get(client=by_itself, cancelled_at=None).representative_id == taker.pk


def test_planning_costs_the_same_statements_however_many_people_and_clients(night):
    def cost(people: int, clients: int) -> int:
        for _n in range(people):
            person = RepresentativeFactory(membership=make_member(night, "representative"), base_state="SP")
            for _m in range(clients):
                visited(person, date(2026, 1, 2))
        with CaptureQueriesContext(connection) as queries:
            assert plan(night) == people * clients
        return len(queries)

    assert cost(1, 1) == cost(4, 5) <= 16


def test_a_person_sees_what_would_be_planned_and_keeps_a_part(night, person, freeze):
    member = person.membership
    clients = [visited(person, date(2026, 1, 2)) for _n in range(5)]
    suggested = suggested_visits(person, night, at=NIGHT)
    assert {each.turn.due.client_id for each in suggested} == {client.pk for client in clients}
    assert not Visit.objects.filter(visited_at=None).exists()
    stranger = ClientFactory(representative=RepresentativeFactory())
    sunday = date(2026, 3, 8)
    chosen = [(each.turn.due.client_id, each.on) for each in suggested[:3]] + [(stranger.pk, MONDAY), (clients[4].pk, sunday)]
    assert keep_suggested(person, night, chosen, by=member, at=NIGHT) == (3, 2)
    assert keep_suggested(person, night, chosen, by=member, at=NIGHT) == (0, 5)


def test_today_is_still_planned_before_six_and_no_more_after(acting):
    assert first_day(acting, at=NIGHT) == MONDAY == local_day(acting, at=NIGHT)
    assert first_day(acting, at=NIGHT + timedelta(hours=3)) == MONDAY + timedelta(days=1)


def test_workdays_know_the_states_holidays_and_survive_unknown_places():
    assert not is_workday(date(2026, 7, 9), "BR", "SP")
    assert is_workday(date(2026, 7, 9), "BR", "XX")
    assert is_workday(date(2026, 12, 25), "QQ", "")
    assert next_workday(date(2026, 12, 24), "BR") == date(2026, 12, 28)
    assert holiday_name(date(2026, 12, 25), "BR", "", "en") == "Christmas Day"


# The days themselves, whatever is due

due_clients = st.lists(
    st.tuples(
        st.integers(-30, 20),
        st.booleans(),
        st.none() | st.tuples(st.floats(-24, -20), st.floats(-49, -44)),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=40,
)
room = st.lists(st.integers(0, 4), min_size=14, max_size=14)


def _due(items):
    return [
        Due(n, MONDAY + timedelta(days=offset), agreed, place and place[0], place and place[1], city)
        for n, (offset, agreed, place, city) in enumerate(items)
    ]


@given(due_clients, room)
@settings(max_examples=80, deadline=None)
def test_nobody_twice_no_day_over_its_room_nobody_early_and_nothing_more_the_second_time(items, rooms):
    due, days = _due(items), list(zip(FORTNIGHT, rooms, strict=True))
    planned = spread(due, days)
    of = {one.client_id: one for one in due}
    assert len({client for client, _day in planned}) == len(planned)
    for day, places in days:
        assert sum(on == day for _client, on in planned) <= places
    for client, day in planned:
        assert day >= of[client].due_on - timedelta(days=0 if of[client].agreed else EARLY_DAYS)
    left = [one for one in due if one.client_id not in {client for client, _day in planned}]
    residual = [(day, places - sum(on == day for _client, on in planned)) for day, places in days]
    assert spread(left, residual) == []


@given(due_clients, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_who_is_overdue_and_first_in_precedence_is_never_left_for_another(items, places):
    due = [one._replace(due_on=min(one.due_on, MONDAY)) for one in _due(items)]
    planned = {client for client, _day in spread(due, [(day, places) for day in FORTNIGHT])}
    assert planned == {one.client_id for one in due[: 14 * places]}
