"""A year's goal shared out: by hand, exact sums in any history, and the page that proposes, mends and writes."""

import random
from datetime import date, timedelta
from fractions import Fraction

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import ClientMonth
from portfolio.goal_spread import Past, expected_total, largest_remainder, month_back, season_of, spread_goal, weights_of
from portfolio.models import Goal
from portfolio.opportunity_form import cents_of
from portfolio.selectors.goal_history import past_of
from portfolio.services.goals import set_goals_of_months
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

LAST = date(2026, 10, 1)
YEAR = [date(2027, n, 1) for n in range(1, 13)]


def back(n: int) -> date:
    return month_back(LAST, n)


def even(values: dict[int, int], months: int = 12) -> Past:
    """People who sold the same every month."""
    history = {(person, back(n)): value for person, value in values.items() for n in range(months)}
    return Past(history, dict.fromkeys(values, months), LAST, months)


def test_a_whole_year_stands_as_it_is_and_the_cells_add_up():
    """Ana sells twice what Bruno does, alike in all months: of 1,000 she gets two thirds, a twelfth of it a month."""
    cells = spread_goal(even({1: 200, 2: 100}), [1, 2], YEAR, 1_000)
    assert sum(cells.values()) == 1_000
    by_person = [sum(value for (person, _month), value in cells.items() if person == p) for p in (1, 2)]
    assert by_person == [664, 336]  # 55.56 and 27.78 a month: the four over go to Bruno's larger remainders, then to Ana's
    assert set(cells.values()) == {55, 56, 28}


def test_a_month_twice_the_mean_is_half_believed_after_one_year():
    """December made 23 of what the others made 11 (mean 12): its ratio of 23/12 is drawn halfway to 1, then all average 1."""
    totals = [11] * 10 + [23] + [11]  # the latest first: LAST is October, so the eleventh back is December
    season = season_of(totals, LAST)
    raw = {12: (Fraction(23, 12) + 1) / 2, 1: (Fraction(11, 12) + 1) / 2}
    mean = (raw[12] + 11 * raw[1]) / 12
    assert season[12] == raw[12] / mean and season[1] == raw[1] / mean
    assert sum(season.values()) == 12
    thrice = season_of(totals * 3, LAST)
    assert thrice[12] / thrice[1] > season[12] / season[1]  # more years, more believed


def test_whoever_came_lately_is_drawn_to_the_others():
    history = {(1, back(n)): 120 for n in range(12)} | {(2, back(n)): 30 for n in range(3)}
    past = Past(history, {1: 12, 2: 3}, LAST, 12)
    # of the mean month of 75, 3 (1 - 3/12) = 2.25 months join Bruno's three of 30
    assert weights_of(past, [1, 2, 3]) == {1: 120, 2: (3 * 30 + Fraction(9, 4) * 75) / (3 + Fraction(9, 4)), 3: 75}


def test_the_year_ahead_at_last_years_level_is_last_years_sum():
    history = {(p, back(n)): p * 1_000 + n * 77 for p in (1, 2) for n in range(12)}
    past = Past(history, {1: 12, 2: 12}, LAST, 12)
    assert expected_total(past, [1, 2], YEAR) == sum(history.values())
    assert expected_total(Past({}, {}, LAST, 0), [1], YEAR) == 0


def test_nothing_known_is_shared_alike():
    assert set(spread_goal(Past({}, {}, LAST, 0), [1, 2], YEAR, 240).values()) == {10}
    assert spread_goal(even({1: 5}), [], YEAR, 100) == {}
    with pytest.raises(ValueError, match="not negative"):
        spread_goal(even({1: 5}), [1], YEAR, -1)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.tuples(st.integers(1, 5), st.integers(0, 35)), st.integers(-50_000, 900_000), max_size=80),
    st.dictionaries(st.integers(1, 5), st.integers(0, 12)),
    st.integers(0, 10**11),
    st.booleans(),
)
def test_cells_are_whole_never_negative_and_add_up_in_any_history(values, known, total, is_mean):
    past = Past({(person, back(n)): value for (person, n), value in values.items()}, known, LAST, 36, is_mean)
    cells = spread_goal(past, [1, 2, 3, 9], YEAR[3:], total)
    assert sum(cells.values()) == total and min(cells.values()) >= 0 and len(cells) == 4 * 9
    assert abs(sum(season_of(past.totals(), LAST).values()) - 12) == 0


def test_the_largest_remainder_by_hand():
    parts = {(1, back(0)): Fraction(1), (2, back(0)): Fraction(1), (3, back(0)): Fraction(1)}
    assert list(largest_remainder(parts, 5).values()) == [2, 2, 1]  # equal remainders: the earlier first


@pytest.fixture
def team(acting):
    return TeamFactory()


@pytest.mark.django_db
def test_the_history_is_what_was_credited_and_done(acting, team):
    ana, bruno, fresh = (RepresentativeFactory(team=team) for _ in range(3))
    bruno.valid_from = date(2026, 8, 15)
    bruno.save()
    one, two = ClientFactory(), ClientFactory()
    months = [
        (one, ana, 0, 500, 2, 1),
        (two, ana, 0, 300, 4, 1),
        (one, ana, 14, 900, 1, 1),
        (two, ana, 13, -50, 0, 0),
        (two, bruno, 3, 70, 3, 1),
    ]
    for client, who, n, cents, products, days in months:
        ClientMonth.objects.create(
            client=client, representative=who, month=back(n), revenue_cents=cents, products=products, order_days=days, orders=days
        )
    ClientMonth.objects.create(client=one, representative=ana, month=date(2026, 11, 1), revenue_cents=9, order_days=1)  # still running
    past = past_of([ana, bruno, fresh], "revenue", as_of=date(2026, 11, 23))
    assert (past.last, past.n_months) == (LAST, 15)
    assert past.history == {(ana.pk, back(0)): 800, (ana.pk, back(14)): 900, (ana.pk, back(13)): -50, (bruno.pk, back(3)): 70}
    assert past.known == {ana.pk: 12, bruno.pk: 3, fresh.pk: 0}
    assert past_of([ana], "buyers", as_of=date(2026, 11, 23)).history[ana.pk, back(0)] == 2
    mix = past_of([ana], "mix", as_of=date(2026, 11, 23))
    assert mix.is_mean and mix.history[ana.pk, back(0)] == 300 and mix.history[ana.pk, back(5)] == 200  # no sale, no mix: the mean
    at = timezone.make_aware(timezone.datetime(2026, 9, 3, 12))
    VisitFactory(client=one, representative=ana, visited_at=at, visited_on=at.date(), made_at=at + timedelta(hours=2), outcome="sale")
    VisitFactory(client=two, representative=ana, visited_at=at, visited_on=at.date(), made_at=at + timedelta(hours=30), outcome="sale")
    assert past_of([ana], "visits", as_of=date(2026, 11, 23)).history == {(ana.pk, date(2026, 9, 1)): 2}
    assert past_of([ana], "reports", as_of=date(2026, 11, 23)).history == {(ana.pk, date(2026, 9, 1)): 1}


@pytest.mark.django_db
def test_a_year_is_written_whole_or_not_at_all(acting, team):
    ana, far = RepresentativeFactory(team=team), RepresentativeFactory(team=TeamFactory())
    manager = make_member(acting, Role.MANAGER, team=team)
    cells = {(month, ana.pk, "visits"): 10 for month in YEAR}
    assert set_goals_of_months(cells, by=manager) == 12
    assert set_goals_of_months(cells, by=manager) == 0
    with pytest.raises(NotAllowed):
        set_goals_of_months({(month, ana.pk, "visits"): 11 for month in YEAR} | {(YEAR[11], far.pk, "visits"): 3}, by=manager)
    assert set(Goal.objects.values_list("target", flat=True)) == {10}
    assert AuditEvent.objects.filter(action="goals.set").count() == 12


def url() -> str:
    return reverse("portfolio:spread_goals", args=["vale-verde"])


@pytest.fixture
def sold(acting, team):
    """Three people of a team with a year behind them; the third came three months ago."""
    today = timezone.now().astimezone(acting.zone).date()
    people = [RepresentativeFactory(team=team, name=name) for name in ("Ana", "Bruno", "Caio")]
    rng = random.Random(7)
    for person, months in zip(people, (12, 12, 3), strict=True):
        client = ClientFactory(representative=person)
        for n in range(1, months + 1):
            month = month_back(today.replace(day=1), n)
            cents = rng.randrange(100_000, 900_000)
            ClientMonth.objects.create(
                client=client, representative=person, month=month, revenue_cents=cents, order_days=1, orders=1, products=rng.randrange(1, 9)
            )
    return people


@pytest.mark.django_db
def test_the_page_proposes_is_mended_and_writes_the_year(acting, team, sold, signed_in):
    manager = make_member(acting, Role.MANAGER, team=team)
    web = signed_in(manager)
    year = timezone.now().astimezone(acting.zone).year + 1
    page = web.get(url()).content.decode()
    assert "Como a proposta é feita" in page and "No nível do último ano: R$ " in page and "<tfoot>" not in page
    answer = web.get(url() + f"?measure=revenue&year={year}&total=120.000,00")
    rows = answer.context["rows"]
    cents = {cell["name"]: cents_of(cell["value"]) for _person, row, _sum in rows for cell in row}
    assert len(cents) == 36 and sum(cents.values()) == 12_000_000 and answer.context["whole"] == "120.000"
    form = {cell["name"]: cell["value"] for _person, row, _sum in rows for cell in row}
    mended = next(iter(form))
    assert web.post(url() + f"?measure=revenue&year={year}", form | {mended: "muito"}).status_code == 422
    assert not Goal.objects.exists()
    answer = web.post(url() + f"?measure=revenue&year={year}", form | {mended: "1.000,50"})
    assert answer.status_code == 302 and Goal.objects.count() == 36
    person, month = mended.split("-", 1)
    assert Goal.objects.get(representative_id=int(person), month=f"{month}-01").target == 100_050


@pytest.mark.django_db
def test_growth_and_mean_and_what_cannot_be_read(acting, team, sold, signed_in):
    web = signed_in(make_member(acting, Role.MANAGER, team=team))
    year = timezone.now().astimezone(acting.zone).year + 1
    plain = web.get(url() + f"?measure=buyers&year={year}&growth=0").context
    more = web.get(url() + f"?measure=buyers&year={year}&growth=50").context
    assert int(more["whole"].replace(".", "")) == round(int(plain["whole"].replace(".", "")) * 1.5)
    mix = web.get(url() + f"?measure=mix&year={year}&total=4,00").context
    assert mix["whole"] == "4,00"
    for query, words in (("total=x", "número"), ("growth=abc", "entre -90 e 500"), ("measure=visits&growth=5", "não há histórico")):
        answer = web.get(url() + f"?{query}")
        assert answer.status_code == 422 and words in answer.content.decode()
    for wrong in ("?measure=x", "?year=1999", "?team=x"):
        assert web.get(url() + wrong).status_code == 404
    assert signed_in(make_member(acting, Role.REPRESENTATIVE)).get(url()).status_code == 404
    assert signed_in(make_member(acting, Role.AUDITOR)).get(url()).status_code == 404


@pytest.mark.django_db
def test_the_proposal_costs_the_same_queries_however_many_people(acting, team, sold, signed_in):
    web = signed_in(make_member(acting, Role.MANAGER, team=team))

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert web.get(url() + "?total=500000").status_code == 200
        return len(caught)

    cost()
    few = cost()
    RepresentativeFactory.create_batch(5, team=team)
    assert cost() == few
