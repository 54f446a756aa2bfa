"""Proposals that were computed and not written, described for a page or a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accounts.models import Representative
from clients.models import Client
from rotation.engine.explain import Trace
from rotation.engine.pipeline import Outcome
from rotation.engine.rules import Rule
from rotation.selectors.facts import RunFacts


@dataclass(frozen=True)
class PreviewRow:
    """One move that a run would propose; representatives by code, for a person to read."""

    client_id: int
    client_code: str
    client_name: str
    city: str
    state: str
    rule: str
    from_id: int | None
    from_code: str | None
    to_id: int
    to_code: str
    value_cents: int
    at_stake_cents: int
    net_12m_cents: int
    days_since_last: int | None
    km_from: float | None
    km_to: float | None
    reasons: list[dict[str, Any]]  # {"field", "op", "value", "observed"} of each condition that held


def preview_rows(facts: RunFacts, outcomes: Sequence[Outcome], rules: Sequence[Rule], *, limit: int | None) -> list[PreviewRow]:
    """The best ``limit`` moves over all rules, by value; two queries however many."""
    value = np.concatenate([outcome.proposals.value_cents for outcome in outcomes])
    client = np.concatenate([outcome.proposals.client for outcome in outcomes])
    which = np.repeat(np.arange(len(outcomes)), [len(outcome.proposals) for outcome in outcomes])
    inside = np.concatenate([np.arange(len(outcome.proposals)) for outcome in outcomes])
    order = np.lexsort((client, -value))[:limit]
    ids = facts.clients.client_id[client[order]].tolist()
    names = {row[0]: row[1:] for row in Client.objects.filter(pk__in=ids).values_list("pk", "code", "trade_name", "name", "city", "state")}
    codes = dict(Representative.objects.values_list("pk", "code"))
    return [
        _row(facts, outcomes[which[i]], rules[which[i]].name, int(inside[i]), names[client_id], codes)
        for i, client_id in zip(order.tolist(), ids, strict=True)
    ]


def _row(facts: RunFacts, outcome: Outcome, rule: str, i: int, names: tuple, codes: dict[int, str]) -> PreviewRow:
    moves, table, clients = outcome.proposals, facts.representatives, facts.clients
    row, owner = int(moves.client[i]), int(moves.from_representative[i])
    from_id = int(table.id[owner]) if owner >= 0 else None
    to_id = int(table.id[moves.to_representative[i]])
    code, trade_name, name, city, state = names
    return PreviewRow(
        client_id=int(clients.client_id[row]),
        client_code=code,
        client_name=trade_name or name,
        city=city,
        state=state,
        rule=rule,
        from_id=from_id,
        from_code=codes[from_id] if from_id is not None else None,
        to_id=to_id,
        to_code=codes[to_id],
        value_cents=int(moves.value_cents[i]),
        at_stake_cents=int(moves.at_stake_cents[i]),
        net_12m_cents=int(clients.net_12m[row]),
        days_since_last=int(outcome.summary["as_of"] - clients.last_on[row]) if clients.x[row] >= 0 else None,
        km_from=_number(moves.km_from[i]),
        km_to=_number(moves.km_to[i]),
        reasons=[
            {"field": trace.field, "op": trace.op, "value": _plain(trace.value), "observed": _observed(trace, i)}
            for trace in outcome.traces
            if trace.holds[i]
        ],
    )


def _observed(trace: Trace, i: int) -> Any:
    if not trace.known[i]:
        return None
    value = trace.observed[i]
    if trace.words:
        return trace.words[int(value)]
    return _number(value)


def _number(value: Any) -> float | int | None:
    if np.isnan(value) or np.isinf(value):
        return None
    return int(value) if float(value).is_integer() else round(float(value), 3)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
