"""A run's proposals and control group into the database: one COPY into a table that dies with the transaction, one INSERT.

The server refuses COPY straight into a table under a policy, and is right to: the INSERT ... SELECT names the
organization and passes the policy once a row.
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection
from psycopg2 import sql

from accounts.tenancy.limits import planner
from rotation.engine.facts import NO_DAY
from rotation.engine.pipeline import FARTHER, LOW_CONFIDENCE, NEEDS_CONSENT, OPEN_OPPORTUNITY, OVER_CAPACITY, Outcome
from rotation.models import Proposal
from rotation.selectors.columns import Array
from rotation.services.computing import Computed

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TYPES = {"bigint": ">i8", "int": ">i4", "float8": ">f8", "smallint": ">i2"}
_NO_DAY = -(2**31)  # what -infinity is among PostgreSQL's dates
_EPOCH = 10_957  # 2000-01-01 in days since 1970-01-01

CAVEATS = {
    FARTHER: Proposal.Caveat.FARTHER,
    OVER_CAPACITY: Proposal.Caveat.OVER_CAPACITY,
    NEEDS_CONSENT: Proposal.Caveat.AUTONOMOUS,
    OPEN_OPPORTUNITY: Proposal.Caveat.OPEN_OPPORTUNITY,
    LOW_CONFIDENCE: Proposal.Caveat.LOW_CONFIDENCE,
}
NO_CLASS = 3  # after A, B and C: who bought nothing in twelve months has none
SHOWN = 4  # the receiver and three runners-up

_INSERT = sql.SQL("""
    INSERT INTO rotation_proposal (organization_id, run_id, client_id, rule_version_id, from_representative_id, expected_seq,
        to_representative_id, computed_to_id, position, state, caveats, value_cents, at_stake_cents, lift, net_12m_cents,
        abc, days_since_last, last_order_on, cycle_days, lateness, last_visit_on, km_from, km_to, facts, candidates,
        candidate_values, candidate_kms, candidate_costs, place_price_cents, decision_reason, decision_note, stale_reason, version)
    SELECT %(organization)s, %(run)s, client_id, %(version)s, nullif(from_id, -1), seq, nullif(to_id, -1), nullif(to_id, -1), position,
        CASE WHEN to_id = -1 THEN 'withheld' ELSE 'proposed' END,
        {caveats}, value_cents, at_stake_cents, nullif(lift, 'NaN'), net_12m_cents,
        (ARRAY['A', 'B', 'C', ''])[abc + 1], nullif(days_since_last, -1),
        CASE WHEN last_order_on <> {never} THEN date '2000-01-01' + last_order_on END, nullif(cycle_days, 'NaN'), nullif(lateness, 'NaN'),
        CASE WHEN last_visit_on <> {never} THEN date '2000-01-01' + last_visit_on END, nullif(km_from, 'NaN'), nullif(km_to, 'NaN'),
        {facts}, {candidates}, (ARRAY[{values}])[1:shown], (ARRAY[{kms}])[1:shown], (ARRAY[{costs}])[1:shown], place_price_cents,
        '', '', '', 1
    FROM moves
    ON CONFLICT (organization_id, client_id) WHERE state IN ('proposed', 'approved') DO NOTHING
""")
_HOLD_OUT = """
    INSERT INTO rotation_holdout (organization_id, run_id, rule_id, client_id, drawn_on, until_on, stratum)
    SELECT %(organization)s, %(run)s, %(rule)s, client_id, %(as_of)s, %(as_of)s::date + %(horizon)s, (%(strata)s::text[])[stratum + 1]
    FROM drawn WHERE control <> 0
"""
# Both arms, before anybody decides: what is measured later is what was drawn, not what was done.
_DRAWN = """
    INSERT INTO rotation_outcome (organization_id, run_id, rule_id, rule_version_id, client_id, arm, share, stratum, drawn_on, until_on)
    SELECT %(organization)s, %(run)s, %(rule)s, %(version)s, client_id, CASE WHEN control <> 0 THEN 'control' ELSE 'treatment' END,
        %(share)s, (%(strata)s::text[])[stratum + 1], %(as_of)s, %(as_of)s::date + %(horizon)s
    FROM drawn
"""


def write_outcomes(run_id: int, computed: Computed, *, rule_ids: Mapping[int, int]) -> dict[int, int]:
    """Write every rule's proposals, withheld ones and control group, in the caller's transaction.

    Parameters
    ----------
    rule_ids : id of a version -> id of its rule

    Returns
    -------
    dict
        Id of a version -> proposals written. A client that got an open proposal of another run meanwhile is left out.
    """
    positions = _positions(computed.outcomes)
    written = {}
    for (rule, version), outcome, position in zip(computed.rules, computed.outcomes, positions, strict=True):
        columns = _columns(computed, outcome, position)
        values: dict[str, Any] = {
            "organization": computed.organization.pk,
            "run": run_id,
            "version": version,
            "rule": rule_ids[version],
            "as_of": computed.as_of,
            "horizon": rule.value.horizon_days,
            "share": rule.experiment.share,
            "strata": list(outcome.stratum_names),
        }
        with connection.cursor() as cursor:
            # In the order of the clients, which their keys and their proposals' indexes are in too: each page of these is met once.
            order = np.argsort(columns["client_id"][1], kind="stable")
            copy_into(cursor, "moves", {name: (kind, values[order]) for name, (kind, values) in columns.items()})
            words = _words(outcome)
            # What was written is kept for the tally's trigger: in memory, not in files.
            with planner(work_mem="192MB"):
                cursor.execute(_insert(outcome).as_string(cursor.connection), {**values, **words})
            written[version] = cursor.rowcount - int(outcome.held_out.sum())
            cursor.execute("DROP TABLE moves")
            if outcome.drawn.any():
                copy_into(cursor, "drawn", _arms(computed, outcome))
                cursor.execute(_HOLD_OUT, values)
                cursor.execute(_DRAWN, values)
                cursor.execute("DROP TABLE drawn")
    return written


def _positions(outcomes: list[Outcome]) -> list[Array]:
    """Place of each proposal in the whole run, by value, then client; the control group comes after."""
    value = np.concatenate([outcome.proposals.value_cents for outcome in outcomes])
    client = np.concatenate([outcome.proposals.client for outcome in outcomes])
    place = np.empty(len(value), np.int64)
    place[np.lexsort((client, -value))] = np.arange(1, len(value) + 1)
    return np.split(place, np.cumsum([len(outcome.proposals) for outcome in outcomes])[:-1])


def _columns(computed: Computed, outcome: Outcome, position: Array) -> dict[str, tuple[str, Array]]:
    """The temporary table's columns: name -> (type, values), proposals first, then the control group."""
    facts, table, moves = computed.facts.clients, computed.facts.representatives, outcome.proposals
    held = np.flatnonzero(outcome.held_out)
    rows = np.concatenate([moves.client, held])
    n, extra = len(moves), len(held)
    ids = np.append(table.id, -1)
    as_of = int(outcome.summary["as_of"])
    ever = facts.x[rows] >= 0
    assert facts.median_gap is not None and facts.last_visit_on is not None and facts.abc is not None, "run_facts gives all three"
    gap = facts.median_gap[rows]
    since = np.where(ever, as_of - facts.last_on[rows], -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lateness = np.where((facts.x[rows] >= 3) & (gap > 0), since / gap, np.nan)

    def with_held(values: Array, empty: float) -> Array:
        return np.concatenate([values, np.full(extra, empty, values.dtype)])

    chosen = moves.candidates
    columns: dict[str, tuple[str, Array]] = {
        "client_id": ("bigint", facts.client_id[rows]),
        "from_id": ("bigint", ids[facts.owner[rows]]),
        "to_id": ("bigint", with_held(ids[moves.to_representative], -1)),
        "seq": ("int", facts.seq[rows]),
        "position": ("int", np.concatenate([position, np.full(extra, n + 1)])),
        "reserve": ("int", with_held(moves.reserve, 0)),
        "value_cents": ("bigint", with_held(moves.value_cents, 0)),
        "at_stake_cents": ("bigint", with_held(moves.at_stake_cents, 0)),
        "lift": ("float8", with_held(moves.lift, np.nan)),
        "net_12m_cents": ("bigint", facts.net_12m[rows]),
        "abc": ("int", np.where(facts.net_12m[rows] > 0, facts.abc[rows], NO_CLASS)),
        "days_since_last": ("int", since),
        "last_order_on": ("int", postgres_days(facts.last_on[rows])),
        "cycle_days": ("float8", gap),
        "lateness": ("float8", lateness),
        "last_visit_on": ("int", postgres_days(facts.last_visit_on[rows])),
        "km_from": ("float8", with_held(moves.km_from, np.nan)),
        "km_to": ("float8", with_held(moves.km_to, np.nan)),
        "place_price_cents": ("bigint", with_held(moves.price_cents, 0)),
        "shown": ("int", with_held((chosen.representative >= 0).sum(axis=1), 0)),
    }
    for i in range(SHOWN):
        columns[f"rep{i}"] = ("bigint", with_held(ids[chosen.representative[:, i]], -1))
        columns[f"value{i}"] = ("bigint", with_held(chosen.value_cents[:, i], 0))
        columns[f"km{i}"] = ("float8", with_held(chosen.km[:, i], np.nan))
        columns[f"cost{i}"] = ("bigint", with_held(chosen.cost_cents[:, i], 0))
    for i, trace in enumerate(outcome.traces):
        seen = np.where(trace.known, trace.observed.astype(np.float64), np.nan)
        columns[f"seen{i}"] = ("float8", with_held(seen, np.nan))
    return columns


def _arms(computed: Computed, outcome: Outcome) -> dict[str, tuple[str, Array]]:
    rows = np.flatnonzero(outcome.drawn)
    return {
        "client_id": ("bigint", computed.facts.clients.client_id[rows]),
        "control": ("smallint", outcome.held_out[rows].astype(np.int16)),
        "stratum": ("smallint", outcome.stratum[rows].astype(np.int16)),
    }


def postgres_days(days: Array) -> Array:
    return np.where(days <= NO_DAY, _NO_DAY, days.astype(np.int64) - _EPOCH)


def _words(outcome: Outcome) -> dict[str, list[str]]:
    return {f"words{i}": list(trace.words) for i, trace in enumerate(outcome.traces) if trace.words}


def _insert(outcome: Outcome) -> sql.Composed:
    """The INSERT with this rule's conditions as JSON: field -> the value the client had, null where unknown."""
    pairs = []
    for i, trace in enumerate(outcome.traces):
        column = sql.Identifier(f"seen{i}")
        if trace.words:
            value = sql.SQL("(%({words})s::text[])[{column}::int + 1]").format(
                words=sql.SQL(f"words{i}"), column=sql.SQL("nullif({}, 'NaN')").format(column)
            )
        else:
            value = sql.SQL("nullif({}, 'NaN')").format(column)
        pairs.append(sql.SQL("{}, {}").format(sql.Literal(trace.field), value))
    caveats = sql.SQL(", ").join(
        sql.SQL("CASE WHEN reserve & {} <> 0 THEN {} END").format(sql.Literal(bit), sql.Literal(str(name.value)))
        for bit, name in CAVEATS.items()
    )

    def four(prefix: str, template: str = "{}") -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL(template).format(sql.Identifier(f"{prefix}{i}")) for i in range(SHOWN))

    return _INSERT.format(
        never=sql.Literal(_NO_DAY),
        caveats=sql.SQL("CASE WHEN reserve = 0 THEN '{{}}' ELSE array_remove(ARRAY[{}], NULL) END").format(caveats),
        facts=sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs)),
        candidates=sql.SQL("(ARRAY[{}])[1:shown]").format(four("rep")),
        values=four("value"),
        kms=four("km", "nullif({}, 'NaN')"),
        costs=four("cost"),
    )


def copy_into(cursor: Any, table: str, columns: Mapping[str, tuple[str, Array]]) -> None:
    """A temporary table of these columns, filled by one binary COPY: rows of one width, laid out by NumPy."""
    fields = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, (kind, _) in columns.items())
    create = sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier(table), fields)
    cursor.execute(create.as_string(cursor.connection))
    row = np.dtype(
        [("fields", ">i2")] + [item for name, (kind, _) in columns.items() for item in ((f"{name} width", ">i4"), (name, _TYPES[kind]))]
    )
    n = len(next(iter(columns.values()))[1])
    rows = np.empty(n, row)
    rows["fields"] = len(columns)
    for name, (kind, values) in columns.items():
        rows[f"{name} width"] = np.dtype(_TYPES[kind]).itemsize
        rows[name] = values
    stream = io.BytesIO(_SIGNATURE + rows.tobytes() + b"\xff\xff")
    copy = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
    cursor.copy_expert(copy.as_string(cursor.connection), stream, 1 << 20)
