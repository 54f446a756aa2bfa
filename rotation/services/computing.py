"""From an organization and rules to moves, in memory: facts, engine, and the numbers people read. Writes nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from time import perf_counter
from typing import Any

import numpy as np

from accounts.models import Organization
from accounts.selectors import team_ids_under
from rotation.engine.errors import EngineError
from rotation.engine.explain import UNASSIGNED
from rotation.engine.pipeline import ENGINE_VERSION, Outcome, propose_many
from rotation.engine.rules import Rule as EngineRule
from rotation.models import RunRule
from rotation.refusals import refused
from rotation.selectors.columns import Array
from rotation.selectors.facts import RunFacts, day_number, day_of, run_facts
from rotation.selectors.outcomes import measured_effects
from rotation.services.run_scores import scores_for

# seconds of the engine by the phase people know
_PHASES = {"score": "score", "flag": "score", "guard": "score", "hold_out": "score", "pairs": "assign", "assign": "assign"}


@dataclass(frozen=True, eq=False)
class Computed:
    """What the rules would do on that day, with everything needed to write or show it."""

    organization: Organization
    as_of: date
    rules: tuple[tuple[EngineRule, int], ...]  # (rule, id of its version, 0 for a definition not yet stored)
    facts: RunFacts
    outcomes: list[Outcome]
    seconds: dict[str, float]
    seed: str
    summary: dict[str, Any]

    @property
    def proposed(self) -> int:
        return sum(len(outcome.proposals) for outcome in self.outcomes)

    @property
    def digest(self) -> str:
        """One hash over every rule's inputs: facts, rule, version, day, seed, engine."""
        return hashlib.sha256("".join(outcome.summary["digest"] for outcome in self.outcomes).encode()).hexdigest()


def seed_of(organization: Organization, rule_ids: Sequence[int], as_of: date) -> str:
    """What decides ties and the control group: the same organization, rules and day always draw the same lots."""
    salt = f"{organization.pk}:{organization.created_at.isoformat()}"
    return hashlib.sha256(f"{salt}|{','.join(map(str, rule_ids))}|{as_of.isoformat()}".encode()).hexdigest()


def compute(
    organization: Organization,
    rules: Sequence[tuple[EngineRule, int]],
    *,
    rule_ids: Sequence[int],
    as_of: date,
    live: bool,
    run_id: int = 0,
    sides: Mapping[int, tuple[str, list[int]]] | None = None,
) -> Computed:
    """Read the facts and let the engine propose.

    Parameters
    ----------
    rules : in their order; a client belongs to the first that flags it
    live : whether ``as_of`` is the organization's today (see ``run_facts``)
    sides : id of a version on trial, or beside one -> its side and the team's ids (see ``sides_of``)

    Raises
    ------
    RuleRefused
        A rule needs what is not recorded, or a client's numbers are impossible; the sentence says which.
    """
    began = perf_counter()
    try:
        facts = run_facts(organization, [rule for rule, _ in rules], as_of=as_of, live=live, run_id=run_id)
        read = perf_counter()
        scores = scores_for(organization, [rule for rule, _ in rules], facts.clients, as_of=as_of)
        scored = perf_counter()
        seed = seed_of(organization, rule_ids, as_of)
        outcomes = propose_many(
            rules,
            facts.clients,
            facts.representatives,
            day_number(as_of),
            seed=seed,
            given=scores.given,
            effects=measured_effects(as_of=as_of),
            within={version: _inside(facts, *side) for version, side in (sides or {}).items()},
        )
    except EngineError as error:
        raise refused(error) from error
    done = perf_counter()
    seconds = {"facts": read - began, "score": scored - read, "assign": 0.0}
    for outcome in outcomes:
        for phase, spent in outcome.summary["seconds"].items():
            seconds[_PHASES.get(phase, "assign")] += spent
    # digests and tables shared by the rules are part of the engine's time
    seconds["score"] += max(done - read - seconds["score"] - seconds["assign"], 0.0)
    summary = {**_summary(facts, outcomes), "scores": scores.said}
    return Computed(organization, as_of, tuple(rules), facts, outcomes, seconds, seed, summary)


def sides_of(lines: Sequence[RunRule]) -> dict[int, tuple[str, list[int]]]:
    """Version -> its side of a trial, and the team and those below it; versions for everyone are left out."""
    return {line.rule_version_id: (line.side, team_ids_under(line.team_id)) for line in lines if line.side != RunRule.Side.WHOLE}


def _inside(facts: RunFacts, side: str, teams: list[int]) -> Array:
    """Representatives the version moves clients among; clients nobody answers for stay with the version in force."""
    theirs = np.append(np.isin(facts.representatives.team, teams), False)
    return theirs if side == RunRule.Side.CANARY else ~theirs


def totals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The run's counts and money, rules added up; ``gap`` is that of the sums."""
    added: dict[str, Any] = {
        name: sum(int(outcome.summary[name]) for outcome in outcomes)
        for name in (
            "flagged",
            "guarded",
            "held_out",
            "proposed",
            "unassigned",
            "value_cents",
            "objective_cents",
            "bound_cents",
            "round_robin_cents",
        )
    }
    bound = added["bound_cents"]
    added["gap"] = (bound - added["objective_cents"]) / bound if bound > 0 else 0.0
    return added


def _summary(facts: RunFacts, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Plain JSON for the run's record: guards, refusals, load and distance before and after, each rule's own numbers."""
    guards: dict[str, int] = {}
    unassigned: dict[str, int] = {}
    for outcome in outcomes:
        for name, count in outcome.summary["guards"].items():
            guards[name] = guards.get(name, 0) + count
        for why in outcome.unassigned_why.tolist():
            unassigned[UNASSIGNED[why]] = unassigned.get(UNASSIGNED[why], 0) + 1
    sent = np.concatenate([outcome.proposals.from_representative for outcome in outcomes])
    got = np.concatenate([outcome.proposals.to_representative for outcome in outcomes])
    before, after = (np.concatenate([getattr(outcome.proposals, name) for outcome in outcomes]) for name in ("km_from", "km_to"))
    known = ~(np.isnan(before) | np.isnan(after))
    return {
        "engine": ENGINE_VERSION,
        "rules": [outcome.summary for outcome in outcomes],
        "guards": guards,
        "unassigned": unassigned,
        "greedy_cents": sum(outcome.summary["greedy_cents"] for outcome in outcomes),
        "at_stake_cents": sum(outcome.summary["at_stake_cents"] for outcome in outcomes),
        "net_12m_cents": int(sum(facts.clients.net_12m[outcome.proposals.client].sum() for outcome in outcomes)),
        "net_12m_all_cents": int(np.maximum(facts.clients.net_12m, 0).sum()),
        "source": facts.source.value,
        "quality": _quality(facts),
        "km_before": round(float(before[known].mean()), 1) if known.any() else None,
        "km_after": round(float(after[known].mean()), 1) if known.any() else None,
        **_load(facts, sent, got),
    }


def _quality(facts: RunFacts) -> dict[str, Any]:
    """Signs that the history is not what it seems: many first orders on one day are a load of old balances, not births."""
    bought = facts.clients.x >= 0
    if not bought.any():
        return {"first_day": None, "first_day_share": 0.0}
    days, counts = np.unique(facts.clients.first_on[bought], return_counts=True)
    most = int(np.argmax(counts))
    day = day_of(int(days[most]))
    return {"first_day": day.isoformat() if day else None, "first_day_share": round(float(counts[most] / bought.sum()), 4)}


def _load(facts: RunFacts, sent: np.ndarray, got: np.ndarray) -> dict[str, Any]:
    """Clients per representative before and after, and how unevenly capacity is used (coefficient of variation)."""
    table = facts.representatives
    given = np.bincount(sent[sent >= 0], minlength=len(table))
    received = np.bincount(got, minlength=len(table))
    after = table.holds - given + received
    touched = np.flatnonzero((given > 0) | (received > 0))
    load = {
        str(int(table.id[i])): [int(table.holds[i]), int(after[i]), int(table.capacity[i]), int(given[i]), int(received[i])]
        for i in touched
    }
    return {
        # representative -> [before, after, capacity, given, received]
        "load": load,
        "load_deviation_before": _deviation(table.holds[table.active], table.capacity[table.active]),
        "load_deviation_after": _deviation(after[table.active], table.capacity[table.active]),
    }


def _deviation(holds: np.ndarray, capacity: np.ndarray) -> float | None:
    if not len(holds):
        return None
    used = holds / np.maximum(capacity, 1)
    return round(float(used.std() / used.mean()), 4) if used.mean() > 0 else 0.0
