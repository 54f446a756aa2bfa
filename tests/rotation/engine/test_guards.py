"""Each guard at its edge: the last day it holds and the first day it does not."""

import numpy as np
import pytest

from rotation.engine.facts import NO_DAY
from rotation.engine.guards import check_guards
from rotation.engine.rules import Guard

from .builders import TODAY, facts, representatives


def held(guard, reps=None, **columns):
    n = len(next(iter(columns.values())))
    reps = reps or representatives(2, autonomous=[True, False], absent_now=[True, False])
    return (check_guards((guard,), facts(n, **columns), reps, np.arange(n), TODAY).code == 0).tolist()


@pytest.mark.parametrize("name", ["never_rotate", "blocked", "discarded", "key_account", "open_order", "open_opportunity"])
def test_flags_hold_where_they_are_set(name):
    assert held(Guard(name), **{name: [True, False]}) == [True, False]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("contact_within", "last_contact_on"),
        ("visit_within", "last_visit_on"),
        ("owned_less_than", "owned_since_on"),
        ("moved_within", "moved_on"),
        ("new_within", "registered_on"),
    ],
)
def test_days_guards_hold_for_n_days_and_not_on_the_nth(name, column):
    assert held(Guard(name, 10), **{column: [TODAY, TODAY - 9, TODAY - 10, NO_DAY]}) == [True, True, False, False]


def test_a_new_client_is_known_by_its_first_order_where_no_registration_is_given():
    assert held(Guard("new_within", 10), first_on=[TODAY - 9, TODAY - 10]) == [True, False]


def test_a_hold_ends_after_its_last_day():
    assert held(Guard("hold"), hold_until_on=[TODAY, TODAY - 1, NO_DAY]) == [True, False, False]


def test_the_save_window_runs_from_the_warning_and_an_answer_closes_it():
    columns = {
        "warned_on": [NO_DAY, TODAY - 9, TODAY - 10, TODAY - 30, NO_DAY],
        "last_visit_on": [NO_DAY, NO_DAY, NO_DAY, TODAY - 20, NO_DAY],
        "last_on": [TODAY - 100] * 5,
        "owner": [0, 0, 0, 0, -1],
    }
    # not warned yet: no chance given; within the window; over and unanswered; answered; nobody to warn
    assert held(Guard("save_window", 10), **columns) == [True, True, False, True, False]


def test_an_absent_owners_clients_are_held_only_where_the_rule_says_so():
    assert held(Guard("owner_absent"), owner=[0, 1, -1]) == [True, False, False]


def test_autonomous_representatives_keep_what_feeds_their_commission_unless_consent_is_recorded():
    columns = {"owner": [0, 0, 0, 1, -1], "consent": [False, False, True, False, False]}
    assert held(Guard("representative_contract"), commission_6m_cents=[5, 0, 5, 5, 5], **columns) == [True, False, False, False, False]
    # without commission on record, an order within 180 days feeds it
    days = [TODAY - 180, TODAY - 181, TODAY, TODAY, TODAY]
    assert held(Guard("representative_contract"), last_on=days, **columns) == [True, False, False, False, False]


def test_the_first_guard_of_the_rule_is_the_one_recorded():
    clients = facts(1, blocked=[True], open_order=[True])
    for names in (["blocked", "open_order"], ["open_order", "blocked"]):
        found = check_guards(tuple(map(Guard, names)), clients, representatives(1), np.array([0]), TODAY)
        assert found.names[found.code[0]] == names[0]
