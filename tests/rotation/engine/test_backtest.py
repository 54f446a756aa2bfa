"""A rule on the past: against a plain recomputation day by day, blind to the future, and equal to the live run on its last day."""

from dataclasses import fields
from datetime import date
from itertools import pairwise
from statistics import median

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotation.engine.backtest import Backtest, Risk, cutoffs_between
from rotation.engine.features import order_statistics
from rotation.engine.judging import Alone, Fate, next_order_on
from rotation.engine.medians import running_medians
from rotation.engine.past import FOREVER, Past
from rotation.engine.pipeline import propose
from rotation.engine.replay import Replay, not_replayed, uses_probabilities
from tests.rotation.engine.builders import rule
from tests.rotation.engine.pasts import DAY_0, past, people, present

N = 30  # days to inactive
H = 14
EVERY_FIELD = [
    {"field": name, "op": ">=", "value": 1}
    for name in (
        "median_gap",
        "orders_30d",
        "orders_90d",
        "orders_180d",
        "orders_365d",
        "days_since_visit",
        "days_since_contact",
        "days_owned",
    )
]


def days(n, **changes):
    return rule(trigger={"all": [{"field": "days_since_last", "op": ">=", "value": n}]}, value={"horizon_days": H}, **changes)


def run(rules, past_, cutoffs, *, known_until=10**6, facts=None, **options):
    n = len(past_)
    test = Backtest(rules, past_, present(n) if facts is None else facts, people(), np.asarray(cutoffs), known_until=known_until, **options)
    while test.step():
        pass
    return test


HISTORIES = st.integers(1, 5).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 200), st.integers(-300, 900)), max_size=40),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 200)), max_size=8),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 1), st.integers(0, 200), st.booleans()), max_size=8),
        st.lists(st.one_of(st.none(), st.integers(-100, 150)), min_size=n, max_size=n),
        st.lists(st.one_of(st.none(), st.integers(0, 200)), min_size=n, max_size=n),
    )
)


def world(drawn):
    n, orders, visits, owners, registered, discarded = drawn
    ledger = []
    for client in range(n):
        mine = sorted({row[2]: row for row in owners if row[0] == client}.values(), key=lambda row: row[2])
        until = [row[2] for row in mine[1:]] + [None]
        ledger += [(client, row[1], row[2], end, row[3]) for row, end in zip(mine, until if mine else [], strict=True)]
    return past(n, orders, visits=visits, contacts=visits[:3], owners=ledger, registered=registered, discarded=discarded)


def plainly(drawn, limit, cutoffs):
    """The same rule in plain Python: days since the last order day, a visit within 10 days guards, discarded are left out."""
    n, orders, visits, _, registered, discarded = drawn
    summed = {}
    for client, day, cents in orders:
        summed[client, day] = summed.get((client, day), 0) + cents
    bought = {client: sorted(day for (c, day), cents in summed.items() if c == client and cents > 0) for client in range(n)}
    flags, in_population = {}, {}
    for cutoff in cutoffs:
        for client in range(n):
            known = [day for day in bought[client] if day <= cutoff]
            gone = discarded[client] is not None and discarded[client] <= cutoff
            unborn = registered[client] is not None and registered[client] > cutoff and not known
            in_population[client, cutoff] = not gone and not unborn
            if not known or gone or cutoff - known[-1] < limit:
                continue
            if any(c == client and cutoff - 10 < day <= cutoff for c, day in visits):
                continue
            flags.setdefault((client, known[-1]), cutoff)
    alarms = {key for key, cutoff in flags.items() if any(cutoff < day <= cutoff + H for day in bought[key[0]])}
    stopped, missed, leads = 0, 0, []
    for client in range(n):
        for day, following in pairwise([*bought[client], 10**9]):
            reached = day + N
            if following <= reached or not cutoffs[0] < reached <= cutoffs[-1]:
                continue
            after = min(cutoff for cutoff in cutoffs if cutoff >= reached)
            before = max((cutoff for cutoff in cutoffs if cutoff < reached), default=None)
            if not (in_population[client, after] or in_population.get((client, before))):
                continue
            stopped += 1
            flagged = flags.get((client, day))
            if flagged is None or flagged > after:
                missed += 1
            else:
                leads.append(reached - flagged)
    return flags, alarms, stopped, missed, leads


@settings(max_examples=30, deadline=None)
@given(HISTORIES, st.integers(5, 60), st.integers(0, 40), st.sampled_from([5, 7, 30]))
def test_it_is_what_a_plain_recomputation_says(drawn, limit, first, step):
    cutoffs = list(range(first, 201, step))
    test = run([days(limit, guards=["visit_within:10"])], world(drawn), np.array(cutoffs) + DAY_0)
    flags, alarms, stopped, missed, leads = plainly(drawn, limit, cutoffs)

    made = test.flags()
    seen = {(int(c), int(last) - DAY_0): cutoffs[k] for c, last, k in zip(made.client, made.last_on, made.cutoff, strict=True)}
    assert seen == flags
    found = test.result(whole=True)
    assert (found["flagged"], found["false_alarms"], found["stopped"], found["missed"]) == (len(flags), len(alarms), stopped, missed)
    assert found["lead_days"] == (median(leads) if leads else None)
    for name in ("flagged", "false_alarms", "stopped", "missed"):
        assert sum(row[name] for row in found["per_cutoff"]) == sum(row[name] for row in found["per_month"]) == found[name]
    assert sum(row["flagged"] for row in found["load"]) == len(flags)
    # each of them with what came of it, and beside a stricter rule those that it alone, or this one alone, flagged
    n, bought = drawn[0], {key[0]: [] for key in flags}
    for client, day, cents in zip(test.past.order_client, test.past.order_day, test.past.order_cents, strict=True):
        if cents > 0 and int(client) in bought:
            bought[int(client)].append(int(day) - DAY_0)
    clients = present(n).client_id.tolist()
    two = run([days(limit, guards=["visit_within:10"]), days(limit + 9)], world(drawn), np.array(cutoffs) + DAY_0)
    for columns in (test.flag_columns(), two.flag_columns()):
        assert (np.diff(columns.stake_cents) <= 0).all()
        told = {}
        for row in range(len(columns)):
            client, on, last = clients.index(columns.client[row]), int(columns.flagged_on[row]) - DAY_0, int(columns.last_on[row]) - DAY_0
            if columns.alone[row] == Alone.OLD:
                continue
            told[client, last] = on
            then = next((day for day in bought[client] if day > on), None)
            assert columns.then_on[row] == (FOREVER if then is None else then + DAY_0)
            assert columns.fate[row] == (Fate.ORDERED if (client, last) in alarms else Fate.SILENT)
        assert told == flags
    compared, alone = two.compared(), two.flag_columns().alone
    assert (alone == Alone.NEW).sum() == compared["only_new"]["flagged"] and (alone == Alone.OLD).sum() == compared["only_old"]["flagged"]


@settings(max_examples=12, deadline=None)
@given(HISTORIES, st.integers(5, 60))
def test_the_rule_by_days_beside_it_flags_as_many_silences(drawn, limit):
    """Asked about a rule by days without an upper end, some number of days flags exactly as many; none flags any for none."""
    cutoffs = np.arange(0, 201, 7) + DAY_0
    found = run([days(limit, guards=["visit_within:10"])], world(drawn), cutoffs).result(whole=True)
    beside = found["day_rule"]
    assert (beside["flagged"] if beside else 0) == found["flagged"]
    if beside:
        assert beside["days"] >= limit


@settings(max_examples=12, deadline=None)
@given(HISTORIES, st.integers(1, 28))
@example((2, [(1, 0, 1)], [], [(1, 0, 0, False)], [None, 43], [None, None]), 7)  # registered after its first order
def test_nothing_after_a_cutoff_changes_what_is_flagged_on_it(drawn, k):
    cutoffs = np.arange(0, 201, 7) + DAY_0
    asked = rule(
        population={
            "any": [*EVERY_FIELD, {"field": "owner", "op": "in", "value": [101]}, {"field": "abc", "op": "in", "value": ["A", "B"]}]
        },
        trigger={"any": [{"field": "lateness", "op": ">=", "value": 1}, {"field": "state", "op": "in", "value": ["inactive"]}]},
        guards=["visit_within:10", "contact_within:9", "new_within:40", "owned_less_than:20", "moved_within:15"],
        value={"horizon_days": H},
    )
    whole = run([asked], world(drawn), cutoffs).flags().before(k)
    blind = run([asked], world(drawn).until(int(cutoffs[k - 1])), cutoffs[:k]).flags()
    for each in fields(whole):
        np.testing.assert_array_equal(getattr(whole, each.name), getattr(blind, each.name), err_msg=each.name)


def test_a_planted_look_ahead_is_caught(monkeypatch):
    """The comparison above sees a replay that knows tomorrow: here one whose last order is the one to come."""
    drawn = (1, [(0, 0, 100), (0, 100, 100)], [], [], [None], [None])
    cutoffs = np.arange(7, 120, 7) + DAY_0
    honest = Replay._moment

    def leaking(self, as_of, *rest):
        peeked = next_order_on(self.past, np.arange(len(self.past)), np.full(len(self.past), as_of))
        self._last = np.where(peeked < FOREVER, as_of, self._last).astype(np.int32)
        return honest(self, as_of, *rest)

    def flagged(known):
        return len(run([days(20)], known, cutoffs[:6]).flags())

    assert flagged(world(drawn)) == flagged(world(drawn).until(int(cutoffs[5]))) == 1
    monkeypatch.setattr(Replay, "_moment", leaking)
    assert flagged(world(drawn)) != flagged(world(drawn).until(int(cutoffs[5])))


@settings(max_examples=12, deadline=None)
@given(HISTORIES)
def test_the_last_cutoff_is_the_live_run_on_the_same_facts(drawn):
    made = world(drawn)
    cutoffs = np.arange(4, 201, 7) + DAY_0
    asked = days(12, guards=["visit_within:10", "owned_less_than:20", "discarded", "moved_within:30"])
    replay = Replay(made, present(len(made)), people(), cutoffs, [asked])
    for _ in cutoffs:
        moment = replay.advance()
    # who was not registered yet is not in the live tables at all
    rows = np.flatnonzero(moment.exist)
    empty = {"former_start": np.zeros(len(made) + 1), "former_representative": np.empty(0), "former_ended_on": np.empty(0)}
    live = propose(
        asked, moment.facts.with_columns(**empty).take(rows), moment.representatives, int(cutoffs[-1]), seed="s", rule_version_id=1
    )
    np.testing.assert_array_equal(run([asked], made, cutoffs).matching()[rows], live.flagged & (live.guard_code < 0))


@settings(max_examples=12, deadline=None)
@given(HISTORIES)
def test_statistics_that_grow_are_those_computed_from_the_facts(drawn):
    made = world(drawn)
    cutoffs = np.arange(3, 260, 13) + DAY_0
    replay = Replay(made, present(len(made)), people(), cutoffs, [rule(population={"any": EVERY_FIELD})])
    start, day, cents = made.order_days()
    for as_of in cutoffs:
        facts = replay.advance().facts
        fresh = order_statistics(start, day, cents, as_of=int(as_of))
        for name in ("x", "first_on", "last_on", "median_gap", "n30", "n90", "n180", "n365"):
            np.testing.assert_array_equal(getattr(facts, name), getattr(fresh, name), err_msg=name)
        for name, since in (("net_total", -(10**9)), ("net_12m", as_of - 365)):
            inside = (made.order_day <= as_of) & (made.order_day > since)
            expected = np.bincount(made.order_client[inside], made.order_cents[inside], minlength=len(made))
            np.testing.assert_array_equal(getattr(facts, name), expected, err_msg=name)


@given(st.lists(st.lists(st.integers(1, 40), max_size=12), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_running_medians_are_medians(gaps):
    day = [np.cumsum([0, *each]) for each in gaps]
    start = np.concatenate(([0], np.cumsum([len(each) for each in day])))
    expected = [[np.nan, *(median(each[:i]) for i in range(1, len(each) + 1))] for each in gaps]
    np.testing.assert_array_equal(running_medians(start, np.concatenate(day)), np.concatenate(expected))


def test_open_windows_are_counted_apart_and_never_judged():
    made = past(2, [(0, 0, 100), (1, 0, 100), (1, 40, 100)])
    cutoffs = np.arange(10, 50, 10) + DAY_0
    found = run([days(20)], made, cutoffs, known_until=DAY_0 + 40).result()
    assert [row["cutoff"] for row in found["per_cutoff"]] == [str(date(1970, 1, 1).fromordinal(719163 + DAY_0 + d)) for d in (10, 20)]
    assert found["cutoffs"] == 2 and found["flagged"] == 2 and found["false_alarms"] == 0
    assert [row["flagged"] for row in found["open_cutoffs"]] == [0, 0]
    later = run([days(20)], made, cutoffs, known_until=DAY_0 + 30).flag_columns()
    assert sorted(zip(later.fate.tolist(), (later.then_on - DAY_0).tolist(), strict=True)) == [
        (Fate.OPEN, 40),
        (Fate.OPEN, FOREVER - DAY_0),
    ]


def test_what_no_date_is_kept_of_is_named():
    guards = ["hold", "blocked", "visit_within:15", "open_order", "moved_within:180"]
    asked = days(
        90, guards=guards, population={"all": [{"field": "uf", "op": "in", "value": ["SP"]}, {"field": "abc", "op": "=", "value": "A"}]}
    )
    assert not_replayed(asked) == (["hold", "blocked", "open_order"], ["uf"])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "p_cross", "op": ">=", "value": 0.5}, True),
        ({"field": "state", "op": "in", "value": ["at_risk", "near_inactive"]}, True),
        ({"field": "state", "op": "in", "value": ["active", "at_risk"]}, False),
        ({"field": "state", "op": "!=", "value": "active"}, True),
        ({"field": "state", "op": "not_in", "value": ["lost"]}, False),
        ({"field": "lateness", "op": ">=", "value": 2}, False),
    ],
)
def test_a_model_is_asked_only_where_its_answer_matters(condition, expected):
    assert uses_probabilities(rule(trigger={"all": [condition]})) is expected


def test_a_rule_of_probabilities_is_given_them_once_a_cutoff_and_two_versions_are_compared():
    made = past(3, [(0, 0, 100), (1, 0, 200), (2, 0, 300), (2, 35, 300)])
    cutoffs = np.arange(10, 60, 10) + DAY_0
    asked = []

    def predictor(moment, horizon):
        asked.append((moment.as_of, horizon))
        return Risk(np.array([0.9, 0.1, 0.6]), np.array([0.9, 0.1, 0.6]), "mixture")

    def above(p):
        return rule(trigger={"all": [{"field": "p_cross", "op": ">=", "value": p}]}, value={"horizon_days": H})

    test = run([above(0.5), above(0.8)], made, cutoffs, predictor=predictor)
    assert asked == [(int(day), H) for day in cutoffs]
    found = test.compared()
    assert test.result(0)["score_methods"] == {"mixture": 5}
    # client 2 is flagged in each of its two silences, and the first ended by itself, later than the horizon
    assert found["both"] == {"flagged": 1, "false_alarms": 0}
    assert (found["only_new"]["flagged"], found["only_new"]["false_alarms"], found["only_old"]["flagged"]) == (2, 0, 0)
    assert [row["client"] for row in found["only_new"]["sample"]] == [3, 3]


def test_cutoffs_keep_their_day_of_the_month():
    assert cutoffs_between(date(2024, 1, 31), date(2024, 4, 30), "month").tolist() == [
        (date.fromisoformat(day) - date(1970, 1, 1)).days for day in ("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30")
    ]
    assert np.diff(cutoffs_between(date(2024, 1, 31), date(2024, 4, 30), "week")).tolist() == [7] * 12


def test_a_past_out_of_order_is_refused():
    made = past(2, [(0, 3, 100), (0, 9, 100)])
    columns = {each.name: getattr(made, each.name) for each in fields(Past)}
    with pytest.raises(ValueError, match="order_day"):
        Past(**{**columns, "order_day": made.order_day[::-1]})
