"""The rule editor's form: everything ENGINE.md's form says can be said there, and comes back as it was."""

import html
import re

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from rotation.editor.acts import act
from rotation.editor.building import build
from rotation.editor.controls import FIELD_GROUPS, Drawing
from rotation.editor.numbers import MONEY, PERCENT, read, written
from rotation.editor.state import Group, Leaf, control_of, fresh_leaf, state_from, state_of
from rotation.engine.errors import RuleError
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.engine.schema import ABC, APPROVALS, CADENCES, CAPACITIES, EVENTS, FIELDS, GUARDS, SECTIONS, STRATA, STRATEGIES, WEEKDAYS
from tests.draws import drawn


def page_of(state, **drawn) -> str:
    return render_to_string("rotation/editor/_controls.html", {"form": Drawing(state, **drawn)})


def sent(page: str) -> QueryDict:
    """What a browser would send of the page: the values that its controls hold, in their order."""
    post = QueryDict(mutable=True)
    for match in re.finditer(r"<(input|select|option|/select)\b([^>]*)>", page):
        tag, attributes = match.groups()
        given_ = {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', attributes)}
        if tag == "select":
            select, first, chosen = given_["name"], None, None
        elif tag == "option" and given_.get("value") is not None and "list-option" not in attributes:
            first = given_["value"] if first is None else first
            chosen = given_["value"] if re.search(r"\bselected\b", attributes) else chosen
        elif tag == "/select":
            post.appendlist(select, chosen if chosen is not None else first or "")
        elif tag == "input" and "name" in given_:
            ticked = given_.get("type") not in ("checkbox", "radio") or re.search(r"\bchecked\b", attributes)
            if ticked:
                post.appendlist(given_["name"], given_.get("value", "on" if given_.get("type") == "checkbox" else ""))
    return post


def through(definition: dict) -> dict | None:
    """The definition drawn, sent as it stands, read again."""
    rule = parse_rule(definition)
    built = build(state_from(sent(page_of(state_of(rule.definition)))))
    assert built.faults == {}
    return built.definition


# -- every valid definition -------------------------------------------------------------------------------------------------

word = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12).filter(lambda text: text.strip())


def numbers(field):
    low, high = max(field.low, -1e12), min(field.high, 1e12)
    return st.one_of(st.integers(int(low), int(high)), st.floats(low, high, allow_nan=False))


@st.composite
def leaf(draw):
    field = FIELDS[draw(st.sampled_from(sorted(FIELDS)))]
    op = draw(st.sampled_from(field.ops))
    if op == "is_null":
        return {"field": field.name, "op": op, "value": draw(st.booleans())}
    one = {
        "number": numbers(field),
        "choice": st.sampled_from(field.choices or ("-",)),
        "flag": st.booleans(),
        "id": st.integers(1, 10**12),
    }.get(field.kind, word)
    if op == "between":
        value = sorted(draw(st.lists(one, min_size=2, max_size=2)))
    elif op in ("in", "not_in"):
        value = draw(st.lists(one, min_size=1, max_size=4, unique=True))
    else:
        value = draw(one)
    return {"field": field.name, "op": op, "value": value}


def tree(depth):
    if depth == 1:
        return leaf()
    inside = tree(depth - 1)
    return st.one_of(
        leaf(),
        st.lists(inside, max_size=3).map(lambda nodes: {"all": nodes}),
        st.lists(inside, min_size=1, max_size=3).map(lambda nodes: {"any": nodes}),
        inside.map(lambda node: {"not": node}),
    )


@st.composite
def section(draw, name):
    made = {}
    for key, spec in SECTIONS[name].items():
        low, high = spec.low, min(spec.high, 10**7)
        if key == "exempt":
            made[key] = draw(
                st.fixed_dictionaries(
                    {}, optional={"abc": st.lists(st.sampled_from(ABC), unique=True), "segment": st.lists(word, unique=True, max_size=3)}
                )
            )
            continue
        values = {
            "bool": st.booleans(),
            "int": st.integers(int(max(low, 0)), int(high)),
            "float": st.floats(low, high),
            "choice": st.sampled_from(spec.choices or ("-",)),
            "time": st.times().map(lambda each: each.strftime("%H:%M")),
            "list": st.lists(st.sampled_from(spec.choices or ("-",)), unique=True),
        }[spec.kind]
        made[key] = draw(st.one_of(values, st.none()) if spec.optional else values)
    if name == "schedule":
        cadence = made["cadence"]
        made["weekday"] = made["weekday"] or "mon" if cadence == "weekly" else None
        made["day"] = made["day"] or 1 if cadence == "monthly" else None
        made["event"] = EVENTS[0] if cadence == "on_event" else None
    return made


def _at_least(orders):
    return {"field": "orders", "op": ">=", "value": orders}


@st.composite
def definitions(draw):
    names = draw(st.lists(st.sampled_from(sorted(GUARDS)), unique=True))
    made = {
        "name": draw(word).strip(),
        "trigger": draw(tree(4)),
        "population": draw(tree(3)),
        "guards": [f"{name}:{draw(st.integers(1, 36_500))}" if GUARDS[name] else name for name in names],
        **{name: draw(section(name)) for name in SECTIONS},
    }
    try:
        return dict(parse_rule(made).definition)
    except RuleError:  # conditions that contradict each other or leave nobody, or no condition at all
        made["trigger"], made["population"] = draw(numbers(FIELDS["orders"]).map(_at_least)), {"all": []}
        made["experiment"]["exempt"] = {}
        return dict(parse_rule(made).definition)


@drawn(20, long=300)
@given(definitions())
def test_any_valid_definition_comes_back_from_the_form_as_it_was(definition):
    assert through(definition) == definition


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_comes_back_in_every_language(name, language):
    with translation.override(language):
        assert through(PRESETS[name]) == parse_rule(PRESETS[name]).definition


# -- every key, field, comparison, protection ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_and_comparison_has_its_controls(name):
    offered = [field for _label, names in FIELD_GROUPS for field in names]
    assert sorted(offered) == sorted(FIELDS)
    for op in FIELDS[name].ops:
        state = state_of(parse_rule(PRESETS["general"]).definition)
        state.trigger.children = [fresh_leaf(name, op)]
        page = page_of(state, people={"owner": [(7, "V-07 Sorocaba")], "team": [(3, "Interior")]})
        assert f'<option value="{html.escape(op)}" selected>' in page
        assert re.search(r'name="trigger-0\.(value|more)"', page), op
        if control_of(name, op) == "between":
            assert page.count('name="trigger-0.value"') == 2
        for choice in FIELDS[name].choices if op != "is_null" else ():
            assert f'value="{choice}"' in page


def test_every_key_of_every_section_and_every_protection_has_a_control():
    page = page_of(state_of(parse_rule(PRESETS["general"]).definition))
    for section, keys in SECTIONS.items():
        for key, spec in keys.items():
            names = [f"{section}.{key}"] if spec.kind != "exempt" else [f"{section}.{key}.abc", f"{section}.{key}.segment.more"]
            assert all(f'name="{name}"' in page for name in names), (section, key)
            for choice in spec.choices:
                assert f'value="{choice}"' in page, choice
    for choices in (STRATEGIES, CADENCES, WEEKDAYS, EVENTS, APPROVALS, CAPACITIES, STRATA):
        assert all(f'value="{choice}"' in page for choice in choices)
    assert all(f'value="{guard}"' in page for guard in GUARDS)
    assert 'name="name"' in page


# -- buttons ---------------------------------------------------------------------------------------------------------------


def general():
    return state_of(parse_rule(PRESETS["general"]).definition)


def fields_of(node):
    return node.field if isinstance(node, Leaf) else (node.kind, [fields_of(child) for child in node.children])


def test_conditions_and_groups_are_added_moved_and_removed():
    state = general()
    assert act(state, "add", "trigger") == "trigger-1.field"
    assert act(state, "group", "trigger") == "trigger-2-0.field"
    assert fields_of(state.trigger) == ("all", ["days_since_last", "days_since_visit", ("any", ["abc"])])
    assert act(state, "up", "trigger-2") == "up:trigger-1"
    assert act(state, "down", "trigger-0") == "down:trigger-1"
    assert fields_of(state.trigger) == ("all", [("any", ["abc"]), "days_since_last", "days_since_visit"])
    assert act(state, "remove", "trigger-0") == "add:trigger"
    assert fields_of(state.trigger) == ("all", ["days_since_last", "days_since_visit"])
    act(state, "up", "trigger-0")  # there is nowhere to go
    assert fields_of(state.trigger) == ("all", ["days_since_last", "days_since_visit"])


def test_groups_stop_where_the_engine_stops():
    state, key = general(), "trigger"
    while True:
        try:
            act(state, "group", key)
        except KeyError:
            break
        key = f"{key}-{len(state.at(key).children) - 1}"
    assert build(state).faults == {}
    assert f'value="group:{key}"' not in page_of(state)


def test_protections_are_added_ordered_and_removed():
    state = general()
    n = len(state.guards)
    assert act(state, "add-guard", "save_window") == f"guards-{n}.days"
    act(state, "up", f"guards-{n}")
    assert [row.name for row in state.guards][-2:] == ["save_window", "representative_contract"]
    assert build(state).definition["guards"][-2] == "save_window:10"
    act(state, "remove", f"guards-{n - 1}")
    assert build(state).definition == parse_rule(PRESETS["general"]).definition


@pytest.mark.parametrize(
    ("word", "key"),
    [("add", "trigger-0"), ("remove", "trigger-7"), ("add-guard", "hold"), ("add-guard", "x"), ("fly", "trigger-0"), ("up", "guards-99")],
)
def test_what_is_not_there_is_refused(word, key):
    with pytest.raises(KeyError):
        act(general(), word, key)


def test_a_change_of_field_or_comparison_keeps_what_still_fits():
    post = sent(page_of(general()))
    post["trigger-0.op"] = ">="
    assert state_from(post).trigger.children == [Leaf("days_since_last", ">=", ["90"])]
    post["trigger-0.op"] = "in"
    assert state_from(post).trigger.children == [Leaf("days_since_last", "in", ["90; 359"])]
    post["trigger-0.field"] = "abc"
    assert state_from(post).trigger.children == [Leaf("abc", "in", ["A"])]


# -- what cannot be is said at its control ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "control", "said"),
    [
        ("trigger-0.value", ["400", "359"], "trigger-0.value", "400 é maior que 359"),
        ("trigger-0.value", ["noventa", "359"], "trigger-0.value", "“noventa” não é um número"),
        ("trigger-0.value", ["", "359"], "trigger-0.value", "Escreva um número"),
        ("trigger-0.value", ["-5", "359"], "trigger-0.value", "-5 é pouco demais: use 0 ou mais"),
        ("limits.give_share", ["150"], "limits.give_share", "150 está fora do que se aceita: de 0,01 a 100"),
        ("strategy.fairness", ["0,9"], "strategy.fairness", "de 0 a 0,5"),
        ("value.horizon_days", ["90,5"], "value.horizon_days", "não é um número inteiro"),
        ("schedule.at", ["25:00"], "schedule.at", "não é um horário"),
        ("guards-6.days", ["muitos"], "guards-6.days", "Escreva quantos dias"),
        ("guards-6.days", ["99999"], "guards-6.days", "de 1 a 36500"),
        ("name", [""], "name", "Dê um nome"),
        ("receivers.max_km", ["0"], "receivers.max_km", "de 0,001 a 20040"),
    ],
)
def test_each_refusal_is_at_its_control_in_words(name, value, control, said):
    post = sent(page_of(general()))
    assert name in post
    post.setlist(name, value)
    faults = build(state_from(post)).faults
    assert list(faults) == [control]
    assert said in faults[control]
    page = page_of(state_from(post), faults=faults)
    place = "id_" + control.replace(".", "_")
    assert re.search(rf'id="{re.escape(place)}"[^>]*aria-invalid="true"', page)
    assert html.escape(faults[control]) in page and f'id="{place}_error"' in page


def test_a_contradiction_names_both_conditions_at_the_later_one():
    state = general()
    state.trigger.children.append(Leaf("days_since_last", "<", ["60"]))
    faults = build(state).faults
    assert list(faults) == ["trigger-1.value"]
    assert "“Dias sem compra < 60” e também “Dias sem compra de 90 a 359”" in faults["trigger-1.value"]


def test_conditions_turned_around_and_a_guard_that_would_hold_everyone_are_said_as_they_read():
    state = general()
    silent = Leaf("days_since_last", ">=", ["30"])
    state.trigger.children = [silent, Group("not", [Leaf("days_since_last", ">", ["20"])])]
    assert list(build(state).faults.values()) == [
        "Nenhum cliente cumpre “não: Dias sem compra > 20” e também “Dias sem compra ≥ 30”. Mude um dos dois."
    ]
    state.trigger.children = [Leaf("days_since_contact", "<", ["10"])]
    faults = build(state).faults
    assert list(faults) == [f"guards-{[row.name for row in state.guards].index('contact_within')}.days"]
    assert "“Contato recente (15 dias)” seguraria todos os clientes de “Dias sem contato < 10”" in str(faults)
    assert html.escape(next(iter(faults.values()))) in page_of(state, faults=faults)
    state.trigger.children = [Leaf("state", "=", ["discarded"])]
    assert list(build(state).faults) == [f"guards-{[row.name for row in state.guards].index('discarded')}.days"]


def test_an_empty_group_and_a_rule_for_everyone_are_refused_at_the_group():
    state = general()
    state.trigger.children.append(Group("any", []))
    assert list(build(state).faults) == ["trigger-1"]
    state.trigger.children = []
    assert "sinalizaria todos" in build(state).faults["trigger"]


def test_none_of_several_is_not_any_of_them():
    state = general()
    state.population = Group("not", [fresh_leaf("abc"), fresh_leaf("key_account")])
    assert build(state).definition["population"] == {
        "not": {"any": [{"field": "abc", "op": "in", "value": ["A"]}, {"field": "key_account", "op": "=", "value": True}]}
    }


@pytest.mark.parametrize(
    ("language", "scale", "value", "text"),
    [
        ("pt-br", MONEY, 500_000, "5.000,00"),
        ("en", MONEY, 500_000, "5,000.00"),
        ("pt-br", PERCENT, 0.07, "7"),
        ("es", PERCENT, 0.125, "12,5"),
        ("en", PERCENT, 0.125, "12.5"),
    ],
)
def test_numbers_are_written_and_read_as_the_language_does(language, scale, value, text):
    with translation.override(language):
        assert written(value, scale) == text
        assert read(text, scale) == value


@pytest.mark.parametrize("text", ["", "1,2,3", "1e5", "٣", "--1", "1.23.4", "nan"])
def test_what_is_no_number_is_refused(text):
    with translation.override("pt-br"), pytest.raises(ValueError):
        read(text)
