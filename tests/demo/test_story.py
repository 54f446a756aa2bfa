"""The demonstration has something to show on whatever day of the week it is loaded."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import pytest

from demo import shift
from tests.demo.story import LAST_DAYS, story


@pytest.fixture(params=LAST_DAYS, ids=str, scope="module")
def told(request):
    return story(request.param)


def days_of(told) -> dict[str, list[date]]:
    days: dict[str, set[date]] = {}
    for client, day, status, _ in told.orders.values():
        if status == "valid":
            days.setdefault(client, set()).add(day)
    return {client: sorted(found) for client, found in days.items()}


def guarded(told) -> dict[str, set[str]]:
    """Flagged clients by the guard that keeps them where they are."""
    marks = {row["client_code"]: row for row in told.rows["clients"]}
    visited = {row["client_code"] for row in told.rows["visits"] if (told.last_day - date.fromisoformat(row["visited_at"][:10])).days <= 15}
    return {
        "hold": {c for c in told.flagged() if marks[c]["hold"] == "yes"},
        "blocked": {c for c in told.flagged() if marks[c]["blocked"] == "yes"},
        "visited": told.flagged() & visited,
        "moved": {c for c in told.flagged() if (told.last_day - told.spells[c][-1][0]).days < 90},
    }


def test_forty_five_to_ninety_clients_are_flagged_of_every_value(told):
    flagged = told.flagged()

    assert 45 <= len(flagged) <= 90
    assert all(Counter(told.abc.get(client, "C") for client in flagged)[letter] >= 8 for letter in "ABC")


def test_each_guard_holds_a_few_and_most_flagged_clients_are_free(told):
    held = guarded(told)

    assert {name: len(found) >= 2 for name, found in held.items()} == {name: True for name in held}
    assert len(told.flagged() - set().union(*held.values())) >= 35


def test_flagged_clients_belong_to_many_among_them_autonomous_ones_and_the_one_who_left(told):
    people = {row["representative_code"]: row for row in told.rows["representatives"]}
    owners = Counter(told.spells[client][-1][2] for client in told.flagged())

    assert len(owners) >= 10
    assert sum(n for code, n in owners.items() if people[code]["contract_type"] == "autonomous") >= 10
    assert sum(n for code, n in owners.items() if people[code]["valid_to"]) >= 3


def test_most_representatives_have_room_and_one_has_too_many(told):
    load = Counter(spells[-1][2] for spells in told.spells.values())
    room = {
        row["representative_code"]: int(row["capacity_clients"]) - load[row["representative_code"]] for row in told.rows["representatives"]
    }

    assert sum(left >= 5 for left in room.values()) >= 9
    assert [code for code, left in room.items() if left < 0] == ["V-07"]
    assert load["V-10"] >= 20


def test_rhythms_are_those_of_a_distributor(told):
    days = days_of(told)
    cycles = sorted(median((b - a).days for a, b in pairwise(found)) for found in days.values() if len(found) >= 5)
    returned = [client for client, found in days.items() if any((b - a).days >= 90 for a, b in pairwise(found))]

    assert 14 <= cycles[len(cycles) // 4] <= median(cycles) <= cycles[3 * len(cycles) // 4] <= 49
    assert len(returned) >= 30
    assert sum(silence < 60 for silence in told.silence.values()) >= 350
    assert sum(60 <= silence < 90 for silence in told.silence.values()) >= 15
    assert sum(silence >= 360 for silence in told.silence.values()) >= 20
    assert len(told.rows["clients"]) > len(days)  # some never bought


def test_contracts_end_month_by_month_some_renewed_and_some_not(told):
    ends = [(row["client_code"], date.fromisoformat(row["ends_on"])) for row in told.rows["contracts"]]
    starts = {(row["client_code"], date.fromisoformat(row["starts_on"]) - timedelta(days=1)) for row in told.rows["contracts"]}
    left = [(day - told.last_day).days for client, day in ends if (client, day) not in starts]

    assert sum(0 <= days <= 60 for days in left) >= 10
    assert sum(days > 60 for days in left) >= 25
    assert 3 <= sum(days < 0 for days in left) <= 8
    assert len(ends) - len(left) >= 15
    assert all(float(row["amount"]) >= 500 for row in told.rows["contracts"])


def test_who_stopped_pays_worse_than_who_buys(told):
    latest = {row["client_code"]: row for row in sorted(told.rows["credit"], key=lambda row: row["observed_on"])}
    stopped = [row for client, row in latest.items() if told.silence.get(client, 0) >= 90]
    buying = [row for client, row in latest.items() if told.silence.get(client, 400) < 60]

    assert len(stopped) >= 50 and len(buying) >= 80
    assert median(int(row["score"]) for row in stopped) + 100 < median(int(row["score"]) for row in buying)
    for group, least, most in ((stopped, 0.15, 0.5), (buying, 0.01, 0.12)):
        assert least <= sum(float(row["overdue_amount"]) > 0 for row in group) / len(group) <= most
    assert any(int(latest[client]["restrictions"]) for client in latest.keys() - told.silence.keys())  # a prospect nobody lends to
    assert len({row["client_code"] for row in told.rows["credit"] if row["event"]}) >= 5


def test_sales_stand_at_every_stage(told):
    sales = shift.opportunities(told.last_day)
    now = Counter(sale["steps"][-1]["stage"] for sale in sales)

    assert now.keys() == {"contact", "qualified", "proposal", "negotiation", "won", "lost"}
    assert sum(now.values()) - now["won"] - now["lost"] >= 20
    assert all(step["on"] <= told.last_day for sale in sales for step in sale["steps"])
    assert all(early["on"] < late["on"] for sale in sales for early, late in pairwise(sale["steps"]))
    assert [bool(sale["loss_reason"]) for sale in sales] == [sale["steps"][-1]["stage"] == "lost" for sale in sales]
    assert len(told.flagged() & {sale["client_code"] for sale in sales}) == 1  # a silent client somebody is winning back


def test_a_cancelled_order_would_fool_whoever_counts_it(told):
    fooled = {c for c, day, status, _ in told.orders.values() if status == "cancelled" and (told.last_day - day).days < 90}

    assert len(fooled & told.flagged()) >= 2
