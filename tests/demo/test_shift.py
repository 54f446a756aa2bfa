from datetime import date, timedelta

import pytest

from demo import shift
from tests.demo.story import ANCHOR, LAST_DAYS, story

KINDS = ["representatives", "products", "clients", "contacts", "ownership", "orders", "visits", "contracts", "credit"]


def test_the_files_come_in_the_order_in_which_they_must_be_imported(tmp_path):
    written = shift.shifted_files(tmp_path / "made", ANCHOR)

    assert [kind for kind, _ in written] == KINDS
    assert [path.name for _, path in written] == [f"{kind}.csv" for kind in KINDS]
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == sorted(f"{kind}.csv" for kind in KINDS)


def test_the_same_last_day_gives_the_same_bytes(tmp_path):
    day = date(2031, 3, 6)
    first = shift.shifted_files(tmp_path / "first", day)
    second = shift.shifted_files(tmp_path / "second", day)

    assert [path.read_bytes() for _, path in first] == [path.read_bytes() for _, path in second]


@pytest.mark.parametrize("last_day", LAST_DAYS, ids=str)
def test_the_story_ends_on_the_last_day(last_day):
    told = story(last_day)
    days = [day for _, day, _, _ in told.orders.values()]
    visited = [date.fromisoformat(row["visited_at"][:10]) for row in told.rows["visits"]]

    assert max(days) <= last_day
    assert max(visited) <= last_day
    # A last day on a weekend has nothing to show for itself, nor may a Monday when it is the first of the spare days.
    assert last_day - max(days) <= timedelta(days=2)
    assert timedelta(days=729) <= last_day - min(days) <= timedelta(days=736)
    assert all(start <= last_day for spells in told.spells.values() for start, _, _ in spells)


@pytest.mark.parametrize("last_day", LAST_DAYS, ids=str)
def test_orders_and_visits_fall_on_working_days(last_day):
    told = story(last_day)

    assert {day.weekday() for _, day, _, _ in told.orders.values()} == {0, 1, 2, 3, 4}
    assert {date.fromisoformat(row["visited_at"][:10]).weekday() for row in told.rows["visits"]} == {0, 1, 2, 3, 4}


def test_the_next_day_of_the_same_week_only_adds():
    today, tomorrow = story(ANCHOR + timedelta(days=1)), story(ANCHOR + timedelta(days=2))

    assert today.orders.items() < tomorrow.orders.items()
    assert today.rows["clients"] == tomorrow.rows["clients"]
    assert today.rows["ownership"] == tomorrow.rows["ownership"]


def test_a_week_later_every_order_keeps_its_code_and_moves_by_seven_days():
    now, later = story(ANCHOR + timedelta(days=4)), story(ANCHOR + timedelta(days=11))

    moved = {code: (client, day + timedelta(days=7), status, amount) for code, (client, day, status, amount) in now.orders.items()}
    assert moved == later.orders


def test_the_company_moves_with_its_files():
    at_anchor, later = shift.organization(ANCHOR), shift.organization(ANCHOR + timedelta(days=20))

    away, away_later = at_anchor["absences"][0], later["absences"][0]
    assert away["starts_on"] < ANCHOR < away["ends_on"] - timedelta(days=14)
    assert away_later["starts_on"] - away["starts_on"] == away_later["ends_on"] - away["ends_on"] == timedelta(days=14)
    sale, sale_later = shift.opportunities(ANCHOR)[0], shift.opportunities(ANCHOR + timedelta(days=20))[0]
    assert sale_later["expected_on"] - sale["expected_on"] == timedelta(days=14)
    assert [step["on"] - timedelta(days=14) for step in sale_later["steps"]] == [step["on"] for step in sale["steps"]]
    assert [a["consent_recorded_on"] is None for a in at_anchor["agreements"]] == [True, True, False, False]
