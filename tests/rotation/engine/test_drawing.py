"""The draw inside a run: who is given an arm, in which stratum, among whom, and at which lift the rest are ranked."""

import numpy as np

from rotation.engine.pipeline import propose_many
from rotation.engine.uplift import Effects

from .builders import TODAY, facts, representatives, rule

EXPERIMENT = {"share": 0.3, "stratify_by": ["abc", "risk"], "exempt": {"abc": ["A"]}}


def run(made_rule, made_facts, reps, version=7, **changes):
    (found,) = propose_many([(made_rule, version)], made_facts, reps, TODAY, seed="salt", **changes)
    return found


def world(n=300, **columns):
    return facts(n, net_12m=np.arange(n) * 100 + 100, last_on=TODAY - 90 - np.arange(n) % 200, inactive_days=400, **columns)


def test_everyone_drawn_has_an_arm_and_a_stratum_and_the_exempt_have_none():
    found = run(rule(experiment=EXPERIMENT), world(), representatives(30, capacity=np.full(30, 40)))
    names = np.array(found.stratum_names)
    assert found.summary["drawn"] == found.drawn.sum() > found.held_out.sum() > 0
    assert (found.held_out <= found.drawn).all()
    assert set(names[found.stratum[found.drawn]]) <= {"B1", "B2", "B3", "C1", "C2", "C3"}
    assert "A3" in names[found.stratum[found.flagged & ~found.drawn]]  # exempt, and still ranked by its stratum
    for stratum in np.unique(found.stratum[found.drawn]):
        members = found.drawn & (found.stratum == stratum)
        assert abs(found.held_out[members].sum() - 0.3 * members.sum()) <= 1
    # intention to treat: also those for whom no receiver was found
    none = run(rule(experiment=EXPERIMENT), world(), representatives(1, capacity=[0]))
    assert none.drawn.sum() == found.drawn.sum() and len(none.proposals) == 0


def test_an_arm_holds_for_its_whole_window():
    first = run(rule(experiment=EXPERIMENT), world(), representatives(30, capacity=np.full(30, 40)))
    treated = first.drawn & ~first.held_out
    until = np.where(treated, TODAY + 1, TODAY)
    again = run(rule(experiment=EXPERIMENT), world(drawn_until_on=until), representatives(30, capacity=np.full(30, 40)), version=8)
    assert not again.drawn[treated].any() and not again.held_out[treated].any()
    assert set(again.proposals.client) >= set(np.flatnonzero(treated))  # proposed all the same
    assert again.drawn.sum() == first.drawn.sum() - treated.sum()
    # the window of the others ended today: they are drawn anew
    assert again.drawn[first.held_out].all()


def test_a_rule_kept_to_some_representatives_moves_clients_among_them_only():
    n = 60
    reps = representatives(4, capacity=np.full(4, 60))
    clients = facts(n, owner=np.arange(n) % 5 - 1, net_12m=np.full(n, 100_000))
    inside = np.array([True, True, False, False, False])
    here = run(rule(), clients, reps, within={7: inside})
    assert len(here.proposals) > 0
    assert set(here.proposals.from_representative) == {0, 1} and set(here.proposals.to_representative) == {0, 1}
    assert here.population.sum() == 24
    rest = run(rule(), clients, reps, within={7: ~inside})
    assert set(rest.proposals.from_representative) == {-1, 2, 3} and set(rest.proposals.to_representative) == {2, 3}
    assert len({here.summary["digest"], rest.summary["digest"], run(rule(), clients, reps).summary["digest"]}) == 3


def test_measured_effects_stand_for_the_assumed_lift_and_are_recorded():
    n = 60
    clients = facts(n, net_12m=np.full(n, 100_000), last_on=TODAY - 90 - np.arange(n), inactive_days=400, owner=np.zeros(n))
    reps = representatives(3, capacity=np.full(3, 200), holds=[100, 0, 0], lat=np.zeros(3), lon=np.zeros(3))
    clients = clients.with_columns(lat=np.zeros(n), lon=np.zeros(n))
    by_risk = rule(experiment={"share": 0, "stratify_by": ["risk"]}, limits={"run_max": 20, "give_share": 1.0, "receive_share": 1.0})
    assumed = run(by_risk, clients, reps)
    assert assumed.summary["lift"] == {"source": "assumed", "tau": 0.1}
    assert set(assumed.proposals.lift) == {0.1}
    assert set(assumed.proposals.client) == set(range(40, 60))  # by risk: the longest silent

    measured = run(by_risk, clients, reps, effects=Effects(0.15, {"1": 0.5, "3": 0.01}, 800))
    assert measured.summary["lift"] == {"source": "measured", "tau": 0.15, "by_stratum": {"1": 0.5, "3": 0.01}, "n": 800}
    # by effect: the highest third is beyond help, the lowest answers best
    assert set(measured.proposals.client) == set(range(20))
    stake = measured.proposals.at_stake_cents
    assert np.allclose(measured.proposals.value_cents, stake * measured.proposals.lift * measured.proposals.factor, atol=1)
    assert measured.summary["digest"] != assumed.summary["digest"]
