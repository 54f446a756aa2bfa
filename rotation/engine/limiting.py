"""Of those a rule flags, whom the ceilings of a run let through: cut-off after cut-off, for a back-test.

What is well defined without knowing who would receive: clients go by the value at stake, those nobody answers for first in a rule
about owners, as far as owners may give (``give_share``, each one's own ceiling) and the run may move (``run_max``, ``run_share``).
Whoever does not fit waits, and is tried again on the next cut-off while the rule still flags the client. A client goes once in a
silence, for nobody really moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ceilings import UNLIMITED
from .facts import NO_DAY, Array, Representatives
from .pairs import give_for
from .ranking import rank_in_order
from .rules import Rule, fields_used


def run_ceiling(rule: Rule, looked_at: int) -> int:
    """Clients the whole run may move: a share of those looked at (at least one), and the rule's own number; the smaller wins."""
    run = UNLIMITED
    if rule.limits.run_share is not None:
        run = max(int(np.floor(rule.limits.run_share * looked_at + 1e-9)), 1)
    return run if rule.limits.run_max is None else min(run, int(rule.limits.run_max))


def let_through(rule: Rule, people: Representatives, owner: Array, stake: Array, looked_at: int) -> NDArray[np.int64]:
    """Positions of the candidates that go, the most at stake first.

    Parameters
    ----------
    owner : shape (n_candidates,), rows of ``people``, -1 for nobody, who holds nothing back
    stake : shape (n_candidates,), cents
    looked_at : clients in the rule's population
    """
    later = (owner >= 0) if "owner_status" in fields_used(rule) else np.zeros(len(owner), bool)
    position = np.arange(len(owner))
    by_owner = np.lexsort((position, -stake, later, owner))
    give = np.append(give_for(rule, people), UNLIMITED)
    fits = by_owner[rank_in_order(owner[by_owner]) < give[owner[by_owner]]]
    first = fits[np.lexsort((fits, -stake[fits], later[fits]))]
    return first[: run_ceiling(rule, looked_at)].astype(np.int64)


class Queue:
    """Who would have been proposed on each cut-off, and how many still waited."""

    def __init__(self, rule: Rule, n: int) -> None:
        self.rule = rule
        self.went_for = np.full(n, NO_DAY - 1, np.int64)  # the silence each client last went for
        self.rows: list[tuple[Array, int, Array, Array, Array]] = []
        self.waiting: list[int] = []

    def waiting_now(self, matching: Array, last_on: Array) -> NDArray[np.int64]:
        """Rows of the clients (n,) that match and did not go in this silence yet."""
        return np.flatnonzero(matching & (self.went_for != last_on))

    def take(self, k: int, rows: Array, last_on: Array, owner: Array, stake: Array, people: Representatives, looked_at: int) -> None:
        """One cut-off: ``rows`` wait; ``last_on`` and ``owner`` are of all clients, ``stake`` of those rows."""
        gone = np.sort(let_through(self.rule, people, owner[rows], stake, looked_at))
        went = rows[gone]
        self.went_for[went] = last_on[went]
        self.rows.append((went, k, last_on[went], owner[went], stake[gone]))
        self.waiting.append(len(rows) - len(went))


def limits_replayed(rule: Rule) -> tuple[list[str], list[str]]:
    """Which of the rule's limits a back-test keeps to, and which it cannot: they depend on who would receive, or on the lot."""
    limits = rule.limits
    kept = ["give_share", *(name for name in ("run_max", "run_share") if getattr(limits, name) is not None)]
    left = ["receivers", "receive_share", *(["team_max"] if limits.team_max is not None else [])]
    return kept, left + (["experiment"] if rule.experiment.share else [])
