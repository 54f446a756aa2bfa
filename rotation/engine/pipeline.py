"""One run from columns to proposals: population, trigger, guards, limits, hold-out, receivers, assignment, explanation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assignment import Assignment
from .ceilings import Ceilings, fairness_cost, ledger_shift, tie_hash
from .evaluate import Columns, population_and_flags
from .experiment import draw, limit, seed_number, stratify
from .explain import Candidates, Prevention, Trace, pair_prices, preventions, runner_ups, trace, why_unassigned
from .facts import NO_DAY, Array, Facts, Representatives, check_owners
from .features import abc_classes
from .geometry import haversine_km
from .guards import Guarded, check_guards
from .limiting import run_ceiling
from .pairs import Pairs, eligible_pairs, give_for, room_for
from .rules import Rule, fields_used
from .scoring import FACTS_OWN, Given, Scores, at_stake_cents, score
from .solving import minutes_summary, others, solve
from .teams import pairs_kept, team_rooms, teams_summary
from .uplift import Effects
from .workload import pair_seconds, workload_for

ENGINE_VERSION = "1"

# "com ressalva": bits of Proposals.reserve; any of them keeps a proposal out of a bulk approval by default
FARTHER, OVER_CAPACITY, NEEDS_CONSENT, OPEN_OPPORTUNITY, LOW_CONFIDENCE = 1, 2, 4, 8, 16
RESERVES = {
    FARTHER: "farther",
    OVER_CAPACITY: "over_capacity",
    NEEDS_CONSENT: "needs_consent",
    OPEN_OPPORTUNITY: "open_opportunity",
    LOW_CONFIDENCE: "low_confidence",
}

# a client nobody answers for must reach someone even when its past is worth nothing
ORPHAN_CENTS = 100.0


@dataclass(frozen=True, eq=False)
class Proposals:
    """The moves, highest value first, then client id; every array has one entry a move.

    ``client`` is a row of the facts; ``from_representative`` (-1 none) and ``to_representative`` rows of the
    representatives; ``seq`` the ownership's number as it came in. ``price_cents`` is what one more place at the receiver is
    worth to the run; ``km_*`` NaN where unknown; ``lift`` what moving is taken to recover;
    ``factor`` is value over (at stake x lift); ``reserve`` the bits above.
    """

    client: Array
    from_representative: Array
    to_representative: Array
    seq: Array
    value_cents: Array
    at_stake_cents: Array
    lift: Array
    p_silent: Array
    factor: Array
    km_from: Array
    km_to: Array
    price_cents: Array
    reserve: Array
    candidates: Candidates

    def __len__(self) -> int:
        return len(self.client)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one rule does on one day. Masks have shape (n_clients,) over the facts.

    ``guard_code``, ``guard_value``, ``guard_until_on`` (n_clients,): see ``Guarded``; -1 where not flagged or not
    held. ``limited`` are flagged and free but beyond what the run may touch when a hold-out is drawn. ``unassigned``
    rows of the facts, ``unassigned_why`` positions in ``explain.UNASSIGNED``, ``unassigned_price_cents``.
    ``drawn`` were given an arm by the draw (control where ``held_out``, else treatment); ``stratum`` int8 into
    ``stratum_names``, -1 where not a candidate.
    ``traces`` and ``preventions`` go with the proposals, in their order. ``summary`` is plain JSON.
    """

    rule: Rule
    population: Array
    flagged: Array
    guard_names: tuple[str, ...]
    guard_code: Array
    guard_value: Array
    guard_until_on: Array
    limited: Array
    held_out: Array
    drawn: Array
    stratum: Array
    stratum_names: tuple[str, ...]
    proposals: Proposals
    unassigned: Array
    unassigned_why: Array
    unassigned_price_cents: Array
    traces: tuple[Trace, ...]
    preventions: tuple[Prevention, ...]
    scores: Scores
    summary: dict[str, Any]


@dataclass(eq=False)
class _Shared:
    """What rules of one run share: clients already flagged, rooms and tickets already used, and what it is made from."""

    excluded: Array
    received: Array
    given: Array
    seconds: Array
    seed: str
    digest: bytes
    effects: Effects | None


@dataclass(eq=False)
class _Watch:
    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=perf_counter)

    def lap(self, phase: str) -> None:
        now = perf_counter()
        self.seconds[phase] = round(now - self.last, 6)
        self.last = now


def propose(rule: Rule, facts: Facts, representatives: Representatives, as_of: int, *, seed: str, rule_version_id: int) -> Outcome:
    """Run one rule.

    Parameters
    ----------
    facts, representatives : columns as of that day
    as_of : days since 1970-01-01, in the organization's zone
    seed : the organization's salt; with rule version and day it decides ties and the hold-out
    rule_version_id : id of the stored version

    Returns
    -------
    Outcome
        The same inputs give the same proposals in the same order, whatever order rows came in before they were
        sorted by id.

    Raises
    ------
    FactsError
        A column the rule needs is absent, or a client's value is infinite or NaN.
    """
    return propose_many([(rule, rule_version_id)], facts, representatives, as_of, seed=seed)[0]


def propose_many(
    rules: Sequence[tuple[Rule, int]],
    facts: Facts,
    representatives: Representatives,
    as_of: int,
    *,
    seed: str,
    given: Mapping[int, Given] | None = None,
    effects: Effects | None = None,
    within: Mapping[int, Array] | None = None,
) -> list[Outcome]:
    """Run several rules in their order: a client belongs to the first that flags it; rooms and tickets are shared.

    Parameters and errors as ``propose``; ``rules`` are (rule, id of its version).

    Parameters
    ----------
    given : the scores for each horizon some rule looks at, by days; a rule whose horizon has none takes the facts' own, or
        the day rule's
    effects : measured lifts, which stand for the rules' assumed one
    within : id of a version -> (n_representatives + 1,) bool: the representatives among whom alone it moves clients; the
        last says whether it also takes those nobody answers for
    """
    check_owners(facts, representatives)
    n, m = len(facts), len(representatives)
    digest = hashlib.sha256(facts.digest() + representatives.digest()).digest()
    none = np.zeros(m, np.int64)
    shared = _Shared(np.zeros(n, bool), none, none, none, seed, digest, effects)
    made = []
    for rule, version in rules:
        own = (given or {}).get(rule.value.horizon_days, FACTS_OWN)
        made.append(_one(rule, version, own, facts, representatives, as_of, shared, (within or {}).get(version)))
    return made


def _one(
    rule: Rule, version: int, given: Given, facts: Facts, reps: Representatives, as_of: int, shared: _Shared, inside: Array | None
) -> Outcome:
    watch, effects = _Watch(), shared.effects
    facts = given.onto(facts)
    number = seed_number(shared.seed, version, as_of)
    stratified = bool(rule.experiment.share) or effects is not None
    uses_abc = "abc" in fields_used(rule) or "abc" in rule.experiment.exempt or (stratified and "abc" in rule.experiment.stratify_by)
    if facts.abc is None and uses_abc:
        facts = facts.with_columns(abc=abc_classes(facts.net_12m))
    scores = score(facts, as_of, rule.value.horizon_days, method=given.method)
    columns = Columns(facts, reps, scores, as_of)
    watch.lap("score")

    population, flagged = population_and_flags(rule, columns)
    if inside is not None:
        population, flagged = population & inside[facts.owner], flagged & inside[facts.owner]
    flagged = flagged & ~shared.excluded
    shared.excluded = shared.excluded | flagged
    rows = np.flatnonzero(flagged)
    watch.lap("flag")
    guarded = check_guards(rule.guards, facts, reps, rows, as_of)
    rows_free = rows[guarded.code < 0]
    watch.lap("guard")

    stake = at_stake_cents(scores, rule.value.margin_rate, rows_free, facts.client_id)
    orphan = _orphans(rule, facts, reps, rows_free)
    # nobody serves them: their whole year is at stake
    stake[orphan] = np.maximum(scores.year_cents[rows_free[orphan]] * rule.value.margin_rate, 0)
    give = give_for(rule, reps, shared.given)
    run = run_ceiling(rule, int(population.sum()))
    stratum, names = stratify(rule, facts, scores, rows_free) if stratified else (np.full(len(rows_free), -1, np.int8), ("",))
    lift = np.full(len(rows_free), rule.value.lift) if effects is None else effects.of(names, stratum)
    within = limit(rule, facts.owner[rows_free], stake * lift, give, run)
    held, drawn = draw(rule, facts, rows_free, within, stratum, stake, as_of, number)
    moving = within & ~held
    watch.lap("hold_out")

    candidates, stake_drawn, lift_drawn, orphan_drawn = rows_free[moving], stake[moving], lift[moving], orphan[moving]
    room = room_for(rule, reps, shared.received)
    if inside is not None:
        room[~inside[:-1]] = 0
    base = stake_drawn * lift_drawn
    base[orphan_drawn] = np.maximum(base[orphan_drawn], ORPHAN_CENTS)
    pairs = eligible_pairs(facts, reps, candidates, base, room, rule, as_of, pairs_kept(rule, len(candidates), len(reps)))
    watch.lap("pairs")

    ties = tie_hash(facts.client_id[candidates][pairs.client], reps.id[pairs.representative], number)
    step = fairness_cost(pairs, rule.strategy.fairness) if rule.strategy.kind == "optimal" else 0
    teams = team_rooms(rule, reps, shared.received)
    ceilings = Ceilings(room, facts.owner[candidates], give, run, step, ledger_shift(reps.balance), teams.team, teams.room)
    workload = workload_for(rule, facts, reps, candidates, pairs, shared.seconds) if rule.receivers.capacity == "minutes" else None
    result = solve(rule, pairs, ceilings, ties, orphan_drawn, reps, workload)
    watch.lap("assign")
    compared = others(pairs, ceilings, reps, shared.received, workload)
    watch.lap("compare")

    # minutes have no exchanges of one for one, and where orphans come first the pairs' own values are not what was best
    exact = None if workload is not None or orphan_drawn.any() else ceilings
    proposals = _proposals(facts, reps, scores, candidates, stake_drawn, lift_drawn, base, pairs, result, exact, teams.team, as_of)
    moved_to, moved_from = proposals.to_representative, proposals.from_representative
    shared.received = shared.received + np.bincount(moved_to, minlength=len(reps))
    shared.given = shared.given + np.bincount(moved_from[moved_from >= 0], minlength=len(reps))
    if facts.minutes is not None:
        weight = workload.weight if workload else pair_seconds(facts, reps, candidates, pairs, rule)
        chosen = result.pair_of[result.pair_of >= 0]
        spent = np.bincount(pairs.representative[chosen], weight[chosen], minlength=len(reps))
        shared.seconds = shared.seconds + spent.astype(np.int64)
    reason, price = why_unassigned(result, pairs, ceilings, workload)
    left = reason >= 0
    outcome_traces = trace(rule, columns, proposals.client)
    outcome_preventions = preventions(rule, columns, proposals.client, as_of)
    watch.lap("explain")

    # what narrows or prices the run is part of what it was computed from
    beside = "" if effects is None else f"|{json.dumps(effects.as_json(), sort_keys=True)}"
    beside += "" if inside is None else f"|{np.flatnonzero(inside).tolist()}"
    made = hashlib.sha256(
        shared.digest + given.digest() + f"|{rule.hash}|{version}|{as_of}|{shared.seed}|{ENGINE_VERSION}{beside}".encode()
    ).hexdigest()
    summary = {
        "as_of": as_of,
        "engine_version": ENGINE_VERSION,
        "rule_hash": rule.hash,
        "rule_version_id": version,
        "digest": made,
        "score_method": scores.method,
        "clients": len(facts),
        "population": int(population.sum()),
        "flagged": len(rows),
        "guarded": len(rows) - len(rows_free),
        "guards": _counts(guarded),
        "limited": int((~within).sum()),
        "held_out": int(held.sum()),
        "drawn": int(drawn.sum()),
        "lift": {"source": "assumed", "tau": rule.value.lift} if effects is None else {"source": "measured", **effects.as_json()},
        "candidates": len(candidates),
        "proposed": len(proposals),
        "unassigned": int(left.sum()),
        "pairs": len(pairs),
        "strategy": rule.strategy.kind,
        "objective_cents": result.objective_cents,
        "value_cents": result.value_cents,
        "penalty_cents": result.penalty_cents,
        "bound_cents": result.bound_cents,
        "gap": result.gap,
        "exact": result.exact,
        **minutes_summary(result),
        **teams_summary(rule, teams, result.representative_of, result.team_prices),
        **_own_ceilings(reps, shared),
        "rounds": result.rounds,
        "at_stake_cents": int(proposals.at_stake_cents.sum()),
        **compared,
        "seconds": watch.seconds,
    }
    n = len(facts)
    return Outcome(
        rule=rule,
        population=population,
        flagged=flagged,
        guard_names=guarded.names,
        guard_code=_scatter(n, rows, guarded.code, -1),
        guard_value=_scatter(n, rows, guarded.value, 0),
        guard_until_on=_scatter(n, rows, guarded.until_on, NO_DAY),
        limited=_mask(n, rows_free[~within]),
        held_out=_mask(n, rows_free[held]),
        drawn=_mask(n, rows_free[drawn]),
        stratum=_scatter(n, rows_free, stratum, -1),
        stratum_names=names,
        proposals=proposals,
        unassigned=candidates[left],
        unassigned_why=reason[left],
        unassigned_price_cents=price[left],
        traces=outcome_traces,
        preventions=outcome_preventions,
        scores=scores,
        summary=summary,
    )


def _own_ceilings(reps: Representatives, shared: _Shared) -> dict[str, Any]:
    """Representatives who by this rule's end had received, or given, as many as they themselves may in a run; rows by id."""
    found: dict[str, Any] = {}
    for name, ceiling, moved in (
        ("full_receivers", reps.receive_ceiling, shared.received),
        ("full_givers", reps.give_ceiling, shared.given),
    ):
        if ceiling is not None and (full := np.flatnonzero((ceiling > 0) & (moved >= ceiling) & reps.active)).size:
            found[name] = {str(int(reps.id[i])): int(ceiling[i]) for i in full.tolist()}
    return found


def _orphans(rule: Rule, facts: Facts, reps: Representatives, rows: Array) -> NDArray[np.bool_]:
    """Clients nobody answers for, where the rule is about that: a leaver's every client must reach someone."""
    if "owner_status" not in fields_used(rule):
        return np.zeros(len(rows), bool)
    return ~np.append(reps.active, False)[facts.owner[rows]]


def _proposals(
    facts: Facts,
    reps: Representatives,
    scores: Scores,
    rows: Array,
    stake: Array,
    lift: Array,
    base: Array,
    pairs: Pairs,
    result: Assignment,
    ceilings: Ceilings | None,
    team_of: Array,
    as_of: int,
) -> Proposals:
    moved = np.flatnonzero(result.representative_of >= 0)
    value = pairs.value[result.pair_of[moved]]
    moved = moved[np.lexsort((rows[moved], -value))]
    pair, client = result.pair_of[moved], rows[moved]
    to, owner = result.representative_of[moved].astype(np.int64), facts.owner[client]
    km_to = pairs.km[pair].astype(np.float64)
    km_from = _km_to_owner(facts, reps, client, owner)
    reserve = np.zeros(len(client), np.uint8)
    with np.errstate(invalid="ignore"):
        reserve[km_to > km_from] |= FARTHER
    reserve[_over_capacity(facts, reps, client, to)] |= OVER_CAPACITY
    needs = np.append(reps.autonomous & reps.active, False)[owner]
    if facts.consent is not None:
        needs = needs & ~facts.consent[client]
    reserve[needs] |= NEEDS_CONSENT
    if facts.open_opportunity is not None:
        reserve[facts.open_opportunity[client]] |= OPEN_OPPORTUNITY
    reserve[np.isnan(km_to) | (facts.x[client] < 1)] |= LOW_CONFIDENCE
    # in a full team, what a place there costs beside the representative's own is the price of the team's ceiling
    price = np.maximum(pair_prices(result, pairs)[pair] - np.append(result.team_prices, 0)[team_of[to]], 0)
    value = pairs.value[pair]
    return Proposals(
        client=client,
        from_representative=owner.astype(np.int64),
        to_representative=to,
        seq=facts.seq[client],
        value_cents=value,
        at_stake_cents=np.rint(stake[moved]).astype(np.int64),
        lift=lift[moved],
        p_silent=scores.p_silent[client],
        factor=np.divide(value, base[moved], out=np.zeros(len(client)), where=base[moved] > 0),
        km_from=km_from,
        km_to=km_to,
        price_cents=np.where(np.isfinite(price), np.rint(np.nan_to_num(price, posinf=0)), 0).astype(np.int64),
        reserve=reserve,
        candidates=runner_ups(result, pairs, moved, ceilings),
    )


def _km_to_owner(facts: Facts, reps: Representatives, client: Array, owner: Array) -> NDArray[np.float64]:
    if facts.lat is None or facts.lon is None or reps.lat is None or reps.lon is None:
        return np.full(len(client), np.nan)
    lat, lon = np.append(reps.lat, np.nan), np.append(reps.lon, np.nan)
    return haversine_km(facts.lat[client], facts.lon[client], lat[owner], lon[owner])


def _over_capacity(facts: Facts, reps: Representatives, client: Array, to: Array) -> NDArray[np.bool_]:
    """Receivers whose heads, or minutes where known, would pass their capacity if every line were approved."""
    m = len(reps)
    over = reps.holds + np.bincount(to, minlength=m) > reps.capacity
    if reps.capacity_minutes is not None and reps.minutes_held is not None and facts.minutes is not None:
        minutes = reps.minutes_held + np.bincount(to, facts.minutes[client], minlength=m)
        over = over | (minutes > reps.capacity_minutes)
    return over[to]


def _counts(guarded: Guarded) -> dict[str, int]:
    counted = np.bincount(guarded.code[guarded.code >= 0], minlength=len(guarded.names))
    return {name: int(count) for name, count in zip(guarded.names, counted, strict=True)}


def _scatter(n: int, rows: Array, values: Array, empty: int) -> Array:
    full = np.full(n, empty, values.dtype)
    full[rows] = values
    return full


def _mask(n: int, rows: Array) -> NDArray[np.bool_]:
    full = np.zeros(n, bool)
    full[rows] = True
    return full
