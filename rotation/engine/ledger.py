"""Who received more than their share before: the balance that shifts the steps of fairness (ENGINE.md section 5, "Fairness")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array

STEPS_A_SHARE = 2.0  # twice one's share in the past is two steps up, nothing at all two steps down
LAST_RUNS = 4


def balance(clients: Array, cents: Array, capacity: Array, active: Array) -> NDArray[np.float64]:
    """Steps by which each representative is ahead of its share of what the last runs handed out, shape (n_representatives,).

    Parameters
    ----------
    clients, cents : what each received, in clients and in their net value of twelve months
    capacity, active : clients each could answer for, and who counts; a share is capacity among the active

    Returns
    -------
    float64
        The mean of the two excesses over the share, each relative to it. 0 for all where nothing was handed out, and for
        those who are not active or have no capacity: nothing is due to them, and what they received is nobody's excess.
    """
    able: NDArray[np.float64] = np.where(active, np.maximum(capacity, 0), 0).astype(np.float64)
    if able.sum() <= 0:
        return np.zeros(len(able))
    share = able / able.sum()
    excess = np.zeros(len(able))
    for handed_out in (clients, cents):
        received = np.where(able > 0, np.maximum(handed_out, 0), 0).astype(float)
        due = share * received.sum()
        excess += np.divide(received - due, due, out=np.zeros(len(able)), where=due > 0) / 2
    return STEPS_A_SHARE * excess
