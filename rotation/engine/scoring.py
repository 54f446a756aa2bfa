"""Risk and money of each client: what a rule ranks by.

The wall the models stand behind: everything after this module sees ``Scores`` and its ``method``, whichever way they
were made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import FactsError
from .facts import Array, Facts

DAY_RULE = "day_rule"
GIVEN = "given"


@dataclass(frozen=True, eq=False)
class Scores:
    """``p_silent``: no valid order within ``horizon`` days; ``p_cross``: reaching the inactivity limit; NaN for prospects.

    ``p_alive`` is None when the method has none. ``year_cents`` is the net value of twelve months if the client stays.
    """

    p_silent: Array
    p_cross: Array
    p_alive: Array | None
    year_cents: Array
    horizon: int
    method: str


def score(facts: Facts, as_of: int, horizon: int) -> Scores:
    """Score every client over the coming ``horizon`` days.

    With ``facts.p_silent`` given it is taken as it stands (method "given", it must have been computed for the same
    horizon). Otherwise the day rule answers: silence grows in proportion to the days gone by, certain once the
    client is inactive. It orders clients by lateness against the limit and claims no more.
    """
    silent_days = as_of - facts.last_on.astype(np.float64)
    with np.errstate(over="ignore"):
        by_days = np.clip(silent_days / np.maximum(np.asarray(facts.inactive_days), 1), 0.0, 1.0)
    by_days[facts.x < 0] = np.nan
    p_silent = facts.p_silent if facts.p_silent is not None else by_days
    p_cross = facts.p_cross if facts.p_cross is not None else by_days
    return Scores(
        p_silent=p_silent,
        p_cross=p_cross,
        p_alive=None,
        year_cents=expected_year_cents(facts),
        horizon=horizon,
        method=GIVEN if facts.p_silent is not None else DAY_RULE,
    )


def expected_year_cents(facts: Facts) -> Array:
    """Net value of a year while the client was buying, never below zero; float64 cents, shape (n,).

    The last twelve months alone would price a client silent for eleven of them at almost nothing, just when it is
    flagged; so the yearly pace between first and last order counts, a first year counting as a whole one.
    """
    if facts.net_total is None:
        return np.maximum(facts.net_12m, 0).astype(np.float64)
    days = np.maximum(facts.last_on.astype(np.int64) - facts.first_on + 1, 365)
    pace = facts.net_total.astype(np.float64) * 365.0 / days
    return np.where(facts.x < 0, 0.0, np.maximum(pace, 0.0))


def at_stake_cents(scores: Scores, margin_rate: float, rows: Array, client_id: Array) -> Array:
    """Margin of twelve months times the chance of silence, float64 cents, for the given rows.

    Raises
    ------
    FactsError
        A value is infinite or NaN for a client that has ordered; the message names the client.
    """
    year = scores.year_cents[rows]
    p = np.nan_to_num(scores.p_silent[rows], nan=0.0, posinf=np.inf, neginf=-np.inf)
    stake = p * year * margin_rate
    wrong = ~np.isfinite(stake)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FactsError("not_finite", client=int(client_id[rows[row]]), value=float(stake[row]))
    return np.maximum(stake, 0.0)
