"""Risk and money of each client: what a rule ranks by.

The wall the models stand behind: everything after this module sees ``Scores`` and its ``method``, whichever way they
were made.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from .errors import FactsError
from .facts import Array, Facts

DAY_RULE = "day_rule"
GIVEN = "given"


@dataclass(frozen=True, eq=False)
class Given:
    """Scores made elsewhere for one horizon: ``prediction.predict``'s, kept or just made.

    Shape (n,), in the order of the facts; NaN for clients that never ordered. ``year_cents`` is the net value of twelve
    months if the client stays; a column left None stays as the facts have it. ``method`` names who answered.
    """

    p_silent: Array | None = None
    p_cross: Array | None = None
    p_alive: Array | None = None
    year_cents: Array | None = None
    method: str = GIVEN

    def onto(self, facts: Facts) -> Facts:
        """The facts with these scores."""
        columns = self._columns()
        return facts.with_columns(**columns) if columns else facts

    def digest(self) -> bytes:
        """Nothing where nothing is given, else a hash of all of it."""
        columns = self._columns()
        if not columns:
            return b""
        hashed = hashlib.sha256(self.method.encode())
        for name, column in columns.items():
            hashed.update(name.encode() + b"\0")
            hashed.update(np.ascontiguousarray(column, np.float64).data)
        return hashed.digest()

    def _columns(self) -> dict[str, Array]:
        names = ("p_silent", "p_cross", "p_alive", "year_cents")
        return {name: column for name in names if (column := getattr(self, name)) is not None}


FACTS_OWN = Given()


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


def days_gone_by(facts: Facts, as_of: int) -> Array:
    """The day rule: the share of the inactive limit that is behind the client, at most 1; NaN for one that never ordered.

    It orders clients by nearness to the limit and claims no more: it is no chance of anything.
    """
    silent_days = as_of - facts.last_on.astype(np.float64)
    with np.errstate(over="ignore"):
        by_days = np.clip(silent_days / np.maximum(np.asarray(facts.inactive_days), 1), 0.0, 1.0)
    by_days[facts.x < 0] = np.nan
    return by_days


def score(facts: Facts, as_of: int, horizon: int, *, method: str = GIVEN) -> Scores:
    """Score every client over the coming ``horizon`` days.

    With ``facts.p_silent`` given it is taken as it stands and called ``method``: it must have been computed for the
    same horizon. Otherwise the day rule answers (``days_gone_by``).
    """
    by_days = days_gone_by(facts, as_of)
    p_silent = facts.p_silent if facts.p_silent is not None else by_days
    p_cross = facts.p_cross if facts.p_cross is not None else by_days
    return Scores(
        p_silent=p_silent,
        p_cross=p_cross,
        p_alive=facts.p_alive,
        year_cents=facts.year_cents if facts.year_cents is not None else expected_year_cents(facts),
        horizon=horizon,
        method=method if facts.p_silent is not None else DAY_RULE,
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
