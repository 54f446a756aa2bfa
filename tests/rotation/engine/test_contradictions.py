"""What no client can satisfy is refused with its place; what is refused, no client satisfies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.engine.conditions import parse_condition
from rotation.engine.contradictions import check_contradictions
from rotation.engine.errors import RuleError
from rotation.engine.evaluate import Columns, evaluate
from rotation.engine.facts import NO_DAY
from rotation.engine.features import abc_classes, order_statistics
from rotation.engine.rules import parse_rule
from rotation.engine.schema import ABC, OWNER_STATUSES, STATES
from rotation.engine.scoring import score
from tests.draws import drawn

from .builders import TODAY, facts, representatives


def leaf(field, op, value=True):
    return {"field": field, "op": op, "value": value}


def when(*conditions, **other):
    return {"name": "n", "trigger": {"all": list(conditions)}, **other}


# A rule that cannot be, what it is called, the place it is refused at, and what it cannot go with.
IMPOSSIBLE = [
    (when(leaf("orders", ">", 2), leaf("orders", "<", 3)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (
        when(leaf("state", "in", ["active", "lost"]), leaf("state", "!=", "active"), leaf("state", "not_in", ["lost"])),
        *("contradiction", "trigger.all[2]", "trigger.all[0], trigger.all[1]"),
    ),
    (when(leaf("orders", "=", 3), {"not": leaf("orders", "=", 3)}), "contradiction", "trigger.all[1].not", "trigger.all[0]"),
    (
        when(leaf("days_since_last", ">=", 90), {"any": [leaf("days_since_last", "<", 30), leaf("days_since_last", "between", [40, 50])]}),
        *("contradiction", "trigger.all[1].any[1]", "trigger.all[0]"),
    ),
    (
        when(leaf("p_silent", "<=", 0.5), {"not": {"any": [leaf("p_silent", "<", 0.7), leaf("orders", ">", 9)]}}),
        *("contradiction", "trigger.all[1].not.any[0]", "trigger.all[0]"),
    ),
    (when(leaf("days_since_last", "<", 0)), "never_true", "trigger.all[0]", None),
    (when(leaf("p_cross", ">", 1)), "never_true", "trigger.all[0]", None),
    (when(leaf("abc", "is_null")), "never_true", "trigger.all[0]", None),
    (when(leaf("state", "=", "prospect"), leaf("days_since_last", ">=", 90)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("orders", "<", 4), leaf("lateness", ">=", 2)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("state", "=", "at_risk"), leaf("p_cross", "<", 0.4)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("orders_30d", ">=", 5), leaf("orders_90d", "<=", 2)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("orders_30d", ">=", 1), leaf("days_since_last", ">=", 30)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("contract_only", "=", True), leaf("days_since_last", ">=", 30)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("owner_status", "=", "none"), leaf("owner", "=", 5)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("owner_status", "=", "none"), leaf("days_owned", ">", 9)), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (when(leaf("tags", "in", ["a"]), leaf("tags", "not_in", ["a", "b"])), "contradiction", "trigger.all[1]", "trigger.all[0]"),
    (
        {"name": "n", "population": {"all": [leaf("segment", "=", "x")]}, "trigger": {"not": leaf("segment", "=", "x")}},
        *("contradiction", "trigger.not", "population.all[0]"),
    ),
    (when(leaf("key_account", "="), guards=["blocked", "key_account"]), "always_held", "guards[1]", "trigger.all[0]"),
    (when(leaf("days_since_contact", "<", 20), guards=["contact_within:30"]), "always_held", "guards[0]", "trigger.all[0]"),
    (when(leaf("days_owned", "between", [1, 80]), guards=["owned_less_than:90"]), "always_held", "guards[0]", "trigger.all[0]"),
    (when(leaf("owner_status", "in", ["absent"]), guards=["owner_absent"]), "always_held", "guards[0]", "trigger.all[0]"),
    (when(leaf("state", "=", "discarded"), guards=["discarded"]), "always_held", "guards[0]", "trigger.all[0]"),
    (when(leaf("state", "=", "discarded")), "discarded_left_out", "trigger.all[0]", "trigger.all[0]"),
    (when(leaf("abc", "=", "A"), experiment={"share": 0.3, "exempt": {"abc": ["A"]}}), "nobody_drawn", "experiment.exempt.abc", None),
    (when(leaf("orders", ">", 1), experiment={"share": 0.3, "exempt": {"abc": list(ABC)}}), "nobody_drawn", "experiment.exempt.abc", None),
]


@pytest.mark.parametrize(("definition", "code", "path", "other"), IMPOSSIBLE)
def test_what_cannot_be_true_is_refused_with_the_place(definition, code, path, other):
    with pytest.raises(RuleError) as refused:
        parse_rule(definition)
    assert (refused.value.code, refused.value.path) == (code, path)
    if other is not None:
        assert refused.value.params["other"] == other
    parse_rule(definition, accepted=True)  # published before this was known: it runs on, and proposes nobody


@pytest.mark.parametrize(
    "definition",
    [
        when(leaf("days_since_last", ">=", 90), leaf("days_since_last", "<=", 90)),
        when(leaf("tags", "in", ["a"]), leaf("tags", "not_in", ["b"])),
        # never contacted is longer ago than any limit
        when(leaf("days_since_contact", "is_null"), leaf("days_since_contact", ">=", 30)),
        when(leaf("days_since_contact", ">=", 20), guards=["contact_within:30"]),
        when(leaf("state", "in", ["prospect", "lost"]), leaf("days_since_last", ">=", 9)),
        when(leaf("orders_30d", ">=", 1), leaf("days_since_last", ">=", 29)),
        when(leaf("state", "=", "prospect"), {"not": leaf("days_since_last", ">=", 0)}),
        when(leaf("owner_status", "in", ["none", "leaver"]), leaf("days_owned", ">", 9)),
        when(leaf("abc", "=", "A"), experiment={"share": 0, "exempt": {"abc": ["A"]}}),
        when({"any": [leaf("state", "=", "discarded"), leaf("orders", ">", 2)]}, guards=["discarded"]),
    ],
)
def test_what_some_client_may_satisfy_is_a_rule(definition):
    parse_rule(definition)


def crowd(n=400, m=5, seed=3):
    """Clients of every kind, consistent with themselves: histories first, columns from them."""
    r = np.random.default_rng(seed)
    days = [np.unique(TODAY - r.integers(0, r.integers(1, 700), r.integers(0, 12) if i % 7 else 0)) for i in range(n)]
    start = np.concatenate(([0], np.cumsum([len(each) for each in days])))
    seen = order_statistics(start, np.concatenate(days), r.integers(1, 10**6, start[-1]), as_of=TODAY)
    columns = {name: getattr(seen, name) for name in ("x", "first_on", "last_on", "median_gap", "net_12m", "net_total")}
    counts = {name: getattr(seen, name) for name in ("n30", "n90", "n180", "n365")}
    owner = r.integers(-1, m, n)
    tags = [np.unique(r.integers(0, 3, r.integers(0, 4))) for _ in range(n)]
    contract = r.random(n) < 0.3
    ordered = seen.x >= 0

    def dated(share):
        return np.where(r.random(n) < share, TODAY - r.integers(0, 200, n), NO_DAY)

    clients = facts(
        n,
        **columns,
        **counts,
        owner=owner,
        abc=abc_classes(seen.net_12m),
        p_cross=np.where(ordered, r.random(n), np.nan),
        p_silent=np.where(ordered, r.random(n), np.nan),
        last_contact_on=dated(0.5),
        owned_since_on=np.where(owner >= 0, TODAY - r.integers(0, 300, n), NO_DAY),
        contract_ends_on=np.where(contract, TODAY + r.integers(-50, 300, n), NO_DAY),
        discarded=r.random(n) < 0.1,
        key_account=r.random(n) < 0.2,
        tags_start=np.concatenate(([0], np.cumsum([len(each) for each in tags]))),
        tags_code=np.concatenate(tags),
        tags=("a", "b", "c"),
    )
    clients = clients.with_columns(contract_only=contract & (clients.contract_ends_on >= TODAY) & (r.random(n) < 0.6))
    away, serving = np.arange(m) == 1, np.arange(m) != 2
    return clients, representatives(m, absent_now=away, active=serving, holds=np.bincount(owner[owner >= 0], minlength=m))


CLIENTS, PEOPLE = crowd()
COLUMNS = Columns(CLIENTS, PEOPLE, score(CLIENTS, TODAY, 90), TODAY)
NUMBERS = {
    **dict.fromkeys(("days_since_last", "days_since_contact", "days_owned"), st.integers(0, 200)),
    **dict.fromkeys(("orders", "orders_30d", "orders_90d", "orders_180d", "orders_365d"), st.integers(0, 9)),
    **dict.fromkeys(("p_silent", "p_cross"), st.sampled_from([0, 0.2, 0.5, 0.8, 1])),
    "lateness": st.sampled_from([0, 0.5, 1, 3]),
    "median_gap": st.integers(1, 90),
    "contract_days_left": st.integers(-20, 90),
    "owner_load": st.sampled_from([0, 5, 9]),
}
WORDS = {"state": STATES, "abc": ABC, "owner_status": OWNER_STATUSES}


@st.composite
def leaves(draw):
    name = draw(st.sampled_from([*NUMBERS, *WORDS, "owner", "tags", "key_account", "contract_only"]))
    if name in ("key_account", "contract_only"):
        return leaf(name, "=", draw(st.booleans()))
    words = {**WORDS, "owner": (101, 102, 103), "tags": ("a", "b")}
    one = NUMBERS[name] if name in NUMBERS else st.sampled_from(words[name])
    ops = ["in", "not_in", "is_null"] if name == "tags" else ["=", "!=", "in", "not_in", "is_null"]
    op = draw(st.sampled_from(["<", "<=", ">=", ">", "between", *ops] if name in NUMBERS else ops))
    if op == "is_null":
        return leaf(name, op, draw(st.booleans()))
    if op == "between":
        return leaf(name, op, sorted([draw(one), draw(one)]))
    return leaf(name, op, draw(st.lists(one, min_size=1, max_size=3, unique=True)) if op.endswith("in") else draw(one))


def trees(depth):
    if not depth:
        return leaves()
    inside = trees(depth - 1)
    several = st.lists(inside, min_size=1, max_size=3)
    return st.one_of(
        leaves(), several.map(lambda each: {"all": each}), several.map(lambda each: {"any": each}), inside.map(lambda each: {"not": each})
    )


@drawn(60, long=500)
@given(st.lists(trees(2), min_size=1, max_size=4))
def test_what_is_refused_no_client_of_a_crowd_satisfies(drawn):
    conditions = [parse_condition(each, f"c[{i}]") for i, each in enumerate(drawn)]
    try:
        check_contradictions(*conditions)
    except RuleError as refused:
        # inside a group it is one branch that cannot be, and the others may
        if any(place in refused.path for place in (".any[", ".not")):
            return
        holding = np.ones(len(CLIENTS), bool)
        for condition in conditions:
            holding &= evaluate(condition, COLUMNS)
        assert not holding.any(), str(refused)
