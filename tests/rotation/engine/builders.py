"""Small worlds for the engine's tests: every column given, nothing held back, so a test states only what matters."""

import numpy as np

from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.pairs import Pairs
from rotation.engine.rules import parse_rule

TODAY = 20_000


def rule(**changes):
    """A rule that flags from 90 silent days, without guards, distance, cooling-off or ceilings that bite."""
    data = {
        "name": "test",
        "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 90}]},
        "receivers": {"same_region": False, "same_segment": False, "not_former_within_days": 0},
        "strategy": {"kind": "optimal", "fairness": 0},
        "limits": {"give_share": 1.0, "receive_share": 1.0},
    }
    return parse_rule({**data, **changes})


def facts(n, **columns):
    """``n`` clients with one order 100 days ago worth R$ 1,000 and no owner; columns given replace these."""
    made = {
        "client_id": np.arange(n) + 1,
        "owner": np.full(n, -1),
        "seq": np.zeros(n),
        "x": np.full(n, 3),
        "first_on": np.full(n, TODAY - 400),
        "last_on": np.full(n, TODAY - 100),
        "net_12m": np.full(n, 100_000),
        "former_start": np.zeros(n + 1),
        "former_representative": np.empty(0),
        "former_ended_on": np.empty(0),
    }
    for flag in ("blocked", "never_rotate", "discarded", "open_order", "open_opportunity", "key_account", "consent"):
        made[flag] = np.zeros(n, bool)
    for day in ("last_contact_on", "last_visit_on", "moved_on", "warned_on", "hold_until_on", "owned_since_on", "contract_ends_on"):
        made[day] = np.full(n, NO_DAY)
    return Facts(**{**made, **columns})


def representatives(m, **columns):
    """``m`` active employees of one team, each with room for ten."""
    made = {
        "id": np.arange(m) + 101,
        "team": np.ones(m),
        "active": np.ones(m, bool),
        "autonomous": np.zeros(m, bool),
        "capacity": np.full(m, 10),
        "holds": np.zeros(m),
    }
    return Representatives(**{**made, **columns})


def pairs(value):
    """Pairs from a dense matrix of cents; negative means the pair is not eligible."""
    value = np.asarray(value, np.int64)
    client, representative = np.nonzero(value >= 0)
    start = np.concatenate(([0], np.cumsum((value >= 0).sum(axis=1))))
    return Pairs(
        start=start,
        client=client.astype(np.int32),
        representative=representative.astype(np.int32),
        value=value[client, representative],
        km=np.zeros(len(client), np.float32),
        why=np.full(len(value), -1, np.int8),
    )
