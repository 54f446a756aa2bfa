"""Which scores a run ranks and flags by: those kept for its day, else computed on the spot where a rule cannot do without.

A rule that names a chance must have one made from all orders of its day. A rule that only counts days needs a chance
for nothing but the value of its moves: it takes what is there, and the day rule where nothing is, because reading
every order again would cost it more than the whole run. The run says which it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connection

from accounts.models import Organization
from accounts.tenancy.limits import allow_minutes
from clients.models import Scoring
from rotation.engine.conditions import Condition, Leaf
from rotation.engine.facts import Facts
from rotation.engine.rules import Rule
from rotation.engine.scoring import Given, days_gone_by, expected_year_cents
from rotation.selectors.columns import Array
from rotation.selectors.facts import day_number
from rotation.selectors.scores import is_fresh, scorings_on, stored_scores
from rotation.services.scored import KnownOn, known_on, scores_from

# Where a horizon's scores came from; part of the run's record.
KEPT, KEPT_BEFORE_ORDERS, COMPUTED, NONE = "kept", "kept_before_orders", "computed", "none"


@dataclass(frozen=True, eq=False)
class RunScores:
    """Scores by horizon, in the order of the run's facts, and what is to be said of each: plain JSON by horizon."""

    given: dict[int, Given]
    said: dict[str, dict[str, Any]]


def scores_for(organization: Organization, rules: Sequence[Rule], facts: Facts, *, as_of: date) -> RunScores:
    """Scores for every horizon these rules look at; writes nothing.

    One query where nothing is kept and nothing is needed; one more for each horizon kept, and the read of all order days,
    once, where something must be computed.
    """
    horizons = sorted({rule.value.horizon_days for rule in rules})
    needed = {rule.value.horizon_days for rule in rules if names_a_chance(rule)}
    made = scorings_on(as_of)
    given: dict[int, Given] = {}
    said: dict[str, dict[str, Any]] = {}
    known: KnownOn | None = None
    for horizon in horizons:
        scoring = made.get(horizon)
        fresh = scoring is not None and is_fresh(scoring, organization)
        columns = stored_scores(organization, as_of=as_of, horizon=horizon) if scoring and (fresh or horizon not in needed) else None
        if scoring and columns is not None and (len(columns["client_id"]) or not scoring.scored):
            given[horizon] = _aligned(facts, columns, scoring.method, as_of)
            said[str(horizon)] = _kept(scoring, fresh)
        elif horizon in needed:
            if known is None:
                _take_time()
                known = known_on(organization, as_of=as_of)
            scored = scores_from(known, organization, horizon=horizon, calibrate=False)
            prediction = scored.prediction
            computed = {
                "client_id": scored.client_id,
                "p_silent": prediction.p_silent,
                "p_cross": prediction.p_cross,
                "p_alive": prediction.p_alive,
                "year_cents": scored.year_cents,
            }
            given[horizon] = _aligned(facts, computed, prediction.method, as_of)
            said[str(horizon)] = {"from": COMPUTED, "method": prediction.method, "basis": prediction.basis}
        else:
            said[str(horizon)] = {"from": NONE, "method": "day_rule", "basis": {}}
    return RunScores(given, said)


def _take_time() -> None:
    """The run's transaction waits while the models are fitted: minutes for a very large company, idle in the server's eyes."""
    allow_minutes()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '15min'")


def names_a_chance(rule: Rule) -> bool:
    """Whether the rule's own conditions ask for a probability: p_silent, p_cross, or a state that only one tells apart."""
    return any(_asks(leaf) for condition in (rule.population, rule.trigger) for leaf in _leaves(condition))


def _asks(leaf: Leaf) -> bool:
    if leaf.field in ("p_silent", "p_cross"):
        return True
    if leaf.field != "state" or leaf.op == "is_null":
        return False
    named = set(leaf.value if isinstance(leaf.value, tuple) else [leaf.value])
    # naming both, or neither, says nothing of what divides them
    return len(named & {"active", "at_risk"}) == 1


def _leaves(condition: Condition) -> list[Leaf]:
    if isinstance(condition, Leaf):
        return [condition]
    return [leaf for child in condition.children for leaf in _leaves(child)]


def _kept(scoring: Scoring, fresh: bool) -> dict[str, Any]:
    return {
        "from": KEPT if fresh else KEPT_BEFORE_ORDERS,
        "method": scoring.method,
        "basis": scoring.basis,
        "made_at": scoring.made_at.isoformat(),
    }


def _aligned(facts: Facts, columns: dict[str, Array], method: str, as_of: date) -> Given:
    """The columns in the order of the facts. Who ordered for the first time since they were made is answered by the day rule."""
    at = np.searchsorted(columns["client_id"], facts.client_id)
    at[at == len(columns["client_id"])] = 0
    known = columns["client_id"][at] == facts.client_id if len(columns["client_id"]) else np.zeros(len(facts), bool)
    known = known & (facts.x >= 0)
    by_days = days_gone_by(facts, day_number(as_of))

    def column(name: str, otherwise: Array) -> Array:
        return np.where(known, columns[name][at], otherwise) if len(columns[name]) else otherwise

    unknown = np.full(len(facts), np.nan)
    return Given(
        p_silent=column("p_silent", by_days),
        p_cross=column("p_cross", by_days),
        p_alive=column("p_alive", unknown),
        year_cents=column("year_cents", expected_year_cents(facts)),
        method=method,
    )
