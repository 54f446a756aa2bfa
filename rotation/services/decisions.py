"""What managers decide about proposals: approve, refuse, postpone, choose another representative, take it back.

One transaction an act, however many rows: the run is locked, then the proposals by id; every row changes in one
statement, and each leaves one decision row behind.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services import Actor, record_event
from accounts.tenancy import active_organization_id
from rotation.engine.rules import Rule as EngineRule
from rotation.engine.rules import parse_rule
from rotation.errors import NotEligible, UnknownReason, WrongState
from rotation.models import Decision, Proposal, RefusalReason, RuleVersion, Run
from rotation.selectors.receiving import COMING, KINDS, Filled
from rotation.services.approval import NEEDS_ADMIN, kept_from
from rotation.services.receivers import Fit, fits

Action = Decision.Action
State = Proposal.State

# From which states an act may take a proposal, and where to; CHANGE and POSTPONE leave it where it is.
_EDGES: dict[str, tuple[tuple[str, ...], str | None]] = {
    Action.APPROVE: ((State.PROPOSED,), State.APPROVED),
    Action.REJECT: ((State.PROPOSED, State.APPROVED), State.REJECTED),
    Action.POSTPONE: ((State.PROPOSED,), None),
    Action.CHANGE: ((State.PROPOSED, State.APPROVED), None),
    Action.REOPEN: ((State.APPROVED, State.REJECTED, State.PROPOSED), State.PROPOSED),  # of those proposed, the postponed only
}
_OPEN = (State.PROPOSED, State.APPROVED)  # a client has one such proposal at most
# Why a row was left as it was. ``caveat``: it needs a look of its own; the rest say what happened to it.
CAVEAT, CHANGED, DECIDED, RUN_CLOSED = "caveat", "changed_meanwhile", "already_decided", "run_closed"


@dataclass(frozen=True)
class Skipped:
    """A row the act did not touch, why, and who had been there before, when."""

    proposal_id: int
    code: str
    by_name: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class DecisionResult:
    """What became of the rows: ``decided`` by id, ``skipped`` with reasons. ``batch`` undoes all of it."""

    batch: UUID
    decided: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class _Change:
    """One row's new state and, for another receiver, its new numbers."""

    row: Mapping[str, Any]
    state: str
    to_id: int | None
    value_cents: int
    km_to: float | None
    caveats: list[str]
    postponed_at: datetime | None = None


_ROW = (
    "id", "run_id", "client_id", "rule_version_id", "from_representative_id", "to_representative_id", "state", "version", "caveats",
    "value_cents", "at_stake_cents", "lift", "km_from", "km_to", "candidates", "candidate_values", "candidate_kms", "decided_by__name",
    "decided_at", "postponed_at",
)  # fmt: skip


@transaction.atomic
def decide(
    proposals: QuerySet[Proposal],
    action: str,
    *,
    by: Membership,
    at: datetime,
    reason: str = "",
    note: str = "",
    to: Representative | None = None,
    moment: datetime | None = None,
    versions: Mapping[int, int] | None = None,
    bulk: bool = False,
    with_caveats: bool = False,
) -> DecisionResult:
    """Carry out one act of a person over some proposals.

    Parameters
    ----------
    proposals : those meant; what lies outside the member's reach counts as not there
    reason : of a refusal, a label of the organization's list or words of one's own
    to : the receiver of ``change``; with ``approve``, the receiver the rows are approved for, in the same act
    moment : when the person made the selection; rows somebody decided after it are skipped
    versions : id -> the version the person saw; rows with another one are skipped
    bulk, with_caveats : an approval of many leaves rows with caveats out unless told otherwise

    Raises
    ------
    NotAllowed
        Only administration and management decide, and whom the rule's approval mode names.
    UnknownReason
        A refusal without a reason.
    NotEligible
        No row may go to ``to``; the sentence says why of the first.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só administração e gerência decidem propostas."))
    if action == Action.REJECT and not reason.strip():
        raise UnknownReason(_("Escolha o motivo da recusa."))
    if action == Action.CHANGE and to is None:
        raise NotEligible(_("Escolha o novo vendedor."), why="missing")
    if to is not None and not _reaches(by, to):
        raise NotAllowed(_("Este vendedor não é da sua equipe."))
    rows = _locked(_within_reach(proposals, by))
    result = DecisionResult(uuid4())
    free = _still_free(rows, action, result, moment=moment, versions=versions)
    if action == Action.APPROVE:
        kept = kept_from(free, by)
        if free and len(kept) == len(free):
            raise NotAllowed(not_for_you(kept[free[0]["id"]]))
        result.skipped.extend(Skipped(pk, code) for pk, code in kept.items())
        free = [row for row in free if row["id"] not in kept]
    if action == Action.APPROVE and bulk and not with_caveats:
        result.skipped.extend(Skipped(row["id"], CAVEAT) for row in free if row["caveats"])
        free = [row for row in free if not row["caveats"]]
    moved = free if to is None else [row for row in free if row["to_representative_id"] == to.pk and action == Action.APPROVE]
    changes = _moved(moved, action, at)
    if to is not None:
        changes += _changed_receiver([row for row in free if row not in moved], to, action, at, result)
    _write(changes, action, result, by=by, at=at, reason=reason.strip(), note=note)
    return result


@transaction.atomic
def undo_batch(batch: UUID, *, by: Membership, at: datetime) -> DecisionResult:
    """Take one act back: every row it decided returns to what it was before, unless somebody decided it again since.

    Raises
    ------
    NotAllowed
        A manager undoes their own acts only; the administration any.
    """
    decisions = Decision.objects.filter(batch=batch).exclude(action=Action.COMMENT)
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só administração e gerência decidem propostas."))
    if by.role != Role.ADMIN and decisions.exclude(by=by).exists():
        raise NotAllowed(_("Só quem decidiu, ou a administração, pode desfazer."))
    rows = _locked(_within_reach(Proposal.objects.filter(pk__in=decisions.values("proposal")), by))
    columns = ("id", "proposal_id", "action", "from_state", "from_receiver_id", "to_receiver_id")
    made = {row["proposal_id"]: row for row in decisions.values(*columns)}
    result = DecisionResult(uuid4())
    later = _decided_since(rows, after_ids={pk: row["id"] for pk, row in made.items()})
    taken = _proposed_elsewhere(rows)
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for row in rows:
        if row["run__state"] != Run.State.AWAITING:
            result.skipped.append(Skipped(row["id"], RUN_CLOSED))
        elif row["id"] in later:
            result.skipped.append(Skipped(row["id"], CHANGED, *later[row["id"]]))
        elif row["id"] in taken:
            result.skipped.append(Skipped(row["id"], CHANGED))
        else:
            changes.append((row, dict(made[row["id"]])))
    back = _receivers_back([(row, was) for row, was in changes if was["from_receiver_id"] != was["to_receiver_id"]], at)
    postponed = _postponed_before(made)
    written = [
        replace(
            back.get(row["id"])
            or _Change(row, was["from_state"], row["to_representative_id"], row["value_cents"], row["km_to"], row["caveats"]),
            state=was["from_state"],
            postponed_at=postponed.get(row["id"]) if was["from_state"] == State.PROPOSED else None,
        )
        for row, was in changes
    ]
    _write(written, Action.REOPEN, result, by=by, at=at, reason="", note="")
    return result


def _reaches(by: Membership, to: Representative | None) -> bool:
    return to is not None and representatives_visible_to(by).filter(pk=to.pk).exists()


def _within_reach(proposals: QuerySet[Proposal], by: Membership) -> QuerySet[Proposal]:
    """A manager acts where both representatives are theirs; clients nobody answers for are the administration's."""
    if by.role == Role.ADMIN:
        return proposals
    theirs = representatives_visible_to(by).values("pk")
    return proposals.filter(from_representative__in=theirs, to_representative__in=theirs)


def _locked(proposals: QuerySet[Proposal]) -> list[dict[str, Any]]:
    """The rows, locked: their runs first, then they by id, the order everyone keeps."""
    ids = list(proposals.exclude(state=State.WITHHELD).order_by().values_list("pk", flat=True).distinct())
    if not ids:
        return []
    chosen = Proposal.objects.filter(pk__in=ids)
    runs = Run.objects.filter(pk__in=chosen.order_by().values("run_id"))
    states = dict(runs.select_for_update(no_key=True).order_by("pk").values_list("pk", "state"))
    list(chosen.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    # Read again under the locks: the joins of the reading query must not be locked with it.
    return [{**row, "run__state": states[row["run_id"]]} for row in chosen.order_by("pk").values(*_ROW)]


def _still_free(
    rows: list[dict[str, Any]], action: str, result: DecisionResult, *, moment: datetime | None, versions: Mapping[int, int] | None
) -> list[dict[str, Any]]:
    """The rows the act may touch; the others are reported in ``result``."""
    since = _decided_since(rows, moment=moment) if moment else {}
    allowed = _EDGES[action][0]
    taken = _proposed_elsewhere(rows) if action == Action.REOPEN else set()
    free = []
    for row in rows:
        by_name, when = row["decided_by__name"] or "", row["decided_at"]
        if row["run__state"] != Run.State.AWAITING:
            result.skipped.append(Skipped(row["id"], RUN_CLOSED))
        elif row["id"] in since:
            result.skipped.append(Skipped(row["id"], CHANGED, *since[row["id"]]))
        elif versions is not None and versions.get(row["id"], row["version"]) != row["version"]:
            result.skipped.append(Skipped(row["id"], CHANGED, by_name, when))
        elif row["state"] not in allowed or (action == Action.REOPEN and row["state"] == State.PROPOSED and not row["postponed_at"]):
            result.skipped.append(Skipped(row["id"], DECIDED, by_name, when))
        elif row["id"] in taken:
            result.skipped.append(Skipped(row["id"], CHANGED))
        else:
            free.append(row)
    return free


def _proposed_elsewhere(rows: Iterable[Mapping[str, Any]]) -> set[int]:
    """The refused rows nobody can open again: their client has an open proposal by now, or another of these rows will be it."""
    refused = [row for row in rows if row["state"] == State.REJECTED]
    if not refused:
        return set()
    clients = set(
        Proposal.objects.filter(client__in=[row["client_id"] for row in refused], state__in=_OPEN).values_list("client_id", flat=True)
    )
    taken = set()
    for row in refused:
        if row["client_id"] in clients:
            taken.add(row["id"])
        clients.add(row["client_id"])
    return taken


def _decided_since(
    rows: Sequence[Mapping[str, Any]], *, moment: datetime | None = None, after_ids: Mapping[int, int] | None = None
) -> dict[int, tuple[str, datetime]]:
    """Who decided each row last after ``moment``, or after the decision ``after_ids`` names; one query."""
    decisions = Decision.objects.filter(proposal__in=[row["id"] for row in rows]).exclude(action=Action.COMMENT)
    if moment is not None:
        decisions = decisions.filter(at__gt=moment)
    elif after_ids:
        decisions = decisions.filter(pk__gt=min(after_ids.values()))
    found = {}
    for pk, proposal_id, name, when in decisions.order_by("pk").values_list("pk", "proposal_id", "by__name", "at"):
        if after_ids is None or pk > after_ids[proposal_id]:
            found[proposal_id] = (name, when)
    return found


def _postponed_before(made: Mapping[int, Mapping[str, Any]]) -> dict[int, datetime]:
    """Which proposals stood postponed when these decisions were made, and since when; one query."""
    if not made:
        return {}
    before = Decision.objects.filter(proposal__in=list(made), pk__lt=max(row["id"] for row in made.values())).order_by("pk")
    before = before.exclude(action=Action.COMMENT)
    last: dict[int, tuple[str, datetime]] = {}
    for pk, proposal_id, action, at in before.values_list("pk", "proposal_id", "action", "at"):
        if pk < made[proposal_id]["id"]:
            last[proposal_id] = (action, at)
    return {proposal_id: at for proposal_id, (action, at) in last.items() if action == Action.POSTPONE}


def _moved(rows: Iterable[Mapping[str, Any]], action: str, at: datetime) -> list[_Change]:
    state, postponed = _EDGES[action][1], at if action == Action.POSTPONE else None
    return [
        _Change(row, state or row["state"], row["to_representative_id"], row["value_cents"], row["km_to"], row["caveats"], postponed)
        for row in rows
    ]


def _changed_receiver(rows: list[dict[str, Any]], to: Representative, action: str, at: datetime, result: DecisionResult) -> list[_Change]:
    """The rows ``to`` may receive, with the numbers of the new pair; the others are skipped with the reason's code."""
    found = _fits(rows, to, at)
    refused = {pk: fit.refused for pk, fit in found.items() if fit.refused}
    if rows and len(refused) == len(rows):
        why = refused[rows[0]["id"]]
        raise NotEligible(not_eligible(why, to), why=why)
    result.skipped.extend(Skipped(pk, why) for pk, why in refused.items())
    state = _EDGES[action][1]
    changes = [_change_of(row, to.pk, found[row["id"]]) for row in rows if row["id"] not in refused]
    return [replace(change, state=state) for change in changes] if state else changes


def ceilings_passed(proposals: QuerySet[Proposal], to: Representative, *, by: Membership, at: datetime) -> list[Filled]:
    """The ceilings ``to`` would stand beyond if it received these open proposals too: said before a person chooses; nothing is written."""
    coming = _within_reach(proposals, by).filter(state__in=COMING).exclude(to_representative=to)
    rows = list(coming.order_by("pk").values(*_ROW))
    last: dict[tuple[str, int], Filled] = {}
    if rows and _reaches(by, to):
        found = _fits(rows, to, at)
        for row in rows:
            last |= {(each.kind, row["run_id"]): each for each in found[row["id"]].passed}
    return sorted(last.values(), key=lambda each: KINDS.index(each.kind))


def _fits(rows: list[dict[str, Any]], to: Representative, at: datetime, *, back: bool = False) -> dict[int, Fit]:
    versions = RuleVersion.objects.filter(pk__in={row["rule_version_id"] for row in rows})
    rules: dict[int | None, EngineRule] = {version.pk: parse_rule(version.definition, accepted=True) for version in versions}
    return fits(rows, to, rules, as_of=local_day(to.organization, at=at), back=back)


_OF_THE_PAIR = (Proposal.Caveat.FARTHER, Proposal.Caveat.OVER_CAPACITY, Proposal.Caveat.OVER_CEILING)


def _change_of(row: Mapping[str, Any], to_id: int, fit: Fit) -> _Change:
    """Caveats of the client stay; distance and ceilings are those of the new pair."""
    caveats = [each for each in row["caveats"] if each not in _OF_THE_PAIR]
    caveats[:0] = dict.fromkeys(each.caveat.value for each in fit.passed)
    if fit.farther:
        caveats.insert(0, Proposal.Caveat.FARTHER.value)
    return _Change(row, row["state"], to_id, fit.value_cents, fit.km, caveats)


def _receivers_back(changes: list[tuple[dict[str, Any], dict[str, Any]]], at: datetime) -> dict[int, _Change]:
    """Undone choices of a receiver: the former one again, with the ceilings it now passes, whether or not it still fits."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row, was in changes:
        groups.setdefault(was["from_receiver_id"], []).append(row)
    receivers = Representative.objects.select_related("organization", "membership").in_bulk(groups)
    back = {}
    for to_id, rows in groups.items():
        found = _fits(rows, receivers[to_id], at, back=True)
        for row in rows:
            back[row["id"]] = _change_of(row, to_id, found[row["id"]])
    return back


def not_for_you(code: str) -> str:
    """Why the rule leaves this approval to somebody else."""
    if code == NEEDS_ADMIN:
        return _("A regra pede aprovação da administração.")
    return _("A regra pede aprovação de quem lidera diretamente a equipe que cede o cliente.")


def not_eligible(why: str, to: Representative) -> str:
    """The refusal of a receiver in words."""
    sentences = {
        "receiver_inactive": _("%(name)s não está mais em atividade."),
        "receiver_absent": _("%(name)s está ausente, ou estará em até 14 dias."),
        "owner": _("%(name)s já responde por este cliente."),
        "no_region": _("%(name)s não atende a região deste cliente."),
        "no_segment": _("%(name)s não atende o segmento deste cliente."),
        "too_far": _("%(name)s fica mais longe do que a regra permite."),
        "cooling_off": _("%(name)s respondeu por este cliente há pouco tempo."),
    }
    return sentences[why] % {"name": to.name}


_UPDATE = """
    UPDATE rotation_proposal p
    SET state = c.state, to_representative_id = c.to_id, value_cents = c.value_cents, km_to = c.km_to,
        caveats = CASE WHEN c.caveats = '' THEN '{}' ELSE string_to_array(c.caveats, ',') END,
        decided_by_id = %(by)s, decided_at = %(at)s, decision_reason = %(reason)s, decision_note = %(note)s,
        postponed_at = c.postponed_at, version = p.version + 1
    FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(tos)s::bigint[], %(values)s::bigint[], %(kms)s::float8[], %(caveats)s::text[],
                %(postponed)s::timestamptz[])
         AS c (id, state, to_id, value_cents, km_to, caveats, postponed_at)
    WHERE p.organization_id = %(organization)s AND p.id = c.id
"""
_RECORD = """
    INSERT INTO rotation_decision (organization_id, proposal_id, batch, action, by_id, at, reason, note, from_state, to_state,
        from_receiver_id, to_receiver_id)
    SELECT %(organization)s, c.id, %(batch)s, %(action)s, %(by)s, %(at)s, %(reason)s, %(note)s, c.from_state, c.state, c.from_id, c.to_id
    FROM unnest(%(ids)s::bigint[], %(from_states)s::text[], %(states)s::text[], %(froms)s::bigint[], %(tos)s::bigint[])
         AS c (id, from_state, state, from_id, to_id)
    ORDER BY c.id
"""
_APPROVER = """
    UPDATE rotation_run SET approved_by = approved_by || %(by_json)s::jsonb
    WHERE organization_id = %(organization)s AND id = ANY(%(runs)s) AND NOT approved_by @> %(by_json)s::jsonb
"""


def _write(changes: list[_Change], action: str, result: DecisionResult, *, by: Membership, at: datetime, reason: str, note: str) -> None:
    """Every row in one UPDATE, its decision in one INSERT, one audit event a run."""
    if not changes:
        return
    values: dict[str, Any] = {
        "organization": active_organization_id(),
        "ids": [change.row["id"] for change in changes],
        "states": [change.state for change in changes],
        "from_states": [change.row["state"] for change in changes],
        "froms": [change.row["to_representative_id"] for change in changes],
        "tos": [change.to_id for change in changes],
        "values": [change.value_cents for change in changes],
        "kms": [change.km_to for change in changes],
        "caveats": [",".join(change.caveats) for change in changes],
        "by": by.pk,
        "at": at,
        "reason": reason[:120],
        "note": note[:500],
        "postponed": [change.postponed_at for change in changes],
        "batch": result.batch,
        "action": action,
        "runs": sorted({change.row["run_id"] for change in changes}),
        "by_json": f"[{by.pk}]",
    }
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, values)
        if cursor.rowcount != len(changes):
            raise WrongState(_("As propostas mudaram durante a decisão. Tente de novo."))
        cursor.execute(_RECORD, values)
        if action == Action.APPROVE:
            cursor.execute(_APPROVER, values)
    for run_id in values["runs"]:
        ids = [change.row["id"] for change in changes if change.row["run_id"] == run_id]
        record_event(
            f"run:{run_id}",
            f"proposals.{action}",
            by=Actor(by),
            after={"batch": str(result.batch), "proposals": len(ids), "first": ids[0], "last": ids[-1]},
            reason=reason,
        )
    result.decided.extend(values["ids"])


def refusal_reasons() -> QuerySet[RefusalReason]:
    """The organization's list of reasons, in its order."""
    return RefusalReason.objects.filter(Q(is_active=True)).order_by("position", "label")
