"""Why each move, why not another, and why some stayed (ENGINE.md section 6). Data; the sentences are written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .assignment import Assignment
from .ceilings import Ceilings
from .conditions import Group, Leaf
from .evaluate import Columns, evaluate_leaf
from .facts import Array
from .forced import affordable, forced_costs
from .minutes import MinutesAssignment
from .pairs import NO_ROOM, REASONS, Pairs
from .problem import Workload
from .rules import Rule
from .teams import Teams

NEAR = 4096  # clients looked at together
SHOWN = 4
UNASSIGNED = (*REASONS, "no_value", "outbid", "owner_ceiling", "run_ceiling", "team_ceiling")
NO_VALUE, OUTBID, OWNER_CEILING, RUN_CEILING, TEAM_CEILING = range(len(REASONS), len(UNASSIGNED))


@dataclass(frozen=True, eq=False)
class Candidates:
    """The receiver and up to three runner-ups of each move, shape (n_moves, 4); column 0 is the receiver.

    ``representative`` is -1 and ``km`` NaN in empty cells. ``cost_cents`` is what the whole run would lose by choosing that
    one instead (``forced_costs``), 0 for the receiver; where there are too many people for that, or the assignment is not exact,
    its lower bound (v_ia - p_a) - (v_ij - p_j), never below zero. Where the rule
    counts minutes the same sum at the prices of their room is an estimate: that assignment is only proven up to its gap.
    """

    representative: Array
    value_cents: Array
    km: Array
    cost_cents: Array


@dataclass(frozen=True, eq=False)
class Trace:
    """One condition as each move met it: ``observed`` (n_moves,) float64 or codes into ``words``; ``known`` False where
    the client has no such value; ``holds`` whether this leaf was true."""

    section: str
    path: str
    field: str
    op: str
    value: object
    observed: Array
    known: Array
    holds: Array
    words: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Prevention:
    """One act that would have kept the client: ``act`` (order, contact, visit) on or after day ``since_on``.

    ``since_on`` is one number, or (n_moves,) where it differs by client (lateness against the own cycle). ``path``
    names the condition or guard, ``threshold`` its number.
    """

    act: str
    path: str
    field: str
    threshold: float
    since_on: Array | int


def pair_prices(assignment: Assignment, pairs: Pairs) -> NDArray[np.float64]:
    """What the place each pair would take is worth to the run, cents, shape (n_pairs,); infinity where it does not fit."""
    if isinstance(assignment, MinutesAssignment):
        return assignment.pair_price
    return assignment.prices[pairs.representative]


def runner_ups(assignment: Assignment, pairs: Pairs, clients: Array, ceilings: Ceilings | None = None) -> Candidates:
    """The receiver first, then the three with the least cost to the run, of each of ``clients`` (positions).

    With ``ceilings``, of an assignment that is exact, the costs shown are exact as long as there are few people.
    """
    n = len(clients)
    length = (pairs.start[clients + 1] - pairs.start[clients]).astype(np.int64)
    width = max(int(length.max(initial=1)), SHOWN)
    column = np.arange(width)
    inside = column < length[:, None]
    row = np.where(inside, pairs.start[clients][:, None] + column, 0)
    price = pair_prices(assignment, pairs)
    if len(pairs):
        # whoever cannot take the client at all is nobody's alternative
        inside = inside & np.isfinite(price[row])
    else:
        empty = np.full((n, SHOWN), -1)
        return Candidates(empty, np.zeros((n, SHOWN), np.int64), np.full((n, SHOWN), np.nan), np.zeros((n, SHOWN), np.int64))
    net = np.where(inside, pairs.value[row] - price[row], -np.inf)
    chosen = assignment.pair_of[clients] - pairs.start[clients]
    here = np.arange(n)
    own = net[here, chosen]
    ranked = net.copy()
    ranked[here, chosen] = np.inf
    order = np.argsort(-ranked, axis=1, kind="stable")[:, :SHOWN]
    row, inside = np.take_along_axis(row, order, axis=1), np.take_along_axis(inside, order, axis=1)
    with np.errstate(invalid="ignore"):
        cost = np.maximum(own[:, None] - np.take_along_axis(net, order, axis=1), 0)
    cost = np.where(inside & np.isfinite(cost), np.rint(np.nan_to_num(cost, posinf=0)), 0).astype(np.int64)
    if ceilings is not None and assignment.exact and affordable(ceilings):
        cost[inside] = forced_costs(pairs, ceilings, assignment.pair_of, row[inside])
    return Candidates(
        representative=np.where(inside, pairs.representative[row], -1),
        value_cents=np.where(inside, pairs.value[row], 0),
        km=np.where(inside, pairs.km[row], np.nan).astype(np.float64),
        cost_cents=cost,
    )


def why_unassigned(
    assignment: Assignment, pairs: Pairs, ceilings: Ceilings, workload: Workload | None = None
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """For every client that got nobody: a position in ``UNASSIGNED`` and the price in cents of the place it wanted.

    Both of shape (n_clients,); -1 and 0 for those assigned. The price is what one more place at the client's best
    representative would be worth to the run; where that one has a place and only its team is full, what one client more in the
    team would be. ``workload`` where the rule counts minutes.
    """
    n = pairs.n_clients
    reason = np.full(n, -1, np.int8)
    price = np.zeros(n, np.int64)
    out = assignment.representative_of < 0
    without = np.diff(pairs.start) == 0
    reason[out & without] = pairs.why[out & without]
    rest = np.flatnonzero(out & ~without)
    if len(rest) == 0:
        return reason, price
    paid = pair_prices(assignment, pairs)
    best_net, best_value, wanted = _best_pairs(pairs, paid)

    moved = assignment.representative_of >= 0
    owner = np.where(ceilings.owner < 0, len(ceilings.give), ceilings.owner)
    used = np.bincount(owner[moved], minlength=len(ceilings.give) + 1)
    full = used >= np.append(ceilings.give, np.iinfo(np.int64).max)
    run_full = int(moved.sum()) >= ceilings.run
    reason[rest] = OUTBID
    # a bid within rounding of the price lost to the price, not to a ceiling
    wants = best_net[rest] > 0.5
    reason[rest[wants & run_full]] = RUN_CEILING
    reason[rest[wants & full[owner[rest]]]] = OWNER_CEILING
    # every representative it could have is too full for its minutes
    reason[rest[~np.isfinite(best_net[rest])]] = NO_ROOM
    found = paid[wanted[rest]]
    team = ceilings.team[pairs.representative[wanted[rest]]]
    shut = ~wants & _only_team_is_full(assignment, pairs, ceilings, workload, wanted[rest])
    reason[rest[shut]] = TEAM_CEILING
    reason[rest[best_value[rest] <= 0]] = NO_VALUE
    if shut.any():
        found = np.where(shut, np.append(assignment.team_prices, 0)[team], found)
    price[rest] = np.where(np.isfinite(found), np.rint(found), 0)
    return reason, price


def _best_pairs(pairs: Pairs, paid: Array) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each client the best net value, the best value and the first row that has it, (n_clients,) each; -inf, 0 and -1 without pairs."""
    best_net, best_value = np.full(pairs.n_clients, -np.inf), np.zeros(pairs.n_clients, np.int64)
    wanted = np.full(pairs.n_clients, -1, np.int64)
    # a few thousand clients at a time: their pairs stay in the processor's cache
    for first in range(0, pairs.n_clients, NEAR):
        start = pairs.start[first : first + NEAR + 1]
        clients = np.flatnonzero(start[1:] > start[:-1])
        if len(clients) == 0:
            continue
        rows = slice(int(start[0]), int(start[-1]))
        begin, value = start[clients] - start[0], pairs.value[rows]
        clients += first
        best_net[clients] = np.maximum.reduceat(value - paid[rows], begin)
        best_value[clients] = best = np.maximum.reduceat(value, begin)
        at = np.flatnonzero(value == np.repeat(best, np.diff(np.append(begin, len(value)))))
        wanted[clients] = start[0] + at[np.searchsorted(at, begin)]
    return best_net, best_value, wanted


def _only_team_is_full(
    assignment: Assignment, pairs: Pairs, ceilings: Ceilings, workload: Workload | None, rows: Array
) -> NDArray[np.bool_]:
    """Whether the representative of each of ``rows`` has room for that client, above its step, and its team none."""
    teams = Teams(ceilings)
    if not teams.bind:
        return np.zeros(len(rows), bool)
    at = pairs.representative[rows]
    heads = np.bincount(assignment.representative_of[assignment.representative_of >= 0], minlength=len(ceilings.room))
    free = (heads < ceilings.room)[at]
    if workload is None:
        free &= pairs.value[rows] > ceilings.reserve(at, heads[at])
    else:
        placed = assignment.pair_of[assignment.pair_of >= 0]
        load = np.bincount(pairs.representative[placed], workload.weight[placed], minlength=len(ceilings.room))
        free &= load[at] + workload.weight[rows] <= workload.room[at]
    return free & teams.full(heads)[at]


def trace(rule: Rule, columns: Columns, rows: Array) -> tuple[Trace, ...]:
    """Every leaf of population and trigger with what each of ``rows`` (positions in the facts) showed."""
    traces = []
    for section, condition in (("population", rule.population), ("trigger", rule.trigger)):
        for leaf in _leaves(condition):
            holds = evaluate_leaf(leaf, columns)[rows]
            words: tuple[str, ...] = ()
            if leaf.field == "tags":
                observed, known = np.full(len(rows), np.nan), np.zeros(len(rows), bool)
            else:
                values, null = columns.get(leaf.field)
                observed, known = values[rows], ~null[rows]
                if leaf.field in ("state", "abc", "owner_status", "region", "uf", "city", "segment", "size"):
                    words = columns.vocabulary(leaf.field)
            traces.append(Trace(section, leaf.path, leaf.field, leaf.op, leaf.value, observed, known, holds, words))
    return tuple(traces)


def _leaves(condition: Leaf | Group) -> list[Leaf]:
    if isinstance(condition, Leaf):
        return [condition]
    return [leaf for child in condition.children for leaf in _leaves(child)]


_ACTS = {"days_since_last": "order", "days_since_contact": "contact", "days_since_visit": "visit"}


def preventions(rule: Rule, columns: Columns, rows: Array, as_of: int) -> tuple[Prevention, ...]:
    """Acts that would have made the trigger or a guard answer otherwise, with the day from which they count.

    Only leaves joined by ``all`` at the top of the trigger are named: one of them failing is enough. Under ``any`` an
    act is named when it undoes every branch that a move relied on, which an order does for silence alone; those
    are left to the trace.
    """
    found: list[Prevention] = []
    top = rule.trigger.children if isinstance(rule.trigger, Group) and rule.trigger.kind == "all" else (rule.trigger,)
    for leaf in top:
        if not isinstance(leaf, Leaf):
            continue
        limit = _lowest_that_flags(leaf)
        if limit is None:
            continue
        if leaf.field in _ACTS:
            found.append(Prevention(_ACTS[leaf.field], leaf.path, leaf.field, limit, int(as_of - np.ceil(limit) + 1)))
        elif leaf.field == "lateness":
            gap = columns.facts.need("median_gap", "lateness")[rows]
            days = np.floor(as_of - limit * gap) + 1
            found.append(Prevention("order", leaf.path, leaf.field, limit, np.minimum(days, as_of).astype(np.int64)))
    for i, guard in enumerate(rule.guards):
        act = {"contact_within": "contact", "visit_within": "visit"}.get(guard.name)
        if act and guard.days:
            found.append(Prevention(act, f"guards[{i}]", guard.name, guard.days, as_of - guard.days + 1))
    return tuple(found)


def _lowest_that_flags(leaf: Leaf) -> float | None:
    """The smallest number of days this leaf accepts, if it accepts from some number on."""
    if leaf.op in (">=", "="):
        return float(leaf.value)
    if leaf.op == ">":
        return float(np.floor(leaf.value) + 1) if leaf.field in _ACTS else float(leaf.value)
    return float(leaf.value[0]) if leaf.op == "between" else None
