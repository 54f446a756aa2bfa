"""What each client's own orders say of its coming days: computed for a day, and kept for lists, pages and runs.

order days of all clients -> engine.prediction.predict -> one row a client and horizon, one record of how it was done

The only writer of ClientScore and Scoring. Nightly, and after orders came; a scoring of a day past writes nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime
from time import perf_counter
from typing import Any

import numpy as np
from django.db import connection

from accounts.management.organizations import organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from accounts.tenancy.limits import allow_minutes
from clients.models import Scoring
from clients.models.score import HORIZON_DAYS
from rotation.engine.pipeline import ENGINE_VERSION
from rotation.engine.rules import parse_rule
from rotation.engine.schema import STATES
from rotation.models import RuleVersion
from rotation.selectors.columns import Array
from rotation.selectors.scores import is_fresh, scorings_on
from rotation.services.scored import Scored, known_on, scores_from
from rotation.services.writing import copy_into, postgres_days


def score_organization(organization_id: int, *, at: datetime, again: bool = False) -> list[Scoring]:
    """Score the organization's today over every horizon that is asked for, and keep the scores.

    Opens its own transactions, one to read and one to write; two at once write the same rows in the same order and end alike.
    Orders that come in between are seen by the next: the record says how fresh those read were.

    Parameters
    ----------
    at : the instant; its local day is scored
    again : also where nothing changed since the last scoring of the day

    Returns
    -------
    list
        The records written; empty when every horizon was scored and no orders came since.
    """
    with tenant_atomic(organization_id):
        allow_minutes()
        organization = Organization.objects.get(pk=organization_id)
        as_of = local_day(organization, at=at)
        asked = horizons_asked()
        wanted = asked if again else horizons_due(organization, as_of=as_of, asked=asked)
        if not wanted:
            return []
        known = known_on(organization, as_of=as_of)
    # No transaction is open while the models are fitted: it would keep dead rows of the whole company from being swept away.
    made = [scores_from(known, organization, horizon=horizon) for horizon in wanted]
    with tenant_atomic(organization_id), connection.cursor() as cursor:
        allow_minutes()
        kept = [keep_scores(organization, scored, at=at) for scored in made]
        cursor.execute(_FORGET_HORIZONS, {"organization": organization_id, "asked": asked})
    return kept


def organizations_due(at: datetime) -> list[int]:
    """Organizations with a horizon to score at that instant: a few small queries each."""
    due = []
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            organization = Organization.objects.get(pk=organization_id)
            if horizons_due(organization, as_of=local_day(organization, at=at), asked=horizons_asked()):
                due.append(organization_id)
    return due


def horizons_asked() -> list[int]:
    """The days of horizon somebody looks at: what pages show, and what each active rule weighs its moves by; one query."""
    versions = RuleVersion.objects.filter(state=RuleVersion.State.PUBLISHED, rule__is_active=True, rule__archived_at=None)
    own = {parse_rule(definition, accepted=True).value.horizon_days for definition in versions.values_list("definition", flat=True)}
    return sorted({HORIZON_DAYS} | own)


def horizons_due(organization: Organization, *, as_of: date, asked: Sequence[int]) -> list[int]:
    """Those of ``asked`` not scored for ``as_of`` with the orders there are; none before the first order came."""
    if organization.orders_received_at is None:
        return []
    made = scorings_on(as_of)
    return [horizon for horizon in asked if horizon not in made or not is_fresh(made[horizon], organization)]


def keep_scores(organization: Organization, scored: Scored, *, at: datetime) -> Scoring:
    """Write the scores over those of an earlier day, and how they were made, in the caller's transaction.

    A client whose stored score is of a later day keeps that one.
    """
    began = perf_counter()
    values: dict[str, Any] = {"organization": organization.pk, "horizon": scored.horizon, "as_of": scored.as_of}
    with connection.cursor() as cursor:
        copy_into(cursor, "scored", _columns(scored))
        cursor.execute(_KEEP, values)
        cursor.execute("DROP TABLE scored")
        # a client whose only orders were cancelled since is a prospect again
        cursor.execute(_FORGET_CLIENTS, values)
    scored.seconds["write"] = perf_counter() - began
    made = scored.prediction
    record: dict[str, Any] = {
        "method": made.method,
        "basis": made.basis,
        "calibration": made.calibration,
        "clients": len(scored.client_id),
        "scored": int(scored.ordered.sum()),
        "seconds": {phase: round(spent, 3) for phase, spent in scored.seconds.items()},
        "engine_version": ENGINE_VERSION,
        "orders_received_at": scored.orders_received_at,
        "made_at": at,
    }
    return Scoring.objects.update_or_create(organization_id=organization.pk, as_of=scored.as_of, horizon=scored.horizon, defaults=record)[0]


def _columns(scored: Scored) -> dict[str, tuple[str, Array]]:
    """The temporary table's columns, clients that ordered only."""
    rows = np.flatnonzero(scored.ordered)
    made, next_order = scored.prediction, scored.prediction.next_order
    return {
        "client_id": ("bigint", scored.client_id[rows]),
        "p_silent": ("float8", made.p_silent[rows]),
        "p_cross": ("float8", made.p_cross[rows]),
        "p_alive": ("float8", made.p_alive[rows]),
        "state": ("int", scored.state[rows]),
        "cycle_days": ("float8", scored.known.median_gap[rows]),
        "lateness": ("float8", scored.lateness[rows]),
        "early_on": ("int", postgres_days(next_order.early[rows])),
        "likely_on": ("int", postgres_days(next_order.likely[rows])),
        "late_on": ("int", postgres_days(next_order.late[rows])),
        "ticket_cents": ("bigint", scored.ticket_cents[rows]),
        "year_cents": ("bigint", scored.year_cents[rows]),
        "at_stake_cents": ("bigint", scored.at_stake_cents[rows]),
    }


_NAMES = """made_for, p_silent, p_cross, p_alive, state, cycle_days, lateness, early_on, likely_on, late_on,
    ticket_cents, year_cents, at_stake_cents"""
_NEW = ", ".join(f"excluded.{name.strip()}" for name in _NAMES.split(","))
_DAY = "CASE WHEN {0} <> -2147483648 THEN date '2000-01-01' + {0} END"
_WORDS = ", ".join(f"'{state}'" for state in STATES)
_KEEP = f"""
    INSERT INTO clients_clientscore AS old (organization_id, client_id, horizon, {_NAMES})
    SELECT %(organization)s, client_id, %(horizon)s, %(as_of)s, p_silent, p_cross, nullif(p_alive, 'NaN'),
           (ARRAY[{_WORDS}])[state + 1], nullif(cycle_days, 'NaN'), nullif(lateness, 'NaN'),
           {_DAY.format("early_on")}, {_DAY.format("likely_on")}, {_DAY.format("late_on")}, ticket_cents, year_cents, at_stake_cents
      FROM scored ORDER BY client_id
    ON CONFLICT (organization_id, client_id, horizon) DO UPDATE
       SET ({_NAMES}) = ROW ({_NEW})
     WHERE old.made_for <= excluded.made_for
"""  # noqa: S608 - constants of this module
_FORGET_CLIENTS = """
    DELETE FROM clients_clientscore
    WHERE organization_id = %(organization)s AND horizon = %(horizon)s AND made_for < %(as_of)s
"""
_FORGET_HORIZONS = "DELETE FROM clients_clientscore WHERE organization_id = %(organization)s AND horizon <> ALL(%(asked)s)"
