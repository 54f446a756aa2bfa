"""The save window: who is about to lose a client is told first, and told which act keeps it (PRODUCT.md section 2, 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection

from accounts.models import Notice
from accounts.tenancy import active_organization_id
from rotation.engine.pipeline import Outcome
from rotation.engine.rules import Rule as EngineRule
from rotation.services.computing import Computed

NAMED = 5  # clients a notice names; the page lists them all

# What saved a client is the first act on or after the warning's day that the summary knows: it keeps the latest of each kind.
_CLOSE = """
    WITH looked AS (
        SELECT w.id, c.representative_id IS DISTINCT FROM w.representative_id AS moved,
               CASE WHEN a.last_on >= w.warned_on THEN 'order' WHEN a.last_visit_on >= w.warned_on THEN 'visit'
                    WHEN a.last_contact_on >= w.warned_on THEN 'contact' ELSE '' END AS act,
               least(CASE WHEN a.last_on >= w.warned_on THEN a.last_on END,
                     CASE WHEN a.last_visit_on >= w.warned_on THEN a.last_visit_on END,
                     CASE WHEN a.last_contact_on >= w.warned_on THEN a.last_contact_on END) AS acted_on
        FROM rotation_savewarning w
        JOIN clients_client c ON c.organization_id = w.organization_id AND c.id = w.client_id
        LEFT JOIN clients_clientactivity a ON a.organization_id = w.organization_id AND a.client_id = w.client_id
        WHERE w.organization_id = %(organization)s AND w.state = 'open'
    )
    UPDATE rotation_savewarning w
    SET state = CASE WHEN l.acted_on IS NOT NULL THEN 'saved' ELSE 'moved' END, act = l.act, closed_on = coalesce(l.acted_on, %(on)s)
    FROM looked l
    WHERE w.organization_id = %(organization)s AND w.id = l.id AND (l.moved OR l.acted_on IS NOT NULL)
    RETURNING w.state
"""
_WARN = """
    INSERT INTO rotation_savewarning (organization_id, client_id, representative_id, rule_id, run_id, warned_on, due_on, state, act)
    SELECT %(organization)s, client_id, representative_id, %(rule)s, %(run)s, %(on)s, %(due)s, 'open', ''
    FROM unnest(%(clients)s::bigint[], %(owners)s::bigint[]) AS told (client_id, representative_id)
    ON CONFLICT (organization_id, client_id) WHERE state = 'open' DO NOTHING
    RETURNING client_id, representative_id
"""
_NAMES = """
    SELECT r.membership_id, told.client_id, coalesce(nullif(c.trade_name, ''), c.name)
    FROM unnest(%(clients)s::bigint[], %(owners)s::bigint[]) AS told (client_id, representative_id)
    JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = told.representative_id
    JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = told.client_id
    WHERE r.membership_id IS NOT NULL ORDER BY 1, 3, 2
"""


@dataclass(frozen=True)
class Warned:
    """How many owners' clients were put under warning by one rule of a run."""

    rule_id: int
    clients: int


def close_warnings(*, on: date) -> dict[str, int]:
    """Close the warnings that an act answered, and those whose client somebody else answers for now; one statement.

    Returns
    -------
    dict
        ``saved`` and ``moved``: how many were closed as such.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"organization": active_organization_id(), "on": on})
        states = [row[0] for row in cursor.fetchall()]
    return {"saved": states.count("saved"), "moved": states.count("moved")}


def warn_owners(run_id: int, computed: Computed, *, rule_ids: Mapping[int, int]) -> list[Warned]:
    """Write a warning for each client a rule would have proposed had its owner been warned, and tell the owners.

    In the run's own transaction, so that computing a run again warns nobody twice.

    Parameters
    ----------
    rule_ids : id of a version -> id of its rule
    """
    warned: list[Warned] = []
    told: list[tuple[int, int, date]] = []  # client, representative, due
    for (rule, version), outcome in zip(computed.rules, computed.outcomes, strict=True):
        rows = unwarned_rows(rule, outcome)
        if not len(rows):
            continue
        due = computed.as_of + timedelta(days=_days(rule))
        facts, table = computed.facts.clients, computed.facts.representatives
        with connection.cursor() as cursor:
            cursor.execute(
                _WARN,
                {
                    "organization": computed.organization.pk,
                    "rule": rule_ids[version],
                    "run": run_id,
                    "on": computed.as_of,
                    "due": due,
                    "clients": facts.client_id[rows].tolist(),
                    "owners": table.id[facts.owner[rows]].tolist(),
                },
            )
            written = cursor.fetchall()
        warned.append(Warned(rule_ids[version], len(written)))
        told += [(client, owner, due) for client, owner in written]
    if told:
        _tell(run_id, computed, told)
    return warned


def unwarned_rows(rule: EngineRule, outcome: Outcome) -> np.ndarray:
    """Rows of the facts held by the rule's save window only because nobody has been warned yet."""
    if not any(guard.name == "save_window" for guard in rule.guards):
        return np.zeros(0, np.int64)
    position = next(i for i, name in enumerate(outcome.guard_names) if name.startswith("save_window"))
    return np.flatnonzero((outcome.guard_code == position) & (outcome.guard_value == -1))


def _days(rule: EngineRule) -> int:
    return next(guard.days or 1 for guard in rule.guards if guard.name == "save_window")


def _tell(run_id: int, computed: Computed, told: Sequence[tuple[int, int, date]]) -> None:
    """One notice a person: how many clients, the first by name, and the day from which the earliest may leave."""
    organization_id = computed.organization.pk
    due_of = {client: due for client, _owner, due in told}
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"organization": organization_id, "clients": [row[0] for row in told], "owners": [row[1] for row in told]}
        cursor.execute(_NAMES, values)
        rows = cursor.fetchall()
    by_member: dict[int, list[tuple[int, str]]] = {}
    for member, client, name in rows:
        by_member.setdefault(member, []).append((client, name))
    Notice.objects.bulk_create(
        [
            Notice(
                organization_id=organization_id,
                membership_id=member,
                kind=Notice.Kind.SAVE_WINDOW,
                key=f"run:{run_id}:save_window",
                facts={
                    "run": run_id,
                    "n": len(clients),
                    "clients": [list(pair) for pair in clients[:NAMED]],
                    "due_on": min(due_of[client] for client, _name in clients).isoformat(),
                },
            )
            for member, clients in sorted(by_member.items())
        ],
        ignore_conflicts=True,
    )
