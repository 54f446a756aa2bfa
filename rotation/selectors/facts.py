"""What the engine computes from: one SELECT over clients, a few constant ones beside it, all as columns.

Rows never become Python objects: a night of a million clients is read in place from the server's binary copy.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import Q
from psycopg2 import sql

from accounts.arrays import array
from accounts.models import Absence, Organization, Representative
from accounts.selectors import top_teams
from accounts.tenancy.limits import planner
from clients.models import Client
from rotation.engine.facts import NO_DAY, Facts, Representatives
from rotation.engine.features import abc_classes
from rotation.engine.rules import Rule, fields_used
from rotation.engine.workload import QUARTER_WEEKS, client_minutes, minutes_held
from rotation.selectors.activity import Source, days_that_matter, from_orders_query, move_windows, source_on
from rotation.selectors.columns import Array, read_columns
from rotation.selectors.ledger import with_past
from rotation.selectors.outcomes import treated_until
from rotation.selectors.signals import Base, signal_columns

EPOCH = date(1970, 1, 1)
ABSENT_WITHIN_DAYS = 14  # a receiver away soon would greet the client and leave
ALWAYS = 2**29  # a day no run reaches: a hold without an end

# Columns of the one SELECT: name -> (kind, expression). Read always, for explaining a move needs them whatever the rule.
_BASE = {
    "client_id": ("i8", "c.id"),
    "owner_id": ("i8", "coalesce(o.representative_id, -1)"),
    "seq": ("i4", "coalesce(o.seq, 0)"),
    "owned_since_on": ("day", "coalesce(o.started_on, '-infinity')"),
    "x": ("i4", "coalesce(a.repeat_days, -1)"),
    "first_on": ("day", "coalesce(a.first_on, '-infinity')"),
    "last_on": ("day", "coalesce(a.last_on, '-infinity')"),
    "median_gap": ("f8", "coalesce(a.median_gap, 'NaN')"),
    "net_12m": ("i8", "coalesce(a.net_12m_cents, 0)"),
    "net_total": ("i8", "coalesce(a.net_total_cents, 0)"),
    "lat": ("f8", "coalesce(c.latitude, 'NaN')"),
    "lon": ("f8", "coalesce(c.longitude, 'NaN')"),
    "uf": ("i8", "hashtextextended(c.state, 0)"),
    "segment": ("i8", "hashtextextended(c.segment, 0)"),
    "city": ("i8", "hashtextextended(c.city, 0)"),
    "registered_on": ("day", "coalesce(c.registered_on, '-infinity')"),
    "last_visit_on": ("day", "coalesce(v.last_visit_on, '-infinity')"),
    "last_contact_on": ("day", "coalesce(v.last_contact_on, '-infinity')"),
    "flags": ("i4", ""),  # the bits of _FLAGS, below
}
# One number on the wire for all of them: sending a value costs the server more than finding it. Few clients have any, and asking
# that first spares the rest of the arithmetic.
_FLAGS = {
    "never_rotate": "c.hold",
    "blocked": "c.blocked",
    "key_account": "c.key_account",
    "discarded": "coalesce(c.discarded_on <= %(as_of)s, false)",
    "moved": "coalesce(o.seq > 1 AND o.source IN ('rotation', 'handover'), false)",
}
_ANY_FLAG = "c.hold OR c.blocked OR c.key_account OR c.discarded_on IS NOT NULL OR o.seq > 1"
_BITS = " | ".join(f"(({expression})::int << {bit})" for bit, expression in enumerate(_FLAGS.values()))
_BASE["flags"] = ("i4", f"CASE WHEN {_ANY_FLAG} THEN {_BITS} ELSE 0 END")
# Rule field -> the column it alone needs.
_OPTIONAL = {
    "orders_30d": ("n30", "i4", "coalesce(a.n30, 0)"),
    "orders_90d": ("n90", "i4", "coalesce(a.n90, 0)"),
    "orders_180d": ("n180", "i4", "coalesce(a.n180, 0)"),
    "orders_365d": ("n365", "i4", "coalesce(a.n365, 0)"),
    "size": ("size", "i8", "hashtextextended(c.size, 0)"),
}
_OPTIONAL_COLUMNS = {column: (kind, expression) for column, kind, expression in _OPTIONAL.values()}
_WORDS = {"uf": "state", "segment": "segment", "city": "city", "size": "size"}
_PLURAL = {"uf": "ufs", "segment": "segments", "city": "cities", "size": "sizes"}

_CLIENTS = """
    SELECT {columns}
    FROM clients_client c
    LEFT JOIN clients_clientactivity v ON v.organization_id = c.organization_id AND v.client_id = c.id
    {activity}
    LEFT JOIN portfolio_ownership o ON o.organization_id = c.organization_id AND o.client_id = c.id AND o.ended_on IS NULL
    WHERE c.organization_id = %(organization)s
"""
_FORMER = sql.SQL("""
    SELECT client_id, representative_id, seq, started_on, ended_on, source IN ('rotation', 'handover') AND seq > 1
    FROM portfolio_ownership WHERE organization_id = %(organization)s AND ended_on IS NOT NULL
    ORDER BY client_id, seq
""")
_FORMER_KINDS = {"client_id": "i8", "representative_id": "i8", "seq": "i4", "started_on": "day", "ended_on": "day", "moved": "flag"}
_OPEN_PROPOSALS = sql.SQL("""
    SELECT client_id FROM rotation_proposal
    WHERE organization_id = %(organization)s AND state IN ('proposed', 'approved') AND run_id <> %(run)s
""")
_HELD_OUT = sql.SQL("""
    SELECT client_id, max(until_on) FROM rotation_holdout
    WHERE organization_id = %(organization)s AND until_on > %(as_of)s AND run_id <> %(run)s GROUP BY client_id
""")
_LOST_BY_HAND = sql.SQL("""
    SELECT client_id, silent_since FROM clients_clientstop WHERE organization_id = %(organization)s
    AND lost_on <= %(as_of)s AND (lost_until IS NULL OR lost_until > %(as_of)s)
""")
_GRANTED_HOLDS = sql.SQL("""
    SELECT id, hold_until FROM clients_client WHERE organization_id = %(organization)s AND hold_until >= %(as_of)s
""")
_SCHEDULED_ORDERS = sql.SQL("""
    SELECT DISTINCT client_id FROM clients_order
    WHERE organization_id = %(organization)s AND ordered_on > %(as_of)s AND net_cents > 0
""")
_OPEN_OPPORTUNITIES = sql.SQL("""
    SELECT DISTINCT client_id FROM clients_opportunity WHERE organization_id = %(organization)s AND closed_on IS NULL
""")
# One closed since was open on a day of the past, and one opened again since was not.
_OPPORTUNITIES_OPEN_THEN = sql.SQL("""
    SELECT DISTINCT client_id FROM (
        SELECT DISTINCT ON (m.opportunity_id) o.client_id, m.to_stage
        FROM clients_opportunitymove m
        JOIN clients_opportunity o ON o.organization_id = m.organization_id AND o.id = m.opportunity_id
        WHERE m.organization_id = %(organization)s AND m.moved_on <= %(as_of)s
        ORDER BY m.opportunity_id, m.moved_at DESC, m.id DESC
    ) latest WHERE to_stage NOT IN ('won', 'lost')
""")
# The summary keeps the latest visit and contact only; a run of the past must not see those that came later.
_EARLIER = """
    SELECT client_id, max({day}) FROM {table}
    WHERE organization_id = %(organization)s AND {day} <= %(as_of)s AND {counts}
      AND client_id IN (SELECT client_id FROM clients_clientactivity
                        WHERE organization_id = %(organization)s AND {column} > %(as_of)s)
    GROUP BY client_id
"""


@dataclass(frozen=True, eq=False)
class RunFacts:
    """The engine's two tables, and what the run's service needs beside them."""

    clients: Facts
    representatives: Representatives
    source: Source  # where the orders' statistics came from


def day_number(day: date) -> int:
    """Days since 1970-01-01, the engine's unit of time."""
    return (day - EPOCH).days


def day_of(number: int) -> date | None:
    """The date of the engine's day; None for "never"."""
    return None if number <= NO_DAY // 2 or number >= ALWAYS else EPOCH + timedelta(days=int(number))


def run_facts(organization: Organization, rules: Sequence[Rule], *, as_of: date, live: bool, run_id: int = 0) -> RunFacts:
    """Everything a run of these rules computes from.

    Parameters
    ----------
    as_of : a day of the organization; no order, visit or contact after it is seen
    live : whether ``as_of`` is the organization's today
        Only then an order already dated for a later day is known, and guards its client as an open order. A replay
        must not know it. Who answers for a client is the present owner in either case: that is whom a move would
        take it from.
    run_id : a run whose own proposals and control group do not count (it is being computed again)

    Raises
    ------
    MissingColumn
        A rule needs what is not recorded; the message names it.
    """
    values = {"organization": organization.pk, "as_of": as_of, "run": run_id}
    columns, source = _client_columns(organization, rules, values)
    table = _representative_table(organization, as_of)
    ids = np.array([row.pk for row in table], np.int64)

    client_id, owner = columns["client_id"], positions(columns.pop("owner_id"), ids)
    former = read_columns(_FORMER, values, _FORMER_KINDS, no_day=NO_DAY)
    columns.update(_history(client_id, columns, former, ids))
    vocabularies = encode_words(columns)
    columns["never_rotate"] = columns["never_rotate"].astype(bool)
    columns["hold_until_on"] = np.where(columns["never_rotate"], ALWAYS, _granted(client_id, values)).astype(np.int32)
    opportunities = _OPEN_OPPORTUNITIES if live else _OPPORTUNITIES_OPEN_THEN
    columns["open_opportunity"] = _marked(client_id, read_columns(opportunities, values, {"client_id": "i8"}, no_day=NO_DAY)["client_id"])
    columns["open_proposal"] = _marked(client_id, read_columns(_OPEN_PROPOSALS, values, {"client_id": "i8"}, no_day=NO_DAY)["client_id"])
    columns["withheld_until_on"] = _held_out(client_id, values)
    if (lost := _lost_by_hand(client_id, columns["last_on"], values)).any():
        columns["lost_by_hand"] = lost
    if any(rule.experiment.share > 0 for rule in rules):
        columns["drawn_until_on"] = treated_until(client_id, as_of=as_of, run_id=run_id)
    columns["open_order"] = np.zeros(len(client_id), bool)
    if live:
        columns["open_order"] = _marked(client_id, read_columns(_SCHEDULED_ORDERS, values, {"client_id": "i8"}, no_day=NO_DAY)["client_id"])
    signals = {**values, "live": live}
    columns.update(signal_columns(rules, Base(client_id, columns["last_on"]), signals))
    minutes = any(rule.receivers.capacity == "minutes" for rule in rules)
    columns["abc"] = abc_classes(columns["net_12m"], abc_cuts(organization))
    if minutes:
        columns["minutes"] = client_minutes(columns["abc"])
    _forget_later(columns, values, day_number(as_of))

    holds = np.bincount(owner[owner >= 0], minlength=len(ids))
    representatives, words = representative_columns(table, holds, vocabularies, organization, as_of)
    consents = np.append([row.consent_recorded_on is not None and row.consent_recorded_on <= as_of for row in table], False)
    given: dict[str, Any] = {**columns, **words}
    limits = {name: getattr(organization, name) for name in ("warn_days", "inactive_days", "lost_days")}
    facts = Facts(owner=owner, consent=consents[owner], **limits, **given)
    if minutes:
        representatives = _with_minutes(representatives, facts, table)
    representatives = with_past(representatives, as_of=as_of)
    return RunFacts(facts, representatives, source)


def _with_minutes(representatives: Representatives, facts: Facts, table: list[Representative]) -> Representatives:
    """The quarter's minutes each has, and those its clients take today; who has none written down is held by clients alone."""
    week = np.array([np.inf if row.capacity_minutes_week is None else row.capacity_minutes_week for row in table], np.float64)
    return representatives.with_columns(capacity_minutes=week * QUARTER_WEEKS, minutes_held=minutes_held(facts, representatives))


def clients_query(rules: Sequence[Rule], source: Source) -> tuple[sql.Composed, dict[str, str]]:
    """The one SELECT over clients for these rules, parameters organization and as_of, and the kind of each column."""
    chosen = _chosen(rules)
    if source is Source.MOVED:
        chosen |= {"windows_on": ("day", "coalesce(a.windows_on, '-infinity')")}
    columns = sql.SQL(", ").join(sql.SQL(expression) for _, expression in chosen.values())
    if source is not Source.ORDERS:
        activity: sql.Composable = sql.SQL("CROSS JOIN LATERAL (SELECT v.*) a")  # the same row by another name: no second join
    else:
        activity = sql.SQL("LEFT JOIN ({}) a ON a.client_id = c.id").format(from_orders_query())
    query = sql.SQL(_CLIENTS).format(columns=columns, activity=activity)
    return query, {name: kind for name, (kind, _) in chosen.items()}


def _chosen(rules: Sequence[Rule]) -> dict[str, tuple[str, str]]:
    """Name of each column these rules need -> its kind and expression."""
    used = frozenset[str]().union(*(fields_used(rule) for rule in rules))
    wanted = (_OPTIONAL[name] for name in sorted(used & _OPTIONAL.keys()))
    return _BASE | {column: (kind, expression) for column, kind, expression in wanted}


def planned_for(source: Source) -> AbstractContextManager[None]:
    """Planner settings of that one query, inside the caller's transaction."""
    # It reads every client: a planner with old statistics, as after a large import, must not loop over them one by one.
    # Three tables of one row a client, all indexed by it, walked side by side cost half of hashing them.
    wanted = {"work_mem": "192MB", "enable_nestloop": "off", "enable_hashjoin": "off"}
    if source is Source.ORDERS:
        # Orders come out of their covering index in client order; hashing nine million of them is 7 times slower.
        wanted["enable_hashagg"] = "off"
    return planner(**wanted)


def _client_columns(organization: Organization, rules: Sequence[Rule], values: dict) -> tuple[dict[str, Array], Source]:
    as_of = values["as_of"]
    source, made = source_on(organization.pk, as_of)
    query, kinds = clients_query(rules, source)
    # Before the clients: an order that comes between finds its client's row summed up for today, to which nothing is added.
    moved = days_that_matter(organization.pk, made, as_of, kinds, no_day=NO_DAY) if source is Source.MOVED else {}
    with planned_for(source):
        columns = read_columns(query, values, kinds, no_day=NO_DAY)
    flags = columns.pop("flags")
    columns.update((name, flags & (1 << bit) != 0) for bit, name in enumerate(_FLAGS))
    ids = columns["client_id"]
    if (ids[1:] < ids[:-1]).any():
        # Cheaper here than a sort of wide rows on the server.
        order = np.argsort(ids, kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
    if source is Source.MOVED:
        _sum_up(columns, values, move_windows(columns, columns.pop("windows_on"), moved, day_number(as_of)))
    return columns, source


def _sum_up(columns: dict[str, Array], values: dict, rows: Array) -> None:
    """Replace what these rows say of orders by sums of the orders themselves."""
    if not len(rows):
        return
    own = {name: each for name, each in (_BASE | _OPTIONAL_COLUMNS).items() if name in columns and each[1].startswith("coalesce(a.")}
    expressions = sql.SQL(", ").join(sql.SQL(expression) for _, expression in own.values())
    query = sql.SQL("SELECT c.id, {} FROM unnest(%(some)s::bigint[]) c (id) LEFT JOIN ({}) a ON a.client_id = c.id").format(
        expressions, from_orders_query(some_only=True)
    )
    kinds = {"client_id": "i8", **{name: kind for name, (kind, _) in own.items()}}
    with planner(enable_hashagg="off"):
        sums = read_columns(query, {**values, "some": array(columns["client_id"][rows].tolist())}, kinds, no_day=NO_DAY)
    at = np.searchsorted(columns["client_id"], sums["client_id"])
    for name in own:
        columns[name][at] = sums[name]


def positions(wanted: Array, ids: Array) -> Array:
    """Position of each id in the sorted ``ids``; -1 for -1."""
    if not len(ids):
        return np.full(len(wanted), -1, np.int32)
    found = np.searchsorted(ids, wanted).astype(np.int32)
    found[wanted < 0] = -1
    return found


def _marked(client_id: Array, marked: Array) -> Array:
    flags = np.zeros(len(client_id), bool)
    flags[np.searchsorted(client_id, marked)] = True
    return flags


def _lost_by_hand(client_id: Array, last_on: Array, values: dict[str, Any]) -> Array:
    """Whether a person had declared the client lost by then, and no order came after the silence that was about."""
    rows = read_columns(_LOST_BY_HAND, values, {"client_id": "i8", "silence": "day"}, no_day=NO_DAY)
    lost = np.zeros(len(client_id), bool)
    known = np.isin(rows["client_id"], client_id)
    at = np.searchsorted(client_id, rows["client_id"][known])
    lost[at[last_on[at] <= rows["silence"][known]]] = True
    return lost


def _granted(client_id: Array, values: dict[str, Any]) -> Array:
    """Last day of the hold granted to each client on its representative's request, NO_DAY for none."""
    rows = read_columns(_GRANTED_HOLDS, values, {"client_id": "i8", "until_on": "day"}, no_day=NO_DAY)
    until = np.full(len(client_id), NO_DAY, np.int32)
    known = np.isin(rows["client_id"], client_id)
    until[np.searchsorted(client_id, rows["client_id"][known])] = rows["until_on"][known]
    return until


def _held_out(client_id: Array, values: dict) -> Array:
    rows = read_columns(_HELD_OUT, values, {"client_id": "i8", "until_on": "day"}, no_day=NO_DAY)
    until = np.full(len(client_id), NO_DAY, np.int32)
    until[np.searchsorted(client_id, rows["client_id"])] = rows["until_on"] - 1  # its last day still holds
    return until


def _history(client_id: Array, columns: dict[str, Array], former: dict[str, Array], ids: Array) -> dict[str, Array]:
    """Former owners, the last involuntary move, and the last seq where nobody answers for the client now."""
    at = np.searchsorted(client_id, former["client_id"])
    start = np.zeros(len(client_id) + 1, np.int64)
    np.cumsum(np.bincount(at, minlength=len(client_id)), out=start[1:])
    moved_on = np.where(columns.pop("moved"), columns["owned_since_on"], NO_DAY).astype(np.int32)
    np.maximum.at(moved_on, at[former["moved"]], former["started_on"][former["moved"]])
    seq = columns["seq"].astype(np.int64)
    np.maximum.at(seq, at, former["seq"].astype(np.int64))
    return {
        "seq": seq,
        "moved_on": moved_on,
        "former_start": start,
        "former_representative": positions(former["representative_id"], ids),
        "former_ended_on": former["ended_on"],
    }


def encode_words(columns: dict[str, Array]) -> dict[str, tuple[str, ...]]:
    """Replace the hashes of words by codes in place; return the vocabularies, sorted, "" coded as -1."""
    present = [name for name in _WORDS if name in columns]
    code_in, firsts = {}, {}
    for name in present:
        # A place for each is wanted anyway, and tells who came first: asked of ``unique``, that is a stable sort of every client.
        distinct = np.unique(columns[name])
        code_in[name] = np.searchsorted(distinct, columns[name])
        firsts[name] = np.empty(len(distinct), np.int64)
        firsts[name][code_in[name][::-1]] = np.arange(len(columns[name]))[::-1]
    wanted = np.unique(np.concatenate([columns["client_id"][firsts[name]] for name in present]))
    spelled = {
        row[0]: row[1:] for row in Client.objects.filter(pk__in=wanted.tolist()).values_list("pk", *(_WORDS[name] for name in present))
    }
    vocabularies = {}
    for i, name in enumerate(present):
        words = [spelled[client][i] for client in columns["client_id"][firsts[name]].tolist()]
        vocabulary = tuple(sorted({word for word in words if word}))
        code_of = {word: code for code, word in enumerate(vocabulary)}
        codes = np.array([code_of.get(word, -1) for word in words], np.int32)
        columns[name] = codes[code_in[name]]
        vocabularies[name] = vocabulary
    return vocabularies


def abc_cuts(organization: Organization) -> tuple[float, float]:
    """Shares of the year's net value at which the organization's class A ends, and its class B."""
    return organization.abc_a_percent / 100, organization.abc_b_percent / 100


def _forget_later(columns: dict[str, Array], values: dict, as_of: int) -> None:
    """Where the latest visit or contact lies after ``as_of``, take the latest one up to it."""
    for column, table, day, counts in (
        ("last_visit_on", "portfolio_visit", "visited_on", "true"),
        ("last_contact_on", "portfolio_interaction", "happened_on", "kind <> 'note'"),  # a note is no contact
    ):
        later = columns[column] > as_of
        if not later.any():
            continue
        names = {"day": sql.Identifier(day), "table": sql.Identifier(table), "column": sql.Identifier(column)}
        query = sql.SQL(_EARLIER).format(counts=sql.SQL(counts), **names)
        rows = read_columns(query, values, {"client_id": "i8", "day": "day"}, no_day=NO_DAY)
        columns[column][later] = NO_DAY
        columns[column][np.searchsorted(columns["client_id"], rows["client_id"])] = rows["day"]


def _representative_table(organization: Organization, as_of: date) -> list[Representative]:
    return list(Representative.objects.select_related("membership").order_by("pk"))


def is_active_on(row: Representative, day: date) -> bool:
    """Whether the representative serves on that day and their sign-in, if any, has not been closed."""
    serves = (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day < row.valid_to)
    return serves and (row.membership is None or row.membership.is_active)


def absent_ids(*, first: date, last: date) -> set[int]:
    """Representatives away on any day from ``first`` to ``last``; one query."""
    away = Absence.objects.filter(Q(starts_on__lte=last) & Q(ends_on__gt=first))
    return set(away.values_list("representative_id", flat=True))


def representative_columns(
    table: list[Representative], holds: Array, vocabularies: dict[str, tuple[str, ...]], organization: Organization, as_of: date
) -> tuple[Representatives, dict[str, tuple[str, ...]]]:
    """The representatives' columns, and the vocabularies grown by the words only they use."""
    away = Absence.objects.filter(starts_on__lte=as_of + timedelta(days=ABSENT_WITHIN_DAYS), ends_on__gt=as_of)
    begins = list(away.values_list("representative_id", "starts_on"))
    soon, now = {who for who, _on in begins}, {who for who, on in begins if on <= as_of}
    tops = top_teams()
    words = {_PLURAL[name]: list(vocabulary) for name, vocabulary in vocabularies.items()}
    codes = {name: {word: code for code, word in enumerate(vocabulary)} for name, vocabulary in words.items()}

    def code(name: str, word: str) -> int:
        if word not in codes[name]:
            codes[name][word] = len(words[name])
            words[name].append(word)
        return codes[name][word]

    nan = float("nan")
    made = Representatives(
        id=np.array([row.pk for row in table], np.int64),
        team=np.array([row.team_id or -1 for row in table], np.int64),
        top_team=np.array([tops.get(row.team_id or -1, -1) for row in table], np.int64),
        active=np.array([is_active_on(row, as_of) for row in table], bool),
        autonomous=np.array([row.contract_type == Representative.Contract.AUTONOMOUS for row in table], bool),
        capacity=np.array([row.capacity_clients for row in table], np.int32),
        holds=holds.astype(np.int32),
        receive_ceiling=np.array([-1 if row.receive_ceiling is None else row.receive_ceiling for row in table], np.int32),
        give_ceiling=np.array([-1 if row.give_ceiling is None else row.give_ceiling for row in table], np.int32),
        absent=np.array([row.pk in soon for row in table], bool),
        absent_now=np.array([row.pk in now for row in table], bool),
        lat=np.array([nan if row.latitude is None else row.latitude for row in table], np.float64),
        lon=np.array([nan if row.longitude is None else row.longitude for row in table], np.float64),
        city=np.array([code("cities", row.base_city) if row.base_city else -1 for row in table], np.int32),
        regions=tuple(frozenset(code("ufs", word) for word in row.regions) for row in table),
        segments=tuple(frozenset(code("segments", word) for word in row.segments) for row in table),
    )
    return made, {name: tuple(vocabulary) for name, vocabulary in words.items()}
