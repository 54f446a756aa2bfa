"""Facts only some rules ask for: contracts, credit, tags, missed visits, branches, commission, warnings.

Each is one SELECT as of the run's day, and none is read unless a rule of the run names the field or guard it feeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from psycopg2 import sql

from accounts.tenancy.limits import planner
from rotation.engine.facts import NO_DAY
from rotation.engine.rules import Rule, fields_used
from rotation.selectors.columns import Array, read_columns

MISSED_VISIT_DAYS = 90
COMMISSION_DAYS = 180  # the six months of Lei 4.886/65, art. 32 §7

# A contract not yet begun is known today but was not known on a day of the past.
_CONTRACTS = sql.SQL("""
    SELECT client_id, max(ends_on), bool_or(NOT orders_expected AND starts_on <= %(as_of)s AND ends_on >= %(as_of)s)
    FROM clients_contract
    WHERE organization_id = %(organization)s AND (starts_on <= %(as_of)s OR %(live)s) GROUP BY client_id
""")
_CREDIT = sql.SQL("""
    SELECT DISTINCT ON (client_id) client_id, coalesce(score, 'NaN'::float8), coalesce(overdue_cents, 0)
    FROM (
        SELECT client_id, observed_on,
               first_value(score) OVER (PARTITION BY client_id ORDER BY score IS NULL, observed_on DESC)::float8 AS score,
               first_value(overdue_cents) OVER (PARTITION BY client_id ORDER BY overdue_cents IS NULL, observed_on DESC) AS overdue_cents
        FROM clients_creditsnapshot WHERE organization_id = %(organization)s AND observed_on <= %(as_of)s
    ) latest ORDER BY client_id
""")
_CREDIT_EVENTS = sql.SQL("""
    SELECT client_id, max(observed_on) FROM clients_creditevent
    WHERE organization_id = %(organization)s AND observed_on <= %(as_of)s GROUP BY client_id
""")
_MISSED = sql.SQL("""
    SELECT client_id, count(*)::int FROM portfolio_visit
    WHERE organization_id = %(organization)s AND visited_at IS NULL AND cancelled_at IS NULL
      AND planned_on < %(as_of)s AND planned_on >= %(as_of)s::date - {days}
    GROUP BY client_id
""").format(days=sql.Literal(MISSED_VISIT_DAYS))
_ROOTS = sql.SQL(
    "SELECT id, hashtextextended(tax_id_root, 0) FROM clients_client WHERE organization_id = %(organization)s AND tax_id_root <> ''"
)
# A rate of zero is one nobody recorded: the client then counts with a cent, so that the guard holds it and a person looks.
_COMMISSION = sql.SQL("""
    SELECT c.id, CASE WHEN r.commission_rate > 0 THEN ceil(o.net * r.commission_rate / 6) ELSE 1 END::bigint
    FROM clients_client c
    JOIN accounts_representative r ON r.organization_id = c.organization_id AND r.id = c.representative_id
    CROSS JOIN LATERAL (
        SELECT sum(o.net_cents) AS net FROM clients_order o
        WHERE o.organization_id = %(organization)s AND o.client_id = c.id
          AND o.ordered_on > %(as_of)s::date - {days} AND o.ordered_on <= %(as_of)s
    ) o
    WHERE c.organization_id = %(organization)s AND r.contract_type = 'autonomous' AND o.net > 0
""").format(days=sql.Literal(COMMISSION_DAYS))
# A warning counts against whoever was warned; closed since, it was still open on an earlier day.
_WARNINGS = sql.SQL("""
    SELECT w.client_id, max(w.warned_on)
    FROM rotation_savewarning w
    JOIN clients_client c ON c.organization_id = w.organization_id AND c.id = w.client_id AND c.representative_id = w.representative_id
    WHERE w.organization_id = %(organization)s AND w.warned_on <= %(as_of)s AND w.run_id <> %(run)s
      AND (w.closed_on IS NULL OR w.closed_on > %(as_of)s)
    GROUP BY w.client_id
""")
_TAGGED = "SELECT id, tags FROM clients_client WHERE organization_id = %(organization)s AND cardinality(tags) > 0 ORDER BY id"


@dataclass(frozen=True, eq=False)
class Base:
    """What the one SELECT over clients already gave, sorted by client id."""

    client_id: Array
    last_on: Array


Reader = Callable[[Base, dict[str, Any]], dict[str, Any]]


def signal_columns(rules: Sequence[Rule], base: Base, values: dict[str, Any]) -> dict[str, Any]:
    """The further columns of ``Facts`` that these rules look at.

    Parameters
    ----------
    values : organization (id), as_of (date), run (whose own rows do not count), live (bool)

    Returns
    -------
    dict
        Column name -> array of shape (n_clients,), as ``Facts`` describes it; tags are ragged with their vocabulary.
    """
    fields = frozenset[str]().union(*(fields_used(rule) for rule in rules))
    guards = {guard.name for rule in rules for guard in rule.guards}
    columns: dict[str, Any] = {}
    for reader, by_field, by_guard in _READERS:
        if fields & by_field or guards & by_guard:
            columns.update(reader(base, values))
    return columns


def _spread(base: Base, rows: dict[str, Array], name: str, empty: Any, kind: type) -> Array:
    column: Array = np.full(len(base.client_id), empty, kind)
    column[np.searchsorted(base.client_id, rows["client_id"])] = rows[name]
    return column


def _contracts(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    rows = read_columns(_CONTRACTS, values, {"client_id": "i8", "ends_on": "day", "only": "flag"}, no_day=NO_DAY)
    return {
        "contract_ends_on": _spread(base, rows, "ends_on", NO_DAY, np.int32),
        "contract_only": _spread(base, rows, "only", False, np.bool_),
    }


def _credit(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    rows = read_columns(_CREDIT, values, {"client_id": "i8", "score": "f8", "overdue": "i8"}, no_day=NO_DAY)
    return {
        "credit_score": _spread(base, rows, "score", np.nan, np.float64),
        "overdue_cents": _spread(base, rows, "overdue", 0, np.int64),
    }


def _credit_events(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    rows = read_columns(_CREDIT_EVENTS, values, {"client_id": "i8", "day": "day"}, no_day=NO_DAY)
    return {"credit_event_on": _spread(base, rows, "day", NO_DAY, np.int32)}


def _missed_visits(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    rows = read_columns(_MISSED, values, {"client_id": "i8", "missed": "i4"}, no_day=NO_DAY)
    return {"missed_visits": _spread(base, rows, "missed", 0, np.int32)}


def _branches(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    """The last order day of any *other* client with the same root of CNPJ."""
    rows = read_columns(_ROOTS, values, {"client_id": "i8", "root": "i8"}, no_day=NO_DAY)
    at = np.searchsorted(base.client_id, rows["client_id"])
    _root, group = np.unique(rows["root"], return_inverse=True)
    day = base.last_on[at].astype(np.int64)
    order = np.lexsort((-day, group))
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    n = len(first)
    newest, second = np.full(n, NO_DAY, np.int64), np.full(n, NO_DAY, np.int64)
    newest_at = order[first]
    newest[:] = day[newest_at]
    sizes = np.diff(np.append(first, len(order)))
    second[sizes > 1] = day[order[first[sizes > 1] + 1]]
    others = newest[group]
    others[newest_at] = second
    column = np.full(len(base.client_id), NO_DAY, np.int32)
    column[at] = others
    return {"group_last_on": column}


def _commission(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    # Of a company the statistics have not met, the planner expects one client and one order, and would go through all of the one
    # for each of the other. The orders of a client are asked for one client at a time either way.
    with planner(enable_nestloop="off"):
        rows = read_columns(_COMMISSION, values, {"client_id": "i8", "cents": "i8"}, no_day=NO_DAY)
    return {"commission_6m_cents": _spread(base, rows, "cents", 0, np.int64)}


def _warnings(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    rows = read_columns(_WARNINGS, values, {"client_id": "i8", "day": "day"}, no_day=NO_DAY)
    return {"warned_on": _spread(base, rows, "day", NO_DAY, np.int32)}


def _tags(base: Base, values: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_TAGGED, values)
        tagged = cursor.fetchall()
    words = sorted({tag for _client, tags in tagged for tag in tags})
    code = {word: position for position, word in enumerate(words)}
    counts = np.zeros(len(base.client_id), np.int64)
    if tagged:
        counts[np.searchsorted(base.client_id, [client for client, _tags in tagged])] = [len(tags) for _client, tags in tagged]
    codes = [code[tag] for _client, tags in tagged for tag in tags]
    return {"tags_start": np.concatenate(([0], np.cumsum(counts))), "tags_code": np.array(codes, np.int32), "tags": tuple(words)}


# Silence of a client whose contract expects no orders says nothing, so rules about silence must know of contracts.
_SILENCE = frozenset({"days_since_last", "p_silent", "p_cross", "lateness", "state"})
_READERS: tuple[tuple[Reader, frozenset[str], frozenset[str]], ...] = (
    (_contracts, frozenset({"contract_days_left", "contract_only"}) | _SILENCE, frozenset()),
    (_credit, frozenset({"credit_score", "overdue_cents"}), frozenset()),
    (_credit_events, frozenset({"days_since_credit_event"}), frozenset()),
    (_missed_visits, frozenset({"missed_visits_90d"}), frozenset()),
    (_branches, frozenset(), frozenset({"group_within"})),
    (_commission, frozenset(), frozenset({"representative_contract"})),
    (_warnings, frozenset(), frozenset({"save_window"})),
    (_tags, frozenset({"tags"}), frozenset()),
)
