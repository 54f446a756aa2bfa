"""Whom a run's ceilings let through on past days: the best that fits, the others wait, nobody goes twice in a silence."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.backtest import Backtest
from rotation.engine.facts import NO_DAY
from rotation.engine.limiting import let_through, limits_replayed, run_ceiling
from tests.rotation.engine.builders import rule
from tests.rotation.engine.pasts import DAY_0, past, people, present

SILENT = {"all": [{"field": "days_since_last", "op": ">=", "value": 60}]}


def limited(**limits):
    return rule(trigger=SILENT, value={"horizon_days": 20}, limits={"receive_share": 1.0, "give_share": 1.0, **limits})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 5)), max_size=7),
    st.lists(st.integers(0, 6), min_size=3, max_size=3),
    st.integers(1, 7),
    st.lists(st.integers(-1, 3), min_size=3, max_size=3),
)
def test_no_choice_within_the_ceilings_has_more_at_stake(candidates, holds, most, own):
    owner, stake = np.array([each[0] for each in candidates], int), np.array([each[1] for each in candidates], float)
    table = people(3, holds=np.array(holds), give_ceiling=np.array(own))
    made = limited(run_max=most, give_share=0.5)
    give = [max(held // 2, 1) if ceiling < 0 else min(max(held // 2, 1), ceiling) for held, ceiling in zip(holds, own, strict=True)]

    def fits(chosen):
        return len(chosen) <= most and all(sum(owner[i] == who for i in chosen) <= give[who] for who in range(3))

    gone = let_through(made, table, owner, stake, 100)
    best = max(sum(stake[list(chosen)]) for n in range(len(stake) + 1) for chosen in combinations(range(len(stake)), n) if fits(chosen))
    assert fits(gone.tolist()) and sum(stake[gone]) == best


def test_who_does_not_fit_waits_for_the_next_run_and_goes_once_in_a_silence():
    """Six clients fall silent on one day, four of Ana's and two of Bruno's, worth what they bought; a run moves three, Ana gives two."""
    worth = [60, 50, 40, 30, 20, 10]
    orders = [(client, 0, cents * 100) for client, cents in enumerate(worth)]
    owners = [(client, 0 if client < 4 else 1, 0, None, False) for client in range(6)]
    cutoffs = np.array([60, 67, 74, 81]) + DAY_0
    made = limited(run_max=3, give_share=0.5)  # half of Ana's four is two, of Bruno's two one
    test = Backtest([made], past(6, orders, owners=owners), present(6), people(), cutoffs, known_until=10**6)
    while test.step():
        pass

    judged = test.limited()
    went = [(int(k), int(client)) for k, client in zip(judged.flags.cutoff, judged.flags.client, strict=True)]
    assert went == [(0, 0), (0, 1), (0, 4), (1, 2), (1, 3), (1, 5)]
    found = test.result()
    assert (found["flagged"], found["per_cutoff"][0]["flagged"]) == (6, 6)  # all were seen at once
    assert found["limits"] == {
        "kept": ["give_share", "run_max"],
        "left": ["receivers", "receive_share"],
        "proposed": 6,
        "false_alarms": 0,
        "most": 3,
        "waiting": 0,
    }
    assert [(row["representative"], row["flagged"], row["proposed"], row["most_proposed"]) for row in found["load"]] == [
        (101, 4, 4, 2),
        (102, 2, 2, 1),
    ]


def test_a_ceiling_of_ones_own_keeps_everyone_and_who_buys_again_waits_no_more():
    orders = [(client, 0, 1_000) for client in range(4)] + [(3, 70, 1_000)]
    owners = [(client, 0, 0, None, False) for client in range(2)]  # nobody answers for the other two
    cutoffs = np.array([60, 67, 74]) + DAY_0
    test = Backtest(
        [limited(run_max=1)],
        past(4, orders, owners=owners),
        present(4),
        people(give_ceiling=np.array([0, -1])),
        cutoffs,
        known_until=10**6,
    )
    waiting = []
    while True:
        more = test.step()
        waiting.append(test.result()["limits"]["waiting"])
        if not more:
            break
    assert test.limited().flags.client.tolist() == [2, 3]
    assert waiting == [3, 2, 2]  # Ana gives nobody
    assert test.result()["limits"]["false_alarms"] == 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 160), st.integers(1, 900)), min_size=5, max_size=40),
    st.integers(1, 3),
    st.sampled_from([0.25, 0.5, 1.0]),
)
def test_ceilings_hold_on_every_day_and_without_them_all_that_were_flagged_go(orders, most, share):
    owners = [(client, client % 2, 0, None, False) for client in range(7)]
    world, cutoffs = past(8, orders, owners=owners), np.arange(60, 221, 7) + DAY_0

    def run(made):
        test = Backtest([made], world, present(8), people(), cutoffs, known_until=10**6)
        while test.step():
            pass
        return test

    tight = run(limited(run_max=most, give_share=share))
    flags = tight.limited().flags
    assert (np.bincount(flags.cutoff, minlength=1) <= most).all()
    for who, held in ((0, 4), (1, 3)):
        assert (np.bincount(flags.cutoff[flags.owner == who], minlength=1) <= max(int(share * held), 1)).all()
    silences = list(zip(flags.client.tolist(), flags.last_on.tolist(), strict=True))
    assert len(set(silences)) == len(silences) and NO_DAY not in flags.last_on
    seen = tight.flags()
    assert set(silences) <= set(zip(seen.client.tolist(), seen.last_on.tolist(), strict=True))
    free = run(limited())
    assert free.result()["limits"]["proposed"] == free.result()["flagged"] == len(seen)


def test_what_is_not_replayed_is_named():
    whole = rule(
        trigger=SILENT, limits={"give_share": 0.1, "receive_share": 0.1, "run_share": 0.02, "team_max": 5}, experiment={"share": 0.3}
    )
    assert limits_replayed(whole) == (["give_share", "run_share"], ["receivers", "receive_share", "team_max", "experiment"])
    assert [run_ceiling(whole, looked_at) for looked_at in (10, 100, 150, 1_000)] == [1, 2, 3, 20]
