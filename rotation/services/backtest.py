"""A rule proved on the organization's own past. Reads everything once, computes outside any transaction, may take its time.

``run_backtest`` does all of it at once and writes nothing. ``request_backtest`` keeps the answer for the pages: small ones
are there when it returns, large ones are computed by a task that stores the numbers so far as it goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Organization, Role
from accounts.tenancy import active_organization_id, tenant_atomic
from accounts.tenancy.tasks import send_on_commit
from clients.models import Client
from rotation.engine.backtest import Backtest as Replayed
from rotation.engine.backtest import Cadence, cutoffs_between
from rotation.engine.errors import EngineError
from rotation.engine.forecasting import Forecaster, LiveForecaster
from rotation.engine.judging import FlagColumns
from rotation.engine.past import Past
from rotation.engine.replay import digest, uses_probabilities
from rotation.engine.rules import Rule as EngineRule
from rotation.errors import BadSpan, HistoryTooShort, WrongState
from rotation.models import Backtest, Rule
from rotation.packing import pack_flags
from rotation.refusals import refused
from rotation.selectors.facts import RunFacts, day_number, run_facts
from rotation.selectors.past import orders_known_until, past_of
from rotation.services.rules import check_definition
from rotation.services.runs import take_time

SCHEMA = "carteira.backtest/1"
# Clients times cut-offs times what each costs: below this a page answers at once, about a second of one processor. Two versions beside
# each other over two years of 5,000 clients are 1,050,000 and 0.6 s.
AT_ONCE = 1_100_000
MODEL_COSTS = 10  # as much as ten looks without a model
TELL_FIRST, TELL_EVERY = 0.5, 1.5  # seconds until the first numbers are stored, and between two
SILENT_FOR = timedelta(minutes=6)  # longer than a task may live: whoever computed it is gone
KEPT_FOR = timedelta(days=90)
EDITED_KEPT = 20  # proofs a person made of one draft while editing
MAX_CUTOFFS = 1_000

Progress = Callable[[int, int, Callable[[], dict[str, Any]]], None]


@dataclass(frozen=True)
class Span:
    """The days of the cut-offs, the first and the last of what may be chosen, and how far the orders are known."""

    first: date
    last: date
    cadence: Cadence
    known_until: date


def span_of(
    organization: Organization,
    rules: list[EngineRule],
    *,
    at: datetime,
    first: date | None = None,
    last: date | None = None,
    months: int = 12,
    cadence: Cadence = "week",
) -> Span:
    """The span asked for, cut to the days there are orders for; one query.

    Parameters
    ----------
    first, last : without them, the last ``months`` months whose outcomes are known, and the open days up to now

    Raises
    ------
    BadSpan
        The days are in the wrong order, later than the orders, or too many.
    HistoryTooShort
        No cut-off's horizon has closed; the sentence says from when a proof is possible.
    """
    known = orders_known_until(organization, at=at)
    if known is None:
        raise HistoryTooShort(_("Ainda não há pedidos. Importe o histórico de pedidos e prove a regra em seguida."))
    begin, until = known
    horizon = timedelta(days=max(rule.value.horizon_days for rule in rules))
    last = min(last or until, until)
    first = first or _months_before(min(last, until - horizon), months)
    if first > last:
        day = date_format(until, "SHORT_DATE_FORMAT")
        raise BadSpan(_("O começo do período vem depois do fim, ou depois do último pedido conhecido (%(day)s).") % {"day": day})
    first = max(first, begin)
    if first + horizon > until:
        possible = begin + timedelta(days=organization.inactive_days) + horizon
        text = _(
            "A história ainda é curta: há pedidos de %(begin)s a %(until)s, e a regra espera %(horizon)s dias para ver o que aconteceu. "
            "Escolha um começo anterior ou volte a partir de %(possible)s."
        )
        days = {name: date_format(day, "SHORT_DATE_FORMAT") for name, day in (("begin", begin), ("until", until), ("possible", possible))}
        raise HistoryTooShort(text % {**days, "horizon": horizon.days})
    if len(cutoffs_between(first, last, cadence)) > MAX_CUTOFFS:
        raise BadSpan(
            _("O período é longo demais: são mais de %(most)s datas. Escolha datas mensais ou um período menor.") % {"most": MAX_CUTOFFS}
        )
    return Span(first, last, cadence, until)


def run_backtest(
    definition: Mapping[str, Any],
    *,
    against: Mapping[str, Any] | None = None,
    at: datetime,
    first: date | None = None,
    last: date | None = None,
    months: int = 12,
    cadence: Cadence = "week",
    progress: Progress | None = None,
    exact: bool = False,
) -> dict[str, Any]:
    """Prove a definition, saved or not, on the acting organization's past. Writes nothing.

    Parameters
    ----------
    against : another definition replayed on the same cut-offs and compared with the first
    exact : chances as a run of each day would have had them, a fit a cut-off; otherwise one fit serves thirteen weeks
    progress : called after each cut-off with how many are done, of how many, and a function that gives the numbers so far

    Returns
    -------
    dict
        Plain JSON: ``Backtest.result`` of the engine with the days asked about, ``against`` and ``compared``.

    Raises
    ------
    RuleRefused, BadSpan, HistoryTooShort
    """
    rules = [check_definition(each) for each in (definition, against) if each is not None]
    organization = Organization.objects.get(pk=active_organization_id())
    span = span_of(organization, rules, at=at, first=first, last=last, months=months, cadence=cadence)
    with transaction.atomic():
        take_time()
        read = _read(organization, rules, span)
    return _compute(rules, span, read, progress, exact=exact).result


@transaction.atomic
def request_backtest(
    definition: Mapping[str, Any],
    *,
    by: Membership,
    at: datetime,
    months: int = 12,
    cadence: Cadence = "week",
    rule: Rule | None = None,
    label: str = "",
    against: Mapping[str, Any] | None = None,
    against_label: str = "",
    replaces: bool = False,
) -> Backtest:
    """The proof of a definition, found again if nothing it rests on changed, computed at once, or sent to be computed.

    ``replaces``: asked for while somebody edits. What the same person asked of the rule before and is still being computed
    is given up, and of proofs of unsaved states only the last ``EDITED_KEPT`` stay.

    Raises
    ------
    RuleRefused, BadSpan, HistoryTooShort
    """
    rules = [check_definition(each) for each in (definition, against) if each is not None]
    organization = Organization.objects.get(pk=active_organization_id())
    span = span_of(organization, rules, at=at, months=months, cadence=cadence)
    Backtest.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    asked: dict[str, Any] = {
        "definition_hash": rules[0].hash,
        "against_hash": rules[1].hash if against is not None else "",
        "from_on": span.first,
        "to_on": span.last,
        "cadence": cadence,
    }
    at_work = Backtest.objects.filter(**asked, state__in=[Backtest.State.WAITING, Backtest.State.COMPUTING])
    # a worker that died leaves its row behind: it is computed anew
    at_work.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=at - SILENT_FOR)).update(
        state=Backtest.State.FAILED, error=_("O cálculo parou.")
    )
    if found := at_work.first():
        return found
    if replaces and rule is not None:
        _give_up(rule, by, label)
    row = Backtest(
        organization=organization,
        rule=rule,
        definition=dict(rules[0].definition),
        label=label[:60],
        against=dict(rules[1].definition) if against is not None else None,
        against_label=against_label[:60],
        requested_by=by,
        heartbeat_at=at,
        total=len(cutoffs_between(span.first, span.last, cadence)),
        **asked,
    )
    if _cost(rules, row.total) > AT_ONCE:
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            return at_work.get()  # another person asked in the same moment
        send_on_commit("rotation.tasks.compute_backtest", row.pk, organization_id=organization.pk)
        return row
    take_time()
    read = _read(organization, rules, span)
    row.data_digest = read.digest
    if same := _same_as(row):
        return same
    proof = _compute(rules, span, read, None)
    row.result, row.flags = proof.result, pack_flags(proof.flags)
    row.state, row.done, row.computed_at = Backtest.State.DONE, row.total, at
    row.save()
    return row


def compute_backtest(backtest_id: int, organization_id: int, *, at: datetime | None = None) -> Backtest:
    """Compute a requested proof, storing the numbers so far as it goes. Opens its own transactions; may run twice.

    A refusal is kept in the row, where its page shows it.
    """
    at = at or timezone.now()
    with tenant_atomic(organization_id):
        claimed = Backtest.objects.filter(pk=backtest_id, state__in=[Backtest.State.WAITING, Backtest.State.COMPUTING])
        if not claimed.update(state=Backtest.State.COMPUTING, heartbeat_at=timezone.now()):
            return Backtest.objects.get(pk=backtest_id)
        row = Backtest.objects.get(pk=backtest_id)
        organization = Organization.objects.get(pk=organization_id)
    told = monotonic() + TELL_FIRST - TELL_EVERY

    def tell(done: int, total: int, so_far: Callable[[], dict[str, Any]]) -> None:
        nonlocal told
        if monotonic() - told < TELL_EVERY or done == total:
            return
        numbers = so_far()
        with tenant_atomic(organization_id):
            if not _at_work(backtest_id).update(done=done, total=total, result=numbers, heartbeat_at=timezone.now()):
                raise _Superseded
        told = monotonic()

    try:
        rules = [check_definition(each) for each in (row.definition, row.against) if each is not None]
        with tenant_atomic(organization_id):
            take_time()
            span = span_of(organization, rules, at=at, first=row.from_on, last=row.to_on, cadence=row.cadence)  # type: ignore[arg-type]
            read = _read(organization, rules, span)
            row.data_digest = read.digest
            same = _same_as(row)
        if same is None:
            proof = _compute(rules, span, read, tell)
        result, packed = (same.result, same.flags) if same else (proof.result, pack_flags(proof.flags))
    except _Superseded:
        pass
    except Exception as error:
        with tenant_atomic(organization_id):
            sentence = (
                str(error)
                if isinstance(error, DomainError)
                else _("O cálculo falhou; tente de novo. (%(name)s)") % {"name": type(error).__name__}
            )
            _at_work(backtest_id).update(state=Backtest.State.FAILED, error=sentence[:1000])
        if not isinstance(error, DomainError):
            raise
    else:
        with tenant_atomic(organization_id):
            _at_work(backtest_id).update(
                state=Backtest.State.DONE,
                done=row.total,
                result=result,
                flags=packed,
                data_digest=row.data_digest,
                computed_at=timezone.now(),
            )
    with tenant_atomic(organization_id):
        return Backtest.objects.get(pk=backtest_id)


def cancel_backtest(row: Backtest, *, by: Membership) -> Backtest:
    """Give up a proof that is waited for; the worker stops at its next word. Whoever may ask for one may give it up.

    Raises
    ------
    NotAllowed
    WrongState
        It is done, or was given up before.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só a administração e a gerência provam regras."))
    at_work = Backtest.objects.filter(pk=row.pk, state__in=[Backtest.State.WAITING, Backtest.State.COMPUTING])
    if not at_work.update(
        state=Backtest.State.FAILED, error=_("Teste cancelado por %(name)s.") % {"name": by.name}, computed_at=timezone.now()
    ):
        raise WrongState(_("Este teste já terminou."))
    row.refresh_from_db()
    return row


class _Superseded(Exception):
    """Nobody waits for this proof any more."""


@dataclass(frozen=True, eq=False)
class _Read:
    """All that a back-test computes from."""

    facts: RunFacts
    past: Past
    digest: str


def _read(organization: Organization, rules: list[EngineRule], span: Span) -> _Read:
    # guards whose past is known are replayed from their own dates, the others not at all: none is read as it stands today
    unguarded = [replace(rule, guards=()) for rule in rules]
    try:
        facts = run_facts(organization, unguarded, as_of=span.known_until, live=False)
    except EngineError as error:
        raise refused(error) from error
    past = past_of(organization, facts, until=span.known_until)
    return _Read(facts, past, digest(past, facts.clients, facts.representatives))


@dataclass(frozen=True, eq=False)
class _Proof:
    """The numbers as plain JSON, and every flag they are made of."""

    result: dict[str, Any]
    flags: FlagColumns


def _compute(rules: list[EngineRule], span: Span, read: _Read, progress: Progress | None, *, exact: bool = False) -> _Proof:
    cutoffs = cutoffs_between(span.first, span.last, span.cadence)
    model = any(uses_probabilities(rule) for rule in rules)
    forecaster = LiveForecaster if exact else Forecaster
    try:
        test = Replayed(
            rules,
            read.past,
            read.facts.clients,
            read.facts.representatives,
            cutoffs,
            known_until=day_number(span.known_until),
            predictor=forecaster(read.past, read.facts.clients.inactive_days) if model else None,
        )

        def so_far(whole: bool = False) -> dict[str, Any]:
            return {
                "schema": SCHEMA,
                "from": span.first.isoformat(),
                "to": span.last.isoformat(),
                "cadence": span.cadence,
                "known_until": span.known_until.isoformat(),
                **test.result(0, whole=whole),
                "against": test.result(1, whole=whole) if len(rules) > 1 else None,
                "compared": test.compared() if len(rules) > 1 else None,
            }

        while test.step():
            if progress:
                progress(test.done, len(cutoffs), so_far)
        return _Proof(so_far(whole=True), test.flag_columns())
    except EngineError as error:
        raise refused(error) from error


def kept_backtest(definition_hash: str, against_hash: str, *, rule: Rule, since: datetime) -> Backtest | None:
    """The latest proof of this definition beside that one, asked for since that instant; one query."""
    asked = {"rule": rule, "definition_hash": definition_hash, "against_hash": against_hash}
    return Backtest.objects.filter(**asked, created_at__gte=since).order_by("-created_at").first()


def _give_up(rule: Rule, by: Membership, label: str) -> None:
    own = Backtest.objects.filter(rule=rule, requested_by=by, label=label)
    at_work = own.filter(state__in=[Backtest.State.WAITING, Backtest.State.COMPUTING])
    at_work.update(state=Backtest.State.FAILED, error=_("Uma edição mais nova tomou o lugar deste teste."))
    kept = own.order_by("-created_at").values("pk")[:EDITED_KEPT]
    own.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def _cost(rules: list[EngineRule], cutoffs: int) -> int:
    each = sum(MODEL_COSTS if uses_probabilities(rule) else 1 for rule in rules)
    return Client.objects.count() * cutoffs * each


def _same_as(row: Backtest) -> Backtest | None:
    """A finished proof of the same definitions over the same days and the same data."""
    same = {name: getattr(row, name) for name in ("definition_hash", "against_hash", "from_on", "to_on", "cadence", "data_digest")}
    # one from before flags were kept is computed again
    return Backtest.objects.filter(**same, state=Backtest.State.DONE, flags__isnull=False).order_by("-created_at").first()


def _at_work(backtest_id: int):
    return Backtest.objects.filter(pk=backtest_id, state=Backtest.State.COMPUTING)


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))
