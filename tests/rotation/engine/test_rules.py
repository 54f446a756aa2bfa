"""The rule's JSON: what is taken, what is refused and where, and that the hash follows the meaning."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.conditions import Group, Leaf
from rotation.engine.errors import SENTENCES, RuleError
from rotation.engine.presets import PRESET_DAYS, PRESETS
from rotation.engine.rules import Guard, canonical_json, fields_used, parse_rule
from rotation.engine.schema import FIELDS, GUARDS, SECTIONS

BASE = {"name": "n", "trigger": {"field": "days_since_last", "op": ">=", "value": 90}}


def refusal(change):
    with pytest.raises(RuleError) as refused:
        parse_rule({**BASE, **change})
    return refused.value.code, refused.value.path


def leaf(field, op, value=None):
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_comes_back_unchanged(name):
    rule = parse_rule(PRESETS[name])
    again = parse_rule(json.loads(canonical_json(rule.definition)))
    assert (again.definition, again.hash) == (rule.definition, rule.hash)
    assert rule.name == PRESETS[name]["name"]


def test_presets_carry_the_products_numbers():
    assert PRESET_DAYS == {"fast_moving": (30, 60), "general": (60, 90), "durable": (120, 180), "seasonal": (300, 365)}
    limits = {key: PRESETS[key]["trigger"]["all"][0]["value"] for key in PRESET_DAYS}
    assert limits == {"fast_moving": [60, 239], "general": [90, 359], "durable": [180, 719], "seasonal": [365, 1459]}


def test_a_rule_is_read_into_parts_with_defaults_filled():
    rule = parse_rule({**BASE, "guards": ["blocked", "contact_within:15"], "limits": {"run_max": 200.0}})
    assert rule.trigger == Leaf("days_since_last", ">=", 90, "trigger")
    assert rule.population == Group("all", (), "population")
    assert rule.guards == (Guard("blocked"), Guard("contact_within", 15))
    assert (rule.limits.run_max, rule.limits.give_share, rule.strategy.kind, rule.strategy.fairness) == (200, 0.1, "optimal", 0.2)
    assert (rule.schedule.cadence, rule.schedule.weekday, rule.schedule.at) == ("weekly", "mon", "06:00")
    assert fields_used(rule) == {"days_since_last"}


def test_the_same_json_has_the_same_hash_however_it_is_written():
    plain = parse_rule({**BASE, "limits": {"run_max": 200, "give_share": 0.1}})
    other = parse_rule({"limits": {"give_share": 0.1, "run_max": 200.0}, "trigger": leaf("days_since_last", ">=", 90.0), "name": "n"})
    spelled = parse_rule(json.loads(canonical_json(plain.definition)))
    assert plain.hash == other.hash == spelled.hash
    assert parse_rule({**BASE, "limits": {"run_max": 201}}).hash != plain.hash


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"colour": 1}, "unknown_key", "colour"),
        ({"schema": "carteira.rule/2"}, "wrong_schema", "schema"),
        ({"name": "  "}, "wrong_type", "name"),
        ({"trigger": []}, "not_an_object", "trigger"),
        ({"trigger": {"all": []}}, "trigger_empty", "trigger"),
        ({"trigger": {"any": []}}, "empty_list", "trigger.any"),
        ({"trigger": {"all": [leaf("days", ">=", 1)]}}, "unknown_field", "trigger.all[0].field"),
        ({"trigger": {"all": [leaf("orders", "~", 1)]}}, "unknown_op", "trigger.all[0].op"),
        ({"trigger": {"all": [leaf("state", ">=", "lost")]}}, "op_not_for_field", "trigger.all[0].op"),
        ({"trigger": {"any": [leaf("orders", ">", 1), {"not": leaf("state", "=", "gone")}]}}, "unknown_choice", "trigger.any[1].not.value"),
        ({"trigger": {"all": [{"field": "orders", "op": ">"}]}}, "missing_key", "trigger.all[0].value"),
        ({"trigger": {"all": [leaf("orders", ">", True)]}}, "wrong_type", "trigger.all[0].value"),
        ({"trigger": {"all": [leaf("orders", ">", float("nan"))]}}, "wrong_type", "trigger.all[0].value"),
        ({"trigger": {"all": [leaf("p_cross", ">=", 70)]}}, "out_of_range", "trigger.all[0].value"),
        ({"trigger": {"all": [leaf("segment", "in", [])]}}, "empty_list", "trigger.all[0].value"),
        ({"trigger": {"all": [leaf("segment", "in", ["a", "a"])]}}, "duplicate", "trigger.all[0].value[1]"),
        ({"trigger": {"all": [leaf("orders", "between", [9, 3])]}}, "between_reversed", "trigger.all[0].value"),
        ({"trigger": {"all": [], "any": []}}, "unknown_key", "trigger.any"),
        ({"trigger": {**leaf("orders", ">", 1), "unit": "x"}}, "unknown_key", "trigger.unit"),
        ({"guards": ["sleep"]}, "unknown_guard", "guards[0]"),
        ({"guards": ["blocked", "contact_within"]}, "guard_needs_days", "guards[1]"),
        ({"guards": ["contact_within:-3"]}, "guard_needs_days", "guards[0]"),
        ({"guards": ["contact_within:0"]}, "out_of_range", "guards[0]"),
        ({"guards": ["blocked:3"]}, "guard_takes_no_days", "guards[0]"),
        ({"guards": ["moved_within:9", "moved_within:8"]}, "duplicate", "guards[1]"),
        ({"strategy": {"fairness": 0.51}}, "out_of_range", "strategy.fairness"),
        ({"strategy": {"kind": "random"}}, "unknown_choice", "strategy.kind"),
        ({"limits": {"give_share": 0}}, "out_of_range", "limits.give_share"),
        ({"limits": {"run_max": 1.5}}, "wrong_type", "limits.run_max"),
        ({"limits": {"team_max": 0}}, "out_of_range", "limits.team_max"),
        ({"limits": {"floor": 1}}, "unknown_key", "limits.floor"),
        ({"schedule": {"at": "6h"}}, "bad_time", "schedule.at"),
        ({"schedule": {"cadence": "daily", "weekday": "mon"}}, "weekday_not_for_cadence", "schedule.weekday"),
        ({"schedule": {"cadence": "on_event"}}, "event_not_for_cadence", "schedule.event"),
        ({"experiment": {"exempt": {"abc": ["D"]}}}, "unknown_choice", "experiment.exempt.abc[0]"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(change, code, path):
    assert refusal(change) == (code, path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (leaf("days_since_last", ">=", 90), leaf("days_since_last", "<", 60)),
        (leaf("days_since_last", ">=", 90), leaf("days_since_last", "<", 90)),
        (leaf("days_since_last", "between", [90, 120]), leaf("days_since_last", "in", [60, 121])),
        (leaf("orders", "=", 3), leaf("orders", "!=", 3)),
        (leaf("state", "in", ["lost", "inactive"]), leaf("state", "=", "active")),
        (leaf("segment", "=", "food"), leaf("segment", "not_in", ["food"])),
        (leaf("lateness", "is_null", True), leaf("lateness", ">=", 2)),
    ],
)
def test_conditions_nobody_can_satisfy_are_refused_with_both_places(first, second):
    assert refusal({"trigger": {"all": [first, {"all": [second]}]}}) == ("contradiction", "trigger.all[1].all[0]")
    with pytest.raises(RuleError) as refused:
        parse_rule({**BASE, "population": {"all": [first]}, "trigger": second})
    assert (refused.value.path, refused.value.params["other"]) == ("trigger", "population.all[0]")
    # either of them alone, or as alternatives, is a rule
    parse_rule({**BASE, "trigger": {"any": [first, second]}})


def test_limits_that_touch_are_no_contradiction():
    parse_rule({**BASE, "trigger": {"all": [leaf("days_since_last", ">=", 90), leaf("days_since_last", "<=", 90)]}})
    parse_rule({**BASE, "trigger": {"all": [leaf("tags", "in", ["a"]), leaf("tags", "not_in", ["b"])]}})


def test_nesting_and_size_have_an_end():
    deep = leaf("orders", ">", 1)
    for _ in range(5):
        deep = {"not": deep}
    assert refusal({"trigger": deep})[0] == "too_deep"
    assert refusal({"trigger": {"any": [leaf("orders", ">", i) for i in range(101)]}}) == ("too_many", "trigger")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
@settings(max_examples=40, deadline=None)
def test_no_json_whatever_gets_through_as_anything_but_a_rule_or_a_refusal(junk):
    for place in ("trigger", "population", "guards", *SECTIONS):
        made = copy.deepcopy(BASE)
        made[place] = junk
        try:
            parse_rule(made)
        except RuleError as refused:
            assert refused.code in SENTENCES and refused.path.startswith(place)


def test_every_field_and_guard_of_the_schema_can_be_written_in_a_rule():
    sample = {"number": 1, "choice": None, "text": "x", "id": 3, "flag": True}
    for name, field in FIELDS.items():
        value = field.choices[0] if field.kind == "choice" else ["x"] if field.kind == "tags" else sample[field.kind]
        op = "in" if field.kind == "tags" else "="
        assert fields_used(parse_rule({**BASE, "trigger": leaf(name, op, value)})) == {name}
    written = [f"{name}:7" if takes_days else name for name, takes_days in GUARDS.items()]
    assert [guard.text for guard in parse_rule({**BASE, "guards": written}).guards] == written


def test_a_ceiling_of_teams_is_in_the_hash_and_its_absence_is_not():
    plain, limited = parse_rule(BASE), parse_rule({**BASE, "limits": {"team_max": 40}})
    assert (plain.limits.team_max, limited.limits.team_max) == (None, 40)
    # versions published before there was one keep their hash
    assert "team_max" not in plain.definition["limits"]
    assert parse_rule({**BASE, "limits": {"team_max": None}}).hash == plain.hash != limited.hash
