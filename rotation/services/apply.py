"""From decisions to changes: what applying a run would do, and asking for it. The moves themselves are in moving.py."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.errors import NotAllowed
from accounts.models import Absence, Membership, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services import Actor, record_event
from accounts.tenancy.tasks import send_on_commit
from portfolio.selectors import open_client_counts
from rotation.errors import ConsentMissing, NeedsSecondApprover, NeedsSecondPerson, NothingApproved, WrongState
from rotation.models import Proposal, RotationSettings, RuleVersion, Run
from rotation.selectors.commission import Commission, commissions
from rotation.selectors.facts import is_active_on
from rotation.selectors.receiving import Filled, passed_at_apply
from rotation.services.approval import approved_alone
from rotation.services.moving import APPLY_TASK, Applied, apply_run

__all__ = ["Applied", "ApplySummary", "Missing", "RepresentativeChange", "apply_run", "apply_summary", "approved_within", "request_apply"]


@dataclass(frozen=True)
class RepresentativeChange:
    """What applying would do to one representative's portfolio; money is net of the last 12 months, in cents."""

    representative_id: int
    name: str
    autonomous: bool
    capacity: int
    before: int
    received: int
    given: int
    money_in_cents: int
    money_out_cents: int
    commission: Commission | None = None  # of an autonomous representative whose rate is recorded

    @property
    def after(self) -> int:
        return self.before + self.received - self.given

    @property
    def over_capacity(self) -> bool:
        return self.after > self.capacity and self.received > 0


@dataclass(frozen=True)
class Missing:
    """An autonomous representative without recorded consent, and how many clients would leave."""

    representative_id: int
    name: str
    clients: int


@dataclass(frozen=True)
class Unavailable:
    """A receiver who serves no more, or is away today: what was to go there stays where it is."""

    representative_id: int
    name: str
    absent: bool
    clients: int


@dataclass(frozen=True)
class ApplySummary:
    """What applying the run now would do, as far as this member may apply it; money and changes are of what will move."""

    approved: int
    undecided: int
    out_of_reach: int  # approved, but between representatives this member does not manage
    value_cents: int
    money_cents: int
    changes: list[RepresentativeChange] = field(default_factory=list)
    consent_missing: list[Missing] = field(default_factory=list)
    unavailable: list[Unavailable] = field(default_factory=list)
    conflicts: list[tuple[int, str]] = field(default_factory=list)  # (client id, name): somebody changed the owner since
    told: list[tuple[int, str]] = field(default_factory=list)  # (membership id, name)
    needs_second_approver: bool = False
    passed: list[Filled] = field(default_factory=list)  # ceilings a person's choice of receiver went beyond, capacity in clients apart
    needs_second_person: bool = False  # a rule asks for two, and this member approved what it proposed

    @property
    def warnings(self) -> int:
        said = (self.consent_missing, self.unavailable, self.conflicts, self.passed)
        return sum(len(each) for each in said) + sum(change.over_capacity for change in self.changes)


def approved_within(run: Run, member: Membership) -> tuple[QuerySet[Proposal], list[int] | None]:
    """The approved proposals this member may apply, and the representatives they manage (None: all of them).

    An admin applies everything approved; a manager what moves between two of their own representatives.
    """
    approved = Proposal.objects.filter(run=run, state=Proposal.State.APPROVED)
    if member.role == Role.ADMIN:
        return approved, None
    if member.role != Role.MANAGER:
        return approved.none(), []
    reach = list(representatives_visible_to(member).order_by("pk").values_list("pk", flat=True))
    return approved.filter(from_representative_id__in=reach, to_representative_id__in=reach), reach


def apply_summary(run: Run, *, by: Membership) -> ApplySummary:
    """Totals before and after, warnings, and who will be told; a constant number of queries.

    Changes are ordered by the size of the change, then by name; conflicts are the first 50 by client.
    """
    approved, _reach = approved_within(run, by)
    states = dict(run.proposals.order_by().values_list("state").annotate(n=Count("id")))
    today = local_day(by.organization, at=timezone.now())
    away = Absence.objects.filter(representative=OuterRef("pk"), starts_on__lte=today, ends_on__gt=today)
    ends = (approved.values("from_representative_id"), approved.values("to_representative_id"))
    involved = Representative.objects.filter(Q(pk__in=ends[0]) | Q(pk__in=ends[1])).select_related("membership").order_by("name", "pk")
    people = list(involved.annotate(is_away=Exists(away)))
    closed = [person for person in people if person.is_away or not is_active_on(person, today)]
    wanted = _by(approved, "to_representative_id") if closed else {}

    # What will be found changed, or without a receiver, stays where it is: it is in nobody's numbers. Few were changed, as a rule.
    standing = Q(client__representative_id=F("from_representative_id")) | Q(client__representative=None, from_representative=None)
    changed = list(approved.exclude(standing).order_by("client_id").values_list("pk", "client_id", "client__name"))
    moves = ~Q(pk__in=[row[0] for row in changed]) & ~Q(to_representative__in=[person.pk for person in closed])
    moving = approved.filter(moves)
    money = {name: Coalesce(Sum(column, filter=moves), 0) for name, column in (("value", "value_cents"), ("money", "net_12m_cents"))}
    totals = approved.aggregate(n=Count("id"), **money)
    taken, given_to = _by(moving, "from_representative_id"), _by(moving, "to_representative_id")
    concerned = [person for person in people if person.pk in taken or person.pk in given_to]
    held = open_client_counts([person.pk for person in concerned])
    paid = commissions(concerned, moving, as_of=run.as_of)
    changes = [
        _change(person, held.get(person.pk, 0), given_to.get(person.pk, (0, 0)), taken.get(person.pk, (0, 0)), paid.get(person.pk))
        for person in concerned
    ]
    told = {person.membership.pk: person.membership.name for person in concerned if person.membership and person.membership.is_active}
    return ApplySummary(
        approved=totals["n"],
        undecided=states.get(Proposal.State.PROPOSED, 0),
        out_of_reach=states.get(Proposal.State.APPROVED, 0) - totals["n"],
        value_cents=totals["value"],
        money_cents=totals["money"],
        changes=sorted(changes, key=lambda each: -abs(each.received - each.given)),
        consent_missing=consent_missing(approved),
        unavailable=[
            Unavailable(person.pk, person.name, is_active_on(person, today), wanted[person.pk][0])
            for person in closed
            if person.pk in wanted
        ],
        conflicts=[row[1:] for row in changed[:50]],
        told=sorted(told.items(), key=lambda each: each[1]),
        needs_second_approver=needs_second_approver(run, approved),
        needs_second_person=approved_alone(approved, by),
        passed=passed_at_apply(run, approved),
    )


def _by(moves: QuerySet[Proposal], column: str) -> dict[int | None, tuple[int, int]]:
    """Representative in that column -> how many clients, and their money."""
    rows = moves.order_by().values_list(column).annotate(n=Count("id"), money=Sum("net_12m_cents"))
    return {representative: (n, money) for representative, n, money in rows}


def _change(
    person: Representative, held: int, received: tuple[int, int], given: tuple[int, int], commission: Commission | None
) -> RepresentativeChange:
    return RepresentativeChange(
        representative_id=person.pk,
        name=person.name,
        autonomous=person.contract_type == Representative.Contract.AUTONOMOUS,
        capacity=person.capacity_clients,
        before=held,
        received=received[0],
        given=given[0],
        money_in_cents=received[1],
        money_out_cents=given[1],
        commission=commission,
    )


def consent_missing(approved: QuerySet[Proposal]) -> list[Missing]:
    """Autonomous representatives who would lose clients without having consented, by name; one query."""
    rows = (
        approved.filter(
            caveats__contains=[Proposal.Caveat.AUTONOMOUS],
            from_representative__contract_type=Representative.Contract.AUTONOMOUS,
            from_representative__consent_recorded_on=None,
        )
        .order_by("from_representative__name")
        .values_list("from_representative_id", "from_representative__name")
        .annotate(n=Count("id"))
    )
    return [Missing(*row) for row in rows]


def needs_second_approver(run: Run, approved: QuerySet[Proposal]) -> bool:
    """Above the organization's limit, whether the only approver is who published a rule version of the run."""
    limit = RotationSettings.objects.values_list("second_approver_over", flat=True).first()
    approvers = list(approved.order_by().values_list("decided_by_id").annotate(n=Count("id")))
    if sum(n for _who, n in approvers) <= (500 if limit is None else limit) or len(approvers) != 1:
        return False
    return RuleVersion.objects.filter(runs__run=run, published_by_id=approvers[0][0]).exists()


def _so_far(run: Run) -> dict[str, int]:
    """What earlier applies of the run came to: whoever asks for this one is told of this one."""
    done = run.proposals.order_by().filter(state__in=[Proposal.State.APPLIED, Proposal.State.STALE])
    return dict(done.values_list("state").annotate(n=Count("id")))


def _nothing_to_apply(run: Run, by: Membership) -> str:
    """Who asks a second time, from a page opened before, is told that it was done; anyone else, what to do first."""
    if run.applied_at and run.proposals.filter(state=Proposal.State.APPLIED).exists():
        at = date_format(run.applied_at.astimezone(by.organization.zone), "SHORT_DATETIME_FORMAT")
        return _("As aprovadas deste giro já foram aplicadas em %(at)s; nada mudou agora. Para aplicar outras, aprove-as antes.") % {
            "at": at
        }
    return _("Nenhuma proposta aprovada para aplicar. Aprove ao menos uma antes.")


@transaction.atomic
def request_apply(run: Run, *, by: Membership, at: datetime) -> Run:
    """Put the run into ``applying`` and send the task that moves its approved clients. Asked twice, it happens once.

    A run that failed while applying is resumed. What this member does not manage stays approved for who does.

    Raises
    ------
    NotAllowed
        Only admins, and managers within their reach, apply.
    WrongState
        The run is not in review: it is applying already, was applied, or expired.
    NothingApproved
        No approved proposal is within this member's reach.
    NeedsSecondApprover
        Too many proposals, all approved by who published the rule.
    NeedsSecondPerson
        A rule asks for two people, and ``by`` approved proposals of it.
    ConsentMissing
        Clients would leave autonomous representatives who have not consented; the sentence names them.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER):
        raise NotAllowed(_("Só a administração e a gerência aplicam um giro."))
    run = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    resumable = run.state == Run.State.FAILED and run.failed_in == Run.State.APPLYING
    if run.state != Run.State.AWAITING and not resumable:
        sentence = _("Este giro não está em revisão: %(state)s. A página do giro mostra o andamento e o que já mudou.")
        raise WrongState(sentence % {"state": run.get_state_display()})
    approved, reach = approved_within(run, by)
    approvers = sorted({pk for pk in approved.values_list("decided_by_id", flat=True) if pk})
    if not approved.exists():
        raise NothingApproved(_nothing_to_apply(run, by))
    if needs_second_approver(run, approved):
        raise NeedsSecondApprover(
            _("São muitas propostas, todas aprovadas por quem publicou a regra. Peça que outra pessoa aprove ao menos uma delas.")
        )
    if approved_alone(approved, by):
        raise NeedsSecondPerson(_("A regra pede duas pessoas: quem aprovou não aplica. Peça a outra pessoa que aplique, ou que aprove."))
    missing = consent_missing(approved)
    if missing:
        names = ", ".join(f"{each.name} ({each.clients})" for each in missing)
        raise ConsentMissing(
            ngettext(
                "Falta registrar o aceite de %(names)s: é representante autônomo e perderia clientes.",
                "Falta registrar o aceite de %(names)s: são representantes autônomos e perderiam clientes.",
                len(missing),
            )
            % {"names": names}
        )
    # A scope, and a resumed run's first day, stay as they were asked for.
    on = run.effective_on if resumable and run.effective_on else local_day(by.organization, at=at)
    scope = run.summary.get("apply") if resumable else {"representatives": reach, "before": _so_far(run)}
    moved = Run.objects.filter(pk=run.pk, state=run.state).update(
        state=Run.State.APPLYING,
        summary=run.summary | {"apply": scope or {"representatives": reach, "before": _so_far(run)}},
        approved_by=sorted({*run.approved_by, *approvers}),
        apply_requested_by=by,
        apply_requested_at=at,
        effective_on=on,
        heartbeat_at=at,
        attempts_made=0,
        failed_in="",
        error="",
    )
    assert moved == 1, "the run's state changed under our own lock"
    n = approved.count()
    record_event(
        f"run:{run.pk}",
        "run.apply_requested",
        by=Actor(by),
        before={"state": run.state},
        after={"approved": n, "effective_on": on.isoformat()},
    )
    send_on_commit(APPLY_TASK, run.pk, organization_id=run.organization_id)
    run.refresh_from_db()
    return run
