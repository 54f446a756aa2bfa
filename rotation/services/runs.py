"""One night: a run is scheduled once, computed, and awaits approval. Read from top to bottom.

scheduled -> computing -> awaiting_approval -> applying -> applied; also failed, cancelled, expired. Each edge is one
conditional UPDATE; where another worker was faster, nothing happens.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from time import perf_counter
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Notice, Organization, Role
from accounts.selectors import local_day
from accounts.services import Actor, notify, record_event
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.tasks import send_on_commit
from rotation.calendar import add_business_days, end_of_day
from rotation.engine.pipeline import ENGINE_VERSION
from rotation.engine.rules import Rule as EngineRule
from rotation.engine.rules import parse_rule
from rotation.errors import NoPublishedVersion, NoRules, RunBusy, WrongState
from rotation.models import Proposal, RotationSettings, Rule, RuleVersion, Run, RunRule
from rotation.selectors.preview import PreviewRow, preview_rows
from rotation.selectors.runs import run_rules_for
from rotation.services.computing import Computed, compute, sides_of, totals
from rotation.services.expiring import expire_open
from rotation.services.quality import check_feed, is_live
from rotation.services.rules import check_definition, rotation_settings
from rotation.services.warnings import close_warnings, warn_owners
from rotation.services.watch import halt_broken_rules
from rotation.services.writing import write_outcomes

MAX_RULE_SET = 200
# Longer than a page may take: the engine thinks while its transaction is open.
_TIME_TO_THINK = {"statement_timeout": "120s", "transaction_timeout": "270s", "idle_in_transaction_session_timeout": "270s"}


@dataclass(frozen=True)
class RulePreview:
    """One rule's share of a preview."""

    name: str
    number: int | None  # of the version; None for a definition not stored
    clients: int  # the population looked at
    flagged: int
    guarded: int
    guards: dict[str, int]
    held_out: int
    proposed: int
    unassigned: int
    value_cents: int


@dataclass(frozen=True)
class Preview:
    """What a run would propose now; the numbers a run would record, and its first proposals. Nothing was written."""

    as_of: date
    clients: int
    flagged: int
    guarded: int
    held_out: int
    proposed: int
    unassigned: int
    value_cents: int
    objective_cents: int
    bound_cents: int
    gap: float
    round_robin_cents: int
    digest: str
    seconds: dict[str, float]
    summary: dict[str, Any]
    rules: list[RulePreview]
    proposals: list[PreviewRow] = field(repr=False)
    feed_warning: str = ""  # why a real run would be refused


def start_run(rules: Sequence[Rule], *, as_of: date, trigger: str, by: Membership | Actor) -> Run:
    """Record that these rules run on that day; the same rules and day give the run already there.

    Parameters
    ----------
    rules : active or not; their order in the run is that of the organization
    trigger : schedule, event, person or command
        All but the last send the task that computes the run, once it is committed.

    Raises
    ------
    NoRules, NoPublishedVersion
    NotAllowed
        Only the administration starts a run by hand; others may look at a preview.
    """
    if isinstance(by, Membership):
        if by.role != Role.ADMIN or not by.is_active:
            raise NotAllowed(_("Só a administração inicia um giro; a gerência pode ver uma prévia."))
        by = Actor(by)
    ordered = sorted(rules, key=lambda rule: (rule.position, rule.pk))
    if not ordered:
        raise NoRules(_("Nenhuma regra ativa: crie e publique uma em Regras de giro antes de rodar o giro."))
    # A figure that broke since the watch last looked stops this very run.
    broken = {rule_id for rule_id, _number, _figure in halt_broken_rules(timezone.now())}
    stopped = [rule for rule in ordered if rule.pk in broken]
    ordered = [rule for rule in ordered if rule.pk not in broken]
    if not ordered:
        raise NoRules(stopped_by_itself(stopped[0]))
    lines = run_rules_for(ordered)
    used = {line.rule_version.rule_id for line in lines}
    for rule in ordered:
        if rule.pk not in used:
            raise NoPublishedVersion(_("A regra “%(rule)s” ainda não tem versão publicada.") % {"rule": rule.name})
    with transaction.atomic():
        rotation_settings(lock=True)  # schedulers of one organization take turns
        rule_set = rule_set_of(ordered)
        last = Run.objects.filter(rule_set=rule_set, as_of=as_of).order_by("-attempt").first()
        if last and last.state != Run.State.CANCELLED:
            return last
        run = Run.objects.create(
            organization_id=active_organization_id(),
            rule_set=rule_set,
            as_of=as_of,
            attempt=last.attempt + 1 if last else 1,
            trigger=trigger,
            started_by=by.membership,
            heartbeat_at=timezone.now(),
        )
        RunRule.objects.bulk_create(
            RunRule(
                organization_id=run.organization_id,
                run=run,
                rule_version=line.rule_version,
                side=line.side,
                team_id=line.team_id,
                position=position,
            )
            for position, line in enumerate(lines, 1)
        )
        trials = {str(line.rule_version.rule_id): line.rule_version.number for line in lines if line.side == RunRule.Side.CANARY}
        record_event(
            f"run:{run.pk}",
            "run.scheduled",
            by=by,
            after={
                "as_of": as_of.isoformat(),
                "rules": {str(line.rule_version.rule_id): line.rule_version.number for line in lines if line.side != RunRule.Side.CANARY},
                **({"trials": trials} if trials else {}),
                "attempt": run.attempt,
            },
        )
        if trigger != "command":  # a command computes what it started itself
            send_on_commit("rotation.tasks.compute_run", run.pk, organization_id=run.organization_id)
    return run


def stopped_by_itself(rule: Rule) -> str:
    """Why a rule does not run: one of its guard figures is beyond its limit."""
    return _("“%(rule)s” parou sozinha: um número passou do limite. Veja qual no resultado da regra e ative-a de novo.") % {
        "rule": rule.name
    }


def rule_set_of(rules: Sequence[Rule]) -> str:
    """The rules' ids joined by commas; a hash of them where that would be too long for its column."""
    joined = ",".join(str(rule.pk) for rule in rules)
    return joined if len(joined) <= MAX_RULE_SET else "sha256:" + hashlib.sha256(joined.encode()).hexdigest()


def compute_run(run_id: int, organization_id: int, *, at: datetime | None = None) -> Run:
    """Compute a scheduled run's proposals; a run already computed is returned as it is.

    Opens its own transactions: one to claim the run, one for everything it writes. A worker that dies in between
    leaves the run ``computing``, and calling again computes it anew with the same result.

    Raises
    ------
    StaleFeed, RefusedFeed, RuleRefused
        The run is ``failed`` with that sentence, and resumes when called again after the cure.
    RunBusy
        Another run of the organization is being computed or applied; nothing changed.
    """
    at = at or timezone.now()
    with tenant_atomic(organization_id):
        if not _claim(run_id, at):
            return Run.objects.get(pk=run_id)
    try:
        with tenant_atomic(organization_id):
            return _compute_claimed(run_id, at)
    except RunBusy:
        raise
    except DomainError as error:
        # A refusal is an answer: it waits for a person, not for another attempt.
        _fail(run_id, organization_id, str(error))
        raise
    except Exception as error:
        # The sweeper counts the attempt and sends the run again; the page of one that fails for good shows this.
        with tenant_atomic(organization_id):
            Run.objects.filter(pk=run_id, state=Run.State.COMPUTING).update(error=f"{type(error).__name__}: {error}"[:1000])
        raise


def _claim(run_id: int, at: datetime) -> bool:
    """Move the run to ``computing``; also true for one a dead worker left there or that failed in this step."""
    claimable = Q(state__in=[Run.State.SCHEDULED, Run.State.COMPUTING]) | Q(state=Run.State.FAILED, failed_in=Run.State.COMPUTING)
    # A person who resumes a failed run starts its count of attempts anew.
    Run.objects.filter(Q(pk=run_id, state=Run.State.FAILED) & claimable).update(attempts_made=0)
    return bool(Run.objects.filter(Q(pk=run_id) & claimable).update(state=Run.State.COMPUTING, heartbeat_at=at, error="", failed_in=""))


def _compute_claimed(run_id: int, at: datetime) -> Run:
    began = perf_counter()
    take_time()
    settings = _mutex()
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state != Run.State.COMPUTING:
        return run  # another worker finished it while this one waited
    organization = Organization.objects.get(pk=run.organization_id)
    used = list(run.rules.select_related("rule_version__rule").order_by("position"))
    for line in used:
        if line.rule_version.rule.halted_at:
            raise WrongState(stopped_by_itself(line.rule_version.rule))
    versions = [row.rule_version for row in used]
    rules = [(parse_rule(version.definition, accepted=True), version.pk) for version in versions]
    check_feed(organization, [rule for rule, _ in rules], settings, at=at)
    if any(guard.name == "save_window" for rule, _ in rules for guard in rule.guards):
        close_warnings(on=run.as_of)
    computed = compute(
        organization,
        rules,
        rule_ids=[version.rule_id for version in versions],
        as_of=run.as_of,
        live=is_live(organization, run.as_of, at=at),
        run_id=run.pk,
        sides=sides_of(used),
    )
    writing = perf_counter()
    rule_ids = {version.pk: version.rule_id for version in versions}
    written = write_outcomes(run.pk, computed, rule_ids=rule_ids)
    warn_owners(run.pk, computed, rule_ids=rule_ids)
    done = perf_counter()
    seconds = {**computed.seconds, "write": done - writing, "total": done - began}
    _record(run, computed, written, seconds, at)
    return run


def _record(run: Run, computed: Computed, written: Mapping[int, int], seconds: Mapping[str, float], at: datetime) -> None:
    """The run's numbers, its deadline, the audit event and the notice to those who decide."""
    added = totals(computed.outcomes)
    organization, proposed = computed.organization, sum(written.values())
    days = min(rule.approval.expires_after_business_days for rule, _ in computed.rules)
    expires_on = add_business_days(local_day(organization, at=at), days, organization.country)
    run.state = Run.State.AWAITING
    run.seed = int(computed.seed[:15], 16)
    run.engine_version, run.data_digest = ENGINE_VERSION, computed.digest
    run.n_clients, run.n_flagged, run.n_guarded = len(computed.facts.clients), added["flagged"], added["guarded"]
    run.n_held_out, run.n_proposed, run.n_unassigned = added["held_out"], proposed, added["unassigned"]
    run.objective_cents, run.bound_cents, run.gap = added["objective_cents"], added["bound_cents"], added["gap"]
    run.round_robin_cents = added["round_robin_cents"]
    run.summary = {
        **computed.summary,
        "value_cents": added["value_cents"],
        "seconds": {name: round(spent, 4) for name, spent in seconds.items()},
    }
    run.computed_at = run.heartbeat_at = at
    run.attempts_made = 0
    run.expires_at = end_of_day(expires_on, organization.zone)
    run.save()
    for version, count in written.items():
        RunRule.objects.filter(run=run, rule_version_id=version).update(n_proposed=count)
    record_event(
        f"run:{run.pk}",
        "run.computed",
        by=Actor(label="task rotation.compute_run"),
        after={"proposed": proposed, "held_out": run.n_held_out, "digest": run.data_digest, "objective_cents": run.objective_cents},
    )
    facts = {"run": run.pk, "as_of": run.as_of.isoformat(), "proposed": proposed, "value_cents": added["value_cents"]}
    notify(_deciders(), Notice.Kind.RUN_AWAITING, key=f"run:{run.pk}:awaiting", facts=facts)


def cancel_run(run: Run, *, by: Membership) -> Run:
    """Give up a run; its open proposals expire.

    Where no client has moved it is ``cancelled``: the day may be run again, and its draw is void, for a group left
    alone has nothing to be compared with. Where some moves were made it is ``applied``, as an expired review is.

    Raises
    ------
    NotAllowed, WrongState
    """
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração cancela um giro."))
    cancellable = [Run.State.SCHEDULED, Run.State.AWAITING, Run.State.FAILED]
    with transaction.atomic():
        # A run that failed while applying has moved clients already: it is finished, not cancelled.
        rows = Run.objects.filter(pk=run.pk, state__in=cancellable).exclude(state=Run.State.FAILED, failed_in=Run.State.APPLYING)
        locked = rows.select_for_update(no_key=True).first()
        moved = run.proposals.filter(state=Proposal.State.APPLIED).exists()
        if locked is None or not rows.update(state=Run.State.APPLIED if moved else Run.State.CANCELLED):
            run.refresh_from_db()
            raise WrongState(_("Este giro está “%(state)s” e não pode mais ser cancelado.") % {"state": run.get_state_display()})
        expired = expire_open(run)
        if not moved:
            run.holdouts.all().delete()
            run.outcomes.all().delete()
        record_event(f"run:{run.pk}", "run.closed" if moved else "run.cancelled", by=Actor(by), after={"expired": expired})
    run.refresh_from_db()
    return run


def preview(
    definitions: Sequence[Mapping[str, Any] | RuleVersion | RunRule],
    *,
    as_of: date,
    at: datetime | None = None,
    rows: int | None = 200,
) -> Preview:
    """What these rules would propose on that day. Writes nothing.

    Parameters
    ----------
    definitions : versions, published or not, bare definitions, or lines of ``run_rules_for``, in their order
    rows : how many proposals to describe, best first; None for all

    Raises
    ------
    RuleRefused
        A definition is wrong, with its path.
    """
    began = perf_counter()
    at = at or timezone.now()
    organization = Organization.objects.get(pk=active_organization_id())
    rules: list[tuple[EngineRule, int]] = []
    ids, numbers = [], []
    for each in definitions:
        given = each.rule_version if isinstance(each, RunRule) else each
        stored = given if isinstance(given, RuleVersion) else None
        rules.append((check_definition(given.definition if isinstance(given, RuleVersion) else given), stored.pk if stored else 0))
        ids.append(stored.rule_id if stored else 0)
        numbers.append(stored.number if stored else None)
    if not rules:
        raise NoRules(_("Nenhuma regra ativa: crie e publique uma em Regras de giro antes de rodar o giro."))
    sides = sides_of([each for each in definitions if isinstance(each, RunRule)])
    with transaction.atomic():
        take_time()
        computed = compute(organization, rules, rule_ids=ids, as_of=as_of, live=is_live(organization, as_of, at=at), sides=sides)
        described = preview_rows(computed.facts, computed.outcomes, [rule for rule, _ in rules], limit=rows)
    try:
        settings = RotationSettings.objects.first() or RotationSettings()
        check_feed(organization, [rule for rule, _ in rules], settings, at=at)
        warning = ""
    except DomainError as refusal:
        warning = str(refusal)
    return _preview(computed, described, numbers, warning, perf_counter() - began)


def _preview(computed: Computed, rows: list[PreviewRow], numbers: Sequence[int | None], warning: str, total: float) -> Preview:
    added = totals(computed.outcomes)
    return Preview(
        as_of=computed.as_of,
        clients=len(computed.facts.clients),
        digest=computed.digest,
        seconds={**computed.seconds, "write": 0.0, "total": total},
        summary={**computed.summary, "value_cents": added["value_cents"]},
        rules=[
            RulePreview(
                name=rule.name,
                number=number,
                clients=outcome.summary["population"],
                value_cents=outcome.summary["value_cents"],
                **{name: outcome.summary[name] for name in ("flagged", "guarded", "guards", "held_out", "proposed", "unassigned")},
            )
            for (rule, _), outcome, number in zip(computed.rules, computed.outcomes, numbers, strict=True)
        ],
        proposals=rows,
        feed_warning=warning,
        **added,
    )


def _fail(run_id: int, organization_id: int, sentence: str) -> None:
    with tenant_atomic(organization_id):
        moved = Run.objects.filter(pk=run_id, state=Run.State.COMPUTING).update(
            state=Run.State.FAILED, failed_in=Run.State.COMPUTING, error=sentence[:1000]
        )
        if moved:
            record_event(f"run:{run_id}", "run.failed", by=Actor(label="task rotation.compute_run"), reason=sentence[:500])
            admins = Membership.objects.filter(role=Role.ADMIN, is_active=True).values_list("pk", flat=True)
            attempt = Run.objects.values_list("attempts_made", flat=True).get(pk=run_id)
            facts = {"run": run_id, "error": sentence[:300]}
            notify(admins, Notice.Kind.RUN_FAILED, key=f"run:{run_id}:failed:{attempt}", facts=facts)


def _mutex():
    """The organization's row of settings, held until the transaction ends."""
    try:
        with transaction.atomic():
            return rotation_settings(lock=True)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != "55P03":
            raise
        raise RunBusy(_("Outro giro desta empresa está em andamento. Tente de novo em um minuto.")) from error


def take_time() -> None:
    """Let the open transaction last as long as the engine may think."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_timeout = 0")  # a timer that runs keeps its old limit until it is switched off
        for name, value in _TIME_TO_THINK.items():
            cursor.execute(f"SET LOCAL {name} = '{value}'")


def _deciders() -> list[int]:
    return list(Membership.objects.filter(role__in=[Role.ADMIN, Role.MANAGER], is_active=True).values_list("pk", flat=True))
