"""The rule's strategy put to the solver that fits it, by heads or by minutes, and what other ways would have been worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .assignment import Assignment, assign, assignment_of
from .ceilings import Ceilings
from .facts import Array, Representatives
from .minutes import Effort, MinutesAssignment, assign_minutes, measured, worth_penalty
from .pairs import Pairs
from .problem import Workload
from .rules import Rule
from .strategies import distribute, worth
from .workload import SECONDS

# of the minutes solver: so many nodes of its integer programme, and half a minute where those take longer
EFFORT = Effort(seconds=30.0, nodes=200)


def solve(
    rule: Rule,
    pairs: Pairs,
    ceilings: Ceilings,
    ties: Array,
    orphan: Array,
    reps: Representatives,
    workload: Workload | None,
    effort: Effort = EFFORT,
) -> Assignment:
    """Who receives whom.

    Parameters
    ----------
    ties, orphan : shape (n_pairs,) and (n_clients,); ``orphan`` are clients nobody answers for, who come first
    workload : where the rule counts minutes, what each pair weighs and the room for it
    effort : how long the minutes solver may try

    Returns
    -------
    Assignment
        A ``MinutesAssignment`` where minutes are counted. Its values are the pairs' own: what orphans come first by is taken out.
    """

    def best(among: Pairs) -> Assignment:
        return assign(among, ceilings, ties) if workload is None else assign_minutes(among, workload, ceilings, effort=effort)

    if rule.strategy.kind != "optimal":
        chosen = distribute(rule.strategy.kind, pairs, ceilings, reps.holds, reps.capacity, workload)
        optimum = best(pairs)
        if isinstance(optimum, MinutesAssignment) and workload is not None:
            return measured(chosen, pairs, workload, ceilings, optimum)
        return assignment_of(chosen, pairs, ceilings, optimum)
    if not orphan.any() or len(pairs) == 0:
        return best(pairs)
    # placing one more client whose owner left comes before any other gain, steps of fairness included
    bonus = int(pairs.value.max()) + 12 * ceilings.step_cost + 1
    lifted = Pairs(pairs.start, pairs.client, pairs.representative, pairs.value + bonus * orphan[pairs.client], pairs.km, pairs.why)
    solved = best(lifted)
    placed = int((orphan & (solved.representative_of >= 0)).sum())
    value, bound = solved.value_cents - bonus * placed, solved.bound_cents - bonus * placed
    gap = (bound - (value - solved.penalty_cents)) / bound if bound > 0 else 0.0
    # one client more in a full team may be one more whose owner left
    prices = np.where(solved.team_prices >= bonus / 2, np.maximum(solved.team_prices - bonus, 0), solved.team_prices)
    return replace(solved, value_cents=value, bound_cents=bound, gap=gap, team_prices=prices)


def minutes_summary(result: Assignment) -> dict[str, Any]:
    """What a run that counts minutes records beside the gap: the gap before the integer programme, what stopped that one, hours given."""
    if not isinstance(result, MinutesAssignment):
        return {"capacity": "clients"}
    minutes = int(np.ceil(result.load.sum() / SECONDS))
    return {"capacity": "minutes", "first_gap": result.first_gap, "stopped": result.stopped, "minutes": minutes}


def others(pairs: Pairs, ceilings: Ceilings, reps: Representatives, received: Array, workload: Workload | None) -> dict[str, int]:
    """What other ways would have been worth, measured as the objective is, and their bare value beside it."""
    worths = {}
    for kind in ("round_robin", "greedy"):
        chosen = distribute(kind, pairs, ceilings, reps.holds + received, reps.capacity, workload)
        rows = chosen[chosen >= 0]
        worths[f"{kind}_value_cents"] = bare = int(pairs.value[rows].sum())
        if workload is None:
            worths[f"{kind}_cents"] = worth(chosen, pairs, ceilings)
            continue
        load = np.bincount(pairs.representative[rows], workload.weight[rows], minlength=len(reps)).astype(np.int64)
        worths[f"{kind}_cents"] = bare - worth_penalty(load, pairs, workload, ceilings)
    return worths
