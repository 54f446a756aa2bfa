"""Conditions on columns: every operator, and unknown values that satisfy nothing."""

import numpy as np
import pytest

from rotation.engine.conditions import parse_condition
from rotation.engine.errors import MissingColumn
from rotation.engine.evaluate import Columns, evaluate
from rotation.engine.facts import NO_DAY
from rotation.engine.scoring import score

from .builders import TODAY, facts, representatives


def holds(condition, clients, reps=None):
    reps = reps or representatives(2)
    return evaluate(parse_condition(condition, "c"), Columns(clients, reps, score(clients, TODAY, 90), TODAY)).tolist()


def leaf(field, op, value=True):
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("<", 10, [True, False, False]),
        ("<=", 10, [True, True, False]),
        ("=", 10, [False, True, False]),
        ("!=", 10, [True, False, True]),
        (">=", 10, [False, True, True]),
        (">", 10, [False, False, True]),
        ("between", [10, 11], [False, True, True]),
        ("in", [9, 11], [True, False, True]),
        ("not_in", [9, 11], [False, True, False]),
    ],
)
def test_each_operator_on_days(op, value, expected):
    clients = facts(3, last_on=[TODAY - 9, TODAY - 10, TODAY - 11])
    assert holds(leaf("days_since_last", op, value), clients) == expected


def test_an_unknown_value_satisfies_nothing_but_is_null():
    clients = facts(2, x=[-1, 3], last_on=[NO_DAY, TODAY - 100])
    assert holds(leaf("days_since_last", ">=", 1), clients) == [False, True]
    assert holds(leaf("days_since_last", "!=", 1), clients) == [False, True]
    assert holds(leaf("days_since_last", "is_null"), clients) == [True, False]
    assert holds(leaf("days_since_last", "is_null", False), clients) == [False, True]
    # silence says nothing about who only has a contract
    assert holds(leaf("days_since_last", ">=", 1), facts(1, contract_only=[True])) == [False]


def test_groups_join_and_not_turns_around():
    clients = facts(3, net_12m=[1, 5, 9])
    low, high = leaf("net_12m_cents", "<", 4), leaf("net_12m_cents", ">", 6)
    assert holds({"any": [low, high]}, clients) == [True, False, True]
    assert holds({"all": [{"not": low}, {"not": high}]}, clients) == [False, True, False]
    assert holds({"all": []}, clients) == [True, True, True]


def test_words_nobody_has_match_nobody_and_exclude_nobody():
    clients = facts(3, segment=[0, 1, -1], segments=("food", "health"))
    assert holds(leaf("segment", "in", ["food", "mining"]), clients) == [True, False, False]
    assert holds(leaf("segment", "not_in", ["mining"]), clients) == [True, True, False]
    assert holds(leaf("segment", "=", "mining"), clients) == [False, False, False]


def test_tags_match_any_of_the_list():
    clients = facts(3, tags_start=[0, 2, 3, 3], tags_code=[0, 1, 1], tags=("vip", "cold"))
    assert holds(leaf("tags", "in", ["vip"]), clients) == [True, False, False]
    assert holds(leaf("tags", "in", ["cold", "other"]), clients) == [True, True, False]
    assert holds(leaf("tags", "not_in", ["vip"]), clients) == [False, True, True]
    assert holds(leaf("tags", "is_null"), clients) == [False, False, True]


def test_owner_team_and_status():
    reps = representatives(3, team=[7, 8, 8], active=[True, False, True], absent_now=[False, False, True])
    clients = facts(4, owner=[0, 1, 2, -1])
    assert holds(leaf("owner", "=", 102), clients, reps) == [False, True, False, False]
    assert holds(leaf("team", "in", [8]), clients, reps) == [False, True, True, False]
    for word, expected in (("active", [1, 0, 0, 0]), ("leaver", [0, 1, 0, 0]), ("absent", [0, 0, 1, 0]), ("none", [0, 0, 0, 1])):
        assert holds(leaf("owner_status", "=", word), clients, reps) == [bool(x) for x in expected]


def test_never_visited_is_longer_ago_than_any_limit():
    clients = facts(2, last_visit_on=[NO_DAY, TODAY - 3])
    assert holds(leaf("days_since_visit", ">=", 45), clients) == [True, False]
    assert holds(leaf("days_since_visit", "<", 45), clients) == [False, True]
    assert holds(leaf("days_since_visit", "is_null"), clients) == [True, False]


def test_a_column_not_given_is_named_with_the_field_that_wanted_it():
    with pytest.raises(MissingColumn) as refused:
        holds(leaf("credit_score", "<", 300), facts(1))
    assert refused.value.params == {"column": "credit_score", "needed_by": "field credit_score"}


def test_the_day_rule_scores_by_days_gone_and_leaves_prospects_unknown():
    clients = facts(4, x=[3, 3, 3, -1], last_on=[TODAY, TODAY - 45, TODAY - 100, NO_DAY])
    made = score(clients, TODAY, 90)
    assert (made.method, made.p_silent.tolist()[:3]) == ("day_rule", [0.0, 0.5, 1.0])
    assert np.isnan(made.p_silent[3])
    assert score(clients.with_columns(p_silent=[0.1, 0.2, 0.3, 0.4]), TODAY, 90).method == "given"


def test_a_years_worth_is_the_pace_while_the_client_was_buying():
    clients = facts(3, first_on=[TODAY - 1000, TODAY - 20, TODAY], last_on=[TODAY - 271, TODAY - 10, TODAY], net_total=[200_000, 5_000, -7])
    # two years of buying, 2,000 reais: 1,000 a year though almost nothing fell in the last twelve months
    assert score(clients, TODAY, 90).year_cents.tolist() == [100_000, 5_000, 0]
